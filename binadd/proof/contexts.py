"""Contexts: what the last input words tell about where true addition and the network are.

A context is (the carry before a few symbols, these symbols). A network that has learnt to add
forgets what lies further back, so the states that share a context lie close together, the closer
the more symbols it has. Some input words are forgotten slowly, as long carries are, so contexts
look further back where that is needed: they are the leaves of a suffix tree (a context tree, after
J. Rissanen, "A universal data compression system", 1983, https://doi.org/10.1109/TIT.1983.1056741).

The carry is the one *before* the symbols: the one after them would merge contexts that the network
still tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from binadd.form import Form
from binadd.kernels.contract import Bytes, Contexts, Indices, Reals

__all__ = ["Context", "ContextTable", "ContextTree", "affordable_depth", "uniform"]

Word: TypeAlias = tuple[int, ...]
Context: TypeAlias = tuple[int, Word]
"""The carry before the symbols, counted from the lowest; the symbols, the oldest first."""

MOST_EDGES = 1 << 15
"""The most pairs of a context and a symbol where all contexts are equally long."""


@dataclass(frozen=True, eq=False)
class ContextTable:
    """Contexts and how symbols lead from one to the next.

    First come the P prefixes, words from the start that are too short to tell a context, the empty
    one before all; then the K contexts of the tree.
    """

    names: tuple[str, ...]
    contexts: tuple[Context, ...]  # K of them
    carries: Indices  # (P + K,): counted from the lowest
    successors: Indices  # (P + K, 2ⁿ)
    starts: tuple[tuple[Bytes, Indices], ...]
    """Words (M, T) from the start after which a context is first known, by length, and which of
    the tree's contexts that is (M,)."""

    @property
    def prefixes(self) -> int:
        """Return P."""
        return len(self.carries) - len(self.contexts)

    def with_cells(
        self,
        owners: Indices,
        centres: Reals,
        axes: Reals,
        bases: Reals,
        widths: Reals,
        lowest: Indices,
    ) -> Contexts:
        """Return what kernels take: prefixes without a set before the tree's contexts (K).

        The axes and bases are those of all contexts (K, H, S) or of none. Owners (C,) are of cells whose
        boxes kernels are to write.
        """
        prefixes, count, columns = self.prefixes, *centres.shape
        frames = np.arange(-prefixes, count, dtype=np.int32)
        return Contexts(
            self.carries,
            self.successors,
            np.concatenate([np.zeros((prefixes, columns)), centres]),
            axes,
            bases,
            np.clip(frames, -1, len(axes) - 1),
            np.concatenate([np.full(prefixes, np.inf), widths]),
            np.concatenate([np.zeros(prefixes, np.int32), lowest]),
            np.searchsorted(owners, np.append(frames, count)).astype(np.int32),
            owners + np.int32(prefixes),
            *np.zeros((2, len(owners), columns)),
        )

    @property
    def longest(self) -> int:
        """Return how many symbols pass at most until a context is known."""
        return max(int(words.shape[1]) for words, _ in self.starts)


class ContextTree:
    """A suffix tree of contexts in which each always tells the next."""

    def __init__(self, form: Form, depth: int = 0) -> None:
        self.form, self._weights = form, form.weights.tolist()
        self.leaves: dict[Context, None] = {(carry, ()): None for carry in range(form.carries)}
        for _ in range(depth):
            for leaf in list(self.leaves):
                self._replace(leaf)

    def _next_carry(self, carry: int, symbol: int) -> int:
        following: int = (carry + self._weights[symbol]) >> 1
        return following

    def _carries(self, carry: int, word: Word) -> list[int]:
        """Return the carry before, between and after the symbols of a word."""
        return list(accumulate(word, self._next_carry, initial=carry))

    def _find(self, carry: int, word: Word) -> Context | None:
        """Return the context after a word, None if it is too short to tell."""
        carries = self._carries(carry, word)
        for i in range(len(word), -1, -1):
            leaf = (carries[i], word[i:])
            if leaf in self.leaves:
                return leaf
        return None

    def split(self, leaf: Context) -> None:
        """Let a context look back one symbol further, and all from which it could not be told.

        New contexts come last.
        """
        if leaf not in self.leaves:
            return
        for carry, word in self._replace(leaf):
            while (shorter := self._ambiguous(carry, word)) is not None:
                self.split(shorter)

    def _replace(self, leaf: Context) -> list[Context]:
        del self.leaves[leaf]
        after, word = leaf
        longer = [
            (carry, (symbol, *word))
            for symbol in range(len(self._weights))
            for carry in range(self.form.carries)
            if self._next_carry(carry, symbol) == after
        ]
        self.leaves.update(dict.fromkeys(longer))
        return longer

    def _ambiguous(self, carry: int, word: Word) -> Context | None:
        """Return a context that leads to this one or to others like it, if there is one."""
        carries = self._carries(carry, word)
        for i in range(1, len(word)):
            leaf = (carries[i], word[i:-1])
            if leaf in self.leaves:
                return leaf
        return None

    def table(self) -> ContextTable:
        """Return the tables of all contexts."""
        start, lowest, symbols = self.form.start, self.form.lowest, range(len(self._weights))
        prefixes, starts = self._from_the_start()
        contexts = tuple(self.leaves)
        short = {word: i for i, word in enumerate(prefixes)}
        place = {leaf: len(prefixes) + i for i, leaf in enumerate(contexts)}

        def following(carry: int, word: Word) -> int:
            leaf = self._find(carry, word)
            return short[word] if leaf is None else place[leaf]

        every = [(start, word) for word in prefixes] + list(contexts)
        names = [("start", word) for word in prefixes]
        names += [(f"carry {carry + lowest}", word) for carry, word in contexts]
        return ContextTable(
            tuple(" ".join([name, *map(str, word)]) for name, word in names),
            contexts,
            np.array([self._carries(carry, word)[-1] for carry, word in every], np.int32),
            np.array([[following(c, (*word, x)) for x in symbols] for c, word in every], np.int32),
            tuple(
                (
                    np.array(words, np.uint8),
                    np.array([following(start, word) for word in words], np.int32)
                    - np.int32(len(prefixes)),
                )
                for words in starts
            ),
        )

    def _from_the_start(self) -> tuple[list[Word], list[list[Word]]]:
        """Return words from the start that tell no context, and by length those that first do."""
        prefixes: list[Word] = []
        starts: list[list[Word]] = []
        level: list[Word] = [()]
        while level:
            prefixes += level
            words = [(*word, x) for word in level for x in range(len(self._weights))]
            told = {word: self._find(self.form.start, word) is not None for word in words}
            level = [word for word in words if not told[word]]
            if any(told.values()):
                starts.append([word for word in words if told[word]])
        return prefixes, starts


def affordable_depth(form: Form, depth: int) -> int:
    """Return how many symbols all contexts can have, at most `depth`, within `MOST_EDGES`."""
    longest = (MOST_EDGES // form.carries).bit_length() - 1  # K · 2^(n (depth + 1)) edges
    return max(min(depth, longest // len(form.coefficients) - 1), 0)


@lru_cache(maxsize=16)
def uniform(form: Form, depth: int) -> ContextTable:
    """Return the table of all contexts of one depth; made once."""
    return ContextTree(form, depth).table()
