"""What is shown while a network learns: a bar, and now and then a sum as it adds it so far."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from tqdm import tqdm

from binadd.bits import bits_of, integer_of, unpack_symbols
from binadd.cli.command import paint, say, while_heard
from binadd.training.data import DataStream

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN
    from binadd.training import Progress
    from binadd.training.schedule import Goal

__all__ = ["Reporter"]

_LONGEST = 64
"""Bits of operands that are shown: more would be too long a line."""

_DELAY = 0.3
"""Seconds before there is a bar: most runs end sooner."""


class Reporter:
    """Shows how a run goes, on stderr; to be called with its `Progress`."""

    def __init__(self, net: BinaryAdderRNN, goal: Goal, quiet: bool) -> None:
        self._net = net
        self._goal = goal
        self._quiet = quiet
        self._next_line = 0
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with while_heard():
                self._bar.close()

    def __call__(self, progress: Progress) -> None:
        """Move the bar; at every doubling of the sequences, show a sum."""
        if not self._quiet:
            with while_heard():
                self._show(progress)

    def _show(self, progress: Progress) -> None:
        self._move_bar(progress)
        if progress.sequences >= self._next_line:
            self._next_line = 2 * progress.sequences
            with tqdm.external_write_mode(file=sys.stderr):
                say(f"{progress.sequences:>9,} sequences   {self._line(progress)}")

    def _move_bar(self, progress: Progress) -> None:
        if self._bar is None:
            if progress.seconds < _DELAY:
                return
            self._bar = tqdm(
                total=self._goal.until if isinstance(self._goal.until, int) else None,
                initial=progress.sequences,
                unit=" sequences",
                unit_scale=True,
                leave=False,
                disable=None,  # unless stderr is a terminal
                file=sys.stderr,
            )
        text = f"bit accuracy {progress.bit_accuracy:.2%}"
        if progress.noise:
            text += f", with noise after {progress.failed_proofs} failed proofs"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(progress.sequences - self._bar.n)

    def _line(self, progress: Progress) -> str:
        """Return the next sum of the data, which the network has not been trained on yet."""
        net, bits = self._net, self._goal.bits
        if bits > _LONGEST:
            return f"loss {progress.loss:.3f}   bit accuracy {progress.bit_accuracy:.2%}"
        data = DataStream(net.kernels, net.state.seed, net.settings.operands)
        symbols, _ = data.take(net.state.position, bits, 1)
        steps = bits + net.settings.architecture.carry_steps
        X = np.zeros((1, steps, net.settings.operands), np.uint8)
        X[0, :bits] = unpack_symbols(symbols[0], net.settings.operands)
        operands = [integer_of(operand) for operand in X[0].T]
        expected, answer = sum(operands), integer_of(net.predict(X)[0])
        error = abs(net.predict_proba(X)[0] - bits_of(expected, steps)).sum()
        verdict = (
            paint("right", fg="green")
            if answer == expected
            else f"{paint('wrong', fg='red')}: {expected}"
        )
        return f"error {error:<8.3g} {' + '.join(map(str, operands))} = {answer}   {verdict}"
