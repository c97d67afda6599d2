"""What training continues from: weights, the optimizer's moments, and how far the data was read.

A state is replaced, never changed: its arrays are read-only, and `advance` returns a new one. So a
call that is interrupted, at any moment, leaves the last whole state, and a thread that reads a
network while another trains it sees the weights of one update, not of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from binadd.errors import DivergenceError
from binadd.kernels.contract import Architecture, Kernels, Optimizer
from binadd.parameters import initial_block

__all__ = ["COUNTS", "STATUSES", "Report", "State", "advance", "initial_state", "state_of_block"]


COUNTS = (
    "sequences",
    "updates",
    "position",
    "restarts",
    "next_check",
    "failed_proofs",
    "next_proof",
)
"""Those of a state's fields that count."""

STATUSES = ("proved", "exact", "finished", "limit")


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """Everything that decides how training goes on; R, S as in `binadd.kernels.contract`."""

    architecture: Architecture
    seed: int
    block: NDArray[Any] = field(repr=False)
    """The weights (R, S)."""
    moments: NDArray[Any] = field(repr=False)
    """The optimizer's moments (2, R, S)."""
    powers: NDArray[Any]
    """Adam's β₁ᵗ and β₂ᵗ (2,)."""
    rule: str | None = None
    """The update rule that the moments belong to."""
    sequences: int = 0
    updates: int = 0
    position: int = 0
    """How many words of the seed's data stream have been used."""
    restarts: int = 0
    """How often training started again, from the next weights of the seed."""
    start: int | None = None
    """The count of sequences at which it last began, a call of `binadd.train` or a restart; None
    when such a call has ended."""
    next_check: int = 0
    """The count of sequences at which it is due to be checked whether every sum is right."""
    failed_proofs: int = 0
    """Since it was last restarted."""
    next_proof: int = 0
    """The count of sequences before which no further proof is tried."""
    bits: int | None = None
    """The length of the operands that `binadd.train` last trained on."""
    status: str | None = None
    """How `binadd.train` ended, one of `STATUSES`; None as soon as there is another update."""

    def __post_init__(self) -> None:
        for array in (self.block, self.moments, self.powers):
            if isinstance(array, np.ndarray):  # whatever else it is, the network refuses
                array.flags.writeable = False


class Report(NamedTuple):
    """How the sequences of one call went, each before its update."""

    loss: float
    """Mean over the updates of the batch's loss, itself summed over the steps."""
    bit_accuracy: float


def state_of_block(architecture: Architecture, block: NDArray[Any], seed: int) -> State:
    """Return the state of weights that nothing is known of but their values."""
    dtype = architecture.dtype
    moments, powers = np.zeros((2, *block.shape), dtype), np.ones(2, dtype)
    return State(architecture, seed, block, moments, powers)


def initial_state(architecture: Architecture, seed: int, restarts: int = 0) -> State:
    """Return the state that training of this seed begins with, or with which it is restarted."""
    block = initial_block(architecture, seed, restarts)
    return replace(state_of_block(architecture, block, seed), restarts=restarts)


def advance(
    kernels: Kernels,
    state: State,
    symbols: NDArray[np.uint8],
    targets: NDArray[np.uint8],
    *,
    loss: str,
    optimizer: Optimizer,
    batch_size: int,
    words: int = 0,
    noise: NDArray[Any] | None = None,
) -> tuple[State, Report]:
    """Return the state after training on sequences (N, T), one update for each batch of them.

    What is left over of N makes a last, smaller batch. Moments of another update rule than the
    optimizer's are dropped. `words` is how much of the data stream the sequences took. Noise
    (updates, R, S) is on the weights while the gradient of each update is computed.

    Raises
    ------
    DivergenceError
        If a weight became infinite or NaN.
    """
    block, moments, powers = state.block.copy(), state.moments.copy(), state.powers.copy()
    if state.rule not in (None, optimizer.rule):
        moments[...], powers[...] = 0, 1
    count, steps = symbols.shape
    updates = -(-count // batch_size)
    losses = np.empty(updates, block.dtype)
    wrong_bits = np.empty(updates, np.int64)
    for part, done in _calls(count, batch_size):
        kernels.train(
            state.architecture,
            block,
            moments,
            powers,
            symbols[part],
            targets[part],
            loss=loss,
            optimizer=optimizer,
            batch_size=min(batch_size, part.stop - part.start),
            noise=None if noise is None else noise[done],
            losses=losses[done],
            wrong_bits=wrong_bits[done],
        )
    if not np.isfinite(block).all():
        raise DivergenceError(
            f"training diverged between sequences {state.sequences} and "
            f"{state.sequences + count}: a weight became infinite or NaN; "
            "a lower learning_rate or clip_norm may help"
        )
    report = Report(float(losses.mean()), 1 - int(wrong_bits.sum()) / (count * steps))
    after = replace(
        state,
        block=block,
        moments=moments,
        powers=powers,
        rule=optimizer.rule,
        sequences=state.sequences + count,
        updates=state.updates + updates,
        position=state.position + words,
        status=None,
    )
    return after, report


def _calls(count: int, batch_size: int) -> Iterator[tuple[slice, slice]]:
    """Yield the sequences and the updates of each call: all whole batches, then what is left."""
    whole = count // batch_size
    if whole:
        yield slice(0, whole * batch_size), slice(0, whole)
    if whole * batch_size < count:
        yield slice(whole * batch_size, count), slice(whole, whole + 1)
