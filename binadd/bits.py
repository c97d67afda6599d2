"""Integers, bits and symbols.

Three forms of the same operands, always with the least significant bit first:

    integers   23, 42                Python ints of any size
    bits       X (n, T, operands)    X[m, t, i] is bit t of operand i of sequence m
    symbols    (n, T) uint8          bit i of symbols[m, t] is X[m, t, i]: what kernels read

Nothing here wraps round: what does not fit in the given length is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from binadd.checks import check_array, check_choice, check_flag, check_integer, shorten
from binadd.errors import InvalidInputError, InvalidTypeError
from binadd.form import check_coefficients, form_of

__all__ = [
    "bits_of",
    "check_bits",
    "check_sequences",
    "decode",
    "encode",
    "every_symbol",
    "integer_of",
    "pack_integers",
    "pack_symbols",
    "unpack_symbols",
]

BITORDERS = ("little", "big")

_LONGEST = 2**32
"""Steps that `encode` makes at most: of an operand so long, the bits take 4 GiB, a byte each."""

_BYTE = np.dtype(np.uint8)

_SHORT = 512
"""Up to this many bits, Python's own integers and bytes are quicker than NumPy's calls."""
_DIGITS = b"01" + bytes(254)
_LOWEST_BITS = int.from_bytes(b"\1" * _SHORT)


# Integers and bits -------------------------------------------------------------------------------


def bits_of(integer: int, length: int) -> NDArray[np.uint8]:
    """Return the `length` bits of a non-negative integer, the least significant first.

    Raises
    ------
    InvalidInputError
        If it has more than `length` bits.

    Examples
    --------
    >>> bits_of(6, 4)
    array([0, 1, 1, 0], dtype=uint8)
    """
    if integer.bit_length() > length:
        raise InvalidInputError(f"{shorten(integer)} does not fit in {length} bits")
    data = np.frombuffer(integer.to_bytes((length + 7) // 8, "little"), np.uint8)
    return np.unpackbits(data, count=length, bitorder="little")


def integer_of(bits: NDArray[Any]) -> int:
    """Return the integer with these bits (T,), the least significant first.

    Examples
    --------
    >>> integer_of(np.array([0, 1, 1, 0]))
    6
    """
    if 0 < bits.size <= _SHORT and bits.itemsize == 1:  # the bytes 0 and 1 become digits of base 2
        return int(bits.tobytes()[::-1].translate(_DIGITS), 2)
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def encode(
    numbers: Iterable[Iterable[int]],
    length: int | None = None,
    *,
    bitorder: str = "little",
    coefficients: Iterable[int] | None = None,
) -> NDArray[np.uint8]:
    """Turn operands into an array of bits that a network's `predict` takes.

    Parameters
    ----------
    numbers : iterable of iterables of int, or a data frame
        The operands of each sequence, the same number for all: `[(23, 42), (7, 1)]`. Of a data
        frame, each row is a sequence.
    length : int, optional
        The number of steps; by default the fewest that hold every sum.
    bitorder : {"little", "big"}, default "little"
        Whether the least or the most significant bit comes first, as for `numpy.unpackbits`. A
        network reads the least significant first.
    coefficients : iterable of int, optional
        Those of the network: by default sequences are long enough for a sum.

    Returns
    -------
    ndarray of uint8, shape (n, length, operands)

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an operand is not an integer, is negative, or is longer than `length` bits; if sequences
        differ in how many operands they have, or there are none; if `length` is not 1 to 2³²; if
        there is no such `bitorder`.

    Examples
    --------
    >>> encode([(3, 1)])[0].T
    array([[1, 1, 0],
           [1, 0, 0]], dtype=uint8)
    >>> encode([(3, 1)], bitorder="big")[0].T
    array([[0, 1, 1],
           [0, 0, 1]], dtype=uint8)
    """
    check_choice("bitorder", bitorder, BITORDERS)
    if hasattr(numbers, "to_numpy"):  # a data frame, whose own items are its columns
        numbers = numbers.to_numpy()
    if not np.iterable(numbers) or isinstance(numbers, str | bytes | Mapping):
        raise InvalidTypeError(
            f"numbers must be a sequence with the operands of each sum, not {shorten(numbers)}"
        )
    rows = [_check_operands(row) for row in numbers]
    if not rows or not rows[0]:
        raise InvalidInputError("numbers must hold at least one sequence of operands")
    if any(len(row) != len(rows[0]) for row in rows):
        raise InvalidInputError("every sequence must have the same number of operands")
    if length is None:
        ones = (1,) * len(rows[0])
        form = form_of(ones if coefficients is None else check_coefficients(coefficients))
        length = max(form.length(row) for row in rows)
    length = check_integer("length", length, 1, _LONGEST)
    bits = np.array([[bits_of(number, length) for number in row] for row in rows], np.uint8)
    if bitorder == "big":
        bits = bits[..., ::-1]
    return np.ascontiguousarray(bits.transpose(0, 2, 1))


def _check_operands(row: Any) -> list[int]:
    """Return the operands of one sum, given as any iterable but a string."""
    if not np.iterable(row) or isinstance(row, str | bytes):
        raise InvalidTypeError(
            f"numbers must hold one sequence of operands for each sum, not {shorten(row)}"
        )
    return [check_integer("an operand", number) for number in row]


def decode(bits: ArrayLike, *, bitorder: str = "little", signed: bool = False) -> list[int]:
    """Turn rows of bits, such as `predict` returns, into integers.

    Parameters
    ----------
    bits : array_like of 0 and 1, shape (n, T)
    bitorder : {"little", "big"}, default "little"
        Whether the least or the most significant bit comes first, as for `numpy.packbits`.
    signed : bool, default False
        Whether the most significant bit is a sign, in two's complement.

    Returns
    -------
    list of int

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `bits` is not an array of bits of this shape, or empty; if there is no such `bitorder`.

    Examples
    --------
    >>> decode([[1, 1, 0], [0, 0, 0]])
    [3, 0]
    >>> decode([[1, 1, 0]], bitorder="big"), decode([[1, 1]], signed=True)
    ([6], [-1])
    """
    check_choice("bitorder", bitorder, BITORDERS)
    rows = check_bits(bits, None, "bits")
    rows = rows if bitorder == "little" else rows[:, ::-1]
    signs = int(check_flag("signed", signed)) << rows.shape[1]
    return [integer_of(row) - signs * int(row[-1]) for row in rows]


# Symbols -----------------------------------------------------------------------------------------


def pack_symbols(bits: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn bits (…, operands), known to be 0 or 1, into symbols (…).

    Examples
    --------
    >>> pack_symbols(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
    array([0, 1, 2, 3], dtype=uint8)
    """
    bits = bits.astype(np.uint8, copy=False)
    symbols = bits[..., 0].copy()
    for operand in range(1, bits.shape[-1]):
        symbols |= bits[..., operand] << operand
    return symbols


def unpack_symbols(symbols: NDArray[np.uint8], operands: int) -> NDArray[np.uint8]:
    """Turn symbols (…) into bits (…, operands).

    Examples
    --------
    >>> unpack_symbols(np.array([2, 3], np.uint8), operands=2)
    array([[0, 1],
           [1, 1]], dtype=uint8)
    """
    return (symbols[..., np.newaxis] >> np.arange(operands, dtype=np.uint8)) & np.uint8(1)


def pack_integers(integers: Sequence[int], length: int) -> NDArray[np.uint8]:
    """Turn the operands of one sum, none longer than `length` bits, into its symbols (length,).

    Examples
    --------
    >>> pack_integers([3, 1], 3)
    array([3, 1, 0], dtype=uint8)
    """
    if length > _SHORT:
        symbols = bits_of(integers[0], length)
        for operand in range(1, len(integers)):
            symbols |= bits_of(integers[operand], length) << operand
        return symbols
    packed = 0
    for operand, integer in enumerate(integers):
        # "0b101" read as base-256 digits: one byte a bit, the value in its lowest bit.
        packed |= (int.from_bytes(bin(integer)[2:].encode()) & _LOWEST_BITS) << operand
    return np.frombuffer(packed.to_bytes(length, "little"), np.uint8)


def every_symbol(operands: int) -> NDArray[np.uint8]:
    """Return every symbol (2ⁿ,) of n operands, at most 8."""
    return np.arange(1 << operands).astype(np.uint8)


# Checks of arrays --------------------------------------------------------------------------------


def check_sequences(X: ArrayLike, operands: int, name: str = "X") -> NDArray[np.uint8]:
    """Check an array of bits X (n, T, operands) and return its symbols (n, T).

    Bits may come in any boolean, integer or real dtype, as long as each is exactly 0 or 1.

    Raises
    ------
    InvalidTypeError
        If `X` is not a rectangular array of numbers.
    InvalidInputError
        If its shape is wrong, it is empty, or it holds anything but 0 and 1.
    """
    array = check_array(name, X, "biuf", "bits, 0 or 1")
    if array.ndim != 3 or array.shape[2] != operands:
        raise InvalidInputError(
            f"{name} must have the shape (sequences, steps, {operands}), not {array.shape}"
        )
    if array.dtype == _BYTE and array.size <= _SHORT:
        symbols = _pack_short(array)
        if symbols is not None:
            return symbols
    return pack_symbols(_only_bits(array, name))


def check_bits(y: ArrayLike, shape: tuple[int, int] | None, name: str = "y") -> NDArray[np.uint8]:
    """Check an array of bits y, (n, T) or (n, T, 1), and return it (n, T) as contiguous uint8.

    Raises
    ------
    InvalidTypeError
        If `y` is not a rectangular array of numbers.
    InvalidInputError
        If its shape is not `shape`, it is empty, or it holds anything but 0 and 1.
    """
    array = check_array(name, y, "biuf", "bits, 0 or 1")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        wanted = "(sequences, steps)" if shape is None else f"{shape}"
        raise InvalidInputError(f"{name} must have the shape {wanted}, not {array.shape}")
    return np.ascontiguousarray(_only_bits(array, name), np.uint8)


def _pack_short(array: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the symbols of a small array X (n, T, operands), None where it is not all bits.

    `pack_symbols` with its check, in a quarter of the time: the array is one big integer with
    a bit in every byte, and shifting by 7 i moves the bit of byte i to bit i of byte 0.
    """
    data = array.tobytes()
    if not data or data.translate(None, b"\0\1"):
        return None
    sequences, steps, operands = array.shape
    spread = packed = int.from_bytes(data, "little")
    for operand in range(1, operands):
        packed |= spread >> 7 * operand
    symbols = packed.to_bytes(len(data), "little")[::operands]
    return np.ndarray((sequences, steps), _BYTE, symbols)


def _only_bits(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return `array` if it holds nothing but 0 and 1, and at least one of them."""
    if array.size == 0:
        raise InvalidInputError(f"{name} is empty: its shape is {array.shape}")
    if array.dtype.kind == "b":
        return array
    if array.dtype == np.uint8:
        if array.max() <= 1:
            return array
        wrong = array > 1
    else:
        wrong = (array != 0) & (array != 1)
        if not wrong.any():
            return array
    where = tuple(int(index) for index in np.argwhere(wrong)[0])
    place = ", ".join(map(str, where))
    raise InvalidInputError(
        f"{name} must hold bits, 0 or 1, but {name}[{place}] is {array[where]}"
    )
