"""An attempt at a proof, and what may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from binadd.proof.certificate import Certificate, Reals
from binadd.proof.enclosure import Enclosure
from binadd.proof.search.frames import CuttingFrames
from binadd.proof.search.histories import Graph, History, Integers
from binadd.proof.search.plans import AFFINE, Plan
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
        """Put words too short for a history in front, as contexts without sets."""
        graph, size = self.graph, enclosure.size
        first = [0]  # the number of each level's first context
        for level in graph.start:
            first.append(first[-1] + len(level))
        short, successors, carries = first[-1], [], [0]
        for i, level in enumerate(graph.start):
            for row in level.tolist():
                successors.append(tuple(short - 1 - e if e < 0 else first[i + 1] + e for e in row))
        for q, row in enumerate(successors):  # contexts come after those that lead to them
            for x, t in enumerate(row):
                if t == len(carries) and t < short:
                    carries.append((carries[q] + x.bit_count()) // 2)
        successors += [tuple(short + t for t in row) for row in graph.successors.tolist()]
        nothing = np.zeros((short, size))
        affine = any(AFFINE in plan for plan in self.plans)
        return Certificate(
            **_of_network(enclosure, digest),
            margin=self.margin,
            steps=max(map(_depth, self.plans)),
            affine=affine,
            contexts=(*(f"short {i}" for i in range(short)), *map(str, graph.histories)),
            carries=(*carries, *map(int, graph.carries)),
            successors=tuple(successors),
            centres=np.concatenate([nothing, self.sets.centre]),
            frames=np.zeros((0, size, size)),
            frame=(-1,) * (short + len(graph)),
            widths=np.zeros(short + len(graph)),
            cells=tuple((short + q, 0) for q in range(len(graph))),
            middles=np.zeros_like(self.sets.centre),
            halves=self.sets.radius + 2.0**-18,
        )


def _depth(plan: Plan) -> int:
    """The most steps of a plan."""
    symbols = plan_symbols(plan)
    stack, depth = [1], 0
    for word in plan:
        depth = max(depth, len(stack) - 1 + (word >= 0))
        stack[-1] -= 1
        if word >= 0:
            stack.append(symbols)
        while stack and stack[-1] == 0:
            stack.pop()
    return depth


def plan_symbols(plan: Plan) -> int:
    """How many cases follow each step: ends = 1 + steps · (symbols − 1)."""
    steps = sum(word >= 0 for word in plan)
    return 1 + (len(plan) - steps - 1) // steps


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
