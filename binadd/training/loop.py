"""`train`: draw sums, update, look whether the network is right, until it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.bits import integer_of, unpack_symbols
from binadd.checks import check_integer, check_real
from binadd.model import BinaryAdderRNN
from binadd.state import Report, advance
from binadd.training.checkpoint import CheckpointWriter, load_checkpoint
from binadd.training.data import DataStream
from binadd.training.schedule import (
    CHECK_UPDATES,
    Goal,
    after_check,
    after_failed_proof,
    check_goal,
    proof_effort,
    rate_factor,
)

__all__ = ["Progress", "TrainingRun", "resume", "train"]

MAX_SEQUENCES = 1_000_000

SLICE_SECONDS = 0.1
"""Training goes in slices of about this time, so that Ctrl-C and progress need not wait."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: what `train` calls its `progress` with after every slice."""

    sequences: int
    """All that the network has been trained on so far."""
    updates: int
    seconds: float
    """Since the run began."""
    loss: float
    """Mean over the slice's updates."""
    bit_accuracy: float
    """Share of the slice's bits that were right before their update."""
    learning_rate: float
    failed_proofs: int


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What came of a run.

    Attributes
    ----------
    status : {"proved", "exact", "finished", "limit"}
        Proved right for all lengths; right on every sum of `bits`-bit operands; trained on the
        number of sequences asked for; or stopped at `max_sequences` short of its goal.
    sequences, updates : int
        All that the network has been trained on, earlier runs included.
    seconds : float
        Of this run.
    bits : int
        Length of the operands it was trained on.
    wrong : tuple of int or None
        Operands of a sum that was wrong when last looked at, if any.
    verdict : Proved, Refuted, Undecided or None
        Of the last proof that was tried.
    network : BinaryAdderRNN
    """

    status: str
    sequences: int
    updates: int
    seconds: float
    bits: int
    wrong: tuple[int, ...] | None = None
    verdict: Any = field(default=None, repr=False)
    network: BinaryAdderRNN = field(kw_only=True, repr=False)

    @property
    def reached(self) -> bool:
        """Whether the run came to its goal."""
        return self.status != "limit"

    def __repr__(self) -> str:
        wrong = "" if self.wrong is None else f", wrong={self.wrong}"
        return (
            f"TrainingRun({self.status!r}, sequences={self.sequences}, updates={self.updates}, "
            f"seconds={self.seconds:.3g}, bits={self.bits}{wrong})"
        )


def train(
    net: BinaryAdderRNN,
    bits: int = 8,
    *,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    progress: Callable[[Progress], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    checkpoint_seconds: float = 10.0,
) -> TrainingRun:
    """Train a network on sums drawn from its seed, until it is right.

    It goes on from where the network is. Drawn are sequences of `bits` uniformly random bits for
    each operand; what the true sum has beyond them is not asked for in training, but is in the
    check.

    Parameters
    ----------
    net : BinaryAdderRNN
        Changed as training goes on.
    bits : int, default 8
        Length of the operands drawn. 1 or 2 bits show too little of the carry to learn it from.
    until : {"proved", "exact"} or int, default "proved"
        Until it is proved that the network adds numbers of every length; until every sum of
        `bits`-bit operands is right, its last carry included; or until the network has been
        trained on this many sequences in all, in whole batches.
    max_sequences : int, default 1,000,000
        Give up when the network has been trained on so many in all. That is no error: the run's
        status says it.
    progress : callable, optional
        Called with a `Progress` after every slice of training, at least every 0.1 s or so.
    checkpoint : path, optional
        Where to write checkpoints, from which `resume` goes on: at the start, at the end however
        it comes (Ctrl-C too), and in between. A file of this name is replaced.
    checkpoint_every : int, optional
        Sequences between two checkpoints.
    checkpoint_seconds : float, default 10
        Seconds between two checkpoints.

    Returns
    -------
    TrainingRun

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an argument is of the wrong type or not allowed.
    DivergenceError
        If a weight became infinite or NaN; the network keeps the weights before that.
    OSError
        If a checkpoint cannot be written.
    KeyboardInterrupt
        At Ctrl-C; the network is then as the last slice left it, and can be trained on.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> run.status, net.add(200, 100)
    ('proved', 300)
    """
    goal = check_goal(net.settings.operands, bits, until, max_sequences)
    if checkpoint_every is not None:
        checkpoint_every = check_integer("checkpoint_every", checkpoint_every, 1)
    seconds = check_real("checkpoint_seconds", checkpoint_seconds)
    writer = CheckpointWriter(checkpoint, goal, checkpoint_every, seconds)
    return _Run(net, goal, writer, progress).finish()


def resume(
    checkpoint: str | os.PathLike[str],
    *,
    backend: str = "auto",
    until: str | int | None = None,
    max_sequences: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    checkpoint_every: int | None = None,
    checkpoint_seconds: float = 10.0,
) -> TrainingRun:
    """Go on with a run from its checkpoint, to the same bits as if it had never stopped.

    Parameters
    ----------
    checkpoint : path
        Read first, and then written to as `train` does.
    backend : {"auto", "native", "python"}
        Need not be that of the run so far.
    until, max_sequences
        As for `train`; by default those of the run so far.
    progress, checkpoint_every, checkpoint_seconds
        As for `train`.

    Returns
    -------
    TrainingRun
        Its `network` is the network.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be read.
    InvalidTypeError, InvalidInputError, BackendError, DivergenceError, OSError
        As `train`.
    """
    net, goal = load_checkpoint(checkpoint, backend)
    return train(
        net,
        goal.bits,
        until=goal.until if until is None else until,
        max_sequences=goal.max_sequences if max_sequences is None else max_sequences,
        progress=progress,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        checkpoint_seconds=checkpoint_seconds,
    )


class _Run:
    """One call of `train`. The network's state is the run's: whatever is here can be lost."""

    def __init__(
        self,
        net: BinaryAdderRNN,
        goal: Goal,
        writer: CheckpointWriter,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self._net = net
        self._goal = goal
        self._writer = writer
        self._progress = progress
        self._batch_size = net.settings.batch_size
        self._data = DataStream(net.kernels, net.state, goal.bits, self._batch_size)
        self._pace = CHECK_UPDATES * self._batch_size
        self._wrong: NDArray[np.uint8] | None = None
        self._verdict: Any = None
        self._start = time.perf_counter()

    def finish(self) -> TrainingRun:
        """Train until the goal or the limit is reached."""
        net = self._net
        net.state = replace(net.state, bits=self._goal.bits)
        self._writer.write(net)
        try:
            while (status := self._status()) is None:
                self._slice()
                self._writer.write_if_due(net)
            net.state = replace(net.state, status=status)
        finally:
            self._writer.write(net)
        return TrainingRun(
            status,
            net.state.sequences,
            net.state.updates,
            time.perf_counter() - self._start,
            self._goal.bits,
            self._wrong_operands(),
            self._verdict,
            network=net,
        )

    def _slice(self) -> None:
        """Train on the next sequences: up to the next check, and for no longer than a moment."""
        net, before = self._net, time.perf_counter()
        state, settings = net.state, net.settings
        optimizer = settings.update_rule
        if self._goal.until == "proved":
            rate = optimizer.learning_rate * rate_factor(state)
            optimizer = replace(optimizer, learning_rate=rate)
        end = self._goal.sequences
        if isinstance(self._goal.until, str):
            end = min(end, state.next_check)
        symbols, targets = self._data.take(
            min(self._pace, max(end - state.sequences + self._batch_size - 1, 0))
        )
        net.state, report = advance(
            net.kernels,
            state,
            symbols,
            targets,
            loss=settings.loss,
            optimizer=optimizer,
            batch_size=self._batch_size,
            words=len(symbols) * self._data.words,
        )
        now = time.perf_counter()
        self._pace = max(
            self._batch_size, int(SLICE_SECONDS * len(symbols) / max(now - before, 1e-9))
        )
        if self._progress is not None:
            self._tell(self._progress, report, optimizer.learning_rate, now)

    def _tell(
        self, progress: Callable[[Progress], object], report: Report, rate: float, now: float
    ) -> None:
        state = self._net.state
        progress(
            Progress(
                state.sequences,
                state.updates,
                now - self._start,
                report.loss,
                report.bit_accuracy,
                rate,
                state.failed_proofs,
            )
        )

    def _status(self) -> str | None:
        """Return how the run ends, None while it goes on."""
        state, until = self._net.state, self._goal.until
        at_end = state.sequences >= self._goal.sequences
        if isinstance(until, str) and (at_end or state.sequences >= state.next_check):
            if not self._is_exact():
                self._net.state = after_check(state, self._batch_size)
            elif until == "exact":
                return "exact"
            elif state.sequences >= state.next_proof:
                if self._is_proved():
                    return "proved"
                self._net.state = after_failed_proof(state, self._batch_size)
            else:
                self._net.state = after_check(state, self._batch_size)
        if not at_end:
            return None
        return "finished" if isinstance(until, int) else "limit"

    def _is_exact(self) -> bool:
        """Whether every sum is right; what was wrong the last time is looked at first."""
        state = self._net.state
        architecture, kernels = state.architecture, self._net.kernels
        if self._wrong is not None:
            logits = kernels.forward(architecture, state.block, self._wrong).logits
            sums = kernels.exact_sums(self._wrong, architecture.operands)
            if bool(logits[0, -1] > 0) != bool(sums[0, -1]):
                return False
        bits = self._goal.checked_bits(architecture.operands)
        error = kernels.first_error(architecture, state.block, bits)
        self._wrong = None if error is None else np.array([error[1]], np.uint8)
        return error is None

    def _is_proved(self) -> bool:
        """Whether a proof succeeds; its verdict is kept."""
        from binadd.proof import prove  # no run but one until "proved" need load it

        self._verdict = prove(self._net, effort=proof_effort(self._net.state))
        return bool(self._verdict.status == "proved")

    def _wrong_operands(self) -> tuple[int, ...] | None:
        if self._wrong is None:
            return None
        bits = unpack_symbols(self._wrong[0], self._net.settings.operands)
        return tuple(integer_of(operand) for operand in bits.T)
