#!/usr/bin/env python3
"""One workload on one small real Slurm cluster, twice: scheduled by Slurm's own backfill, and by Millwright
through its Slurm engine. Says for both how long jobs waited, by size, how long it all took, how much of
the accelerators' time was used, and under how many leaf switches jobs stood.

    ./dev bench slurm_workload [--jobs N] [--seed N] [--load X] [--json]

Jobs sleep. They, their arrivals and their time limits are drawn from the seed, and are the same on both
sides; so are the cluster, its configuration, and the instrument: the first rank of each job notes when
it begins and ends. Takes about seven minutes a side, and needs root, for Slurm starts jobs as their users.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import pwd
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/lib"))
import slurm_cluster  # noqa: E402
from control_plane import ControlPlane  # noqa: E402

LEAVES = tuple(tuple(f"n{leaf * 4 + i + 1:02}" for i in range(4)) for leaf in range(4))
GPUS = 8  # of a node
ALL_GPUS = GPUS * sum(map(len, LEAVES))
# (nodes, GPUs of each), and how many of 100 jobs are so: many small ones, a few that take half of it.
SIZES = {(1, 1): 45, (1, 2): 15, (1, 4): 10, (1, 8): 10, (2, 8): 10, (4, 8): 6, (8, 8): 4}
SECONDS = (10, 50)
MEMORY_MIB = 2_500  # of an accelerator: an eighth of a node's
USER = slurm_cluster.REST_USER
# The first rank writes when it begins and ends, and where the job is.
NOTE = ('if [ "$SLURM_PROCID" = 0 ]; then date +%s.%N > "$1.began"; echo "$SLURM_JOB_NODELIST" > "$1.nodes"; fi; '
        'sleep "$2"; if [ "$SLURM_PROCID" = 0 ]; then date +%s.%N > "$1.end.new"; mv "$1.end.new" "$1.ended"; fi')
# As its people would set it for jobs of a minute: what backfill plans with is a second and not a minute.
SCHEDULER = "bf_resolution=1,bf_continue,bf_window=60"


@dataclasses.dataclass
class Job:
    at: float       # s from the first one
    nodes: int
    gpus: int       # of each node
    seconds: int
    minutes: int    # its time limit
    submitted: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    leaves: int = 0

    def size(self):
        return self.nodes * self.gpus

    def wait(self):
        return self.began - self.submitted


class Cluster(slurm_cluster.SlurmCluster):
    def _write_configuration(self, ports, slurmd_timeout):
        super()._write_configuration(ports, slurmd_timeout)
        path = self.dir / "etc/slurm.conf"
        path.write_text(path.read_text().replace("SchedulerParameters=", f"SchedulerParameters={SCHEDULER},"))


def draw(options):
    """`load`: work that comes in a second, by what the accelerators can do in one."""
    chance = random.Random(options.seed)
    mean = sum(nodes * gpus * share for (nodes, gpus), share in SIZES.items()) / sum(SIZES.values())
    every = mean * statistics.mean(SECONDS) / ALL_GPUS / options.load
    at, jobs = 0.0, []
    for _ in range(options.jobs):
        nodes, gpus = chance.choices(list(SIZES), list(SIZES.values()))[0]
        seconds = chance.randint(*SECONDS)
        # People ask for more than they need: up to three times as much, and some for the least there is.
        minutes = math.ceil(seconds * chance.uniform(1.2, 3) / 60)
        jobs.append(Job(at, nodes, gpus, seconds, minutes))
        at += chance.expovariate(1 / every)
    return jobs


def hand_to_slurm(cluster, folder, index, job):
    script = folder / f"{index}.sh"
    script.write_text(f"#!/bin/sh\nsrun sh -c '{NOTE}' sh {folder}/{index} {job.seconds}\n")
    cluster.run("sbatch", f"--nodes={job.nodes}", f"--ntasks={job.nodes}", "--ntasks-per-node=1", "--cpus-per-task=1",
                f"--gres=gpu:{job.gpus}", f"--mem={MEMORY_MIB * job.gpus}", f"--time={job.minutes}", "--output=/dev/null",
                f"--chdir={folder}", str(script), user=USER)


def hand_to_us(plane, folder, index, job):
    plane.submit({"name": f"w{index}", "tasks": job.nodes, "nodes": job.nodes, "workdir": str(folder),
                  "command": ["sh", "-c", NOTE, "sh", f"{folder}/{index}", str(job.seconds)],
                  "time_limit": f"{job.minutes}m",
                  "resources": {"accelerators": job.gpus, "cpus": 1, "memory": f"{MEMORY_MIB * job.gpus}MiB"}})


def leaves_of(cluster, hostlist):
    names = cluster.run("scontrol", "show", "hostnames", hostlist).split()
    return len({index for index, leaf in enumerate(LEAVES) for name in names if name in leaf})


def run(cluster, folder, jobs, hand_over):
    began = time.monotonic()
    for index, job in enumerate(jobs):
        time.sleep(max(0.0, began + job.at - time.monotonic()))
        job.submitted = time.time()
        hand_over(folder, index, job)
    deadline = time.monotonic() + 1800
    while not all((folder / f"{index}.ended").exists() for index in range(len(jobs))):
        if time.monotonic() > deadline:
            left = [index for index in range(len(jobs)) if not (folder / f"{index}.ended").exists()]
            raise SystemExit(f"slurm_workload: gave up waiting for jobs {left}\n" + cluster.run("squeue", "-a"))
        time.sleep(0.5)
    for index, job in enumerate(jobs):
        job.began = float((folder / f"{index}.began").read_text())
        job.ended = float((folder / f"{index}.ended").read_text())
        job.leaves = leaves_of(cluster, (folder / f"{index}.nodes").read_text().strip())
    return jobs


def folder_of_user():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mw-workload-"))
    entry = pwd.getpwnam(USER)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder


def by_slurm(options):
    with Cluster(LEAVES) as cluster:
        folder = folder_of_user()
        try:
            return run(cluster, folder, draw(options), lambda *job: hand_to_slurm(cluster, *job))
        finally:
            cluster.cancel_all()
            subprocess.run(["rm", "-rf", folder], check=True)


def by_us(options):
    with Cluster(LEAVES) as cluster:
        folder = folder_of_user()
        plane = ControlPlane(user=USER)
        plane.engine = ["--slurm", f"unix:{cluster.socket}", "--slurm-partition", "main",
                        "--slurm-topology", str(cluster.dir / "etc/topology.conf")]
        try:
            with plane:
                return run(cluster, folder, draw(options), lambda *job: hand_to_us(plane, *job))
        finally:
            cluster.cancel_all()
            subprocess.run(["rm", "-rf", folder], check=True)


def quantile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(part * len(values)) - 1)]


def figures(jobs):
    """Of a run, by metric; times in s."""
    took = max(job.ended for job in jobs) - min(job.submitted for job in jobs)
    work = sum(job.size() * job.seconds for job in jobs)
    arriving = [job.submitted for job in jobs]
    begin, end = min(arriving), max(arriving)
    held = sum(job.size() * max(0.0, min(job.ended, end) - max(job.began, begin)) for job in jobs)
    found = {"makespan_s": took, "utilisation_pct": 100 * work / (ALL_GPUS * took),
             "utilisation_while_arriving_pct": 100 * held / (ALL_GPUS * (end - begin)),
             "wait_mean_s": statistics.mean(job.wait() for job in jobs),
             "wait_median_s": statistics.median(job.wait() for job in jobs),
             "wait_p95_s": quantile([job.wait() for job in jobs], 0.95),
             "wait_max_s": max(job.wait() for job in jobs),
             "slowdown_mean": statistics.mean((job.ended - job.submitted) / job.seconds for job in jobs)}
    for nodes, gpus in SIZES:
        some = [job.wait() for job in jobs if (job.nodes, job.gpus) == (nodes, gpus)]
        if some:
            found[f"wait_mean_of_{nodes * gpus}_s"] = statistics.mean(some)
            found[f"wait_p95_of_{nodes * gpus}_s"] = quantile(some, 0.95)
    for nodes in sorted({nodes for nodes, _ in SIZES if nodes > 1}):
        some = [job.leaves for job in jobs if job.nodes == nodes]
        if some:
            found[f"leaves_of_{nodes}_nodes"] = statistics.mean(some)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, default=1.1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    slurm_cluster.own_namespace()
    if problem := slurm_cluster.why_not():
        sys.exit(f"slurm_workload: {problem}")
    sides = {}
    for name, side in (("slurm", by_slurm), ("millwright", by_us)):
        print(f"{name} ...", file=sys.stderr, flush=True)
        sides[name] = figures(side(options))
        if options.json:
            for metric, value in sides[name].items():
                print(json.dumps({"side": name, "metric": metric, "value": round(value, 3)}), flush=True)
    if options.json:
        return
    print(f"{options.jobs} jobs, seed {options.seed}, load {options.load:g}, {ALL_GPUS} GPUs")
    print(f"{'':34} {'Slurm':>10} {'Millwright':>10}")
    for metric, value in sides["slurm"].items():
        print(f"{metric:34} {value:10.2f} {sides['millwright'][metric]:10.2f}")


if __name__ == "__main__":
    main()
