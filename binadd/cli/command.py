"""Parts that all commands share: options in groups, `--json`, one outcome, one exit status.

A command returns its result as an `Outcome`, which `binadd.cli.main` prints as text or as one JSON
object; only what comes line by line is printed at once. All other messages go to stderr, through
`say`.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from shlex import quote
from typing import Any, TextIO

import click

from binadd.checks import shorten
from binadd.cli.numbers import read_count, write_integer
from binadd.errors import CheckpointError, InvalidInputError, InvalidTypeError, ModelFileError

__all__ = [
    "INTERRUPTED",
    "NO",
    "UNDECIDED",
    "COUNT",
    "WRONG_USE",
    "YES",
    "Command",
    "Option",
    "Outcome",
    "as_json",
    "subcommand",
    "option",
    "style",
    "require",
    "say",
    "shielded",
    "discard_output",
    "ignoring_broken_stderr",
    "wants_json",
]

YES, NO, WRONG_USE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses. What is undecided is not a clear no."""

_EXACT_IN_JSON = 2**53
"""Most readers of JSON take numbers for doubles, which hold every integer up to here."""

_FURTHER = (
    ("checkpoint", "model", "binadd train --resume {} -o FILE makes a model of it"),
    ("model", "checkpoint", "binadd train --from {} trains it on"),
)
"""What a file is instead of what, and the command for it."""


class _Count(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A whole number, also written as 10,000 or 1e4."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number that a text stands for."""
        number = read_count(value) if isinstance(value, str) else value
        if number is None:
            self.fail(f"{shorten(value)} is not a whole number such as 10000, 10,000 or 1e4.")
        return int(number)


COUNT = _Count()


@dataclass(frozen=True)
class Outcome:
    """The result of a command: lines for people, the same as data, and the exit status."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    exit_status: int = YES


class Option(click.Option):
    """An option that the help lists under a heading."""

    def __init__(self, *args: Any, heading: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading = heading


class Command(click.Command):
    """A command with `--json`, examples below its help, and its options under headings."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples.strip().splitlines()
        self.params.append(
            Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                help="Print the result as one JSON object.",
            )
        )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors about a parameter name the option it came from."""
        try:
            return super().invoke(ctx)
        except (InvalidInputError, InvalidTypeError) as error:
            raise click.UsageError(self._in_options(str(error)), ctx) from None
        except (ModelFileError, CheckpointError) as error:
            for found, wanted, command in _FURTHER:
                reason = f" has the format 'binadd {found}', not 'binadd {wanted}'"
                path = str(error).removesuffix(reason)
                if path != str(error):
                    further = command.format(quote(path))
                    raise click.UsageError(f"{error}: {further}", ctx) from None
            raise

    def _in_options(self, message: str) -> str:
        name, _, rest = message.partition(" ")
        for parameter in self.params:
            if isinstance(parameter, click.Option) and parameter.name == name:
                return f"{parameter.opts[-1]} {rest}"
        return message

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each heading's together, and then the examples."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                heading = getattr(parameter, "heading", "Options")
                headings.setdefault(heading, []).append(record)
        longest = max(len(flags) for records in headings.values() for flags, _ in records)
        width = min(longest, formatter.width // 2)  # longer ones have a line to themselves
        for heading in sorted(headings, key=lambda heading: heading == "Options"):
            with formatter.section(heading):
                records = [(flags.ljust(width), text) for flags, text in headings[heading]]
                formatter.write_dl(records, col_max=width)
        if self.examples:
            with formatter.section("Examples"):
                indent = " " * formatter.current_indent
                formatter.write("".join(f"{indent}{example}\n" for example in self.examples))


def subcommand(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Declare a command; `examples` are shown below its help."""
    return click.command(*args, cls=Command, **kwargs)


def option(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Declare an option; `heading` is the group in which the help lists it."""
    return click.option(*args, cls=Option, **kwargs)


def say(message: str, **look: Any) -> None:
    """Write a message for the user to stderr; stdout holds the result alone."""
    with ignoring_broken_stderr():
        click.echo(style(message, **look), err=True)


@contextmanager
def ignoring_broken_stderr() -> Iterator[None]:
    """Do without stderr once it fails: a run matters more than messages about it."""
    try:
        yield
    except OSError:
        discard_output(sys.stderr)


def discard_output(stream: TextIO) -> None:
    """Redirect a broken stream, with what is still in its buffer, to the null device."""
    with suppress(OSError), open(os.devnull, "wb") as nowhere:  # some streams have no number
        os.dup2(nowhere.fileno(), stream.fileno())


@contextmanager
def shielded() -> Iterator[None]:
    """Ignore Ctrl-C for the moments that it takes to save what an interrupted command did."""
    if threading.current_thread() is not threading.main_thread():  # it never gets signals
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def style(text: str, **look: Any) -> str:
    """Return text with colours; `click.echo` strips them where the output is no terminal."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"  # no-color.org
    return text if plain else click.style(text, **look)


def as_json(data: Mapping[str, Any]) -> str:
    """Return data as one line of JSON.

    Integers that a double cannot hold become strings of their decimal digits; so do infinities
    and NaN, which JSON has no words for.

    Examples
    --------
    >>> as_json({"sum": 65, "large": 1 << 64, "clip_norm": float("inf")})
    '{"sum": 65, "large": "18446744073709551616", "clip_norm": "inf"}'
    """
    return json.dumps(_plain(data), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, int) and abs(value) > _EXACT_IN_JSON:
        return ("-" if value < 0 else "") + write_integer(abs(value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def wants_json() -> bool:
    """Whether the result of the command that runs will be printed as JSON."""
    return bool(click.get_current_context().obj)


def require(module: str, extra: str) -> None:
    """Refuse to continue without a library that one of binadd's extras installs.

    Raises
    ------
    click.UsageError
        If it is not installed, with what to type.
    """
    if find_spec(module) is None:
        raise click.UsageError(
            f"this needs {module}: pip install 'binadd[{extra}]'", click.get_current_context()
        )
