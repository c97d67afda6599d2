"""Affine forms over several steps from the boxes of all histories of one depth."""

from __future__ import annotations

from dataclasses import dataclass

from binadd.proof.enclosure import Enclosure
from binadd.proof.search.attempt import Found, Missed
from binadd.proof.search.following import follow, widen
from binadd.proof.search.histories import uniform
from binadd.proof.search.sampler import Sampler
from binadd.proof.search.sets import Sets, ShortWords
from binadd.proof.search.shorten import shortened

__all__ = ["AffineForms"]


@dataclass(frozen=True)
class AffineForms:
    """Several steps of each box as affine forms, as many as it takes to get into a box again.

    Attributes
    ----------
    depth : int
        How far all histories look back, if there are not too many.
    steps : int
        The most steps from a box.
    rounds : int
        How often boxes may be widened.
    inflation : float
        By which part of itself a radius is widened before each round.
    cases : int
        The most cases at a time.
    """

    depth: int
    steps: int = 4
    rounds: int = 4
    inflation: float = 0.3
    cases: int = 2500

    def run(self, enclosure: Enclosure, sampler: Sampler) -> Found | Missed:
        """Follow all cases into boxes; what does not get there widens the box it should be in."""
        graph = uniform(enclosure.operands, self.depth)
        start = ShortWords.of(enclosure, graph)
        low, high = sampler.hulls(graph.histories)
        margin = start.margin
        for _ in range(self.rounds):
            sets = Sets.of(low, high, self.inflation)
            followed = follow(enclosure, graph, sets, start, self.steps, self.cases)
            margin = followed.margin
            if followed.plans is not None:
                found = Found(graph, sets, followed.plans, margin)
                return shortened(enclosure, start, found, self.steps, self.cases)
            if not margin > 0 or followed.crowded:
                break
            widen(low, high, *followed.open[1:])
        return Missed(margin, len(graph))
