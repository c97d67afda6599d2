"""Follow cases as affine forms over several steps, each until it lies in a set again."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from binadd.proof.certificate import Reals
from binadd.proof.enclosure import Cases, Enclosure
from binadd.proof.search.histories import Graph, Integers
from binadd.proof.search.plans import Plan, followed_plans
from binadd.proof.search.sets import Sets, ShortWords

__all__ = ["MOST_FOLLOWED", "Followed", "Open", "follow", "widen"]

MOST_FOLLOWED = 1 << 18
"""Of (case, symbol) at a time."""


class Open(NamedTuple):
    """Cases that have not got into a set; K of them."""

    origin: Integers  # (K,), the history whose set they come from, or −1: the initial state
    q: Integers  # (K,), the history they have now
    z: Reals  # (K, H)
    spread: Reals  # (K, H)


class Followed(NamedTuple):
    """What came of following all cases."""

    plans: tuple[Plan, ...] | None
    """If every case got into a set."""
    margin: float
    doubtful: Integers
    """Histories of sets from which a wrong bit may come."""
    open: Open
    crowded: bool
    """Whether there were too many cases to follow."""
    work: int
    """Generators of all cases, for four symbols each: what it cost, or would have cost."""


def follow(
    enclosure: Enclosure,
    graph: Graph,
    sets: Sets,
    start: ShortWords,
    steps: int,
    most: int,
    most_work: float = inf,
) -> Followed:
    """Step all cases that are not inside a set yet, together, as affine forms.

    The descendants of a set from which a wrong bit may come are dropped. After the first step,
    none is taken that would exceed the work.
    """
    far = ~sets.hold(start.q, start.z, start.r)
    q = np.concatenate([np.arange(len(graph)), start.q[far]])
    origin = np.concatenate([np.arange(len(graph)), np.full(np.count_nonzero(far), -1)])
    z, s = (
        np.concatenate(parts) for parts in zip(sets, (start.z[far], start.r[far]), strict=True)
    )
    cases, spread = Cases(z, np.zeros((*z.shape, 0)), s), s
    margin, doubtful, crowded = start.margin, np.zeros(len(graph) + 1, np.bool_), False
    levels: list[Integers] = []  # (M, X) each: the next level's cases, or a set as plans tell it
    work = 0
    for step in range(steps):
        work += len(q) * (cases.G.shape[2] + enclosure.size) * graph.symbols // 4
        if step > 0 and work > most_work:
            break
        reached = enclosure.affine(cases)
        margins = enclosure.margin(reached, graph.signs[q])
        margin = min(margin, float(margins.min()))
        doubtful[origin[(margins <= 0).any(1)]] = True
        q = graph.successors[q]
        out = ~sets.hold(q, reached.z, reached.spread) & ~doubtful[origin][:, None]
        levels.append(np.where(out, np.cumsum(out).reshape(out.shape) - 1, -2 - q))
        m, x = np.nonzero(out)
        q, origin, z, spread = q[m, x], origin[m], reached.z[m, x], reached.spread[m, x]
        crowded = len(q) > min(most, MOST_FOLLOWED // graph.symbols)
        if len(q) == 0 or crowded:
            break
        cases = reached.cases(m, x)
    plans = None
    if len(q) == 0 and margin > 0:
        ends = np.where(far, len(graph) + np.cumsum(far) - 1, -2 - start.q)
        plans = followed_plans(levels, graph, ends)
    left = Open(origin, q, z, spread)
    return Followed(plans, margin, np.flatnonzero(doubtful[:-1]), left, crowded, work)


def widen(low: Reals, high: Reals, q: Integers, z: Reals, spread: Reals) -> None:
    """Let the bounds of history q take in z ± spread, as far as there are states: within ±1."""
    np.minimum.at(low, q, np.maximum(z - spread, -1))
    np.maximum.at(high, q, np.minimum(z + spread, 1))
