"""Boxes of the hidden units themselves, where a search without frames begins: one in each context.

They need nothing but states sampled by kernels, so most networks of the default recipe are proved
from them within a fraction of a millisecond.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import NamedTuple

import numpy as np

from binadd.kernels.contract import Cells, Contexts, Reals
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable
from binadd.proof.samples import Sampler

__all__ = ["BoxShape", "sampled_boxes"]


class BoxShape(NamedTuple):
    """How sets begin as boxes of the units, and how they grow, without end."""

    inflation: float
    """By which part of its width a sampled box is widened to each side."""
    floor: float
    """By which part of its widest side it is widened, too."""
    growth: float
    """By how much more than it must a box is widened, as a part of what it must."""


def sampled_boxes(
    bounds: Bounds, shape: BoxShape, sampler: Sampler, table: ContextTable
) -> tuple[Contexts, Cells]:
    """Return a box for each context, around the states sampled in it."""
    low, high = bounds.kernels.sample_boxes(
        bounds.architecture, bounds.block, sampler.words(table), shape.inflation, shape.floor
    )
    middles, halves = np.empty((2, *low.shape))
    contexts = _without_frames(table, bounds.size, low.shape[1])._replace(
        middles=middles, halves=halves
    )
    return contexts, Cells(low, high, *_no_limits(*low.shape))


@lru_cache(maxsize=8)
def _without_frames(table: ContextTable, size: int, columns: int) -> Contexts:
    """Return contexts with one cell each, but for the prefixes; kernels write their boxes."""
    prefixes, count = table.prefixes, len(table.carries)
    owners = np.arange(prefixes, count, dtype=np.int32)
    return Contexts(
        table.carries,
        table.successors,
        np.zeros((count, columns)),
        np.zeros((0, size, columns)),
        np.full(count, -1, np.int32),
        np.full(count, inf),
        np.zeros(count, np.int32),
        np.append(np.zeros(prefixes, np.int32), np.arange(len(owners) + 1, dtype=np.int32)),
        owners,
        *np.zeros((2, len(owners), columns)),
    )


@lru_cache(maxsize=8)
def _no_limits(count: int, columns: int) -> tuple[Reals, Reals]:
    top = np.full((count, columns), inf)
    return -top, top
