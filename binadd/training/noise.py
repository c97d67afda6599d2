"""The last phase of training: noise on the weights, until the network can be proved.

A network that is right on all short words but cannot be proved keeps its carry in hidden units
that are neither on nor off, and lets it fade. With noise on all that a hidden unit listens to,
only units driven far into saturation keep a carry for 32 steps: so they are driven there (K.-C.
Jim, C. L. Giles & B. G. Horne 1996, https://doi.org/10.1109/72.548170), and the boxes around
saturated states are small. The phase has its own loss, optimizer and rates,
whatever the recipe was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Optimizer
from binadd.random_streams import noise_stream
from binadd.state import State

__all__ = ["BITS", "LOSS", "UPDATES", "amplitude", "most_updates", "optimizer", "weight_noise"]

LOSS = "cross_entropy"

BITS = 32
"""Length of the operands at least: long enough for a carry that fades to be lost."""

UPDATES = 512
"""Updates between two proofs at least: a proof that fails takes longer than they do."""

_AMPLITUDE = {"sigmoid": 1.0, "tanh": 0.3}
_GROWTH = 1 / 16
"""What each failed proof adds to the amplitude, as a share of it, until it is twice as large."""
_LEARNING_RATE = {"sigmoid": 0.05, "tanh": 0.02}
_NOISE = 2**18
"""Numbers drawn at once, at most: few enough that they stay in the processor's caches."""


def optimizer(activation: str) -> Optimizer:
    """Return the phase's optimizer."""
    return Optimizer(name="nesterov", learning_rate=_LEARNING_RATE[activation], clip_norm=1.0)


def amplitude(activation: str, failed_proofs: int) -> float:
    """Return A: noise is uniform in [−A, A)."""
    return _AMPLITUDE[activation] * min(1 + _GROWTH * failed_proofs, 2.0)


def most_updates(state: State) -> int:
    """Return how many updates' noise is drawn at once, at most."""
    return max(1, _NOISE // state.block.size)


def weight_noise(state: State, amplitude: float, updates: int) -> NDArray[Any]:
    """Return what is added to the weights for each of the next updates: (updates, R, S).

    Uniform in [−A, A) where a hidden unit listens, else 0. It depends on the seed, the update's
    number and the amplitude, so a run that was interrupted meets the same noise.
    """
    architecture = state.architecture
    rows, columns = architecture.incoming_rows.stop, architecture.hidden_size
    each = rows * columns
    words = noise_stream(state.seed, state.updates * each).random_raw(updates * each)
    words >>= np.uint64(11)  # in place: each copy would cost as much as drawing
    steps = words.view(np.int64).reshape(updates, rows, columns)
    steps -= 1 << 52  # now from −2⁵² to 2⁵² − 1: exact as reals
    noise = np.zeros((updates, *state.block.shape), state.block.dtype)
    filled = noise[:, :rows, :columns]
    np.multiply(steps, amplitude * 2.0**-52, out=filled, casting="same_kind")
    return noise
