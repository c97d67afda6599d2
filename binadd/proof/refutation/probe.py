"""Words fed to a network, and the first step at which it says a wrong bit.

A word is a sequence of symbols (T,), the least significant first: bit i of a symbol is a bit of
operand i. What the network *says* at a step is 1 where its logit is above 0, and 0 elsewhere: for
a logit of exactly 0, or one that is not a number, too.

A margin is a logit times the sign that it should have. It tells how near a network is to a wrong
bit; whether a bit is wrong is never decided by it, but by what the network says.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.bits import every_symbol
from binadd.kernels.contract import Bytes
from binadd.model import BinaryAdderRNN

__all__ = ["Probe", "Steps"]

Real = NDArray[Any]


class Steps(NamedTuple):
    """What a network did on N words of T symbols."""

    wrong: NDArray[np.bool_]
    """(N, T): where it says a wrong bit."""
    margins: Real
    """(N, T): logits times the sign wanted."""
    state: Real
    """(N, H): hidden states after the last step."""

    def first_wrong(self) -> tuple[int, int] | None:
        """Return (word, step) of the earliest wrong bit, or None."""
        columns = self.wrong.any(axis=0)
        if not columns.any():
            return None
        step = int(columns.argmax())
        return int(self.wrong[:, step].argmax()), step


class Probe:
    """A network as it is now, and the work done on it, in steps of a network of 16 units."""

    def __init__(self, net: BinaryAdderRNN) -> None:
        state = net.state
        self.architecture = state.architecture
        self.operands = state.architecture.operands
        self.block = state.block
        self.kernels = net.kernels
        self.work = 0.0
        rows, columns = state.block.shape
        self.weight = max(1.0, rows * columns / (21 * 16))

    @property
    def alphabet(self) -> Bytes:
        """Every symbol (2ⁿ,)."""
        return every_symbol(self.operands)

    def run(self, symbols: Bytes, targets: Bytes, state: Real | None = None) -> Steps:
        """Run words (N, T), each from its own state (N, H) or from the beginning."""
        self.work += symbols.size * self.weight
        result = self.kernels.forward(self.architecture, self.block, symbols, state)
        logits, wanted = result.logits, targets.view(np.bool_)
        margins = np.where(wanted, logits, -logits)
        return Steps((logits > 0) != wanted, margins, result.final_state)

    def carries(self, symbols: Bytes) -> Bytes:
        """Return the carry (N,) after words (N, T): the sums go on for as long as it has bits."""
        length = self.architecture.carry_steps
        zeros = np.zeros((len(symbols), length), np.uint8)
        words = np.concatenate([symbols, zeros], axis=1)
        bits = self.kernels.exact_sums(words, self.operands)[:, symbols.shape[1] :]
        carries: Bytes = (bits << np.arange(length, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
        return carries

    def run_words(self, symbols: Bytes) -> Steps:
        """Run whole words (N, T) from the beginning."""
        symbols = np.ascontiguousarray(symbols)
        return self.run(symbols, self.kernels.exact_sums(symbols, self.operands))

    def first_wrong_word(self, symbols: Bytes) -> Bytes | None:
        """Return the shortest wrong word among the beginnings of words (N, T), or None."""
        found = self.run_words(symbols).first_wrong()
        return None if found is None else symbols[found[0], : found[1] + 1]
