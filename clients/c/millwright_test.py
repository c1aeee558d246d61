"""millwright.h, compiled as strict C99 and as C++, against a server that remembers."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import fake_server  # noqa: E402

SENT, HELD, NO_JOB, FAILED, REFUSED = 0, 1, 2, -1, -2


class HeaderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = os.path.join(folder.name, "driver")
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1"]
        source = str(HERE / "millwright_test.c")
        subprocess.run(["cc", "-std=c99", *strict, "-fsanitize=address,undefined",
                        "-fno-sanitize-recover=all", source, "-o", cls.program], check=True)
        subprocess.run(["c++", "-std=c++20", "-x", "c++", *strict, "-fsyntax-only", source],
                       check=True)

    def start(self, url=None, **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MILLWRIGHT_")}
        for name in ("RANK", "WORLD_SIZE"):
            environment.pop(name, None)
        if url is not None:
            environment.update(MILLWRIGHT_URL=url, MILLWRIGHT_TOKEN="mwa1.7.1.00",
                               MILLWRIGHT_RANK="3", MILLWRIGHT_TASKS="4")
        environment.update(more)
        process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env=environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def call(self, process, line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
        return int(answer) if answer.lstrip("-").isdigit() else answer

    def serve(self, **options):
        server = fake_server.FakeServer(**options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def test_the_median_of_25_steps_is_told(self):
        server = self.serve()
        process = self.start(server.url)
        for step in range(24):
            self.assertEqual(self.call(process, f"step_time {9 if step == 3 else 1 + step / 100}"),
                             HELD)
        self.assertEqual(self.call(process, "step_time -1"), REFUSED)
        self.assertEqual(server.bodies(), [])
        self.assertEqual(self.call(process, "step_time 0.5"), SENT)
        self.assertEqual(server.bodies(), [{"rank": 3, "step_time_s": 1.12}])

    def test_report(self):
        server = self.serve()
        process = self.start(server.url)
        self.assertEqual(self.call(process, 'report 5 2.5 to"k\\ens'), SENT)
        self.assertEqual(server.bodies(), [{"rank": 3, "step": 5, "loss": 2.5, "unit": 'to"k\\ens'}])
        self.assertEqual(server.tokens, {"Bearer mwa1.7.1.00"})

    def test_reports_in_quick_succession_are_held_and_the_last_is_sent_by_close(self):
        server = self.serve()
        process = self.start(server.url)
        outcomes = [self.call(process, f"report {step} 1.0 tokens") for step in range(200)]
        self.assertEqual(outcomes[0], SENT)
        self.assertIn(HELD, outcomes)
        self.assertLess(outcomes.count(SENT), 100)
        self.call(process, "report 777 1.0 tokens")
        self.assertEqual(self.call(process, "close"), SENT)
        self.assertEqual(server.bodies()[-1]["step"], 777)

    def test_checkpoints_keep_their_place_among_reports(self):
        server = self.serve()
        process = self.start(server.url)
        for line in ("report 1 1.0 t", "report 2 1.0 t", "begin", "saved /tmp/two 2"):
            self.assertIn(self.call(process, line), (SENT, HELD))
        # The second may have been sent or held, as the clock's second fell; never lost or late.
        self.assertEqual([b.get("step", b.get("checkpointing", b.get("checkpoint")))
                          for b in server.bodies()],
                         [1, 2, True, {"path": "/tmp/two", "step": 2}])

    def test_a_loss_that_is_no_number_is_a_fault(self):
        server = self.serve()
        process = self.start(server.url)
        self.assertEqual(self.call(process, "report 1 nan t"), SENT)
        fault = {"rank": 3, "fault": {"code": "job.nan_loss", "detail": "at step 1"}}
        self.assertEqual(server.bodies(), [fault, {"rank": 3, "step": 1, "unit": "t"}])
        self.call(process, "report 2 nan t")
        self.assertEqual([b for b in server.bodies() if "fault" in b], [fault], "told once")
        self.call(process, "report 3 1.5 t")
        self.call(process, "report 4 nan t")
        self.assertEqual([b["fault"]["detail"] for b in server.bodies() if "fault" in b],
                         ["at step 1", "at step 4"])

    def test_faults(self):
        server = self.serve()
        process = self.start(server.url)
        self.assertEqual(self.call(process, "fault job.slow_rank"), SENT)
        self.assertEqual(server.bodies(), [{"rank": 3, "fault": {"code": "job.slow_rank",
                                                                 "detail": "3 s behind"}}])

    def test_a_detail_is_cut_between_characters(self):
        server = self.serve()
        process = self.start(server.url)
        self.assertEqual(self.call(process, "long job.slow_rank"), SENT)
        detail = server.bodies()[0]["fault"]["detail"]
        self.assertEqual(detail, "\u00e4" * 249)

    def test_the_answer_says_what_is_wanted(self):
        server = self.serve()
        process = self.start(server.url)
        self.assertEqual(self.call(process, "wanted"), "0 within inf")
        self.assertEqual(self.call(process, "interval"), "every 30")
        for body, wanted, least, most, interval in (
                (b'{"ok":true,"checkpoint_wanted":true,"checkpoint_within_s":5.405E2,'
                 b'"checkpoint_interval_s":1.25E1,"attempt":1}', "1", 500, 540.5, "12.5"),
                (b'{"ok":true,"checkpoint_wanted":true,"checkpoint_within_s":null,'
                 b'"checkpoint_interval_s":null}', "1", float("inf"), float("inf"), "30"),
                (b'{"ok":true, "checkpoint_wanted": true, "checkpoint_within_s": 0}', "1", 0, 0, "30"),
                (b'{"ok":true}', "0", float("inf"), float("inf"), "30"),
                (b'[]', "0", float("inf"), float("inf"), "30")):
            server.body = body
            self.assertEqual(self.call(process, "saved /tmp/c 1"), SENT)
            said, _, within = self.call(process, "wanted").partition(" within ")
            self.assertEqual(said, wanted, body)
            self.assertTrue(least <= float(within) <= most, (body, within))
            self.assertEqual(self.call(process, "interval"), "every " + interval)

    def test_finds_the_control_plane_where_it_came_back(self):
        server = self.serve()
        with fake_server.closed_port() as port, tempfile.TemporaryDirectory() as home:
            endpoint = pathlib.Path(home, "endpoint")
            endpoint.write_text(server.url + "\n")
            process = self.start(f"http://127.0.0.1:{port}",
                                 MILLWRIGHT_ENDPOINT_FILE=str(endpoint))
            self.assertEqual(self.call(process, "saved /tmp/c 1"), SENT)

    def test_keeps_the_newest_checkpoint_while_the_control_plane_is_away(self):
        with fake_server.closed_port() as port, tempfile.TemporaryDirectory() as home:
            endpoint = pathlib.Path(home, "endpoint")
            process = self.start(f"http://127.0.0.1:{port}",
                                 MILLWRIGHT_ENDPOINT_FILE=str(endpoint))
            self.assertEqual(self.call(process, "saved /tmp/old 1"), FAILED)
            self.assertEqual(self.call(process, "saved /tmp/new 2"), FAILED)
            server = self.serve()
            endpoint.write_text(server.url + "\n")
            self.assertEqual(self.call(process, "close"), SENT)
            self.assertEqual([b["checkpoint"] for b in server.bodies()],
                             [{"path": "/tmp/new", "step": 2}])

    def test_falls_silent_when_the_attempt_is_over(self):
        server = self.serve(answers=[409])
        process = self.start(server.url)
        self.assertEqual(self.call(process, "report 1 1.0 t"), REFUSED)
        self.assertEqual(self.call(process, "saved /tmp/c 1"), REFUSED)
        self.assertEqual((server.bodies(), server.refused), ([], [409]))

    def test_a_relative_path_is_refused(self):
        process = self.start(self.serve().url)
        self.assertEqual(self.call(process, "saved c.pt 1"), REFUSED)

    def test_outside_a_job_nothing_happens(self):
        process = self.start()
        self.assertEqual(self.call(process, "report 1 1.0 t"), NO_JOB)
        self.assertEqual(self.call(process, "resume"), "none")
        self.assertEqual(self.call(process, "rank"), "0 of 1")

    def test_what_the_environment_says(self):
        process = self.start("http://127.0.0.1:1", MILLWRIGHT_CHECKPOINT_PATH="/c/5.pt",
                             MILLWRIGHT_CHECKPOINT_STEP="5")
        self.assertEqual(self.call(process, "resume"), "/c/5.pt 5")
        self.assertEqual(self.call(process, "rank"), "3 of 4")


if __name__ == "__main__":
    unittest.main()
