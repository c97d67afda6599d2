"""Words grown towards states never seen before: breadth first, over cells of the state space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.front import Front, symbols_at
from binadd.proof.refutation.probe import Probe

__all__ = ["explore"]


def explore(probe: Probe, budget: float) -> Bytes | None:
    """Grow words while they lead to states unlike all before: breadth first, coarse to fine."""
    limit = probe.work + budget
    for resolution in RESOLUTIONS:
        word = _explore_cells(probe, resolution, limit)
        if word is not None:
            return word
    return None


RESOLUTIONS = (2.0, 8.0, 32.0, 128.0, 512.0, 2048.0, 8192.0)
"""Cells of a hidden unit's values per unit of length; a cell's number fits in 16 bits."""
MOST_CELLS_AT_ONCE = 512


def _explore_cells(probe: Probe, resolution: float, limit: float) -> Bytes | None:
    """Visit every cell of the state space that can be reached from a state of another cell."""
    seen: set[bytes] = set()
    front = Front.start()
    while len(front.words) and probe.work < limit:
        front, steps = front.grow(probe, symbols_at(probe, front.words.shape[1]))
        found = steps.first_wrong()
        if found is not None:
            return front.word(found[0])
        rows = _unseen(front, resolution, seen)
        front = front.keep(rows[:MOST_CELLS_AT_ONCE])
    return None


def _unseen(front: Front, resolution: float, seen: set[bytes]) -> NDArray[np.intp]:
    """Rows of the first words to reach their cell: the state rounded, and the carry."""
    assert front.state is not None
    with np.errstate(all="ignore"):
        cells = np.rint(front.state * resolution).astype(np.int16)
    keys = np.concatenate([cells, front.carry[:, None].astype(np.int16)], axis=1)
    rows = []
    for row, key in enumerate(keys):
        cell = key.tobytes()
        if cell not in seen:
            seen.add(cell)
            rows.append(row)
    return np.array(rows, np.intp)
