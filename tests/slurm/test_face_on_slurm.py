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

PROBLEM = slurm_cluster.why_not()

cluster = None


def setUpModule():
    global cluster
    if PROBLEM:
        return
    slurm_cluster.own_namespace()
    cluster = slurm_cluster.SlurmCluster()
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


@unittest.skipIf(PROBLEM, PROBLEM)
class FaceOnSlurm(unittest.TestCase):
    def test_a_script_with_steps(self):
        plane = control_plane.ControlPlane(user=slurm_cluster.REST_USER)
        plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-partition", "main"]
        plane.start()
        self.addCleanup(plane.close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="mw-face-"))
        self.addCleanup(shutil.rmtree, folder, True)
        shutil.chown(folder, slurm_cluster.REST_USER, slurm_cluster.REST_USER)
        control_plane.wait_for("nodes", lambda: plane.get("/v1/nodes")["nodes"])
        command = [control_plane.binary(), "slurm", "sbatch", "--parsable", "--wait", "-N", "2", "--gpus-per-node=2",
                   "--wrap", "srun -l bash -c 'echo $SLURM_PROCID/$SLURM_NTASKS on $MILLWRIGHT_NODE'; exit 3"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "MILLWRIGHT_HOME": str(plane.home)},
                              **plane._as_user())
        out = "".join(path.read_text() for path in folder.glob("slurm-*.out"))
        story = plane.get(f"/v1/jobs/{done.stdout.strip()}/story")["events"]
        self.assertEqual(done.returncode, 3, f"{done}\n{story}")
        lines = sorted(out.splitlines())
        self.assertEqual([line.split(" on ")[0] for line in lines], ["0: 0/2", "1: 1/2"], out)
        self.assertEqual(len({line.split(" on ")[1] for line in lines}), 2, out)


if __name__ == "__main__":
    unittest.main()
