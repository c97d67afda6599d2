"""`binadd add`: let a network add."""

from __future__ import annotations

import sys

import click

from binadd.cli.command import NO, YES, Command, Outcome, existing_file, option, say
from binadd.cli.numbers import BASES, parse_integer, short_integer, write_integer

__all__ = ["add"]


@click.command(
    "add",
    cls=Command,
    short_help="Let a network add.",
    # What begins with a minus and is not an option is a number, to be refused as one.
    context_settings={"ignore_unknown_options": True},
    examples="""
binadd add adder.npz 23 42
binadd add adder.npz --check 0xffff 0b1
echo 23 42 | binadd add adder.npz -
""",
)
@click.argument("model", type=existing_file)
@click.argument("numbers", nargs=-1, required=True, type=click.UNPROCESSED)
@option("--check", is_flag=True, help="Compare with the true sum: exit status 1 if it differs.")
@option("--base", type=click.Choice(list(BASES)), default="10", help="Of the sum; default 10.")
def add(model: str, numbers: tuple[str, ...], check: bool, base: str) -> Outcome:
    """Print the sum of NUMBERS as the network in MODEL says it, right or wrong.

    NUMBERS are decimal, 0b… or 0x…, of any length; - reads them from stdin.
    """
    from binadd import load

    integers = [parse_integer(text) for text in _with_stdin(numbers)]
    net = load(model)
    answer = net.add(*integers)
    data = {"operands": integers, "sum": answer}
    if not check:
        return Outcome(write_integer(answer, base), data)
    expected = sum(integers)
    wrong_bit = _lowest_difference(answer, expected)
    if wrong_bit is not None:
        say(f"wrong in bit {wrong_bit}: the sum is {short_integer(expected)}", fg="red")
    data |= {"expected": expected, "right": wrong_bit is None, "wrong_bit": wrong_bit}
    return Outcome(write_integer(answer, base), data, YES if wrong_bit is None else NO)


def _with_stdin(numbers: tuple[str, ...]) -> list[str]:
    """Put what stdin holds in the place of a "-"."""
    if numbers.count("-") > 1:
        raise click.UsageError("- can be given only once: it reads all of stdin")
    if "-" in numbers and sys.stdin is None:
        raise click.UsageError("standard input is closed")
    texts: list[str] = []
    for number in numbers:
        if number == "-":
            with click.open_file("-", errors="replace") as stdin:
                texts += str(stdin.read()).split()
        else:
            texts.append(number)
    return texts


def _lowest_difference(a: int, b: int) -> int | None:
    """Return the lowest bit in which two integers differ, if any."""
    difference = a ^ b
    return (difference & -difference).bit_length() - 1 if difference else None
