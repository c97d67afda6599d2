"""Integers, bits and symbols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binadd import bits
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.form import form_of

# Both below and above the length from which NumPy does what Python's integers did.
INTEGERS = st.integers(0, 2**600)
OPERANDS = st.lists(INTEGERS, min_size=1, max_size=8)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_carries_are_what_is_left_of_the_sum(integers: list[int]) -> None:
    X = bits.encode([integers])
    lower = [sum(n % (2 << t) for n in integers) >> (t + 1) for t in range(X.shape[1])]
    form = form_of((1,) * len(integers))
    assert form.after(bits.pack_symbols(X))[0].tolist() == lower


@given(INTEGERS, st.integers(0, 9))
def test_bits_of_an_integer_and_back(integer: int, more: int) -> None:
    length = integer.bit_length() + more
    array = bits.bits_of(integer, length)
    assert array.tolist() == [integer >> t & 1 for t in range(length)]
    assert bits.integer_of(array) == integer


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="256 does not fit in 8 bits"):
        bits.bits_of(256, 8)


@given(OPERANDS)
def test_the_sum_fits_in_its_length(integers: list[int]) -> None:
    length = form_of((1,) * len(integers)).length(integers)
    assert length >= 1 and sum(integers) < 2**length
    longest = max(integer.bit_length() for integer in integers)
    assert length == 1 or (len(integers) * (2**longest - 1)).bit_length() == length


@given(OPERANDS)
def test_packed_integers_are_their_packed_bits(integers: list[int]) -> None:
    length = form_of((1,) * len(integers)).length(integers)
    X = bits.encode([integers], length)
    symbols = bits.pack_integers(integers, length)
    assert symbols.dtype == np.uint8 and symbols.shape == (length,)
    np.testing.assert_array_equal(symbols, bits.pack_symbols(X)[0])
    np.testing.assert_array_equal(symbols, bits.check_sequences(X, len(integers))[0])
    np.testing.assert_array_equal(bits.unpack_symbols(symbols, len(integers)), X[0])
    assert [bits.integer_of(operand) for operand in X[0].T] == integers


def test_a_million_bits() -> None:
    integers = [2**1_000_000 - 1, 3]
    symbols = bits.pack_integers(integers, 1_000_001)
    assert [bits.integer_of(symbols >> i & 1) for i in (0, 1)] == integers


@given(st.lists(st.lists(INTEGERS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_encode_and_decode(rows: list[list[int]]) -> None:
    X = bits.encode(rows)
    assert X.dtype == np.uint8 and X.flags.c_contiguous
    assert X.shape == (len(rows), max(form_of((1, 1)).length(row) for row in rows), 2)
    assert bits.decode(X[..., 0]) == [row[0] for row in rows]
    assert bits.decode(X[..., 1]) == [row[1] for row in rows]


class Frame:
    """As of pandas and polars: iterated, it gives the columns or their names."""

    def __init__(self, columns: dict[str, list[int]]) -> None:
        self._columns = columns

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._columns.values())

    def to_numpy(self) -> np.ndarray:
        return np.array(list(self._columns.values())).T


def test_rows_of_a_data_frame_are_sequences() -> None:
    frame = Frame({"a": [23, 7], "b": [42, 1]})
    np.testing.assert_array_equal(bits.encode(frame), bits.encode([(23, 42), (7, 1)]))
    with pytest.raises(InvalidTypeError, match="numbers must be a sequence"):
        bits.encode({(23, 42): 65})


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=2), min_size=1))
def test_bit_orders_are_numpys(rows: list[list[int]]) -> None:
    array = np.array(rows, ">u4").view(np.uint8).reshape(len(rows), 2, 4)
    big = np.unpackbits(array, axis=2, bitorder="big").transpose(0, 2, 1)
    little = np.unpackbits(array[..., ::-1], axis=2, bitorder="little").transpose(0, 2, 1)
    np.testing.assert_array_equal(bits.encode(rows, 32, bitorder="big"), big)
    np.testing.assert_array_equal(bits.encode(rows, 32), little)
    first = [row[0] for row in rows]
    assert bits.decode(big[..., 0], bitorder="big") == bits.decode(little[..., 0]) == first
    assert bits.decode(big[..., :1], bitorder="big") == first  # a column


@pytest.mark.parametrize("call", [bits.encode, bits.decode])
def test_there_is_no_other_bit_order(call: Any) -> None:
    with pytest.raises(InvalidInputError, match="bitorder must be 'little' or 'big', not 'left'"):
        call([[1, 0]], bitorder="left")


@pytest.mark.parametrize(
    ("numbers", "error", "sentence"),
    [
        ([], InvalidInputError, "at least one"),
        ([[]], InvalidInputError, "at least one"),
        ([(1, 2), (1,)], InvalidInputError, "the same number of operands"),
        ([(1, -2)], InvalidInputError, "at least 0, not -2"),
        ([(1, 2.0)], InvalidTypeError, "not 2.0"),
        ([(1, True)], InvalidTypeError, "bool"),
        ([1, 2], InvalidTypeError, "one sequence of operands"),
        (["12"], InvalidTypeError, "one sequence of operands"),
        ("12", InvalidTypeError, "the operands of each sum, not '12'"),
        (5, InvalidTypeError, "the operands of each sum, not 5"),
        (None, InvalidTypeError, "the operands of each sum, not None"),
    ],
)
def test_what_encode_refuses(numbers: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        bits.encode(numbers)


@pytest.mark.parametrize("length", [0, 2**32 + 1, 2**70])
def test_encode_refuses_a_length_out_of_range(length: int) -> None:
    with pytest.raises(InvalidInputError, match=r"length must be at (least|most)"):
        bits.encode([(4, 1)], length)


def test_encode_refuses_a_length_too_short() -> None:
    with pytest.raises(InvalidInputError, match="4 does not fit in 2 bits"):
        bits.encode([(4, 1)], 2)


@pytest.mark.parametrize("operands", range(1, 9))
def test_every_symbol(operands: int) -> None:
    assert bits.every_symbol(operands).tolist() == list(range(2**operands))


# Checks of arrays --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "int64", "uint32", "float32", "float64"]
)
@pytest.mark.parametrize("count", [1, 500])
def test_every_dtype_of_bits_gives_the_same_symbols(dtype: str, count: int) -> None:
    X = np.random.default_rng(0).integers(0, 2, (count, 5, 3))
    expected = X @ [1, 2, 4]
    np.testing.assert_array_equal(bits.check_sequences(X.astype(dtype), 3), expected)
    np.testing.assert_array_equal(
        bits.check_sequences(X.astype(dtype)[:, ::-1], 3), expected[:, ::-1]
    )
    np.testing.assert_array_equal(bits.check_sequences(X.tolist(), 3), expected)


@pytest.mark.parametrize(
    ("X", "error", "sentence"),
    [
        (np.zeros((2, 3)), InvalidInputError, r"shape \(sequences, steps, 2\), not \(2, 3\)"),
        (np.zeros((2, 3, 1)), InvalidInputError, r"not \(2, 3, 1\)"),
        (1, InvalidInputError, r"not \(\)"),
        (np.zeros((0, 3, 2)), InvalidInputError, "empty"),
        (np.zeros((2, 0, 2), np.uint8), InvalidInputError, "empty"),
        (np.full((1, 1, 2), 2), InvalidInputError, r"X\[0, 0, 0\] is 2"),
        (np.array([[[0, 1], [1, 7]]], np.uint8), InvalidInputError, r"X\[0, 1, 1\] is 7"),
        (np.full((300, 1, 2), 255, np.uint8), InvalidInputError, r"X\[0, 0, 0\] is 255"),
        (np.full((1, 1, 2), -1), InvalidInputError, "is -1"),
        (np.full((1, 1, 2), 0.5), InvalidInputError, "is 0.5"),
        (np.full((1, 1, 2), np.nan), InvalidInputError, "is nan"),
        (np.full((1, 1, 2), "1"), InvalidTypeError, "not of dtype <U1"),
        (np.full((1, 1, 2), 1, object), InvalidTypeError, "not of dtype object"),
        (np.full((1, 1, 2), 1j), InvalidTypeError, "not of dtype complex128"),
        ([[[0, 1]], [[0]]], InvalidTypeError, "rectangular"),
        (None, InvalidTypeError, "object"),
        ("0101", InvalidTypeError, "not of dtype"),
        ([[[2**70, 0]]], InvalidTypeError, "object"),
    ],
)
def test_what_is_no_array_of_bits(X: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        bits.check_sequences(X, 2)


def test_what_are_no_targets() -> None:
    with pytest.raises(InvalidInputError, match=r"y must have the shape \(2, 3\), not \(2, 4\)"):
        bits.check_bits(np.zeros((2, 4)), (2, 3))
    with pytest.raises(InvalidInputError, match=r"y\[1, 0\] is 3"):
        bits.check_bits([[0, 0], [3, 0]], (2, 2))


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", ">i2", "u2", "i4", "u8"])
@pytest.mark.parametrize("length", [1, 3, 70, 700])
def test_integers_of_bits_of_any_dtype(dtype: str, length: int) -> None:
    integer = (1 << length) // 3 | 1 << length - 1
    assert bits.integer_of(bits.bits_of(integer, length).astype(dtype)) == integer
