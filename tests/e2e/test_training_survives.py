#!/usr/bin/env python3
"""A real training job (examples/charlm) lives through what breaks under it: a fault told of its
node, a rank that is killed, a rank that hangs, and an Xid in the kernel log that an agent reads.
Under the faults policy that Millwright begins with, given programs for what is done to nodes.
Each time the right thing is done, the loss goes on from the checkpoint, and the incident tells
what was."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
from control_plane import ControlPlane, binary, wait_for  # noqa: E402

XID_79 = ("Nov 30 10:41:07 {node} kernel: [12345.678901] NVRM: Xid (PCI:0000:3b:00): 79, "
          "pid=1234, GPU has fallen off the bus.\n")
HOOKS = """
hooks:
  reset_accelerator: {command: [/bin/sh, HOOK], timeout: 60s, environment: {LOG: "HOOKLOG"}}
  reboot: {command: [/bin/sh, HOOK], timeout: 60s, environment: {LOG: "HOOKLOG"}}
"""
RANKS = 2
PATIENCE_S = 300   # of a machine that does much else at the same time


class TrainingSurvives(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=[f"n{i}:1" for i in range(4)])
        self.plane.start()
        self.addCleanup(self.plane.close)
        (self.plane.home / "checkpoints").mkdir()
        self.hook_log = self.plane.home / "hook.log"
        self.set_policy()
        self.job = json.loads(self.plane.mw(
            "submit", str(ROOT / "examples/charlm/job.yaml"), "--json", "--cpus", "0",
            "--restart-limit", "10", "--env", f"CHECKPOINT_DIR={self.plane.home / 'checkpoints'}",
            "--", "/usr/bin/python3", "train.py", "--steps", "100000", "--checkpoint-every", "3",
            "--report-every", "1").stdout)["job"]

    def set_policy(self):
        """The default one, with programs, and impatient with the silent."""
        hook = self.plane.home / "hook.sh"
        hook.write_text('echo "$MILLWRIGHT_NODE $MILLWRIGHT_ACTION $MILLWRIGHT_FAULT" >> "$LOG"\n')
        text = self.plane.mw("faults", "policy", "show", "default").stdout
        hooks = HOOKS.replace("HOOKLOG", str(self.hook_log)).replace("HOOK", str(hook))
        for key, value in (("silence", "8s"), ("silence_intervals", "3")):
            text, count = re.subn(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
            self.assertEqual(count, 1, key)
        text, count = re.subn(r"(?m)^hooks: \{\}$", lambda _: hooks, text)
        self.assertEqual(count, 1, "hooks")
        file = self.plane.home / "faults.yaml"
        file.write_text(text)
        self.plane.mw("faults", "policy", "set", str(file))

    def saved(self):
        return (self.plane.job(self.job)["checkpoint"] or {}).get("step", 0)

    def trains(self, attempt):
        """Waits until this attempt has saved, and is well known to report."""
        def reached():
            job = self.plane.job(self.job)
            return (job["state"] == "running" and job["attempt"]["number"] == attempt
                    and self.saved() >= begun + 9)
        begun = self.saved()
        wait_for(f"attempt {attempt} to train", reached, PATIENCE_S)
        wait_for("both ranks", lambda: len(self.ranks()) == RANKS)

    def ranks(self):
        return self.plane.task_processes(self.job)

    def nodes(self):
        return [node["name"] for node in self.plane.job(self.job)["attempt"]["nodes"]]

    def incident(self, number):
        """The one of that number, from the first, once it is over."""
        def over():
            found = self.plane.get_history("/v1/incidents")["incidents"]
            found.sort(key=lambda each: each["incident"])
            return (found[number] if len(found) > number and found[number]["ended_at_ns"] else None)
        return wait_for(f"the end of incident {number}", over, PATIENCE_S)

    def losses(self, attempt):
        """The step that it began from, and the loss of each step that it has told."""
        text = self.plane.mw("job", "logs", str(self.job), "--attempt", str(attempt)).stdout
        begun = int(re.search(r"from step (\d+) to", text)[1])
        return begun, {int(step): float(loss)
                       for step, loss in re.findall(r"step (\d+)/\d+  loss ([\d.]+)", text)}

    def check_curve(self, attempt, checkpoint):
        """It went on where the last checkpoint was, with the losses of the first time."""
        before, after = self.losses(attempt - 1)[1], self.losses(attempt)
        self.assertGreaterEqual(after[0], checkpoint)
        steps = sorted(after[1])
        self.assertEqual(steps, list(range(after[0] + 1, after[0] + 1 + len(steps))))
        for step in set(before) & set(steps):
            self.assertAlmostEqual(before[step], after[1][step], places=3)
        last = before.get(after[0])
        self.assertIsNotNone(last, "the checkpoint's step was told before")
        self.assertLess(abs(after[1][steps[0]] - last), 0.5, "the loss does not jump")

    def check_incident(self, number, **expected):
        incident = self.incident(number)
        self.assertEqual({key: incident[key] for key in expected}, expected)
        self.assertEqual(incident["jobs_hit"], 1)
        self.assertLessEqual(incident["begun_at_ns"], incident["acted_at_ns"])
        self.assertLessEqual(incident["acted_at_ns"], incident["ended_at_ns"])
        whole = json.loads(self.plane.mw("incident", "show", str(incident["incident"]),
                                         "--json").stdout)
        hit = whole["jobs"]
        self.assertEqual([each["job"] for each in hit], [self.job])
        self.assertLessEqual(hit[0]["stopped_at_ns"], hit[0]["ended_at_ns"])
        self.assertLess(hit[0]["ended_at_ns"], hit[0]["running_at_ns"])
        self.assertAlmostEqual(hit[0]["lost_work_accelerator_s"],
                               incident["lost_work_accelerator_s"])
        kinds = [event["kind"] for event in whole["events"]]
        self.assertIn("attempt_ended", kinds)
        # It is over with what came last: the job runs again, or the node is back.
        back = incident["back_at_ns"] or 0
        last = "attempt_running" if hit[0]["running_at_ns"] > back else "node_moved"
        self.assertEqual(kinds[-1], last)
        self.assertEqual(incident["ended_at_ns"], max(hit[0]["running_at_ns"], back))
        return incident, kinds

    def test_a_training_job_outlives_what_breaks_under_it(self):
        self.trains(1)
        self.a_fault_is_told_of_its_node()
        self.trains(2)
        self.a_rank_is_killed()
        self.trains(3)
        self.a_rank_hangs()
        self.trains(4)
        self.an_agent_reads_an_xid()
        self.trains(5)
        # What each incident undid is what the job lost in all.
        incidents = self.plane.get_history("/v1/incidents")["incidents"]
        self.assertEqual(len(incidents), 4)
        job = self.plane.job(self.job)
        self.assertAlmostEqual(sum(i["lost_work_accelerator_s"] for i in incidents),
                               job["usage"]["lost_work_accelerator_s"])
        self.assertEqual((job["attempts"], job["restarts"]), (5, 2),
                         "what a node does is not counted against the job")
        first, last = self.losses(1)[1], self.losses(5)[1]
        self.assertLess(last[max(last)], first[min(first)] - 0.5)
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def a_fault_is_told_of_its_node(self):
        checkpoint, nodes = self.saved(), self.nodes()
        self.plane.mw("faults", "post", "nvidia.xid.48", "--node", nodes[0], "--device", "0")
        self.trains(2)
        self.assertEqual(self.nodes()[1], nodes[1], "the good node keeps its rank")
        self.check_curve(2, checkpoint)
        incident, kinds = self.check_incident(0, code="nvidia.xid.48", node=nodes[0],
                                              action="reset_accelerator")
        self.assertLess(incident["acted_at_ns"], incident["back_at_ns"])
        order = ["fault_noted", "remedy_planned", "attempt_stopping", "attempt_ended",
                 "remedy_begun", "remedy_ended"]
        self.assertEqual([kind for kind in kinds if kind in order], order)
        self.assertEqual(self.hook_log.read_text().splitlines(),
                         [f"{nodes[0]} reset_accelerator nvidia.xid.48"])

    def a_rank_is_killed(self):
        checkpoint, nodes = self.saved(), self.nodes()
        for pid in self.ranks()[1]:
            os.kill(pid, signal.SIGKILL)
        self.trains(3)
        self.assertEqual(self.nodes(), nodes, "no node is to blame")
        self.check_curve(3, checkpoint)
        incident, _ = self.check_incident(1, job=self.job, node=None)
        self.assertEqual(incident["code"], "task_failed")

    def a_rank_hangs(self):
        checkpoint, nodes = self.saved(), self.nodes()
        for pid in self.ranks()[1]:
            os.kill(pid, signal.SIGSTOP)
        self.trains(4)
        self.assertEqual(self.nodes(), nodes)
        self.check_curve(4, checkpoint)
        self.check_incident(2, code="job.hung", action="restart_job", node=None)

    def an_agent_reads_an_xid(self):
        checkpoint, nodes = self.saved(), self.nodes()
        root = self.plane.home / "root"
        card = root / "sys/bus/pci/devices/0000:3b:00.0"
        card.mkdir(parents=True)
        (card / "vendor").write_text("0x10de\n")
        (card / "class").write_text("0x030200\n")
        log = self.plane.home / "kern.log"
        log.write_text("")
        errors = self.plane.home / "agent.err"
        with open(errors, "wb") as file:
            agent = subprocess.Popen(
                [binary(), "agent", "--node", nodes[1], "--root", str(root), "--kernel-log",
                 str(log), "--every", "1s"], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=self.plane.environment)
        try:
            wait_for("the agent to watch", lambda: "watches the node" in errors.read_text())
            with open(log, "a") as file:
                file.write(XID_79.format(node=nodes[1]))
            self.trains(5)
            self.assertEqual(self.nodes()[0], nodes[0], "the good node keeps its rank")
            self.check_curve(5, checkpoint)
            _, kinds = self.check_incident(3, code="nvidia.xid.79", node=nodes[1], action="reboot")
            self.assertEqual(kinds[0], "fault_noted")
            self.assertEqual(self.hook_log.read_text().splitlines()[-1],
                             f"{nodes[1]} reboot nvidia.xid.79")
        finally:
            agent.terminate()
            agent.wait(30)


if __name__ == "__main__":
    unittest.main()
