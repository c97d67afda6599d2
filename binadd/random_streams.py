"""The random streams that weights, operands and noise are drawn from, each a seed's own.

They are independent of each other and of every other seed's, since `SeedSequence` hashes seed and
key. NumPy promises that neither it nor the raw words of PCG64 will ever change.
"""

from __future__ import annotations

import numpy as np

__all__ = ["data_stream", "noise_stream", "weight_stream"]


def weight_stream(seed: int, position: int = 0) -> np.random.PCG64:
    """Return the raw stream of initial weights of `seed`, with `position` words passed over."""
    return _stream(seed, 0, position)


def data_stream(seed: int, position: int = 0) -> np.random.PCG64:
    """Return the raw stream of operands of `seed`, with its first `position` words passed over.

    Examples
    --------
    >>> int(data_stream(0, 2).random_raw()) == int(data_stream(0).random_raw(3)[2])
    True
    """
    return _stream(seed, 1, position)


def noise_stream(seed: int, position: int = 0) -> np.random.PCG64:
    """Return the raw stream of noise on weights of `seed`, with `position` words passed over."""
    return _stream(seed, 2, position)


def _stream(seed: int, key: int, position: int = 0) -> np.random.PCG64:
    stream = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(key,)))
    return stream.advance(position) if position else stream
