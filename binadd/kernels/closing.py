"""Rounds of propagating sets of hidden states and widening them: the definition of `close_sets`.

csrc/closing.h computes the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    Origins,
    Propagation,
    Reals,
    new_images,
)
from binadd.kernels.mode import quiet_ieee_mode
from binadd.kernels.reach import Mask, Network, Places, Sets, Walk
from binadd.kernels.relaxation import larger, smaller

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
    size, slack, count = architecture.hidden_size, propagation.slack, len(contexts.owners)
    contexts.halves[:, size:] = contexts.middles[:, size:] = 0
    boxes = _Boxes(contexts, cells.low[:, :size], cells.high[:, :size], slack, closure.growth)
    boxes.write(np.arange(count))
    network = Network(architecture, block, errors, propagation.affine)
    sets = Sets(contexts, size, slack)
    images, spent = new_images(architecture, contexts, 1), 0
    for done in range(closure.rounds):
        for p in _due(origins, boxes):
            steps = min(int(origins.steps[p]), propagation.steps)
            number = np.array([p if p < count else -1], np.int32)
            walk = Walk(network, sets, number, propagation._replace(steps=steps))
            walk.run()
            walk.report(images, slice(0, 1))
            spent += int(images.work[0])
            if _judge(images, origins, p, steps, closure.most_steps) == STUCK:
                return done, spent
            for parts in walk.escaped:
                widened = boxes.take_in(np.unique(parts.cells), images)
                origins.states[widened] = np.maximum(origins.states[widened], OPEN)
        used = boxes.used
        closed = (origins.states[np.append(used, True)] == CLOSED).all()
        if closed or spent > closure.work or used.sum() > closure.most_cells:
            return done + 1, spent
    return closure.rounds, spent


def _due(origins: Origins, boxes: _Boxes) -> Iterator[int]:
    """Yield the origins of a round: cells that are open when it is their turn.

    The state 0 only where no cell is open, for sets around it are wide by then.
    """
    states, p, visited = origins.states, 0, False
    while (due := (states[p:-1] != CLOSED) & boxes.used[p:]).any():
        p += int(due.argmax())
        yield p
        p, visited = p + 1, True
    if not visited and states[-1] != CLOSED:
        yield len(states) - 1


def _judge(images: Images, origins: Origins, p: int, steps: int, most_steps: int) -> int:
    """Note what came of an origin after at most `steps` steps; return its state."""
    outcome = int(images.outcomes[0])
    if outcome in {0, WIDENED}:  # cells are about to take in what escaped
        state = CLOSED
    elif outcome & (DOUBT | TOO_MANY) or origins.steps[p] >= most_steps:
        state = STUCK
    else:
        state = OPEN
        origins.steps[p] += 1
    origins.states[p] = state
    origins.outcomes[p] = outcome
    origins.depths[p] = steps if outcome == WIDENED else images.depths[0]
    origins.margins[p] = images.margins[0]
    return state


@dataclass(frozen=True)
class _Boxes:
    """The cells of contexts, kept by their bounds."""

    contexts: Contexts
    low: Reals  # (C, H)
    high: Reals
    slack: float
    growth: float

    @property
    def used(self) -> Mask:
        """Which cells are not empty (C,)."""
        used: Mask = self.contexts.halves[:, 0] >= 0
        return used

    def write(self, places: Places) -> None:
        """Write the boxes of cells. Those side by side reach a little over their cuts."""
        contexts, size = self.contexts, self.low.shape[1]
        low, high = self.low[places], self.high[places]
        used: Mask = np.logical_and.reduce(low <= high, axis=1)
        half = np.where(used[:, None], (high - low) * 0.5, -1.0)
        half[used & (contexts.widths[contexts.owners[places]] < np.inf), 0] += 2 * self.slack
        contexts.halves[places, :size] = half
        contexts.middles[places, :size] = np.where(used[:, None], (low + high) * 0.5, 0.0)

    def take_in(self, places: Places, images: Images) -> Places:
        """Widen cells by what they would have to hold, and forget it; return those widened."""
        size = self.low.shape[1]
        start, end = self._widened(places, images.least[places, :size], images.most[places, :size])
        moved: Mask = ((start != self.low[places]) | (end != self.high[places])).any(1)
        moved &= (start <= end).all(1) & (images.least[places, 0] < np.inf)
        images.least[places], images.most[places] = np.inf, -np.inf
        widened = places[moved]
        self.low[widened], self.high[widened] = start[moved], end[moved]
        self.write(widened)
        return widened

    def _widened(self, places: Places, least: Reals, most: Reals) -> tuple[Reals, Reals]:
        """Return bounds with room for these and more, but not over the cells' cuts."""
        contexts, factor = self.contexts, 1 + self.growth
        low, high, room = self.low[places], self.high[places], 3 * self.slack
        below, above = low - least + room, most - high + room
        begun = contexts.halves[places, :1] >= 0
        start = np.where(below > 0, low - below * factor - LEAST_GROWTH, low)
        end = np.where(above > 0, high + above * factor + LEAST_GROWTH, high)
        start = np.where(begun, start, least - room)
        end = np.where(begun, end, most + room)
        owners = contexts.owners[places]  # of a context that is not cut, k is 0 and the width inf
        k = places - contexts.first[owners] + contexts.lowest[owners]
        start[:, 0] = larger(start[:, 0], (k - 0.5) * contexts.widths[owners])
        end[:, 0] = smaller(end[:, 0], (k + 0.5) * contexts.widths[owners])
        return start, end
