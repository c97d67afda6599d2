"""The search for a proof: give contexts sets, propagate and widen them until nothing escapes.

Nothing here needs to be trusted: what `propagate` bounds is sound, and the checker derives it
again. So this may sample, guess and give up.

Sets begin around sampled states. A kernel, `close_sets`, then propagates cells round by round, as
zonotopes or as intervals, until the cells of a context cover all that they can become. What
escapes after the last step widens the cells that it should have been in, or, where there are none,
takes more steps. Where a bit is in doubt, or steps do not help, the attempt has failed.

With many operands there are many symbols, and contexts begin with fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from binadd.form import Form
from binadd.kernels.contract import (
    CLOSED,
    DOUBT,
    MAX_STEPS,
    OPEN,
    STUCK,
    TOO_MANY,
    Closure,
    Contexts,
    Origins,
    Propagation,
)
from binadd.kernels.mode import ieee_mode
from binadd.proof.bounds import SLACK, Bounds
from binadd.proof.boxes import BoxShape, sampled_boxes
from binadd.proof.certificate import Certificate
from binadd.proof.contexts import Context, ContextTable, affordable_depth, uniform
from binadd.proof.samples import Sampler
from binadd.proof.sets import CellShape, Sets

__all__ = ["LARGE", "Failure", "Found", "Strategy", "affordable", "close"]

LARGE, MOST_WORK = 64, 1 << 37
"""Units beyond which sets have no frames, for `binadd.proof.bounds` adds up I − UV over so many,
and the most multiplications of an attempt then: some seconds."""

MOST_FRAMES = 1 << 21
"""Reals of all frames, so that certificates stay within their limit: some 40 MB of JSON."""
MOST_REACH = 120.0
"""Of a cell in its coordinates y, times Σ|U| in any row: the checker takes less than 128."""
SPARE_STEPS = 3
"""Beyond those that the search took, in case the checker's bounds are wider by more than the
slack; they cost nothing where they are not needed."""
START_BITS = 14
"""The most bits, of all operands, of words from the start that are propagated one by one."""
MOST_REALS = 1 << 25
"""The most numbers in the generators of all steps of an image: 256 MiB."""


@dataclass(frozen=True)
class Strategy:
    """How to look for sets; everything is counted, so that the same network ends the same way.

    Attributes
    ----------
    depth : int
        Symbols of each context at first, if there are not too many contexts.
    shape : BoxShape or CellShape
    affine : bool
        Propagate zonotopes; otherwise intervals, which do not see how units depend on each other.
    steps, most_steps : int
        Until an image must be covered: at first, and where it leaves all cells.
    least_units : int
        Of networks that it is meant for: smaller ones are proved sooner by what follows it.
    lead : int
        Sets begin so wide that they hold the states after all words from the start that have so
        many symbols more than it takes to tell a context. States after shorter words may lie far
        from all later ones; sets need not hold them, but each of these words is propagated.
    rounds, cells, budget, work : int
        The most of each: cells in use, zonotopes of one cell and of all, by their generators.
    """

    depth: int
    shape: BoxShape | CellShape
    affine: bool = True
    steps: int = 3
    most_steps: int = 0
    least_units: int = 1
    lead: int = 0
    rounds: int = 200
    cells: int = 6000
    budget: int = 3000
    work: int = 1_000_000

    def __str__(self) -> str:
        """Return what it tries, in a few words."""
        what = "zonotopes" if self.affine else "intervals"
        where = "cells along curves" if isinstance(self.shape, CellShape) else "boxes"
        count = f"{self.depth} symbol{'s' * (self.depth != 1)}"
        return f"{what} from {where}, contexts of {count}"


@dataclass(frozen=True)
class Failure:
    """How far an attempt came."""

    margin: float
    """The smallest logit margin met; above 0 the bits were right, but the sets kept growing."""
    contexts: int
    """How many there were."""
    doubtful: tuple[Context, ...] = ()
    """Contexts after which a bit may be wrong."""


@dataclass(frozen=True, eq=False)
class Found:
    """Sets that hold."""

    table: ContextTable
    contexts: Contexts
    affine: bool
    steps: int
    margin: float

    @ieee_mode()
    def certificate(self, bounds: Bounds, digest: str) -> Certificate:
        """Write the sets down as data, empty cells left out."""
        table, arrays, size = self.table, self.contexts, bounds.size
        used = np.flatnonzero(arrays.halves[:, 0] >= 0)
        owners = arrays.owners[used]
        slabs = used - arrays.first[owners] + arrays.lowest[owners]
        return Certificate(
            digest=digest,
            operands=bounds.operands,
            activation=bounds.network.activation,
            dtype=bounds.network.dtype,
            step_error=bounds.step_error,
            logit_error=bounds.logit_error,
            margin=self.margin,
            steps=self.steps + SPARE_STEPS,
            affine=self.affine,
            contexts=table.names,
            carries=tuple((table.carries + bounds.form.lowest).tolist()),
            successors=tuple(map(tuple, table.successors.tolist())),
            centres=arrays.centres[:, :size].copy(),
            widths=np.where(np.isfinite(arrays.widths), arrays.widths, 0.0),
            frames=arrays.frames[:, :, :size].copy(),
            frame=tuple(arrays.frame.tolist()),
            cells=tuple(zip(owners.tolist(), slabs.tolist(), strict=True)),
            middles=arrays.middles[used, :size].copy(),
            halves=arrays.halves[used, :size].copy(),
            coefficients=bounds.form.coefficients,
        )


@lru_cache(maxsize=256)
def affordable(strategy: Strategy, form: Form, size: int) -> Strategy | None:
    """Return a strategy, cut down to the contexts and the work that `size` units allow.

    A zonotope of many units costs their third power. None if it needs frames of too many units.
    """
    framed = isinstance(strategy.shape, CellShape)
    if framed and size > LARGE:
        return None
    depth, operands = affordable_depth(form, strategy.depth), len(form.coefficients)
    frame = size**2 if framed else 1
    while depth and (form.carries << operands * depth) * frame > MOST_FRAMES:
        depth -= 1
    lead = max(0, min(strategy.lead, START_BITS // operands - max(depth, 1)))
    work = min(strategy.work, MOST_WORK // size**3) if size > LARGE else strategy.work
    return replace(strategy, depth=depth, lead=lead, work=work)


def close(
    bounds: Bounds,
    sampler: Sampler,
    strategy: Strategy,
    progress: Callable[[int, int], object] | None = None,
) -> Found | Failure:
    """Look for sets that hold all that they can become, as an affordable strategy says.

    `progress` is called with the number of contexts and of open cells before each round.
    """
    return _Search(bounds, sampler, strategy).run(progress)


class _Search:
    def __init__(self, bounds: Bounds, sampler: Sampler, strategy: Strategy) -> None:
        self.bounds, self.strategy = bounds, strategy
        self.table, shape = uniform(bounds.form, strategy.depth), strategy.shape
        if isinstance(shape, BoxShape):
            self.contexts, self.cells = sampled_boxes(bounds, shape, sampler, self.table)
        else:
            owners, states = sampler.starts(self.table, strategy.lead)
            sets = Sets(bounds, shape, sampler, self.table, states, owners)
            self.contexts, self.cells = sets.contexts(self.table), sets.cells
        count = len(self.cells.low)
        self.origins = self._origins(count)
        self.budget = strategy.budget
        if bounds.size > LARGE:  # a single round must not exceed the work, either
            self.budget = min(self.budget, max(8, strategy.work // count))

    def _origins(self, cells: int) -> Origins:
        """Return cells and the initial state as origins of which nothing is known yet."""
        strategy, count = self.strategy, cells + 1
        steps = np.full(count, strategy.steps, np.int32)
        steps[-1] = max(strategy.steps, self.table.starts.shape[1] + strategy.lead + 3)
        outcomes, depths = np.zeros((2, count), np.int32)
        margins = np.full(count, np.inf)
        return Origins(np.full(count, OPEN, np.uint8), steps, outcomes, depths, margins)

    def run(self, progress: Callable[[int, int], object] | None) -> Found | Failure:
        """Propagate and widen."""
        strategy = self.strategy
        rounds, work = strategy.rounds, strategy.work
        while True:
            if progress is not None:
                progress(len(self.table.contexts), int((self.origins.states != CLOSED).sum()))
            done, spent = self._close(1 if progress is not None else rounds, work)
            rounds, work = rounds - done, work - spent
            states, margins = self.origins.states, self.origins.margins
            empty = np.count_nonzero(self.contexts.halves[:, 0] < 0)  # never propagated
            if np.count_nonzero(states != CLOSED) == empty:
                if not self._within_reach():
                    return self._failure()
                steps, margin = int(self.origins.depths.max()), float(margins.min())
                return Found(self.table, self.contexts, strategy.affine, steps, margin)
            exhausted = rounds <= 0 or work < 0 or len(margins) - 1 - empty > strategy.cells
            if exhausted or (states == STUCK).any():
                return self._failure()

    def _within_reach(self) -> bool:
        """Whether no cell reaches further, in its coordinates, than the checker takes."""
        reach = (np.abs(self.contexts.middles) + self.contexts.halves).max()
        load = np.add.accumulate(np.abs(self.contexts.bases), axis=1)[:, -1].max(initial=1.0)
        return bool(reach * load < MOST_REACH)

    def _failure(self) -> Failure:
        outcomes, margins = self.origins.outcomes, self.origins.margins
        doubtful = np.flatnonzero(outcomes[:-1] & DOUBT)
        contexts = np.unique(self.contexts.owners[doubtful]) - self.table.prefixes
        return Failure(
            float(margins[outcomes != TOO_MANY].min(initial=np.inf)),
            len(self.table.contexts),
            tuple(self.table.contexts[q] for q in contexts.tolist()),
        )

    def _close(self, rounds: int, work: int) -> tuple[int, int]:
        """Propagate and widen for at most `rounds`; return how many there were, and their work."""
        strategy, shape, bounds = self.strategy, self.strategy.shape, self.bounds
        columns = bounds.architecture.block_shape[1]
        storable = int((2 * MOST_REALS / (bounds.size * columns)) ** 0.5)
        most_steps = max(strategy.steps, strategy.most_steps)
        deepest = max(most_steps, int(self.origins.steps[-1]))
        return bounds.kernels.close_sets(
            bounds.architecture,
            bounds.block,
            self.contexts,
            self.cells,
            self.origins,
            bounds.errors,
            Propagation(
                affine=strategy.affine,
                steps=max(1, min(deepest, storable, MAX_STEPS)),
                budget=self.budget,
                slack=SLACK,
            ),
            Closure(
                growth=shape.growth,
                most_steps=most_steps,
                rounds=rounds,
                work=work,
                most_cells=strategy.cells,
            ),
        )
