"""The sums that a network is trained on: drawn from its seed, in large pieces.

With one operand or two, the bits are uniformly random. The more operands there are, the closer the
share of ones at each step is to a half, and the rarer are the largest and smallest carries. So,
with three or more, one sequence in four has only a quarter of ones, one in four three quarters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Architecture, Batch, Kernels, words_per_sequence
from binadd.random_streams import data_stream

__all__ = ["DataStream", "words_of_sequence"]

_FIRST_DRAW = 640
"""Sequences of the first piece: as many as the default recipe mostly needs."""
_LARGEST_DRAW = 2**20
"""Symbols of one piece at most."""


def words_of_sequence(operands: int, bits: int) -> int:
    """Return how many raw words of the stream a sequence takes."""
    words = words_per_sequence(operands, bits)
    return words if operands <= 2 else 2 * words + 1


class DataStream:
    """Operands drawn at random, and their true sums.

    Each sequence takes equally many raw words, so its place in the stream depends on nothing but
    its number. Pieces are drawn ahead and cut up as they are needed: drawing costs
    a small part of training, however short the pieces that are trained on.
    """

    def __init__(self, kernels: Kernels, seed: int, architecture: Architecture) -> None:
        self._kernels = kernels
        self._seed = seed
        self._architecture, self._operands = architecture, architecture.operands
        self._next: tuple[int, int] | None = None  # position and bits of the next sequence
        self._ahead = Batch(np.empty((0, 1), np.uint8), np.empty((0, 1), np.uint8))

    def take(self, position: int, bits: int, at_most: int, batch_size: int = 1) -> Batch:
        """Return the sequences (N, bits) from a position on: whole batches, one or more."""
        if self._next != (position, bits):
            self._stream = data_stream(self._seed, position)
            self._draw = _FIRST_DRAW
            self._used = len(self._ahead.symbols)
        if len(self._ahead.symbols) - self._used < batch_size:
            self._draw_ahead(bits, batch_size)
        left = len(self._ahead.symbols) - self._used
        count = max(batch_size, min(at_most, left) // batch_size * batch_size)
        piece = slice(self._used, self._used + count)
        self._used = piece.stop
        self._next = position + count * words_of_sequence(self._operands, bits), bits
        return Batch(self._ahead.symbols[piece], self._ahead.targets[piece])

    def fill(self, position: int, batch: Batch) -> None:
        """Write the sequences from a position on into arrays (N, bits)."""
        count, bits = batch.symbols.shape
        words = words_of_sequence(self._operands, bits)
        done = 0
        while done < count:
            piece = self.take(position + done * words, bits, count - done)
            end = done + len(piece.symbols)
            batch.symbols[done:end], batch.targets[done:end] = piece
            done = end

    def _draw_ahead(self, bits: int, batch_size: int) -> None:
        """Draw the next piece; all of the last one has been taken."""
        batches = max(1, min(self._draw, _LARGEST_DRAW // bits) // batch_size)
        count, words = batches * batch_size, words_of_sequence(self._operands, bits)
        raw = self._stream.random_raw(count * words).reshape(count, words)
        symbols = self._unpack(raw, bits) if self._operands <= 2 else self._mix(raw, bits)
        self._ahead = Batch(symbols, self._kernels.exact_sums(self._architecture, symbols))
        self._used = 0
        self._draw *= 2

    def _unpack(self, raw: NDArray[np.uint64], bits: int) -> NDArray[np.uint8]:
        return self._kernels.unpack_words(np.ascontiguousarray(raw), self._operands, bits)

    def _mix(self, raw: NDArray[np.uint64], bits: int) -> NDArray[np.uint8]:
        """Return one draw's bits, or two combined by "and" or "or", as the last word decides."""
        half = raw.shape[1] // 2
        one, other = self._unpack(raw[:, :half], bits), self._unpack(raw[:, half:-1], bits)
        quarter = raw[:, -1:] >> np.uint64(62)
        return np.select([quarter == 0, quarter == 1], [one & other, one | other], one)
