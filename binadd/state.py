"""The state of training: weights, the optimizer's moments, and the position in the data.

A state is replaced, never changed: its arrays are read-only, and `advance` returns a new one. So a
call that is interrupted, at any moment, leaves the last whole state, and a thread that reads a
network while another trains it sees the weights of one update, not of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.errors import DivergenceError
from binadd.kernels.contract import Architecture, Batch, Kernels, Learner, Optimizer, Report
from binadd.parameters import initial_block

__all__ = [
    "COUNTS",
    "STATUSES",
    "State",
    "advance",
    "advance_together",
    "has_weights_of_seed",
    "initial_state",
    "state_of_block",
]


COUNTS = ("sequences", "updates", "position", "restarts")
"""Those of a state's fields that count."""

STATUSES = ("proved", "exact", "finished", "limit", "stuck")


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """Weights and all that updates depend on; R, S as in `binadd.kernels.contract`."""

    architecture: Architecture
    seed: int
    block: NDArray[Any] = field(repr=False)
    """The weights (R, S)."""
    moments: NDArray[Any] = field(repr=False)
    """The optimizer's moments (2, R, S)."""
    powers: NDArray[Any]
    """Adam's β₁ᵗ and β₂ᵗ (2,)."""
    optimizer: str | None = None
    """The name of the optimizer that the moments belong to."""
    sequences: int = 0
    updates: int = 0
    position: int = 0
    """Words of the seed's data stream that have been used."""
    restarts: int = 0
    """Restarts of training, each from the next weights of the seed."""
    from_seed: bool = False
    """Whether training began with weights of the seed: only these may be replaced by its next."""
    bits: int | None = None
    """The length of the operands that `binadd.train` last trained on."""
    status: str | None = None
    """How `binadd.train` ended, one of `STATUSES`; None as soon as there is another update."""

    def __post_init__(self) -> None:
        for array in (self.block, self.moments, self.powers):
            if isinstance(array, np.ndarray):  # whatever else it is, the network refuses
                array.flags.writeable = False

    def learner(self, optimizer: str) -> Learner:
        """Return copies for the kernels to update."""
        return Learner(self.architecture, *(array.copy() for array in self.memory(optimizer)))

    def memory(self, optimizer: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return block, moments and powers; moments of another optimizer are dropped."""
        if self.optimizer in (None, optimizer):
            return self.block, self.moments, self.powers
        return self.block, np.zeros_like(self.moments), np.ones_like(self.powers)

    def after(
        self, learner: Learner, optimizer: str, count: int, updates: int, words: int
    ) -> State:
        """Return the state after updates on `count` sequences, made of `words` of the data.

        Raises
        ------
        DivergenceError
            If a weight became infinite or NaN.
        """
        if not np.isfinite(learner.block).all():
            raise DivergenceError(
                f"training diverged between sequences {self.sequences} and "
                f"{self.sequences + count}: a weight became infinite or NaN; "
                "a lower learning_rate or clip_norm may help"
            )
        return replace(
            self,
            block=learner.block,
            moments=learner.moments,
            powers=learner.powers,
            optimizer=optimizer,
            sequences=self.sequences + count,
            updates=self.updates + updates,
            position=self.position + words,
            status=None,
        )


def state_of_block(
    architecture: Architecture, block: NDArray[Any], seed: int, **known: Any
) -> State:
    """Return the state of weights of which nothing but this is known."""
    dtype = architecture.dtype
    moments, powers = np.zeros((2, *block.shape), dtype), np.ones(2, dtype)
    return State(architecture, seed, block, moments, powers, **known)


def initial_state(architecture: Architecture, seed: int, restarts: int = 0) -> State:
    """Return the state that training of this seed begins with, or with which it is restarted."""
    block = initial_block(architecture, seed, restarts)
    return state_of_block(architecture, block, seed, restarts=restarts, from_seed=True)


def has_weights_of_seed(state: State) -> bool:
    """Whether the weights are those that the seed begins with."""
    return np.array_equal(state.block, initial_block(state.architecture, state.seed, 0))


def advance(
    kernels: Kernels,
    state: State,
    batch: Batch,
    optimizer: Optimizer,
    *,
    loss: str,
    batch_size: int = 1,
    words: int = 0,
    noise: NDArray[Any] | None = None,
    report: Report | None = None,
) -> State:
    """Return the state after training on sequences (N, T), one update for each batch of them.

    What is left over of N makes a last, smaller batch. `words` is how much of the data stream the
    sequences took; noise and report are as for the kernels.

    Raises
    ------
    DivergenceError
        If a weight became infinite or NaN.
    """
    learner = state.learner(optimizer.name)
    count = len(batch.symbols)
    for part, done in _calls(count, batch_size):
        kernels.train(
            learner,
            Batch(batch.symbols[part], batch.targets[part]),
            optimizer,
            loss=loss,
            batch_size=min(batch_size, part.stop - part.start),
            noise=None if noise is None else noise[done],
            report=report and Report(report.losses[done], report.wrong_bits[done]),
        )
    return state.after(learner, optimizer.name, count, -(-count // batch_size), words)


def _calls(count: int, batch_size: int) -> Iterator[tuple[slice, slice]]:
    """Yield the sequences and the updates of each call: all whole batches, then what is left."""
    whole = count // batch_size
    if whole:
        yield slice(0, whole * batch_size), slice(0, whole)
    if whole * batch_size < count:
        yield slice(whole * batch_size, count), slice(whole, whole + 1)


def advance_together(
    kernels: Kernels,
    states: Sequence[State],
    batch: Batch,
    optimizers: Sequence[Optimizer],
    *,
    loss: str,
    words: int,
) -> list[State | DivergenceError]:
    """Return what `advance` would, or raise, for each of K networks, from one call of the kernels.

    Sequences are (K, N, T), one update for each; optimizers may differ in their rate only.
    """
    architecture, name = states[0].architecture, optimizers[0].name
    memories = zip(*(state.memory(name) for state in states), strict=True)
    together = Learner(architecture, *map(np.array, memories))
    rates = np.array([optimizer.learning_rate for optimizer in optimizers], architecture.dtype)
    kernels.train_population(together, batch, optimizers[0], loss=loss, learning_rates=rates)
    count = batch.symbols.shape[1]
    results: list[State | DivergenceError] = []
    for k, state in enumerate(states):
        learner = Learner(architecture, together.block[k], together.moments[k], together.powers[k])
        try:
            results.append(state.after(learner, name, count, count, words))
        except DivergenceError as error:
            results.append(error)
    return results
