#!/usr/bin/env python3
"""Checks live: a node is proven before it serves, an idle one gives way to a job at once, and one
that fails is out of service with the figure in its reason."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, binary, wait_for  # noqa: E402

POLICY = """
name: test
checks:
  programs: [{programs}]
  new_nodes: {new_nodes}
  idle: {{every: {every}, after: {after}, share: 100%}}
rules:
  - {{code: check.failed, do: validate}}
  - {{code: check.slow, do: [validate, {{action: quarantine, count: 2, within: 1h}}]}}
"""
# Small, for a test: what it measures is true all the same.
SHIPPED = ("{name: host, command: [mw, check, host, --json, --length, 100ms, --memory, 8MiB, --dir, "
           "%s, --disk, 2MiB], timeout: 60s, when: [entry]}")
OWN = "{name: own, command: [/bin/sh, %s], timeout: 60s, when: [%s]}"
# A check that measures what a file of its node's name says.
MEASURES = """
value=$(cat "$(dirname "$0")/speed-$MILLWRIGHT_NODE" 2>/dev/null || echo 1000)
echo "noise before"
echo "{\\"detail\\": \\"speed $value\\", \\"measures\\": [{\\"name\\": \\"own.speed\\", \\
\\"value\\": $value, \\"unit\\": \\"B/s\\", \\"better\\": \\"higher\\"}]}"
test "$value" -ge 10
"""
# One that says that it began, and then takes for ever, in a process of its own.
ENDLESS = """
echo $$ >> "$(dirname "$0")/begun"
sleep 1000
"""


class Checks(unittest.TestCase):
    def plane(self, nodes):
        plane = ControlPlane(nodes=nodes)
        plane.start()
        self.addCleanup(plane.close)
        return plane

    def set_policy(self, plane, programs, new_nodes=False, every="1h", after="0s"):
        file = plane.home / "faults.yaml"
        file.write_text(POLICY.format(programs=programs, new_nodes=str(new_nodes).lower(),
                                      every=every, after=after))
        plane.mw("faults", "policy", "set", str(file))

    def script(self, plane, name, text):
        path = plane.home / name
        path.write_text(text)
        return path

    def node(self, plane, name):
        return plane.get(f"/v1/nodes/{name}")

    def add_nodes(self, plane, *nodes):
        """The control plane comes back with further nodes."""
        plane.stop()
        plane.nodes += nodes
        plane.start()

    def test_a_new_node_is_proven_by_the_shipped_checks_before_it_serves(self):
        plane = self.plane(["n0:1"])
        self.set_policy(plane, SHIPPED % plane.home, new_nodes=True, every="0s")
        self.add_nodes(plane, "n1:1")
        wait_for("n1 to serve", lambda: self.node(plane, "n1")["phase"] == "ready")
        moves = [(e["from"], e["phase"]) for e in
                 plane.get("/v1/nodes/n1/story")["events"] if e["kind"] == "node_moved"]
        self.assertEqual(moves, [("provisioning", "validating"), ("validating", "ready")])
        checks = plane.get("/v1/nodes/n1/checks")
        self.assertEqual(checks["last"]["outcome"], "passed")
        measures = {m["name"]: m for m in checks["checks"][-1]["measures"]}
        for name in ("cpu.matmul", "memory.copy", "disk.write", "disk.read"):
            self.assertGreater(measures[name]["value"], 0, name)
        text = plane.mw("node", "checks", "n1").stdout
        self.assertIn("memory.copy", text)
        self.assertIn("passed", plane.mw("checks").stdout)
        self.assertEqual(self.node(plane, "n0")["phase"], "ready")
        self.assertIsNone(plane.get("/v1/nodes/n0/checks")["last"])

    def test_a_node_that_fails_is_quarantined_with_the_figure(self):
        plane = self.plane(["n0:1"])
        own = self.script(plane, "own.sh", MEASURES)
        self.script(plane, "speed-n1", "3")
        self.set_policy(plane, OWN % (own, "entry"), new_nodes=True, every="0s")
        self.add_nodes(plane, "n1:1")
        wait_for("n1 to be judged", lambda: self.node(plane, "n1")["phase"] == "quarantined")
        self.assertIn("validate failed: own: speed 3", self.node(plane, "n1")["reason"])
        # Somebody mends it and has it proven.
        self.script(plane, "speed-n1", "1000")
        plane.mw("node", "validate", "n1")
        wait_for("n1 to serve", lambda: self.node(plane, "n1")["phase"] == "ready")

    def test_a_job_starts_at_once_on_a_node_that_is_being_checked(self):
        plane = self.plane(["n0:1"])
        endless = self.script(plane, "endless.sh", ENDLESS)
        self.set_policy(plane, OWN % (endless, "idle"))
        begun = plane.home / "begun"
        wait_for("the check to begin", begun.exists)
        self.assertEqual(plane.get("/v1/checks")["running"][0]["node"], "n0")
        self.assertEqual(self.node(plane, "n0")["phase"], "ready")
        job = plane.submit({"name": "j", "command": ["/bin/true"]})
        plane.wait_job(job, ["succeeded"])
        ended = [c for c in plane.get("/v1/nodes/n0/checks")["checks"]]
        self.assertEqual(ended[0]["outcome"], "stopped")
        self.assertIn(f"job {job} is placed there", ended[0]["detail"])
        first = int(begun.read_text().split()[0])
        wait_for("the check to be gone", lambda: not pathlib.Path(f"/proc/{first}").exists())
        # It did not count, so it comes again; and ends with its control plane.
        wait_for("the check to come again", lambda: len(begun.read_text().split()) == 2)
        plane.stop()
        second = int(begun.read_text().split()[1])
        self.assertFalse(pathlib.Path(f"/proc/{second}").exists())
        plane.mw("journal", "verify")

    def test_a_slow_node_is_found_among_its_pool(self):
        names = [f"n{i}" for i in range(10)]
        plane = self.plane([f"{name}:1" for name in names])
        own = self.script(plane, "own.sh", MEASURES)
        for i, name in enumerate(names):
            self.script(plane, f"speed-{name}", str(1000 + i % 3))
        self.script(plane, "speed-n9", "600")
        self.set_policy(plane, OWN % (own, "entry, idle"), every="1s")
        wait_for("n9 to be found", lambda: self.node(plane, "n9")["phase"] == "quarantined")
        self.assertIn("own.speed is 600 B/s, 40% behind the median 1 kB/s of 9 others",
                      self.node(plane, "n9")["reason"])
        self.assertEqual([self.node(plane, n)["phase"] for n in names[:9]], ["ready"] * 9)
        self.assertRegex(plane.mw("node", "checks", "n9").stdout, "40.* behind, slow")


class CheckProgram(unittest.TestCase):
    def run_check(self, *arguments):
        ended = subprocess.run([binary(), "check", *arguments, "--json"], capture_output=True,
                               text=True, timeout=60, check=False)
        return ended.returncode, json.loads(ended.stdout) if ended.stdout else None, ended.stderr

    def test_says_what_it_measures_on_one_line(self):
        code, said, _ = self.run_check("cpu", "--length", "50ms")
        self.assertEqual((code, said["outcome"]), (0, "passed"))
        self.assertEqual(said["measures"][0]["unit"], "FLOP/s")

    def test_cannot_be_run_where_there_is_nothing_to_check(self):
        code, said, _ = self.run_check("disk", "--dir", "/nowhere")
        self.assertEqual((code, said["outcome"]), (75, "unable"))
        code, said, _ = self.run_check("burn", "--python", "/no/python", "--length", "50ms")
        self.assertEqual((code, said["outcome"]), (75, "unable"))
        code, said, _ = self.run_check("accelerators", "--accelerators", "8", "--root", "/nowhere")
        self.assertEqual((code, said["outcome"]), (1, "failed"))
        self.assertIn("0 accelerators answer on PCI, 8 were expected", said["detail"])

    def test_burns_processors_where_pytorch_is(self):
        code, said, problem = self.run_check("burn", "--python", "/usr/bin/python3", "--device", "cpu",
                                             "--length", "200ms")
        self.assertEqual((code, said["outcome"]), (0, "passed"), problem)
        measures = {m["name"]: m["value"] for m in said["measures"]}
        self.assertGreater(measures["accelerator.matmul"], 0)
        self.assertGreater(measures["accelerator.copy"], 0)

    def test_measures_a_link_with_those_who_know_the_secret(self):
        with ControlPlane() as home:  # for its folder
            secret, other = home.home / "secret", home.home / "other"
            secret.write_text("a secret of the rack\n")
            other.write_text("another one entirely\n")
            refused = subprocess.run([binary(), "check", "link", "--serve", "--address", "0.0.0.0"],
                                     capture_output=True, text=True, timeout=20, check=False)
            self.assertIn("a secret is needed", refused.stderr)
            with subprocess.Popen([binary(), "check", "link", "--serve", "--secret", str(secret)],
                                  stdout=subprocess.PIPE, text=True) as server:
                try:
                    port = server.stdout.readline().split()[-1]
                    peer = f"127.0.0.1:{port}"
                    code, said, _ = self.run_check("link", peer, "--secret", str(secret), "--size",
                                                   "4MiB")
                    self.assertEqual((code, said["outcome"]), (0, "passed"))
                    self.assertEqual([m["name"] for m in said["measures"]],
                                     ["link.send", "link.receive", "link.round_trip"])
                    os.environ["MILLWRIGHT_RACK_NODES"] = "127.0.0.1 localhost"
                    self.addCleanup(os.environ.pop, "MILLWRIGHT_RACK_NODES")
                    code, said, _ = self.run_check("link", "--rack", "--port", port, "--secret",
                                                   str(secret), "--size", "1MiB")
                    self.assertEqual((code, said["outcome"]), (0, "passed"), said)
                    self.assertGreater(said["measures"][0]["value"], 0)
                    self.assertIn("--rack needs --port", self.run_check("link", "--rack")[2])
                    code, said, _ = self.run_check("link", peer, "--secret", str(other))
                    self.assertEqual(code, 1)
                    self.assertIn("it has another secret", said["detail"])
                finally:
                    server.terminate()
                    server.wait(20)


if __name__ == "__main__":
    unittest.main()
