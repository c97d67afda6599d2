"""Histories: what the past of a word tells about where true addition and the network are.

A history is (the carry before a window, the symbols in the window). A network that has learnt to
add forgets what lies further back, so the states that share a history lie close together, the
closer the longer it is. Some words are forgotten slowly, as long carries are, so windows are
longer where that is needed: histories are the leaves of a tree that looks back symbol by symbol.

The carry is the one *before* the window: the one after it would merge histories that the network
still tells apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.bits import every_symbol, popcounts
from binadd.proof.certificate import Reals

__all__ = [
    "MOST_EDGES",
    "Graph",
    "Histories",
    "History",
    "Integers",
    "affordable_depth",
    "uniform",
]

Integers: TypeAlias = NDArray[np.int64]

MOST_EDGES = 1 << 15
"""Histories times symbols: more would take seconds to tabulate alone."""


class History(NamedTuple):
    """A carry and what followed, the latest symbol first."""

    carry: int
    """After the window."""
    window: tuple[tuple[int, int], ...] = ()
    """(symbol, carry before it), going back in time."""

    @property
    def first_carry(self) -> int:
        """The carry before the window."""
        return self.window[-1][1] if self.window else self.carry

    @property
    def word(self) -> tuple[int, ...]:
        """The symbols in their order."""
        return tuple(symbol for symbol, _ in reversed(self.window))

    def __str__(self) -> str:
        return f"{self.first_carry}:{' '.join(map(str, self.word))}"

    def then(self, symbol: int) -> History:
        """What is known after a further symbol."""
        carry = (self.carry + symbol.bit_count()) // 2
        return History(carry, ((symbol, self.carry), *self.window))

    def back(self, length: int) -> History:
        """The same, looking back no further than so many symbols."""
        return History(self.carry, self.window[:length])

    def extensions(self, operands: int) -> list[History]:
        """The ways to look back one symbol more."""
        return [
            History(self.carry, (*self.window, (symbol, carry)))
            for carry in range(operands)
            for symbol in range(1 << operands)
            if (carry + symbol.bit_count()) // 2 == self.first_carry
        ]


@dataclass(frozen=True, eq=False)
class Graph:
    """N histories and how the X symbols lead from one to the next.

    Attributes
    ----------
    histories : tuple of History
    carries : ndarray (N,)
    successors : ndarray (N, X)
    signs : ndarray (N, X)
        ±1.0: the side of 0 on which the logit must be after each symbol.
    start : tuple of ndarray (M, X)
        The words from the initial state, level by level, until a history is known. An entry is
        the number of the word in the next level, or −1 − q when it has history q.
    """

    histories: tuple[History, ...]
    carries: Integers
    successors: Integers
    signs: Reals
    start: tuple[Integers, ...]

    def __len__(self) -> int:
        """Return N."""
        return len(self.histories)

    @property
    def symbols(self) -> int:
        """Return X."""
        return int(self.successors.shape[1])

    @cached_property
    def _edges(self) -> tuple[Integers, Integers]:
        """The edges sorted by the history they lead to, and where each one's begin."""
        ends = self.successors.reshape(-1)
        order = np.argsort(ends, kind="stable")
        return order, np.searchsorted(ends[order], np.arange(len(self)))

    def merge(self, extreme: np.ufunc, edges: Reals) -> Reals:
        """Reduce values (N, X, H) of the edges to (N, H), by the history they lead to."""
        order, first = self._edges
        rows = edges.reshape(-1, edges.shape[-1])[order]
        merged: Reals = extreme.reduceat(rows, first, axis=0)
        return merged


class Histories:
    """A tree of histories whose leaves always know what the next leaf is."""

    def __init__(self, operands: int, depth: int = 0) -> None:
        self.operands = operands
        self.leaves = {History(carry): None for carry in range(operands)}  # an ordered set
        for _ in range(depth):
            for leaf in list(self.leaves):
                self._split(leaf)

    def _split(self, leaf: History) -> None:
        del self.leaves[leaf]
        self.leaves.update(dict.fromkeys(leaf.extensions(self.operands)))

    def find(self, history: History) -> History | None:
        """The leaf that a history belongs to; None if it looks back too short a while."""
        for length in range(len(history.window) + 1):
            leaf = history.back(length)
            if leaf in self.leaves:
                return leaf
        return None

    def split(self, leaves: Iterable[History], most: float = inf) -> bool:
        """Look back further in these leaves, and wherever else the next leaf is unknown then.

        False if there come to be more than `most` leaves: the tree is then left unfinished.
        """
        pending = list(leaves)
        while pending:
            for leaf in pending:
                self._split(leaf)
                if len(self.leaves) > most:
                    return False
            pending = [leaf for leaf in self.leaves if not self._knows_next(leaf)]
        return True

    def _knows_next(self, leaf: History) -> bool:
        return all(self.find(leaf.then(x)) is not None for x in range(1 << self.operands))

    def graph(self) -> Graph:
        """The tables of the leaves."""
        histories = tuple(self.leaves)
        number = {history: q for q, history in enumerate(histories)}
        symbols = range(1 << self.operands)
        successors = [[number[self._next(h, x)] for x in symbols] for h in histories]
        carries = np.array([history.carry for history in histories])
        totals = carries[:, None] + popcounts(every_symbol(self.operands))
        return Graph(
            histories,
            carries,
            np.array(successors),
            np.where(totals % 2 == 1, 1.0, -1.0),
            tuple(self._start(number)),
        )

    def _next(self, history: History, symbol: int) -> History:
        leaf = self.find(history.then(symbol))
        assert leaf is not None
        return leaf

    def _start(self, number: dict[History, int]) -> Iterable[Integers]:
        level = [History(0)]
        while level:
            following: list[History] = []
            entries = []
            for history in level:
                for symbol in range(1 << self.operands):
                    reached = history.then(symbol)
                    leaf = self.find(reached)
                    entries.append(len(following) if leaf is None else -1 - number[leaf])
                    if leaf is None:
                        following.append(reached)
            yield np.array(entries).reshape(len(level), -1)
            level = following


def affordable_depth(operands: int, depth: int) -> int:
    """Return how far all histories can look back, at most `depth`, within `MOST_EDGES`."""
    longest = (MOST_EDGES // operands).bit_length() - 1  # operands · 2^(operands (depth + 1))
    return min(depth, longest // operands - 1)


@lru_cache(maxsize=16)
def uniform(operands: int, depth: int) -> Graph:
    """Return the graph of all histories of one depth, or of the most affordable; made once."""
    return Histories(operands, affordable_depth(operands, depth)).graph()
