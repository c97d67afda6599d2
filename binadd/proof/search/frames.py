"""Frames: coordinates in which the states of one history are cut into cells.

After the same history, the states of a network that forgets slowly lie close to a curve: pre-
activations spread over units along one direction, over tenths across it. A box around them is
far too large, and so is any other convex set. Cells cut them along that direction.

In frame f a state x has the coordinates y = V(x − o). V turns the pre-activations Wx into their
principal axes, the longest first: V = PᵀW.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import Reals
from binadd.proof.search.histories import Integers

__all__ = ["CuttingFrames", "Pieces"]

MOST_PIECES, FURTHEST = 1 << 19, 1 << 11
"""Of all cases at a time, and from the middle of an axis."""
ROUNDING = 1e-10
"""By how much a change of coordinates may be off, when all is in order, is far below this."""
MOST_UNEVEN = 1e-11
"""|I − UV|, above which a frame is useless."""
LONGEST = 1e4
"""Σ|V| of a coordinate, above which it may be rounded by more."""


class Frames(NamedTuple):
    """Coordinates y = V(h − o) in which sets are cut into cells; F of them, D axes are cut."""

    origins: Reals
    """(F, H): o"""
    axes: Reals
    """(F, H, H): about the inverse of V"""
    inverses: Reals
    """(F, H, H): V"""
    widths: Reals
    """(F, D): of the pieces of the axes that are cut"""


class Pieces(NamedTuple):
    """Parts of cases that lie in one cell each; K of them."""

    case: Integers  # (K,)
    cell: Integers  # (K, 1 + D): the frame, and which piece along each axis that is cut
    low: Reals  # (K, H)
    high: Reals  # (K, H)

    def where(self, kept: NDArray[np.bool_]) -> Pieces:
        """Some of them."""
        return Pieces(self.case[kept], self.cell[kept], self.low[kept], self.high[kept])


class CuttingFrames(Frames):
    """The frames of F histories, and what is done with them."""

    __slots__ = ()

    @classmethod
    def of(cls, states: Reals, weights: Reals, cuts: int, width: float) -> CuttingFrames:
        """Frames of sampled states (F, samples, H); pieces are so wide in pre-activations.

        Raises
        ------
        LinAlgError
            If a frame cannot be inverted well.
        """
        middle = states.mean(1)
        spread = (states - middle[:, None]) @ weights.T
        _, principal = np.linalg.eigh(spread.swapaxes(1, 2) @ spread)
        inverse = principal[:, :, ::-1].swapaxes(1, 2) @ weights
        axes = np.linalg.inv(inverse)
        uneven = np.abs(np.eye(len(weights)) - axes @ inverse).sum(-1).max()
        if not (uneven < MOST_UNEVEN and np.abs(inverse).sum(-1).max() < LONGEST):
            raise np.linalg.LinAlgError("ill-conditioned")
        y = (states - middle[:, None]) @ inverse.swapaxes(1, 2)
        centre = (y.min(1) + y.max(1)) * 0.5
        longest = np.linalg.norm(weights @ axes, axis=1)  # of a step along each axis
        origin: Reals = middle + (axes @ centre[:, :, None])[:, :, 0]
        widths = np.asarray(width / longest[:, :cuts], np.float64)
        return cls(origin, np.asarray(axes, np.float64), inverse, widths)

    @classmethod
    def alone(cls, size: int, cuts: int) -> CuttingFrames:
        """The frame of one cell around the initial state: the units themselves, uncut."""
        unit = np.eye(size)[None]
        return cls(np.zeros((1, size)), unit, unit, np.full((1, cuts), 4.0))

    @property
    def cuts(self) -> int:
        """Return D."""
        return int(self.widths.shape[1])

    def coordinates(self, f: Integers, x: Reals) -> Reals:
        """States (K, H) in frames f (K,)."""
        y: Reals = (self.inverses[f] @ (x - self.origins[f])[:, :, None])[:, :, 0]
        return y

    def bounds(self, cell: Integers, low: Reals, high: Reals) -> tuple[Reals, Reals]:
        """What of the bounds lies between a cell's cuts."""
        low, high, cuts = low.copy(), high.copy(), slice(self.cuts)
        width, piece = self.widths[cell[:, 0]], cell[:, 1:]
        low[:, cuts] = np.maximum(low[:, cuts], (piece - 0.5) * width)
        high[:, cuts] = np.minimum(high[:, cuts], (piece + 0.5) * width)
        return low, high

    def cut(self, f: Integers, z: Reals, G: Reals, s: Reals) -> Pieces:
        """Cut cases {z + G·e + s·e′} along the axes of frames f.

        A piece of a case is bounded by the part of its largest generator that reaches into it.

        Raises
        ------
        OverflowError
            If there were too many pieces.
        """
        y, B = self.coordinates(f, z), self.inverses[f] @ G
        b = (np.abs(self.inverses[f]) @ s[:, :, None])[:, :, 0] + ROUNDING
        case, cell = np.arange(len(f)), f[:, None]
        for axis in range(self.cuts):
            width = self.widths[f[case], axis]
            reach = np.abs(B[:, axis]).sum(-1) + b[:, axis]
            first = np.rint((y[:, axis] - reach) / width)
            counts = np.rint((y[:, axis] + reach) / width) - first + 1
            far = np.abs([first, first + counts]).max(initial=0)
            if not (far < FURTHEST and counts.sum() <= MOST_PIECES):  # nor if it is NaN
                raise OverflowError("too many pieces")
            rows = np.repeat(np.arange(len(case)), counts.astype(np.int64))
            begin = np.cumsum(counts) - counts
            piece = first[rows] + np.arange(len(rows)) - begin[rows]
            y, B, b, case = y[rows], B[rows], b[rows], case[rows]
            cell = np.column_stack([cell[rows], piece.astype(np.int64)])
            _shorten(y, B, b, axis, piece, width[rows], np.flatnonzero(counts[rows] > 1))
        reach = np.abs(B).sum(-1) + b
        pieces = Pieces(case, cell, *self.bounds(cell, y - reach, y + reach))
        empty = np.asarray((pieces.low > pieces.high).any(1), np.bool_)  # false of NaN
        return pieces.where(~empty)


def _shorten(
    y: Reals, B: Reals, b: Reals, axis: int, piece: Reals, width: Reals, rows: Integers
) -> None:
    """Shorten the largest generator along an axis to what reaches into the piece, in place."""
    along = B[rows, axis]
    largest = np.abs(along).argmax(-1)
    slope = along[np.arange(len(rows)), largest]
    slope = np.where(slope == 0, 1e-300, slope)
    rest = np.abs(along).sum(-1) - np.abs(slope) + b[rows, axis]
    ends = [
        ((piece[rows] + side * 0.5) * width[rows] - y[rows, axis] + side * rest) / slope
        for side in (-1, 1)
    ]
    low, high = np.clip(np.minimum(*ends), -1, 1), np.clip(np.maximum(*ends), -1, 1)
    generator = B[rows, :, largest]
    y[rows] += generator * ((low + high) * 0.5)[:, None]
    B[rows, :, largest] = generator * ((high - low) * 0.5)[:, None]
