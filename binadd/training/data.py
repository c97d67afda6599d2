"""The sums that a network is trained on: drawn from its seed, in large pieces.

With one operand or two, the bits are uniformly random. The more operands there are, the closer the
share of ones at each step is to a half, and the rarer are the largest and smallest carries. So,
with three or more, one sequence in four has only a quarter of ones, one in four three quarters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Kernels, words_per_sequence
from binadd.state import State
from binadd.streams import data_stream

__all__ = ["DataStream"]

_FIRST_DRAW = 1024
_LARGEST_DRAW = 2**20
"""Symbols of one piece at most."""


class DataStream:
    """Operands drawn at random and their true sums, from where a state's data ends.

    Each sequence takes equally many raw words, so its place in the stream depends on nothing but
    its number. Pieces are drawn ahead and cut up as they are asked for: drawing costs
    a small part of training, however short the pieces that are trained on.
    """

    def __init__(self, kernels: Kernels, state: State, bits: int, batch_size: int) -> None:
        self._kernels = kernels
        self._operands = state.architecture.operands
        self._bits = bits
        self._batch_size = batch_size
        self._stream = data_stream(state.seed, state.position)
        self._draw = _FIRST_DRAW
        self._used = 0
        self._symbols = self._targets = np.empty((0, bits), np.uint8)
        self._draws = 1 if self._operands <= 2 else 2
        self.words = self._draws * words_per_sequence(self._operands, bits) + self._draws - 1

    def take(self, at_most: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return symbols and targets (N, bits) of the next whole batches: 1 batch … `at_most`."""
        if self._used == len(self._symbols):
            self._refill()
        count = max(self._batch_size, at_most - at_most % self._batch_size)
        piece = slice(self._used, min(self._used + count, len(self._symbols)))
        self._used = piece.stop
        return self._symbols[piece], self._targets[piece]

    def fill(self, symbols: NDArray[np.uint8], targets: NDArray[np.uint8]) -> None:
        """Write the next sequences to arrays (N, bits), whole batches of them."""
        done = 0
        while done < len(symbols):
            piece, answers = self.take(len(symbols) - done)
            symbols[done : done + len(piece)] = piece
            targets[done : done + len(piece)] = answers
            done += len(piece)

    def _refill(self) -> None:
        batches = max(1, min(self._draw, _LARGEST_DRAW // self._bits) // self._batch_size)
        count = batches * self._batch_size
        raw = self._stream.random_raw(count * self.words).reshape(count, self.words)
        self._symbols = self._unpack(raw) if self._draws == 1 else self._mix(raw)
        self._targets = self._kernels.exact_sums(self._symbols, self._operands)
        self._used = 0
        self._draw *= 2

    def _unpack(self, raw: NDArray[np.uint64]) -> NDArray[np.uint8]:
        return self._kernels.unpack_words(np.ascontiguousarray(raw), self._operands, self._bits)

    def _mix(self, raw: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Return bits of one draw, or of two by "and" or "or": each sequence's last word says."""
        half = self.words // 2
        one, other = self._unpack(raw[:, :half]), self._unpack(raw[:, half:-1])
        quarter = raw[:, -1:] >> np.uint64(62)
        return np.select([quarter == 0, quarter == 1], [one & other, one | other], one)
