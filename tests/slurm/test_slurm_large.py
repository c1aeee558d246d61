#!/usr/bin/python3
"""A Slurm cluster of more nodes than are listed whole each time: all are known, what becomes of them is
seen by the short list, jobs start there, and nothing is started twice.

The nodes are cloud nodes without slurmd: Slurm gives them to jobs and waits for them to be powered up.
"""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import slurm_cluster  # noqa: E402
from control_plane import ControlPlane, wait_for  # noqa: E402

LEAVES, NODES_A_LEAF = 40, 30
NODES = LEAVES * NODES_A_LEAF
JOBS = 60

cluster = None


class CloudCluster(slurm_cluster.SlurmCluster):
    """munged, slurmctld and slurmrestd."""

    def _write_configuration(self, ports, slurmd_timeout):
        super()._write_configuration(ports, slurmd_timeout)
        etc = self.dir / "etc"
        kept = [line for line in (etc / "slurm.conf").read_text().splitlines()
                if not line.startswith(("NodeName=", "PartitionName=debug", "SlurmdTimeout", "SelectType", "Topology"))]
        kept.insert(-1, f"NodeName=c[1-{NODES}] NodeAddr=127.0.0.1 Port={ports[1]} CPUs=64 RealMemory=20000 "
                        "Gres=gpu:h100:8 State=CLOUD")
        kept += ["SelectType=select/linear", "ResumeProgram=/bin/true", "SuspendProgram=/bin/true", "SlurmdTimeout=0",
                 "SuspendTime=1000000", "ResumeTimeout=60000", "ResumeRate=0", "PrivateData=cloud", "TreeWidth=65533"]
        (etc / "slurm.conf").write_text("\n".join(kept) + "\n")
        # For Millwright alone.
        first = 1 - NODES_A_LEAF
        (etc / "topology.conf").write_text("".join(
            f"SwitchName=leaf{i} Nodes=c[{first + NODES_A_LEAF * i}-{NODES_A_LEAF * i}]\n" for i in range(1, LEAVES + 1)))

    def start(self):
        self.start_munged()
        self.start_slurmctld()
        self.start_rest()


def setUpModule():
    global cluster
    cluster = slurm_cluster.of_module(lambda: CloudCluster(leaves=(("c1",),)))


class LargeCluster(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(user=slurm_cluster.REST_USER)
        self.plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-partition", "main",
                             "--slurm-topology", str(cluster.dir / "etc/topology.conf")]
        self.plane.environment.update(SLURM_CONF=cluster.environment["SLURM_CONF"])
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.addCleanup(cluster.cancel_all)

    def node(self, name):
        return self.plane.get(f"/v1/nodes/{name}")

    def started(self):
        return [job for job in cluster.jobs("CF,R") if "-mw" in job["name"]]

    def test_nodes_are_known_and_followed_and_jobs_start_once(self):
        self.assertEqual(self.plane.get("/v1/nodes?limit=1")["count"], NODES)
        cluster.run("scontrol", "update", "NodeName=c[7,9]", "State=DRAIN", "Reason=fan | disk")
        wait_for("c7 to drain", lambda: self.node("c7")["phase"] == "draining")
        self.assertEqual((self.node("c9")["reason"], self.node("c9")["by"]), ("fan | disk (root)", "slurm"))
        cluster.run("scontrol", "update", "NodeName=c7", "State=RESUME")
        wait_for("c7 to be ready", lambda: self.node("c7")["phase"] == "ready")

        jobs = [{"name": "many", "command": ["true"], "workdir": "/tmp",
                 "resources": {"accelerators": 8, "cpus": 1}} for _ in range(JOBS)]
        self.plane.post("/v1/jobs/batch", json.dumps({"jobs": jobs}))
        wait_for("all to have their nodes", lambda: len(self.started()) == JOBS)
        nodes = {job["nodes"] for job in self.started()}
        self.assertEqual(len(nodes), JOBS)
        self.assertNotIn("c9", nodes)

        cluster.run("scontrol", "update", "NodeName=c9", "State=RESUME")
        self.plane.kill()
        self.plane.start()
        wait_for("c9 to be ready", lambda: self.node("c9")["phase"] == "ready")
        self.assertEqual({job["nodes"] for job in self.started()}, nodes)
        self.assertEqual(len(cluster.jobs("PD,CF,R")), JOBS)
        self.assertEqual(self.plane.get("/v1/nodes?limit=1")["count"], NODES)


if __name__ == "__main__":
    unittest.main()
