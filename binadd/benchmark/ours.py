"""binadd itself: the NumPy reference, and the native kernels at every instruction set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.benchmark.work import Work
from binadd.bits import unpack_symbols
from binadd.kernels.contract import Batch, Kernels, Learner, NativeKernels
from binadd.model import BinaryAdderRNN

__all__ = ["AtLevel", "Ours"]


class Ours:
    """A kernel module."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def train(self, work: Work) -> Callable[[], NDArray[Any]]:
        """Compute the block of weights after one update for each batch."""
        settings, architecture, start = work.settings, work.architecture, work.block()

        def run() -> NDArray[Any]:
            block = start.copy()
            moments, powers = np.zeros((2, *block.shape), block.dtype), np.ones(2, block.dtype)
            self._kernels.train(
                Learner(architecture, block, moments, powers),
                Batch(work.symbols, work.targets),
                settings.kernel_optimizer,
                loss=settings.loss,
                batch_size=settings.batch_size,
            )
            return block

        return run

    def train_population(self, work: Work) -> Callable[[], NDArray[Any]]:
        """Compute the blocks of K networks after one update for each sequence."""
        settings, count = work.settings, work.networks
        start = np.stack([work.block(network) for network in range(count)])
        shape = (count, -1, work.symbols.shape[1])

        def run() -> NDArray[Any]:
            blocks = start.copy()
            moments = np.zeros((count, 2, *blocks.shape[1:]), blocks.dtype)
            powers = np.ones((count, 2), blocks.dtype)
            self._kernels.train_population(
                Learner(work.architecture, blocks, moments, powers),
                Batch(work.symbols.reshape(shape), work.targets.reshape(shape)),
                settings.kernel_optimizer,
                loss=settings.loss,
                learning_rates=np.full(count, settings.learning_rate, blocks.dtype),
            )
            return blocks

        return run

    def forward(self, work: Work) -> Callable[[], NDArray[Any]]:
        """Probabilities (N, T)."""
        block = work.block()

        def run() -> NDArray[Any]:
            return self._kernels.forward(work.architecture, block, work.symbols).probabilities

        return run

    def call(self, work: Work) -> Callable[[], NDArray[Any]]:
        """Probabilities (N, T), as a user asks for them."""
        net = BinaryAdderRNN.from_parameters(
            work.parameters(), work.settings.activation, backend=self._kernels.NAME
        )
        X = unpack_symbols(work.symbols, work.architecture.operands)
        return lambda: net.predict_proba(X)


class AtLevel(Ours):
    """The native kernels at one of their instruction sets."""

    def __init__(self, native: NativeKernels, isa: str) -> None:
        super().__init__(native)
        self._native = native
        self._isa = isa

    def get_ready(self) -> None:
        """Choose the instruction set; too slow to be timed with short work."""
        self._native.use_isa(self._isa)
