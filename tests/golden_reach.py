"""Golden results of the kernels that proofs call: see golden.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import golden
import numpy as np
from numpy.typing import NDArray

from binadd.kernels import contract, reference
from binadd.kernels.contract import Architecture, Contexts, Errors, Images, Propagation, Samples

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
    logit_error: float  # of −100, all logits count as right
    length: int  # of the words of contexts in which states are sampled
    seed: int

    @property
    def name(self) -> str:
        a = self.architecture
        sets = "zonotopes" if self.affine else "boxes"
        return f"{a.activation}-{sets}-h{a.hidden_size}-n{a.operands}-t{self.steps}"


CASES = [
    Case(Architecture(10, 2, "sigmoid"), True, 3, 400, -100.0, 1, 1),
    Case(Architecture(16, 1, "tanh"), True, 6, 10_000, -100.0, 2, 2),
    Case(Architecture(10, 2, "sigmoid"), False, 4, 30, 1e-12, 0, 3),
]


@dataclass(frozen=True)
class Given:
    """The arrays that a case gives to the kernels."""

    block: NDArray[np.float64]
    contexts: Contexts
    origins: NDArray[np.int32]
    errors: Errors
    states: NDArray[np.float64]  # of which the frames are the principal axes
    centres: NDArray[np.float64]  # of those
    samples: Samples


def numbered(counts: NDArray[Any], cut: NDArray[np.bool_]) -> dict[str, NDArray[np.int32]]:
    """Return which cells each context has: side by side about its middle where it is cut."""
    return {
        "lowest": np.where(cut, -(counts // 2), 0).astype(np.int32),
        "first": np.append(0, np.cumsum(counts)).astype(np.int32),
        "owners": np.repeat(np.arange(len(counts)), counts).astype(np.int32),
    }


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
    cut = np.array(COUNTS) > 1
    numbers = numbered(np.array(COUNTS), cut)
    lowest, first, owners = numbers.values()
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
    frames = reference.principal_axes(case.architecture, states, centres)
    contexts = Contexts(
        carries=(np.arange(count) % n).astype(np.int32),
        successors=np.array(successors, np.int32),
        centres=reals((count, size), *AROUND[case.architecture.activation]),
        frames=frames,
        bases=frames[::-1].copy(),  # not the inverse: kernels compute with what they are given
        frame=np.array([0, 1, -1, -1, 1], np.int32),
        widths=widths,
        middles=middles,
        halves=halves,
        **numbers,
    )
    errors = Errors(
        2.0**-46, case.logit_error, np.where(there, 2.0**-43, 0), np.where(there, 2.0**-46, 0)
    )
    origins = np.arange(-1, cells, dtype=np.int32)
    return Given(block, contexts, origins, errors, states, centres, draw_samples(case, words))


SEQUENCES, WORD_STEPS, POOL, BOXES = 11, 5, 8, 4
"""Words, some in a register that is not full; sampled states, in full ones, so that the state 0
added to them is alone in its own; and contexts."""


def draw_samples(case: Case, words: Iterator[int]) -> Samples:
    """Return what boxes are made from; one of the pools ends with the state 0."""

    def below(limit: int, dtype: str, shape: tuple[int, int]) -> NDArray[Any]:
        numbers = [next(words) % limit for _ in range(shape[0] * shape[1])]
        return np.array(numbers, dtype).reshape(shape)

    carries, symbols = case.architecture.form.carries, 1 << case.architecture.operands
    samples = Samples(
        below(symbols, "uint8", (SEQUENCES, WORD_STEPS)),
        below(SEQUENCES, "int32", (carries, POOL)),
        below(carries, "int32", (1, BOXES))[0],
        below(symbols, "uint8", (BOXES, case.length)),
    )
    samples.pools[case.length % carries, -1] = -1
    return samples


SLACK = 2.0**-30


def propagation_of(case: Case) -> Propagation:
    """Return how a case is propagated."""
    return Propagation(case.affine, case.steps, case.budget, SLACK)


def images(kernels: Any, case: Case, given: Given) -> Images:
    """Return one backend's results for a case."""
    result: Images = kernels.propagate(
        case.architecture,
        given.block,
        given.contexts,
        given.origins,
        given.errors,
        propagation_of(case),
    )
    return result


GROWTH, ROUNDS, WORK = 0.25, 4, 100_000
"""By how much more than they must be cells are widened, and for how long."""


def closed(kernels: Any, case: Case, given: Given) -> dict[str, NDArray[Any]]:
    """Return a backend's cells after a few rounds, with one step less at first."""
    contexts = given.contexts._replace(
        middles=given.contexts.middles.copy(), halves=given.contexts.halves.copy()
    )
    low, high = contexts.middles - contexts.halves, contexts.middles + contexts.halves
    cells = contract.Cells(low, high)
    count = len(low) + 1
    origins = contract.Origins(
        np.full(count, contract.OPEN, np.uint8),
        np.full(count, case.steps - 1, np.int32),
        *np.zeros((2, count), np.int32),
        np.zeros(count),
    )
    counts = kernels.close_sets(
        case.architecture,
        given.block,
        contexts,
        cells,
        origins,
        given.errors,
        propagation_of(case),
        contract.Closure(
            growth=GROWTH,
            most_steps=case.steps,
            rounds=ROUNDS,
            work=WORK,
            most_cells=count,
        ),
    )
    results = {"low": low, "high": high, "middles": contexts.middles, "halves": contexts.halves}
    results |= origins._asdict() | {"counts": np.array(counts, np.int64)}
    return {f"closed_{name}": array for name, array in results.items()}


INFLATION, FLOOR = 0.25, 0.0625
"""The room of boxes, in parts of a width."""


def boxes(kernels: Any, case: Case, given: Given) -> dict[str, NDArray[np.float64]]:
    """Return a backend's boxes around sampled states."""
    bounds = kernels.sample_boxes(case.architecture, given.block, given.samples, INFLATION, FLOOR)
    return dict(zip(("boxes_low", "boxes_high"), bounds, strict=True))


DTYPES = {"outcomes": "int32", "depths": "int32", "work": "int64"}
DTYPES |= {f"closed_{name}": dtype for name, dtype in DTYPES.items()}
DTYPES |= {"closed_states": "uint8", "closed_steps": "int32", "closed_counts": "int64"}
"""The dtypes of results of `run` that are not float64."""


def run(kernels: Any, case: Case) -> dict[str, str]:
    """Return the results as the file has them, and the frames."""
    given = draw(case)
    result = images(kernels, case, given)
    axes = kernels.principal_axes(case.architecture, given.states, given.centres)
    results = {"axes": axes, **result._asdict(), **closed(kernels, case, given)}
    results |= boxes(kernels, case, given)
    return {name: golden.digits(array) for name, array in results.items()}
