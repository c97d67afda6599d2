"""Progress on stderr: a status line, and the lines of training."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from tqdm import tqdm

from binadd.bits import integer_of, unpack_symbols
from binadd.cli.command import ignoring_broken_stderr, say, style
from binadd.form import with_minus
from binadd.progress import interruptible
from binadd.training.data import DataStream

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN
    from binadd.training import Progress
    from binadd.training.schedule import Goal

__all__ = ["Reporter", "StatusLine"]

_LONGEST = 64
"""Bits of operands that are shown: more would be too long a line."""

_BAR = 17
"""Columns for a bar and its percentage."""


class StatusLine:
    """A line at the bottom of a terminal that is always rewritten, with a bar if there is a total.

    It appears after `delay` seconds, and only on terminals that can go back to a line's start.
    """

    def __init__(self, delay: float, *, total: int | None = None, quiet: bool = False) -> None:
        dumb = os.environ.get("TERM") == "dumb"
        self._line: tqdm[Any] = interruptible(tqdm)(
            bar_format="{desc}",
            leave=False,
            disable=True if quiet or dumb else None,  # None: unless stderr is a terminal
            dynamic_ncols=True,
            delay=delay,
            file=sys.stderr,
        )
        if total is not None:
            self.set_total(total)

    def show(self, parts: Sequence[str], done: int | None = None) -> None:
        """Show those parts that fit the line, and how much of the total is done."""
        line = self._line
        if line.disable:
            return
        room = (terminal_width() or 80) - 1 - (_BAR if line.total else 0)
        while len(parts) > 1 and len(", ".join(parts)) > room:
            parts = parts[:-1]
        with ignoring_broken_stderr():
            line.set_description_str(", ".join(parts)[:room], refresh=False)
            line.update(1 if done is None else done - line.n)

    def set_total(self, total: int) -> None:
        """Set what the bar is a share of, where it was not known at the start."""
        if not self._line.disable:
            self._line.total = total
            self._line.bar_format = "{percentage:3.0f}%|{bar}| {desc}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with ignoring_broken_stderr():
            self._line.close()


def terminal_width() -> int | None:
    """Return how many columns stderr has; None if it is not a terminal."""
    if not sys.stderr.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return shutil.get_terminal_size().columns


class Reporter:
    """Shows how a run goes, on stderr; to be called with its `Progress`.

    At every doubling of the sequences, and at the end, there is a row of a table. What changes
    the course of training, a restart or the weight-noise phase, has a line of its own.
    """

    def __init__(self, net: BinaryAdderRNN, goal: Goal, quiet: bool) -> None:
        self._net = net
        self._bits = goal.bits
        self._quiet = quiet
        self._width = terminal_width()
        self._last_row = 0
        self._restarts = net.state.restarts
        self._shows_sums = goal.bits <= _LONGEST and self._has_room(_longest_sum(net, goal.bits))
        self._status = StatusLine(
            0,  # lines above it redraw it at once; tqdm clears none whose delay is not over
            total=goal.until if isinstance(goal.until, int) else None,
            quiet=quiet,
        )
        self.last: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        last = None if kind is not None or self._quiet else self.last
        if last is not None and last.sequences > self._last_row:
            self._show_row(last)
        self._status.__exit__(kind, *error)

    def __call__(self, progress: Progress) -> None:
        """Show what is new."""
        before, self.last = self.last, progress
        if self._quiet:
            return
        self._status.show(_describe(progress), progress.sequences)
        if progress.restarts > self._restarts:
            self._restarts = progress.restarts
            self._say(f"restart {progress.restarts}: training begins again, from other weights")
        if progress.noise and not (before and before.noise):
            self._say(
                "weight noise: short sums are right, but there is no proof yet; from here on, "
                f"noise is added to the weights, and operands have {progress.bits} bits"
            )
        if progress.sequences >= 2 * self._last_row:
            self._show_row(progress)

    def _show_row(self, progress: Progress) -> None:
        if not self._last_row:
            self._say_row("sequences", "loss/bit", "right bits", "the next sum, as it adds it")
        self._last_row = progress.sequences
        loss = _loss_per_bit(progress)
        shown = self._next_sum() if self._shows_sums else ""
        self._say_row(f"{progress.sequences:,}", loss, f"{progress.bit_accuracy:.1%}", shown)

    def _say_row(self, sequences: str, loss: str, accuracy: str, last: str) -> None:
        row = f"{sequences:>11}  {loss:>8}  {accuracy:>10}  "
        self._say((row + (last if self._shows_sums else "")).rstrip(), wrap=False)

    def _say(self, text: str, wrap: bool = True) -> None:
        if wrap and self._width is not None:
            text = textwrap.fill(text, self._width - 1, subsequent_indent="  ")
        with (
            ignoring_broken_stderr(),
            tqdm.external_write_mode(
                file=sys.stderr,
                nolock=True,  # Ctrl-C at its lock would raise another error
            ),
        ):
            say(text)

    def _has_room(self, columns: int) -> bool:
        return self._width is None or 35 + columns < self._width

    def _next_sum(self) -> str:
        """Return the next sum of the data, which the network has not been trained on yet."""
        net, bits, form = self._net, self._bits, self._net.settings.form
        data = DataStream(net.kernels, net.state.seed, net.settings.architecture)
        symbols, _ = data.take(net.state.position, bits, 1)
        steps = bits + form.carry_steps
        X = np.zeros((1, steps, net.settings.operands), np.uint8)
        X[0, :bits] = unpack_symbols(symbols[0], net.settings.operands)
        operands = [integer_of(operand) for operand in X[0].T]
        expected = form.evaluate(operands)
        answer = form.signed(integer_of(net.predict(X)[0]), steps)
        verdict = (
            style("right", fg="green")
            if answer == expected
            else f"{style('should be', fg='red')} {with_minus(expected)}"
        )
        return f"{form.write(map(str, operands))} = {with_minus(answer)}, {verdict}"


def _describe(progress: Progress) -> list[str]:
    """Return how a run goes in parts, the most important first."""
    parts = [f"{progress.sequences:,} sequences"]
    if progress.noise:
        count = progress.failed_proofs
        parts.append(f"weight noise after {count} failed proof{'s' * (count != 1)}")
    parts += [
        f"loss/bit {_loss_per_bit(progress)}",
        f"{progress.bit_accuracy:.1%} right bits",
    ]
    if progress.restarts:
        parts.append(f"restart {progress.restarts}")
    return parts


def _loss_per_bit(progress: Progress) -> str:
    loss = progress.loss / progress.bits
    return f"{loss:.3f}" if loss < 1e4 else f"{loss:.1e}"


def _longest_sum(net: BinaryAdderRNN, bits: int) -> int:
    """Return how many columns a line about a sum of operands of these bits may take."""
    form, largest = net.settings.form, str((1 << bits) - 1)
    answer = len(str((1 << bits + form.carry_steps) - 1))
    return (
        len(form.write([largest] * net.settings.operands)) + 2 + 2 * answer + len(", should be ")
    )
