#!/usr/bin/env python3
"""Faults live: told, judged, repaired by a hook, and the job goes on from its checkpoint."""

import json
import pathlib
import sys
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, Refused, wait_for  # noqa: E402

# A job that saves when it is asked to, and says from where it went on.
SAVES = """
import sys, time
sys.path.insert(0, {clients!r})
import millwright
begun = millwright.resume()
print("from", begun[1] if begun else 0, flush=True)
step = begun[1] if begun else 0
for _ in range(100000):
    step += 1
    millwright.report(step=step)
    if millwright.checkpoint_wanted():
        millwright.checkpoint_saved("/tmp/none", step)
        millwright.flush()
    if begun:
        break
    time.sleep(0.05)
"""
CLIENTS = str(pathlib.Path(__file__).resolve().parents[2] / "clients/python")

POLICY = """
name: test
stale_after: 1h
hooks:
  reboot: {{command: [/bin/sh, {hook}], timeout: 60s, retries: 1, environment: {{LOG: {log}}}}}
breakers: {{site: {{share: 0%, at_least: 2, window: 1h}}}}
rules:
  - {{code: test.reboot, do: {{action: reboot, drain: checkpoint}}}}
  - {{code: test.restart, do: restart_job}}
  - {{code: test.watch, do: watch}}
  - {{code: test.quarantine, do: quarantine}}
  - {{code: job.hung, do: restart_job}}
silence: {silence}
drain_deadline: 60s
"""


class Faults(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=["n0:2", "n1:2", "n2:2"])
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.log = self.plane.home / "hook.log"
        self.hook = self.plane.home / "hook.sh"
        self.hook.write_text('echo "$MILLWRIGHT_NODE $MILLWRIGHT_ACTION $MILLWRIGHT_REMEDY '
                             '$MILLWRIGHT_TRY" >> "$LOG"\ntest "$MILLWRIGHT_TRY" = 2\n')

    def set_policy(self, silence="0s"):
        file = self.plane.home / "faults.yaml"
        file.write_text(POLICY.format(hook=self.hook, log=self.log, silence=silence))
        self.plane.mw("faults", "policy", "set", str(file))

    def submit(self, name, program, **more):
        return self.plane.submit({"name": name, "command": [sys.executable, "-c", program],
                                  "resources": {"cpus": 0}, **more})

    def node(self, name):
        return self.plane.get(f"/v1/nodes/{name}")

    def node_of(self, job):
        attempt = self.plane.job(job)["attempt"]
        return attempt["nodes"][0]["name"] if attempt else None

    def phase(self, name):
        return self.node(name)["phase"]

    def story(self, name):
        return [e["text"] for e in self.plane.get(f"/v1/nodes/{name}/story")["events"]]

    def alerts(self, webhook):
        return self.plane.post("/v1/faults/alertmanager", json.dumps(webhook))

    def test_a_node_is_cleared_rebooted_and_back_and_its_job_goes_on(self):
        self.set_policy()
        job = self.submit("saves", textwrap.dedent(SAVES.format(clients=CLIENTS)))
        wait_for("the job to report", lambda: (self.plane.job(job)["progress"] or {}).get("step"))
        node = self.node_of(job)
        told = self.plane.mw("faults", "post", "test.reboot", "--node", node, "--source", "agent",
                             "--sequence", "1")
        self.assertIn("is noted", told.stdout)
        # The job is asked to save, leaves, and goes on elsewhere from what it saved.
        self.plane.wait_job(job, ["succeeded"])
        wait_for("the node to be back", lambda: self.phase(node) == "ready")
        self.assertEqual(self.log.read_text().split("\n")[0].split()[:2], [node, "reboot"])
        self.assertEqual([line.split()[3] for line in self.log.read_text().splitlines()], ["1", "2"])
        second = self.plane.mw("job", "logs", str(job)).stdout
        self.assertRegex(second, r"^from [1-9]")
        self.assertEqual(self.plane.job(job)["restarts"], 0)
        story = "\n".join(self.story(node))
        for part in ("Fault test.reboot", "a reboot is planned", "asked to save and leave",
                     "begins, and will not be cancelled", "is being repaired", "is done",
                     "takes new work again"):
            self.assertIn(part, story)
        # Told again it is known, and nothing is done twice.
        again = self.plane.mw("faults", "post", "test.reboot", "--node", node, "--source", "agent",
                              "--sequence", "1")
        self.assertIn("was known", again.stdout)
        self.assertEqual(len(self.log.read_text().splitlines()), 2)
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def test_a_hook_outlives_its_control_plane_and_is_not_run_twice(self):
        go = self.plane.home / "go"
        self.hook.write_text('echo "$MILLWRIGHT_NODE $MILLWRIGHT_ACTION" >> "$LOG"\n'
                             f'while [ ! -e {go} ]; do sleep 0.02; done\n'
                             'echo "$MILLWRIGHT_NODE is up"\n')
        self.set_policy()
        self.plane.mw("faults", "post", "test.reboot", "--node", "n1")
        wait_for("the hook to begin", self.log.exists)
        self.plane.kill()
        self.plane.start()
        wait_for("the node to be known as in repair", lambda: self.phase("n1") == "repairing")
        go.touch()
        wait_for("the node to be back", lambda: self.phase("n1") == "ready")
        self.assertEqual(self.log.read_text(), "n1 reboot\n")
        self.assertIn("n1 is up", "\n".join(self.story("n1")))
        wait_for("its folder to go", lambda: not list((self.plane.home / "hooks").iterdir()))
        # It ends while nobody is there to hear of it.
        go.unlink()
        self.plane.mw("faults", "post", "test.reboot", "--node", "n2")
        wait_for("the hook to begin", lambda: len(self.log.read_text().splitlines()) == 2)
        self.plane.kill()
        go.touch()
        wait_for("the hook to end", lambda: not [
            pid for pid in self.plane.processes() if self.is_hook(pid)])
        self.plane.start()
        wait_for("the node to be back", lambda: self.phase("n2") == "ready")
        self.assertEqual(self.log.read_text(), "n1 reboot\nn2 reboot\n")
        self.plane.stop()
        self.plane.mw("journal", "verify")

    def is_hook(self, pid):
        try:
            return str(self.hook) in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return False

    def test_a_silent_rank_starts_again(self):
        self.set_policy(silence="1s")
        program = f"""
import sys, time, os
sys.path.insert(0, {CLIENTS!r})
import millwright
millwright.report(step=1)
millwright.flush()
time.sleep(0 if os.environ["MILLWRIGHT_ATTEMPT"] == "2" else 1000)
"""
        job = self.submit("hangs", program, grace="1s")
        self.plane.wait_job(job, ["succeeded"])
        self.assertEqual(self.plane.job(job)["restarts"], 1)

    def test_too_many_nodes_call_for_a_person(self):
        self.set_policy()
        for node in ("n0", "n1"):
            self.plane.mw("faults", "post", "test.quarantine", "--node", node)
            self.assertEqual(self.phase(node), "quarantined")
        self.plane.mw("faults", "post", "test.quarantine", "--node", "n2")
        self.assertEqual(self.phase("n2"), "ready")
        self.assertIn("has tripped", self.plane.mw("faults", "list").stdout)
        self.plane.mw("faults", "reset", "site", "local")
        self.assertEqual(self.phase("n2"), "quarantined")
        self.plane.mw("node", "resume", "n2", "--reason", "seen to")
        self.assertEqual(self.phase("n2"), "ready")

    def test_alertmanager_is_understood(self):
        self.set_policy()
        alert = {"status": "firing", "labels": {"alertname": "x", "mw_code": "test.watch",
                                                "instance": "n1:9100"},
                 "annotations": {"summary": "it is warm"}, "startsAt": "2026-11-25T10:00:00Z",
                 "endsAt": "0001-01-01T00:00:00Z"}
        webhook = {"version": "4", "receiver": "millwright", "alerts": [alert]}
        self.assertEqual(self.alerts(webhook)["noted"], 1)
        self.assertEqual(self.phase("n1"), "suspect")
        self.assertEqual(self.alerts(webhook)["known"], 1)
        alert.update(status="resolved", endsAt="2026-11-25T10:05:00Z")
        self.alerts(webhook)
        self.assertEqual(self.phase("n1"), "ready")

    def test_the_default_policy_is_there_and_explains_itself(self):
        text = self.plane.mw("faults", "explain", "nvidia.xid.79").stdout
        for part in ("fallen off the bus", "RESTART_BM", "docs.nvidia.com", "reboot",
                     "by a person: no program is set"):
            self.assertIn(part, text)
        with self.assertRaises(Refused) as refused:
            self.plane.post("/v1/faults", json.dumps({"code": "x", "node": "nowhere"}))
        self.assertEqual(refused.exception.status, 404)
        self.assertEqual(json.loads(self.plane.mw("faults", "list", "--json").stdout)["count"], 0)


if __name__ == "__main__":
    unittest.main()
