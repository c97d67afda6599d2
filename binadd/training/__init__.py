"""Training on sums that binadd draws itself, until the network is right: `train` and `resume`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from binadd.checks import check_instance, check_integer
from binadd.kernels.contract import Report
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.progress import reporting
from binadd.training.checkpoint import CheckpointWriter, check_replaceable, load_run
from binadd.training.outcome import Progress, TrainingRun
from binadd.training.schedule import MAX_SEQUENCES, check_goal
from binadd.training.trainer import Run, finish

UNWATCHED = 5
"""How many times as long the first slice may be with nobody watching: it can then last until the
first check."""

__all__ = ["Progress", "TrainingRun", "follow", "resume", "train"]


@ieee_mode()
def train(
    net: BinaryAdderRNN,
    bits: int | None = None,
    *,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    restart: bool | None = None,
    progress: Callable[[Progress], object] | bool | None = None,
    progress_every: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    checkpoint_seconds: float = 10.0,
) -> TrainingRun:
    """Train a network on sums drawn from its seed, until it is right.

    It continues from where the network is. It draws sequences of `bits` random bits for each
    operand (how: see `binadd.training.data`); training ignores bits of the true sum beyond
    them, but the exactness check includes them. If the first attempt at a proof fails, the
    weight-noise phase begins, with another loss, rates and longer sequences: see
    `binadd.training.noise`.
    A network that is still not right after 16,384 updates, or a quarter of those before the call
    if that is more, starts again with the next weights of its seed, or gives up: see `restart`.

    Parameters
    ----------
    net : BinaryAdderRNN
        Changed as training goes on.
    bits : int, optional
        Length of the operands drawn; by default 8 if the carry has at most two values, as for
        sums of two operands, else 32; until "exact", at most what can be checked, 24 bits of all
        operands together. A single bit shows no carry: only a number of sequences can be trained
        on it.
    until : {"proved", "exact"} or int, default "proved"
        Until it is proved that the network adds numbers of every length; until every sum of
        `bits`-bit operands is right, its last carry included; or until the network has been
        trained on this many sequences in all, in whole batches.
    max_sequences : int, default 1,000,000
        Give up when the network has been trained on this many in all, in whole batches, and is
        not proved or exact yet. That is not an error: the run's `status` is then "limit", and its
        `advice` names what to try.
    restart : bool, optional
        Whether a network that makes no progress starts again with other weights of its seed. By
        default it does if its first weights came from its seed; others, as from
        `from_parameters`, are kept, and the status is then "stuck".
    progress : callable or True, optional
        Called with a `Progress` after every slice of training, at least every 0.1 s or so; True
        shows a line on stderr.
    progress_every : int, optional
        Train in slices of at most this many sequences, in whole batches, however long they take,
        so that `progress` reports the same on every machine. By default slices take about 0.1 s.
    checkpoint : path, optional
        Where to write checkpoints, from which `resume` continues: at the start, at the end however
        it comes about (Ctrl-C too), and in between. A checkpoint of this name is replaced if its
        run reached its goal; any other file is refused unless it is empty.
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
    goal = check_goal(net.settings.form, bits, until, max_sequences, restart)
    if checkpoint is not None:
        check_replaceable(checkpoint)
    if progress_every is not None:
        progress_every = check_integer("progress_every", progress_every, 1)
    with reporting(progress) as report:
        writer = CheckpointWriter(checkpoint, checkpoint_every, checkpoint_seconds)
        return follow(Run(net, goal, progress_every=progress_every), report, writer)


@ieee_mode()
def resume(
    checkpoint: str | os.PathLike[str],
    *,
    backend: str = "auto",
    until: str | int | None = None,
    max_sequences: int | None = None,
    restart: bool | None = None,
    progress: Callable[[Progress], object] | bool | None = None,
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
    until, max_sequences, restart
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
    run = load_run(checkpoint, backend, until, max_sequences, restart)
    with reporting(progress) as report:
        writer = CheckpointWriter(checkpoint, checkpoint_every, checkpoint_seconds)
        return follow(run, report, writer)


@ieee_mode()
def follow(
    run: Run, progress: Callable[[Progress], object] | None, writer: CheckpointWriter
) -> TrainingRun:
    """Take one run to its end, as `train` does, with progress and checkpoints on the way."""

    def after_slice(runs: Sequence[Run], report: Report | None) -> None:
        if progress is not None and report is not None:
            progress(run.progress(report))
        writer.write_if_due(run)

    if progress is None and writer.path is None:  # nothing is due after the first slice
        run.pace *= UNWATCHED
    writer.write(run)
    try:
        outcome = next(finish([run], after_slice=after_slice, report=progress is not None))
    finally:
        writer.write(run)
    if run.divergence is not None:
        raise run.divergence
    return outcome
