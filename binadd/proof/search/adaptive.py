"""Affine forms from boxes of histories that look back further where that is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binadd.proof.certificate import Reals
from binadd.proof.enclosure import Enclosure
from binadd.proof.search.attempt import Found, Missed
from binadd.proof.search.following import Followed, follow, widen
from binadd.proof.search.histories import (
    MOST_EDGES,
    Graph,
    Histories,
    History,
    Integers,
    affordable_depth,
)
from binadd.proof.search.sampler import Sampler
from binadd.proof.search.sets import Sets, ShortWords
from binadd.proof.search.shorten import shortened

__all__ = ["Adaptive"]


@dataclass(frozen=True)
class Adaptive:
    """Affine forms, of histories that look back further where that is needed.

    Attributes
    ----------
    depth : int
        How far histories look back at first, if there are not too many.
    histories : int
        The most there may be.
    work : int
        The most generators of cases to step by four symbols in all; a million take about a
        quarter of a second with 16 hidden units.
    growth : float
        How many times its own width a sampled hull may be widened to each side.
    steps, rounds, inflation, cases
        As of `AffineForms`.
    """

    depth: int
    histories: int
    work: int
    growth: float = 3.0
    steps: int = 4
    rounds: int = 60
    inflation: float = 0.1
    cases: int = 10_000

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Follow all cases; widen what they should be in, or look back further from where they
        come if a bit is in doubt or the set would grow too much."""
        operands = enclosure.operands
        tree = Histories(operands, affordable_depth(operands, self.depth))
        most = min(self.histories, MOST_EDGES >> operands)
        bounds: dict[History, tuple[Reals, Reals, Reals, Reals]] = {}
        margin, doubtful, work = -np.inf, (), 0
        for _ in range(self.rounds):
            graph = tree.graph()
            self._sample(sampler, bounds, graph)
            low, high, widest_low, widest_high = (
                np.array(part) for part in zip(*(bounds[h] for h in graph.histories), strict=True)
            )
            sets, start = Sets.of(low, high, self.inflation), ShortWords.of(enclosure, graph)
            followed = follow(
                enclosure, graph, sets, start, self.steps, self.cases, self.work - work
            )
            margin, work = followed.margin, work + followed.work
            if followed.plans is not None:
                found = Found(graph, sets, followed.plans, margin)
                return shortened(enclosure, start, found, self.steps, self.cases)
            if not start.margin > 0 or work > self.work:
                break
            blamed = self._blame(followed, widest_low, widest_high)
            doubtful = tuple(graph.histories[q] for q in followed.doubtful)
            left = followed.open
            kept = ~np.isin(left.origin, blamed)
            widen(low, high, left.q[kept], left.z[kept], left.spread[kept])
            for q, history in enumerate(graph.histories):
                bounds[history] = (low[q], high[q], widest_low[q], widest_high[q])
            if not tree.split((graph.histories[q] for q in blamed.tolist()), most):
                break
        return Missed(margin, len(tree.leaves), doubtful)

    def _sample(
        self,
        sampler: Sampler,
        bounds: dict[History, tuple[Reals, Reals, Reals, Reals]],
        graph: Graph,
    ) -> None:
        """Bound the states of histories that are new, and how far the bounds may grow."""
        new = tuple(history for history in graph.histories if history not in bounds)
        if new:
            low, high = sampler.hulls(new)
            room = self.growth * (high - low).max(1, keepdims=True) + 1e-3
            rows = zip(low, high, low - room, high + room, strict=True)
            bounds.update(zip(new, rows, strict=True))

    @staticmethod
    def _blame(followed: Followed, widest_low: Reals, widest_high: Reals) -> Integers:
        """The histories that should look back further."""
        left = followed.open
        low, high = left.z - left.spread, left.z + left.spread
        too_far = ((low < widest_low[left.q]) | (high > widest_high[left.q])).any(1)
        blamed = [followed.doubtful, left.origin[too_far]]
        if followed.crowded:
            origins, counts = np.unique(left.origin, return_counts=True)
            blamed.append(origins[counts >= np.quantile(counts, 0.875)])
        together = np.unique(np.concatenate(blamed))
        return together[together >= 0]
