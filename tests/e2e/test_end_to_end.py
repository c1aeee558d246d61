#!/usr/bin/env python3
"""The product as its users meet it: the mw binary, real processes, a real store."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, Refused, binary, wait_for  # noqa: E402


def job(name, script, **more):
    return {"name": name, "script": script, "resources": {"cpus": 0}, **more}


class FirstJob(unittest.TestCase):
    """One control plane for many small questions."""

    @classmethod
    def setUpClass(cls):
        cls.plane = ControlPlane(nodes=["n0:4", "n1:4"])
        cls.plane.start()

    @classmethod
    def tearDownClass(cls):
        cls.plane.close()

    def submit_file(self, text, *arguments, check=True):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=self.plane.home) as file:
            file.write(textwrap.dedent(text))
            file.flush()
            return self.plane.mw("submit", file.name, *arguments, check=check)

    def test_a_job_runs_and_tells_its_story(self):
        out = self.submit_file(
            """
            name: hello
            script: echo hello from rank $RANK of $WORLD_SIZE
            tasks: 2
            resources: {cpus: 0}
            """,
            "--json",
        ).stdout
        number = json.loads(out)["job"]
        self.plane.wait_job(number, ["succeeded"])
        self.assertEqual(
            self.plane.mw("job", "logs", str(number), "--rank", "1").stdout,
            "hello from rank 1 of 2\n",
        )
        shown = self.plane.mw("job", "show", str(number)).stdout
        for word in ("hello", "succeeded", "n0", "story"):
            self.assertIn(word, shown.lower())
        listed = json.loads(self.plane.mw("jobs", "--all", "--json").stdout)["jobs"]
        self.assertIn(number, [view["id"] for view in listed])

    def test_the_environment_is_what_torchrun_and_mpi_programs_expect(self):
        number = self.plane.submit(job("env", "env", tasks=4, nodes=2))
        self.plane.wait_job(number, ["succeeded"])
        for rank in range(4):
            log = self.plane.request("GET", f"/v1/jobs/{number}/logs?rank={rank}")[1].decode()
            env = dict(line.split("=", 1) for line in log.splitlines() if "=" in line)
            expected = {
                "RANK": rank, "WORLD_SIZE": 4, "LOCAL_RANK": rank % 2, "LOCAL_WORLD_SIZE": 2,
                "NODE_RANK": rank // 2, "OMPI_COMM_WORLD_RANK": rank, "MILLWRIGHT_JOB_ID": number,
                "MILLWRIGHT_ATTEMPT": 1, "MILLWRIGHT_NODE": f"n{rank // 2}",
            }
            self.assertEqual({name: env.get(name) for name in expected},
                             {name: str(value) for name, value in expected.items()})
            self.assertGreater(int(env["MASTER_PORT"]), 0)
            self.assertTrue(env["MILLWRIGHT_TOKEN"])

    def test_a_failing_job_is_tried_again_and_then_fails(self):
        number = self.plane.submit(
            job("broken", "echo trying; exit 3", restart={"limit": 2, "delay": "10ms"}))
        view = self.plane.wait_job(number, ["failed"])
        self.assertEqual(view["attempts"], 3)
        story = self.plane.mw("job", "show", str(number)).stdout
        self.assertIn("3", story)
        self.assertEqual(self.plane.mw("submit", "--wait", "--name", "f", "--", "false",
                                       check=False).returncode, 1)

    def test_a_command_that_is_not_there_says_so(self):
        number = self.plane.submit(
            {"name": "nothing", "command": ["/no/such/program"], "restart": {"limit": 0}})
        view = self.plane.wait_job(number, ["failed"])
        story = json.dumps(self.plane.get(f"/v1/jobs/{number}/story"))
        self.assertIn("/no/such/program", story)
        self.assertEqual(view["attempts"], 1)

    def test_cancel_reaches_a_task_that_does_not_listen(self):
        number = self.plane.submit(job("deaf", "trap '' TERM; echo up; while :; do sleep 0.1; done",
                                       grace="200ms", tasks=2))
        self.plane.wait_job(number, ["running"])
        self.plane.mw("job", "cancel", str(number))
        self.plane.wait_job(number, ["cancelled"])
        self.assertEqual(self.plane.task_processes(number), {})

    def test_a_time_limit_ends_a_job(self):
        number = self.plane.submit(job("long", "sleep 600", time_limit="300ms", grace="1s"))
        self.plane.wait_job(number, ["timed_out"])

    def test_why_says_what_is_missing_with_figures(self):
        number = self.plane.submit(job("huge", "true", tasks=9))
        text = self.plane.mw("job", "why", str(number)).stdout
        self.assertRegex(text, r"\b9\b")
        self.assertRegex(text, r"\b8\b")
        reason = self.plane.get(f"/v1/jobs/{number}/why")["reason"]
        self.assertEqual(reason["kind"], "fleet_too_small")
        self.plane.mw("job", "cancel", str(number))

    def test_hold_and_release(self):
        number = self.plane.submit(job("held", "true", hold=True))
        self.assertIn("held", self.plane.mw("job", "why", str(number)).stdout)
        self.plane.mw("job", "release", str(number))
        self.plane.wait_job(number, ["succeeded"])

    def test_an_array_is_one_submit(self):
        number = self.plane.submit(job("many", "echo $MILLWRIGHT_ARRAY_INDEX", array=5))
        for index in range(5):
            self.plane.wait_job(number + index, ["succeeded"])
        log = self.plane.mw("job", "logs", f"{number}[3]").stdout
        self.assertEqual(log, "3\n")

    def test_progress_from_the_shell_and_old_attempts_are_refused(self):
        script = """
        "$MILLWRIGHT_BIN" report --strict --step 5 --steps-total 10 --loss 1.5
        "$MILLWRIGHT_BIN" report --strict --checkpoint /ckpt/5 --checkpoint-step 5
        if [ "$MILLWRIGHT_ATTEMPT" = 1 ]; then
          echo "$MILLWRIGHT_TOKEN" > token-1; exit 1
        fi
        test "$MILLWRIGHT_CHECKPOINT_PATH" = /ckpt/5 && test "$MILLWRIGHT_CHECKPOINT_STEP" = 5
        while [ ! -e done ]; do sleep 0.02; done
        """
        number = self.plane.submit(job("reporter", script, restart={"limit": 1, "delay": "10ms"}))
        wait_for("the second attempt",
                 lambda: self.plane.job(number)["attempts"] == 2
                 and self.plane.job(number)["state"] == "running")
        token = (self.plane.home / "token-1").read_text().strip()
        with self.assertRaises(Refused) as refused:
            self.plane.request("POST", "/v1/report", b'{"step": 6}',
                               {"Authorization": "Bearer " + token})
        self.assertEqual(refused.exception.status, 409)
        with self.assertRaises(Refused) as refused:
            self.plane.request("GET", "/v1/jobs", headers={"Authorization": "Bearer " + token})
        self.assertIn(refused.exception.status, (401, 403))
        (self.plane.home / "done").touch()
        view = self.plane.wait_job(number, ["succeeded"])
        self.assertEqual(view["checkpoint"], {"step": 5, "path": "/ckpt/5"})
        self.assertEqual(view["progress"]["steps_total"], 10)

    def test_wrong_files_are_refused_with_their_place(self):
        result = self.submit_file("name: x\ncomand: [true]\ntasks: two\n", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"\.yaml:2:1: .*comand.*did you mean.*command")
        self.assertRegex(result.stderr, r"\.yaml:3:8: tasks")
        result = self.plane.mw("submit", "/no/such/file.yaml", check=False)
        self.assertIn("/no/such/file.yaml", result.stderr)
        self.assertEqual(self.plane.mw("job", "show", "99999", check=False).returncode, 3)
        self.assertEqual(self.plane.mw("jbos", check=False).returncode, 2)

    def test_dry_run_checks_and_changes_nothing(self):
        before = len(self.plane.get("/v1/jobs?all=1&limit=1000")["jobs"])
        self.submit_file("name: x\ncommand: ['true']\n", "--dry-run")
        self.assertEqual(len(self.plane.get("/v1/jobs?all=1&limit=1000")["jobs"]), before)

    def test_submits_with_one_key_are_one_job(self):
        first = self.plane.submit(job("once", "true"), key="the-key")
        self.assertEqual(self.plane.submit(job("once", "true"), key="the-key"), first)
        with self.assertRaises(Refused) as refused:
            self.plane.submit(job("other", "true"), key="the-key")
        self.assertEqual(refused.exception.status, 409)

    def test_a_drained_node_takes_nothing_new(self):
        self.plane.mw("node", "drain", "n1", "--reason", "fan")
        try:
            nodes = json.loads(self.plane.mw("nodes", "--json").stdout)["nodes"]
            self.assertEqual({n["name"]: n["phase"] for n in nodes}["n1"], "draining")
            number = self.plane.submit(job("two-nodes", "true", tasks=2, nodes=2))
            self.assertIn(self.plane.job(number)["state"], ["pending"])
            self.assertIn("fan", self.plane.mw("nodes").stdout)
        finally:
            self.plane.mw("node", "resume", "n1")
        self.plane.wait_job(number, ["succeeded"])

    def test_reserved_nodes_run_what_names_the_reservation(self):
        out = self.plane.mw("reservation", "create", "demo", "--duration", "1h", "--nodes", "1",
                            "--reason", "a visit", "--json").stdout
        (node,) = json.loads(out)["nodes"]
        try:
            outside = self.plane.submit(job("outside", "true", tasks=2, nodes=2))
            why = self.plane.mw("job", "why", str(outside)).stdout
            self.assertIn("reserved (demo", why)
            self.assertIn("no reservation demo", why)
            inside = json.loads(self.plane.mw(
                "submit", "--name", "inside", "--reservation", "demo", "--json", "--", "true",
            ).stdout)["job"]
            self.plane.wait_job(inside, ["succeeded"])
            places = [event for event in self.plane.get(f"/v1/events?job={inside}")["events"]
                      if event["kind"] == "attempt_placed"]
            self.assertIn(node, places[0]["text"])
            self.assertIn("a visit", self.plane.mw("reservation", "list").stdout)
            self.assertIn("everybody", self.plane.mw("reservation", "show", "demo").stdout)
            later = self.plane.mw("reservation", "create", "later", "--start", "+2h", "--duration",
                                  "1h", "--node-list", node).stdout
            self.assertIn("to come", later)
            waits = self.plane.submit(job("waits", "true", reservation="later"))
            self.assertIn("begins", self.plane.mw("job", "why", str(waits)).stdout)
            refused = self.plane.mw("submit", "--name", "x", "--reservation", "none", "--", "true",
                                    check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn('no reservation "none"', refused.stderr)
        finally:
            for name in ("demo", "later"):
                self.plane.mw("reservation", "delete", name, check=False)
        self.plane.wait_job(outside, ["succeeded"])
        self.plane.wait_job(waits, ["cancelled"])

    def test_the_event_stream_resumes_without_gap_or_repeat(self):
        number = self.plane.submit(job("streamed", "true"))
        self.plane.wait_job(number, ["succeeded"])
        everything = self.plane.get(f"/v1/events?job={number}")["events"]
        half = everything[len(everything) // 2]["seq"]
        rest = self.plane.get(f"/v1/events?job={number}&after={half}")["events"]
        self.assertEqual([e for e in everything if e["seq"] > half], rest)
        kinds = [event["kind"] for event in everything]
        self.assertEqual(kinds[0], "job_submitted")
        self.assertEqual(kinds[-1], "job_finished")

    def test_nothing_is_told_without_a_token(self):
        for path in ("/v1/jobs", "/v1/ledger", "/metrics", "/v1/events"):
            with self.assertRaises(Refused) as refused:
                self.plane.request("GET", path, headers={"Authorization": ""})
            self.assertEqual(refused.exception.status, 401, path)
        for name in ("token", "key"):
            self.assertEqual((self.plane.home / name).stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.plane.home.stat().st_mode & 0o077, 0)

    def test_secrets_stay_out_of_logs_lists_and_the_journal(self):
        number = self.plane.submit(job("quiet", 'echo "$MILLWRIGHT_TOKEN" > attempt-token'))
        self.plane.wait_job(number, ["succeeded"])
        self.plane.get("/v1/jobs")
        secrets = [
            (self.plane.home / "token").read_text().strip().encode(),
            (self.plane.home / "key").read_bytes().strip(),
            (self.plane.home / "attempt-token").read_text().strip().encode(),
        ]
        for path in [*self.plane.home.glob("journal*"), *self.plane.home.glob("serve*")]:
            content = path.read_bytes()
            for secret in secrets:
                self.assertNotIn(secret, content, path)
        for pid in self.plane.processes():
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            for secret in secrets:
                self.assertNotIn(secret, arguments)

    def test_the_ledger_adds_up(self):
        ledger = json.loads(self.plane.mw("ledger", "--json").stdout)
        self.assertTrue(ledger["balanced"])
        self.assertEqual(sum(int(row["time"]) for row in ledger["categories"]),
                         int(ledger["capacity_time"]))
        self.assertIn("productive", self.plane.mw("ledger").stdout)

    def test_metrics_are_prometheus_text(self):
        text = self.plane.request("GET", "/metrics")[1].decode()
        self.assertRegex(text, r'(?m)^mw_jobs\{state="succeeded"\} \d+')
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+.eE0-9naif]+)$')

    def test_completion_and_manual_are_made(self):
        for shell in ("bash", "zsh"):
            text = self.plane.mw("completion", shell).stdout
            self.assertIn("submit", text)
        checked = subprocess.run(["bash", "-n"], input=self.plane.mw("completion", "bash").stdout,
                                 text=True, check=False)
        self.assertEqual(checked.returncode, 0)
        self.assertTrue(self.plane.mw("man").stdout.startswith(".TH"))


class Surviving(unittest.TestCase):
    def test_a_job_runs_through_a_crash_of_the_control_plane(self):
        with ControlPlane(nodes=["n0:2"]) as plane:
            number = plane.submit(job("through", "echo begin; while [ ! -e go ]; do sleep 0.02; done; echo end"))
            plane.wait_job(number, ["running"])
            plane.kill()
            (plane.home / "go").touch()
            plane.start()
            view = plane.wait_job(number, ["succeeded"])
            self.assertEqual(view["attempts"], 1)
            self.assertEqual(plane.mw("job", "logs", str(number)).stdout, "begin\nend\n")

    def test_up_and_down(self):
        plane = ControlPlane()
        try:
            first = plane.mw("up")
            self.assertIn("http://127.0.0.1:", first.stdout)
            self.assertIn("mw down", first.stdout)
            again = plane.mw("up")
            self.assertIn("already", again.stdout)
            url = plane.url
            plane.mw("down")
            self.assertEqual(plane.processes(), [])
            result = plane.mw("jobs", check=False)
            self.assertEqual(result.returncode, 7)
            self.assertIn("mw up", result.stderr)
            plane.mw("up")
            self.assertEqual(plane.url, url, "the port stays the same")
            plane.mw("down")
            report = plane.mw("journal", "verify").stdout
            self.assertRegex(report, r"\d+ events")
        finally:
            subprocess.run([binary(), "down"], env=plane.environment, capture_output=True, check=False)
            plane.close()

    def test_two_control_planes_side_by_side(self):
        with ControlPlane(nodes=["a:1"]) as one, ControlPlane(nodes=["b:1"]) as two:
            self.assertNotEqual(one.url, two.url)
            self.assertEqual([n["name"] for n in one.get("/v1/nodes")["nodes"]], ["a"])
            self.assertEqual([n["name"] for n in two.get("/v1/nodes")["nodes"]], ["b"])
            second = subprocess.run([binary(), "serve", "--home", str(one.home)], text=True,
                                    capture_output=True, timeout=20, check=False)
            self.assertNotEqual(second.returncode, 0)
            self.assertIn(str(one.home), second.stderr)

    def test_a_simulated_fleet_survives_its_control_plane(self):
        plane = ControlPlane()
        plane.engine = ["--engine", "simulated", "--fleet", "nvl72-hall", "--simulated-run", "1h"]
        try:
            plane.start()
            self.assertEqual(plane.get("/v1/nodes?limit=1")["count"], 1800)
            answer = json.loads(plane.mw("submit", "--name", "big", "--tasks", "90", "--accelerators", "4",
                                         "--json", "--", "train").stdout)
            short = plane.submit({"name": "short", "command": ["x"],
                                  "environment": {"SIMULATED_RUN": "1ms", "SIMULATED_EXIT": "3"}})
            plane.wait_job(answer["job"], ["running"])
            plane.wait_job(short, ["failed"])
            plane.kill()
            plane.engine = []  # the home remembers
            plane.start()
            plane.wait_job(answer["job"], ["running"])
            self.assertFalse([n for n in plane.get("/v1/nodes?limit=10000")["nodes"] if n["lost"]])
            plane.mw("job", "cancel", str(answer["job"]))
            plane.wait_job(answer["job"], ["cancelled"])
            refused = subprocess.run([binary(), "--home", str(plane.home), "up", "--engine", "local"],
                                     text=True, capture_output=True, timeout=60, check=False)
            self.assertEqual(refused.returncode, 0, "it is up already")
            plane.mw("down")
            refused = subprocess.run([binary(), "--home", str(plane.home), "up", "--engine", "local"],
                                     text=True, capture_output=True, timeout=60, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("use another --home", refused.stderr)
        finally:
            subprocess.run([binary(), "down"], env=plane.environment, capture_output=True, check=False)
            plane.close()

    def test_a_newer_store_is_refused(self):
        plane = ControlPlane(nodes=["a:1"])
        try:
            plane.start()
            plane.stop()
            subprocess.run(["sqlite3", str(plane.home / "journal.db"),
                            "UPDATE meta SET value = '999' WHERE key LIKE '%schema%'"], check=True)
            refused = subprocess.run([binary(), "serve", "--home", str(plane.home)], text=True,
                                     capture_output=True, timeout=20, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("999", refused.stderr)
        finally:
            plane.process = None
            plane.close()

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_disk_refuses_and_loses_nothing(self):
        home = pathlib.Path(tempfile.mkdtemp(prefix="mw-test-full-"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", str(home)],
                                 check=False, capture_output=True)
        if mounted.returncode != 0:
            home.rmdir()
            self.skipTest("no mounts here: " + mounted.stderr.decode().strip())
        plane = ControlPlane(nodes=["a:2"], home=home)
        try:
            plane.start()
            done = plane.submit(job("before", "true"))
            plane.wait_job(done, ["succeeded"])
            running = plane.submit(job("during", "while [ ! -e go ]; do sleep 0.02; done"))
            plane.wait_job(running, ["running"])
            ballast = home / "ballast"
            with open(ballast, "wb") as file, self.assertRaises(OSError):
                while True:
                    os.write(file.fileno(), b"x" * 4096)

            def refused():
                try:
                    plane.submit(job("full", "true", environment={"BIG": "x" * 9000}))
                    return None
                except Refused as error:
                    return error

            error = wait_for("the store to be full", refused)
            self.assertEqual(error.status, 503)
            self.assertRegex(error.body, r"(?i)full|space")
            ballast.unlink()
            (home / "go").touch()
            plane.wait_job(running, ["succeeded"])
            after = wait_for("submits to work again", lambda: self.try_submit(plane))
            plane.wait_job(after, ["succeeded"])
            self.assertEqual(plane.job(done)["state"], "succeeded")
            plane.stop()
            plane.mw("journal", "verify")
        finally:
            plane.close()
            subprocess.run(["umount", str(home)], check=False)
            home.rmdir()

    @staticmethod
    def try_submit(plane):
        try:
            return plane.submit(job("after", "true"))
        except Refused:
            return None

    def test_a_terminal_gets_a_table_that_fits(self):
        with ControlPlane(nodes=["n0:4"]) as plane:
            plane.submit(job("x" * 64, "true", array=3))
            for columns in ("40", "80", "200"):
                out = subprocess.run(["script", "-qec", f"stty cols {columns}; {binary()} jobs", "/dev/null"],
                                     env=plane.environment, text=True, capture_output=True, check=False).stdout
                plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
                for line in plain.splitlines():
                    self.assertLessEqual(len(line.rstrip("\r")), int(columns), line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
