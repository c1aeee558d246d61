#!/usr/bin/env python3
"""mw agent live: a line in a kernel log becomes a fault of its node, and the policy acts on it."""

import contextlib
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, binary, wait_for  # noqa: E402

XID_79 = "NVRM: Xid (PCI:0000:5e:00): 79, pid=1234, GPU has fallen off the bus.\n"
XID_63 = "NVRM: Xid (PCI:0000:3b:00): 63, pid=1234, Row Remapper: New row marked for remapping.\n"


class Agent(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane(nodes=["n0:2", "n1:2"])
        self.plane.start()
        self.addCleanup(self.plane.close)
        self.root = self.plane.home / "root"
        for address in ("0000:3b:00.0", "0000:5e:00.0"):
            self.write(f"sys/bus/pci/devices/{address}/vendor", "0x10de\n")
            self.write(f"sys/bus/pci/devices/{address}/class", "0x030200\n")
        self.log = self.write("var/log/kern.log", "")
        self.agents = []
        self.addCleanup(self.end_agents)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def append(self, text):
        with open(self.log, "a") as log:
            log.write(text)

    def arguments(self, node, *more):
        return ["agent", "--node", node, "--root", str(self.root), "--kernel-log", str(self.log),
                "--every", "1s", *more]

    def start_agent(self, node):
        """Returns once it watches: what is appended from then on is seen."""
        errors = self.plane.home / f"agent-{len(self.agents)}.err"
        with open(errors, "wb") as file:
            agent = subprocess.Popen([binary(), *self.arguments(node)], stdin=subprocess.DEVNULL,
                                     stdout=file, stderr=file, env=self.plane.environment)
        self.agents.append(agent)
        wait_for("the agent to watch", lambda: "watches the node" in errors.read_text())
        return agent, errors

    def end_agents(self):
        for agent in self.agents:
            if agent.poll() is None:
                agent.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                agent.wait(30)
            if agent.poll() is None:
                agent.kill()
                agent.wait()

    def faults(self, node):
        return json.loads(self.plane.mw("faults", "list", "--node", node, "--json").stdout)["faults"]

    def codes(self, node):
        return sorted(fault["code"] for fault in self.faults(node))

    def phase(self, node):
        return self.plane.get(f"/v1/nodes/{node}")["phase"]

    def test_a_line_is_a_fault_of_its_node_and_the_policy_acts(self):
        self.append(XID_79)  # what is there before anybody looks is history
        agent, errors = self.start_agent("n1")
        self.assertEqual(self.faults("n1"), [])
        self.append("Oct 02 10:41:07 n1 sshd[12]: " + XID_79)  # a program's words
        self.append("Oct 02 10:41:07 n1 kernel: [12345.678901] " + XID_79)
        listed = wait_for("the fault to be listed", lambda: self.faults("n1"))
        self.assertEqual([(f["code"], f["device"]) for f in listed], [("nvidia.xid.79", 1)])
        # Xid 79 wants a reboot; the default policy has no program for it, so a person is called.
        wait_for("the policy to act", lambda: self.phase("n1") == "quarantined")
        self.assertEqual(self.phase("n0"), "ready")
        self.assertIn("Fault nvidia.xid.79", self.plane.mw("node", "story", "n1").stdout)
        agent.terminate()
        self.assertEqual(agent.wait(30), 0)
        token = (self.plane.home / "token").read_text().strip()
        self.assertNotIn(token, errors.read_text())
        for file in (self.plane.home / "agent").iterdir():
            self.assertNotIn(token, file.read_text())

    def test_nothing_is_lost_or_told_twice_while_the_control_plane_is_away(self):
        agent, errors = self.start_agent("n1")
        self.plane.stop()
        self.append(XID_63)
        state = self.plane.home / "agent" / "n1.json"
        wait_for("the report to be queued", lambda: "nvidia.xid.63" in state.read_text())
        agent.kill()  # no time for anything
        agent.wait()
        queued = json.loads(state.read_text())["queue"]
        self.plane.start()
        agent, _ = self.start_agent("n1")
        wait_for("the report to be told", lambda: self.codes("n1") == ["nvidia.xid.63"])
        wait_for("it to be acknowledged", lambda: json.loads(state.read_text())["queue"] == [])
        # Sent once more, as after an answer that got lost: it is known.
        again = self.plane.post("/v1/faults", json.dumps(
            {"code": "nvidia.xid.63", "node": "n1", "device": 0, "source": "agent:n1",
             "sequence": queued[0]["sequence"]}))
        self.assertEqual((again["noted"], again["known"]), (0, 1))
        # The log is rotated, and followed.
        self.log.rename(self.log.with_name("kern.log.1"))
        self.log.write_text(XID_63.replace("63", "94"))
        wait_for("the new file to be read",
                 lambda: self.codes("n1") == ["nvidia.xid.63", "nvidia.xid.94"])

    def test_once_prints_what_there_is_and_a_dry_run_tells_nothing(self):
        self.append(XID_63)
        shown = self.plane.mw(*self.arguments("n0", "--once", "--dry-run", "--json"))
        reports = json.loads(shown.stdout)["faults"]
        self.assertEqual([(r["code"], r["device"], r["source"]) for r in reports],
                         [("nvidia.xid.63", 0, "agent:n0")])
        self.assertEqual(self.faults("n0"), [])
        self.assertFalse((self.plane.home / "agent").exists())
        told = self.plane.mw(*self.arguments("n0", "--once"))
        self.assertIn("nvidia.xid.63 device 0", told.stdout)
        self.assertEqual(self.codes("n0"), ["nvidia.xid.63"])
        self.assertIn("Nothing is wrong", self.plane.mw(*self.arguments("n0", "--once")).stdout)

    def test_counters_and_accelerators_are_watched(self):
        counter = "sys/devices/system/edac/mc/mc0/ue_count"
        self.write(counter, "3\n")
        self.plane.mw(*self.arguments("n0", "--once"))
        self.assertEqual(self.faults("n0"), [])
        self.write(counter, "4\n")
        (self.root / "sys/bus/pci/devices/0000:3b:00.0/vendor").unlink()
        self.plane.mw(*self.arguments("n0", "--once"))
        self.assertEqual(self.codes("n0"), ["host.memory.uncorrectable", "nvidia.gpu.missing"])
        self.write("sys/bus/pci/devices/0000:3b:00.0/vendor", "0x10de\n")
        self.plane.mw(*self.arguments("n0", "--once"))
        self.assertEqual(self.codes("n0"), ["host.memory.uncorrectable"])

    def test_what_makes_no_sense_is_refused(self):
        for arguments in (["--node", "a/b"], ["--node", "n0", "--queue", "0"],
                          ["--node", "n0", "--dry-run"], ["--node", "n0", "--every", "0s"]):
            self.assertEqual(self.plane.mw("agent", *arguments, check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
