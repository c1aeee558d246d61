#!/usr/bin/env python3
"""The jobs in examples/ under a real control plane: each runs as its file says, and the gangs
survive the death of a rank, going on from the checkpoint that they were handed."""

import json
import os
import pathlib
import signal
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
from control_plane import ControlPlane, wait_for  # noqa: E402


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plane = ControlPlane(nodes=["n0:4"])
        cls.plane.start()

    @classmethod
    def tearDownClass(cls):
        cls.plane.close()

    def submit(self, name, *more):
        checkpoints = f"CHECKPOINT_DIR={self.plane.home / 'checkpoints'}"
        (self.plane.home / "checkpoints").mkdir(exist_ok=True)
        out = self.plane.mw("submit", str(ROOT / "examples" / name), "--json", "--cpus", "0",
                            "--env", checkpoints, *more).stdout
        return json.loads(out)["job"]

    def kill_a_rank_after_a_checkpoint(self, job):
        """Kills rank 1 once a checkpoint is known, and returns that checkpoint's step."""
        saved = wait_for("a checkpoint", lambda: self.plane.job(job)["checkpoint"], 240)
        for pid in self.plane.task_processes(job)[1]:
            os.kill(pid, signal.SIGKILL)
        return saved["step"]

    def log(self, job, *more):
        return self.plane.mw("job", "logs", str(job), *more).stdout

    def test_hello(self):
        job = self.submit("hello.yaml")
        self.assertEqual(self.plane.wait_job(job)["state"], "succeeded")
        self.assertEqual(self.log(job), f"hello from job {job}, attempt 1, on n0\n")

    def test_array(self):
        # A sanitized `mw report` alone needs more memory than the example allows its tasks.
        sanitized = os.environ.get("MW_SANITIZED") == "1"
        first = self.submit("array.yaml", *(["--memory", "2GiB"] if sanitized else []))
        for index in range(12):
            view = self.plane.wait_job(first + index, seconds=120)
            self.assertEqual((view["state"], view["array_index"]), ("succeeded", index))
            self.assertEqual(view["progress"]["step"], 5)
        self.assertIn("trial 11 of 12: learning rate", self.log(first + 11))

    def test_gang_in_c_survives_a_killed_rank(self):
        job = self.submit("gang.yaml")
        step = self.kill_a_rank_after_a_checkpoint(job)
        view = self.plane.wait_job(job, seconds=240)
        self.assertEqual((view["state"], view["attempts"], view["restarts"]), ("succeeded", 2, 1))
        log = self.log(job)
        self.assertRegex(log, r"rank 0 continues from step \d+\n")
        self.assertGreaterEqual(int(log.split("continues from step ")[1].split()[0]), step)
        self.assertIn("pi = 3.141592653590 after 100 steps of 2 ranks", log)

    def test_charlm_survives_a_killed_rank(self):
        job = self.submit("charlm/job.yaml", "--", "/usr/bin/python3", "train.py", "--steps", "60",
                          "--checkpoint-every", "10")
        step = self.kill_a_rank_after_a_checkpoint(job)
        view = self.plane.wait_job(job, seconds=600)
        self.assertEqual((view["state"], view["attempts"], view["restarts"]), ("succeeded", 2, 1))
        self.assertEqual(view["progress"]["step"], 60)
        self.assertEqual(view["checkpoint"]["step"], 60)
        self.assertLess(view["progress"]["loss"], 4.0)
        log = self.log(job)
        self.assertRegex(log, r"from step [1-9]\d* to 60\n")
        self.assertGreaterEqual(int(log.split("from step ")[1].split()[0]), step)
        self.assertIn("the model now writes:", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
