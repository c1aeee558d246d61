#!/usr/bin/python3
"""Batch scripts as people write them mean the same to our sbatch as to Slurm's own: scripts modelled
on public ones (scripts/*.sh, each says which) are handed to the real sbatch of a cluster, held, and
what `scontrol show job` says of them is compared with what `mw slurm show` says, field by field.

The same scripts are shown to `sbatch --test-only`, which says what Slurm would give: so many CPUs on so many
nodes of a partition.

The cluster has a controller and no slurmd: nothing is started, so there may be as many nodes, types
of GPUs, partitions and features as the scripts name. They are cloud nodes, which Slurm takes for powered
down and not for dead."""

import json
import os
import pathlib
import pwd
import re
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import control_plane  # noqa: E402
import slurm_cluster  # noqa: E402

SCRIPTS = pathlib.Path(__file__).resolve().parent / "scripts"
TYPES = ("a100", "v100", "h100")
PARTITIONS = ("gputest", "gpu", "train", "fast", "normal", "standard-g", "boost_usr_prod", "defq", "common",
              "hlab", "compute", "gpuA40x4", "PGR-Standard")
FEATURES = "gpu,cpu,v100-32g,scratch,projects"
NODES = 64
CPUS = 128  # of a node
# What scontrol says of a job that did not ask.
UNSAID = {"Account": "(null)", "Partition": "main", "Comment": None, "Features": "(null)",
          "TimeLimit": "UNLIMITED", "MinMemoryNode": "0", "TresPerNode": None, "TresPerTask": None,
          "TresPerJob": None, "ArrayTaskId": None, "Nice": "0", "Requeue": "0"}


class Controller(slurm_cluster.SlurmCluster):
    """Only what judges a submission: munged and slurmctld."""

    def _write_configuration(self, ports, slurmd_timeout):
        super()._write_configuration(ports, slurmd_timeout)
        etc = self.dir / "etc"
        gres = ["AutoDetect=off"]
        for i, kind in enumerate(TYPES):
            for device in range(8):
                os.mknod(self.dir / f"gpus/{kind}{device}", 0o600 | stat.S_IFCHR, os.makedev(240, 8 * i + device))
            gres.append(f"Name=gpu Type={kind} File={self.dir}/gpus/{kind}[0-7]")
        (etc / "gres.conf").write_text("\n".join(gres) + "\n")
        kinds = ",".join(f"gpu:{kind}:8" for kind in TYPES)
        kept = [line for line in (etc / "slurm.conf").read_text().splitlines()
                if not line.startswith(("NodeName=", "PartitionName=debug", "TopologyPlugin", "SlurmdTimeout"))]
        kept.insert(-1, f"NodeName=n[01-{NODES}] NodeAddr=127.0.0.1 Port={ports[1]} CPUs={CPUS} Sockets=2 "
                        f"CoresPerSocket=64 RealMemory=2000000 Gres={kinds} Feature={FEATURES} State=CLOUD")
        kept += ["SlurmdTimeout=600", "Licenses=SCRATCH:1000", "ResumeProgram=/bin/true", "SuspendProgram=/bin/true",
                 "SuspendTime=1000000"]
        kept += [f"PartitionName={name} Nodes=ALL MaxTime=INFINITE State=UP" for name in PARTITIONS]
        (etc / "slurm.conf").write_text("\n".join(kept) + "\n")

    def start(self):
        self.start_munged()
        self.start_slurmctld()


def mebibytes(text):
    """'64G' as scontrol writes it."""
    number, unit = re.fullmatch(r"([\d.]+)([KMGT]?)", text).groups()
    return int(float(number) * {"": 1, "K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}[unit])


def fields_of(text):
    """One line of `scontrol -o show job` as a dict."""
    return dict(part.split("=", 1) for part in re.split(r" (?=[A-Z][\w/:]*=)", text.strip()) if "=" in part)


cluster = None


def setUpModule():
    global cluster
    cluster = slurm_cluster.of_module(lambda: Controller(leaves=(("n01",),)))


class BatchScripts(unittest.TestCase):
    @staticmethod
    def theirs(script):
        job = cluster.run("sbatch", "-H", "--parsable", str(script)).split()[-1]
        return job, fields_of(cluster.run("scontrol", "-o", "show", "job", job).splitlines()[0])

    @staticmethod
    def ours(script):
        done = subprocess.run([control_plane.binary(), "slurm", "show", str(script)], capture_output=True,
                              text=True, timeout=60, cwd="/", check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def compare_what_is_refused(self, theirs, ours, where):
        """What is refused is refused by its name, and only because somebody asked for it."""
        refused = " ".join(ours["Refused"])
        for name, option in (("ReqNodeList", "--nodelist"), ("ExcNodeList", "--exclude"), ("Licenses", "--licenses")):
            self.assertEqual(theirs[name] != "(null)", f"{option} " in refused, f"{name} of {where}, refused: {refused}")
        by_node = theirs["NtasksPerN:B:S:C"].split(":")[0]
        self.assertEqual(str(ours.get("NtasksPerNode", 0)), by_node, where)
        at_once = str(ours.get("ArrayTaskId", "")).partition("%")[2]
        self.assertEqual(at_once or None, theirs.get("ArrayTaskThrottle"), where)
        self.assertEqual(ours.get("Dependency", []), [], "test_what_a_job_waits_for has those")
        self.assertEqual(theirs["Dependency"], "(null)")

    def test_what_a_job_waits_for(self):
        cluster.run("scontrol", "create", "reservation", "ReservationName=later", "StartTime=2035-01-01", "Duration=60",
                    "Users=root", "Nodes=n01")
        with tempfile.TemporaryDirectory() as folder:
            first = pathlib.Path(folder) / "first.sh"
            first.write_text("#!/bin/bash\ntrue\n")
            job, _ = self.theirs(first)
            script = pathlib.Path(folder) / "waits.sh"
            script.write_text(f"#!/bin/bash\n#SBATCH -d afterany:{job} --reservation=later -t 60\n"
                              "#SBATCH -b 2034-12-31T10:00 --deadline=2035-02-01T08:30:15\ntrue\n")
            _, theirs = self.theirs(script)
            ours = self.ours(script)
        self.assertEqual(ours["Refused"], [])
        self.assertEqual(theirs["Dependency"].split("(")[0], ours["Dependency"][0])
        for name in ("Reservation", "StartTime", "Deadline", "TimeLimit"):
            self.assertEqual(ours[name], theirs[name], f"{name} of {theirs}")

    def compare(self, script):
        job, theirs = self.theirs(script)
        ours = self.ours(script)
        where = f"{script.name}: {theirs}"
        for name, unsaid in UNSAID.items():
            if name in ("MinMemoryNode",):
                continue
            said = ours.get(name)
            if name == "Requeue":
                said = said if said is not None else 0  # JobRequeue=0 in this cluster
            if name == "ArrayTaskId" and said is not None:
                said = str(said).split("%")[0]
            self.assertEqual(str(said) if said is not None else unsaid,
                             theirs.get(name, unsaid).split("%")[0] if theirs.get(name, unsaid) else unsaid,
                             f"{name} of {where}")
        self.assertEqual(ours["JobName"], theirs["JobName"], where)
        self.compare_what_is_refused(theirs, ours, where)
        if "-" in theirs["NumNodes"]:  # otherwise nobody said, and it is a guess from the CPUs
            self.assertEqual(ours["NumNodes"], int(theirs["NumNodes"].split("-")[0]), where)
        self.assertEqual(ours["NumTasks"], int(theirs["NumTasks"]), where)
        self.assertEqual(str(ours["CPUs/Task"]), theirs["CPUs/Task"].replace("N/A", "1"), where)
        self.assertEqual(ours["WorkDir"], theirs["WorkDir"], where)
        self.assertEqual(ours["Command"], theirs["Command"], where)
        if "MinMemoryCPU" in ours or "MinMemoryCPU" in theirs:
            self.assertEqual(ours["MinMemoryCPU"], mebibytes(theirs["MinMemoryCPU"]), where)
        else:
            self.assertEqual(ours.get("MinMemoryNode", 0), mebibytes(theirs["MinMemoryNode"]), where)
        self.assertEqual(ours.get("OverSubscribe", "OK"), theirs["OverSubscribe"], where)
        for name in ("StdOut", "StdErr"):
            wanted = ours[name]
            for mark, value in (("%j", job), ("%J", job), ("%A", job), ("%x", ours["JobName"]),
                                ("%u", pwd.getpwuid(os.geteuid()).pw_name)):
                wanted = wanted.replace(mark, value)
            # Of an array as a whole there is no index yet; and "//" is the folder / of this test.
            seen = theirs[name].replace("4294967294", "%a").replace("%J", job).replace("//", "/")
            self.assertEqual(os.path.join(ours["WorkDir"], wanted), seen, where)

    def compare_what_it_would_get(self, script):
        said = cluster.run("sbatch", "--test-only", str(script), check=False)
        found = re.search(r"to start at \S+ using (\d+) processors on nodes (\S+) in partition (\S+)", said)
        self.assertTrue(found, f"{script.name}: {said}")
        cpus, nodes, partition = int(found[1]), cluster.run("scontrol", "show", "hostnames", found[2]).split(), found[3]
        ours = self.ours(script)
        self.assertEqual(ours.get("Partition", "main"), partition, said)
        self.assertEqual(ours["NumNodes"], len(nodes), said)
        # Slurm 22.05 tries what comes with --ntasks-per-gpu as one task; scontrol shows all of them.
        tasks = 1 if "--ntasks-per-gpu" in script.read_text() else ours["NumTasks"]
        wanted = tasks * ours["CPUs/Task"]
        if ours.get("OverSubscribe") == "NO":
            wanted = len(nodes) * CPUS
        self.assertEqual(wanted, cpus, said)

    def of_each_script(self, check):
        scripts = sorted(SCRIPTS.glob("*.sh"))
        self.assertGreaterEqual(len(scripts), 30)
        for script in scripts:
            with self.subTest(script=script.name):
                self.assertRegex(script.read_text().splitlines()[1], r"^# After: https://")
                check(script)

    def test_mean_what_slurm_takes_them_for(self):
        self.of_each_script(self.compare)

    def test_would_get_from_slurm_what_we_read(self):
        self.of_each_script(self.compare_what_it_would_get)


if __name__ == "__main__":
    unittest.main()
