"""Where a proof shows that the network can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import Reals

__all__ = ["Contexts", "Integers"]

Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False, slots=True)
class Contexts:
    """Where the proof shows that the network can be after a step; C contexts, H units."""

    histories: tuple[str, ...]
    """Of each: the carry before and the symbols up to the last, or "start" and all symbols."""
    states: Integers
    """(C,): the state of the automaton, which is the carry that goes on."""
    totals: Integers
    """(C,): ones in the last symbol plus the carry before it."""
    low: Reals
    """(C, H): lower bounds of the hidden units."""
    high: Reals
    """(C, H): upper bounds."""
