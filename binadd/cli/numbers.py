"""Non-negative integers of any length, as people write them: 42, 0b101010, 0x2a.

Python's own conversions refuse more than 4300 decimal digits, since they take quadratic time, and
the limit is the whole process's. These split long numbers in halves instead: quicker, and without
touching the limit.
"""

from __future__ import annotations

import decimal
import re
from functools import cache

from binadd.checks import shorten
from binadd.errors import InvalidInputError

__all__ = ["BASES", "parse_integer", "read_count", "short_integer", "write_integer"]

BASES = {"2": "b", "10": "", "16": "x"}

_INTEGER = re.compile(r"0[bB](?P<binary>[01_]+)|0[xX](?P<hex>[0-9a-fA-F_]+)|(?P<decimal>[0-9_]+)")
_DIGITS = 2048
"""Decimal digits that Python converts at once, below its limit."""
_BITS = 4096


def parse_integer(text: str) -> int:
    """Return the integer that a text stands for.

    Raises
    ------
    InvalidInputError
        If it is negative or no integer.

    Examples
    --------
    >>> parse_integer("42"), parse_integer("0b101010"), parse_integer("0x2A")
    (42, 42, 42)
    """
    match = _INTEGER.fullmatch(text)
    if match is None or not re.search("[0-9a-fA-F]", match[match.lastgroup or 0]):
        raise InvalidInputError(
            f"an operand must be a whole number, 0 or more, such as 42, 0b101010 or 0x2a, "
            f"not {shorten(text)}"
        )
    digits = match[match.lastgroup or 0].replace("_", "")
    if match.lastgroup == "decimal":
        return _read_decimal(digits)
    return int(digits, 2 if match.lastgroup == "binary" else 16)


def read_count(text: str) -> int | None:
    """Return the whole number that a text stands for, as people write counts; None: it is none.

    Examples
    --------
    >>> read_count("10000"), read_count("10,000"), read_count("1e4"), read_count("1.5")
    (10000, 10000, 10000, None)
    """
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text):
        text = text.replace(",", "")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?[eE][0-9]{1,2}", text):
        number = decimal.Decimal(text)
        return int(number) if number == number.to_integral_value() else None
    try:
        return int(text)
    except ValueError:
        return None


def write_integer(integer: int, base: str = "10") -> str:
    """Return the digits of an integer, in base "2", "10" or "16".

    Examples
    --------
    >>> write_integer(42), write_integer(42, "2"), write_integer(42, "16")
    ('42', '0b101010', '0x2a')
    """
    if base != "10":
        return f"{integer:#{BASES[base]}}"
    with decimal.localcontext() as context:
        context.prec = decimal.MAX_PREC
        context.Emax, context.Emin = decimal.MAX_EMAX, decimal.MIN_EMIN
        context.traps[decimal.Inexact] = True
        digits = str(_as_decimal(abs(integer), integer.bit_length()))
        return f"-{digits}" if integer < 0 else digits


def short_integer(integer: int) -> str:
    """Return an integer for use in a sentence: its digits, or how long it is.

    Examples
    --------
    >>> short_integer(42), short_integer(1 << 1000)
    ('42', 'a number of 1,001 bits')
    """
    bits = integer.bit_length()
    return str(integer) if bits <= 128 else f"a number of {bits:,} bits"


def _read_decimal(digits: str) -> int:
    if len(digits) <= _DIGITS:
        return int(digits)
    low = _DIGITS  # digits of the lower part: always a doubled number, so that few powers are met
    while 2 * low < len(digits):
        low *= 2
    return _read_decimal(digits[:-low]) * _power_of_ten(low) + _read_decimal(digits[-low:])


@cache
def _power_of_ten(exponent: int) -> int:
    power: int = 10**exponent
    return power


def _as_decimal(integer: int, bits: int) -> decimal.Decimal:
    """Return an integer of at most `bits` bits as a `Decimal`, whose product is quick."""
    if bits <= _BITS:
        return decimal.Decimal(integer)
    low = _BITS
    while 2 * low < bits:
        low *= 2
    high = _as_decimal(integer >> low, bits - low)
    return high * _power_of_two(low) + _as_decimal(integer & ((1 << low) - 1), low)


@cache
def _power_of_two(exponent: int) -> decimal.Decimal:
    if exponent <= _BITS:
        return decimal.Decimal(1 << exponent)
    half = _power_of_two(exponent // 2)
    return half * half
