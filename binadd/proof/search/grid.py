"""The cells in use, of all histories: found, widened, and added to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import Reals
from binadd.proof.enclosure import Cases
from binadd.proof.search.frames import FURTHEST, ROUNDING, CuttingFrames, Pieces
from binadd.proof.search.histories import Integers

__all__ = ["Grid"]

SLACK = 1e-9
"""Room in a cell beyond what must fit: a certificate has centres and radii instead of bounds."""
LEAST_GROWTH = 1e-6


class Grid:
    """Cells that are in use, sorted: N of them."""

    def __init__(self, frames: CuttingFrames) -> None:
        size = frames.origins.shape[1]
        self.frames = frames
        self.cell = np.zeros((0, 1 + frames.cuts), np.int64)
        self.low, self.high = np.zeros((2, 0, size))
        self.changed = np.zeros(0, np.bool_)

    def copy(self) -> Grid:
        """The same cells, to be widened apart."""
        other = Grid(self.frames)
        other.cell, other.changed = self.cell.copy(), self.changed.copy()
        other.low, other.high = self.low.copy(), self.high.copy()
        return other

    def __len__(self) -> int:
        """Return N."""
        return len(self.cell)

    def find(self, cell: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        """Where cells (K, 1 + D) are, and whether they are there."""
        keys, wanted = _keys(self.cell), _keys(cell)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return place, keys[place] == wanted

    def hold(self, pieces: Pieces) -> NDArray[np.bool_]:
        """Whether each piece lies in its cell."""
        place, there = self.find(pieces.cell)
        room = np.full(pieces.low.shape[1], SLACK)
        room[: self.frames.cuts] = 0.0  # pieces end where cells do
        inside = (pieces.low - room >= self.low[place]) & (pieces.high + room <= self.high[place])
        held: NDArray[np.bool_] = there & inside.all(1)
        return held

    def take_in(self, pieces: Pieces, growth: float) -> None:
        """Widen cells until they hold these pieces, and somewhat more; add those that are new."""
        cell, which = np.unique(pieces.cell, axis=0, return_inverse=True)
        which = which.reshape(-1)  # of two axes in NumPy 2.0.0
        order = np.argsort(which, kind="stable")
        first = np.searchsorted(which[order], np.arange(len(cell)))
        low = np.minimum.reduceat(pieces.low[order], first)
        high = np.maximum.reduceat(pieces.high[order], first)
        if len(self):
            place, there = self.find(cell)
            self._widen(place[there], low[there], high[there], growth)
            cell, low, high = cell[~there], low[~there], high[~there]
        low, high = self.frames.bounds(cell, low - LEAST_GROWTH, high + LEAST_GROWTH)
        self.cell = np.concatenate([self.cell, cell])
        order = np.argsort(_keys(self.cell), kind="stable")
        self.cell = self.cell[order]
        self.low = np.concatenate([self.low, low])[order]
        self.high = np.concatenate([self.high, high])[order]
        self.changed = np.concatenate([self.changed, np.ones(len(cell), np.bool_)])[order]

    def _widen(self, place: Integers, low: Reals, high: Reals, growth: float) -> None:
        below = (self.low[place] - low + 2 * SLACK).clip(0)
        above = (high - self.high[place] + 2 * SLACK).clip(0)
        low = self.low[place] - np.where(below > 0, below * (1 + growth) + LEAST_GROWTH, 0)
        high = self.high[place] + np.where(above > 0, above * (1 + growth) + LEAST_GROWTH, 0)
        self.low[place], self.high[place] = self.frames.bounds(self.cell[place], low, high)
        self.changed[place] = True

    def cases(self, rows: Integers) -> tuple[Integers, Cases]:
        """The cells as cases, and their frames."""
        f = self.cell[rows, 0]
        middle, radius = (self.low + self.high)[rows] * 0.5, (self.high - self.low)[rows] * 0.5
        axes = self.frames.axes[f]
        z = self.frames.origins[f] + (axes @ middle[:, :, None])[:, :, 0]
        return f, Cases(z, axes * radius[:, None], np.full_like(z, ROUNDING))


def _keys(cell: Integers) -> Integers:
    """One number for each cell, in their order."""
    key = cell[:, 0]
    for axis in range(1, cell.shape[1]):
        key = key * (2 * FURTHEST) + (cell[:, axis] + FURTHEST)
    return key
