"""Random words in which carries run long."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Bytes, words_per_sequence
from binadd.proof.refutation.probe import Probe
from binadd.streams import data_stream

__all__ = ["long_carries"]


def long_carries(probe: Probe, count: int, length: int) -> Bytes | None:
    """Random words whose symbols hold for long, so that carries run on."""
    unpack = probe.kernels.unpack_words
    return probe.first_wrong_word(_random_words(unpack, probe.operands, count, length))


Unpack = Callable[[NDArray[np.uint64], int, int], Bytes]


@lru_cache(maxsize=32)
def _random_words(unpack: Unpack, operands: int, count: int, length: int) -> Bytes:
    """Words (count, length); word m changes its symbol with a probability of 2^−(m mod 6).

    In every other word only the number of ones holds, not which operands they belong to.
    """
    stream = data_stream(0)

    def draw(bits: int) -> Bytes:
        width = words_per_sequence(bits, length)
        return unpack(stream.random_raw((count, width)), bits, length)

    word = np.arange(count)[:, None]
    holds = np.zeros((count, length), np.bool_)
    for power in range(1, 6):
        holds |= (draw(1) == 1) & (word % 6 >= power)
    holds[:, 0] = False
    last_change = np.maximum.accumulate(np.where(holds, 0, np.arange(length)), axis=1)
    held = np.take_along_axis(draw(operands), last_change, axis=1)
    turns = draw(operands) % operands
    turned = (held << turns | held >> (operands - turns)) & np.uint8((1 << operands) - 1)
    return np.ascontiguousarray(np.where(word % 2 == 1, turned, held))
