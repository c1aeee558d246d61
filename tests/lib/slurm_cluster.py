#!/usr/bin/python3
"""A small real Slurm on one machine: munged, slurmctld, a slurmd for each of a few nodes, and two
slurmrestd (a unix socket, and a port with tokens), all in one temporary folder on free ports.

Several slurmd share the machine: each has its name by `-N` and a port of its own. slurmd starts a
slurmstepd for each step that outlives it on purpose, so nothing that merely ends the daemons ends
the jobs. own_namespace() therefore puts the whole test into a PID namespace: when the test ends,
however, the kernel ends everything below it.

By hand, until Ctrl-C:  sudo tests/lib/slurm_cluster.py [NODES]
"""

import contextlib
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from control_plane import processes_with

PROGRAMS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "slurmrestd": "slurmrestd",
            "munged": "munge", "scontrol": "slurm-client"}
PLUGINS = {"topology_tree.so": "slurm-wlm-basic-plugins", "job_submit_lua.so": "slurm-wlm-basic-plugins",
            "auth_jwt.so": "slurm-wlm-jwt-plugin"}
# slurmrestd refuses to be root and to be SlurmUser; people are people. All are in every Debian.
REST_USER = "www-data"
USERS = ("games", "news")
NAMESPACE_MARK = "MW_SLURM_TEST_NAMESPACE"
PR_SET_PDEATHSIG = 1
# Without it slurmrestd also loads what asks slurmdbd, and ends when there is none.
REST_PLUGIN = ("-s", "openapi/v0.0.38")

SLURM_CONF = """\
ClusterName=lab
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={dir}/run/munge.sock
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={dir}/etc/jwt.key
CredType=cred/munge
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool/%n
SlurmctldPidFile={dir}/run/slurmctld.pid
SlurmdPidFile={dir}/run/slurmd.%n.pid
SlurmctldLogFile={dir}/log/slurmctld.log
SlurmdLogFile={dir}/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
TopologyPlugin=topology/tree
SlurmdParameters=config_overrides
GresTypes=gpu
MailProg=/bin/true
RebootProgram={dir}/etc/reboot
ResumeTimeout=60
SlurmctldTimeout=30
MessageTimeout=5
SlurmdTimeout={slurmd_timeout}
InactiveLimit=0
MinJobAge=300
KillWait=5
JobRequeue=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
{more}
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=debug Nodes={first} MaxTime=INFINITE State=UP OverSubscribe=NO
"""
NODE = ("NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=64 Sockets=2 "
        "CoresPerSocket=32 ThreadsPerCore=1 RealMemory=20000 Gres=gpu:h100:8 Feature=fast "
        "State=UNKNOWN")
PARTITION = "PartitionName={name} Nodes=ALL MaxTime=INFINITE State=UP OverSubscribe=NO"
RULE = pathlib.Path(__file__).resolve().parents[2] / "examples/slurm/job_submit.lua"


def why_not():
    """Why no cluster can be made here; empty: it can."""
    if os.geteuid() != 0:
        return "a cluster that starts processes as their users needs root"
    folder = "/usr/lib/x86_64-linux-gnu/slurm-wlm/"
    missing = {package for name, package in PROGRAMS.items()
               if not shutil.which(name, path=with_sbin(os.environ)["PATH"])}
    missing |= {package for name, package in PLUGINS.items() if not os.path.exists(folder + name)}
    if missing:
        return f"packages are missing: {' '.join(sorted(missing))}"
    alone = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True)
    if alone.returncode != 0:
        return f"processes cannot be kept apart here: {alone.stderr.strip()}"
    binary = os.environ.get("MW_BINARY")
    if binary and subprocess.run(["setpriv", "--reuid", REST_USER, "--regid", REST_USER, "--clear-groups",
                                  "test", "-x", binary], capture_output=True).returncode != 0:
        return f"user {REST_USER} cannot run {binary}: it lies in a folder of somebody's own"
    return ""


def with_sbin(environment):
    return dict(environment, PATH=environment.get("PATH", "/usr/bin:/bin") + ":/usr/sbin")


def own_namespace():
    """Starts this program again as the first process of a PID namespace. Call before anything."""
    if os.environ.get(NAMESPACE_MARK) == "1":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # to the first process it is nothing
        return
    os.environ[NAMESPACE_MARK] = "1"
    os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, *sys.orig_argv[1:]])


def of_module(make):
    """For setUpModule: the running cluster that `make` makes, closed after the module's last test. Where
    none can be made all of the module's tests are skipped."""
    if problem := why_not():
        raise unittest.SkipTest(problem)
    own_namespace()
    cluster = make()
    unittest.addModuleCleanup(cluster.close)
    cluster.start()
    return cluster


def free_ports(count):
    """Free at this moment, and all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def poll(what, condition, seconds=30.0, every=0.05):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up after {seconds:g} s waiting for {what}")
        time.sleep(every)
    return value


class SlurmCluster:
    """`leaves`: the nodes below each leaf switch, in the order of topology.conf. `adopted`: partitions of
    all nodes, whose jobs the rule that comes with Millwright hands over."""

    def __init__(self, leaves=(("n1", "n4", "n6"), ("n2", "n3", "n5")), slurmd_timeout=5, adopted=()):
        self.leaves = leaves
        self.adopted = adopted
        self.nodes = sorted(name for leaf in leaves for name in leaf)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mw-slurm-"))
        self.dir.chmod(0o755)
        self.daemons = {}
        ports = free_ports(len(self.nodes) + 2)
        self.rest_port = ports.pop()
        self.socket = self.dir / "rest/slurmrestd.sock"
        self.environment = with_sbin(dict(os.environ, SLURM_CONF=str(self.dir / "etc/slurm.conf")))
        self._write_configuration(ports, slurmd_timeout)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def _write_configuration(self, ports, slurmd_timeout):
        for name in ("etc", "state", "log", "run", "rest", "gpus"):
            (self.dir / name).mkdir()
        for name in self.nodes:
            (self.dir / "spool" / name).mkdir(parents=True)
        for device in range(8):
            # Of a number that no driver has: Slurm only wants to see devices.
            os.mknod(self.dir / f"gpus/gpu{device}", 0o600 | stat.S_IFCHR, os.makedev(240, device))
        rest = pwd.getpwnam(REST_USER)
        os.chown(self.dir / "rest", rest.pw_uid, rest.pw_gid)
        etc = self.dir / "etc"
        for name, size in (("munge.key", 128), ("jwt.key", 32)):
            (etc / name).write_bytes(os.urandom(size))
            (etc / name).chmod(0o600)
        nodes = [NODE.format(name=name, port=port) for name, port in zip(self.nodes, ports[1:])]
        nodes += [PARTITION.format(name=name) for name in self.adopted]
        if self.adopted:
            names = ", ".join(f'"{name}"' for name in self.adopted)
            (etc / "job_submit.lua").write_text(RULE.read_text().replace('{ "gpu" }', "{ " + names + " }"))
        (etc / "slurm.conf").write_text(SLURM_CONF.format(
            dir=self.dir, ctld_port=ports[0], slurmd_timeout=slurmd_timeout,
            nodes="\n".join(nodes), first=self.nodes[0],
            more="JobSubmitPlugins=lua" if self.adopted else ""))
        (etc / "gres.conf").write_text(
            f"AutoDetect=off\nName=gpu Type=h100 File={self.dir}/gpus/gpu[0-7]\n")
        (etc / "reboot").write_text(f"#!/bin/sh\necho rebooted >> {self.dir}/log/reboots\n")
        (etc / "reboot").chmod(0o755)
        switches = [f"SwitchName=leaf{i} Nodes={','.join(leaf)}"
                    for i, leaf in enumerate(self.leaves)]
        spine = ",".join(f"leaf{i}" for i in range(len(self.leaves)))
        (etc / "topology.conf").write_text("\n".join([*switches, f"SwitchName=spine Switches={spine}"])
                                           + "\n")

    # --- daemons ----------------------------------------------------------------------------

    def spawn(self, name, *command, user=None, **environment):
        def begin():
            os.setsid()
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        with open(self.dir / f"log/{name}.out", "ab") as log:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                env=dict(self.environment, **environment), user=user, group=user and pwd.getpwnam(
                    user).pw_gid, extra_groups=[] if user else None, preexec_fn=begin)
        return self.daemons[name]

    def start_munged(self):
        d = self.dir
        self.spawn("munged", "munged", "--foreground", "--force", f"--key-file={d}/etc/munge.key",
                   f"--socket={d}/run/munge.sock", f"--pid-file={d}/run/munged.pid",
                   f"--log-file={d}/log/munged.log", f"--seed-file={d}/run/munge.seed")
        poll("munged to listen", (d / "run/munge.sock").exists)

    def start(self):
        self.start_munged()
        self.start_slurmctld()
        for name in self.nodes:
            self.start_slurmd(name)
        self.start_rest()
        self.wait_idle()

    def start_slurmctld(self):
        self.spawn("slurmctld", "slurmctld", "-D")
        poll("slurmctld to answer", lambda: "UP" in self.run("scontrol", "ping", check=False))

    def start_slurmd(self, node, *options):
        self.spawn("slurmd." + node, "slurmd", "-D", "-N", node, *options)

    def boot(self, node):
        """As after a reboot: whoever is there is gone, and slurmd says that the machine has just started."""
        self.kill("slurmd." + node)
        self.start_slurmd(node, "-b")

    def reboots(self):
        """How often Slurm has had a node rebooted: the machine of them all stays up."""
        log = self.dir / "log/reboots"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def start_rest(self):
        self.socket.unlink(missing_ok=True)
        self.spawn("slurmrestd", "slurmrestd", *REST_PLUGIN, "-a", "rest_auth/local", f"unix:{self.socket}",
                   user=REST_USER)
        self.spawn("slurmrestd.jwt", "slurmrestd", *REST_PLUGIN, "-a", "rest_auth/jwt",
                   f"127.0.0.1:{self.rest_port}", user=REST_USER, SLURM_JWT="daemon")
        poll("slurmrestd to listen", lambda: self.socket.exists() and self._port_answers())
        self.socket.chmod(0o666)

    def _port_answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.rest_port)) == 0

    def wait_idle(self, nodes=None):
        wanted = set(nodes or self.nodes)

        def idle():
            lines = self.run("sinfo", "-h", "-p", "main", "-N", "-o", "%N %T", check=False).split("\n")
            return wanted <= {line.split()[0] for line in lines if line.endswith(" idle")}

        poll("nodes to be idle", idle, 60)

    def kill(self, name):
        """As a crash would, and waits for its end."""
        process = self.daemons.pop(name)
        process.kill()
        process.wait()

    def close(self):
        for name in [name for name in self.daemons if name != "munged"]:
            self.kill(name)
        for pid in self.strays():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if "munged" in self.daemons:
            self.kill("munged")
        poll("what ran under Slurm to end", lambda: not self.strays(), 20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def strays(self):
        """slurmstepd and tasks that outlived their daemons: they carry our configuration's path."""
        ours = {process.pid for process in self.daemons.values()}
        return [pid for pid in processes_with(self.dir) if pid not in ours]

    # --- its own commands -------------------------------------------------------------------

    def run(self, *command, check=True, user=None):
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, check=False, cwd="/", user=user)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if not check else "")

    def jobs(self, states="all"):
        """What squeue shows: a dict a job."""
        keys = ("id", "name", "user", "state", "nodes", "reason", "comment", "start")
        text = self.run("squeue", "-h", "-t", states, "-o", "%A|%j|%u|%T|%N|%r|%k|%S")
        return [dict(zip(keys, line.split("|"))) for line in text.splitlines()]

    def cancel_all(self):
        jobs = {job["id"] for job in self.jobs("PENDING,RUNNING,SUSPENDED,CONFIGURING")}
        if jobs:
            self.run("scancel", *jobs, check=False)
        poll("Slurm to be empty", lambda: not self.jobs("PENDING,RUNNING,COMPLETING"), 60)

    def token(self, user):
        return self.run("scontrol", "token", f"username={user}").strip().split("=", 1)[1]


def main():
    own_namespace()
    if problem := why_not():
        sys.exit(problem)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    names = [f"n{i + 1:0{len(str(count))}}" for i in range(count)]
    half = (count + 1) // 2
    with SlurmCluster([leaf for leaf in (names[:half], names[half:]) if leaf]) as cluster:
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}\n"
              f"socket {cluster.socket}\ntokens http://127.0.0.1:{cluster.rest_port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
