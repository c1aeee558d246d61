#!/usr/bin/env python3
"""Questions about the future to a busy control plane: real processes, a real store."""

import json
import pathlib
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane  # noqa: E402


def job(name, script, **more):
    return {"name": name, "script": script, "resources": {"cpus": 0}, **more}


class Forecasts(unittest.TestCase):
    """Two nodes of two; a job on each, and two that wait."""

    @classmethod
    def setUpClass(cls):
        cls.plane = ControlPlane(nodes=["n0:2", "n1:2"])
        cls.plane.start()
        # Something to learn from, and something that has ended for the journal.
        cls.short = [cls.plane.submit(job("short", "sleep 0.2", tasks=2)) for _ in range(4)]
        for number in cls.short:
            cls.plane.wait_job(number, ["succeeded"])
        cls.busy = [cls.plane.submit(job("busy", "sleep 600", tasks=2, time_limit="1h"))
                    for _ in range(2)]
        for number in cls.busy:
            cls.plane.wait_job(number, ["running"])
        cls.waiting = cls.plane.submit(job("waits", "true", tasks=4))

    @classmethod
    def tearDownClass(cls):
        cls.plane.close()

    def ask(self, *arguments, check=True):
        return self.plane.mw(*arguments, check=check)

    def file(self, text):
        path = pathlib.Path(tempfile.mkstemp(suffix=".yaml", dir=self.plane.home)[1])
        path.write_text(textwrap.dedent(text))
        return str(path)

    def test_a_job_that_waits_is_told_when(self):
        answer = json.loads(self.ask("--json", "job", "when", str(self.waiting),
                                     "--seconds", "20").stdout)
        self.assertEqual(answer["job"], self.waiting)
        start = answer["start"]
        self.assertGreaterEqual(start["futures"], 1)
        # Its limits end what runs, so it starts within the hour; both have to end.
        self.assertGreater(start["p10_ns"], answer["asked_at_ns"])
        self.assertLessEqual(start["p10_ns"], start["p90_ns"])
        self.assertLessEqual(start["p90_ns"], answer["asked_at_ns"] + 3600 * 10**9)
        self.assertEqual(sorted(answer["blockers"]["jobs"]), self.busy)
        text = self.ask("job", "when", str(self.waiting)).stdout
        self.assertIn(f"Job {self.waiting} starts in about", text)
        self.assertIn("Now it waits:", text)

    def test_a_job_file_is_tried_and_nothing_is_submitted(self):
        file = self.file("name: new\ncommand: ['true']\nresources: {cpus: 0}\n")
        before = self.plane.get("/v1/jobs")["jobs"][0]["id"]
        answer = json.loads(self.ask("--json", "job", "when", "--dry-run", file).stdout)
        self.assertIsNone(answer["job"])
        self.assertEqual(self.plane.get("/v1/jobs")["jobs"][0]["id"], before)

    def test_what_has_no_forecast_is_said_in_words(self):
        running = self.ask("job", "when", str(self.busy[0]), check=False)
        self.assertEqual(running.returncode, 4)
        self.assertIn("has started already: it is running", running.stderr)
        ended = self.ask("job", "when", str(self.short[0]), check=False)
        self.assertIn("has ended already: it is succeeded", ended.stderr)
        unknown = self.ask("job", "when", "12345", check=False)
        self.assertIn("There is no job 12345", unknown.stderr)

    def test_what_if_compares_and_changes_nothing(self):
        answer = json.loads(self.ask("--json", "what-if", "drain", "n1", "--horizon", "3h",
                                     "--futures", "3", "--seconds", "30").stdout)
        figures = {each["name"]: each for each in answer["figures"]}
        self.assertEqual(figures["jobs_started"]["base_mean"], 1)
        self.assertEqual(figures["jobs_started"]["changed_mean"], 0)
        self.assertEqual(answer["moved"][0]["job"], self.waiting)
        self.assertEqual({node["phase"] for node in self.plane.get("/v1/nodes")["nodes"]},
                         {"ready"})
        text = self.ask("what-if", "add", "laptop", "--futures", "2").stdout
        self.assertIn("wait, mean", text)

    def test_replay_shows_what_was_beside_the_twin(self):
        policy = self.file("name: no-backfill\nbackfill: {reservations: 0}\n")
        answer = json.loads(self.ask("--json", "replay", "--policy", policy).stdout)
        figures = {each["name"]: each for each in answer["figures"]}
        self.assertEqual(answer["policy_other"], "no-backfill")
        self.assertGreaterEqual(answer["inputs"], 7)
        # The same jobs start in the twin as did.
        self.assertEqual(figures["jobs_started"]["real"], 6)
        self.assertEqual(figures["jobs_started"]["then"], 6)
        self.assertIsNone(figures["energy_mwh"]["real"])
        self.assertIn("REALLY", self.ask("replay", "--policy", policy).stdout)


if __name__ == "__main__":
    unittest.main()
