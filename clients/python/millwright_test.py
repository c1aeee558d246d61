"""millwright.py against a server that remembers: what is sent, how often, in which order, and what
happens when the control plane is away, elsewhere, or no longer interested."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import fake_server  # noqa: E402
import millwright  # noqa: E402


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(millwright.close)   # no thread outlives its test
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MILLWRIGHT_")}
        patch = mock.patch.dict(os.environ, clean, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def inside_job(self, url, **more):
        os.environ.update(MILLWRIGHT_URL=url, MILLWRIGHT_TOKEN="mwa1.7.1.00", MILLWRIGHT_RANK="3",
                          MILLWRIGHT_TASKS="4", **more)

    def serve(self, **options):
        server = fake_server.FakeServer(**options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def test_report_carries_what_was_given_and_the_token(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step=5, steps_total=10, loss=2.5, samples=80, rate=12.5, unit="tokens")
        server.wait_for(lambda bodies: bodies)
        self.assertEqual(server.bodies(), [{"rank": 3, "step": 5, "steps_total": 10, "loss": 2.5,
                                            "samples": 80, "rate": 12.5, "unit": "tokens"}])
        self.assertEqual(server.tokens, {"Bearer mwa1.7.1.00"})

    def test_the_median_of_25_steps_is_told(self):
        server = self.serve()
        self.inside_job(server.url)
        for step in range(24):
            millwright.step_time(9 if step == 3 else 1 + step / 100)
        millwright.step_time(float("nan"))
        millwright.step_time("soon")
        self.assertEqual(server.bodies(), [])
        millwright.step_time(0.5)
        self.assertTrue(millwright.flush(10))
        self.assertEqual(server.bodies(), [{"rank": 3, "step_time_s": 1.12}])

    def test_the_answer_says_of_which_attempt_the_rank_is(self):
        server = self.serve(body=b'{"ok":true,"attempt":4}')
        self.inside_job(server.url)
        self.assertEqual(millwright.attempt(), int(os.environ.get("MILLWRIGHT_ATTEMPT", "1")))
        millwright.report(step=1)
        self.assertTrue(millwright.flush(10))
        self.assertEqual(millwright.attempt(), 4)

    def test_a_fault_is_told_once_while_it_waits(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step=1)
        for _ in range(50):
            millwright.fault("job.slow_rank", "3 s behind")
        self.assertTrue(millwright.flush(10))
        faults = [b for b in server.bodies() if "fault" in b]
        self.assertEqual(faults[0], {"rank": 3, "fault": {"code": "job.slow_rank",
                                                          "detail": "3 s behind"}})
        self.assertLess(len(faults), 10)

    def test_the_answer_says_that_a_checkpoint_is_wanted(self):
        server = self.serve(body=b'{"ok":true,"checkpoint_wanted":true}')
        self.inside_job(server.url)
        self.assertFalse(millwright.checkpoint_wanted())
        millwright.report(step=1)
        self.assertTrue(millwright.flush(10))
        self.assertTrue(millwright.checkpoint_wanted())
        self.assertEqual(millwright.checkpoint_within(7), 7)
        server.body = b'{"ok":true,"checkpoint_wanted":true,"checkpoint_within_s":540.5}'
        millwright.report(step=2)
        self.assertTrue(millwright.flush(10))
        left = millwright.checkpoint_within()
        self.assertTrue(0 < left <= 540.5, left)
        server.body = b'{"ok":true}'
        millwright.report(step=3)
        self.assertTrue(millwright.flush(10))
        self.assertFalse(millwright.checkpoint_wanted())
        self.assertIsNone(millwright.checkpoint_within())

    def test_the_answer_says_how_often_to_save(self):
        server = self.serve(body=b'{"ok":true,"checkpoint_interval_s":12.5}')
        self.inside_job(server.url)
        self.assertIsNone(millwright.checkpoint_interval())
        for body, interval in ((server.body, 12.5), (b'{"checkpoint_interval_s":null}', 30),
                               (b'{"checkpoint_interval_s":-1}', 30), (b'[]', 30)):
            server.body = body
            millwright.report(step=1)
            self.assertTrue(millwright.flush(10))
            self.assertEqual(millwright.checkpoint_interval(30), interval)

    def test_many_reports_become_few_and_the_last_is_sent_at_the_end(self):
        server = self.serve()
        self.inside_job(server.url)
        began = time.monotonic()
        for step in range(1, 5001):
            millwright.report(step=step)
        millwright.close()
        took = time.monotonic() - began
        self.assertEqual(server.bodies()[-1]["step"], 5000)
        self.assertLessEqual(len(server.bodies()), took / millwright.REPORT_INTERVAL_S + 3)

    def test_later_reports_are_a_second_apart(self):
        server = self.serve()
        self.inside_job(server.url)
        step = 0
        deadline = time.monotonic() + 20
        while len(server.bodies()) < 3 and time.monotonic() < deadline:
            step += 1
            millwright.report(step=step)
            time.sleep(0.005)   # a training step, not a wait for something
        times = [at for at, _ in server.reports]
        self.assertGreaterEqual(len(times), 3)
        # The server notes the arrival, the client times from the answer: so never less.
        for earlier, later in zip(times, times[1:]):
            self.assertGreaterEqual(later - earlier, 0.9 * millwright.REPORT_INTERVAL_S)

    def test_values_left_out_of_a_held_back_report_are_kept(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step=1)
        server.wait_for(lambda bodies: bodies)
        millwright.report(step=2, loss=1.5)
        millwright.report(step=3)
        millwright.close()
        self.assertEqual(server.bodies()[-1], {"rank": 3, "step": 3, "loss": 1.5})

    def test_checkpoints_keep_their_place_among_reports(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step=1)
        server.wait_for(lambda bodies: bodies)
        millwright.report(step=2)   # held back, until a checkpoint begins
        millwright.checkpoint_begin()
        millwright.checkpoint_saved("/tmp/two", 2)
        millwright.report(step=3)
        millwright.close()
        self.assertEqual(server.bodies(), [
            {"rank": 3, "step": 1}, {"rank": 3, "step": 2}, {"rank": 3, "checkpointing": True},
            {"rank": 3, "checkpoint": {"path": "/tmp/two", "step": 2}}, {"rank": 3, "step": 3}])

    def test_a_relative_checkpoint_path_becomes_absolute(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.checkpoint_saved(pathlib.Path("x.pt"), 1)
        self.assertTrue(millwright.flush(20))
        self.assertEqual(server.bodies()[0]["checkpoint"]["path"], os.path.abspath("x.pt"))

    def test_finds_the_control_plane_where_it_comes_back(self):
        with fake_server.closed_port() as port, tempfile.TemporaryDirectory() as home:
            endpoint = pathlib.Path(home, "endpoint")
            self.inside_job(f"http://127.0.0.1:{port}", MILLWRIGHT_ENDPOINT_FILE=str(endpoint))
            millwright.checkpoint_saved("/tmp/old", 1)
            millwright.checkpoint_saved("/tmp/new", 2)
            self.assertFalse(millwright.flush(0.3))
            server = self.serve()
            endpoint.write_text(server.url + "\n")
            server.wait_for(lambda bodies: any(
                b.get("checkpoint") == {"path": "/tmp/new", "step": 2} for b in bodies))

    def test_tries_again_while_the_store_is_unavailable(self):
        server = self.serve(answers=[503, 503])
        self.inside_job(server.url)
        millwright.checkpoint_saved("/tmp/c", 4)
        self.assertTrue(millwright.flush(20))
        self.assertEqual(server.refused, [503, 503])
        self.assertEqual(server.bodies(), [{"rank": 3, "checkpoint": {"path": "/tmp/c", "step": 4}}])

    def test_falls_silent_when_the_attempt_is_over(self):
        server = self.serve(answers=[409])
        self.inside_job(server.url)
        millwright.report(step=1)
        server.wait_for_refusals(1)
        self.assertFalse(millwright.flush(20))
        millwright.report(step=2)
        millwright.close()
        self.assertEqual((server.bodies(), server.refused), ([], [409]))

    def test_one_bad_message_does_not_stop_the_next(self):
        server = self.serve(answers=[400])
        self.inside_job(server.url)
        millwright.report(step=1)
        server.wait_for_refusals(1)
        millwright.report(step=2)
        millwright.close()
        self.assertEqual(server.bodies(), [{"rank": 3, "step": 2}])

    def test_flush_tells_of_a_refused_checkpoint(self):
        server = self.serve(answers=[400])
        self.inside_job(server.url)
        millwright.checkpoint_saved("/tmp/1", 1)
        self.assertFalse(millwright.flush(20))
        millwright.checkpoint_saved("/tmp/2", 2)
        self.assertTrue(millwright.flush(20))
        self.assertEqual([b["checkpoint"]["step"] for b in server.bodies()], [2])

    def test_nonsense_is_left_out_and_never_raises(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step="x", steps_total=-1, loss=float("nan"), rate=float("inf"), samples=3)
        millwright.report(loss=object())
        millwright.checkpoint_saved(object(), None)
        millwright.close()
        nan = {"rank": 3, "fault": {"code": "job.nan_loss", "detail": "at step x"}}
        self.assertEqual(server.bodies(), [nan, {"rank": 3, "samples": 3}])

    def test_calls_return_at_once_and_the_end_is_bounded_when_nobody_answers(self):
        with fake_server.closed_port() as port:
            self.inside_job(f"http://127.0.0.1:{port}")
            began = time.monotonic()
            for step in range(1000):
                millwright.report(step=step)
            millwright.checkpoint_saved("/tmp/c", 1)
            self.assertLess(time.monotonic() - began, 1.0)
            millwright.close()
            self.assertLess(time.monotonic() - began, 2 * millwright.CLOSE_TIMEOUT_S + 1)

    def test_the_program_s_end_sends_the_last_report(self):
        server = self.serve()
        self.inside_job(server.url)
        program = "import millwright\nfor i in range(9): millwright.report(step=i)"
        subprocess.run([sys.executable, "-c", program], cwd=HERE, check=True, timeout=60)
        self.assertEqual(server.bodies()[-1]["step"], 8)

    def test_outside_a_job_nothing_happens(self):
        millwright.report(step=1)
        millwright.checkpoint_begin()
        millwright.checkpoint_saved("/tmp/c", 1)
        self.assertTrue(millwright.flush(0))
        self.assertIsNone(millwright.resume())
        self.assertEqual((millwright.rank(), millwright.world_size()), (0, 1))

    def test_what_the_environment_says(self):
        os.environ.update(RANK="1", WORLD_SIZE="2")
        self.assertEqual((millwright.rank(), millwright.world_size()), (1, 2))
        self.inside_job("http://127.0.0.1:1", MILLWRIGHT_CHECKPOINT_PATH="/c/5.pt",
                        MILLWRIGHT_CHECKPOINT_STEP="5")
        self.assertEqual((millwright.rank(), millwright.world_size()), (3, 4))
        self.assertEqual(millwright.resume(), ("/c/5.pt", 5))

    def test_a_forked_child_reports_for_itself(self):
        server = self.serve()
        self.inside_job(server.url)
        millwright.report(step=1)
        self.assertTrue(millwright.flush(20))
        child = os.fork()
        if child == 0:
            millwright.report(step=2)
            os._exit(0 if millwright.flush(20) else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual([b["step"] for b in server.bodies()], [1, 2])


if __name__ == "__main__":
    unittest.main()
