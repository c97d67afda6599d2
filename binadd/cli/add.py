"""`binadd add` and `binadd compute`: let a network add, or compute its form."""

from __future__ import annotations

import sys
from copy import copy
from typing import TYPE_CHECKING, Any

import click

from binadd.cli.command import NO, YES, Command, Outcome, existing_file, option, say
from binadd.cli.numbers import BASES, parse_integer, short_integer, write_integer
from binadd.errors import InvalidInputError

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN

__all__ = ["add", "compute"]


@click.command(
    "add",
    cls=Command,
    short_help="Let a network add.",
    # What begins with a minus and is not an option is a number, to be refused as one.
    context_settings={"ignore_unknown_options": True},
    examples="""
binadd add adder.npz 23 42
binadd add adder.npz --check 0xffff 0b1
printf '1 2\\n3 4\\n' | binadd add adder.npz -
""",
)
@click.argument("model", type=existing_file)
@click.argument("numbers", nargs=-1, required=True, type=click.UNPROCESSED)
@option("--check", is_flag=True, help="Compare with the true sum; exit status 1 if it differs.")
@option(
    "--base",
    type=click.Choice(list(BASES)),
    default="10",
    help="Print the sum in this base [default: 10].",
)
def add(model: str, numbers: tuple[str, ...], check: bool, base: str) -> Outcome:
    """Print the sum of NUMBERS as the network in MODEL computes it, right or wrong.

    NUMBERS are decimal, 0b… or 0x…, of any length. With -, every line of standard input is a sum:
    the numbers of the line take the place of the -.
    """
    from binadd import load

    if "-" not in numbers:
        operands = [parse_integer(text) for text in numbers]
        answer = _add(load(model), operands, check)
        return Outcome(write_integer(answer["sum"], base), answer, _status([answer]))
    if numbers.count("-") > 1:
        raise click.UsageError("- can be given only once", click.get_current_context())
    net = load(model)
    answers = []
    for count, line in enumerate(_lines(), 1):
        try:
            answers.append(_add(net, _operands(numbers, line), check, f"line {count}: "))
        except InvalidInputError as reason:
            raise InvalidInputError(f"line {count} of standard input: {reason}") from None
    text = "\n".join(write_integer(answer["sum"], base) for answer in answers)
    return Outcome(text, {"sums": answers}, _status(answers))


compute = copy(add)  # a command is named after the method that it calls
compute.name, compute.examples = "compute", ["binadd compute subtractor.npz 4 9"]
compute.short_help = "Let a network subtract, or whatever it has learnt."
compute.help = """Print Σ cᵢxᵢ of NUMBERS as the network in MODEL computes it, right or wrong.

The coefficients c are those of the network: 1 and -1 of a difference. NUMBERS are as for
`binadd add`.
"""


def _add(net: BinaryAdderRNN, operands: list[int], check: bool, where: str = "") -> dict[str, Any]:
    """Return a sum as data, compared with the true one if that is wanted."""
    answer = getattr(net, str(click.get_current_context().command.name))(*operands)
    data = {"operands": operands, "sum": answer}
    if not check:
        return data
    expected = net.settings.form.evaluate(operands)
    wrong_bit = _lowest_difference(answer, expected)
    if wrong_bit is not None:
        say(f"{where}wrong in bit {wrong_bit}: the sum is {short_integer(expected)}", fg="red")
    return data | {"expected": expected, "right": wrong_bit is None, "wrong_bit": wrong_bit}


def _status(answers: list[dict[str, Any]]) -> int:
    return YES if all(answer.get("right", True) for answer in answers) else NO


def _lines() -> list[str]:
    """Return the lines of standard input, but for empty ones at its end."""
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    with click.open_file("-", errors="replace") as stdin:
        return str(stdin.read()).rstrip().split("\n")


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
