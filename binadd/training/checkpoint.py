"""Checkpoints: an interrupted run continues as if it had not been interrupted, bit for bit.

The file is one of `binadd.archive`'s, of the format "binadd checkpoint". Beside the header of a
model file it holds the run's goal, and as arrays the kernels' own: block (R, S), moments
(2, R, S), powers (2,), as drawn in `binadd.kernels.contract`.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.archive import read_archive, write_archive
from binadd.checks import check_choice
from binadd.errors import BinaddError, CheckpointError, InvalidInputError
from binadd.files import remove_leftovers
from binadd.kernels import load as load_kernels
from binadd.kernels.contract import RULES, Architecture
from binadd.model import BinaryAdderRNN
from binadd.parameters import has_strays
from binadd.state import state_of_block
from binadd.storage import (
    read_configuration,
    read_counts,
    read_object,
    write_configuration,
    write_counts,
)
from binadd.training.schedule import Goal, check_goal

__all__ = ["CheckpointWriter", "load_checkpoint", "save_checkpoint"]

_FORMAT = "binadd checkpoint"


def save_checkpoint(net: BinaryAdderRNN, goal: Goal, path: str | os.PathLike[str]) -> None:
    """Write a network with all that its training continues from, atomically.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is left as it was.
    """
    state = net.state
    header = {
        "configuration": write_configuration(net.settings),
        "training": write_counts(state),
        "goal": asdict(goal),
        "rule": state.rule,
    }
    arrays = {"block": state.block, "moments": state.moments, "powers": state.powers}
    write_archive(path, _FORMAT, header, arrays)


def load_checkpoint(
    path: str | os.PathLike[str], backend: str = "auto"
) -> tuple[BinaryAdderRNN, Goal]:
    """Read a network, ready for more training, and the goal of the interrupted run.

    Raises
    ------
    CheckpointError
        If the file is truncated, altered, oversized, foreign, of a newer version, or holds what
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
        rule = header.get("rule")
        net.state = replace(
            state_of_block(architecture, arrays["block"], net.settings.seed),
            moments=arrays["moments"],
            powers=arrays["powers"],
            rule=None if rule is None else check_choice("rule", rule, RULES),
            **read_counts(header.get("training")),
        )
        names = ["bits", "until", "max_sequences"]
        goal = read_object("goal", header.get("goal"), names)
        return net, check_goal(architecture.operands, **goal)
    except BinaddError as reason:
        raise CheckpointError(f"{os.fspath(path)} holds no training run: {reason}") from None


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
        if has_strays(architecture, block):
            raise InvalidInputError("there are numbers where a block has only zeros")
    return {name: np.array(array, architecture.dtype) for name, array in arrays.items()}


class CheckpointWriter:
    """Writes a run's checkpoints: at its start and end, and whenever one is due in between.

    `every` counts sequences, `seconds` the time since the last one; without a path it does
    nothing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        goal: Goal,
        every: int | None,
        seconds: float,
    ) -> None:
        if path is not None:
            remove_leftovers(path)
        self.path = path
        self._goal = goal
        self._every = every
        self._seconds = seconds
        self._sequences = 0
        self._time = 0.0

    def write(self, net: BinaryAdderRNN) -> None:
        """Write a checkpoint now."""
        if self.path is not None:
            save_checkpoint(net, self._goal, self.path)
            self._sequences, self._time = net.state.sequences, time.monotonic()

    def write_if_due(self, net: BinaryAdderRNN) -> None:
        """Write a checkpoint if enough sequences or seconds have passed since the last."""
        if self.path is None:
            return
        counted = self._every is not None and net.state.sequences - self._sequences >= self._every
        if counted or time.monotonic() - self._time >= self._seconds:
            self.write(net)
