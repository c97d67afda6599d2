"""The sets looked for, a box for each history, and the short words that come before any."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import Reals
from binadd.proof.enclosure import Enclosure
from binadd.proof.search.histories import Graph, Integers

__all__ = ["Sets", "ShortWords"]

SLACK = 1e-11
"""Room in a set beyond what must fit, for the rounding of a second look."""
SMALLEST = 1e-7
"""Radius that every set gets at least: room for rounding."""


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


class ShortWords(NamedTuple):
    """The words that lead from the initial state to a known history; M of them."""

    q: Integers  # (M,), their histories
    z: Reals  # (M, H)
    r: Reals  # (M, H)
    margin: float

    @classmethod
    def of(cls, enclosure: Enclosure, graph: Graph) -> ShortWords:
        """Run all words from the initial state until their history is known."""
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
