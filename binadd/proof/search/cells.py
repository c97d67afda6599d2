"""Cells: the states of each history cut into pieces, for networks that forget slowly.

Where states spread along a curve, a step of a piece need not come to lie in one piece again: it
must be covered by those that it reaches into. So nothing has to shrink along the curve, only
across it, and one to three steps are enough where boxes need a dozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from binadd.proof.certificate import Reals
from binadd.proof.enclosure import BOUND, Cases, Enclosure
from binadd.proof.search.attempt import CellsFound, Missed
from binadd.proof.search.frames import CuttingFrames, Pieces
from binadd.proof.search.grid import Grid
from binadd.proof.search.histories import Graph, Integers, uniform
from binadd.proof.search.plans import Plan, cell_plans, length
from binadd.proof.search.sampler import Sampler
from binadd.proof.search.sets import ShortWords

__all__ = ["Cells"]

MOST_SYMBOLS, MOST_UNITS = 8, 64
"""With more, three steps lead to too many cases, and frames are too large."""
MOST_REALS = 1 << 24
"""Of all generators at a time."""
WIDENINGS = 2
"""Of cells that hold, so that cases get into cells sooner."""


def _extent(cases: Cases) -> float:
    """How far from 0 a unit of a case may be."""
    return float((np.abs(cases.z) + np.abs(cases.G).sum(-1) + cases.s).max())


class CellsFollowed(NamedTuple):
    """What came of following some cells."""

    margin: float
    doubtful: Integers
    levels: list[Integers]
    outside: Pieces | None
    """What of the last step's cases lies outside the cells."""
    work: int


@dataclass(frozen=True)
class Cells:
    """Pieces of the states of each history, cut along their longest axes.

    Attributes
    ----------
    depth : int
        How far histories look back.
    width : float
        Of a piece, in pre-activations.
    cuts : int
        How many axes are cut.
    growth : float
        A cell that must grow grows by so many times more than it must.
    steps : int
        After so many a case must be covered.
    rounds, cells, work : int
        The most of each; work as `Adaptive` counts it for 16 units.
    """

    depth: int
    width: float
    cuts: int = 2
    growth: float = 0.4
    steps: int = 3
    rounds: int = 200
    cells: int = 6000
    work: int = 30_000_000

    def run(self, enclosure: Enclosure, sampler: Sampler) -> CellsFound | Missed:
        """Cut what was sampled, and widen and add cells until they cover what becomes of them."""
        graph = uniform(enclosure.operands, self.depth)
        if graph.symbols > MOST_SYMBOLS or enclosure.size > MOST_UNITS:
            return Missed(-np.inf, len(graph))
        start = ShortWords.of(enclosure, graph)
        try:
            states = sampler.states(graph.histories)
            frames = CuttingFrames.of(states, enclosure.W, self.cuts, self.width)
            grid = Grid(frames)
            self._begin(grid, states, start)
            found = self._close(enclosure, graph, grid, start.margin)
            if isinstance(found, Missed):
                return found
            return self._shortened(enclosure, graph, grid, found)
        except (OverflowError, np.linalg.LinAlgError):
            return Missed(-np.inf, len(graph))

    def _begin(self, grid: Grid, states: Reals, start: ShortWords) -> None:
        """Take in what was sampled, and the short words."""
        count, samples, size = states.shape
        f = np.concatenate([np.repeat(np.arange(count), samples), start.q])
        z = np.concatenate([states.reshape(-1, size), start.z])
        s = np.concatenate([np.zeros((count * samples, size)), start.r])
        at_once = MOST_REALS // size**2
        for i in range(0, len(f), at_once):
            some = slice(i, i + at_once)
            G = np.zeros((*z[some].shape, 1))
            grid.take_in(grid.frames.cut(f[some], z[some], G, s[some]), 0.0)

    def _close(
        self, enclosure: Enclosure, graph: Graph, grid: Grid, margin: float
    ) -> CellsFound | Missed:
        """Follow cells that have changed, and let cells take in what is outside, until none is."""
        worst, doubtful, work = -np.inf, np.zeros(0, np.int64), 0
        for _ in range(self.rounds):
            rows = np.flatnonzero(grid.changed)
            if len(rows) == 0:
                break
            grid.changed[:] = False
            parts = []
            for some in self._chunks(enclosure, graph, rows):
                parts.append(self._follow(enclosure, graph, grid, some, self.steps))
                work += parts[-1].work
                if not parts[-1].margin > 0 or work > self.work:
                    break
            worst = min(part.margin for part in parts)
            doubtful = np.concatenate([part.doubtful for part in parts])
            if not worst > 0 or len(grid) > self.cells or work > self.work:
                grid.changed[rows] = True
                break
            for part in parts:
                if part.outside is not None:
                    grid.take_in(part.outside, self.growth)
        if grid.changed.any() or not worst > 0:
            doubts = tuple(graph.histories[q] for q in np.unique(doubtful))
            return Missed(worst, len(graph), doubts)
        return self._found(enclosure, graph, grid, margin)

    def _found(
        self, enclosure: Enclosure, graph: Graph, grid: Grid, margin: float
    ) -> CellsFound | Missed:
        """Follow all cells once more, and write down how."""
        plans: list[Plan] = []
        for rows in self._chunks(enclosure, graph, np.arange(len(grid))):
            followed = self._follow(enclosure, graph, grid, rows, self.steps)
            margin = min(margin, followed.margin)
            if followed.outside is not None or not margin > 0:
                return Missed(margin, len(graph))
            plans += cell_plans(followed.levels, len(rows))
        return CellsFound(graph, grid.frames, grid.cell, grid.low, grid.high, plans, margin)

    def _shortened(
        self, enclosure: Enclosure, graph: Graph, grid: Grid, found: CellsFound
    ) -> CellsFound:
        """Let cells take in what one step leaves outside, and close them again: cases get into
        wider cells sooner. What was found, if those do not close."""
        grid = grid.copy()
        try:
            for _ in range(WIDENINGS):
                for rows in self._chunks(enclosure, graph, np.arange(len(grid))):
                    followed = self._follow(enclosure, graph, grid, rows, steps=1)
                    if followed.outside is not None:
                        grid.take_in(followed.outside, 0.0)
            wider = self._close(enclosure, graph, grid, found.margin)
        except OverflowError:
            return found
        if isinstance(wider, CellsFound) and length(wider.plans) < length(found.plans):
            return wider
        return found

    def _chunks(self, enclosure: Enclosure, graph: Graph, rows: Integers) -> Iterator[Integers]:
        """As many of the rows at a time as memory is for."""
        each = graph.symbols**self.steps * enclosure.size**2 * self.steps
        at_once = max(1, MOST_REALS // each)
        yield from (rows[i : i + at_once] for i in range(0, len(rows), at_once))

    def _follow(
        self, enclosure: Enclosure, graph: Graph, grid: Grid, rows: Integers, steps: int
    ) -> CellsFollowed:
        """Step cells, and what of them is not covered, until all is or the steps are used up."""
        q, cases = grid.cases(rows)
        if not _extent(cases) < BOUND:
            raise OverflowError("cells reach further than enclosures are sound for")
        origin, margin, doubtful = q, np.inf, [np.zeros(0, np.int64)]
        levels: list[Integers] = []
        outside, work = None, 0
        for step in range(steps):
            share = graph.symbols * enclosure.size**2 / 1024  # of a case of 16 units, 4 symbols
            work += int(len(q) * (cases.G.shape[2] + enclosure.size) * share)
            reached = enclosure.affine(cases)
            margins = enclosure.margin(reached, graph.signs[q])
            margin = min(margin, float(margins.min()))
            doubtful.append(origin[(margins <= 0).any(1)])
            ends = graph.successors[q]
            m, x = np.divmod(np.arange(ends.size), graph.symbols)
            after = reached.cases(m, x)
            pieces = grid.frames.cut(ends.reshape(-1), *after)
            held = grid.hold(pieces)
            out = np.zeros(ends.size, np.bool_)
            out[pieces.case[~held]] = True
            levels.append(
                np.where(out, np.cumsum(out) - 1, -2 - ends.reshape(-1)).reshape(ends.shape)
            )
            if not out.any():
                break
            if step == steps - 1:
                outside = pieces.where(~held)
            origin, q = origin[m[out]], ends.reshape(-1)[out]
            cases = Cases(*(part[out] for part in after))
        return CellsFollowed(margin, np.concatenate(doubtful), levels, outside, work)
