"""Contexts: what a short history tells about where true addition and the network are.

A context of depth k is (the carry before the window, the last k symbols). With n operands, X = 2ⁿ
symbols, there are n·Xᵏ of them; a step with symbol x moves the window on. A network that has learnt
to add forgets what lies further back, so that the states of one context lie close together.

The carry is the one *before* the window: the one after it would merge histories that the network
still tells apart.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from binadd.proof.certificate import HULL, Reals, inside

__all__ = ["Contexts", "contexts"]

Integers = NDArray[np.int64]


class Contexts:
    """The graph of contexts of n operands and depth k, N = n·Xᵏ of them.

    Context q is read as digits: the carry before the window first, then the symbols, the latest
    last.

    Attributes
    ----------
    carries : ndarray (N,)
        The carry after the window.
    successors : ndarray (N, X)
    signs : ndarray (N, X)
        ±1.0: the side of 0 on which the logit must be after each symbol.
    order : ndarray (N·X,)
        The edges (q, x), as q·X + x, sorted by the context they lead to.
    first : ndarray (N,)
        Where each context's edges begin in that order: every context has some.
    """

    def __init__(self, operands: int, depth: int) -> None:
        self.operands, self.depth = operands, depth
        self.symbols = 1 << operands
        ones = np.array([symbol.bit_count() for symbol in range(self.symbols)])
        count = operands * self.symbols**depth
        q = np.arange(count)
        window = [q // self.symbols**j % self.symbols for j in reversed(range(depth))]
        carry = q // self.symbols**depth
        after_first = carry
        for j, symbol in enumerate(window):
            carry = (carry + ones[symbol]) // 2
            after_first = carry if j == 0 else after_first
        self.carries: Integers = carry
        totals = carry[:, None] + ones
        self.signs = np.where(totals % 2 == 1, 1.0, -1.0)
        if depth:
            moved = after_first * self.symbols**depth + q % self.symbols ** (depth - 1) * self.symbols
            self.successors: Integers = moved[:, None] + np.arange(self.symbols)
        else:
            self.successors = totals // 2
        flat = self.successors.reshape(-1)
        self.order: Integers = np.argsort(flat, kind="stable")
        self.first: Integers = np.searchsorted(flat[self.order], q)

    def __len__(self) -> int:
        """Return N."""
        return len(self.carries)

    def merge(self, extreme: np.ufunc, edges: Reals) -> Reals:
        """Reduce values (N, X, H) of the edges to (N, H), by the context they lead to."""
        sorted_edges = edges.reshape(-1, edges.shape[-1])[self.order]
        return extreme.reduceat(sorted_edges, self.first, axis=0)  # type: ignore[no-any-return]

    def histories(self) -> tuple[str, ...]:
        """Name the contexts: the carry, then the symbols, as "1:03"."""
        words = np.ndindex(*(self.symbols,) * self.depth)
        names = [" ".join(map(str, word)) for word in words]
        return tuple(f"{carry}:{name}" for carry in range(self.operands) for name in names)

    def start_plan(self, ends: list[list[int]] | None = None) -> tuple[int, ...]:
        """The plan of the initial state, set 0: steps until the window is full.

        `ends` says how each word goes on from there; by default it is inside its context's set,
        q + 1 for context q.
        """
        if ends is None:
            filled = self.successors[0] if self.depth == 0 else range(self.symbols**self.depth)
            ends = [[inside(int(q) + 1)] for q in filled]
        while len(ends) > 1:
            ends = [
                [HULL, *chain.from_iterable(ends[i : i + self.symbols])]
                for i in range(0, len(ends), self.symbols)
            ]
        return tuple(ends[0])


@lru_cache(maxsize=16)
def contexts(operands: int, depth: int) -> Contexts:
    """Return the graph of contexts, made once."""
    return Contexts(operands, depth)
