"""`train`: draw sums, update, check whether the network is right, until it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from binadd.checks import check_instance, check_integer, check_progress, check_real
from binadd.model import BinaryAdderRNN
from binadd.state import Report
from binadd.training.checkpoint import CheckpointWriter, load_checkpoint
from binadd.training.course import Course, TrainingRun
from binadd.training.schedule import FIRST_CHECK, Goal, check_goal

__all__ = ["Progress", "TrainingRun", "resume", "train"]

MAX_SEQUENCES = 1_000_000

FIRST_SLICE = 64
"""Updates of the first slice, of which it is not known how long they take, if they are watched."""
SLICE_SECONDS = 0.1
"""Training runs in slices of about this time, so that Ctrl-C and progress need not wait."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: what `train` calls its `progress` with after every slice.

    Attributes
    ----------
    sequences, updates : int
        All that the network has been trained on so far.
    seconds : float
        Since the run began.
    loss : float
        Mean over the slice's updates.
    bit_accuracy : float
        Share of the slice's bits that were right before their update.
    learning_rate : float
    restarts : int
        How often the network started again with other weights.
    failed_proofs : int
        Since it last began.
    saturating : bool
        Whether the run is in its last phase: see `binadd.training.saturation`.
    """

    sequences: int
    updates: int
    seconds: float
    loss: float
    bit_accuracy: float
    learning_rate: float
    restarts: int
    failed_proofs: int
    saturating: bool


def train(
    net: BinaryAdderRNN,
    bits: int | None = None,
    *,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    progress: Callable[[Progress], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    checkpoint_seconds: float = 10.0,
) -> TrainingRun:
    """Train a network on sums drawn from its seed, until it is right.

    It continues from where the network is. It draws sequences of `bits` random bits for each
    operand (how: see `binadd.training.data`); bits of the true sum beyond them are not asked for
    in training, but are in the check. If a proof is wanted and the first one fails, a last phase
    begins, with a loss, rates and longer sequences of its own: see `binadd.training.saturation`.
    A network that is still not right after 16,384 updates, or a quarter of those before the call
    if that is more, starts again with the next weights of its seed, whatever its first ones were;
    a number as the goal, or a `max_sequences` below that, prevents it.

    Parameters
    ----------
    net : BinaryAdderRNN
        Changed as training goes on.
    bits : int, optional
        Length of the operands drawn; by default 8, or with three or more operands 32, or as many
        as can be checked until "exact". 1 or 2 bits show too little of the carry to learn it from.
    until : {"proved", "exact"} or int, default "proved"
        Until it is proved that the network adds numbers of every length; until every sum of
        `bits`-bit operands is right, its last carry included; or until the network has been
        trained on this many sequences in all, in whole batches.
    max_sequences : int, default 1,000,000
        Give up when the network has been trained on so many in all, in whole batches, and is not
        proved or exact yet. That is not an error: the run's status says so.
    progress : callable, optional
        Called with a `Progress` after every slice of training, at least every 0.1 s or so.
    checkpoint : path, optional
        Where to write checkpoints, from which `resume` continues: at the start, at the end however
        it comes about (Ctrl-C too), and in between. A file of this name is replaced.
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
        At Ctrl-C; the network is then as the last slice left it, and can be trained further.

    Examples
    --------
    >>> import binadd
    >>> net = binadd.BinaryAdderRNN(seed=1)
    >>> run = binadd.train(net)
    >>> run.status, net.add(200, 100)
    ('proved', 300)
    """
    check_instance("net", net, BinaryAdderRNN)
    check_progress(progress)
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
    """Continue a run from its checkpoint, to the same bits as if it had never stopped.

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
    """One call of `train`: a course in slices, with what is told and written in between."""

    def __init__(
        self,
        net: BinaryAdderRNN,
        goal: Goal,
        writer: CheckpointWriter,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self._net = net
        self._course = Course(net, goal)
        self._writer = writer
        self._progress = progress
        watched = progress is not None or writer.path is not None
        first = FIRST_SLICE if watched else FIRST_CHECK
        self._pace = first * self._course.batch_size

    def finish(self) -> TrainingRun:
        """Train until the goal or the limit is reached."""
        self._writer.write(self._net)
        try:
            while (status := self._course.look()) is None:
                self._slice()
                self._writer.write_if_due(self._net)
            return self._course.end(status)
        finally:
            self._writer.write(self._net)

    def _slice(self) -> None:
        """Train on the next sequences: up to the next check, and for no longer than a moment."""
        course, before, first = self._course, time.perf_counter(), self._net.state.sequences
        report = course.learn(self._pace)
        now, count = time.perf_counter(), self._net.state.sequences - first
        self._pace = max(course.batch_size, int(SLICE_SECONDS * count / max(now - before, 1e-9)))
        if self._progress is not None:
            self._tell(self._progress, report, now)

    def _tell(self, progress: Callable[[Progress], object], report: Report, now: float) -> None:
        state = self._net.state
        progress(
            Progress(
                state.sequences,
                state.updates,
                now - self._course.start,
                report.loss,
                report.bit_accuracy,
                self._course.optimizer().learning_rate,
                state.restarts,
                state.failed_proofs,
                self._course.saturating,
            )
        )
