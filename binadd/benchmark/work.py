"""The work of a benchmark's entries: one network, one set of data, one optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.bits import unpack_symbols
from binadd.kernels import reference
from binadd.kernels.contract import Architecture, words_per_sequence
from binadd.model import BinaryAdderRNN
from binadd.parameters import named_views
from binadd.random_streams import data_stream
from binadd.settings import Settings
from binadd.state import initial_state

__all__ = ["Entry", "Parameters", "Work", "draw", "work"]

Parameters = dict[str, NDArray[Any]]
"""The weights by name, as `BinaryAdderRNN.parameters`; those of K networks have a leading K."""


class Entry(NamedTuple):
    """One entry: how it does a piece of work.

    `prepare(work)` returns a function of no arguments that does all of it, from the same start
    each time, and returns the result: weights after training, or probabilities. `tolerance` is by
    how much a number may differ from the NumPy reference's; 0 means not by a single bit.
    """

    name: str
    prepare: Callable[[Work], Callable[[], Any] | None]
    tolerance: float = 0.0


@dataclass(frozen=True)
class Work:
    """Sequences to learn from, or to answer."""

    settings: Settings
    symbols: NDArray[np.uint8]
    """(N, T)"""
    targets: NDArray[np.uint8]
    """(N, T)"""
    networks: int = 0
    """The size K of a population that shares the sequences; 0 for one network alone."""

    @property
    def architecture(self) -> Architecture:
        """The network's architecture."""
        return self.settings.architecture

    def block(self, network: int = 0) -> NDArray[Any]:
        """Return the weights to begin with, as the kernels have them."""
        return initial_state(self.architecture, self.settings.seed + network).block

    def parameters(self) -> Parameters:
        """Return the weights to begin with."""
        if not self.networks:
            return self.read(self.block())
        return self.read(np.stack([self.block(network) for network in range(self.networks)]))

    def read(self, result: Parameters | NDArray[Any]) -> Parameters:
        """Return a result by name, whether it is named already, a block, blocks or answers."""
        if isinstance(result, dict):
            return result
        if result.shape[-2:] != self.architecture.block_shape:
            return {"answers": result}
        if result.ndim == 2:
            views = named_views(self.architecture, result)
            return {name: np.array(view) for name, view in views.items()}
        each = [self.read(block) for block in result]
        return {name: np.stack([p[name] for p in each]) for name in each[0]}

    def inputs(self) -> NDArray[Any]:
        """Return the bits as reals, (N, T, operands)."""
        bits = unpack_symbols(self.symbols, self.architecture.operands)
        return bits.astype(self.architecture.dtype)

    def answers(self) -> NDArray[Any]:
        """Return the right bits as reals, (N, T)."""
        return self.targets.astype(self.architecture.dtype)


def draw(seed: int, operands: int, count: int, bits: int) -> NDArray[np.uint8]:
    """Return symbols (N, T) of drawn operands."""
    words = words_per_sequence(operands, bits)
    raw = data_stream(seed).random_raw(count * words).reshape(count, words)
    return reference.unpack_words(raw, operands, bits)


def work(count: int, bits: int, batch_size: int = 1, networks: int = 0, **parameters: Any) -> Work:
    """Return work of `count` drawn sequences for a network of these parameters."""
    settings = BinaryAdderRNN(batch_size=batch_size, **parameters).settings
    symbols = draw(settings.seed, settings.operands, count, bits)
    return Work(settings, symbols, reference.exact_sums(settings.architecture, symbols), networks)
