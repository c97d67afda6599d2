"""Golden results: what the reference implementation computed, kept to the last bit in golden.json.

Every backend on every platform is held to these numbers: test_golden.py from Python, and
c/selftest.c from C alone, where there is no Python. `python tests/golden.py` writes the file
anew; that is right only when the arithmetic itself was meant to change.

Numbers stand as the hexadecimal digits of their bits, the sign first, so the file means the same
on machines of either byte order. Initial weights and symbols are not stored: both come from
SplitMix64 (Steele, Lea & Flood 2014, https://doi.org/10.1145/2660193.2660195), which is a few
lines in any language.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.kernels.contract import Architecture, Batch, Learner, Optimizer, Report

FILE = Path(__file__).with_name("golden.json")
INFINITY = float("inf")


@dataclass(frozen=True)
class Case:
    """One training run: its network, its optimizer, and how much of it."""

    architecture: Architecture
    optimizer: Optimizer
    loss: str
    batch_size: int
    updates: int
    steps: int
    seed: int
    scale: float
    """Scales the initial weights: large ones make states exactly 0 and 1, small ones subnormal."""

    @property
    def name(self) -> str:
        a, o = self.architecture, self.optimizer
        biases = "biases" if a.biases else "plain"
        shape = f"h{a.hidden_size}-n{a.operands}-t{self.steps}-b{self.batch_size}"
        scale = "" if self.scale == 1 else f"-scale{self.scale:g}"
        return f"{a.dtype}-{a.activation}-{biases}-{self.loss}-{o.name}-{shape}{scale}"

    @property
    def checked_bits(self) -> int:
        """Bits of the operands that `first_error` runs through."""
        return max(1, 12 // self.architecture.operands)


def _case(
    hidden_size: int,
    dtype: str,
    activation: str,
    loss: str,
    optimizer: str,
    batch_size: int = 1,
    *,
    operands: int = 2,
    biases: bool = True,
    steps: int = 8,
    learning_rate: float = 0.1,
    clip_norm: float = INFINITY,
    updates: int = 300,
    scale: float = 1.0,
) -> Case:
    return Case(
        Architecture(hidden_size, operands, activation, biases, dtype),
        Optimizer(optimizer, learning_rate, clip_norm=clip_norm),
        loss,
        batch_size,
        updates=updates if batch_size == 1 else updates // 5,
        steps=steps,
        seed=1000 * hidden_size + 10 * operands + batch_size,
        scale=scale,
    )


# Every pair of dtype, activation, loss, optimizer, biases and clipping meets; hidden sizes lie on
# and beside a whole number of lanes.
CASES = [
    _case(16, "float64", "sigmoid", "cross_entropy", "nesterov", clip_norm=2.0, updates=1500),
    _case(16, "float32", "sigmoid", "cross_entropy", "nesterov", clip_norm=2.0, updates=1500),
    _case(16, "float64", "sigmoid", "squared_error", "sgd", biases=False),
    _case(16, "float32", "tanh", "squared_error", "adam", 64, learning_rate=0.01),
    _case(16, "float64", "tanh", "cross_entropy", "momentum", 64, clip_norm=1.0),
    _case(1, "float64", "sigmoid", "squared_error", "adam", learning_rate=0.03),
    _case(1, "float32", "tanh", "cross_entropy", "sgd", 5, biases=False),
    _case(3, "float64", "tanh", "squared_error", "nesterov", clip_norm=0.5, steps=5),
    _case(3, "float32", "sigmoid", "cross_entropy", "momentum", 9, steps=1),
    _case(8, "float64", "sigmoid", "cross_entropy", "adam", 8, operands=3, learning_rate=0.03),
    _case(8, "float32", "sigmoid", "squared_error", "nesterov", biases=False, steps=17),
    _case(17, "float64", "tanh", "cross_entropy", "sgd", 3, operands=1, clip_norm=2.0),
    _case(17, "float32", "sigmoid", "squared_error", "momentum", 16, steps=12),
    _case(33, "float64", "sigmoid", "squared_error", "momentum", biases=False, clip_norm=1.0),
    _case(33, "float32", "tanh", "cross_entropy", "adam", learning_rate=0.003, operands=8),
    _case(32, "float32", "sigmoid", "cross_entropy", "nesterov", clip_norm=2.0, operands=3),
    _case(16, "float64", "sigmoid", "squared_error", "nesterov", 4, scale=300.0),
    _case(17, "float32", "tanh", "cross_entropy", "adam", 8, scale=20.0),
    _case(16, "float64", "tanh", "cross_entropy", "momentum", biases=False, scale=2.0**-1035),
    _case(9, "float32", "tanh", "squared_error", "nesterov", 4, biases=False, scale=2.0**-135),
]


def split_mix(seed: int) -> Iterator[int]:
    """64-bit words."""
    mask = (1 << 64) - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def initial_block(case: Case, words: Iterator[int]) -> NDArray[Any]:
    """Weights in [−1, 1) in steps of 2⁻²³, row by row, times the scale; biases 0 where there are
    none."""
    architecture = case.architecture
    block = np.zeros(architecture.block_shape, architecture.dtype)
    for row in range(len(block)):
        width = 1 if row == len(block) - 1 else architecture.hidden_size
        values = [((next(words) >> 40) * 2.0**-23 - 1) * case.scale for _ in range(width)]
        is_bias = row in (len(block) - 3, len(block) - 1)
        if architecture.biases or not is_bias:
            block[row, :width] = values
    return block


def draw_symbols(case: Case, words: Iterator[int], count: int) -> NDArray[np.uint8]:
    """Return the highest bits of one word for each symbol."""
    shift = 64 - case.architecture.operands
    symbols = [next(words) >> shift for _ in range(count * case.steps)]
    return np.array(symbols, np.uint8).reshape(count, case.steps)


@dataclass(frozen=True)
class Result:
    """The results of a run, as the file has them."""

    weights: list[str]  # the block's rows, without padding
    losses: str  # before each update
    wrong_bits: int  # over the whole run
    probabilities: list[str]  # of 5 further sequences
    hidden: str  # their hidden states after the last step
    first_error: list[int] | None  # over all words of about 12 bits: the step, then the symbols


def digits(values: NDArray[Any]) -> str:
    """Return the bits of an array's numbers in hexadecimal."""
    return values.astype(values.dtype.newbyteorder(">")).tobytes().hex()


def run(kernels: Any, case: Case) -> Result:
    """Train and predict with one backend."""
    architecture = case.architecture
    words = split_mix(case.seed)
    block = initial_block(case, words)
    symbols = draw_symbols(case, words, case.updates * case.batch_size)
    questions = draw_symbols(case, words, 5)
    moments = np.zeros((2, *architecture.block_shape), architecture.dtype)
    report = Report(np.empty(case.updates, architecture.dtype), np.empty(case.updates, np.int64))
    kernels.train(
        Learner(architecture, block, moments, np.ones(2, architecture.dtype)),
        Batch(symbols, kernels.exact_sums(architecture, symbols)),
        case.optimizer,
        loss=case.loss,
        batch_size=case.batch_size,
        report=report,
    )
    answers = kernels.forward(architecture, block, questions)
    error = kernels.first_error(architecture, block, case.checked_bits)
    return Result(
        weights=[digits(row) for row in block[:, : architecture.hidden_size]],
        losses=digits(report.losses),
        wrong_bits=int(report.wrong_bits.sum()),
        probabilities=[digits(row) for row in answers.probabilities],
        hidden=digits(answers.final_state),
        first_error=None if error is None else [error[0], *error[1]],
    )


def activation_points(dtype: str) -> NDArray[Any]:
    """Where σ and tanh are sampled: zeros, infinities, both signs of 2⁻⁴⁰…2¹¹ and between, and
    subnormal numbers."""
    powers = np.ldexp(np.array([1.0, 1.375]), np.arange(-40, 12)[:, None]).reshape(-1)
    ends = np.array([0.0, INFINITY])
    least = np.finfo(dtype).smallest_subnormal * np.array([1, 5, 1 << 20], dtype)
    points = np.concatenate([ends, powers, least]).astype(dtype)
    return np.concatenate([points, -points])


def activations(kernels: Any) -> dict[str, str]:
    """σ and tanh at `activation_points`."""
    return {
        f"{dtype}-{name}": digits(kernels.activation(activation_points(dtype), name))
        for dtype in ("float64", "float32")
        for name in ("sigmoid", "tanh")
    }


def main() -> None:
    """Write golden.json."""
    import golden_reach

    from binadd.kernels import reference

    reach = {case.name: golden_reach.run(reference, case) for case in golden_reach.CASES}
    results = {case.name: asdict(run(reference, case)) for case in CASES}
    content = {"activations": activations(reference), "results": results, "reach": reach}
    FILE.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
