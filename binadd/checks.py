"""Checks of arguments: each returns what it was given, made plain, or raises with one sentence.

Arrays of bits are checked in `binadd.bits`, weights in `binadd.parameters`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from binadd.errors import InvalidInputError, InvalidTypeError, MissingExtraError

__all__ = [
    "check_array",
    "check_choice",
    "check_dtype",
    "check_flag",
    "check_instance",
    "check_integer",
    "check_real",
    "extra",
    "shorten",
]

T = TypeVar("T")


def shorten(value: object, limit: int = 60) -> str:
    """Return `repr(value)`, cut to `limit` characters, for use in a sentence.

    Examples
    --------
    >>> shorten("a" * 100, limit=8)
    "'aaaaaa…"
    """
    # A huge int is not worth its digits, and beyond 4300 of them Python refuses to write them.
    if isinstance(value, int) and value.bit_length() > 200:
        sign = "a negative" if value < 0 else "an"
        return f"{sign} integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested deeply, or with a huge int inside
        return f"a {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def check_integer(name: str, value: object, minimum: int = 0, maximum: int | None = None) -> int:
    """Return `value` as an int in `[minimum, maximum]`; bools and floats are refused.

    Raises
    ------
    InvalidTypeError
        If `value` is not an integer (NumPy's integers are).
    InvalidInputError
        If it lies outside the range.

    Examples
    --------
    >>> check_integer("hidden_size", 16, minimum=1)
    16
    >>> check_integer("hidden_size", 0, minimum=1)
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidInputError: hidden_size must be at least 1, not 0
    """
    if isinstance(value, bool | np.bool_):
        raise InvalidTypeError(f"{name} must be an integer, not the bool {bool(value)}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidTypeError(
            f"{name} must be an integer, not {shorten(value)} ({type(value).__name__})"
        ) from None
    if number < minimum:
        raise InvalidInputError(f"{name} must be at least {minimum}, not {shorten(number)}")
    if maximum is not None and number > maximum:
        raise InvalidInputError(f"{name} must be at most {maximum}, not {shorten(number)}")
    return number


def check_real(
    name: str,
    value: object,
    minimum: float = 0.0,
    maximum: float = math.inf,
    *,
    open_minimum: bool = False,
    open_maximum: bool = False,
) -> float:
    """Return `value` as a float between `minimum` and `maximum`; NaN, bools, strings are refused.

    Raises
    ------
    InvalidTypeError
        If `value` is not a number.
    InvalidInputError
        If it is NaN or lies outside the range.

    Examples
    --------
    >>> check_real("momentum", 0.9, maximum=1.0, open_maximum=True)
    0.9
    """
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise InvalidTypeError(
            f"{name} must be a number, not {shorten(value)} ({type(value).__name__})"
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    above = number > minimum if open_minimum else number >= minimum
    below = number < maximum if open_maximum else number <= maximum
    if not (above and below):
        lower = f"more than {minimum:g}" if open_minimum else f"at least {minimum:g}"
        upper = f"less than {maximum:g}" if open_maximum else f"at most {maximum:g}"
        bounds = f"{lower} and {upper}" if math.isfinite(maximum) or open_maximum else lower
        raise InvalidInputError(f"{name} must be {bounds}, not {shorten(value)}")
    return number


def check_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return `value` if it is one of the strings `choices`.

    Raises
    ------
    InvalidTypeError
        If `value` is not a string.
    InvalidInputError
        If it is another string.

    Examples
    --------
    >>> check_choice("loss", "hinge", ["cross_entropy", "squared_error"])
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidInputError: loss must be 'cross_entropy' or 'squared_error', not 'hinge'
    """
    choices = tuple(choices)
    if type(value) is str and value in choices:
        return value
    names = [repr(str(choice)) for choice in choices]
    allowed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    if not isinstance(value, str):
        raise InvalidTypeError(
            f"{name} must be {allowed}, not {shorten(value)} ({type(value).__name__})"
        )
    if repr(str(value)) not in names:
        raise InvalidInputError(f"{name} must be {allowed}, not {shorten(value)}")
    return str(value)


def check_dtype(value: object, choices: Iterable[str]) -> str:
    """Return the name of a dtype, given as one of `choices`, a NumPy type or a `numpy.dtype`.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `check_choice`.

    Examples
    --------
    >>> check_dtype(np.float32, ["float64", "float32"])
    'float32'
    """
    if isinstance(value, type | np.dtype):
        names = list(choices)
        with suppress(TypeError):
            given = np.dtype(value)
            value = next((name for name in names if given == name), given.str)
        return check_choice("dtype", value, names)
    return check_choice("dtype", value, choices)


def check_flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False.

    Raises
    ------
    InvalidTypeError
        If it is anything else, 0 and 1 included.
    """
    if not isinstance(value, bool | np.bool_):
        raise InvalidTypeError(
            f"{name} must be True or False, not {shorten(value)} ({type(value).__name__})"
        )
    return bool(value)


def check_instance(name: str, value: object, kind: type[T]) -> T:
    """Return `value` if it is of this class.

    Raises
    ------
    InvalidTypeError
        If it is of another.

    Examples
    --------
    >>> check_instance("path", 3, str)
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidTypeError: path must be a str, not int
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise InvalidTypeError(
            f"{name} must be {article} {kind.__name__}, not {type(value).__name__}"
        )
    return value


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import libraries that one of binadd's extras installs, inside a `with`.

    Raises
    ------
    MissingExtraError
        If one is missing; the message names the command that installs it.

    Examples
    --------
    >>> with extra("plot"):
    ...     import no_such_library
    Traceback (most recent call last):
        ...
    binadd.errors.MissingExtraError: this needs no_such_library: pip install 'binadd[plot]'
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            f"this needs {missing.name}: pip install 'binadd[{name}]'", name=missing.name
        ) from None


def check_array(name: str, values: ArrayLike, kinds: str, contents: str) -> NDArray[Any]:
    """Return `values` as an array whose dtype is of one of the `kinds` (`numpy.dtype.kind`).

    Raises
    ------
    InvalidTypeError
        If `values` is not a rectangular array of `contents`, or one with a mask.

    Examples
    --------
    >>> check_array("X", [[1, 2], [3]], "biuf", "bits")
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidTypeError: X must be a rectangular array of bits
    """
    if type(values) is np.ndarray:
        array = values
    elif isinstance(values, np.ma.MaskedArray):
        raise InvalidTypeError(f"{name} must be an array without a mask: fill in what is masked")
    else:
        try:
            array = np.asarray(values)
        # The warning, where it is an error, is what NumPy before 1.24 has for ragged lists.
        except (TypeError, ValueError, OverflowError, UserWarning):
            raise InvalidTypeError(f"{name} must be a rectangular array of {contents}") from None
    if array.dtype.kind not in kinds:
        raise InvalidTypeError(
            f"{name} must be an array of {contents}, not of dtype {array.dtype}"
        )
    return array
