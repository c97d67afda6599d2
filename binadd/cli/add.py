"""`binadd add` and `binadd compute`: let a network add, or compute its form."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from binadd.cli.command import NO, YES, Outcome, option, say, subcommand, wants_json
from binadd.cli.files import existing_file
from binadd.cli.numbers import BASES, parse_integer, short_integer, write_integer
from binadd.errors import InvalidInputError

if TYPE_CHECKING:
    from binadd.form import Form

__all__ = ["add", "compute"]

_LONGEST = 1 << 24
"""Characters of a line of standard input at most: it may never end."""


def _arguments(command: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Declare the arguments of both commands."""
    for declare in (
        option(
            "--base",
            type=click.Choice(list(BASES)),
            default="10",
            help="Print the result in this base [default: 10].",
        ),
        option(
            "--check",
            is_flag=True,
            help="Compare with the true result; exit status 1 if it differs.",
        ),
        click.argument("numbers", nargs=-1, required=True, type=click.UNPROCESSED),
        click.argument("model", type=existing_file),
    ):
        command = declare(command)
    return command


_NUMBERS = {"ignore_unknown_options": True}
"""Settings with which -1 is a number, to be refused as one, and no option."""


@subcommand(
    "add",
    short_help="Let a network add.",
    context_settings=_NUMBERS,
    examples="""
binadd add adder.npz 23 42
binadd add adder.npz --check 0xffff 0b1
printf '1 2\\n3 4\\n' | binadd add adder.npz -
""",
)
@_arguments
def add(model: str, numbers: tuple[str, ...], check: bool, base: str) -> Outcome:
    """Print the sum of NUMBERS as the network in MODEL computes it, right or wrong.

    NUMBERS are decimal, 0b… or 0x…, of any length. With -, every line of standard input is a sum,
    printed as soon as the line is there: its numbers take the place of the -.
    """
    return _compute("sum", "add", model, numbers, check, base)


@subcommand(
    "compute",
    short_help="Let a network subtract, or whatever it has learnt.",
    context_settings=_NUMBERS,
    examples="binadd compute subtractor.npz 4 9",
)
@_arguments
def compute(model: str, numbers: tuple[str, ...], check: bool, base: str) -> Outcome:
    """Print Σ cᵢxᵢ of NUMBERS as the network in MODEL computes it, right or wrong.

    The coefficients c are those of the network: 1 and -1 of a difference. NUMBERS are as for
    `binadd add`.
    """
    return _compute("result", "compute", model, numbers, check, base)


def _compute(
    name: str, method: str, model: str, numbers: tuple[str, ...], check: bool, base: str
) -> Outcome:
    """Call a method of the network with numbers, or with those of each line; name its results."""
    from binadd import load

    def answer(operands: list[int], where: str = "") -> dict[str, Any]:
        found = getattr(net, method)(*operands)
        data = {"operands": operands, name: found}
        return data | _compare(net.settings.form, operands, found, where) if check else data

    if "-" not in numbers:
        operands = [parse_integer(text) for text in numbers]
        net = load(model)
        data = answer(operands)
        return Outcome(write_integer(data[name], base), data, _status(data))
    if numbers.count("-") > 1:
        raise click.UsageError("- can be given only once", click.get_current_context())
    net = load(model)
    answers: list[dict[str, Any]] = []
    status = YES
    for count, line in _lines():
        try:
            data = answer(_operands(numbers, line), f"line {count}: ")
        except InvalidInputError as reason:
            raise InvalidInputError(f"line {count} of standard input: {reason}") from None
        status = max(status, _status(data))
        if wants_json():
            answers.append(data)
        else:
            click.echo(write_integer(data[name], base))
    return Outcome("", {f"{name}s": answers}, status)


def _compare(form: Form, operands: list[int], found: int, where: str) -> dict[str, Any]:
    """Return how a result compares with the true one, as data; say so if it is wrong."""
    expected = form.evaluate(operands)
    wrong_bit = _lowest_difference(found, expected)
    if wrong_bit is not None:
        truth = f"{'the sum' if form.is_sum else form} is {short_integer(expected)}"
        say(f"{where}wrong in bit {wrong_bit}: {truth}", fg="red")
    return {"expected": expected, "right": wrong_bit is None, "wrong_bit": wrong_bit}


def _status(answer: dict[str, Any]) -> int:
    return YES if answer.get("right", True) else NO


def _lines() -> Iterator[tuple[int, str]]:
    """Yield the lines of standard input that are not blank, as they come, and their numbers."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    is_empty = True
    with click.open_file("-", encoding="utf-8-sig", errors="replace") as stdin:
        for count in itertools.count(1):
            line = stdin.readline(_LONGEST + 1)
            if not line:
                break
            if len(line) > _LONGEST:
                raise InvalidInputError(
                    f"line {count} of standard input is longer than {_LONGEST:,} characters"
                )
            if line.strip():
                is_empty = False
                yield count, line
    if is_empty:
        raise InvalidInputError("standard input is empty: each of its lines should hold numbers")


def _operands(numbers: tuple[str, ...], line: str) -> list[int]:
    """Return the numbers given, those of a line in the place of the "-"."""
    place = numbers.index("-")
    return [
        parse_integer(text) for text in (*numbers[:place], *line.split(), *numbers[place + 1 :])
    ]


def _lowest_difference(a: int, b: int) -> int | None:
    """Return the lowest bit in which two integers differ, if any."""
    difference = a ^ b
    return (difference & -difference).bit_length() - 1 if difference else None
