#!/usr/bin/env python3
"""Jobs survive what breaks: a rank killed, a rank that hangs, a job that fails wherever it runs told
from a node on which jobs fail, a slow rank. On the local engine, as people would see it."""

import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, wait_for  # noqa: E402

CLIENTS = str(pathlib.Path(__file__).resolve().parents[2] / "clients/python")

POLICY = """
name: test
silence: 2s
silence_intervals: 10
crash_loops: {failures: 3, over: 0s, node_jobs: 2, node_within: 1h}
stragglers: {ranks_min: 8, slower: 3%, deviations: 5, rounds: 2}
rules:
  - {code: job.hung, do: restart_job}
  - {code: node.crash_loop, do: quarantine}
  - {code: node.slow_rank, do: watch}
"""

# Saves once a step; the first attempt goes on until somebody ends it.
TRAINS = f"""
import os, sys, time
sys.path.insert(0, {CLIENTS!r})
import millwright
begun = millwright.resume()
step = begun[1] if begun else 0
print("from", step, flush=True)
while step < (1000 if not begun else begun[1] + 3):
    step += 1
    millwright.report(step=step)
    if millwright.rank() == 0:
        millwright.checkpoint_saved("/tmp/none", step)
        millwright.flush()
    time.sleep(0.05)
"""
# Reports briskly, and in its first attempt falls silent.
HANGS = f"""
import os, sys, time
sys.path.insert(0, {CLIENTS!r})
import millwright
for step in range(8):
    millwright.report(step=step)
    millwright.flush()
time.sleep(0 if os.environ["MILLWRIGHT_ATTEMPT"] == "2" else 1000)
"""
# Each rank tells of 25 steps at a time; the sixth is slower.
SLOW = f"""
import os, sys, time
sys.path.insert(0, {CLIENTS!r})
import millwright
slow = 1.05 if millwright.rank() == 5 else 1.0
for round in range(1000):
    for step in range(25):
        millwright.step_time(slow * (1 + 0.0001 * (step % 7)))
    millwright.flush()
    time.sleep(0.1)
"""


class Survival(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=["n0:4", "n1:4", "n2:4"])
        self.plane.start()
        self.addCleanup(self.plane.close)
        file = self.plane.home / "faults.yaml"
        file.write_text(POLICY)
        self.plane.mw("faults", "policy", "set", str(file))

    def submit(self, name, command, **more):
        return self.plane.submit({"name": name, "command": command, "resources": {"cpus": 0},
                                  "grace": "1s", **more})

    def nodes_of(self, job):
        attempt = self.plane.job(job)["attempt"]
        return [node["name"] for node in attempt["nodes"]] if attempt else []

    def story(self, job):
        return self.plane.mw("job", "show", str(job)).stdout

    def verify(self):
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def test_a_killed_rank_costs_one_restart_from_the_checkpoint(self):
        job = self.submit("trains", [sys.executable, "-c", TRAINS], tasks=2,
                          restart={"limit": 3, "delay": "10ms"})
        wait_for("a checkpoint", lambda: (self.plane.job(job)["checkpoint"] or {}).get("step"))
        wait_for("both ranks", lambda: len(self.plane.task_processes(job)) == 2)
        nodes = self.nodes_of(job)
        os.kill(self.plane.task_processes(job)[1][-1], signal.SIGKILL)
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual(self.plane.job(job)["restarts"], 1)
        self.assertRegex(self.plane.mw("job", "logs", str(job)).stdout, r"from [1-9]")
        self.assertIn(nodes[0], self.story(job))
        self.verify()

    def test_a_job_that_fails_everywhere_is_told_from_a_node_on_which_jobs_fail(self):
        again = {"limit": 100, "delay": "10ms"}
        job = self.submit("broken", ["/bin/sh", "-c", "exit 3"], restart=again)
        self.plane.wait_job(job, ["failed"])
        self.assertEqual(self.plane.job(job)["attempts"], 3)
        why = self.plane.get(f"/v1/jobs/{job}/why")
        self.assertEqual(why["reason"]["kind"], "crash_loop_found")
        self.assertIn("the job is broken, not a node", self.plane.mw("job", "why", str(job)).stdout)
        for node in ("n0", "n1", "n2"):
            self.assertEqual(self.plane.get(f"/v1/nodes/{node}")["phase"], "ready")
        # On one node everything fails.
        bad = 'test "$MILLWRIGHT_NODE" != n0'
        for node in ("n1", "n2"):
            self.plane.mw("node", "drain", node, "--reason", "for the test")
        first = self.submit("one", ["/bin/sh", "-c", bad], restart=again)
        wait_for("it to fail twice", lambda: self.plane.job(first)["attempts"] >= 2)
        for node in ("n1", "n2"):
            self.plane.mw("node", "resume", node)
        self.plane.wait_job(first, ["succeeded"])
        self.assertEqual(self.plane.get("/v1/nodes/n0")["phase"], "ready", "one job proves nothing")
        second = self.submit("two", ["/bin/sh", "-c", bad], restart=again)
        self.plane.wait_job(second, ["succeeded"])
        wait_for("the node to be out of service",
                 lambda: self.plane.get("/v1/nodes/n0")["phase"] == "quarantined")
        self.assertIn("different jobs failed there", self.plane.mw("faults", "list").stdout)
        self.verify()

    def test_a_silent_rank_starts_again_and_a_quiet_job_is_left_alone(self):
        quiet = self.submit("quiet", ["/bin/sleep", "1000"])
        job = self.submit("hangs", [sys.executable, "-c", HANGS], restart={"delay": "10ms"})
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual(self.plane.job(job)["restarts"], 1)
        self.assertEqual(self.plane.job(quiet)["state"], "running")
        self.verify()

    def test_a_slow_rank_is_found_and_its_node_watched(self):
        job = self.submit("slow", [sys.executable, "-c", SLOW], tasks=8)
        wait_for("the ranks to run", lambda: self.plane.job(job)["state"] == "running")
        slow = [node["name"] for node in self.plane.job(job)["attempt"]["nodes"]
                if node["first_rank"] <= 5 < node["first_rank"] + node["tasks"]][0]
        wait_for("the node to be suspect",
                 lambda: self.plane.get(f"/v1/nodes/{slow}")["phase"] == "suspect")
        ranks = self.plane.job(job)["ranks"]
        self.assertEqual((ranks["compared"], ranks["slowest"]), (8, 5))
        self.assertAlmostEqual(ranks["slowest_step_s"] / ranks["step_median_s"], 1.05, places=3)
        self.assertIn("rank 5 of job", self.plane.mw("faults", "list", "--node", slow).stdout)
        self.verify()


if __name__ == "__main__":
    unittest.main()
