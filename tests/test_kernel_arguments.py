"""Kernels hand the bare memory of their arguments to C: what does not fit it is refused before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kernel_cases import learner, same_bits, sequences, unaligned
from numpy.typing import NDArray
from reach_cases import drawn

from binadd.errors import BinaddError, InvalidInputError
from binadd.kernels.contract import Batch, Learner, Optimizer, Propagation, Report, Samples

NETWORKS = 3
WRITTEN = ("block", "moments", "powers", "losses", "wrong_bits")
COUNTED = ("symbols", "words", "carries", "origins", "states")
"""They say how many there are."""
LEARNING = {"loss": "cross_entropy", "optimizer": Optimizer("adam")}


def arguments(function: str) -> dict[str, Any]:
    """Arguments that the function takes; every array has more than one row and column."""
    start = learner()
    symbols, targets = sequences(4)
    network = {"architecture": start.architecture, "block": start.block}
    memory = {"moments": start.moments, "powers": start.powers}
    reports = {"losses": np.empty(4), "wrong_bits": np.empty(4, np.int64)}
    data = {"symbols": symbols, "targets": targets}
    population = {**data, **memory, **reports}
    noise = np.zeros((4, *start.block.shape))
    stacked = {name: np.stack([array] * NETWORKS) for name, array in population.items()}
    propagation = Propagation(affine=True, steps=2, budget=9, slack=0)
    return {
        "forward": {**network, "symbols": symbols, "initial_state": np.zeros((4, 16))},
        "logits": {**network, "symbols": symbols},
        "probabilities": {**network, "symbols": symbols},
        "bits": {**network, "symbols": symbols},
        "loss_and_gradients": {
            **network,
            **{**data, "loss": "cross_entropy"},
        },
        "train": {**network, **population, **LEARNING, "batch_size": 1, "noise": noise},
        "train_population": {
            **{"architecture": start.architecture, "block": np.stack([start.block] * NETWORKS)},
            **{**stacked, **LEARNING, "learning_rates": np.ones(NETWORKS)},
        },
        "first_error": {**network, "bits": 4},
        "sample_boxes": {
            **{**network, "symbols": symbols, "pools": np.zeros((2, 3), np.int32)},
            **{"carries": np.zeros(4, np.int32), "words": np.zeros((4, 3), np.uint8)},
            **{"inflation": 0.1, "floor": 0.1},
        },
        "propagate": {**drawn(0)._asdict(), "propagation": propagation},
        "principal_axes": {
            **{"architecture": start.architecture, "states": np.ones((4, 5, 16))},
            "centres": np.zeros((4, 16)),
        },
        "unpack_words": {"words": np.ones((4, 2), np.uint64), "operands": 2, "length": 40},
        "exact_sums": {"architecture": start.architecture, "symbols": symbols},
        "activation": {"values": np.zeros(4), "name": "tanh"},
    }[function]


def call(kernels: Any, function: str, given: dict[str, Any]) -> Any:
    """Call with these arguments, those of learner, batch, report and samples put together."""
    given = dict(given)

    def gather(kind: Any) -> Any:
        return kind(*(given.pop(name) for name in kind._fields))

    if function.startswith("train"):
        given |= {"learner": gather(Learner), "report": gather(Report)}
    if "targets" in given:
        given["batch"] = gather(Batch)
    if "pools" in given:
        given["samples"] = gather(Samples)
    return getattr(kernels, function)(**given)


def spoilt(function: str, name: str, array: NDArray[Any]) -> Iterator[Any]:
    """Return the array in a layout that C could not read."""
    yield array.tolist()
    yield array.astype(np.complex128)
    if array.itemsize > 1:
        yield array.astype(array.dtype.newbyteorder())
    if function != "activation":  # takes any shape, and copies
        if array.itemsize > 1:
            yield unaligned(array)
        yield array[None]
        if (function, name) != ("sample_boxes", "words"):  # contexts may have no symbols
            yield array[..., :0]
        yield np.repeat(array, 2, axis=-1)[..., ::2]
        if array.ndim > 1:
            yield np.asfortranarray(array)
        if name not in COUNTED:
            yield array[:-1]


CASES = [
    (function, name)
    for function in (
        *("forward", "logits", "probabilities", "bits", "loss_and_gradients", "train"),
        *("train_population", "first_error", "unpack_words", "exact_sums", "activation"),
        *("sample_boxes", "propagate", "principal_axes"),
    )
    for name, argument in arguments(function).items()
    if isinstance(argument, np.ndarray)
]


@pytest.mark.parametrize(("function", "name"), CASES)
def test_what_does_not_fit_is_refused(kernels: Any, function: str, name: str) -> None:
    given = arguments(function)
    call(kernels, function, given)
    for wrong in spoilt(function, name, given[name]):
        with pytest.raises(InvalidInputError, match=f"^{name} (must|of 2 operands must)"):
            call(kernels, function, {**given, name: wrong})


@pytest.mark.parametrize(
    ("function", "name"), [case for case in CASES if case[0][:5] == "train" and case[1] in WRITTEN]
)
def test_what_is_to_be_kept_is_not_written_to(kernels: Any, function: str, name: str) -> None:
    given = arguments(function)
    given[name].flags.writeable = False
    before = given[name].copy()
    with pytest.raises(ValueError, match="read-only"):
        call(kernels, function, given)
    assert given[name].tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("function", "changes", "sentence"),
    [
        (
            "loss_and_gradients",
            {"targets": np.full((4, 8), 2, np.uint8)},
            "targets must be 0 or 1",
        ),
        ("train", {"batch_size": 0}, r"\(4\) must be a multiple of batch_size \(0\)"),
        ("train", {"batch_size": 3}, r"\(4\) must be a multiple of batch_size \(3\)"),
        ("first_error", {"bits": 0}, "sums of 2 operands can all be run to 12 bits, not 0"),
        ("first_error", {"bits": 13}, "sums of 2 operands can all be run to 12 bits, not 13"),
    ],
)
def test_what_no_kernel_can_do(
    kernels: Any, function: str, changes: dict[str, Any], sentence: str
) -> None:
    given = arguments(function)
    with pytest.raises(InvalidInputError, match=sentence):
        call(kernels, function, given | changes)


@pytest.mark.parametrize("operands", [-1, 0, 9, 1 << 40, True, 2.0])
def test_operands_are_some_and_no_more_than_eight(kernels: Any, operands: Any) -> None:
    with pytest.raises(BinaddError, match=r"^operands must be "):
        kernels.unpack_words(**{**arguments("unpack_words"), "operands": operands})


@pytest.mark.parametrize("length", [-1, 0, 65, 1 << 80])
def test_no_word_has_symbols_of_such_a_length(kernels: Any, length: int) -> None:
    with pytest.raises(InvalidInputError, match=r"^(length must be at least|\d+ symbols of)"):
        kernels.unpack_words(**{**arguments("unpack_words"), "length": length})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_activations_take_values_as_they_lie(kernels: Any, dtype: str) -> None:
    values = np.linspace(-3, 3, 24, dtype=dtype).reshape(4, 6)
    expected = kernels.activation(values, "tanh")
    before = values.copy()
    for same in (unaligned(values), np.asfortranarray(values), np.repeat(values, 2, 1)[:, ::2]):
        assert same_bits(kernels.activation(same, "tanh"), expected)
    assert same_bits(values, before)


def test_arrays_are_let_go(native: Any) -> None:
    for function in {function for function, _ in CASES}:
        given = arguments(function)
        arrays = [argument for argument in given.values() if isinstance(argument, np.ndarray)]
        before = [sys.getrefcount(array) for array in arrays]
        call(native, function, given)
        assert [sys.getrefcount(array) for array in arrays] == before, function
