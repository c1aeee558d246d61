#!/usr/bin/env python3
"""How much any policy that must place what fits could allocate in the packing experiment: an upper
bound by a linear program, solved by CBC (Debian: coinor-cbc). docs/experiments.md shows the figures.

The program is a relaxation, so no policy can be above it. Per type of node (equal nodes are one
type) it chooses how many pods of each shape are placed, and fills devices by an arc-flow over the
sizes of shares: a path from 0 to 1000 is one device's content. CPU and memory are summed over the
nodes of a type. A shape that was refused stays refused, because nothing ever leaves: so of a shape
with D arrivals a fraction f is placed, and those are the first ones. A shape that asks for no more
of anything than another cannot be refused before it: f(smaller) >= f(larger).

With --at-least the policy must also have allocated so much by the time that so much has arrived:
of a shape no more can have been placed by then than had arrived, and no more than is ever placed.

usage: packing_bound.py --nodes N.csv --pods P.csv [--seeds 42..51] [--arrived 130]
                        [--at-least 90:86.4,...] [--keep DIR]
"""

import argparse
import collections
import csv
import math
import pathlib
import subprocess
import sys
import tempfile

MASK = (1 << 64) - 1


class Random:
    """src/base/random.h, so that a seed means the same arrivals here and there."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return (self.next() * bound) >> 64


Shape = collections.namedtuple("Shape", "cpu memory devices milli types")


def gpu(shape):
    return shape.devices * shape.milli


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shape_of(row):
    devices = int(row["num_gpu"] or 0)
    return Shape(int(row["cpu_milli"]), int(row["memory_mib"]), devices,
                 int(row["gpu_milli"] or 0) if devices else 0,
                 frozenset(filter(None, (row.get("gpu_spec") or "").split("|"))))


def arrivals(pods, capacity, seed, percent):
    """The first arrivals up to `percent` of capacity, as the experiment draws them."""
    random = Random(seed)
    order = list(pods)
    for i in range(len(order) - 1, 0, -1):
        j = random.below(i + 1)
        order[i], order[j] = order[j], order[i]
    total = sum(gpu(shape) for shape in order)
    limit = capacity * 13 // 10
    while True:
        drawn = pods[random.below(len(pods))]
        if total + gpu(drawn) > limit:
            break
        total += gpu(drawn)
        order.append(drawn)
    arrived, taken = 0, []
    for shape in order:
        if arrived + gpu(shape) > capacity * percent / 100:
            break
        arrived += gpu(shape)
        taken.append(shape)
    return taken


def no_larger(a, b):
    """True when `a` fits wherever `b` fits."""
    if a == b or a.cpu > b.cpu or a.memory > b.memory:
        return False
    if a.devices and a.types and not (b.types and b.types <= a.types and b.devices):
        return False
    if a.devices == 0:
        return True
    if b.devices == 0 or a.devices > b.devices:
        return False
    return a.milli <= b.milli


def direct(pairs):
    """The pairs of an order that do not follow from two others."""
    above = collections.defaultdict(set)
    for a, b in pairs:
        above[a].add(b)
    return [(a, b) for a, b in pairs if not any(b in above[c] for c in above[a] if c != b)]


def write_program(nodes, demand, floors, path):
    shapes = sorted(demand)
    sizes = sorted({s.milli for s in shapes if s.devices == 1 and s.milli < 1000})
    step = math.gcd(1000, *sizes) if sizes else 1000
    kinds = collections.Counter(nodes)
    rows, columns = [], set()

    def term(factor, name):
        columns.add(name)
        return f"{factor:+d} {name}"

    placed = collections.defaultdict(list)
    for t, ((cpu, memory, devices, model), count) in enumerate(sorted(kinds.items())):
        here = []
        for i, s in enumerate(shapes):
            if s.cpu > cpu or s.memory > memory or s.devices > devices:
                continue
            if s.devices and s.types and model not in s.types:
                continue
            here.append((i, s))
            placed[i].append(f"y{t}_{i}")
        rows.append((" ".join(term(s.cpu, f"y{t}_{i}") for i, s in here if s.cpu), "<=", cpu * count))
        rows.append((" ".join(term(s.memory, f"y{t}_{i}") for i, s in here if s.memory), "<=",
                     memory * count))
        # Pods of more than half a node's devices (or memory, or CPUs) are at most one a node.
        for part in ({i for i, s in here if 2 * s.devices > devices and s.devices},
                     {i for i, s in here if 2 * s.cpu > cpu}):
            if part:
                rows.append((" ".join(term(1, f"y{t}_{i}") for i in sorted(part)), "<=", count))
        # Devices: whole ones, and paths from 0 to 1000 for those that are shared.
        whole = [term(s.devices, f"y{t}_{i}") for i, s in here if s.devices and s.milli == 1000]
        rows.append((" ".join(whole + [term(1, f"open{t}")]), "<=", devices * count))
        into, out = collections.defaultdict(list), collections.defaultdict(list)
        out[0].append(f"open{t}")
        used = collections.defaultdict(list)
        largest_first = sorted(sizes, reverse=True)
        reached = {0: 1000}  # position -> largest size that may still follow: sizes descend
        for position in range(0, 1000, step):
            if position not in reached:
                continue
            for size in largest_first:
                if position + size <= 1000 and size <= reached[position]:
                    arc = f"a{t}_{position}_{size}"
                    out[position + 0].append("-" + arc)
                    into[position + size].append(arc)
                    used[size].append(arc)
                    reached[position + size] = max(reached.get(position + size, 0), size)
        for position in sorted(set(into) | {0}):
            if position == 1000:
                continue
            # What comes in goes on, or ends here as waste.
            terms = [term(1, arc) for arc in into[position]]
            if position == 0:
                terms.append(term(1, f"open{t}"))
            terms += [term(-1, arc[1:]) for arc in out[position] if arc.startswith("-")]
            rows.append((" ".join(terms), ">=", 0))
        for size in sizes:
            terms = [term(1, f"y{t}_{i}") for i, s in here if s.devices == 1 and s.milli == size]
            if terms:
                rows.append((" ".join(terms + [term(-1, arc) for arc in used[size]]), "<=", 0))
    for i, s in enumerate(shapes):
        if placed[i]:
            rows.append((" ".join(term(1, y) for y in placed[i]) + f" -{demand[s]} f{i}", "=", 0))
    for a, b in direct([(a, b) for a, s in enumerate(shapes) for b, l in enumerate(shapes)
                        if placed[a] and placed[b] and no_larger(s, l)]):
        rows.append((f"f{a} - f{b}", ">=", 0))
    for k, (early, least) in enumerate(floors):
        terms = []
        for i, s in enumerate(shapes):
            if not placed[i] or not gpu(s) or not early.get(s):
                continue
            # e: how many of those that had arrived by then are placed.
            rows.append((f"e{k}_{i} - {demand[s]} f{i}", "<=", 0))
            rows.append((f"e{k}_{i}", "<=", early[s]))
            terms.append(f"+{gpu(s)} e{k}_{i}")
        rows.append((" ".join(terms), ">=", least))
    with open(path, "w", encoding="utf-8") as file:
        file.write("Maximize\n allocated: ")
        file.write("\n ".join(f"+{gpu(s) * demand[s]} f{i}" for i, s in enumerate(shapes)
                              if placed[i] and gpu(s)))
        file.write("\nSubject To\n")
        for number, (left, relation, right) in enumerate(rows):
            if left:
                file.write(f" r{number}: " + "\n  ".join(left.split("  ")).replace(" +", "\n  +")
                           + f" {relation} {right}\n")
        file.write("Bounds\n")
        for i, s in enumerate(shapes):
            if placed[i]:
                file.write(f" 0 <= f{i} <= 1\n")
        file.write("End\n")
    return shapes


def solve(path):
    """The optimum and the values of all columns that are not 0."""
    solution = path.with_suffix(".sol")
    ran = subprocess.run(["cbc", str(path), "-dualsimplex", "-solution", str(solution)],
                         capture_output=True, text=True, check=False)
    if not solution.exists():
        sys.exit(f"packing_bound.py: cbc failed:\n{ran.stdout}{ran.stderr}")
    lines = solution.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith("Optimal"):
        sys.exit(f"packing_bound.py: cbc says: {lines[:1]}")
    values = {fields[1]: float(fields[2]) for fields in map(str.split, lines[1:])}
    return abs(float(lines[0].split()[-1])), values


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--nodes", required=True)
    options.add_argument("--pods", required=True)
    options.add_argument("--seeds", default="42..51")
    options.add_argument("--arrived", type=float, default=130)
    options.add_argument("--at-least", default="", help="PERCENT_ARRIVED:PERCENT_ALLOCATED,...")
    options.add_argument("--keep", help="write the program and its solution into this folder")
    options = options.parse_args()
    nodes = [(int(r["cpu_milli"]), int(r["memory_mib"]), int(r["gpu"]), r["model"])
             for r in read(options.nodes) if int(r["gpu"]) > 0]
    capacity = 1000 * sum(node[2] for node in nodes)
    pods = [shape_of(r) for r in sorted(read(options.pods), key=lambda r: r["name"])]
    first, _, last = options.seeds.partition("..")
    bounds = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(int(first), int(last or first) + 1):
            demand = collections.Counter(arrivals(pods, capacity, seed, options.arrived))
            floors = [(collections.Counter(arrivals(pods, capacity, seed, float(arrived))),
                       capacity * float(least) / 100)
                      for arrived, least in (floor.split(":") for floor in options.at_least.split(",") if floor)]
            path = folder / f"bound_{seed}.lp"
            shapes = write_program(nodes, demand, floors, path)
            best, values = solve(path)
            bounds.append(100 * best / capacity)
            print(f"seed {seed}: at {options.arrived:g} % arrived at most {bounds[-1]:.3f} % allocated",
                  flush=True)
            if options.keep:
                refused = [(values.get(f"f{i}", 0), demand[s], s) for i, s in enumerate(shapes)]
                for fraction, count, s in sorted(refused, key=lambda r: (-gpu(r[2]), r[0])):
                    if fraction < 0.9999:
                        print(f"  {100 * fraction:6.2f} % of {count} x {s.devices} x {s.milli} "
                              f"cpu {s.cpu} memory {s.memory}")
    print(f"mean over {len(bounds)} seeds: {sum(bounds) / len(bounds):.3f} %")


if __name__ == "__main__":
    main()
