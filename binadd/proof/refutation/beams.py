"""Words grown towards the smallest margin, overall and after each of many recent pasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.front import Front, symbols_at
from binadd.proof.refutation.probe import Probe, Real

__all__ = ["beam", "beam_of_pasts"]


def beam(probe: Probe, width: int, depth: int) -> Bytes | None:
    """Grow words, keeping those with the smallest margins, some for each carry."""
    front = Front.start()
    for step in range(depth):
        front, steps = front.grow(probe, symbols_at(probe, step))
        found = steps.first_wrong()
        if found is not None:
            return front.word(found[0])
        front = front.keep(_narrowest(front, steps.margins[:, 0], width // probe.operands))
    return None


def _narrowest(front: Front, margins: Real, per_carry: int) -> NDArray[np.intp]:
    """Rows of the smallest margins of each carry."""
    order = np.argsort(margins)
    rows = [order[front.carry[order] == carry][:per_carry] for carry in np.unique(front.carry)]
    return np.concatenate(rows)


RECENT = 3
"""Symbols that make up a recent past."""


def beam_of_pasts(probe: Probe, width: int, depth: int) -> Bytes | None:
    """Grow words, keeping those of each recent past that one step more can bring nearest to 0.

    The smallest margins of all are often after the same few symbols, whatever came before them;
    what goes wrong may come from a past whose own margins are still wide.
    """
    front = Front.start()
    for step in range(depth):
        alphabet = symbols_at(probe, step)
        front, steps = front.grow(probe, alphabet)
        ahead, next_steps = front.grow(probe, alphabet)
        for grown, said in ((front, steps), (ahead, next_steps)):
            found = said.first_wrong()
            if found is not None:
                return grown.word(found[0])
        margins = next_steps.margins.reshape(len(front.words), -1).min(axis=1)
        front = front.keep(_narrowest_of_pasts(front, margins, 4 * width // len(alphabet)))
    return None


def _narrowest_of_pasts(front: Front, margins: Real, width: int) -> NDArray[np.intp]:
    """Rows of the smallest margins of each recent past; of equal margins, one."""
    keys = np.concatenate([front.carry[:, None], front.words[:, -RECENT:]], axis=1)
    _, past = np.unique(keys, axis=0, return_inverse=True)
    past = past.reshape(-1)
    order = np.lexsort((margins, past))
    past, rounded = past[order], np.round(margins[order], 7)
    new = np.r_[True, (past[1:] != past[:-1]) | (rounded[1:] != rounded[:-1])]
    order, past = order[new], past[new]
    nth = np.arange(len(order)) - np.searchsorted(past, past)
    return order[np.argsort(nth, kind="stable")[:width]]
