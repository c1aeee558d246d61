#!/usr/bin/env python3
"""Millwright's scheduler beside a real slurmctld, in one run on one machine: the same fleet, the
same accelerators in use, the same jobs. Says what each took, and how near in the fabric what it
placed is.

    ./dev bench peer_slurm [--nodes N] [--partitioned] [--json] [--install]

Whatever is started is stopped, and the temporary folders are removed, also on Ctrl-C.
"""

import argparse
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import cluster
import scenario
from cluster import Trouble

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUR_BENCH = ROOT / "build/dev/bench/mw_bench_peer"

MAPS = 3              # different ways of being half full
SLURM_GANGS = 4       # placed in each
OUR_GANGS = 40
PENDING = 10_000
OUR_STARTS_AT_ONCE = 1_000
SLURM_START_US = 3.6  # for each node of the fleet, about: how many starts fit the time
SLURM_STARTS_SECONDS = 20

ALIKE = """\
What is alike, and what is not:
- Allocation only. No slurmd runs and nothing is launched on either side; that favours Slurm, and
  so do 8 cores a node (real ones have 100: docs/performance.md).
- Slurm's times are its own figures (sdiag) of the scheduling cycle alone. Ours are whole steps of
  the core: taking the job in, deciding, and applying the event. Neither includes a network, and
  neither a disk.
- Slurm is tuned for throughput, preloaded with jemalloc, with its state on tmpfs: one partition,
  topology/tree, GPU-granular. A cluster cut into partitions is quicker and cannot run a job across
  them (--partitioned).
- "Pass": Slurm's main cycle stops at the first job of a partition that does not fit, so what looks
  at all that wait is its backfill cycle, which also plans when each could start. Ours looks at
  each shape once, however many jobs have it.
"""


def log(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def median(samples):
    return statistics.median(samples)


def spread(samples):
    return f"{min(samples):.3g} to {max(samples):.3g} of {len(samples)}"


class Figures:
    """Named metrics: a line of JSON each, or a table at the end."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.values = {}
        self.rows = []

    def tell(self, metric, value, unit, note=""):
        self.values[metric] = value
        if self.as_json:
            line = {"metric": metric, "value": float(f"{value:.6g}"), "unit": unit}
            if note:
                line["note"] = note
            print(json.dumps(line), flush=True)
        else:
            self.rows.append((metric, f"{value:.6g}", unit, note))

    def print_table(self):
        widths = [max(len(row[column]) for row in self.rows) for column in range(3)]
        for metric, value, unit, note in self.rows:
            print(f"{metric:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {note}".rstrip())


# --- our side -------------------------------------------------------------------------------------

def run_ours(fleet, maps, gang_nodes, waiting):
    commands = []
    for busy in maps:
        commands.append(f"occupy {''.join(map(str, busy))}")
        commands.append(f"gang {gang_nodes} {OUR_GANGS}")
    commands.append(f"occupy {''.join(map(str, scenario.full(fleet)))}")
    commands.append(f"pass {' '.join(f'{nodes}x{each}' for nodes, each in waiting)} .")
    starts = min(OUR_STARTS_AT_ONCE, fleet.nodes // 2)
    commands.append(f"starts {starts} 40")
    done = subprocess.run(
        [OUR_BENCH, str(fleet.nodes), str(fleet.nodes_per_leaf), str(fleet.nodes_per_spine()),
         str(fleet.accelerators)],
        input="\n".join(commands), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Trouble("mw_bench_peer failed")
    ours = {"gang_ms": [], "gang_nodes": [], "pass_ms": [], "starts_per_s": []}
    for line in done.stdout.splitlines():
        result = json.loads(line)
        if "gang_ms" in result:
            ours["gang_ms"].append(result["gang_ms"])
            ours["gang_nodes"].append(result["nodes"])
        elif "pass_ms" in result:
            ours["pass_ms"] += result["pass_ms"]
        else:
            ours["starts_per_s"] += [starts / (ms / 1000) for ms in result["starts_ms"]]
    return ours


# --- Slurm's side ---------------------------------------------------------------------------------

def occupy(slurm, fleet, busy, seed):
    jobs = [slurm("submit", len(nodes), amount, minutes, "main", cluster.ranges(nodes))["job"]
            for amount, nodes, minutes in scenario.occupying_jobs(fleet, busy, seed)]
    for job in jobs:
        slurm("await", job, 120)
    return jobs


def cancel(slurm, jobs):
    for job in jobs:
        slurm("cancel", job, 120)


def time_gangs(slurm, gang_nodes, accelerators):
    """Each: the scheduling cycle that started it, by sdiag, and its nodes. The partition is down
    until the gang waits: putting it up is what makes the main scheduler look at once."""
    samples = []
    while len(samples) < SLURM_GANGS:
        slurm("partition", "main", "down")
        job = slurm("submit", gang_nodes, accelerators, 600, "main", "-")["job"]
        slurm("reset")
        slurm("partition", "main", "up")
        started = slurm("await", job, 120)
        stats = slurm("stats")
        while stats["main_cycles"] == 0:  # the cycle is counted when it has ended
            time.sleep(0.01)
            stats = slurm("stats")
        slurm("cancel", job, 120)
        if stats["backfill_started"] == 0:  # else it was not the main scheduler's doing
            samples.append({"cycle_ms": stats["main_cycle_max_us"] / 1e3,
                            "nodes": [int(name[1:]) for name in started["nodes"]]})
    return samples


def time_starts(slurm, fleet, partitions):
    """One-node jobs that wait in partitions which are down, until these are put up: how many start
    a second, by the time that Slurm spends in scheduling cycles."""
    group = fleet.nodes if partitions == ["main"] else fleet.nodes_per_spine()
    count = int(min(SLURM_STARTS_SECONDS * 1e6 / (SLURM_START_US * group), fleet.nodes // 2, 4000))
    for partition in partitions:
        slurm("partition", partition, "down")
    jobs = [slurm("submit", 1, fleet.accelerators, 600, partitions[i % len(partitions)], "-")["job"]
            for i in range(count)]
    slurm("reset")
    began = time.monotonic()
    for partition in partitions:
        slurm("partition", partition, "up")
    while (stats := slurm("stats"))["started"] < count:
        if time.monotonic() - began > 20 * SLURM_STARTS_SECONDS:
            raise Trouble(f"Slurm started {stats['started']} of {count} one-node jobs in time")
        time.sleep(0.5)  # asking costs Slurm some milliseconds each time
    wall = time.monotonic() - began
    time.sleep(0.2)  # the last cycle is counted when it has ended
    stats = slurm("stats")
    cancel(slurm, jobs)
    return {"count": count, "wall_per_s": count / wall,
            "per_s": (count - stats["backfill_started"]) / (stats["main_cycle_sum_us"] / 1e6)}


def time_pass(slurm, waiting, backfill_seconds):
    """Leaves the jobs where they are: with so many waiting, cancelling them takes minutes."""
    slurm("partition", "main", "down")
    # Held first: a submit that is not looks for nodes at once, 10,000 times over.
    jobs = [slurm("hold", nodes, each, 600, "main", "-")["job"] for nodes, each in waiting]
    for job in jobs:
        slurm("release", job)
    slurm("partition", "main", "up")
    slurm("reset")
    deadline = time.monotonic() + 4 * backfill_seconds + 120
    while True:
        if time.monotonic() > deadline:
            raise Trouble("Slurm's backfill did not come to an end in time")
        time.sleep(0.25)
        stats = slurm("stats")
        # A cycle that began before all of them waited is no cycle over all of them.
        if (stats["backfill_cycles"] > 0 and not stats["backfill_active"] and
                stats["backfill_queue"] == len(waiting) and stats["main_cycles"] > 0):
            break
    if stats["started"] > 0:
        raise Trouble("Slurm started a job that was not to fit")
    return {"tried": stats["backfill_tried"], "ms": stats["backfill_last_us"] / 1e3,
            "main_ms": stats["main_cycle_sum_us"] / 1e3 / stats["main_cycles"]}


def run_slurm(fleet, maps, gang_nodes, waiting, options):
    slurm_side = {"gangs": []}
    with cluster.Cluster(fleet, options.backfill_seconds) as peer:
        slurm = peer.client
        log(f"slurmctld is up; one-node jobs on {fleet.nodes} empty nodes")
        slurm_side["starts"] = time_starts(slurm, fleet, ["main"])
        log(f"{slurm_side['starts']['per_s']:.3g} started a second")
        for seed, busy in enumerate(maps):
            log(f"half full, {seed + 1} of {len(maps)}: gangs of {gang_nodes} nodes")
            jobs = occupy(slurm, fleet, busy, seed)
            slurm_side["gangs"].append(time_gangs(slurm, gang_nodes, fleet.accelerators))
            log(", ".join(f"{gang['cycle_ms']:.0f} ms" for gang in slurm_side["gangs"][-1]))
            cancel(slurm, jobs)
        log(f"full, and {len(waiting)} jobs wait (up to {options.backfill_seconds * 2 + 60} s)")
        occupy(slurm, fleet, scenario.full(fleet), len(maps))
        slurm_side["pass"] = time_pass(slurm, waiting, options.backfill_seconds)
    if options.partitioned:
        with cluster.Cluster(fleet, options.backfill_seconds, partitioned=True) as peer:
            log(f"one-node jobs in {fleet.spines()} partitions")
            slurm_side["partitioned"] = time_starts(
                peer.client, fleet, [f"part{spine}" for spine in range(fleet.spines())])
    return slurm_side


# --- the figures ----------------------------------------------------------------------------------

def tell_gangs(figures, fleet, maps, gang_nodes, ours, slurm):
    gangs = [gang for each in slurm["gangs"] for gang in each]
    cycles = [gang["cycle_ms"] for gang in gangs]
    our_times = [ms for run in ours for times in run["gang_ms"] for ms in times]
    what = f"{gang_nodes * fleet.accelerators} accelerators, half full"
    figures.tell("slurm_gang_ms", median(cycles), "ms",
                 f"{what}; {spread(cycles)}; the cycle alone, by sdiag")
    figures.tell("mw_gang_ms", median(our_times), "ms", f"{what}; {spread(our_times)}")
    figures.tell("gang_ratio", median(cycles) / median(our_times), "x")
    for name, spans in (
            ("slurm", [scenario.span_of(fleet, gang["nodes"]) for gang in gangs]),
            ("mw", [scenario.span_of(fleet, nodes) for run in ours
                    for placements in run["gang_nodes"] for nodes in placements]),
            ("fewest_possible", [scenario.nearest_possible(fleet, busy, gang_nodes)
                                 for busy in maps])):
        for level in ("spines", "leaves"):
            counts = [getattr(span, level) for span in spans]
            figures.tell(f"{name}_gang_{level}", median(counts), "", spread(counts))


def tell_starts(figures, fleet, ours, slurm):
    starts, rates = slurm["starts"], [rate for run in ours for rate in run["starts_per_s"]]
    figures.tell("slurm_starts_per_s", starts["per_s"], "1/s",
                 f"{starts['count']} one-node jobs of {fleet.accelerators} accelerators, by the "
                 "time spent in cycles")
    figures.tell("slurm_starts_wall_per_s", starts["wall_per_s"], "1/s", "by the clock")
    figures.tell("mw_starts_per_s", median(rates), "1/s", spread(rates))
    figures.tell("starts_ratio", median(rates) / starts["per_s"], "x")
    if "partitioned" in slurm:
        cut = slurm["partitioned"]
        figures.tell("slurm_partitioned_starts_per_s", cut["per_s"], "1/s",
                     f"{cut['count']} jobs over {fleet.spines()} partitions")
        figures.tell("slurm_partitioned_starts_wall_per_s", cut["wall_per_s"], "1/s", "by the clock")
        figures.tell("partitioned_starts_ratio", median(rates) / cut["per_s"], "x")


def tell_pass(figures, ours, slurm, waiting):
    cut = slurm["pass"]
    passes = [ms for run in ours for ms in run["pass_ms"]]
    pending = len(waiting)
    whole = cut["ms"] * pending / max(cut["tried"], 1)
    note = "backfill cycle, by sdiag"
    if cut["tried"] < pending:
        note += (f"; EXTRAPOLATED: cut after {cut['ms'] / 1e3:.3g} s, when {cut['tried']} of "
                 f"{pending} had been looked at")
    figures.tell("slurm_pass_10k_pending_ms", whole, "ms", note)
    figures.tell("slurm_pass_jobs_tried", cut["tried"], "")
    figures.tell("mw_pass_10k_pending_ms", median(passes), "ms",
                 f"{len(set(waiting))} shapes; {spread(passes)}")
    figures.tell("pass_ratio", whole / median(passes), "x")
    figures.tell("slurm_main_cycle_10k_pending_ms", cut["main_ms"], "ms",
                 "looks at the first job, then passes over its partition")


def compare(options):
    fleet = scenario.Fleet(options.nodes)
    gang_nodes = max(1, fleet.nodes // 25)
    maps = [scenario.half_full(fleet, seed) for seed in range(MAPS)]
    waiting = scenario.waiting_jobs(fleet, PENDING)
    in_use = [sum(busy) / (fleet.nodes * fleet.accelerators) for busy in maps]
    # Ours before and after, so that a machine that becomes busy meanwhile shows.
    log("our side, before")
    ours = [run_ours(fleet, maps, gang_nodes, waiting)]
    slurm = run_slurm(fleet, maps, gang_nodes, waiting, options)
    log("our side, after")
    ours.append(run_ours(fleet, maps, gang_nodes, waiting))
    figures = Figures(options.json)
    tell_gangs(figures, fleet, maps, gang_nodes, ours, slurm)
    tell_starts(figures, fleet, ours, slurm)
    tell_pass(figures, ours, slurm, waiting)
    if not options.json:
        version = cluster.version()
        print(f"{version} and Millwright: {fleet.nodes} nodes of {fleet.accelerators} accelerators "
              f"under {fleet.leaves()} leaves and {fleet.spines()} spines; half full: "
              f"{min(in_use):.0%} to {max(in_use):.0%} in use\n")
        figures.print_table()
        print(f"\n{ALIKE}", end="")


def ensure_packages(install):
    missing = cluster.missing_packages()
    if missing and install:
        cluster.install(missing)
        missing = cluster.missing_packages()
    if missing:
        raise Trouble("a real Slurm is needed for this, and these Debian packages are missing:\n"
                      f"  apt-get install --no-install-recommends {' '.join(missing)}\n"
                      "or add --install, as root. Their services are not used and need not run.")


def interrupt(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench peer_slurm", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=31_250,
                        help="of 8 accelerators each (31250); 2000 takes a few minutes")
    parser.add_argument("--partitioned", action="store_true",
                        help="also a cluster with one partition for each spine")
    parser.add_argument("--backfill-seconds", type=int, default=60,
                        help="when Slurm's backfill is cut off (60)")
    parser.add_argument("--install", action="store_true", help="install what is missing")
    parser.add_argument("--json", action="store_true", help="one metric a line")
    options = parser.parse_args()
    if not 256 <= options.nodes <= 60_000:
        parser.error("--nodes: expected 256 to 60000")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        ensure_packages(options.install)
        compare(options)
    except Trouble as trouble:
        print(f"peer_slurm: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("peer_slurm: interrupted; all that it started is stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
