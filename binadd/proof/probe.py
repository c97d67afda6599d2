"""Input words fed to a network, and the first step at which it outputs a wrong bit.

An input word is a sequence of symbols (T,), the least significant first: bit i of a symbol is a
bit of operand i. The network outputs 1 where its logit is above 0, and 0 elsewhere: also where the
logit is exactly 0 or not a number.

A margin is a logit times the sign that it should have. Margins guide the searches; whether a bit
is wrong is decided by the output alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes
from binadd.model import BinaryAdderRNN

__all__ = ["Probe", "Real", "Steps"]

Real = NDArray[Any]


class Steps(NamedTuple):
    """What a network did on N input words of T symbols."""

    wrong: NDArray[np.bool_]
    """(N, T): where the output bit is wrong."""
    margins: Real
    """(N, T)"""
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
        self.operands, self.form = state.architecture.operands, state.architecture.form
        self.block = state.block
        self.kernels = net.kernels
        self.work = 0.0
        self.weight = max(1.0, state.block.size / (21 * 16))

    def run(self, symbols: Bytes, bits: Bytes | None = None, state: Real | None = None) -> Steps:
        """Run words (N, T) from states (N, H), where their true bits are known, or from 0."""
        if bits is None:
            bits = self.kernels.exact_sums(self.architecture, symbols)
        self.work += symbols.size * self.weight
        result = self.kernels.forward(self.architecture, self.block, symbols, state)
        logits, wanted = result.logits, bits.view(np.bool_)
        margins = np.where(wanted, logits, -logits)
        return Steps((logits > 0) != wanted, margins, result.final_state)
