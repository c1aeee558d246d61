#!/usr/bin/env python3
"""An incident live: a fault under a training job, and its timeline is true, also after a restart of
the control plane. Goodput adds up, and the job is told how often to save."""

import json
import pathlib
import re
import sys
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, Refused, wait_for  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = str(ROOT / "clients/python")

# Works, saves every now and then, and goes on from what it saved.
TRAINS = """
import sys, time
sys.path.insert(0, {clients!r})
import millwright
begun = millwright.resume()
step = begun[1] if begun else 0
while True:
    step += 1
    millwright.report(step=step)
    if step % 5 == 0:
        millwright.checkpoint_begin()
        time.sleep(0.1)
        millwright.checkpoint_saved("/tmp/none", step)
        millwright.flush()
    print("interval", millwright.checkpoint_interval(), flush=True)
    time.sleep(0.05)
"""

POLICY = """
name: test
stale_after: 1h
hooks:
  reboot: {{command: [/bin/sh, -c, "exit 0"], timeout: 60s}}
breakers: {{site: {{share: 0%, at_least: 1, window: 1h}}}}
rules:
  - {{code: nvidia.xid.79, do: reboot}}
  - {{code: test.ignore, do: ignore}}
"""


class Incidents(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=["n0:2", "n1:2"])
        self.plane.start()
        self.addCleanup(self.plane.close)
        file = self.plane.home / "faults.yaml"
        file.write_text(POLICY.format())
        self.plane.mw("faults", "policy", "set", str(file))
        self.job = self.plane.submit({
            "name": "trains", "resources": {"cpus": 0, "accelerators": 2}, "grace": "1s",
            "command": [sys.executable, "-c", textwrap.dedent(TRAINS.format(clients=CLIENTS))]})
        self.wait_saved(2)

    def wait_saved(self, more):
        """Until it has saved so often after what it had."""
        def step():
            return (self.plane.job(self.job)["checkpoint"] or {}).get("step", 0)
        begun = step()
        wait_for("checkpoints", lambda: step() >= begun + 5 * more)

    def node(self):
        attempt = self.plane.job(self.job)["attempt"]
        return attempt["nodes"][0]["name"] if attempt else None

    def runs_in(self, attempt):
        job = self.plane.job(self.job)
        return job["state"] == "running" and (job["attempt"] or {}).get("number") == attempt

    def test_the_timeline_is_true_also_after_a_restart(self):
        bad = self.node()
        self.plane.mw("faults", "post", "test.ignore", "--node", bad)
        self.plane.mw("faults", "post", "nvidia.xid.79", "--node", bad, "--device", "1")
        wait_for("the job to run again", lambda: self.runs_in(2))
        wait_for("the end of it",
                 lambda: self.plane.get_history("/v1/incidents")["incidents"][0]["ended_at_ns"])
        found = self.plane.get_history("/v1/incidents")
        self.assertEqual(found["count"], 1, "what is ignored is no incident")
        incident = found["incidents"][0]
        self.assertEqual((incident["code"], incident["node"], incident["action"]),
                         ("nvidia.xid.79", bad, "reboot"))
        self.assertEqual(incident["jobs_hit"], 1)
        self.assertLessEqual(incident["begun_at_ns"], incident["acted_at_ns"])
        self.assertLess(incident["acted_at_ns"], incident["back_at_ns"])
        # What it lost is what the job lost, and no more than was worked since its checkpoint.
        usage = self.plane.job(self.job)["usage"]
        self.assertAlmostEqual(incident["lost_work_accelerator_s"],
                               usage["lost_work_accelerator_s"])
        whole = self.plane.get_history(f"/v1/incidents/{incident['incident']}")
        kinds = [event["kind"] for event in whole["events"]]
        order = ["fault_noted", "remedy_planned", "node_moved", "fault_judged", "attempt_stopping",
                 "attempt_ended", "remedy_begun", "attempt_running"]
        self.assertEqual([kind for kind in order if kind in kinds], order)
        self.assertEqual(kinds[0], "fault_noted")
        self.assertEqual(sorted(e["seq"] for e in whole["events"]),
                         [e["seq"] for e in whole["events"]])
        text = self.plane.mw("incident", "show", str(incident["incident"])).stdout
        for part in ("nvidia.xid.79", bad, "reboot", "jobs hit", "Story", "is done"):
            self.assertIn(part, text)
        self.assertIn("over", self.plane.mw("incidents").stdout)
        self.assertEqual(self.plane.mw("incidents", "--open").stdout, "No incidents.\n")
        # Killed in the midst of work: the same comes out of the journal.
        self.plane.kill()
        self.plane.start()
        self.assertEqual(self.plane.get_history(f"/v1/incidents/{incident['incident']}"), whole)
        with self.assertRaises(Refused) as refused:
            self.plane.get_history("/v1/incidents/999999")
        self.assertEqual(refused.exception.status, 404)

    def test_what_waits_for_a_person_is_told(self):
        # The breaker lets one node go.
        self.plane.mw("faults", "post", "nvidia.xid.79", "--node", "n0")
        self.plane.mw("faults", "post", "nvidia.xid.79", "--node", "n1")
        def withheld():
            found = self.plane.get_history("/v1/incidents?open=true")["incidents"]
            return [incident for incident in found if incident["withheld"]]
        wait_for("what is withheld", withheld)
        self.assertIn("waits for you", self.plane.mw("incidents").stdout)
        self.plane.mw("faults", "reset", "site", "local")
        wait_for("its end", lambda: not withheld())

    def test_goodput_is_the_ledgers_and_says_what_was_lost(self):
        bad = self.node()
        self.plane.mw("faults", "post", "nvidia.xid.79", "--node", bad)
        wait_for("the job to run again", lambda: self.runs_in(2))
        self.plane.post(f"/v1/jobs/{self.job}/cancel")
        self.plane.wait_job(self.job, ["cancelled"])
        ledger = {c["category"]: int(c["time"])
                  for c in self.plane.get("/v1/ledger")["categories"]}
        for by in ("fleet", "site", "node", "tenant", "job"):
            rows = self.plane.get_history(f"/v1/goodput?by={by}")["rows"]
            for ours, theirs in (("productive", "productive"), ("lost_work", "lost_work"),
                                 ("starting", "starting"), ("checkpointing", "checkpointing")):
                self.assertEqual(sum(int(row[ours + "_time"]) for row in rows), ledger[theirs],
                                 f"{ours} by {by}")
            lost = [cause for row in rows for cause in row["lost_by_cause"]
                    if cause["cause"] == "faulty"]
            self.assertEqual(sum(int(cause["time"]) for cause in lost), ledger["lost_work"])
        nodes = {row["name"]: row for row in self.plane.get_history("/v1/goodput?by=node")["rows"]}
        self.assertEqual(nodes[bad]["failures"], 1)
        self.assertGreater(nodes[bad]["mttr_s"], 0)
        for row in nodes.values():
            parts = ("productive", "starting", "checkpointing", "lost_work", "out_of_service",
                     "idle")
            self.assertEqual(sum(int(row[part + "_time"]) for part in parts),
                             int(row["capacity_time"]))
        text = self.plane.mw("goodput", "--by", "node").stdout
        self.assertIn(bad, text)
        self.assertIn("faulty", text)
        metrics = self.plane.request("GET", "/metrics")[1].decode()
        self.assertIn('mw_attempts_ended_total{cause="faulty",tenant="default"} 1', metrics)
        self.assertRegex(metrics, r'mw_node_failures_total\{site="[^"]+"\} 1\n')
        self.assertIn("mw_incidents_waiting 0", metrics)
        rules = (ROOT / "examples/prometheus/millwright.yml").read_text(encoding="utf-8")
        for name in set(re.findall(r"\bmw_\w+", rules)):
            self.assertIn(f"# TYPE {name} ", metrics, "no such metric")
        with self.assertRaises(Refused) as refused:
            self.plane.get_history("/v1/goodput?by=galaxy")
        self.assertEqual(refused.exception.status, 400)

    def test_the_job_is_told_how_often_to_save(self):
        def saving():
            return self.plane.job(self.job)["saving"]
        wait_for("the cost of a checkpoint", lambda: (saving() or {}).get("best_interval_s"))
        told = saving()
        self.assertGreater(told["cost_s"], 0.05)
        self.assertLess(told["best_loss_percent"], told["loss_percent"])
        # A tenth of a second each, failures every 264 days: some minutes of work between two.
        self.assertGreater(told["best_interval_s"], 60)
        log = wait_for("the job to hear of it", lambda: [
            line for line in self.plane.mw("job", "logs", str(self.job)).stdout.splitlines()
            if line.startswith("interval ") and "None" not in line])
        self.assertGreater(float(log[-1].split()[1]), 60)
        self.assertIn("best after each", self.plane.mw("job", "show", str(self.job)).stdout)


if __name__ == "__main__":
    unittest.main()
