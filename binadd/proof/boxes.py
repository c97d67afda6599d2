"""Boxes of the hidden units themselves, where a search without frames begins: one in each context.

They need nothing but states sampled by kernels, so most networks of the default recipe are proved
from them within a fraction of a millisecond.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import NamedTuple

import numpy as np

from binadd.kernels.contract import Cells, Contexts
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable
from binadd.proof.samples import Sampler

__all__ = ["BoxShape", "sampled_boxes"]


class BoxShape(NamedTuple):
    """How sets begin as boxes of the units, and how they grow, without end."""

    inflation: float
    """Room to each side of a sampled box, as a part of its width."""
    floor: float
    """Further room, as a part of its widest side."""
    growth: float
    """Extra widening of a box, as a part of what is needed."""


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
    return contexts, Cells(low, high)


@lru_cache(maxsize=8)
def _without_frames(table: ContextTable, size: int, columns: int) -> Contexts:
    """Return contexts with one cell each, whose boxes are for kernels to write; made once."""
    count = len(table.contexts)
    owners, lowest = np.arange(count, dtype=np.int32), np.zeros(count, np.int32)
    centres, axes = np.zeros((count, columns)), np.zeros((0, size, columns))
    return table.with_cells(owners, centres, axes, axes, np.full(count, inf), lowest)
