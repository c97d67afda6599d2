"""Shrink an input word that a network gets wrong, keeping it wrong.

Greedy: leave out blocks of symbols, then clear blocks of operands' bits, from half the word down
to single ones; the candidates of one size run side by side. After A. Zeller and R. Hildebrandt,
"Simplifying and isolating failure-inducing input" (2002, https://doi.org/10.1109/32.988498).
"""

from __future__ import annotations

import numpy as np

from binadd.kernels.contract import Bytes
from binadd.proof.probe import Probe

__all__ = ["shrink"]


def shrink(probe: Probe, word: Bytes, budget: float) -> Bytes:
    """Return a wrong word that is no longer than `word` (T,), and has fewer ones if not shorter.

    It ends in its first wrong bit, as `word` does. Runs the network for at most `budget` of work.
    """
    limit = probe.work + budget
    while True:
        before = _size(word)
        for cut, candidates_per_block in ((_without_blocks, 1), (_cleared_blocks, probe.operands)):
            size = max(1, len(word) // 2)
            while size:
                candidates = (len(word) // size + 1) * candidates_per_block
                smaller = None
                if probe.work + candidates * len(word) * probe.weight <= limit:
                    smaller = _smallest_wrong(probe, cut(word, size, probe.operands))
                if smaller is not None and _size(smaller) < _size(word):
                    word = smaller
                else:
                    size //= 2
        if _size(word) == before:
            return word


def _size(word: Bytes) -> tuple[int, int]:
    """Return the length, then the number of ones."""
    return len(word), int(np.unpackbits(word).sum())


def _smallest_wrong(probe: Probe, words: Bytes) -> Bytes | None:
    """Return the smallest wrong beginning of words (N, T), or None."""
    if not words.size:
        return None
    wrong = probe.run(np.ascontiguousarray(words)).wrong
    rows = np.flatnonzero(wrong.any(axis=1))
    if not rows.size:
        return None
    lengths = wrong[rows].argmax(axis=1) + 1
    shortest = words[rows[lengths == lengths.min()], : lengths.min()]
    fewest: Bytes = shortest[np.unpackbits(shortest, axis=1).sum(axis=1).argmin()]
    return fewest


def _without_blocks(word: Bytes, size: int, operands: int) -> Bytes:
    """Return the word without each of its blocks of `size` symbols, (blocks, T − size)."""
    starts = np.arange(0, len(word) - size + 1, size)
    kept = np.arange(len(word) - size)
    return word[kept + size * (kept >= starts[:, None])]


def _cleared_blocks(word: Bytes, size: int, operands: int) -> Bytes:
    """Return the word with one operand's bits cleared in one block, wherever there are any."""
    blocks = np.arange(-(-len(word) // size))
    inside = (np.arange(len(word)) // size == blocks[:, None]).astype(np.uint8)
    masks = np.uint8(1) << np.arange(operands, dtype=np.uint8)
    words = (word & ~(inside * masks[:, None, None])).reshape(-1, len(word))
    changed: Bytes = words[(words != word).any(axis=1)]
    return changed
