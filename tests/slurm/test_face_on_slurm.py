#!/usr/bin/python3
"""Our sbatch and srun where a real Slurm starts the ranks: the same script, whichever engine there is."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import control_plane  # noqa: E402
import slurm_cluster  # noqa: E402

cluster = None


def setUpModule():
    global cluster
    cluster = slurm_cluster.of_module(slurm_cluster.SlurmCluster)


class FaceOnSlurm(unittest.TestCase):
    def setUp(self):
        self.plane = control_plane.ControlPlane(user=slurm_cluster.REST_USER)
        self.plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-partition", "main"]
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mw-face-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        shutil.chown(self.folder, slurm_cluster.REST_USER, slurm_cluster.REST_USER)
        control_plane.wait_for("nodes", lambda: self.plane.get("/v1/nodes")["nodes"])

    def sbatch(self, *options):
        command = [control_plane.binary(), "slurm", "sbatch", "--parsable", *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                                   "MILLWRIGHT_HOME": str(self.plane.home)}, **self.plane._as_user())

    def test_nodes_that_are_several_machines_are_not_for_one_job(self):
        self.addCleanup(cluster.run, "scontrol", "update", "NodeName=n2", "NodeAddr=127.0.0.1")
        cluster.run("scontrol", "update", "NodeName=n2", "NodeAddr=127.0.0.2")
        control_plane.wait_for("that to be seen", lambda: self.plane.get("/v1/server")["several_machines"])
        refused = self.sbatch("-N", "2", "--gpus-per-node=1", "--wrap=true")
        self.assertEqual(refused.returncode, 1, refused)
        self.assertIn("a job over several nodes is not supported by this command here", refused.stderr)
        self.assertEqual(self.plane.get("/v1/jobs")["jobs"], [])
        done = self.sbatch("-N", "1", "--gpus-per-node=1", "--wait", "--wrap=srun hostname")
        self.assertEqual(done.returncode, 0, done)

    def test_a_script_with_steps(self):
        body = ("srun -l bash -c 'echo $SLURM_PROCID/$SLURM_NTASKS on $MILLWRIGHT_NODE with $CUDA_VISIBLE_DEVICES'; "
                "srun --gpus-per-task=1 bash -c 'echo one: $MILLWRIGHT_NODE $CUDA_VISIBLE_DEVICES'; exit 3")
        done = self.sbatch("--wait", "-N", "2", "--ntasks-per-node=2", "--gpus-per-node=2", "--wrap", body)
        out = "".join(path.read_text() for path in self.folder.glob("slurm-*.out"))
        # This engine knows attempts as a whole; the code is the script's all the same.
        self.assertEqual(done.returncode, 3, f"{done}\n{out}")
        lines = sorted(line for line in out.splitlines() if "/" in line)
        self.assertEqual([line.split(" on ")[0] for line in lines], ["0: 0/4", "1: 1/4", "2: 2/4", "3: 3/4"], out)
        nodes = [line.split(" on ")[1].split(" ")[0] for line in lines]
        self.assertEqual((nodes[0], nodes[2]), (nodes[1], nodes[3]), out)
        self.assertNotEqual(nodes[0], nodes[2], out)
        # A task sees all GPUs of the job on its node, or those that its step asked for.
        self.assertEqual({len(line.split(" with ")[1].split(",")) for line in lines}, {2}, out)
        ones = sorted(line for line in out.splitlines() if line.startswith("one: "))
        self.assertEqual((len(ones), len(set(ones)), {len(line.split()[2].split(",")) for line in ones}),
                         (4, 4, {1}), out)


if __name__ == "__main__":
    unittest.main()
