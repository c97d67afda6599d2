"""Networks and data for the kernels' tests, as bare arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.kernels import reference
from binadd.kernels.contract import Architecture, Batch, Learner, Optimizer, Report
from binadd.state import COUNTS, State

Compare = Callable[[Callable[[Any], Any]], Any]
"""The fixture `compare`: it takes a call with a kernel module."""

PAIRS = np.indices((256, 256)).reshape(2, -1).T
EVERY_PAIR = (PAIRS[:, np.newaxis] >> np.arange(9)[:, np.newaxis] & 1).astype(np.uint8, order="C")
"""Every pair of numbers of 8 bits as `binadd.encode` returns them."""


def copy_of(learner: Learner) -> Learner:
    """Return the same numbers in new arrays."""
    architecture, *arrays = learner
    return Learner(architecture, *(array.copy() for array in arrays))


def learner(seed: int = 0, **options: Any) -> Learner:
    """Weights and biases uniform in [−1, 1); options are the architecture's."""
    architecture = Architecture(**{"hidden_size": 16, **options})
    random = np.random.default_rng(seed)
    n, size = architecture.operands, architecture.hidden_size
    block = np.zeros(architecture.block_shape, architecture.dtype)
    filled = n + size + (2 if architecture.biases else 0)
    block[:filled, :size] = random.uniform(-1, 1, (filled, size))
    if architecture.biases:
        block[-1, 0] = random.uniform(-1, 1)
    else:
        block[-2, :size] = random.uniform(-1, 1, size)
    return Learner(
        architecture,
        block,
        np.zeros((2, *block.shape), block.dtype),
        np.ones(2, block.dtype),
    )


def unaligned(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins a byte past an aligned place."""
    memory = np.empty(array.nbytes + 1, np.uint8)
    copy = memory[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    assert not copy.flags.aligned
    return copy


def sequences(
    count: int, steps: int = 8, operands: int = 2, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Symbols and targets of `count` drawn sums."""
    symbols = np.random.default_rng(seed).integers(0, 1 << operands, (count, steps), np.uint8)
    return symbols, reference.exact_sums(Architecture(1, operands), symbols)


def trained(
    kernels: Any,
    start: Learner,
    symbols: NDArray[np.uint8],
    targets: NDArray[np.uint8],
    batch_size: int = 1,
    loss: str = "cross_entropy",
    noise: NDArray[Any] | None = None,
    **optimizer: Any,
) -> tuple[NDArray[Any], ...]:
    """All that training changes or reports: weights, moments, powers, losses, wrong bits."""
    end = copy_of(start)
    updates = len(symbols) // batch_size
    report = Report(np.empty(updates, start.block.dtype), np.empty(updates, np.int64))
    kernels.train(
        end,
        Batch(symbols, targets),
        Optimizer(**optimizer),
        loss=loss,
        batch_size=batch_size,
        noise=noise,
        report=report,
    )
    return (*end[1:], *report)


def noise_for(start: Learner, updates: int) -> NDArray[Any]:
    """Noise uniform in [−½, ½) on all weights, for so many updates."""
    block = start.block
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (updates, *block.shape))
    return np.where(block, noise, 0).astype(block.dtype)


def assert_same_state(one: State, other: State) -> None:
    """Two networks have come equally far, in every count and every bit."""
    for name in ("optimizer", "from_seed", "bits", "status", *COUNTS):
        assert getattr(one, name) == getattr(other, name), name
    assert same_bits(
        (one.block, one.moments, one.powers), (other.block, other.moments, other.powers)
    )


def same_bits(one: Any, other: Any) -> bool:
    """Whether two arrays, or tuples of them, are equal bit for bit; signs of zero count too."""
    if one is None or other is None:
        return one is other
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_bits, one, other))
    a, b = np.asarray(one), np.asarray(other)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
