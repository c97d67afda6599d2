"""Checkpoints: an interrupted run continues as if it had not been interrupted, bit for bit.

The file is one of `binadd.archive`'s, of the format "binadd checkpoint". Beside the header of a
model file it holds the run's goal and schedule, and as arrays the kernels' own: block (R, S),
moments (2, R, S), powers (2,), as drawn in `binadd.kernels.contract`.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, fields, replace
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.archive import read_archive, write_archive
from binadd.checks import check_choice, check_integer, check_real
from binadd.errors import BinaddError, CheckpointError, InvalidInputError
from binadd.kernels import load as load_kernels
from binadd.kernels.contract import OPTIMIZERS, Architecture
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.parameters import has_nonzero_padding
from binadd.state import state_of_block
from binadd.storage import (
    read_configuration,
    read_counts,
    read_object,
    write_configuration,
    write_counts,
)
from binadd.training.schedule import MAX_COUNT, Goal, Schedule, check_goal
from binadd.training.trainer import Run

__all__ = [
    "CheckpointWriter",
    "check_replaceable",
    "has_reached_goal",
    "load_checkpoint",
    "load_run",
    "save_checkpoint",
]

_FORMAT = "binadd checkpoint"


@ieee_mode()
def save_checkpoint(run: Run, path: str | os.PathLike[str]) -> None:
    """Write all that a run continues from, atomically.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is left as it was.
    """
    state, schedule = run.state, run.schedule
    header = {
        "configuration": write_configuration(run.net.settings),
        "training": write_counts(state),
        "goal": asdict(run.goal),
        "schedule": asdict(schedule),
        "optimizer": state.optimizer,
    }
    arrays = {"block": state.block, "moments": state.moments, "powers": state.powers}
    write_archive(path, _FORMAT, header, arrays)


@ieee_mode()
def load_checkpoint(path: str | os.PathLike[str], backend: str = "auto") -> Run:
    """Read an interrupted run, ready to go on.

    Raises
    ------
    CheckpointError
        If the file is truncated, altered, oversized, foreign, of another version, or holds what
        no run can continue from.
    InvalidTypeError, InvalidInputError, BackendError
        If there is no backend of that name, or it is missing or broken.
    OSError
        If the file cannot be opened.
    """
    load_kernels(backend)  # first: a wrong name is not the file's fault
    header, arrays = read_archive(path, _FORMAT, CheckpointError)
    try:
        net = BinaryAdderRNN(**read_configuration(header.get("configuration")), backend=backend)
        architecture = net.settings.architecture
        arrays = _check_arrays(architecture, arrays)
        optimizer = header.get("optimizer")
        net.state = replace(
            state_of_block(architecture, arrays["block"], net.settings.seed),
            moments=arrays["moments"],
            powers=arrays["powers"],
            optimizer=None
            if optimizer is None
            else check_choice("optimizer", optimizer, OPTIMIZERS),
            **read_counts(header.get("training")),
        )
        goal = read_object("goal", header.get("goal"), [field.name for field in fields(Goal)])
        schedule = _read_schedule(header.get("schedule"))
        return Run(net, check_goal(architecture.form, **goal), schedule)
    except BinaddError as reason:
        raise CheckpointError(f"{os.fspath(path)} holds no training run: {reason}") from None


def load_run(
    path: str | os.PathLike[str],
    backend: str,
    until: str | int | None,
    max_sequences: int | None,
    restart: bool | None,
) -> Run:
    """Read an interrupted run as `load_checkpoint` does, and give it what is not None as its goal.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If that is no goal; otherwise as `load_checkpoint`.
    """
    run = load_checkpoint(path, backend)
    goal = check_goal(
        run.net.settings.form,
        run.goal.bits,
        run.goal.until if until is None else until,
        run.goal.max_sequences if max_sequences is None else max_sequences,
        run.goal.restart if restart is None else restart,
    )
    return Run(run.net, goal, run.schedule)


def has_reached_goal(run: Run) -> bool:
    """Whether a run has come to its goal, so that only another goal lets it go on."""
    state, until = run.state, run.goal.until
    return state.sequences >= until if isinstance(until, int) else state.status == until


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse to replace a file by a new run's checkpoint where anything would be lost.

    Nothing is lost of an empty file, nor of a checkpoint whose run reached its goal.

    Raises
    ------
    InvalidInputError
        If there is another file, or a checkpoint of a run that did not reach its goal.
    OSError
        If it cannot be read.
    """
    if not os.path.isfile(path) or not os.path.getsize(path):
        return
    name = os.fsdecode(path)
    try:
        run = load_checkpoint(path)
    except CheckpointError as reason:
        raise InvalidInputError(f"checkpoint must not replace another file: {reason}") from None
    if not has_reached_goal(run):
        raise InvalidInputError(
            f"checkpoint must not replace {name}, whose run did not reach its goal: "
            f"binadd train --resume {quote(name)} (in Python, binadd.resume) goes on with it"
        )


def _read_schedule(schedule: object) -> Schedule:
    names = [field.name for field in fields(Schedule)]
    values = read_object("schedule", schedule, names)
    return Schedule(*(check_integer(name, values[name], 0, 2 * MAX_COUNT) for name in names))


def _check_arrays(
    architecture: Architecture, arrays: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays as kernels take them; refuse those of other shapes or dtypes, with numbers
    that are not finite, or with padding that is not zero."""
    shape = architecture.block_shape
    wanted = {"block": shape, "moments": (2, *shape), "powers": (2,)}
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise InvalidInputError(f"its arrays should have the shapes {wanted}")
    for name, array in arrays.items():
        if array.dtype != architecture.dtype:
            raise InvalidInputError(f"{name} should be of dtype {architecture.dtype}")
        if not np.isfinite(array).all():
            raise InvalidInputError(f"{name} has NaN or infinity")
    for block in (arrays["block"], *arrays["moments"]):
        if has_nonzero_padding(architecture, block):
            raise InvalidInputError("there are numbers where a block has only zeros")
    return {name: np.array(array, architecture.dtype) for name, array in arrays.items()}


class CheckpointWriter:
    """Writes a run's checkpoints: at its start and end, and whenever one is due in between.

    `every` counts sequences, `seconds` the time since the last one; without a path it does
    nothing, and there must be no `every`.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a number is of the wrong type or not allowed.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, every: int | None = None, seconds: float = 10.0
    ) -> None:
        self.path = path
        self._every = every
        if every is not None:
            self._every = check_integer("checkpoint_every", every, 1)
            if path is None:
                raise InvalidInputError("checkpoint_every needs checkpoint, the file to write")
        self._seconds = check_real("checkpoint_seconds", seconds)
        self._sequences = 0
        self._time = 0.0

    def write(self, run: Run) -> None:
        """Write a checkpoint now."""
        if self.path is not None:
            save_checkpoint(run, self.path)
            self._sequences, self._time = run.state.sequences, time.monotonic()

    def write_if_due(self, run: Run) -> None:
        """Write a checkpoint if enough sequences or seconds have passed since the last."""
        if self.path is None:
            return
        counted = self._every is not None and run.state.sequences - self._sequences >= self._every
        if counted or time.monotonic() - self._time >= self._seconds:
            self.write(run)
