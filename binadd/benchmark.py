"""How fast is native: the notebook's way, the NumPy twin, and C at every instruction set.

All run the same updates of the same network on the same data. Their results are compared before
anything is timed: twin and native must agree bit for bit, the notebook's code to rounding. Runs
are interleaved and the median is taken, since machines are noisy; ratios within a run say more
than its microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_integer
from binadd.errors import BackendError, BinaddError
from binadd.kernels import load, native_is_installed
from binadd.kernels.contract import Optimizer
from binadd.model import BinaryAdderRNN

__all__ = ["Report", "Timing", "run"]

_RULE = Optimizer(rule="nesterov", learning_rate=0.1, momentum=0.9, clip_norm=2.0)
_VERIFIED = 20  # updates after which the contestants are compared

Train = Callable[[int], NDArray[Any]]
"""Makes so many online updates from the start and returns the parameter block."""


@dataclass(frozen=True)
class Timing:
    """One contestant's time of one update, of a sequence of `bits` steps."""

    name: str
    microseconds: float
    times_faster: float  # than the slowest


@dataclass(frozen=True)
class Report:
    """What `run` measured."""

    hidden_size: int
    bits: int
    dtype: str
    timings: tuple[Timing, ...]

    def table(self) -> str:
        """Return the timings as aligned lines, the slowest first."""
        lines = [f"{'one update online':<24}{'µs':>12}{'ratio':>10}"]
        lines += [
            f"{t.name:<24}{t.microseconds:>12.3f}{t.times_faster:>10,.1f}" for t in self.timings
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        return asdict(self)


class _Course:
    """The network and the data that all contestants start from."""

    def __init__(self, net: BinaryAdderRNN, bits: int, seed: int) -> None:
        self.net = net
        self.architecture = net.state.architecture
        random = np.random.PCG64(seed).random_raw(4096).reshape(-1, 1)
        twin = load("python")
        self.symbols = twin.unpack_words(random, self.architecture.operands, bits)
        self.targets = twin.exact_sums(self.symbols, self.architecture.operands)

    def train_with(self, kernels: Any) -> Train:
        """Training by a kernel module."""

        def train(count: int) -> NDArray[Any]:
            block = self.net.state.block.copy()
            kernels.train(
                self.architecture,
                block,
                np.zeros((2, *block.shape), block.dtype),
                np.ones(2, block.dtype),
                self.symbols[:count],
                self.targets[:count],
                loss="cross_entropy",
                optimizer=_RULE,
                batch_size=1,
            )
            return block

        return train

    def train_as_notebook(self, count: int) -> NDArray[Any]:
        """Training as the notebook writes it, a step at a time with np.dot, and repaired."""
        block = self.net.state.block.copy()
        n, size = self.architecture.operands, self.architecture.hidden_size
        weights = [block[:n, :size].T, block[n : n + size, :size].T, block[n + size, :size]]
        weights += [block[n + size + 1, :size], block[n + size + 2, :1]]
        momenta = [np.zeros_like(w) for w in weights]
        for symbols, targets in zip(self.symbols[:count], self.targets[:count], strict=True):
            gradients = _notebook_gradients(weights, symbols[:, None] >> np.arange(n) & 1, targets)
            norm = np.sqrt(sum(np.sum(g * g) for g in gradients))
            scale = min(1.0, _RULE.clip_norm / norm)
            for w, m, g in zip(weights, momenta, gradients, strict=True):
                m *= _RULE.momentum
                m += scale * g
                w -= _RULE.learning_rate * (scale * g + _RULE.momentum * m)
        return block


def _notebook_gradients(
    weights: list[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
) -> list[NDArray[Any]]:
    """∂L/∂w of one sequence, by the notebook's equations."""
    inputs, hidden, hidden_bias, output, output_bias = weights
    states = [np.zeros(len(hidden))]
    errors = []
    for x_t, y_t in zip(x, y, strict=True):
        a = np.dot(inputs, x_t) + np.dot(hidden, states[-1]) + hidden_bias
        states.append(1 / (1 + np.exp(-a)))
        errors.append(1 / (1 + np.exp(-(np.dot(output, states[-1]) + output_bias[0]))) - y_t)
    gradients = [np.zeros_like(w) for w in weights]
    delta = np.zeros(len(hidden))
    for t in reversed(range(len(x))):
        h = states[t + 1]
        delta = (np.dot(hidden.T, delta) + output * errors[t]) * h * (1 - h)
        gradients[0] += np.outer(delta, x[t])
        gradients[1] += np.outer(delta, states[t])
        gradients[2] += delta
        gradients[3] += errors[t] * h
        gradients[4] += errors[t]
    return gradients


def run(
    hidden_size: int = 16, bits: int = 8, dtype: str = "float64", *, repeats: int = 9
) -> Report:
    """Time one online update: the notebook's way, the NumPy twin, native.

    Parameters
    ----------
    hidden_size : int, default 16
    bits : int, default 8
        Steps of a sequence, at most 32.
    dtype : {"float64", "float32"}
    repeats : int, default 9
        Interleaved runs of which the median counts.

    Returns
    -------
    Report

    Raises
    ------
    InvalidInputError, InvalidTypeError
        If a size or the dtype is not allowed.
    BinaddError
        If two contestants do not compute the same.

    Examples
    --------
    >>> report = run(hidden_size=4, repeats=1)
    >>> report.timings[0].times_faster
    1.0
    """
    bits = check_integer("bits", bits, 1, 32)
    repeats = check_integer("repeats", repeats, 1)
    net = BinaryAdderRNN(hidden_size, dtype=dtype)
    course = _Course(net, bits, seed=1)
    counts: dict[str, int] = {"notebook": 32, "Python twin": 16}
    contestants: dict[str, Train] = {
        "notebook": course.train_as_notebook,
        "Python twin": course.train_with(load("python")),
    }
    levels = _levels()
    for level in levels:
        contestants[f"native {level}"] = course.train_with(load("native"))
        counts[f"native {level}"] = 1024
    _verify(contestants, dtype)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    with _restored_level():
        for _ in range(repeats):
            for name, train in contestants.items():
                _use_level(name)
                start = perf_counter()
                train(counts[name])
                times[name].append((perf_counter() - start) / counts[name] * 1e6)
    return _report(hidden_size, bits, dtype, {n: median(t) for n, t in times.items()})


def _levels() -> list[str]:
    """The instruction sets that this build and this machine have."""
    if not native_is_installed():
        return []
    native: Any = load("native")
    return [level for level, supported in native.isas().items() if supported]


def _use_level(contestant: str) -> None:
    if contestant.startswith("native "):
        native: Any = load("native")
        native.use_isa(contestant.removeprefix("native "))


class _restored_level:
    """Leaves the instruction set as it was."""

    def __enter__(self) -> None:
        try:
            native: Any = load("native")
            self._before: str | None = native.isa()
        except BackendError:
            self._before = None

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _use_level(f"native {self._before}")


def _verify(contestants: dict[str, Train], dtype: str) -> None:
    """Raise BinaddError unless all make the same network: to the bit, the notebook to rounding."""
    twin = contestants["Python twin"](_VERIFIED)
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    with _restored_level():
        for name, train in contestants.items():
            _use_level(name)
            block = train(_VERIFIED)
            same = (
                np.allclose(block, twin, rtol=0, atol=tolerance)
                if name == "notebook"
                else np.array_equal(block, twin)
            )
            if not same:
                raise BinaddError(f"{name} does not compute what the Python twin does")


def _report(hidden_size: int, bits: int, dtype: str, times: dict[str, float]) -> Report:
    slowest = max(times.values())
    ordered = sorted(times.items(), key=lambda item: -item[1])
    timings = tuple(Timing(name, time, slowest / time) for name, time in ordered)
    return Report(hidden_size, bits, dtype, timings)
