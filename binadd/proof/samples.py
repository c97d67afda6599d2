"""States that a network is in after any context: where sets begin.

Nothing that is proved depends on them, but which proof is found does: so they are run by kernels
from words of a fixed stream, and are the same on every machine.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from binadd.form import Form
from binadd.kernels.contract import Bytes, Indices, Reals, Samples
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable
from binadd.random_streams import data_stream

__all__ = ["Sampler"]

STEPS = 16


@lru_cache(maxsize=8)
def _sample_words(form: Form, samples: int) -> tuple[Bytes, Indices]:
    """Return random words (N, T), and which `samples` of them end with each carry, −1 if none.

    The later ones are more and more given to repeating a symbol, hence to long carries.
    """
    count, symbol_count = samples * form.carries, len(form.weights)
    drawn = data_stream(0).random_raw(count * STEPS).reshape(count, STEPS)
    symbols = (drawn & np.uint64(symbol_count - 1)).astype(np.uint8)
    repeats = drawn >> np.uint64(11) < np.linspace(0, 0.95 * 2**53, count)[:, None]
    for t in range(1, STEPS):
        symbols[:, t] = np.where(repeats[:, t], symbols[:, t - 1], symbols[:, t])
    carries = form.totals(symbols)[:, -1] >> 1
    pools = np.full((form.carries, samples), -1, np.int32)
    for carry, pool in enumerate(pools):
        ending = np.flatnonzero(carries == carry)
        if len(ending):
            pool[:] = np.resize(ending, samples)
    return symbols, pools


@lru_cache(maxsize=8)
def _words_of(table: ContextTable, form: Form, samples: int) -> Samples:
    """Return how states are sampled in contexts."""
    carries, words = zip(*table.contexts, strict=True)
    return Samples(
        *_sample_words(form, samples), np.array(carries, np.int32), np.array(words, np.uint8)
    )


class Sampler:
    """States after contexts, by running the network from states sampled for each carry."""

    def __init__(self, bounds: Bounds, samples: int = 128) -> None:
        self._bounds, self._samples = bounds, samples
        self._states: dict[ContextTable, Reals] = {}

    @cached_property
    def _pools(self) -> Reals:
        """The states (carries, samples, H) that others begin with."""
        symbols, pools = _sample_words(self._bounds.form, self._samples)
        return np.where(pools[:, :, None] >= 0, self.after(symbols)[pools], 0.0)

    def words(self, table: ContextTable) -> Samples:
        """Return how kernels sample states in contexts."""
        return _words_of(table, self._bounds.form, self._samples)

    def after(self, words: NDArray[np.uint8], states: Reals | None = None) -> Reals:
        """Return the states (N, H) after words (N, T)."""
        bounds = self._bounds
        run = bounds.kernels.forward(bounds.architecture, bounds.block, words, states)
        return np.asarray(run.final_state, np.float64)

    def starts(self, table: ContextTable, later: int = 0) -> tuple[NDArray[np.int32], Reals]:
        """Return the states (m, H) after words from the start, and the contexts they are in (m,).

        The words are those after which a context is first known, and all symbols `later` ones.
        """
        alphabet = np.arange(table.successors.shape[1], dtype=np.uint8)
        words, owners = table.starts, table.known
        for _ in range(later):
            owners = table.successors[table.prefixes + owners].reshape(-1) - table.prefixes
            added = np.tile(alphabet, len(words))
            words = np.column_stack([np.repeat(words, len(alphabet), axis=0), added])
        return owners, self.after(np.ascontiguousarray(words))

    def states(self, table: ContextTable) -> Reals:
        """Return states (K, samples, H) after contexts; they are kept, some 90 MiB at most."""
        if table not in self._states:
            sampled = self.words(table)
            states = self._pools[sampled.carries]
            if sampled.words.shape[1]:
                words = np.repeat(sampled.words, self._samples, axis=0)
                states = self.after(words, states.reshape(len(words), -1)).reshape(states.shape)
            self._states[table] = states
        return self._states[table]
