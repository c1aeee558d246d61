#!/usr/bin/env python3
"""The twin against the live control plane: 60 short real jobs, then the same jobs simulated.

A control plane with two declared nodes of four slots each starts real processes that sleep for known
times; submission, placement and end of each job are read from its API. Before that, a few jobs run
alone, so that the twin can be told what the local engine takes to start and notice the end of a job;
nothing else is fitted. The twin then gets the jobs as they were submitted, and both are shown job by
job. Ends with 1 when the makespans or the mean waits differ by more than 3 %;
on Slurm, the makespans.

With --slurm the jobs run on a real Slurm cluster of two nodes of eight slots instead, which the script
starts and ends; then all jobs have one task.

    tests/validate/twin_against_live.py [--slurm] [--jobs N] [--seed N] [--json]
"""

import argparse
import contextlib
import csv
import io
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import slurm_cluster  # noqa: E402
from control_plane import ROOT, ControlPlane  # noqa: E402

NODES, SLOTS = 2, 4
SLURM_SLOTS = 8
SLURM_EVERY_S = 0.3  # between two jobs, on average
ALLOWED = 0.03
VERDICTS = {True: "met", False: "MISSED", None: "(not promised)"}


def validate_program():
    """mw_validate: $MW_VALIDATE, or the release build."""
    program = os.environ.get("MW_VALIDATE") or ROOT / "build/release/tests/validate/mw_validate"
    if not pathlib.Path(program).exists():
        raise SystemExit(f"{program} is not there; run ./dev validate --quick first")
    return str(program)


def draw_jobs(count, seed, sizes, every_s):
    """(arrival s, tasks, length s): more than the slots can do at once, so that jobs wait."""
    draws = random.Random(seed)
    at, jobs = 0.0, []
    for _ in range(count):
        jobs.append((at, draws.choice(sizes), round(draws.uniform(2, 10), 3)))
        at += draws.expovariate(1 / every_s)
    return jobs


def submit(plane, tasks, length):
    return plane.submit(
        {
            "name": "sleeper",
            "command": ["/bin/sleep", str(length)],
            "tasks": tasks,
            "resources": {"accelerators": 1, "cpus": 0},
        }
    )


def times(plane, job):
    view = plane.wait_job(job, seconds=600)
    if view["state"] != "succeeded":
        raise SystemExit(f"job {job} is {view['state']}")
    # started_at is the placement of its first attempt, which is its only one.
    return view["submitted_at_ns"], view["started_at_ns"], view["finished_at_ns"]


@contextlib.contextmanager
def local_plane():
    with ControlPlane(nodes=[f"n{i}:{SLOTS}" for i in range(NODES)]) as plane:
        yield plane


@contextlib.contextmanager
def slurm_plane():
    with slurm_cluster.SlurmCluster(leaves=(("n1", "n2"),)) as cluster:
        plane = ControlPlane(user=slurm_cluster.REST_USER)
        plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-partition", "main"]
        with plane:
            yield plane


def overhead_alone(plane):
    """What a job takes beyond its sleep, by itself: the median of 8, in ns."""
    alone = []
    for _ in range(8):
        _, placed, ended = times(plane, submit(plane, 1, 0.5))
        alone.append(ended - placed - 500_000_000)
    return statistics.median(alone)


def overhead_under_way(plane, every_s):
    """The same of jobs that come one after the other and never wait, the mean of 40: Slurm starts jobs by
    and by, and is asked for news more often while some are on their way."""
    numbers = []
    for _ in range(40):
        numbers.append(submit(plane, 1, 2))
        time.sleep(every_s)
    spans = [times(plane, number) for number in numbers]
    return statistics.mean(ended - placed - 2_000_000_000 for _, placed, ended in spans)


def run_live(jobs, make_plane, overhead):
    with make_plane() as plane:
        overhead_ns = overhead(plane)
        begin = time.monotonic() + 0.5
        numbers = []
        for at, tasks, length in jobs:
            time.sleep(max(0.0, begin + at - time.monotonic()))
            numbers.append(submit(plane, tasks, length))
        return overhead_ns, [times(plane, number) for number in numbers]


def run_twin(jobs, live, overhead_ns, slots):
    first = live[0][0]
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("submitted_ns,tasks,work_ns\n")
        for (submitted, _, _), (_, tasks, length) in zip(live, jobs):
            file.write(f"{submitted - first},{tasks},{round(length * 1e9)}\n")
        file.flush()
        text = subprocess.run(
            [validate_program(), "--list", file.name, "--nodes", str(NODES),
             "--accelerators", str(slots), "--launch-ns", str(round(overhead_ns))],
            check=True, capture_output=True, text=True,
        ).stdout
    return [
        tuple(first + int(row[key]) for key in ("submitted_ns", "placed_ns", "ended_ns"))
        for row in csv.DictReader(io.StringIO(text))
    ]


def summary(rows):
    makespan = (max(row[2] for row in rows) - min(row[0] for row in rows)) / 1e9
    return makespan, statistics.mean(row[1] - row[0] for row in rows) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--slurm", action="store_true", help="on a Slurm cluster; needs root")
    parser.add_argument("--jobs", type=int, default=None, help="60, or 200 on Slurm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.slurm:
        if problem := slurm_cluster.why_not():
            raise SystemExit(problem)
        slurm_cluster.own_namespace()
        jobs = draw_jobs(options.jobs or 200, options.seed, [1], SLURM_EVERY_S)
        overhead, live = run_live(jobs, slurm_plane, lambda plane: overhead_under_way(plane, SLURM_EVERY_S))
    else:
        jobs = draw_jobs(options.jobs or 60, options.seed, [1, 1, 1, 2, 2, 4], 0.9)
        overhead, live = run_live(jobs, local_plane, overhead_alone)
    twin = run_twin(jobs, live, overhead, SLURM_SLOTS if options.slurm else SLOTS)
    if len(twin) != len(live):
        raise SystemExit(f"{len(live)} jobs ran, {len(twin)} were simulated")
    begin = live[0][0]
    figures = []
    for name, one, other in zip(("makespan", "mean wait"), summary(live), summary(twin)):
        difference = (other - one) / one
        # When Slurm starts a job varies by more than a wait's 3 %; over all of them it evens out.
        promised = name == "makespan" or not options.slurm
        figures.append({"quantity": name, "live_s": one, "twin_s": other, "difference": difference,
                        "met": abs(difference) <= ALLOWED if promised else None})
    if options.json:
        for row in figures:
            print(json.dumps(row))
    else:
        engine = "Slurm" if options.slurm else "the local engine"
        print(f"start and end of a job on {engine}: {overhead / 1e6:.1f} ms")
        print("job  tasks  length   submitted | placed: live     twin    apart |  ended: live     twin")
        for i, ((_, tasks, length), a, b) in enumerate(zip(jobs, live, twin), 1):
            seconds = [(value - begin) / 1e9 for value in (a[0], a[1], b[1], a[2], b[2])]
            print(f"{i:3}  {tasks:5}  {length:6.3f}  {seconds[0]:10.3f} | {seconds[1]:12.3f} "
                  f"{seconds[2]:8.3f} {seconds[2] - seconds[1]:+8.3f} | {seconds[3]:12.3f} "
                  f"{seconds[4]:8.3f}")
        for row in figures:
            print(f"{row['quantity']:9}  live {row['live_s']:8.3f} s  twin {row['twin_s']:8.3f} s  "
                  f"{row['difference'] * 100:+.2f} %  {VERDICTS[row['met']]}")
    return 1 if any(row["met"] is False for row in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
