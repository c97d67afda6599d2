"""The search for a proof: give contexts sets, propagate, widen, refine, until nothing escapes.

Nothing here needs to be trusted: what `propagate` bounds is sound, and the checker derives it
again. So this may sample, guess and give up.

Sets begin around sampled states. All that a cell can become is propagated, as zonotopes or as
intervals, until the cells of a context cover it. What escapes after the last step widens the cells
that it should have been in, or, where these may not grow further, takes more steps. Where a bit is
in doubt, or steps do not help, the context looks back one symbol further, if a strategy splits
contexts; otherwise the attempt has failed.

With many operands there are many symbols, and contexts begin with fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import DOUBT, ESCAPED, MAX_STEPS, TOO_MANY, WIDENED, Contexts, Images
from binadd.proof.bounds import SLACK, Bounds
from binadd.proof.certificate import Certificate
from binadd.proof.contexts import Context, ContextTable, ContextTree, affordable_depth, uniform
from binadd.proof.samples import Sampler
from binadd.proof.sets import Sets, Shape

__all__ = ["LARGE", "Failure", "Found", "Strategy", "affordable", "close"]

LARGE, MOST_WORK = 64, 1 << 37
"""Units beyond which sets have no frames, as the checker takes no axes whose elements may add up
to √64, and an attempt is limited to so many multiplications: some seconds."""

MOST_FRAMES = 1 << 21
"""Reals of all frames, so that certificates stay within their limit: some 40 MB of JSON."""
SPARE_STEPS = 3
"""Beyond those that the search took, in case the checker's bounds are a little wider: of 31
networks from PyTorch and Keras it refused one with the 4 steps of the search and with 5, but not
with 7. They cost nothing where they are not needed."""
MOST_REALS = 1 << 25
"""Of all generators of one case after another: 256 MiB."""


@dataclass(frozen=True)
class Strategy:
    """How to look for sets; everything is counted, so that the same network ends the same way.

    Attributes
    ----------
    depth : int
        Symbols of each context at first, if there are not too many contexts.
    shape : Shape
    affine : bool
        Propagate zonotopes; otherwise intervals, which do not see how units depend on each other.
    steps, most_steps : int
        Until an image must be covered: at first, and where it escapes cells that may not grow.
    splits : float
        The share of contexts that may look back further in one round; 0: none.
    least_units : int
        Of networks that it is meant for: smaller ones are proved sooner by what follows it.
    rounds, contexts, cells, budget, work : int
        The most of each: contexts after splitting, cells in use, zonotopes of one cell and of all,
        by their generators.
    """

    depth: int
    shape: Shape
    affine: bool = True
    steps: int = 3
    most_steps: int = 0
    splits: float = 0.0
    least_units: int = 1
    rounds: int = 200
    contexts: int = 2000
    cells: int = 6000
    budget: int = 3000
    work: int = 1_000_000

    def __str__(self) -> str:
        """Return what it tries, in a few words."""
        what = "zonotopes" if self.affine else "intervals"
        where = "cells along curves" if isfinite(self.shape.width) else "boxes"
        split = ", split where needed" if self.splits else ""
        return f"{what} from {where}, contexts of {self.depth} symbols{split}"


@dataclass(frozen=True)
class Failure:
    """How far an attempt came."""

    margin: float
    """The smallest logit margin met; above 0 the bits were right, but the sets kept growing."""
    contexts: int
    """How many there were at last."""
    doubtful: tuple[Context, ...] = ()
    """Contexts after which a bit may be wrong."""


@dataclass(frozen=True, eq=False)
class Found:
    """Sets that hold."""

    table: ContextTable
    sets: Sets
    affine: bool
    steps: int
    margin: float

    def certificate(self, bounds: Bounds, digest: str) -> Certificate:
        """Write the sets down as data, empty cells left out."""
        table, sets, size = self.table, self.sets, bounds.size
        used = np.flatnonzero(sets.used)
        middles, halves = sets.boxes()
        arrays = sets.contexts(table)
        owners = (sets.owners[used] + table.prefixes).tolist()
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
            carries=tuple(table.carries.tolist()),
            successors=tuple(map(tuple, table.successors.tolist())),
            centres=arrays.centres[:, :size].copy(),
            widths=np.where(np.isfinite(arrays.widths), arrays.widths, 0.0),
            frames=sets.axes[:, :, :size].copy(),
            frame=tuple(arrays.frame.tolist()),
            cells=tuple(zip(owners, sets.pieces[used].tolist(), strict=True)),
            middles=middles[used, :size].copy(),
            halves=halves[used, :size].copy(),
        )


@dataclass
class _Origins:
    """What is known of each cell as an origin; the last is the initial state."""

    open: NDArray[np.bool_]
    steps: NDArray[np.int64]
    margins: NDArray[np.float64]
    depths: NDArray[np.int64]
    held: NDArray[np.uint8] = field(repr=False)  # (C + 1, K): by which contexts' cells

    @classmethod
    def of(cls, cells: int, steps: int, table: ContextTable) -> _Origins:
        """Know nothing yet of so many cells and the initial state, which no context is told of."""
        count = cells + 1
        return cls(
            np.ones(count, np.bool_),
            np.append(np.full(cells, steps), max(steps, table.longest + 3)),
            np.full(count, inf),
            np.zeros(count, np.int64),
            np.zeros((count, len(table.contexts)), np.uint8),
        )


def affordable(strategy: Strategy, bounds: Bounds) -> Strategy:
    """Return what of a strategy a network's size allows: fewer contexts, and less work.

    A zonotope of many units costs their third power.
    """
    operands, size = bounds.operands, bounds.size
    depth = affordable_depth(operands, strategy.depth)
    frame = size**2 if strategy.shape.frames else 1
    while depth and (operands << operands * depth) * frame > MOST_FRAMES:
        depth -= 1
    work = min(strategy.work, MOST_WORK // size**3) if size > LARGE else strategy.work
    return replace(strategy, depth=depth, work=work)


def close(
    bounds: Bounds,
    sampler: Sampler,
    strategy: Strategy,
    progress: Callable[[int, int], object] | None = None,
) -> Found | Failure:
    """Look for sets that hold all that they can become, as a strategy says.

    `progress` is called with the number of contexts and of open cells before each round.
    """
    return _Search(bounds, sampler, strategy).run(progress)


class _HopelessError(Exception):
    """The initial state leads to a wrong bit, or nowhere."""


class _Search:
    def __init__(self, bounds: Bounds, sampler: Sampler, strategy: Strategy) -> None:
        strategy = affordable(strategy, bounds)
        self.bounds, self.sampler, self.strategy = bounds, sampler, strategy
        self.tree = ContextTree(bounds.operands, strategy.depth) if strategy.splits else None
        self.table = uniform(bounds.operands, strategy.depth)
        self.sets = self._sample(self.table.contexts)
        self.origins = _Origins.of(len(self.sets), strategy.steps, self.table)
        self.work, self.budget = strategy.work, strategy.budget
        if bounds.size > LARGE:  # a single round must not exceed the work, either
            self.budget = min(self.budget, max(8, self.work // int(self.sets.used.sum())))
        self.spent = 0
        self.margin = -inf

    def _sample(self, contexts: tuple[Context, ...]) -> Sets:
        """Return sets around states sampled in contexts, and those first met there."""
        owners, states = self.sampler.starts(self.table)
        place = {context: i for i, context in enumerate(contexts)}
        here = [place.get(self.table.contexts[q], -1) for q in owners.tolist()]
        q = np.array(here, np.intp)
        return Sets(
            self.bounds,
            self.strategy.shape,
            self.sampler.states(contexts),
            states[q >= 0],
            q[q >= 0],
        )

    def run(self, progress: Callable[[int, int], object] | None) -> Found | Failure:
        """Propagate, widen and refine."""
        strategy = self.strategy
        for _ in range(strategy.rounds):
            if progress is not None:
                progress(len(self.table.contexts), int(self.origins.open.sum()))
            try:
                blamed = self._round()
            except _HopelessError:
                break
            if not self._open().any():
                steps = int(self.origins.depths.max())
                margin = float(self.origins.margins[self._counted()].min())
                return Found(self.table, self.sets, strategy.affine, steps, margin)
            if self.spent > self.work or self.sets.used.sum() > strategy.cells:
                break
            if len(blamed) and not self._refine(blamed):
                break
        doubtful = np.flatnonzero(self.origins.margins[:-1] <= 0)
        contexts = np.unique(self.sets.owners[doubtful]).tolist()
        return Failure(
            self.margin,
            len(self.table.contexts),
            tuple(self.table.contexts[q] for q in contexts),
        )

    def _counted(self) -> NDArray[np.bool_]:
        """Return which origins there are: cells that are not empty, and the initial state."""
        return np.append(self.sets.used, True)

    def _open(self) -> NDArray[np.bool_]:
        return self.origins.open & self._counted()

    def _round(self) -> NDArray[np.intp]:
        """Propagate open origins, widen what images escaped; return which contexts to refine."""
        origins, strategy, prefixes = self.origins, self.strategy, self.table.prefixes
        contexts = self.sets.contexts(self.table)
        open_ = self._open()
        if open_[:-1].any():  # the initial state is seen to last: sets around it are wide by then
            open_[-1] = False
        least = np.full(contexts.middles.shape, inf)
        most = -least
        blamed = []
        self.margin = inf
        for steps in np.unique(origins.steps[open_]).tolist():
            chosen = np.flatnonzero(open_ & (origins.steps == steps))
            images = self._propagate(contexts, chosen, steps)
            self.spent += int(images.work.sum())
            least, most = np.minimum(least, images.least), np.maximum(most, images.most)
            closed, widened = images.outcomes == 0, images.outcomes == WIDENED
            doubt = (images.outcomes & DOUBT) != 0
            if not self.sets.bounded:  # cells are about to take in all that escaped
                closed |= widened
            origins.open[chosen] = ~closed
            origins.margins[chosen] = images.margins
            origins.depths[chosen] = np.where(widened, steps, images.depths)
            if images.held is not None:
                origins.held[chosen] = images.held[:, prefixes:] | widened[:, None]
            known = images.outcomes != TOO_MANY
            self.margin = min(self.margin, float(images.margins[known].min(initial=inf)))
            blamed.append(chosen[doubt | ~known])
            escaped = ((images.outcomes & ESCAPED) != 0) & ~doubt
            late = chosen[escaped | (widened & self.sets.bounded)]
            origins.steps[late] += 1
            blamed.append(late[origins.steps[late] > max(strategy.steps, strategy.most_steps)])
        origins.open[:-1] |= self.sets.take_in(least, most)
        cells = np.unique(np.concatenate(blamed))
        if len(cells) and cells[-1] == len(self.sets):  # the initial state is of no context
            raise _HopelessError
        return np.unique(self.sets.owners[cells])

    def _propagate(self, contexts: Contexts, chosen: NDArray[np.intp], steps: int) -> Images:
        strategy, bounds = self.strategy, self.bounds
        numbers = np.where(chosen == len(self.sets), -1, chosen).astype(np.int32)
        columns = bounds.architecture.block_shape[1]
        affordable = int((2 * MOST_REALS / (bounds.size * columns)) ** 0.5)
        return bounds.kernels.propagate(
            bounds.architecture,
            bounds.block,
            contexts,
            numbers,
            bounds.errors,
            affine=strategy.affine,
            steps=max(1, min(steps, affordable, MAX_STEPS)),
            budget=self.budget,
            slack=SLACK,
            mild=inf,
            held=self.tree is not None,
        )

    def _refine(self, blamed: NDArray[np.intp]) -> bool:
        """Let contexts look back further; False if that is not allowed, or they are too many."""
        if self.tree is None:
            return False
        before = self.table.contexts
        most = max(8, int(self.strategy.splits * len(before)))
        for q in blamed[:most].tolist():
            self.tree.split(before[q])
        if len(self.tree.leaves) > self.strategy.contexts:
            return False
        kept = np.array([q for q, leaf in enumerate(before) if leaf in self.tree.leaves], np.intp)
        gone = np.setdiff1d(np.arange(len(before)), kept)
        self._renew(kept, gone)
        return True

    def _renew(self, kept: NDArray[np.intp], gone: NDArray[np.intp]) -> None:
        """Sample sets of new contexts; what relied on those that are gone is open again."""
        assert self.tree is not None
        old, origins = self.table.contexts, self.origins
        self.tree.leaves = dict.fromkeys(
            [old[q] for q in kept] + [leaf for leaf in self.tree.leaves if leaf not in set(old)]
        )
        self.table = self.tree.table()
        new = self.table.contexts[len(kept) :]
        cells = np.append(np.isin(self.sets.owners, kept), False)
        fresh = self._sample(new)
        more = _Origins.of(len(fresh), self.strategy.steps, self.table)
        origins.open |= origins.held[:, gone].any(1)
        held = np.zeros((int(cells.sum()), len(self.table.contexts)), np.uint8)
        held[:, : len(kept)] = origins.held[cells][:, kept]
        self.origins = replace(
            origins,
            held=np.concatenate([held, more.held]),
            **{
                name: np.concatenate([getattr(origins, name)[cells], getattr(more, name)])
                for name in ("open", "steps", "margins", "depths")
            },
        )
        self.sets.kept(kept)
        self.sets.add(fresh)
