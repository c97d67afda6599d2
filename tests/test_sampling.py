"""Boxes around sampled states: those of both kernels are equal bit for bit, and what they say."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from kernel_cases import Compare, learner, same_bits
from numpy.typing import NDArray

from binadd.errors import InvalidInputError
from binadd.kernels.contract import LEAST_ROOM, Architecture, Samples

SIZES = (1, 3, 8, 10, 16, 20)
FORMS = ((1,), (1, 1), (1, 1, 1), (-1,), (1, -1), (2, -3), (-1, 2, 1))
"""Sums, and forms whose first carry is not the lowest."""


class Case(NamedTuple):
    """The arguments of `sample_boxes`."""

    architecture: Architecture
    block: NDArray[np.float64]
    samples: Samples
    inflation: float = 0.3
    floor: float = 0.03


def drawn(
    seed: int,
    form: tuple[int, ...] = (1, 1),
    *,
    length: int = 1,
    sequences: int = 20,
    pool: int = 10,
    contexts: int = 12,
    **options: Any,
) -> Case:
    """Words and contexts at random; pools begin with the state 0, but for that of the carry 0."""
    random = np.random.default_rng(seed)
    start = learner(seed, operands=len(form), coefficients=form, **options)
    carries, symbols = start.architecture.form.carries, 1 << len(form)
    pools = random.integers(0, sequences, (carries, pool), np.int32)
    pools[np.arange(carries) != start.architecture.form.start, 0] = -1
    samples = Samples(
        random.integers(0, symbols, (sequences, 6), np.uint8),
        pools,
        random.integers(0, carries, contexts, np.int32),
        random.integers(0, symbols, (contexts, length), np.uint8),
    )
    return Case(start.architecture, start.block, samples)


def changed(case: Case, name: str, value: Any) -> Case:
    """Return a case whose samples have another array of this name."""
    return case._replace(samples=case.samples._replace(**{name: value}))


# ---------------------------------------------------------------------------------------------
# The same bits
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("size", SIZES)
def test_bits_are_equal(compare: Compare, size: int, activation: str) -> None:
    random = np.random.default_rng(size)
    for form in FORMS:
        for length in (0, 1, 2):
            case = drawn(
                size,
                form,
                length=length,
                sequences=int(random.integers(1, 40)),  # also one alone, and lanes that are left
                pool=int(random.integers(1, 20)),
                hidden_size=size,
                activation=activation,
            )
            compare(lambda kernels, c=case: kernels.sample_boxes(*c))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 1e-310, -0.0])
def test_bits_are_equal_of_any_numbers(compare: Compare, value: float) -> None:
    """Of a NaN, sign and payload may differ."""
    for row in (0, 5, -3):
        case = drawn(row + 9, hidden_size=10)
        case.block[row, 1] = value
        for given in (case, case._replace(inflation=value), case._replace(floor=value)):
            boxes = compare(
                lambda kernels, g=given: tuple(
                    np.where(np.isnan(bound), np.nan, bound) for bound in kernels.sample_boxes(*g)
                )
            )
            assert np.isfinite(boxes[0][:, :1]).any() or not np.isfinite(value)


def test_bits_are_equal_of_large_networks(compare: Compare) -> None:
    for form, size in (((1,), 256), ((1,) * 8, 3), ((16,), 3), ((-15,), 3)):
        case = drawn(1, form, hidden_size=size)
        compare(lambda kernels, c=case: kernels.sample_boxes(*c))


# ---------------------------------------------------------------------------------------------
# What boxes hold
# ---------------------------------------------------------------------------------------------


def states_after(kernels: Any, case: Case, context: int) -> tuple[Any, Any]:
    """Return states (M, H) after a context, each sample run alone, and that from the state 0."""
    architecture, block, samples, *_ = case
    zero = np.zeros((1, architecture.hidden_size))

    def after(words: NDArray[np.uint8], state: NDArray[np.float64]) -> Any:
        if not words.size:
            return state
        return kernels.forward(architecture, block, words, state).final_state

    pool = samples.pools[samples.carries[context]]
    word = samples.words[context : context + 1]
    before = [zero if i < 0 else after(samples.symbols[i : i + 1], zero) for i in pool]
    return np.concatenate([after(word, state) for state in before]), after(word, zero)[0]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("length", [0, 1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_boxes_hold_the_sampled_states_with_room(
    kernels: Any, form: tuple[int, ...], length: int, activation: str
) -> None:
    case = drawn(3, form, length=length, pool=4, hidden_size=10, activation=activation)
    low, high = kernels.sample_boxes(*case)
    assert low.shape == high.shape == (12, 16)
    assert not low[:, 10:].any()
    assert not high[:, 10:].any()
    outside = False
    for context, carry in enumerate(case.samples.carries):
        states, first = states_after(kernels, case, context)
        least, most = states.min(0), states.max(0)
        width = most - least
        room = case.inflation * width + (case.floor * width.max() + LEAST_ROOM)
        if carry == case.architecture.form.start:
            outside |= bool(((first < least) | (first > most)).any())
            least, most = np.minimum(least, first), np.maximum(most, first)
        assert np.array_equal(low[context, :10], least - room)
        assert np.array_equal(high[context, :10], most + room)
    assert outside


def test_one_state_has_the_least_room(kernels: Any) -> None:
    case = drawn(0, length=0, hidden_size=3)
    case.samples.pools[:] = -1
    low, high = kernels.sample_boxes(*case)
    assert (low[:, :3] == -LEAST_ROOM).all()
    assert (high[:, :3] == LEAST_ROOM).all()


def test_the_state_0_is_only_where_sums_begin(kernels: Any) -> None:
    """Sums begin with the carry 0, here not the lowest."""
    case = drawn(1, (1, -1), length=0, sequences=1, hidden_size=3)
    case.samples.pools[:] = 0
    low, high = kernels.sample_boxes(*case)
    begins = case.samples.carries == 1
    assert case.architecture.form.start == 1
    assert begins.any()
    assert not begins.all()
    held = ((low <= 0) & (high >= 0)).all(1)
    assert np.array_equal(held, begins)


def test_what_is_given_is_only_read(kernels: Any) -> None:
    case = drawn(0, hidden_size=3)
    expected = kernels.sample_boxes(*case)
    for array in (case.block, *case.samples):
        array.flags.writeable = False
    assert same_bits(expected, kernels.sample_boxes(*case))


# ---------------------------------------------------------------------------------------------
# What is refused
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        *[("pools", value, "pools must be from -1 to 19") for value in (-2, 20, 1 << 30)],
        *[("carries", value, "carries must be from 0 to 1") for value in (-1, 2, 1 << 30)],
        *[("words", value, "words of 2 operands must be below 4") for value in (4, 255)],
        *[("symbols", value, "symbols of 2 operands must be below 4") for value in (4, 255)],
    ],
)
def test_numbers_out_of_range_are_refused(
    kernels: Any, name: str, value: int, sentence: str
) -> None:
    case = drawn(0, hidden_size=3)
    kernels.sample_boxes(*case)
    getattr(case.samples, name).reshape(-1)[-1] = value
    with pytest.raises(InvalidInputError, match=f"^{sentence}$"):
        kernels.sample_boxes(*case)


@pytest.mark.parametrize("name", Samples._fields)
def test_other_dimensions_are_refused(kernels: Any, name: str) -> None:
    case = drawn(0, hidden_size=3)
    array = getattr(case.samples, name)
    for wrong in (None, array.reshape(-1)[0], array.reshape(-1)[0:1].reshape(()), array[None]):
        with pytest.raises(InvalidInputError, match=f"^{name} must be"):
            kernels.sample_boxes(*changed(case, name, wrong))
    if name != "carries":
        with pytest.raises(InvalidInputError, match=f"^{name} must be"):
            kernels.sample_boxes(*changed(case, name, array[0]))


@pytest.mark.parametrize("name", ["pools", "carries", "symbols"])
def test_nothing_to_sample_is_refused(kernels: Any, name: str) -> None:
    case = drawn(0, length=0, hidden_size=3)
    array = getattr(case.samples, name)
    case = changed(case, "words", np.zeros((0 if name == "carries" else 12, 0), np.uint8))
    with pytest.raises(InvalidInputError, match=rf"^{name} must (not be empty|be a non-empty)"):
        kernels.sample_boxes(*changed(case, name, array[..., :0]))


def test_boxes_are_those_of_float64_networks(kernels: Any) -> None:
    narrow = learner(hidden_size=3, dtype="float32")
    case = drawn(0, hidden_size=3)._replace(architecture=narrow.architecture, block=narrow.block)
    with pytest.raises(InvalidInputError, match="float64"):
        kernels.sample_boxes(*case)
