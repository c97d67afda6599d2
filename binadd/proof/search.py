"""Look for sets that hold every reachable state, and for a plan to show it.

Nothing here needs to be trusted: what counts is decided by `Enclosure`, whose sets are sound, and
by whoever checks the certificate. So this module may sample, guess and give up.

The sets belong to contexts (`binadd.proof.contexts`). They begin as hulls of sampled states and
are widened until they hold all that a step, or several, can make of them. Two ways to show it:

- **boxes**: one step of each box, each unit for itself, must end in the box of the next context.
  Cheap, but what makes a network forget is partly the cancellation between its units, which
  intervals do not see.
- **affine forms** over several steps: they see it. Whatever has not reached its set after one
  step goes on for another; words that forget slowly, as long carries do, go on longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import AFFINE, HULL, Certificate, Reals
from binadd.proof.contexts import Contexts, contexts
from binadd.proof.enclosure import Cases, Enclosure

__all__ = ["AffineForms", "Attempt", "Boxes", "Found", "Missed"]

Integers = NDArray[np.int64]
Plan = tuple[int, ...]

SAMPLES, SAMPLED_STEPS = 128, 24  # of each carry; more samples cost less than more rounds
SLACK = 1e-11
"""Room in a set beyond what must fit, for the rounding of a second look."""
SMALLEST = 1e-7
"""Radius that every set gets at least: room for rounding."""


@dataclass(frozen=True)
class Found:
    """Sets and plans that hold."""

    graph: Contexts
    centres: Reals  # (N, H)
    radii: Reals  # (N, H)
    plans: tuple[Plan, ...]  # of the initial state, then of the contexts' boxes
    margin: float

    def certificate(self, enclosure: Enclosure, digest: str) -> Certificate:
        """Put the initial state in front: it is set 0, and context q is set q + 1."""
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
            centres=np.concatenate([zero, self.centres]),
            radii=np.concatenate([zero, self.radii]),
            axes=None,
            plans=self.plans,
            histories=("start", *self.graph.histories()),
        )


@dataclass(frozen=True)
class Missed:
    """How far an attempt came."""

    margin: float
    """The smallest logit margin met; above 0 the bits were right, but the sets kept growing."""
    open_cases: int = 0
    """Cases that had not reached a set when the attempt gave up."""


class Attempt(Protocol):
    """A way to look for a proof."""

    def run(self, enclosure: Enclosure) -> Found | Missed:
        """Look for a proof."""


# ---------------------------------------------------------------------------------------------
# Sampled states
# ---------------------------------------------------------------------------------------------


class _Words(NamedTuple):
    symbols: NDArray[np.uint8]  # (SAMPLES, SAMPLED_STEPS)
    carries: Integers  # (SAMPLES,), after the last symbol


@lru_cache(maxsize=8)
def _sample_words(operands: int, count: int, steps: int) -> _Words:
    """Random words, the later ones more and more given to repeating a symbol: long carries."""
    generator = np.random.default_rng(0)
    symbols = generator.integers(0, 1 << operands, (count, steps))
    repeats = generator.random((count, steps)) < np.linspace(0, 0.95, count)[:, None]
    carries = np.zeros(count, np.int64)
    ones = np.array([symbol.bit_count() for symbol in range(1 << operands)])
    for t in range(steps):
        if t > 0:
            symbols[:, t] = np.where(repeats[:, t], symbols[:, t - 1], symbols[:, t])
        carries = (carries + ones[symbols[:, t]]) // 2
    return _Words(symbols.astype(np.uint8), carries)


def _sampled_hulls(
    enclosure: Enclosure, depth: int, from_start: bool = False
) -> tuple[Reals, Reals]:
    """Bounds (N, H) of sampled states of each context: words of each carry, then every window."""
    words = _sample_words(enclosure.operands, SAMPLES * enclosure.operands, SAMPLED_STEPS)
    states = enclosure.final_states(words.symbols)
    low, high = [], []
    for carry in range(enclosure.operands):
        reached = states[words.carries == carry][:, None]
        if carry == 0 and from_start:
            reached = np.concatenate([reached, np.zeros((1, 1, enclosure.size))])
        for _ in range(depth):
            a = (reached @ enclosure.W.T)[:, :, None] + enclosure.u
            reached = enclosure.quick_f(a).reshape(len(reached), -1, enclosure.size)
        low.append(reached.min(0))
        high.append(reached.max(0))
    return np.concatenate(low), np.concatenate(high)


# ---------------------------------------------------------------------------------------------
# Boxes
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Boxes:
    """One step of each box at a time, each unit for itself.

    Attributes
    ----------
    depth : int
        Of the contexts.
    rounds : int
        How often boxes may be widened.
    inflation : float
        By which part of itself a radius is widened before each round.
    """

    depth: int
    rounds: int = 25
    inflation: float = 0.1

    def run(self, enclosure: Enclosure) -> Found | Missed:
        """Widen the boxes until a step of each ends inside the next, or a bit is in doubt."""
        graph = contexts(enclosure.operands, self.depth)
        low, high = _sampled_hulls(enclosure, self.depth, from_start=True)
        margin = -np.inf
        for _ in range(self.rounds):
            centre = (low + high) * 0.5
            radius = (high - low) * (0.5 + 0.5 * self.inflation) + SMALLEST
            bottom, top = enclosure.hull(centre, radius)
            margin = float(enclosure.hull_margin(bottom, top, graph.signs).min())
            if not margin > 0:
                break
            bottom, top = graph.merge(np.minimum, bottom), graph.merge(np.maximum, top)
            if np.all(centre - radius <= bottom - SLACK) and np.all(top + SLACK <= centre + radius):
                return self._found(enclosure, graph, centre, radius, margin)
            low, high = np.minimum(low, bottom), np.maximum(high, top)
        return Missed(margin)

    def _found(
        self, enclosure: Enclosure, graph: Contexts, centre: Reals, radius: Reals, margin: float
    ) -> Found | Missed:
        start = _ShortWords.of(enclosure, graph)
        margin = min(margin, start.margin)
        if not margin > 0 or not start.inside(centre, radius).all():
            return Missed(margin)
        targets = (-2 - graph.successors).tolist()  # set q + 1
        plans = (graph.start_plan(), *((HULL, *ends) for ends in targets))
        return Found(graph, centre, radius, plans, margin)


class _ShortWords(NamedTuple):
    """All words just long enough to fill a window, run from the initial state; M of them."""

    q: Integers  # (M,), their contexts
    z: Reals  # (M, H)
    r: Reals  # (M, H)
    margin: float

    @classmethod
    def of(cls, enclosure: Enclosure, graph: Contexts) -> _ShortWords:
        z, r = np.zeros((2, 1, enclosure.size))
        margin, carries = np.inf, np.zeros(1, np.int64)
        for _ in range(max(graph.depth, 1)):
            bottom, top = enclosure.hull(z, r)
            totals = carries[:, None] + enclosure.ones
            signs = np.where(totals % 2 == 1, 1.0, -1.0)
            margin = min(margin, float(enclosure.hull_margin(bottom, top, signs).min()))
            carries = totals.reshape(-1) // 2
            z = ((bottom + top) * 0.5).reshape(-1, enclosure.size)
            r = ((top - bottom) * 0.5).reshape(-1, enclosure.size) + SLACK
        q = np.arange(len(z)) if graph.depth else graph.successors[0]
        return cls(q, z, r, margin)

    def inside(self, centre: Reals, radius: Reals) -> NDArray[np.bool_]:
        """Which of them end inside the box of their context, (M,)."""
        fits = np.abs(self.z - centre[self.q]) + self.r + SLACK <= radius[self.q]
        return fits.all(1)  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------
# Affine forms over several steps
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AffineForms:
    """Several steps of each box as affine forms, as many as it takes to get into a box again.

    Attributes
    ----------
    depth : int
        Of the contexts.
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

    def run(self, enclosure: Enclosure) -> Found | Missed:
        """Follow all cases into boxes; what does not get there widens the box it should be in."""
        graph = contexts(enclosure.operands, self.depth)
        low, high = _sampled_hulls(enclosure, self.depth)
        missed = Missed(-np.inf)
        for _ in range(self.rounds):
            centre = (low + high) * 0.5
            radius = (high - low) * (0.5 + 0.5 * self.inflation) + SMALLEST
            result = self._follow(enclosure, graph, centre, radius)
            if isinstance(result, Found):
                return result
            missed, z, spread, q = result
            if not missed.margin > 0 or missed.open_cases > self.cases:
                break
            np.minimum.at(low, q, np.maximum(z - spread, -1))  # no state is beyond ±1
            np.maximum.at(high, q, np.minimum(z + spread, 1))
        return missed

    def _follow(
        self, enclosure: Enclosure, graph: Contexts, centre: Reals, radius: Reals
    ) -> Found | tuple[Missed, Reals, Reals, Integers]:
        """Step all cases that are not inside their box yet, together.

        Those left open at the end are told by centre, spread and context.
        """
        start = _ShortWords.of(enclosure, graph)
        far = ~start.inside(centre, radius)
        q = np.concatenate([np.arange(len(graph)), start.q[far]])
        z, s = np.concatenate([centre, start.z[far]]), np.concatenate([radius, start.r[far]])
        cases, spread, margin = Cases(z, np.zeros((*z.shape, 0)), s), s, start.margin
        levels: list[Integers] = []  # (M, X) each: the next level's cases, or `inside` a set
        for _ in range(self.steps):
            if not margin > 0:
                break
            reached = enclosure.affine(cases)
            margin = min(margin, float(enclosure.margin(reached, graph.signs[q]).min()))
            q = graph.successors[q]
            excess = np.abs(reached.z - centre[q]) + reached.spread + SLACK - radius[q]
            out = (excess > 0).any(2)
            levels.append(np.where(out, np.cumsum(out).reshape(out.shape) - 1, -2 - q))  # set q + 1
            m, x = np.nonzero(out)
            cases, q, spread = reached.cases(m, x), q[m, x], reached.spread[m, x]
            if len(q) == 0 and margin > 0:
                ends = np.where(far, len(graph) + np.cumsum(far) - 1, -2 - start.q)
                plans = _plans(levels, graph, ends)
                return Found(graph, centre, radius, plans, margin)
            if len(q) > self.cases:
                break
        return Missed(margin, len(q)), cases.z, spread, q


def _plans(levels: list[Integers], graph: Contexts, ends: Integers) -> tuple[Plan, ...]:
    """Write the plan of the initial state, and of each context's box.

    `ends` (M,): for each short word, the case of level 0 that it leads to, or `inside` a set.
    """
    followed = [[end] if end < 0 else _plan(levels, 0, end) for end in ends.tolist()]
    boxes = (tuple(_plan(levels, 0, q)) for q in range(len(graph)))
    return (graph.start_plan(followed), *boxes)


def _plan(levels: list[Integers], level: int, case: int) -> list[int]:
    """Write the plan of a case: a step, and the plans of the cases reached."""
    plan = [AFFINE]
    for child in levels[level][case].tolist():
        plan += [child] if child < 0 else _plan(levels, level + 1, child)
    return plan
