"""The rate at which a network forgets, which is what makes a proof hard.

Along a periodic input word the states of a network that forgets come to a cycle, wherever they
begin. How much of a small difference is left after a step, once there, is the spectral radius, per
step, of the product of the Jacobians along the cycle. A network is the harder to prove the closer
that is to 1 for its slowest word.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from binadd.model import BinaryAdderRNN
from binadd.proof.probe import Probe

__all__ = ["Memory", "describe_memory", "slowest_word"]

PERIODS = (1, 2, 3)
SETTLE, MEASURE = 180, 24
"""Steps until states are near their cycles, and over which a difference is watched: multiples of
all periods."""
NUDGE = 2.0**-20
MOST_WORDS = 4096


class Memory(NamedTuple):
    """The periodic word along which a network forgets most slowly."""

    word: tuple[int, ...]
    rate: float
    """The share of a small difference that is left after each step."""
    margin: float
    """The smallest logit margin seen along all periodic words."""


def slowest_word(net: BinaryAdderRNN) -> Memory:
    """Return the slowest of the shortest periodic input words."""
    probe, memory = Probe(net), Memory((0,), 0.0, np.inf)
    alphabet = range(1 << probe.operands)
    signs = np.where(np.arange(net.settings.hidden_size) * 37 % 5 < 2, 1, -1)
    for period in PERIODS:
        if len(alphabet) ** period > MOST_WORDS:
            break
        words = np.array(list(product(alphabet, repeat=period)), np.uint8)
        settled = probe.run(np.tile(words, SETTLE // period))
        memory = memory._replace(margin=min(memory.margin, float(settled.margins.min())))
        after = np.tile(words, MEASURE // period)
        bits = np.zeros_like(after)  # margins after a cycle's start are not needed
        near = (settled.state + signs * NUDGE).astype(settled.state.dtype)
        one, other = (probe.run(after, bits, state).state for state in (settled.state, near))
        left = np.abs(other.astype(np.float64) - one).max(1) / NUDGE
        rate = round(float(left.max()) ** (1 / MEASURE), 3)
        if rate > memory.rate:
            memory = memory._replace(word=tuple(words[left.argmax()].tolist()), rate=rate)
    return memory


def describe_memory(net: BinaryAdderRNN) -> str:
    """Return one sentence about the slowest word."""
    memory = slowest_word(net)
    word = " ".join(map(str, memory.word))
    return (
        f"along the input word {word}, repeated, {memory.rate:.0%} of a difference is left after "
        f"each step; the smallest margin seen along such words was {memory.margin:.3g}"
    )
