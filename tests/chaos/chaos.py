#!/usr/bin/env python3
"""Kills the control plane at random moments while gangs are submitted and run, and holds it to
its promises: no acknowledged submit lost, no task started twice or left behind, the ledger exact,
the journal clean. Then kills ranks and supervisors, and all of them at once.

    ./dev chaos [ROUNDS] [--seed N]
"""

import argparse
import collections
import http.client
import pathlib
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from control_plane import ControlPlane, Refused, wait_for  # noqa: E402

# Each task writes down that it began and that it ended, one atomic line each.
TASK = """
echo "begin $MILLWRIGHT_JOB_ID $MILLWRIGHT_ATTEMPT $MILLWRIGHT_RANK $$" >> {log}
sleep {seconds}
echo "end $MILLWRIGHT_JOB_ID $MILLWRIGHT_ATTEMPT $MILLWRIGHT_RANK $$" >> {log}
"""


class Diary:
    """What the tasks themselves say happened."""

    def __init__(self, path):
        self.path = path

    def counts(self, word):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return collections.Counter(
            tuple(int(n) for n in line.split()[1:4]) for line in lines if line.startswith(word + " ")
        )


def gang(name, log, seconds, tasks=3):
    return {
        "name": name,
        "tasks": tasks,
        "resources": {"accelerators": 1, "cpus": 0},
        "script": TASK.format(log=log, seconds=seconds),
        "restart": {"limit": 5, "delay": "100ms"},
        "grace": "2s",
    }


class Submitter(threading.Thread):
    """Submits gangs with a key each, asking again until it is answered."""

    def __init__(self, plane, specs, pause):
        super().__init__(daemon=True)
        self.plane = plane
        self.specs = specs
        self.pause = pause
        self.acknowledged = {}
        self.again = 0

    def run(self):
        for spec in self.specs:
            while spec["name"] not in self.acknowledged:
                try:
                    self.acknowledged[spec["name"]] = self.plane.submit(spec, key=spec["name"])
                except (OSError, Refused, ValueError, http.client.HTTPException):
                    self.again += 1
                    time.sleep(0.01)
            time.sleep(self.pause)


def kill_control_plane(plane, rounds, gangs, rng):
    diary = Diary(plane.home / "diary")
    specs = [
        gang(f"gang-{i}", diary.path, round(rng.uniform(0.2, 3.0), 2), rng.choice([1, 2, 3, 4]))
        for i in range(gangs)
    ]
    tasks = {spec["name"]: spec["tasks"] for spec in specs}
    submitter = Submitter(plane, specs, pause=rounds * 0.1 / gangs)
    submitter.start()
    began = time.monotonic()
    for done in range(rounds):
        time.sleep(rng.uniform(0.0, 0.12))
        plane.kill()
        # Half of the time it is killed again before it has finished coming up.
        plane.start(wait=rng.random() < 0.5)
        if sys.stderr.isatty() or (done + 1) % 50 == 0:
            print(f"\r  {done + 1}/{rounds} kills", end="", file=sys.stderr, flush=True)
    print(f" in {time.monotonic() - began:.0f} s", file=sys.stderr)
    wait_for("the control plane to answer", plane._answers, 30)
    submitter.join(120)
    assert not submitter.is_alive(), "submits were never acknowledged"
    for name, job in submitter.acknowledged.items():
        view = plane.wait_job(job, seconds=120)
        assert view["name"] == name, f"job {job} is {view['name']}, not {name}: a submit was lost"
        assert view["state"] == "succeeded", f"job {job} {view['state']}: {view['last_detail']}"
        assert view["attempts"] == 1, f"job {job} was disturbed: {view['attempts']} attempts"
    begins, ends = diary.counts("begin"), diary.counts("end")
    twice = [key for key, count in begins.items() if count > 1]
    assert not twice, f"(job, attempt, rank) started more than once: {twice}"
    expected = {
        (job, 1, rank) for name, job in submitter.acknowledged.items() for rank in range(tasks[name])
    }
    assert set(begins) == expected, f"started: {sorted(begins)}; expected: {sorted(expected)}"
    assert begins == ends, "a task began and did not end"
    jobs = plane.get("/v1/jobs?limit=1000")["jobs"]
    assert len(jobs) == gangs, f"{len(jobs)} jobs of {gangs} submitted: a retry made a second one"
    return len(expected), submitter.again


def kill_tasks(plane, rng):
    """Kills one rank, one supervisor, all ranks, all supervisors; each job must end well."""
    diary = Diary(plane.home / "diary2")
    import os
    import signal

    def running(job, attempt, tasks):
        def all_there():
            begun = diary.counts("begin")
            return all((job, attempt, rank) in begun for rank in range(tasks))

        wait_for(f"job {job} to run", all_there, 30)
        return wait_for(
            "its supervisors", lambda: len(plane.supervisors(job)) == tasks and plane.supervisors(job)
        )

    def one_rank(job):
        os.kill(rng.choice(plane.task_processes(job)[0]), signal.SIGKILL)

    def all_ranks(job):
        for pids in plane.task_processes(job).values():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def one_supervisor(job):
        os.kill(rng.choice(plane.supervisors(job)), signal.SIGKILL)

    def all_supervisors(job):
        for pid in plane.supervisors(job):
            os.kill(pid, signal.SIGKILL)

    def supervisors_while_away(job):
        plane.kill()
        all_supervisors(job)
        plane.start()

    cases = [one_rank, all_ranks, one_supervisor, all_supervisors, supervisors_while_away]
    for case in cases:
        job = plane.submit(gang(case.__name__, diary.path, 1.5))
        running(job, 1, 3)
        case(job)
        view = plane.wait_job(job, seconds=60)
        assert view["state"] == "succeeded", f"{case.__name__}: {view['state']}"
        assert view["attempts"] == 2, f"{case.__name__}: {view['attempts']} attempts"
        begins = diary.counts("begin")
        for rank in range(3):
            assert begins[(job, 2, rank)] == 1, f"{case.__name__}: rank {rank} of attempt 2"
        story = plane.get(f"/v1/jobs/{job}/story")["events"]
        ended = [event for event in story if event["kind"] == "attempt_ended"]
        assert [event["cause"] for event in ended] == ["task_failed", "completed"], ended
        assert int(ended[0]["lost_work_milli_ns"]) > 0, "what was lost is not in the story"
        print(f"  {case.__name__}: ok", file=sys.stderr)
    return len(cases)


def check_books(plane):
    ledger = plane.get("/v1/ledger")
    assert ledger["balanced"], ledger
    total = sum(int(row["time"]) for row in ledger["categories"])
    assert total == int(ledger["capacity_time"]), "the categories do not add up to the capacity"
    plane.stop()
    print("  " + plane.mw("journal", "verify", timeout=300).stdout.strip(), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=200, help="kills (default 200)")
    parser.add_argument("--gangs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="keep the home when it fails")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    plane = ControlPlane(nodes=["n0:4", "n1:4"])
    print(f"chaos: seed {options.seed}, home {plane.home}", file=sys.stderr)
    plane.start()
    ok = False
    try:
        tasks, again = kill_control_plane(plane, options.rounds, options.gangs, rng)
        cases = kill_tasks(plane, rng)
        check_books(plane)
        ok = True
    finally:
        if not ok:
            copy = f"/tmp/mw-chaos-{options.seed}"
            shutil.copytree(
                plane.home, copy, dirs_exist_ok=True,
                ignore=lambda d, names: [n for n in names if n.endswith(".sock")],
            )
            print(f"chaos: FAILED; repeat with --seed {options.seed}; home kept in {copy}", file=sys.stderr)
        plane.close()
    print(
        f"chaos: {options.rounds} kills of the control plane, {options.gangs} gangs of {tasks} tasks"
        f" ({again} submits asked again), {cases} kills of tasks: nothing lost, nothing twice"
    )


if __name__ == "__main__":
    main()
