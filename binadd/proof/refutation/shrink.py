"""Make a word that a network gets wrong smaller, as long as it stays wrong.

Greedy: leave out blocks of symbols, then clear blocks of operands' bits, from half the word down
to single ones; the candidates of one size run side by side. After A. Zeller and R. Hildebrandt,
"Simplifying and isolating failure-inducing input" (2002, https://doi.org/10.1109/32.988498).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from binadd.bits import popcounts
from binadd.kernels.contract import Bytes
from binadd.proof.refutation.probe import Probe

__all__ = ["shrink"]


def shrink(probe: Probe, word: Bytes, budget: float) -> Bytes:
    """Return a wrong word that is no longer than `word` (T,), and has fewer ones if not shorter.

    Ends in its first wrong bit, as `word` does. Runs the network for at most `budget` of work.
    """
    limit = probe.work + budget
    while True:
        smaller = word
        for cut in CUTS:
            smaller = _shrink_by(cut, probe, smaller, limit)
        if _size(smaller) == _size(word):
            return smaller
        word = smaller


def _size(word: Bytes) -> tuple[int, int]:
    """Length first, then ones."""
    return len(word), int(popcounts(word).sum())


@dataclass(frozen=True)
class Cut:
    """A way to make a word smaller, block by block."""

    candidates: Callable[[Bytes, int, int], Bytes]
    """(word, size of a block, operands) -> words (N, T)."""
    per_block: Callable[[int], int]
    """How many candidates there are for each block, given the operands."""


def _shrink_by(cut: Cut, probe: Probe, word: Bytes, limit: float) -> Bytes:
    size = max(1, len(word) // 2)
    while size >= 1:
        smaller = _try(cut, probe, word, size, limit)
        if smaller is None:
            size //= 2
        else:
            word = smaller
    return word


def _try(cut: Cut, probe: Probe, word: Bytes, size: int, limit: float) -> Bytes | None:
    """The smallest of the candidates that are wrong and smaller, or None."""
    blocks = len(word) // size + 1
    cost = blocks * cut.per_block(probe.operands) * len(word) * probe.weight
    if probe.work + cost > limit:
        return None
    words = cut.candidates(word, size, probe.operands)
    smaller = _smallest_wrong(probe, words) if words.size else None
    return smaller if smaller is not None and _size(smaller) < _size(word) else None


def _smallest_wrong(probe: Probe, words: Bytes) -> Bytes | None:
    """The smallest wrong beginning of words (N, T)."""
    wrong = probe.run_words(words).wrong
    rows = np.flatnonzero(wrong.any(axis=1))
    if not rows.size:
        return None
    lengths = wrong[rows].argmax(axis=1) + 1
    shortest = rows[lengths == lengths.min()]
    beginnings = words[shortest, : lengths.min()]
    fewest: Bytes = beginnings[popcounts(beginnings).sum(axis=1, dtype=np.int64).argmin()]
    return fewest


def _without_blocks(word: Bytes, size: int, operands: int) -> Bytes:
    """The word without each of its blocks of `size` symbols, (blocks, T − size)."""
    length = len(word)
    if length <= size:
        return np.empty((0, 0), np.uint8)
    starts = np.arange(0, length - size + 1, size)
    kept = np.arange(length - size)
    return word[kept + size * (kept >= starts[:, None])]


def _cleared_blocks(word: Bytes, size: int, operands: int) -> Bytes:
    """The word with the bits of one operand cleared in one block, for each that has any."""
    length = len(word)
    starts = np.arange(0, length, size)
    inside = (np.arange(length) // size == np.arange(len(starts))[:, None]).astype(np.uint8)
    masks = (1 << np.arange(operands)).astype(np.uint8)
    words = word & ~(inside[None] * masks[:, None, None])
    words = words.reshape(-1, length)
    changed: Bytes = words[(words != word).any(axis=1)]
    return changed


CUTS = (
    Cut(_without_blocks, lambda operands: 1),
    Cut(_cleared_blocks, lambda operands: operands),
)
