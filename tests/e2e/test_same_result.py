#!/usr/bin/env python3
"""A simulation gives the same result bit for bit in every build: each preset's binary is held
against the digests below, whatever compiler options it was made with. By hand, of any other build:

    MW_BINARY=build/release/mw /usr/bin/python3 tests/e2e/test_same_result.py

Digests change when the brain decides otherwise, or the twin models otherwise. Then look at whether
that was meant, and put in the new ones, which the failing test prints.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BINARY = os.environ["MW_BINARY"]

# Everything that can happen, and far more often than it does.
TROUBLE = """
name: trouble
faults:
  components:
    part: {rate: 200, repair: {median: 20m, mean: 2h}}
    software: {rate: 100, effect: task}
    leaf_switch: {scope: leaf, rate: 40, repair: {median: 1h, mean: 3h}}
"""

# Fleet, workload and days: SHA-256 of jobs.csv, ledger.csv and of what summary.json says.
CASES = {
    ("laptop", "laptop-30d", 10): ("c01882ade089ff01", "1058fa12fcc9a73f", "52f03e1491c4740a"),
    ("dgx-pod", "laptop-30d", 2): ("746e991237854ab0", "a3d8e1e076db50bc", "ec69e063489cf7e7"),
}


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


class SameResult(unittest.TestCase):
    def test_every_build_gives_the_same_bits(self):
        for (fleet, workload, days), expected in CASES.items():
            with self.subTest(fleet=fleet), tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "trouble.yaml").write_text(TROUBLE)
                out = folder / "run"
                subprocess.run([BINARY, "sim", "--fleet", fleet, "--workload", workload,
                                "--days", str(days), "--scenario", folder / "trouble.yaml",
                                "--seed", "3", "--out", out],
                               check=True, capture_output=True, timeout=600)
                summary = json.loads((out / "summary.json").read_text())
                del summary["speed"]  # of this machine
                del summary["setup"]  # where the files are
                self.assertGreater(summary["jobs"]["attempts"], summary["jobs"]["started"],
                                   "nothing failed, so faults were not tested")
                found = (digest((out / "jobs.csv").read_bytes()),
                         digest((out / "ledger.csv").read_bytes()),
                         digest(json.dumps(summary, sort_keys=True).encode()))
                self.assertEqual(found, expected)


if __name__ == "__main__":
    unittest.main()
