"""Rounds of propagating sets of hidden states and widening them: the definition of `close_sets`.

csrc/closing.h computes the same operations in the same order.
"""

from __future__ import annotations

import numpy as np

from binadd.kernels import arguments
from binadd.kernels.contract import (
    CLOSED,
    DOUBT,
    OPEN,
    STUCK,
    TOO_MANY,
    WIDENED,
    Architecture,
    Cells,
    Closure,
    Contexts,
    Errors,
    Images,
    Indices,
    Origins,
    Propagation,
    Reals,
    new_images,
)
from binadd.kernels.mode import quiet_ieee_mode
from binadd.kernels.reach import Mask, propagate
from binadd.kernels.relaxation import larger, smaller

FIRST_ROOM = 1e-5
"""How much a cell that was empty holds beside the first image in it."""
LEAST_GROWTH = 1e-6
"""The least by which a cell is widened."""


@quiet_ieee_mode()  # empty cells reach from inf to −inf
def close_sets(
    architecture: Architecture,
    block: Reals,
    contexts: Contexts,
    cells: Cells,
    origins: Origins,
    errors: Errors,
    propagation: Propagation,
    closure: Closure,
) -> tuple[int, int]:
    """See `contract.Kernels.close_sets`."""
    arguments.check_closing(
        architecture, block, contexts, cells, origins, errors, propagation, closure
    )
    arguments.check_sets(architecture, contexts)
    size, slack = architecture.hidden_size, propagation.slack
    cells = Cells(*(bounds[:, :size] for bounds in cells))
    contexts.halves[:, size:] = contexts.middles[:, size:] = 0
    used, spent = _box(contexts, cells, slack), 0
    for done in range(closure.rounds):
        due = np.append(used, True) & (origins.states != CLOSED)
        due[-1] &= not due[:-1].any()
        most_of = np.minimum(origins.steps, propagation.steps)
        images = new_images(architecture, contexts, len(due))
        for most in np.unique(most_of[due]).tolist():
            chosen = np.flatnonzero(due & (most_of == most))
            numbers = np.where(chosen == len(used), -1, chosen).astype(np.int32)
            how = propagation._replace(steps=most)
            part = propagate(architecture, block, contexts, numbers, errors, how)
            for name in ("outcomes", "depths", "work", "margins"):
                getattr(images, name)[chosen] = getattr(part, name)
            np.minimum(images.least, part.least, out=images.least)
            np.maximum(images.most, part.most, out=images.most)
        given_up, work_done = _judge(images, origins, due, most_of, closure.most_steps)
        spent += work_done
        if given_up:
            return done, spent
        widened = np.append(_widen(contexts, cells, images, slack, closure.growth), False)
        used = _box(contexts, cells, slack)
        origins.states[widened & (origins.states == CLOSED)] = OPEN
        closed = (origins.states[np.append(used, True)] == CLOSED).all()
        if closed or spent > closure.work or used.sum() > closure.most_cells:
            return done + 1, spent
    return closure.rounds, spent


def _judge(
    images: Images, origins: Origins, due: Mask, steps: Indices, most_steps: int
) -> tuple[bool, int]:
    """Note what came of origins, up to one that is stuck; return whether one is, and the work."""
    outcomes, widened = images.outcomes, images.outcomes == WIDENED
    closed: Mask = (outcomes == 0) | widened  # cells are about to take in all that escaped
    hopeless = (outcomes & (DOUBT | TOO_MANY)) != 0
    stuck = due & ~closed & (hopeless | (origins.steps >= most_steps))
    given_up = bool(stuck.any())
    if given_up:
        due[stuck.argmax() + 1 :] = False
    origins.states[due] = np.select([closed, stuck], [CLOSED, STUCK], OPEN)[due]
    origins.steps[due & ~closed & ~stuck] += 1
    origins.outcomes[due] = outcomes[due]
    origins.depths[due] = np.where(widened, steps, images.depths)[due]
    origins.margins[due] = images.margins[due]
    return given_up, int(images.work[due].sum())


def _box(contexts: Contexts, cells: Cells, slack: float) -> Mask:
    """Write the boxes of cells; return which are not empty."""
    low, high = cells.low, cells.high
    used: Mask = np.logical_and.reduce(low <= high, axis=1)
    contexts.middles[:, : low.shape[1]] = np.where(used[:, None], (low + high) * 0.5, 0.0)
    contexts.halves[:, : low.shape[1]] = np.where(used[:, None], (high - low) * 0.5, -1.0)
    contexts.halves[used & (contexts.widths[contexts.owners] < np.inf), 0] += 2 * slack
    return used


def _widen(contexts: Contexts, cells: Cells, images: Images, slack: float, growth: float) -> Mask:
    """Widen cells by what they would have to hold, and more, but not over their cuts."""
    low, high = cells
    least, most = images.least[:, : low.shape[1]], images.most[:, : low.shape[1]]
    below, above = low - least + 3 * slack, most - high + 3 * slack
    begun = contexts.halves[:, :1] >= 0
    start = np.where(below > 0, low - below * (1 + growth) - LEAST_GROWTH, low)
    end = np.where(above > 0, high + above * (1 + growth) + LEAST_GROWTH, high)
    start = np.where(begun, start, least - FIRST_ROOM)
    end = np.where(begun, end, most + FIRST_ROOM)
    owners = contexts.owners  # of a context that is not cut, k is 0 and the width inf
    k = np.arange(len(owners)) - contexts.first[owners] + contexts.lowest[owners]
    start[:, 0] = larger(start[:, 0], (k - 0.5) * contexts.widths[owners])
    end[:, 0] = smaller(end[:, 0], (k + 0.5) * contexts.widths[owners])
    moved: Mask = ((start != low) | (end != high)).any(1) & (start <= end).all(1)
    moved &= images.least[:, 0] < np.inf
    low[moved], high[moved] = start[moved], end[moved]
    return moved
