"""The sets of a search: cells of each context, boxes side by side along an axis of its frame.

After one context, the states of a network that forgets slowly lie close to a curve: far apart
along one direction, close together across it. A box around them is far too large, and so is any
other convex set; cells follow the curve. A set that is not cut has one cell.

In its frame (`binadd.proof.frames`) a state x has the coordinates y = V(x − o). Cells lie side by
side along the first axis, cut so wide that pre-activations differ by `width` along them.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.arithmetic import hidden_sum
from binadd.kernels.contract import LEAST_ROOM, Cells, Contexts, Indices, Reals
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable
from binadd.proof.frames import balanced_frames, coordinates
from binadd.proof.samples import Sampler

__all__ = ["CellShape", "Sets"]

MOST_CELLS = 40
"""The most cells of a context to each side of those that were sampled."""
MOST_SAMPLED = 1 << 16
"""The most cells between sampled states, more than a strategy may use: where weights are huge,
cells are wider, else there would be millions."""


class CellShape(NamedTuple):
    """How sets begin as cells in frames, and how they may grow."""

    width: float
    """The width of a cell, in pre-activations; inf: sets are not cut."""
    growth: float
    """Extra widening of a cell, as a part of what is needed."""
    inflation: float = 0.0
    """Room to each side of what was sampled in a cell, as a part of its width."""
    memory: float = 2.0
    """The weight of each step to come, as a multiple of the one before it, in `frames`."""


class Sets:
    """K contexts' sets as C cells, empty ones among them."""

    def __init__(
        self,
        bounds: Bounds,
        shape: CellShape,
        sampler: Sampler,
        table: ContextTable,
        more: Reals,
        owners: Indices,
    ) -> None:
        """Begin with states sampled in contexts and some more (m, H), of the contexts `owners`."""
        states = sampler.states(table)
        count, _, size = states.shape
        self._bounds, self._shape = bounds, shape
        self.centres = np.zeros((count, bounds.architecture.block_shape[1]))
        self.centres[:, :size] = (states.min(1) + states.max(1)) * 0.5
        self.axes, self.bases = balanced_frames(bounds, sampler, table, self.centres, shape.memory)
        y = self._turn(np.arange(count), states)
        self._begin(y, self._turn(owners, more[:, None])[:, 0], owners)

    def _turn(self, q: NDArray[np.integer[Any]], states: Reals) -> Reals:
        """Return the coordinates of states (K, m, H) of contexts q (K,)."""
        size = states.shape[2]
        return coordinates(self.axes[q, :, :size], states - self.centres[q, None, :size])

    def _begin(self, y: Reals, start: Reals, owners: Indices) -> None:
        """Take in coordinates y (K, samples, H) and more of them (m, H)."""
        shape, count = self._shape, len(y)
        samples = np.ascontiguousarray(y.swapaxes(0, 1))  # NumPy is slow along the middle
        low, high = samples.min(0), samples.max(0)
        np.minimum.at(low, owners, start)
        np.maximum.at(high, owners, start)
        self.owners = np.arange(count, dtype=np.int32)
        self.lowest, self.widths = np.zeros(count, np.int32), np.full(count, inf)
        pieces = np.zeros(count, np.int64)
        if isfinite(shape.width):
            low, high, pieces = self._cut(y, start, owners, low, high)
        room = np.maximum(high - low, 0.0) * shape.inflation + LEAST_ROOM
        low, high = low - room, high + room
        width = self.widths[self.owners]
        low[:, 0] = np.maximum(low[:, 0], (pieces - 0.5) * width)
        high[:, 0] = np.minimum(high[:, 0], (pieces + 0.5) * width)
        self.cells = Cells(self._pad(low), self._pad(high))

    def _cut(
        self, y: Reals, start: Reals, owners: Indices, low: Reals, high: Reals
    ) -> tuple[Reals, Reals, NDArray[np.int64]]:
        """Cut sets from low to high, with room for cells to each side.

        Return the hull of the states in each cell, and the number of its slab.
        """
        count, samples, size = y.shape
        self.widths = self._cell_widths()
        sampled = float(np.rint((high[:, 0] - low[:, 0]) / self.widths).sum())  # exact
        if sampled > MOST_SAMPLED:
            self.widths *= sampled / MOST_SAMPLED
        first, last = np.rint(low[:, 0] / self.widths), np.rint(high[:, 0] / self.widths)
        self.lowest = (first - MOST_CELLS).astype(np.int32)
        counts = (last - first + 2 * MOST_CELLS + 1).astype(np.int64)
        places = np.cumsum(counts) - counts - self.lowest  # of a context's cell 0
        self.owners = np.repeat(np.arange(count, dtype=np.int32), counts)
        rows = np.concatenate([y.reshape(-1, size), start])
        q = np.concatenate([np.repeat(np.arange(count), samples), owners])
        piece = np.rint(rows[:, 0] / self.widths[q]).astype(np.int64)
        low, high = _hulls(rows, places[q] + piece, len(self))
        return low, high, np.arange(len(self)) - places[self.owners]

    def _cell_widths(self) -> Reals:
        """Return the widths of cells, by how far a step along their axis moves pre-activations."""
        bounds = self._bounds
        rows = bounds.architecture.hidden_rows
        weights = bounds.block[rows, : bounds.size]  # (from, to)
        along = self.bases[:, 0, : bounds.size].T  # (from, K)
        moved = [hidden_sum(weights[:, j, None] * along) for j in range(bounds.size)]
        far = np.sqrt(hidden_sum(np.array(moved) ** 2))
        return np.asarray(self._shape.width / np.maximum(far, 1e-6))

    def _pad(self, rows: Reals) -> Reals:
        columns = self.centres.shape[1]
        if rows.shape[1] == columns:
            return rows
        padded = np.zeros((len(rows), columns))
        padded[:, : rows.shape[1]] = rows
        return padded

    def __len__(self) -> int:
        """Return C."""
        return len(self.owners)

    def contexts(self, table: ContextTable) -> Contexts:
        """Return what kernels take, prefixes without a set before the tree's contexts.

        The boxes of cells are for kernels to write.
        """
        return table.with_cells(
            self.owners, self.centres, self.axes, self.bases, self.widths, self.lowest
        )


def _hulls(rows: Reals, cell: NDArray[np.int64], count: int) -> tuple[Reals, Reals]:
    """Return bounds (C, H) of the rows in each cell, inf and −inf where there are none."""
    order = np.argsort(cell, kind="stable")
    cells, first = np.unique(cell[order], return_index=True)
    low = np.full((count, rows.shape[1]), np.inf)
    high = -low
    low[cells] = np.minimum.reduceat(rows[order], first)
    high[cells] = np.maximum.reduceat(rows[order], first)
    return low, high
