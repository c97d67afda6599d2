"""Golden results of `propagate` and `principal_axes`, which golden.py writes and explains."""

from dataclasses import dataclass
from typing import Any

import golden
import numpy as np
from numpy.typing import NDArray

from binadd.kernels import reference
from binadd.kernels.contract import Architecture, Contexts, Errors, Images

COUNTS = (6, 1, 1, 0, 9)
"""Cells of the contexts: first and last are cut, the third has no frame, the fourth no set."""
SAMPLES = 6
AROUND = {"sigmoid": (0.375, 0.625), "tanh": (-0.125, 0.125)}


@dataclass(frozen=True)
class Case:
    """A network and its contexts, drawn from a seed, and how far to go."""

    architecture: Architecture
    affine: bool
    steps: int
    budget: int
    mild: float
    logit_error: float  # of −100, all logits count as right
    seed: int

    @property
    def name(self) -> str:
        a = self.architecture
        sets = "zonotopes" if self.affine else "boxes"
        return f"{a.activation}-{sets}-h{a.hidden_size}-n{a.operands}-t{self.steps}"


CASES = [
    Case(Architecture(10, 2, "sigmoid"), True, 3, 400, 0.5, -100.0, 1),
    Case(Architecture(16, 1, "tanh"), True, 6, 10_000, golden.INFINITY, -100.0, 2),
    Case(Architecture(10, 2, "sigmoid"), False, 4, 30, 0.5, 1e-12, 3),
]


@dataclass(frozen=True)
class Given:
    """What a case is about."""

    block: NDArray[np.float64]
    contexts: Contexts
    origins: NDArray[np.int32]
    errors: Errors
    states: NDArray[np.float64]  # of which the frames are the principal axes
    centres: NDArray[np.float64]  # of those


def draw(case: Case) -> Given:
    """All from SplitMix64, and exact."""
    words = golden.split_mix(case.seed)
    size, (rows, columns) = case.architecture.hidden_size, case.architecture.block_shape
    n, count = case.architecture.operands, len(COUNTS)

    def reals(shape: tuple[int, ...], low: float, high: float) -> NDArray[np.float64]:
        """Uniform, with zeros in the padding."""
        array = np.zeros((*shape[:-1], columns if shape[-1] == size else shape[-1]))
        drawn = [(next(words) >> 40) * 2.0**-24 for _ in range(int(np.prod(shape)))]
        array[..., : shape[-1]] = np.reshape(drawn, shape) * (high - low) + low
        return array

    block = reals((rows, size), -0.125, 0.125)
    block[-1, 1:] = 0
    states = np.ascontiguousarray(reals((2, SAMPLES, size), -0.5, 0.5)[..., :size])
    centres = np.zeros((2, columns))
    cells = sum(COUNTS)
    owners = np.repeat(np.arange(count), COUNTS)
    cut = np.array(COUNTS) > 1
    lowest = np.where(cut, -(np.array(COUNTS) // 2), 0)
    first = np.append(0, np.cumsum(COUNTS))
    widths = np.where(cut, 0.125, np.inf)
    middles = reals((cells, size), -0.0625, 0.0625)
    halves = reals((cells, size), 0.0625, 0.75)
    beside = cut[owners]
    middles[beside, 0] = ((np.arange(cells) - first[owners] + lowest[owners]) * 0.125)[beside]
    halves[beside, 0] = 0.0625 + 2.0**-20
    there = np.arange(columns) < size
    with_sets = np.flatnonzero(COUNTS)
    successors = [[with_sets[next(words) % 4] for _ in range(1 << n)] for _ in range(count)]
    successors[2][-1] = 3
    contexts = Contexts(
        carries=(np.arange(count) % n).astype(np.int32),
        successors=np.array(successors, np.int32),
        centres=reals((count, size), *AROUND[case.architecture.activation]),
        frames=reference.principal_axes(case.architecture, states, centres),
        frame=np.array([0, 1, -1, -1, 1], np.int32),
        widths=widths,
        lowest=lowest.astype(np.int32),
        first=first.astype(np.int32),
        owners=owners.astype(np.int32),
        middles=middles,
        halves=halves,
    )
    errors = Errors(
        2.0**-46, case.logit_error, np.where(there, 2.0**-43, 0), np.where(there, 2.0**-46, 0)
    )
    return Given(block, contexts, np.arange(-1, cells, dtype=np.int32), errors, states, centres)


SLACK = 2.0**-30


def images(kernels: Any, case: Case, given: Given) -> Images:
    """Return one backend's results for a case."""
    result: Images = kernels.propagate(
        case.architecture,
        given.block,
        given.contexts,
        given.origins,
        given.errors,
        affine=case.affine,
        steps=case.steps,
        budget=case.budget,
        slack=SLACK,
        mild=case.mild,
        held=True,
    )
    return result


DTYPES = {"outcomes": "int32", "depths": "int32", "work": "int64", "held": "uint8"}
"""The dtypes of results of `run` that are not float64."""


def run(kernels: Any, case: Case) -> dict[str, str]:
    """Return the results as the file has them, and the frames."""
    given = draw(case)
    result = images(kernels, case, given)
    axes = kernels.principal_axes(case.architecture, given.states, given.centres)
    return {
        name: golden.digits(array) for name, array in {"axes": axes, **result._asdict()}.items()
    }
