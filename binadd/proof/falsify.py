"""Find operands that a network adds wrongly.

Exhaustive tests of short words and random tests of long ones are deceptive: a network may be right
on every 8-bit pair and on a million random bits, and wrong on (2⁹¹ − 1) + 1. After all short words
two searches look where such networks are known to fail: `orbits` on words that repeat, up to
millions of steps away; `frontier` among words that lead to new states or to small margins.

The same network always gives the same answer, on every machine and with all kernels: everything
that decides is computed by kernels, which are equal bit for bit, or by integers, single IEEE
operations and stable sorts, and budgets count steps. Finding nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from binadd.bits import integer_of, unpack_symbols
from binadd.kernels.contract import Bytes
from binadd.model import BinaryAdderRNN
from binadd.proof.frontier import search_frontier
from binadd.proof.orbits import Rung, follow_hints, search_orbits
from binadd.proof.probe import Probe
from binadd.proof.shrink import shrink
from binadd.proof.verdict import Refuted

__all__ = ["EFFORTS", "Falsifier"]


class Effort(NamedTuple):
    """The budgets of a search for a wrong sum."""

    exhaustive: int
    """Bits, of all operands together, of which every sum is tried."""
    orbits: int
    """Periodic words to begin with."""
    rungs: tuple[Rung, ...]
    frontier: tuple[int, int]
    """Words of each length that the frontier tries, and how long they grow."""
    shrinking: float
    """Work on making a wrong word smaller, in steps of a network of 16 units."""


# Some 400, 4,000, … 4 million steps. States that only rounding moves mostly come back after a few
# periods, so that their number divides 60, 858 = 2 · 3 · 11 · 13, 5,040 or 12,012.
FAR = ((512, 30, 2), (64, 60, 10), (16, 858, 7), (4, 5040, 12), (1, 12_012, 50))
EFFORTS = {
    "quick": Effort(10, 160, ((8, 30, 2),), (96, 16), 20_000),
    "medium": Effort(12, 1024, ((64, 30, 2), (8, 120, 5)), (512, 48), 200_000),
    "thorough": Effort(16, 8192, FAR, (2048, 200), 4_000_000),
}
"""Each effort begins with the searches of those before it."""


class Falsifier:
    """Searches for operands that a network adds wrongly: no search is made twice.

    Networks may overflow: comparisons with NaN are false, and `quiet_ieee_mode` is for the caller.
    """

    def __init__(self, net: BinaryAdderRNN) -> None:
        self._net, self._probe = net, Probe(net)
        self._exact_bits = self._efforts_done = 0

    def search_shortly(self) -> Refuted | None:
        """Look among all short sums and no others: that takes well under a millisecond."""
        return self._refuted_by(self._short_word("quick"), "quick")

    def search(self, effort: str, hints: Iterable[Sequence[int]] = ()) -> Refuted | None:
        """Make the searches of this effort that are not done yet, and all those of the hints.

        They take milliseconds ("quick"), tens of them ("medium"), or tenths of a second
        ("thorough"), which finds failures millions of bits away. Hints are input words that may
        lead to a wrong bit, least significant symbol first: bit i of a symbol is a bit of
        operand i.
        """
        word = self._short_word(effort)
        if word is None:
            word = self._long_word(effort, list(hints))
        return self._refuted_by(word, effort)

    def _short_word(self, effort: str) -> Bytes | None:
        """Return the shortest wrong word of all short ones, or None."""
        probe = self._probe
        length = max(1, EFFORTS[effort].exhaustive // probe.operands)
        if length <= self._exact_bits:
            return None
        found = probe.kernels.first_error(probe.architecture, probe.block, length)
        if found is None:
            self._exact_bits = length
            return None
        return np.array(found[1], np.uint8)

    def _long_word(self, effort: str, hints: list[Sequence[int]]) -> Bytes | None:
        """Return a wrong word of any length, or None."""
        probe, word = self._probe, None
        for number, plan in enumerate(EFFORTS.values()):
            word = follow_hints(probe, hints, plan.rungs)
            if word is None and number >= self._efforts_done:
                self._efforts_done += 1
                word = search_orbits(probe, plan.orbits, plan.rungs)
                if word is None:
                    word = search_frontier(probe, *plan.frontier)
            if word is not None or plan is EFFORTS[effort]:
                break
        return word

    def _refuted_by(self, word: Bytes | None, effort: str) -> Refuted | None:
        if word is None:
            return None
        return _confirmed(self._net, shrink(self._probe, word, EFFORTS[effort].shrinking))


def _confirmed(net: BinaryAdderRNN, word: Bytes) -> Refuted | None:
    """Let the network itself compute with the operands that a wrong word spells.

    None if it adds them correctly after all: nothing is refuted that it does not itself get wrong.
    """
    form = net.state.architecture.form
    count = len(form.coefficients)
    operands = _spell(word, count)
    if form.length(operands) < len(word):  # the wrong bit lies beyond: a 1 above brings it in
        operands = _spell(np.append(word, np.uint8(1)), count)
    got, expected = net.compute(*operands), form.evaluate(operands)
    if got == expected:
        return None
    difference = got ^ expected
    wrong_bit = (difference & -difference).bit_length() - 1
    return Refuted(operands, wrong_bit, got, expected, form.coefficients)


def _spell(word: Bytes, operands: int) -> tuple[int, ...]:
    """Return the integers that an input word (T,) spells."""
    bits = unpack_symbols(word, operands)
    return tuple(integer_of(bits[:, i]) for i in range(operands))
