"""Look for sets that hold every reachable state, and for plans to show it.

Nothing here needs to be trusted: what counts is decided by `Enclosure`, whose sets are sound, and
by the checker of the certificate. So this package may sample, guess and give up.

There is a set for each of many histories (`binadd.proof.search.histories`). Sets begin as hulls of
sampled states and are widened until they hold all that a step, or several, can make of them:

- `Boxes`: one step of each box, each unit for itself, must end in the next history's box. Cheap,
  but what makes a network forget is partly the cancellation between its units, which intervals do
  not see.
- `AffineForms`: affine forms over several steps see it. Whatever has not reached its set after one
  step takes another; words that are forgotten slowly, such as long carries, take the most.
- `Adaptive`: the same, and where a bit is in doubt or a set grows without end, the history looks
  further back.
- `Cells`: sets of states that lie close to a curve are cut into pieces along it, which only
  together have to cover what becomes of them.

With many operands there are many symbols, and histories look back less far: there are never more
than `MOST_EDGES` of (history, symbol), nor more than `MOST_FOLLOWED` of (case, symbol) at a time.
"""

from __future__ import annotations

from binadd.proof.search.adaptive import Adaptive
from binadd.proof.search.affine import AffineForms
from binadd.proof.search.attempt import Attempt, CellsFound, Found, Missed
from binadd.proof.search.boxes import Boxes
from binadd.proof.search.cells import Cells
from binadd.proof.search.sampler import Sampler

__all__ = [
    "Adaptive",
    "AffineForms",
    "Attempt",
    "Boxes",
    "Cells",
    "CellsFound",
    "Found",
    "Missed",
    "Sampler",
]
