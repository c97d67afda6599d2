"""Grow input words symbol by symbol, towards new states and towards small margins.

A breadth-first search of all states finds the word that opens a lock, but drowns in the states of
a trained network; a beam search for the smallest margin finds the words that trained networks get
wrong, but goes astray where a margin narrows for no more than a few symbols. So half the frontier
is kept for novelty (J. Lehman and K. O. Stanley, "Abandoning objectives: evolution through the
search for novelty alone", 2011, https://doi.org/10.1162/EVCO_a_00025), half for small margins,
and these come from as many recent pasts as possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.bits import every_symbol
from binadd.kernels.contract import Bytes
from binadd.proof.probe import Probe, Real, Steps

__all__ = ["Frontier", "search_frontier"]

LARGEST_ALPHABET = 32
"""Symbols tried after each word; of more, a sample that changes from step to step."""
RECENT = 3
"""Symbols that make up a recent past."""
RESOLUTIONS = 4
"""A hidden unit's values are cut into cells of 1/2, 1/16, 1/128 and 1/1024."""
FACTOR = np.uint32(0x9E3779B1)
"""The factor of multiplicative hashing: 2³² divided by the golden ratio."""


@dataclass
class Frontier:
    """Input words of one length, with the states and carries that they lead to."""

    words: Bytes
    """(N, T)"""
    state: Real
    """(N, H)"""
    carry: Bytes
    """(N,), counted from the lowest"""

    def expand(self, probe: Probe) -> tuple[Frontier, Steps]:
        """Return every word with every symbol after it, and what the network does there."""
        alphabet = every_symbol(probe.operands)
        if len(alphabet) > LARGEST_ALPHABET:
            turn = 37 * self.words.shape[1]
            alphabet = np.roll(alphabet, turn)[:: len(alphabet) // LARGEST_ALPHABET]
        parents = np.repeat(np.arange(len(self.words)), len(alphabet))
        symbols = np.tile(alphabet, len(self.words))[:, None]
        totals = probe.form.weights[symbols[:, 0]] + self.carry[parents]
        steps = probe.run(symbols, (totals & np.uint8(1))[:, None], self.state[parents])
        words = np.concatenate([self.words[parents], symbols], axis=1)
        return Frontier(words, steps.state, totals >> np.uint8(1)), steps

    def keep(self, rows: NDArray[np.intp]) -> Frontier:
        """Return these words only."""
        return Frontier(self.words[rows], self.state[rows], self.carry[rows])


def search_frontier(probe: Probe, size: int, depth: int) -> Bytes | None:
    """Return the first wrong word of at most `depth` symbols that the search comes upon, or None.

    About `size` words of each length are tried.
    """
    hidden_size = probe.architecture.hidden_size
    visited = Visited(hidden_size, size * depth)
    state = np.zeros((1, hidden_size), probe.block.dtype)
    frontier = Frontier(np.empty((1, 0), np.uint8), state, np.full(1, probe.form.start, np.uint8))
    width = size // min(1 << probe.operands, LARGEST_ALPHABET)
    for _ in range(depth):
        frontier, steps = frontier.expand(probe)
        found = steps.first_wrong()
        if found is not None:
            return np.asarray(frontier.words[found[0]])
        ranks = visited.ranks(steps.state, frontier.carry)
        rows = np.flatnonzero(ranks < RESOLUTIONS)
        rows = rows[np.argsort(ranks[rows], kind="stable")]
        novel, others = rows[: width // 2], rows[width // 2 :]
        others = others[np.argsort(steps.margins[others, 0], kind="stable")]
        recent = frontier.words[others, -RECENT:]
        recent = recent @ (1 << 8 * np.arange(recent.shape[1], dtype=np.int64))
        nth = nth_of_each(recent << 8 | frontier.carry[others])
        others = others[np.argsort(nth, kind="stable")[: width - len(novel)]]
        rows = np.concatenate([novel, others])
        if not len(rows):
            return None
        visited.add(rows)
        frontier = frontier.keep(rows)
    return None


def nth_of_each(kinds: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Return how many of its kind (N,) come before each.

    >>> nth_of_each(np.array([7, 5, 7, 7]))
    array([0, 0, 1, 2])
    """
    order = np.argsort(kinds, kind="stable")
    ordered = kinds[order]
    nth = np.empty(len(kinds), np.intp)
    nth[order] = np.arange(len(kinds)) - np.searchsorted(ordered, ordered)
    return nth


class Visited:
    """The cells of the state space that a frontier has been in, at each resolution.

    Cells are kept by hash: some that have not been visited are taken for others that have.
    """

    def __init__(self, hidden_size: int, most: int) -> None:
        self._bits = most.bit_length() + 1
        self._table = np.zeros(RESOLUTIONS << self._bits, np.bool_)
        self._factors = np.full(hidden_size, FACTOR).cumprod(dtype=np.uint32)
        self._places = np.empty((0, 0), np.int64)

    def ranks(self, state: Real, carry: Bytes) -> NDArray[np.intp]:
        """Return the coarsest resolution at which each word (N,) is the first in its cell.

        That is RESOLUTIONS for a word that is never the first.
        """
        state = np.fmax(state, -2.0)  # as an integer, NaN would depend on the machine
        finest = np.rint(state * 1024.0).astype(np.int32)
        self._places = np.empty((RESOLUTIONS, len(state)), np.int64)
        for i, places in enumerate(self._places):
            shift = 3 * (RESOLUTIONS - 1 - i)
            rounded = (finest + (1 << shift >> 1) >> shift).view(np.uint32)
            hashes = (rounded @ self._factors + carry) * FACTOR
            places[:] = (i << self._bits) + (hashes >> np.uint32(32 - self._bits))
        flat = self._places.reshape(-1)
        ordered = np.sort(flat << 32 | np.arange(flat.size))  # all different: any sort is stable
        cells = ordered >> 32
        first = ordered[np.append(True, cells[1:] != cells[:-1])] & 0xFFFFFFFF
        new = np.zeros(self._places.shape, np.bool_)
        new.reshape(-1)[first] = ~self._table[flat[first]]
        return np.where(new.any(axis=0), new.argmax(axis=0), RESOLUTIONS)

    def add(self, rows: NDArray[np.intp]) -> None:
        """Note the cells of some of the words that were ranked last."""
        self._table[self._places[:, rows]] = True
