"""What both sides are given: the same fleet, the same accelerators in use, the same jobs.

A node has an index, from 0; `busy[i]` says how many of its accelerators are in use. Both sides
number nodes the same way, so a placement on either is a set of indexes, and how near they are in
the fabric is counted here, by one function for both.
"""

import collections
import dataclasses
import math
import random


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Nodes under leaves of 32 under spines of 32 leaves; the last ones may be cut off."""
    nodes: int
    accelerators: int = 8
    nodes_per_leaf: int = 32
    leaves_per_spine: int = 32

    def nodes_per_spine(self):
        return self.nodes_per_leaf * self.leaves_per_spine

    def leaves(self):
        return -(-self.nodes // self.nodes_per_leaf)

    def spines(self):
        return -(-self.leaves() // self.leaves_per_spine)

    def nodes_of_leaf(self, leaf):
        first = leaf * self.nodes_per_leaf
        return range(first, min(first + self.nodes_per_leaf, self.nodes))

    def leaves_of_spine(self, spine):
        first = spine * self.leaves_per_spine
        return first, min(first + self.leaves_per_spine, self.leaves()) - 1

    def nodes_of_spine(self, spine):
        first = spine * self.nodes_per_spine()
        return range(first, min(first + self.nodes_per_spine(), self.nodes))


@dataclasses.dataclass(frozen=True)
class Span:
    """How many of each a gang stands under: fewer is nearer."""
    spines: int
    leaves: int


def span_of(fleet, indexes):
    return Span(len({index // fleet.nodes_per_spine() for index in indexes}),
                len({index // fleet.nodes_per_leaf for index in indexes}))


def half_full(fleet, seed):
    """About half of the accelerators in use, unevenly: some leaves are nearly empty and some
    nearly full, as after jobs of all sizes have come and gone. Of the nodes in use, a third has
    2, 4 or 6 accelerators free."""
    chance = random.Random(seed)
    busy = []
    for _ in range(fleet.leaves()):
        load = chance.random()
        for _ in range(fleet.nodes_per_leaf):
            if chance.random() >= load:
                busy.append(0)
            elif chance.random() < 2 / 3:
                busy.append(fleet.accelerators)
            else:
                busy.append(chance.choice([2, 4, 6]))
    return busy[:fleet.nodes]


def occupying_jobs(fleet, busy, seed, nodes_per_job=400):
    """Jobs that bring about `busy` when each is put on its own nodes: (accelerators a node, nodes,
    minutes)."""
    chance = random.Random(seed)
    by_amount = collections.defaultdict(list)
    for index, amount in enumerate(busy):
        if amount > 0:
            by_amount[amount].append(index)
    jobs = []
    for amount, indexes in sorted(by_amount.items()):
        chance.shuffle(indexes)
        for first in range(0, len(indexes), nodes_per_job):
            jobs.append((amount, indexes[first:first + nodes_per_job], chance.randrange(60, 2880)))
    return jobs


def nearest_possible(fleet, busy, gang_nodes):
    """The fewest spines, and the fewest leaves, that have so many free nodes. Each is a bound of
    its own: one placement need not reach both."""
    free = [index for index, amount in enumerate(busy) if amount == 0]

    def fewest(per_group):
        counts = sorted(collections.Counter(index // per_group for index in free).values(),
                        reverse=True)
        taken, groups = 0, 0
        while taken < gang_nodes:
            taken += counts[groups]
            groups += 1
        return groups

    return Span(fewest(fleet.nodes_per_spine()), fewest(fleet.nodes_per_leaf))


def full(fleet):
    return [fleet.accelerators] * fleet.nodes


def waiting_jobs(fleet, count, seed=0):
    """What waits in a full fleet, (nodes, accelerators a node) each: a third wants a part of a
    node, a quarter a whole one, and the others 2 nodes to a sixteenth of the fleet, mostly few."""
    chance = random.Random(seed)
    jobs = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.35:
            jobs.append((1, chance.randrange(1, fleet.accelerators)))
        elif kind < 0.6:
            jobs.append((1, fleet.accelerators))
        else:
            most = math.log(fleet.nodes / 16)
            nodes = round(math.exp(chance.uniform(math.log(2), most)))
            jobs.append((nodes, fleet.accelerators))
    return jobs
