"""A real slurmctld with thousands of nodes on one machine, and its end.

No slurmd runs: the nodes are "cloud" nodes, which Slurm allocates at once and waits for to be
powered up (ResumeProgram does nothing, and the wait is long). So what is measured is what Slurm
decides, and nothing is ever launched. Everything lives in one temporary folder; munged and
slurmctld run in the foreground as children of this process and are killed by the kernel if it dies.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# What somebody who tunes Slurm for throughput sets: a submit does not schedule by itself (defer);
# the main scheduler goes on for up to 8 s over as many jobs as wait; backfill looks at all of them,
# lets go of the locks seldom, and keeps its map of the future coarse.
TUNED = {
    "defer": None,
    "sched_min_interval": 500_000,
    "sched_interval": 5,
    "batch_sched_delay": 1,
    "default_queue_depth": 20_000,
    "partition_job_depth": 0,
    "sched_max_job_start": 0,
    "max_sched_time": 8,
    "max_rpc_cnt": 150,
    "bf_continue": None,
    "bf_max_job_test": 20_000,
    "bf_max_job_user": 0,
    "bf_resolution": 600,
    "bf_window": 2880,
    "bf_yield_interval": 1_000_000,
    "bf_yield_sleep": 100_000,
}

JEMALLOC = pathlib.Path("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")


class Trouble(Exception):
    """Something that the person at the keyboard has to know; without a stack trace."""


def missing_packages(more=None):
    """`more`: a dict of what else has to be there, by path; instead of what building a client takes."""
    client = {"/usr/include/slurm/slurm.h": "libslurm-dev"}
    wanted = {"/usr/sbin/slurmctld": "slurmctld", "/usr/bin/scontrol": "slurm-client",
              "/usr/lib/x86_64-linux-gnu/slurm-wlm/topology_tree.so": "slurm-wlm-basic-plugins",
              "/usr/sbin/munged": "munge", str(JEMALLOC): "libjemalloc2",
              **(client if more is None else more)}
    return [package for path, package in wanted.items() if not os.path.exists(path)]


def install(packages):
    """With apt-get, as root. Debian starts the services of what it installs unless a policy says
    no; nobody here wants them."""
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    try:
        if ours:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        subprocess.run(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "install",
                        "--no-install-recommends", *packages],
                       env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"), check=True,
                       stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble(f"installing did not work: {error}") from error
    finally:
        if ours:
            policy.unlink(missing_ok=True)


def version():
    return subprocess.run(["slurmctld", "-V"], stdout=subprocess.PIPE, text=True, check=False,
                          env=with_sbin(os.environ)).stdout.strip()


def with_sbin(environment):
    return dict(environment, PATH=environment.get("PATH", "/usr/bin:/bin") + ":/usr/sbin")


def ranges(indexes):
    """Slurm's way to write node names: [0, 1, 2, 7] -> "n[0-2,7]"."""
    parts = []
    for index in sorted(indexes):
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return "n[" + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts) + "]"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """In a child: no signals of our terminal, and SIGKILL when this process ends however."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Cluster:
    """`partitioned`: one partition for each spine besides the one over all nodes."""

    def __init__(self, fleet, backfill_seconds, partitioned=False):
        self.fleet = fleet
        self.partitioned = partitioned
        self.backfill_seconds = backfill_seconds
        self.processes = []
        self.client = None
        self.folder = None
        # The state is in memory: Slurm's writing of it is no part of what is compared.
        self.state = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The client first, then slurmctld, then what it authenticates with.
        if self.client is not None:
            self.client.close()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for folder in (self.folder, self.state):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    # --- starting -------------------------------------------------------------------------------

    def start(self):
        environment = self.start_daemons()  # which makes the folder
        self.client = Client(self.folder, environment)

    def start_daemons(self):
        """munged and slurmctld; the environment for Slurm's commands."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mw-peer-slurm-"))
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="mw-peer-slurm-", dir=memory))
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        self.write_configuration()
        environment = dict(with_sbin(os.environ), SLURM_CONF=str(self.folder / "slurm.conf"))
        self.spawn(["munged", "--foreground", "--force",
                    f"--key-file={self.folder}/munge.key", f"--socket={self.folder}/munge.sock",
                    f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
                    f"--seed-file={self.folder}/munge.seed", "--num-threads=4"], environment)
        self.wait_for("munged", lambda: (self.folder / "munge.sock").exists())
        self.spawn(["slurmctld", "-D", "-f", f"{self.folder}/slurm.conf"],
                   dict(environment, LD_PRELOAD=str(JEMALLOC)))
        self.wait_for("slurmctld", lambda: subprocess.run(
            ["sinfo", "--noheader", "--format=%D"], env=environment, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0)
        return environment

    def spawn(self, arguments, environment):
        log = open(self.folder / f"{arguments[0]}.out", "wb")
        self.processes.append(subprocess.Popen(  # pylint: disable=consider-using-with
            arguments, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent))
        log.close()

    def wait_for(self, what, condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.processes[-1].poll() is not None or time.monotonic() > deadline:
                said = (self.folder / f"{what}.out").read_text(errors="replace")[-2000:]
                raise Trouble(f"{what} did not come up:\n{said}")
            time.sleep(0.02)

    # --- the configuration ----------------------------------------------------------------------

    def write_configuration(self):
        fleet, nodes = self.fleet, self.fleet.nodes
        scheduler = dict(TUNED, bf_interval=10, bf_max_time=self.backfill_seconds)
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", str(os.geteuid()))
        lines = {
            "ClusterName": "peer",
            "SlurmctldHost": "localhost(127.0.0.1)",
            "SlurmctldPort": free_port(),
            "SlurmUser": user,
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.folder}/munge.sock",
            "CredType": "cred/munge",
            "StateSaveLocation": self.state,
            "SlurmctldPidFile": self.folder / "slurmctld.pid",
            "SlurmctldLogFile": self.folder / "slurmctld.log",
            "SlurmctldDebug": "info",
            "SlurmdSpoolDir": self.folder / "spool",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "SwitchType": "switch/none",
            "MpiDefault": "none",
            "JobAcctGatherType": "jobacct_gather/none",
            "AccountingStorageType": "accounting_storage/none",
            "JobCompType": "jobcomp/none",
            "PriorityType": "priority/basic",
            "MailProg": "/bin/true",
            # One pool, chosen by GPU, near in the fabric: what our own placement does.
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core",
            "GresTypes": "gpu",
            "TopologyPlugin": "topology/tree",
            "SchedulerType": "sched/backfill",
            "SchedulerParameters": ",".join(
                key if value is None else f"{key}={value}" for key, value in scheduler.items()),
            # Nodes that are powered up by a program that does nothing, and are never there.
            "ResumeProgram": "/bin/true",
            "SuspendProgram": "/bin/true",
            "ResumeRate": 0,
            "SuspendRate": 0,
            "ResumeTimeout": 65_000,
            "SuspendTime": 10_000_000,
            "SuspendTimeout": 5,
            "SlurmdTimeout": 0,
            "InactiveLimit": 0,
            "MessageTimeout": 100,
            "MinJobAge": 3600,
            "MaxJobCount": 300_000,
            "PrivateData": "cloud",
            "ReturnToService": 2,
            "TreeWidth": 65_533,
        }
        text = "".join(f"{key}={value}\n" for key, value in lines.items())
        text += (f"NodeName=n[0-{nodes - 1}] CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=1"
                 f" RealMemory=2000000 Gres=gpu:{fleet.accelerators} NodeAddr=127.0.0.1"
                 f" Port={free_port()} State=CLOUD\n")
        partition = "MaxTime=INFINITE State=UP OverSubscribe=NO"
        text += f"PartitionName=main Nodes=ALL Default=YES {partition}\n"
        if self.partitioned:
            for spine in range(fleet.spines()):
                text += (f"PartitionName=part{spine} Nodes={ranges(fleet.nodes_of_spine(spine))}"
                         f" {partition}\n")
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("AutoDetect=off\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        topology = "".join(f"SwitchName=leaf{leaf} Nodes={ranges(fleet.nodes_of_leaf(leaf))}\n"
                           for leaf in range(fleet.leaves()))
        for spine in range(fleet.spines()):
            first, last = fleet.leaves_of_spine(spine)
            topology += f"SwitchName=spine{spine} Switches=leaf[{first}-{last}]\n"
        topology += f"SwitchName=core Switches=spine[0-{fleet.spines() - 1}]\n"
        (self.folder / "topology.conf").write_text(topology)


class Client:
    """slurm_client.c, built in the cluster's folder: a line in, a line of JSON out."""

    def __init__(self, folder, environment):
        source = pathlib.Path(__file__).with_name("slurm_client.c")
        program = folder / "slurm_client"
        built = subprocess.run(["cc", "-O2", "-o", program, source, "-lslurm"], check=False,
                               stderr=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise Trouble(f"{source} could not be built:\n{built.stderr}")
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Trouble(f"the client of Slurm ended at: {words[0]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Trouble(f"Slurm, {' '.join(str(word)[:40] for word in words)}: {answer['error']}")
        return answer

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
