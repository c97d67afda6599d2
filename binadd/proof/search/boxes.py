"""Boxes: one step at a time, each unit for itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binadd.proof.enclosure import Enclosure
from binadd.proof.search.attempt import Found, Missed
from binadd.proof.search.histories import uniform
from binadd.proof.search.plans import box_plans
from binadd.proof.search.sampler import Sampler
from binadd.proof.search.sets import Sets, ShortWords

__all__ = ["Boxes"]


@dataclass(frozen=True)
class Boxes:
    """One step of each box at a time, each unit for itself.

    Attributes
    ----------
    depth : int
        How far all histories look back, if there are not too many.
    rounds : int
        How often boxes may be widened.
    inflation : float
        By which part of itself a radius is widened before each round.
    """

    depth: int
    rounds: int = 25
    inflation: float = 0.1

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Widen the boxes until a step of each ends inside the next, or a bit is in doubt."""
        graph = uniform(enclosure.operands, self.depth)
        start = ShortWords.of(enclosure, graph)
        low, high = sampler.hulls(graph.histories)
        np.minimum.at(low, start.q, start.z - start.r)
        np.maximum.at(high, start.q, start.z + start.r)
        margin = start.margin
        for _ in range(self.rounds):
            if not margin > 0:
                break
            sets = Sets.of(low, high, self.inflation)
            bottom, top = enclosure.hull(*sets)
            margin = min(margin, float(enclosure.hull_margin(bottom, top, graph.signs).min()))
            z, spread = (bottom + top) * 0.5, (top - bottom) * 0.5
            if margin > 0 and sets.hold(graph.successors, z, spread).all():
                return Found(graph, sets, box_plans(graph), margin)
            low = np.minimum(low, graph.merge(np.minimum, bottom))
            high = np.maximum(high, graph.merge(np.maximum, top))
        return Missed(margin, len(graph))
