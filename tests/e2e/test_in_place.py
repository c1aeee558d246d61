#!/usr/bin/env python3
"""Ranks replaced in place on the local engine: the processes of good ranks go on through the loss of
a node and through a crash of the control plane, new ones take the place of the lost, and the job is
told. With a job that does not bear it, all start again."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, wait_for  # noqa: E402

CLIENTS = str(pathlib.Path(__file__).resolve().parents[2] / "clients/python")

# Steps until it is told to end by a file; says so when the group is formed anew.
WORKS = f"""
import os, pathlib, sys, time
sys.path.insert(0, {CLIENTS!r})
import millwright
attempt, step = millwright.attempt(), 0
print("begins in attempt", attempt, flush=True)
while not pathlib.Path("end").exists():
    step += 1
    millwright.report(step=step)
    if millwright.attempt() != attempt:
        attempt = millwright.attempt()
        print("goes on in attempt", attempt, flush=True)
    time.sleep(0.05)
print("ends", flush=True)
"""


class InPlace(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=[f"n{i}:1" for i in range(5)])
        self.plane.start()
        self.addCleanup(self.plane.close)
        policy = self.plane.home / "faults.yaml"
        policy.write_text("name: test\nrules: [{code: test.bad, do: quarantine}]\n")
        self.plane.mw("faults", "policy", "set", str(policy))

    def submit(self, in_place):
        job = self.plane.submit({
            "name": "works", "command": [sys.executable, "-c", WORKS], "tasks": 3, "grace": "1s",
            "resources": {"accelerators": 1, "cpus": 0}, "restart": {"in_place": in_place}})
        self.runs(job, 1)
        return job

    def runs(self, job, attempt):
        def there():
            view = self.plane.job(job)
            return (view["state"] == "running" and view["attempt"]["number"] == attempt
                    and len(self.plane.task_processes(job)) == 3)
        wait_for(f"attempt {attempt} to run", there)

    def nodes(self, job):
        return [node["name"] for node in self.plane.job(job)["attempt"]["nodes"]]

    def log(self, job, rank):
        return self.plane.mw("job", "logs", str(job), "--rank", str(rank)).stdout.splitlines()

    def kinds(self, job):
        events = self.plane.get(f"/v1/events?job={job}&limit=1000")["events"]
        return [event["kind"] for event in events]

    def test_good_ranks_go_on_through_losses_and_a_crash(self):
        job = self.submit(True)
        nodes, before = self.nodes(job), self.plane.task_processes(job)
        self.plane.mw("faults", "post", "test.bad", "--node", nodes[1])
        self.runs(job, 2)
        after = self.plane.task_processes(job)
        self.assertEqual((after[0], after[2]), (before[0], before[2]), "the same processes")
        self.assertNotEqual(after[1], before[1])
        self.assertEqual((self.nodes(job)[0], self.nodes(job)[2]), (nodes[0], nodes[2]))
        wait_for("the others to hear of it",
                 lambda: "goes on in attempt 2" in self.log(job, 0) + self.log(job, 2))
        begun = wait_for("the new one to say so", lambda: self.log(job, 1))
        self.assertEqual(begun[0], "begins in attempt 2")
        wait_for("the node to be out of service",
                 lambda: self.plane.get(f"/v1/nodes/{nodes[1]}")["phase"] == "quarantined")
        # A control plane that comes after a crash knows whose processes they are.
        self.plane.kill()
        self.plane.start()
        self.runs(job, 2)
        self.assertEqual(self.plane.task_processes(job), after)
        # And once more: of the rank that was new, and of one that was there from the beginning.
        self.plane.mw("faults", "post", "test.bad", "--node", self.nodes(job)[2])
        self.runs(job, 3)
        last = self.plane.task_processes(job)
        self.assertEqual((last[0], last[1]), (after[0], after[1]))
        self.assertNotEqual(last[2], after[2])
        (self.plane.home / "end").touch()
        view = self.plane.wait_job(job)
        self.assertEqual((view["state"], view["attempts"], view["restarts"]), ("succeeded", 3, 0))
        self.assertEqual(self.log(job, 0)[0], "begins in attempt 1", "its output is all there")
        self.assertEqual(self.log(job, 0)[-1], "ends")
        self.assertEqual(self.kinds(job).count("ranks_leaving"), 2)
        self.assertNotIn("attempt_stopping", self.kinds(job))
        told = self.plane.mw("job", "show", str(job)).stdout
        self.assertIn("the others go on", told)
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def test_without_a_replacement_and_without_the_jobs_word_all_start_again(self):
        job = self.submit(False)
        before = self.plane.task_processes(job)
        self.plane.mw("faults", "post", "test.bad", "--node", self.nodes(job)[0])
        self.runs(job, 2)
        after = self.plane.task_processes(job)
        self.assertEqual(set(sum(before.values(), [])) & set(sum(after.values(), [])), set())
        self.assertNotIn("ranks_leaving", self.kinds(job))
        (self.plane.home / "end").touch()
        self.plane.wait_job(job, ["succeeded"])


if __name__ == "__main__":
    unittest.main()
