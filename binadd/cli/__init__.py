"""The command line: `binadd`, also as `python -m binadd`.

Every command imports what it needs when it runs, so that `binadd --help` is quick and only those
who plot need a plotting library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from binadd import __version__
from binadd.cli.add import add, compute
from binadd.cli.bench import bench
from binadd.cli.command import (
    INTERRUPTED,
    NO,
    WRONG_USE,
    Outcome,
    as_json,
    discard_output,
    say,
    style,
    subcommand,
)
from binadd.cli.demo import demo
from binadd.cli.export import export
from binadd.cli.import_ import import_
from binadd.cli.info import info
from binadd.cli.plot import plot
from binadd.cli.prove import check, prove
from binadd.cli.report import report
from binadd.cli.sweep import sweep
from binadd.cli.train import train
from binadd.errors import BinaddError, DivergenceError

__all__ = ["main"]

_BROKEN_PIPE = 141  # as of a program that SIGPIPE ended


class _PipeBroke(Exception):
    """Holds a BrokenPipeError, of which click would make exit status 1 without a word."""

    def __init__(self, error: BrokenPipeError) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _PipeBroke(error) from None


class _Commands(click.Group):
    """The commands in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _past_click():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _past_click():
            return super().invoke(ctx)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog="Exit status: 0 yes, 1 no, 2 wrong use or bad input, 3 undecided, 130 Ctrl-C.",
)
@click.version_option(
    __version__, "-V", "--version", message="%(prog)s %(version)s", help="Show the version."
)
@click.pass_context
def _binadd(ctx: click.Context) -> Outcome | None:
    """Train a small recurrent network to add binary numbers, and prove that it does.

    \b
      binadd train -o adder.npz      train until proved right for every length
      binadd add adder.npz 23 42     let the network add
      binadd help train              show all options of a command
    """
    return Outcome(ctx.get_help()) if ctx.invoked_subcommand is None else None


@subcommand("help", short_help="Show the help of a command.")
@click.argument("command", required=False)
@click.pass_context
def _help(ctx: click.Context, command: str | None) -> Outcome:
    """Show the help of COMMAND, or of binadd itself."""
    parent = ctx.parent
    assert parent is not None
    if command is None:
        text = parent.get_help()
    else:
        found = _binadd.get_command(parent, command)
        if found is None:
            raise click.UsageError(f"there is no command {command!r}", ctx)
        text = found.get_help(click.Context(found, info_name=command, parent=parent))
    return Outcome(text, {"command": command, "help": text})


for _command in (
    demo,
    train,
    add,
    compute,
    prove,
    check,
    info,
    plot,
    report,
    bench,
    sweep,
    import_,
    export,
    _help,
):
    _binadd.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Examples
    --------
    >>> main(["help", "add"])  # doctest: +ELLIPSIS
    Usage: binadd add [OPTIONS] MODEL NUMBERS...
    ...
    0
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stderr is None:  # it was closed: messages go nowhere
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        return _failure("standard output is closed", "binadd", WRONG_USE).exit_status
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show must not end a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    wants_json = "--json" in arguments  # also of what fails before it is parsed
    try:
        return _deliver(_run(list(arguments), wants_json), wants_json)
    except BrokenPipeError:  # the reader has had enough
        discard_output(sys.stdout)
        return _BROKEN_PIPE


def _run(arguments: list[str], wants_json: bool) -> Outcome:
    """Run a command; an error becomes one sentence on stderr."""
    try:
        outcome: Any = _binadd.main(
            arguments, prog_name="binadd", standalone_mode=False, obj=wants_json
        )
        # Help and version print themselves and leave an exit status.
        return outcome if isinstance(outcome, Outcome) else Outcome("", exit_status=outcome or 0)
    except (click.Abort, KeyboardInterrupt):
        return _failure("interrupted", "binadd", INTERRUPTED)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = "binadd" if context is None else context.command_path
        return _failure(error.format_message(), where, WRONG_USE)
    except _PipeBroke as broke:
        if broke.error.filename is None:  # that of stdout
            raise broke.error from None
        return _failure(_sentence(broke.error), "binadd", WRONG_USE)
    except DivergenceError as error:
        return _failure(str(error), "binadd", NO)
    except (BinaddError, OSError, MemoryError) as error:
        return _failure(_sentence(error), "binadd", WRONG_USE)


def _deliver(outcome: Outcome, wants_json: bool) -> int:
    """Print what a command found, and return the exit status."""
    text = as_json(outcome.data) if wants_json else outcome.text
    try:
        if text:
            click.echo(text)
        sys.stdout.flush()  # help has printed itself
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output(sys.stdout)
        if outcome.exit_status != WRONG_USE:  # else one sentence has been said
            _failure(f"standard output: {error.strerror}", "binadd", WRONG_USE)
        return WRONG_USE
    return outcome.exit_status


def _failure(message: str, where: str, exit_status: int) -> Outcome:
    message = _visible(" ".join(message.split()))
    say(f"{style(where, bold=True)}: {message}")
    return Outcome("", {"status": "error", "error": message}, exit_status)


def _visible(message: str) -> str:
    """Spell what would reach the terminal as a command: a file may hold, or be named, anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)


def _sentence(error: BinaddError | OSError | MemoryError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or "there is not enough memory"
