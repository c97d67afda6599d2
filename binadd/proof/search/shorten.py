"""Shorten plans: larger sets may hold as well, and cases get into them sooner.

Whoever checks the certificate takes every step of its plans anew, in exact arithmetic.
"""

from __future__ import annotations

from binadd.proof.enclosure import Enclosure
from binadd.proof.search.attempt import Found
from binadd.proof.search.course import follow, widen
from binadd.proof.search.plans import length
from binadd.proof.search.sets import Sets, ShortWords

__all__ = ["shortened"]

SOON = 2
"""Steps after which cases should have got into a set: fewer is seldom possible."""
LONG = 2048
"""Words of plans from which shortening is worth its milliseconds: to check so many takes half a
second at 16 hidden units."""
INFLATION = 0.02


def shortened(
    enclosure: Enclosure, start: ShortWords, found: Found, steps: int, cases: int
) -> Found:
    """Let the sets take in what is outside after two steps; what was found, if that holds no more.

    `steps` and `cases`: the most of each, as when it was found.
    """
    if length(found.plans) < LONG:
        return found
    graph, sets = found.graph, found.sets
    early = follow(enclosure, graph, sets, start, SOON, cases)
    if early.plans is not None:
        return found
    low, high = sets.centre - sets.radius, sets.centre + sets.radius
    widen(low, high, *early.open[1:])
    wider = Sets.of(low, high, INFLATION)
    course = follow(enclosure, graph, wider, start, steps, cases)
    if course.plans is None or length(course.plans) > length(found.plans):
        return found
    return Found(graph, wider, course.plans, course.margin)
