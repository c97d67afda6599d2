"""Choose the periodic words that are worth following: those whose states still move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes
from binadd.proof.refutation.lanes import Lanes
from binadd.proof.refutation.probe import Probe, Real

__all__ = ["moving"]

WATCHED = 8
"""Cycles within which a state that only rounding moves is expected to come back."""
MANY = 64
"""Of more lanes than these it is not worth waiting for."""


def moving(probe: Probe, lanes: Lanes, count: int) -> tuple[Lanes, Bytes | None]:
    """Those `count` lanes that deserve to be followed, and a wrong word if one turned up.

    A lane whose state repeats exactly is right for ever. Of the others, a third each is taken by
    where the margin is heading, by how far the state still moves, and by how little it slows down.
    """
    origin = lanes.state
    repeats = np.zeros(len(origin), np.bool_)
    margins, moves = [], []
    for _ in range(2 if len(origin) > MANY else WATCHED):
        after, steps = lanes.advanced(probe, 1)
        word = lanes.wrong_word(steps)
        if word is not None:
            return lanes, word
        margins.append(steps.margins.min(axis=1))
        moves.append(np.abs(steps.state - lanes.state).max(axis=1))
        repeats |= (steps.state == origin).all(axis=1)
        lanes = after
    alive = np.flatnonzero(~repeats)
    if len(alive) > count:
        alive = alive[_ranked(margins, moves, alive)]
        alive = alive[_distinct_first(lanes.symbols[alive, -lanes.cycle :])[:count]]
    return lanes.keep(alive), None


def _ranked(margins: list[Real], moves: list[Real], alive: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions within `alive`, those to be followed first."""
    before, after = margins[-2][alive], margins[-1][alive]
    slow, slower = moves[-2][alive], moves[-1][alive]
    with np.errstate(all="ignore"):
        ratio = np.nan_to_num(slower / slow, nan=1.0)
        rest = np.where(ratio < 1, ratio / (1 - ratio), 1e6)
        heading = after + (after - before) * rest
    orders = (np.argsort(heading), np.argsort(-slower), np.argsort(-ratio))
    ranked = np.stack(orders, axis=1).reshape(-1)
    _, first = np.unique(ranked, return_index=True)
    return ranked[np.sort(first)]


def _distinct_first(cycles: Bytes) -> NDArray[np.intp]:
    """An order of cycles (N, c): the first of each kind, the second of each, and so on."""
    _, kinds = np.unique(cycles, axis=0, return_inverse=True)
    order = np.argsort(kinds.reshape(-1), kind="stable")
    sizes = np.bincount(kinds.reshape(-1))
    nth = np.empty(len(cycles), np.intp)
    nth[order] = np.arange(len(cycles)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.argsort(nth, kind="stable")
