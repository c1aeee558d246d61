"""train.py without a control plane around it, against a server that remembers: it learns, it
reports, and however it is interrupted it ends with the very loss of an uninterrupted run."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "clients"))

import fake_server  # noqa: E402

STEPS = 40
DEADLINE_S = 240   # this machine may be busy with other tests


def checkpoints(bodies):
    return [body["checkpoint"] for body in bodies if "checkpoint" in body]


class Gang:
    """Two ranks of train.py.  REQUIRES: used as a context manager, so that none outlives it."""

    def __init__(self, server, cache, resume_from=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MILLWRIGHT_")}
        environment.update(
            WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), OMP_NUM_THREADS="1",
            MILLWRIGHT_URL=server.url, MILLWRIGHT_TOKEN="mwa1.1.1.aa", MILLWRIGHT_TASKS="2",
            MILLWRIGHT_JOB_ID="1", XDG_CACHE_HOME=cache)
        if resume_from is not None:
            environment.update(MILLWRIGHT_CHECKPOINT_PATH=resume_from["path"],
                               MILLWRIGHT_CHECKPOINT_STEP=str(resume_from["step"]))
        command = ["/usr/bin/python3", str(HERE / "train.py"), "--steps", str(STEPS),
                   "--checkpoint-every", "15", "--report-every", "1"]
        self.ranks = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env={**environment, "RANK": str(rank), "MILLWRIGHT_RANK": str(rank)})
            for rank in range(2)]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for rank in self.ranks:
            rank.kill()
            rank.communicate()

    def finish(self):
        """Exit statuses, and what rank 0 wrote."""
        outputs = [rank.communicate(timeout=DEADLINE_S)[0] for rank in self.ranks]
        return [rank.returncode for rank in self.ranks], outputs[0]


class TrainTest(unittest.TestCase):
    def run_gang(self, cache, interrupt=None, resume_from=None):
        """Statuses, output of rank 0, and what was reported. `interrupt` = (when, what to do)."""
        with fake_server.FakeServer() as server, Gang(server, cache, resume_from) as gang:
            if interrupt is not None:
                server.wait_for(interrupt[0], DEADLINE_S)
                interrupt[1](gang)
            statuses, output = gang.finish()
            return statuses, output, server.bodies()

    def last_line(self, output):
        """Of the last step, without its rate, which differs from run to run."""
        lines = [line for line in output.splitlines() if line.startswith(f"step {STEPS}/{STEPS} ")]
        self.assertEqual(len(lines), 1, output)
        return lines[0].split("  ")[:2]

    def test_learns_reports_and_survives(self):
        with tempfile.TemporaryDirectory() as cache:
            statuses, output, bodies = self.run_gang(cache)
            self.assertEqual(statuses, [0, 0], output)
            expected = self.last_line(output)
            progress = [body for body in bodies if "loss" in body]
            self.assertGreater(progress[0]["loss"], progress[-1]["loss"] + 1.0)
            self.assertEqual(progress[-1]["step"], STEPS)
            self.assertEqual(progress[-1]["unit"], "tokens")
            self.assertEqual(checkpoints(bodies)[-1]["step"], STEPS)

        with self.subTest("told to stop"), tempfile.TemporaryDirectory() as cache:
            def terminate(gang):
                for rank in gang.ranks:
                    rank.send_signal(signal.SIGTERM)
            after_some = lambda bodies: any(b.get("step", 0) >= 2 for b in bodies)
            statuses, output, bodies = self.run_gang(cache, (after_some, terminate))
            self.assertEqual(statuses, [143, 143], output)
            saved = checkpoints(bodies)[-1]
            self.assertTrue(os.path.isfile(saved["path"]))
            statuses, output, _ = self.run_gang(cache, resume_from=saved)
            self.assertEqual(statuses, [0, 0], output)
            self.assertIn(f"from step {saved['step']} to", output)
            self.assertEqual(self.last_line(output), expected)

        with self.subTest("a rank is killed"), tempfile.TemporaryDirectory() as cache:
            statuses, output, bodies = self.run_gang(
                cache, (checkpoints, lambda gang: gang.ranks[1].kill()))
            self.assertEqual(statuses, [1, -signal.SIGKILL], output)
            saved = checkpoints(bodies)[-1]
            statuses, output, _ = self.run_gang(cache, resume_from=saved)
            self.assertEqual(statuses, [0, 0], output)
            self.assertEqual(self.last_line(output), expected)


if __name__ == "__main__":
    unittest.main()
