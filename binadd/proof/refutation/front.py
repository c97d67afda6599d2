"""Words of one length, grown by a symbol at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from binadd.bits import popcounts
from binadd.kernels.contract import Bytes
from binadd.proof.refutation.probe import Probe, Real, Steps

__all__ = ["Front", "symbols_at"]


@dataclass
class Front:
    """Words of one length, with the states and carries that they lead to."""

    words: Bytes
    """(N, T)"""
    state: Real | None
    """(N, H), or None at the beginning."""
    carry: Bytes
    """(N,)"""

    @classmethod
    def start(cls) -> Front:
        """The empty word."""
        return cls(np.empty((1, 0), np.uint8), None, np.zeros(1, np.uint8))

    def grow(self, probe: Probe, alphabet: Bytes) -> tuple[Front, Steps]:
        """Every word with every symbol after it, and what the network says there."""
        count, size = len(self.words), len(alphabet)
        parents = np.repeat(np.arange(count), size)
        symbols = np.tile(alphabet, count)
        totals: Bytes = popcounts(symbols) + self.carry[parents]
        bits: Bytes = (totals & np.uint8(1))[:, None]
        carry: Bytes = totals >> np.uint8(1)
        state = None if self.state is None else self.state[parents]
        steps = probe.run(symbols[:, None].copy(), bits, state)
        words = np.concatenate([self.words[parents], symbols[:, None]], axis=1)
        return Front(words, steps.state, carry), steps

    def word(self, row: int) -> Bytes:
        """One of the words."""
        word: Bytes = self.words[row]
        return word

    def keep(self, rows: NDArray[np.intp]) -> Front:
        """These words only."""
        assert self.state is not None
        return Front(self.words[rows], self.state[rows], self.carry[rows])


LARGEST_ALPHABET = 32
"""Symbols tried after each word; of more, a sample that changes from step to step."""


def symbols_at(probe: Probe, step: int) -> Bytes:
    """The symbols to try at a step: all of them, or a sample."""
    alphabet = probe.alphabet
    if len(alphabet) <= LARGEST_ALPHABET:
        return alphabet
    return np.roll(alphabet, 37 * step)[:: len(alphabet) // LARGEST_ALPHABET]
