"""States that a network is in after short histories: where sets begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from binadd.bits import popcounts
from binadd.proof.certificate import Reals
from binadd.proof.enclosure import Enclosure
from binadd.proof.search.histories import History, Integers
from binadd.streams import data_stream

__all__ = ["Sampler"]

SAMPLES, SAMPLED_STEPS = 128, 24  # of each carry; more samples cost less than more rounds


@lru_cache(maxsize=8)
def _sample_words(operands: int) -> tuple[NDArray[np.uint8], Integers]:
    """Random words (N, T), the later ones more and more given to repeating a symbol, hence to long
    carries; and their last carries (N,)."""
    count = SAMPLES * operands
    drawn = data_stream(0).random_raw(count * SAMPLED_STEPS).reshape(count, SAMPLED_STEPS)
    symbols = (drawn & np.uint64((1 << operands) - 1)).astype(np.uint8)
    repeats = drawn >> np.uint64(11) < np.linspace(0, 0.95 * 2**53, count)[:, None]
    carries = np.zeros(count, np.int64)
    for t in range(SAMPLED_STEPS):
        if t > 0:
            symbols[:, t] = np.where(repeats[:, t], symbols[:, t - 1], symbols[:, t])
        carries = (carries + popcounts(symbols[:, t])) // 2
    return symbols, carries


class Sampler:
    """States that a network is in after any history, by running it from sampled states."""

    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure
        symbols, carries = _sample_words(enclosure.operands)
        states = enclosure.final_states(symbols)
        pools = [np.flatnonzero(carries == carry) for carry in range(enclosure.operands)]
        size = max(1, min(SAMPLES, *map(len, pools)))
        self._pool = np.stack(
            [states[np.resize(p, size) if len(p) else [0] * size] for p in pools]
        )
        self._hulls: dict[tuple[History, ...], tuple[Reals, Reals]] = {}

    def hulls(self, histories: tuple[History, ...]) -> tuple[Reals, Reals]:
        """Bounds (N, H) of the states sampled for each history, as new arrays."""
        if histories not in self._hulls:
            self._hulls = {histories: self._bound(histories)}
        low, high = self._hulls[histories]
        return low.copy(), high.copy()

    def _bound(self, histories: tuple[History, ...]) -> tuple[Reals, Reals]:
        low = np.empty((len(histories), self._enclosure.size))
        high = np.empty_like(low)
        groups = defaultdict(list)
        for q, history in enumerate(histories):
            groups[len(history.window)].append(q)
        for group in groups.values():
            states = self.states([histories[q] for q in group])
            low[group], high[group] = states.min(1), states.max(1)
        return low, high

    def states(self, histories: Sequence[History]) -> Reals:
        """States (N, samples, H) after histories of one length."""
        enclosure = self._enclosure
        states = self._pool[[history.first_carry for history in histories]]
        for symbols in zip(*(history.word for history in histories), strict=True):
            u = enclosure.u[list(symbols)][:, None]
            states = enclosure.quick_f(states @ enclosure.W.T + u)
        return states
