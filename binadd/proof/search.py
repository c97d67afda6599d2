"""Look for sets that hold every reachable state, and for plans to show it.

Nothing here needs to be trusted: what counts is decided by `Enclosure`, whose sets are sound, and
by whoever checks the certificate. So this module may sample, guess and give up.

There is a set for each of many histories (`binadd.proof.histories`). Sets begin as hulls of
sampled states and are widened until they hold all that a step, or several, can make of them:

- `Boxes`: one step of each box, each unit for itself, must end in the next history's box. Cheap,
  but what makes a network forget is partly the cancellation between its units, which intervals do
  not see.
- `AffineForms`: affine forms over several steps see it. Whatever has not reached its set after one
  step goes on for another; words that are forgotten slowly, as long carries are, go on longest.
- `Adaptive`: the same, and where a bit is in doubt or a set grows without end, the history looks
  further back.

With many operands there are many symbols, and histories look back less far: there are never more
than `MOST_EDGES` of (history, symbol), nor more than `MOST_FOLLOWED` of (case, symbol) at a time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import AFFINE, HULL, Certificate, Reals
from binadd.proof.enclosure import Cases, Enclosure
from binadd.proof.histories import (
    MOST_EDGES,
    Graph,
    Histories,
    History,
    affordable_depth,
    uniform,
)

__all__ = ["Adaptive", "AffineForms", "Attempt", "Boxes", "Found", "Missed", "Sampler"]

Integers: TypeAlias = NDArray[np.int64]
Plan: TypeAlias = tuple[int, ...]

SAMPLES, SAMPLED_STEPS = 128, 24  # of each carry; more samples cost less than more rounds
MOST_FOLLOWED = 1 << 18
SLACK = 1e-11
"""Room in a set beyond what must fit, for the rounding of a second look."""
SMALLEST = 1e-7
"""Radius that every set gets at least: room for rounding."""


@dataclass(frozen=True)
class Found:
    """Sets and plans that hold."""

    graph: Graph
    sets: Sets
    plans: tuple[Plan, ...]  # of the initial state, then of the histories' sets
    margin: float

    def certificate(self, enclosure: Enclosure, digest: str) -> Certificate:
        """Put the initial state in front: it is set 0, and history q is set q + 1."""
        zero = np.zeros((1, enclosure.size))
        return Certificate(
            digest=digest,
            operands=enclosure.operands,
            activation=enclosure.activation_name,
            dtype=enclosure.dtype,
            step_error=enclosure.step_error,
            logit_error=enclosure.logit_error,
            margin=self.margin,
            carries=(0, *map(int, self.graph.carries)),
            centres=np.concatenate([zero, self.sets.centre]),
            radii=np.concatenate([zero, self.sets.radius]),
            plans=self.plans,
            histories=("start", *map(str, self.graph.histories)),
        )


@dataclass(frozen=True)
class Missed:
    """How far an attempt came."""

    margin: float
    """The smallest logit margin met; above 0 the bits were right, but the sets kept growing."""
    histories: int
    """How many there were at last."""
    doubtful: tuple[History, ...] = ()
    """Histories after which a bit may be wrong."""


class Attempt(Protocol):
    """A way to look for a proof."""

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Look for a proof."""


# ---------------------------------------------------------------------------------------------
# Sampled states
# ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _sample_words(operands: int) -> tuple[NDArray[np.uint8], Integers]:
    """Random words (N, T), the later ones more and more given to repeating a symbol, hence to long
    carries; and their last carries (N,)."""
    count = SAMPLES * operands
    generator = np.random.default_rng(0)
    symbols = generator.integers(0, 1 << operands, (count, SAMPLED_STEPS))
    repeats = generator.random(symbols.shape) < np.linspace(0, 0.95, count)[:, None]
    carries = np.zeros(count, np.int64)
    ones = np.array([symbol.bit_count() for symbol in range(1 << operands)])
    for t in range(SAMPLED_STEPS):
        if t > 0:
            symbols[:, t] = np.where(repeats[:, t], symbols[:, t - 1], symbols[:, t])
        carries = (carries + ones[symbols[:, t]]) // 2
    return symbols.astype(np.uint8), carries


class Sampler:
    """States that a network is in after any history, by running it from sampled states."""

    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure
        symbols, carries = _sample_words(enclosure.operands)
        states = enclosure.final_states(symbols)
        pools = [np.flatnonzero(carries == carry) for carry in range(enclosure.operands)]
        size = max(1, min(SAMPLES, *map(len, pools)))
        self._pool = np.stack(
            [states[np.resize(p, size) if len(p) else [0] * size] for p in pools]
        )
        self._hulls: dict[tuple[History, ...], tuple[Reals, Reals]] = {}

    def hulls(self, histories: tuple[History, ...]) -> tuple[Reals, Reals]:
        """Bounds (N, H) of the states sampled for each history, as new arrays."""
        if histories not in self._hulls:
            self._hulls = {histories: self._bound(histories)}
        low, high = self._hulls[histories]
        return low.copy(), high.copy()

    def _bound(self, histories: tuple[History, ...]) -> tuple[Reals, Reals]:
        low = np.empty((len(histories), self._enclosure.size))
        high = np.empty_like(low)
        groups = defaultdict(list)
        for q, history in enumerate(histories):
            groups[len(history.window)].append(q)
        for group in groups.values():
            states = self._run([histories[q] for q in group])
            low[group], high[group] = states.min(1), states.max(1)
        return low, high

    def _run(self, histories: list[History]) -> Reals:
        """States (N, samples, H) after histories of one length."""
        enclosure = self._enclosure
        states = self._pool[[history.first_carry for history in histories]]
        for symbols in zip(*(history.word for history in histories), strict=True):
            u = enclosure.u[list(symbols)][:, None]
            states = enclosure.quick_f(states @ enclosure.W.T + u)
        return states


# ---------------------------------------------------------------------------------------------
# Sets
# ---------------------------------------------------------------------------------------------


class Sets(NamedTuple):
    """A box for each history."""

    centre: Reals  # (N, H)
    radius: Reals  # (N, H)

    @classmethod
    def of(cls, low: Reals, high: Reals, inflation: float) -> Sets:
        """Boxes somewhat wider than these bounds."""
        return cls((low + high) * 0.5, (high - low) * (0.5 + 0.5 * inflation) + SMALLEST)

    def hold(self, q: Integers, z: Reals, spread: Reals) -> NDArray[np.bool_]:
        """Whether z ± spread (…, H) lies inside set q (…)."""
        fits = np.abs(z - self.centre[q]) + spread + SLACK <= self.radius[q]
        whole: NDArray[np.bool_] = np.all(fits, axis=-1)
        return whole


def _uniform(enclosure: Enclosure, depth: int) -> Graph:
    return uniform(enclosure.operands, affordable_depth(enclosure.operands, depth))


class _ShortWords(NamedTuple):
    """The words that lead from the initial state to a known history; M of them."""

    q: Integers  # (M,), their histories
    z: Reals  # (M, H)
    r: Reals  # (M, H)
    margin: float

    @classmethod
    def of(cls, enclosure: Enclosure, graph: Graph) -> _ShortWords:
        z, r = np.zeros((2, 1, enclosure.size))
        carries = np.zeros(1, np.int64)
        ends, margin = [], np.inf
        for level in graph.start:
            bottom, top = enclosure.hull(z, r)
            totals = carries[:, None] + enclosure.ones
            signs = np.where(totals % 2 == 1, 1.0, -1.0)
            margin = min(margin, float(enclosure.hull_margin(bottom, top, signs).min()))
            centre, radius = (bottom + top) * 0.5, (top - bottom) * 0.5 + SLACK
            known = level < 0
            ends.append((-1 - level[known], centre[known], radius[known]))
            z, r, carries = centre[~known], radius[~known], totals[~known] // 2
        q, z, r = (np.concatenate(parts) for parts in zip(*ends, strict=True))
        return cls(q, z, r, margin)


# ---------------------------------------------------------------------------------------------
# Boxes
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Boxes:
    """One step of each box at a time, each unit for itself.

    Attributes
    ----------
    depth : int
        How far all histories look back, if there are not too many.
    rounds : int
        How often boxes may be widened.
    inflation : float
        By which part of itself a radius is widened before each round.
    """

    depth: int
    rounds: int = 25
    inflation: float = 0.1

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Widen the boxes until a step of each ends inside the next, or a bit is in doubt."""
        graph = _uniform(enclosure, self.depth)
        start = _ShortWords.of(enclosure, graph)
        low, high = sampler.hulls(graph.histories)
        np.minimum.at(low, start.q, start.z - start.r)
        np.maximum.at(high, start.q, start.z + start.r)
        margin = start.margin
        for _ in range(self.rounds):
            if not margin > 0:
                break
            sets = Sets.of(low, high, self.inflation)
            bottom, top = enclosure.hull(*sets)
            margin = min(margin, float(enclosure.hull_margin(bottom, top, graph.signs).min()))
            z, spread = (bottom + top) * 0.5, (top - bottom) * 0.5
            if margin > 0 and sets.hold(graph.successors, z, spread).all():
                return Found(graph, sets, _box_plans(graph), margin)
            low = np.minimum(low, graph.merge(np.minimum, bottom))
            high = np.maximum(high, graph.merge(np.maximum, top))
        return Missed(margin, len(graph))


def _box_plans(graph: Graph) -> tuple[Plan, ...]:
    targets = (-2 - graph.successors).tolist()  # set q + 1
    start = _start_plan(graph, [[-2 - q] for q in _start_ends(graph)])
    return (start, *((HULL, *ends) for ends in targets))


def _start_ends(graph: Graph) -> list[int]:
    """The histories of the short words, in the order of `_ShortWords`."""
    return [
        -1 - entry for level in graph.start for entry in level.reshape(-1).tolist() if entry < 0
    ]


def _start_plan(graph: Graph, ends: list[list[int]]) -> Plan:
    """Write the plan of the initial state; `ends` says how each short word goes on."""
    remaining = iter(ends)
    rows = [
        [[next(remaining) if entry < 0 else entry for entry in row] for row in level.tolist()]
        for level in graph.start
    ]

    def write(level: int, word: int) -> list[int]:
        plan = [HULL]
        for entry in rows[level][word]:
            plan += write(level + 1, entry) if isinstance(entry, int) else entry
        return plan

    return tuple(write(0, 0))


# ---------------------------------------------------------------------------------------------
# Affine forms over several steps
# ---------------------------------------------------------------------------------------------


class _Open(NamedTuple):
    """Cases that have not got into a set; K of them."""

    origin: Integers  # (K,), the history whose set they come from, or −1: the initial state
    q: Integers  # (K,), the history they have now
    z: Reals  # (K, H)
    spread: Reals  # (K, H)


class _Course(NamedTuple):
    """What came of following all cases."""

    plans: tuple[Plan, ...] | None
    """If every case got into a set."""
    margin: float
    doubtful: Integers
    """Histories of sets from which a wrong bit may come."""
    open: _Open
    crowded: bool
    """Whether there were too many cases to follow."""
    work: int
    """Generators of all cases, for four symbols each: what it cost, or would have cost."""


def _follow(
    enclosure: Enclosure,
    graph: Graph,
    sets: Sets,
    start: _ShortWords,
    steps: int,
    most: int,
    most_work: float = inf,
) -> _Course:
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
        plans = _plans(levels, graph, ends)
    left = _Open(origin, q, z, spread)
    return _Course(plans, margin, np.flatnonzero(doubtful[:-1]), left, crowded, work)


def _plans(levels: list[Integers], graph: Graph, ends: Integers) -> tuple[Plan, ...]:
    """Write the plan of the initial state, and of each history's set.

    `ends` (M,): for each short word, the case of level 0 that it leads to, or a set.
    """
    rows = [level.tolist() for level in levels]

    def write(level: int, case: int) -> list[int]:
        plan = [AFFINE]
        for child in rows[level][case]:
            plan += [child] if child < 0 else write(level + 1, child)
        return plan

    followed = [[end] if end < 0 else write(0, end) for end in ends.tolist()]
    return (_start_plan(graph, followed), *(tuple(write(0, q)) for q in range(len(graph))))


def _widen(low: Reals, high: Reals, q: Integers, z: Reals, spread: Reals) -> None:
    """Let the bounds of history q take in z ± spread, as far as there are states: within ±1."""
    np.minimum.at(low, q, np.maximum(z - spread, -1))
    np.maximum.at(high, q, np.minimum(z + spread, 1))


@dataclass(frozen=True)
class AffineForms:
    """Several steps of each box as affine forms, as many as it takes to get into a box again.

    Attributes
    ----------
    depth : int
        How far all histories look back, if there are not too many.
    steps : int
        The most steps from a box.
    rounds : int
        How often boxes may be widened.
    inflation : float
        By which part of itself a radius is widened before each round.
    cases : int
        The most cases at a time.
    """

    depth: int
    steps: int = 4
    rounds: int = 4
    inflation: float = 0.3
    cases: int = 2500

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Follow all cases into boxes; what does not get there widens the box it should be in."""
        graph = _uniform(enclosure, self.depth)
        start = _ShortWords.of(enclosure, graph)
        low, high = sampler.hulls(graph.histories)
        margin = start.margin
        for _ in range(self.rounds):
            sets = Sets.of(low, high, self.inflation)
            course = _follow(enclosure, graph, sets, start, self.steps, self.cases)
            margin = course.margin
            if course.plans is not None:
                return Found(graph, sets, course.plans, margin)
            if not margin > 0 or course.crowded:
                break
            _widen(low, high, *course.open[1:])
        return Missed(margin, len(graph))


@dataclass(frozen=True)
class Adaptive:
    """Affine forms, of histories that look back further where that is needed.

    Attributes
    ----------
    depth : int
        How far histories look back at first, if there are not too many.
    histories : int
        The most there may be.
    work : int
        The most generators of cases to step by four symbols in all; a million take about a
        quarter of a second with 16 hidden units.
    growth : float
        How many times its own width a sampled hull may be widened to each side.
    steps, rounds, inflation, cases
        As of `AffineForms`.
    """

    depth: int
    histories: int
    work: int
    growth: float = 3.0
    steps: int = 4
    rounds: int = 60
    inflation: float = 0.1
    cases: int = 10_000

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Follow all cases; widen what they should be in, or look back further from where they
        come if a bit is in doubt or the set would grow too much."""
        operands = enclosure.operands
        tree = Histories(operands, affordable_depth(operands, self.depth))
        most = min(self.histories, MOST_EDGES >> operands)
        bounds: dict[History, tuple[Reals, Reals, Reals, Reals]] = {}
        margin, doubtful, work = -np.inf, (), 0
        for _ in range(self.rounds):
            graph = tree.graph()
            self._sample(sampler, bounds, graph)
            low, high, widest_low, widest_high = (
                np.array(part) for part in zip(*(bounds[h] for h in graph.histories), strict=True)
            )
            sets, start = Sets.of(low, high, self.inflation), _ShortWords.of(enclosure, graph)
            course = _follow(
                enclosure, graph, sets, start, self.steps, self.cases, self.work - work
            )
            margin, work = course.margin, work + course.work
            if course.plans is not None:
                return Found(graph, sets, course.plans, margin)
            if not start.margin > 0 or work > self.work:
                break
            blamed = self._blame(course, widest_low, widest_high)
            doubtful = tuple(graph.histories[q] for q in course.doubtful)
            left = course.open
            kept = ~np.isin(left.origin, blamed)
            _widen(low, high, left.q[kept], left.z[kept], left.spread[kept])
            for q, history in enumerate(graph.histories):
                bounds[history] = (low[q], high[q], widest_low[q], widest_high[q])
            if not tree.split((graph.histories[q] for q in blamed.tolist()), most):
                break
        return Missed(margin, len(tree.leaves), doubtful)

    def _sample(
        self,
        sampler: Sampler,
        bounds: dict[History, tuple[Reals, Reals, Reals, Reals]],
        graph: Graph,
    ) -> None:
        """Bound the states of histories that are new, and how far the bounds may grow."""
        new = tuple(history for history in graph.histories if history not in bounds)
        if new:
            low, high = sampler.hulls(new)
            room = self.growth * (high - low).max(1, keepdims=True) + 1e-3
            rows = zip(low, high, low - room, high + room, strict=True)
            bounds.update(zip(new, rows, strict=True))

    @staticmethod
    def _blame(course: _Course, widest_low: Reals, widest_high: Reals) -> Integers:
        """The histories that should look back further."""
        left = course.open
        low, high = left.z - left.spread, left.z + left.spread
        too_far = ((low < widest_low[left.q]) | (high > widest_high[left.q])).any(1)
        blamed = [course.doubtful, left.origin[too_far]]
        if course.crowded:
            origins, counts = np.unique(left.origin, return_counts=True)
            blamed.append(origins[counts >= np.quantile(counts, 0.875)])
        together = np.unique(np.concatenate(blamed))
        return together[together >= 0]
