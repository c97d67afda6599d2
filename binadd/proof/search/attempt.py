"""An attempt at a proof, and what may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from binadd.proof.certificate import Certificate, Frames, Reals
from binadd.proof.enclosure import Enclosure
from binadd.proof.search.frames import CuttingFrames
from binadd.proof.search.histories import Graph, History, Integers
from binadd.proof.search.plans import Plan, start_plan
from binadd.proof.search.sampler import Sampler
from binadd.proof.search.sets import Sets

__all__ = ["Attempt", "CellsFound", "Found", "Missed"]


def _of_network(enclosure: Enclosure, digest: str) -> dict[str, Any]:
    """What a certificate says of its network."""
    return {
        "digest": digest,
        "operands": enclosure.operands,
        "activation": enclosure.activation_name,
        "dtype": enclosure.dtype,
        "step_error": enclosure.step_error,
        "logit_error": enclosure.logit_error,
    }


@dataclass(frozen=True)
class Found:
    """Sets and plans that hold."""

    graph: Graph
    sets: Sets
    plans: tuple[Plan, ...]  # of the initial state, then of the histories' sets
    margin: float

    def certificate(self, enclosure: Enclosure, digest: str) -> Certificate:
        """Put the initial state in front: it is set 0, and history q is set q + 1."""
        zero = np.zeros((1, enclosure.size))
        return Certificate(
            **_of_network(enclosure, digest),
            margin=self.margin,
            carries=(0, *map(int, self.graph.carries)),
            centres=np.concatenate([zero, self.sets.centre]),
            radii=np.concatenate([zero, self.sets.radius]),
            plans=self.plans,
            histories=("start", *map(str, self.graph.histories)),
        )


@dataclass(frozen=True)
class CellsFound:
    """Cells and plans that hold."""

    graph: Graph
    frames: CuttingFrames
    cell: Integers  # (N, 1 + D)
    low: Reals  # (N, H)
    high: Reals  # (N, H)
    plans: list[Plan]  # of the cells
    margin: float

    def certificate(self, enclosure: Enclosure, digest: str) -> Certificate:
        """Put the initial state in front: it is the one cell of a frame of its own."""
        size, cuts = enclosure.size, self.frames.cuts
        start = CuttingFrames.alone(size, cuts)
        graph, zero = self.graph, np.zeros((1, size))
        room = np.full_like(zero, 2.0**-40)  # for the rounding of coordinates
        q = self.cell[:, 0].tolist()
        cells = self.cell.copy()
        cells[:, 0] += 1
        return Certificate(
            **_of_network(enclosure, digest),
            margin=self.margin,
            carries=(0, *(int(graph.carries[f]) for f in q)),
            centres=np.concatenate([zero, (self.low + self.high) * 0.5]),
            radii=np.concatenate([room, (self.high - self.low) * 0.5 + 2.0**-44]),
            plans=(start_plan(graph), *self.plans),
            histories=("start", *(str(graph.histories[f]) for f in q)),
            frames=Frames(*map(np.concatenate, zip(start, self.frames, strict=True))),
            cells=((0,) * (1 + cuts), *(tuple(cell) for cell in cells.tolist())),
        )


@dataclass(frozen=True)
class Missed:
    """How far an attempt came."""

    margin: float
    """The smallest logit margin met; above 0 the bits were right, but the sets kept growing."""
    histories: int
    """How many there were at last."""
    doubtful: tuple[History, ...] = ()
    """Histories after which a bit may be wrong."""


class Attempt(Protocol):
    """A way to look for a proof."""

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | CellsFound | Missed:
        """Look for a proof."""
