"""Contexts: what the last input words tell about where true addition and the network are.

A context is (the carry before a few symbols, these symbols). A network that has learnt to add
forgets what lies further back, so the states that share a context lie close together, the closer
the more symbols it has (a context tree, after J. Rissanen, "A universal data compression system",
1983, https://doi.org/10.1109/TIT.1983.1056741; here all its leaves are equally deep).

The carry is the one *before* the symbols: the one after them would merge contexts that the network
still tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeAlias

import numpy as np

from binadd.form import Form
from binadd.kernels.contract import Bytes, Contexts, Indices, Reals

__all__ = ["Context", "ContextTable", "affordable_depth", "last_symbols", "uniform"]

Word: TypeAlias = tuple[int, ...]
Context: TypeAlias = tuple[int, Word]
"""The carry before the symbols, counted from the lowest; the symbols, the oldest first."""

MOST_EDGES = 1 << 15
"""The most pairs of a context and a symbol."""


@dataclass(frozen=True, eq=False)
class ContextTable:
    """Contexts and how symbols lead from one to the next.

    First come the P prefixes, words from the start that are too short to tell a context, the empty
    one before all; then K contexts.
    """

    names: tuple[str, ...]
    contexts: tuple[Context, ...]  # K of them
    carries: Indices  # (P + K,): counted from the lowest
    successors: Indices  # (P + K, 2ⁿ)
    starts: Bytes  # (M, T): words from the start after which a context is first known
    known: Indices  # (M,): which of the K contexts that is

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
        """Return what kernels take: prefixes without a set before the contexts (K).

        The axes and bases are those of all contexts (K, H, S) or of none. Owners (C,) are of cells
        whose boxes kernels are to write.
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


def affordable_depth(form: Form, depth: int) -> int:
    """Return how many symbols all contexts can have, at most `depth`, within `MOST_EDGES`."""
    longest = (MOST_EDGES // form.carries).bit_length() - 1  # K · 2^(n (depth + 1)) edges
    return max(min(depth, longest // len(form.coefficients) - 1), 0)


@lru_cache(maxsize=16)
def uniform(form: Form, depth: int) -> ContextTable:
    """Return the table of all contexts of one depth; made once."""
    symbols, longest = range(len(form.weights)), max(depth, 1)
    contexts: list[Context] = [(carry, ()) for carry in range(form.carries)]
    for _ in range(depth):
        contexts = [
            (before, (symbol, *word))
            for carry, word in contexts
            for symbol in symbols
            for before in range(form.carries)
            if _carry_after(form, before, (symbol,)) == carry
        ]
    prefixes = [word for length in range(longest) for word in product(symbols, repeat=length)]
    starts = list(product(symbols, repeat=longest))
    short = {word: i for i, word in enumerate(prefixes)}
    place = {context: len(prefixes) + i for i, context in enumerate(contexts)}

    def following(carry: int, word: Word) -> int:
        if len(word) < longest:
            return short[word]
        return place[last_symbols(form, depth, carry, word)]

    every = [(form.start, word) for word in prefixes] + contexts
    names = [("start", word) for word in prefixes]
    names += [(f"carry {carry + form.lowest}", word) for carry, word in contexts]
    return ContextTable(
        tuple(" ".join([name, *map(str, word)]) for name, word in names),
        tuple(contexts),
        np.array([_carry_after(form, carry, word) for carry, word in every], np.int32),
        np.array([[following(c, (*word, x)) for x in symbols] for c, word in every], np.int32),
        np.array(starts, np.uint8),
        np.array([following(form.start, w) - len(prefixes) for w in starts], np.int32),
    )


def last_symbols(form: Form, depth: int, carry: int, word: Word) -> Context:
    """Return the context of the last symbols of a word, before which there was a carry."""
    early = len(word) - depth
    return _carry_after(form, carry, word[:early]), word[early:]


def _carry_after(form: Form, carry: int, word: Word) -> int:
    for symbol in word:
        carry = (carry + int(form.weights[symbol])) >> 1
    return carry
