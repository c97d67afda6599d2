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

from binadd.kernels.contract import Bytes
from binadd.model import BinaryAdderRNN
from binadd.proof.probe import Probe

__all__ = ["Memory", "describe_memory", "slowest_word"]

PERIODS = (1, 2, 3)
SETTLE, MEASURE = 180, 24
"""Steps until states are near their cycles, and over which a difference is watched."""
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
    probe, best, margin = Probe(net), Memory((0,), 0.0, np.inf), np.inf
    size = net.settings.hidden_size
    signs = np.where(np.arange(size) * 37 % 5 < 2, 1, -1) * NUDGE
    for period in PERIODS:
        if (1 << probe.operands * period) > MOST_WORDS:
            break
        alphabet = range(1 << probe.operands)
        words = np.array(list(product(alphabet, repeat=period)), np.uint8)
        settled = probe.run(_repeated(words, SETTLE))
        margin = min(margin, float(settled.margins.min()))
        after = _repeated(words, MEASURE)
        bits = np.zeros_like(after)  # margins after a cycle's start are not needed
        states = settled.state.astype(np.float64)
        start = states.astype(settled.state.dtype), (states + signs).astype(settled.state.dtype)
        one, other = (probe.run(after, bits, np.ascontiguousarray(state)).state for state in start)
        left = np.abs(other.astype(np.float64) - one).max(1) / NUDGE
        slowest = int(left.argmax())
        rate = round(float(left[slowest]) ** (1 / after.shape[1]), 3)
        if rate > best.rate:
            best = Memory(tuple(words[slowest].tolist()), rate, margin)
    return best._replace(margin=margin)


def _repeated(words: Bytes, steps: int) -> Bytes:
    """Return words (N, p) repeated for `steps` steps, a multiple of p."""
    return np.ascontiguousarray(np.tile(words, steps // words.shape[1]))


def describe_memory(net: BinaryAdderRNN) -> str:
    """Return one sentence about the slowest word."""
    memory = slowest_word(net)
    word = " ".join(map(str, memory.word))
    return (
        f"along the input word {word}, repeated, {memory.rate:.0%} of a difference is left after "
        f"each step; the smallest margin seen along such words was {memory.margin:.3g}"
    )
