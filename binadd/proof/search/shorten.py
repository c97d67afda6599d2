"""Shorten plans: larger sets may hold as well, and cases get into them sooner.

The checker takes every step of a certificate's plans anew, in exact arithmetic.
"""

from __future__ import annotations

from binadd.proof.enclosure import Enclosure
from binadd.proof.search.attempt import Found
from binadd.proof.search.following import follow, widen
from binadd.proof.search.plans import length
from binadd.proof.search.sets import Sets, ShortWords

__all__ = ["shortened"]

LONG = 2048
"""Words of plans from which shortening is worth its milliseconds: to check so many takes half a
second at 16 hidden units."""
SOONEST, LATEST = 2, 6
"""Steps after which cases should have got into a set. One is seldom possible; more would take long
to try, and shorten little."""
INFLATION = 0.02


def shortened(
    enclosure: Enclosure, start: ShortWords, found: Found, steps: int, cases: int
) -> Found:
    """Let the sets take in what is outside after a few steps, as few as leaves sets that hold;
    what was found, if none do.

    `steps` and `cases`: the most of each, as when it was found.
    """
    if length(found.plans) < LONG:
        return found
    for soon in range(SOONEST, min(LATEST, steps - 1) + 1):
        wider = _wider(enclosure, start, found, soon, cases)
        followed = follow(enclosure, found.graph, wider, start, steps, cases)
        if followed.plans is not None and length(followed.plans) < length(found.plans):
            return Found(found.graph, wider, followed.plans, followed.margin)
    return found


def _wider(enclosure: Enclosure, start: ShortWords, found: Found, soon: int, cases: int) -> Sets:
    """The sets with all that has not got into one after so many steps."""
    sets = found.sets
    low, high = sets.centre - sets.radius, sets.centre + sets.radius
    followed = follow(enclosure, found.graph, sets, start, soon, cases)
    widen(low, high, *followed.open[1:])
    return Sets.of(low, high, INFLATION)
