#!/usr/bin/env python3
"""The commands in the guides do what the guides say."""

import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Documentation(unittest.TestCase):
    def check(self, document):
        run = subprocess.run([sys.executable, HERE / "run_docs.py", ROOT / document],
                             capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_first_job(self):
        self.check("docs/guide/first-job.md")

    def test_fleet(self):
        self.check("docs/fleet.md")

    def test_slurm_commands(self):
        self.check("docs/slurm-commands.md")

    def test_policy(self):
        self.check("docs/policy.md")

    def test_http_api(self):
        self.check("docs/guide/http-api.md")

    def test_the_runner_sees_a_difference(self):
        wrong = HERE / "wrong.md"
        run = subprocess.run([sys.executable, HERE / "run_docs.py", wrong],
                             capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(run.returncode, 1)
        self.assertIn("wrong.md:4", run.stderr)
        self.assertIn("wrong.md:6", run.stderr)
        self.assertNotIn("wrong.md:8", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
