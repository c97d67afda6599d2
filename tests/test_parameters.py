"""Layout, initial values and checks of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.kernels.contract import Architecture
from binadd.parameters import initial_block, named_views, parameter_shapes, read_parameters
from binadd.random_streams import weight_stream

ARCHITECTURES = st.builds(
    Architecture,
    hidden_size=st.integers(1, 40),
    operands=st.integers(1, 8),
    activation=st.sampled_from(["sigmoid", "tanh"]),
    biases=st.booleans(),
    dtype=st.sampled_from(["float64", "float32"]),
)


def given_parameters(**changes: Any) -> dict[str, Any]:
    """Return valid parameters of three hidden units with changes; None leaves one out."""
    parameters = {
        "input_weights": np.zeros((3, 2)),
        "hidden_weights": np.zeros((3, 3)),
        "hidden_bias": np.zeros(3),
        "output_weights": np.zeros(3),
        "output_bias": 0.0,
    }
    return {name: array for name, array in (parameters | changes).items() if array is not None}


@given(ARCHITECTURES)
def test_views_share_the_block_and_cover_it_but_for_the_padding(
    architecture: Architecture,
) -> None:
    block = np.zeros(architecture.block_shape, architecture.dtype)
    views = named_views(architecture, block)
    assert {name: view.shape for name, view in views.items()} == parameter_shapes(architecture)
    for view in views.values():
        view += 1
    assert block.sum() == sum(view.size for view in views.values())
    assert set(np.unique(block)) <= {0, 1}  # no two views overlap


def test_the_rows_are_where_the_kernels_look_for_them() -> None:
    architecture = Architecture(hidden_size=3)
    block = np.arange(64.0).reshape(architecture.block_shape)
    views = named_views(architecture, block)
    assert views["input_weights"].T.tolist() == [[0, 1, 2], [8, 9, 10]]
    assert views["hidden_weights"].T.tolist() == [[16, 17, 18], [24, 25, 26], [32, 33, 34]]
    assert views["hidden_bias"].tolist() == [40, 41, 42]
    assert views["output_weights"].tolist() == [48, 49, 50]
    assert views["output_bias"] == 56


@given(ARCHITECTURES, st.integers(0, 2**64 - 1))
def test_initial_weights(architecture: Architecture, seed: int) -> None:
    views = named_views(architecture, initial_block(architecture, seed))
    stream = weight_stream(seed)
    digits = 53 if architecture.dtype == "float64" else 24
    for name, view in views.items():
        if name.endswith("bias"):
            assert not view.any()
            continue
        assert view.min() >= -1 and view.max() < 1
        for value in view.ravel():  # in the order drawn, each exact
            assert (
                float(value) == (int(stream.random_raw()) >> (64 - digits)) / 2 ** (digits - 1) - 1
            )


def test_both_dtypes_start_alike() -> None:
    double = initial_block(Architecture(16), 7)
    single = initial_block(Architecture(16, dtype="float32"), 7)
    assert 0 <= (double - single).max() < 2**-23


def test_initial_weights_never_change() -> None:
    assert float(initial_block(Architecture(16), 0)[0, 0]).hex() == "0x1.c5916bff357dcp-1"


@given(ARCHITECTURES, st.integers(0, 100))
def test_reading_gives_back_what_was_named(architecture: Architecture, seed: int) -> None:
    block = initial_block(architecture, seed)
    read, copied = read_parameters(named_views(architecture, block), architecture.activation)
    assert read == architecture
    np.testing.assert_array_equal(copied, block)
    assert not np.shares_memory(copied, block)


def test_dtypes_read() -> None:
    assert read_parameters(given_parameters(output_bias=3))[0].dtype == "float64"
    single = {name: np.float32(array) for name, array in given_parameters().items()}
    assert read_parameters(single)[0].dtype == "float32"
    assert read_parameters(single | {"output_bias": 0.0})[0].dtype == "float64"
    assert read_parameters(single, dtype="float64")[0].dtype == "float64"


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"hidden_weights": None}, InvalidInputError, "lack hidden_weights"),
        ({"output_bias": None}, InvalidInputError, "lack output_bias"),
        ({"W": np.zeros(2)}, InvalidInputError, "'W' is not a parameter; allowed: input_weights"),
        ({"input_weights": np.zeros(3)}, InvalidInputError, r"shape \(hidden_size, operands\)"),
        ({"input_weights": np.zeros((0, 2))}, InvalidInputError, r"not \(0, 2\)"),
        ({"input_weights": np.zeros((2, 3))}, InvalidInputError, r"\(3, operands\).* transposed"),
        ({"input_weights": np.zeros((300, 2))}, InvalidInputError, "at most 256 hidden units"),
        ({"input_weights": np.zeros((3, 9))}, InvalidInputError, "and 8 operands"),
        ({"hidden_weights": np.zeros((3, 2))}, InvalidInputError, r"\(3, 3\), not \(3, 2\)"),
        ({"output_bias": np.zeros(1)}, InvalidInputError, r"\(\), not \(1,\)"),
        ({"hidden_bias": [0, np.nan, 0]}, InvalidInputError, "hidden_bias must hold finite"),
        ({"hidden_bias": [0, np.inf, 0]}, InvalidInputError, "hidden_bias must hold finite"),
        ({"hidden_bias": ["a", "b", "c"]}, InvalidTypeError, "real numbers, not of dtype <U1"),
        ({"hidden_bias": [1j, 0, 0]}, InvalidTypeError, "complex"),
        ({"hidden_bias": [None, 0, 0]}, InvalidTypeError, "object"),
        ({"hidden_bias": [True, False, True]}, InvalidTypeError, "bool"),
        ({"hidden_weights": [[1, 2], [3]]}, InvalidTypeError, "rectangular"),
    ],
)
def test_what_are_no_parameters(
    changes: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        read_parameters(given_parameters(**changes))


def test_what_overflows_the_dtype_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="finite"):
        read_parameters(given_parameters(output_bias=1e300), dtype="float32")


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidTypeError, match="mapping of names to arrays, not list"):
        read_parameters([1, 2])  # type: ignore[arg-type]
