"""Options that several commands share: what shapes a network, and what its training is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from binadd.cli.command import option
from binadd.kernels import BACKENDS
from binadd.kernels.contract import ACTIVATIONS, DTYPES, LOSSES, RULES
from binadd.model import DEFAULTS
from binadd.recipes import RECIPES

__all__ = [
    "backend_option",
    "goal_options",
    "grid_options",
    "network_options",
    "network_parameters",
]

_NAMES = {"hidden": "hidden_size"}
"""Options whose name is not the parameter's."""

_NETWORK, _LEARNING = "Network", "Learning, by default the recipe's"

_OPTIONS: tuple[tuple[str, str, Any, str], ...] = (
    (_NETWORK, "--hidden", int, "Hidden units, 1 to 256"),
    (_NETWORK, "--operands", int, "Numbers to add, 1 to 8"),
    (_NETWORK, "--activation", ACTIVATIONS, "Of the hidden units"),
    (_NETWORK, "--biases/--no-biases", bool, "Of hidden and output units"),
    (_NETWORK, "--dtype", DTYPES, "Of all numbers"),
    (_NETWORK, "--seed", int, "Of weights and data"),
    (_LEARNING, "--recipe", tuple(RECIPES), ", ".join(RECIPES)),
    (_LEARNING, "--loss", LOSSES, " or ".join(LOSSES)),
    (_LEARNING, "--optimizer", RULES, ", ".join(RULES)),
    (_LEARNING, "--learning-rate", float, "More than 0"),
    (_LEARNING, "--momentum", float, "Of momentum and nesterov"),
    (_LEARNING, "--beta1", float, "Of adam"),
    (_LEARNING, "--beta2", float, "Of adam"),
    (_LEARNING, "--epsilon", float, "Of adam"),
    (_LEARNING, "--clip-norm", float, "The longest gradient; inf for any"),
    (_LEARNING, "--batch-size", int, "Sequences of one update"),
)
_METAVARS: dict[Any, str | None] = {
    int: "N",
    float: "X",
    bool: None,
    **{choices: "|".join(choices) for choices in (ACTIVATIONS, DTYPES)},
}


def network_options(command: Any) -> Any:
    """Declare the constructor's parameters on a command; None: what the recipe decides.

    `epochs` is not among them: it means nothing to `binadd.train`.
    """
    for heading, flag, kind, text in reversed(_OPTIONS):
        command = option(
            flag,
            type=_type_of(kind),
            metavar=_METAVARS.get(kind, "NAME"),
            default=_default(flag),
            help=_help(flag, text),
            heading=heading,
        )(command)
    return command


def grid_options(command: Any) -> Any:
    """Declare the same but the seed, each with one value or several; None: not given."""
    for heading, flag, kind, text in reversed(_OPTIONS):
        if flag == "--seed":
            continue
        several = kind is not bool
        command = option(
            flag,
            type=None if several else bool,
            metavar=f"{_METAVARS.get(kind, 'NAME')},…" if several else None,
            default=None,
            callback=_splitter(kind) if several else None,
            help=_help(flag, text),
            heading=heading,
        )(command)
    return command


def _default(flag: str) -> Any:
    """Return the constructor's default of an option's parameter; None: the recipe decides."""
    name = flag.removeprefix("--").partition("/")[0].replace("-", "_")
    return DEFAULTS[_NAMES.get(name, name)]


def _help(flag: str, text: str) -> str:
    default = _default(flag)
    return f"{text}." if default is None else f"{text}; default {default}."


def _type_of(kind: Any) -> Any:
    return click.Choice(kind) if isinstance(kind, tuple) else kind


def _splitter(kind: Any) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Return what turns "8,16" into [8, 16], and "8" into 8."""

    def split(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        convert = click.types.convert_type(_type_of(kind))
        values = [convert(part.strip(), parameter, ctx) for part in text.split(",")]
        return values[0] if len(values) == 1 else values

    return split


def network_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's parameters that the options stand for."""
    return {_NAMES.get(name, name): value for name, value in options.items()}


def _read_until(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> str | int | None:
    """Return what `binadd.train` takes as `until`: a word, or a number of sequences."""
    if value in (None, "proved", "exact"):
        return value
    try:
        return int(value or "")
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not proved, exact or a number of sequences.", ctx, parameter
        ) from None


def goal_options(command: Any) -> Any:
    """Declare what training is for: bits, until, max_sequences; None: the default."""
    for declare in (
        option(
            "--max-sequences",
            type=int,
            metavar="N",
            heading="Goal",
            help="When to give up; default 1,000,000.",
        ),
        option(
            "--until",
            metavar="proved|exact|N",
            callback=_read_until,
            heading="Goal",
            help="When to stop; N: after so many sequences.",
        ),
        option(
            "--bits",
            type=int,
            metavar="N",
            default=None,
            heading="Goal",
            help="Length of the operands to learn from; default 8, 32 for three and more.",
        ),
    ):
        command = declare(command)
    return command


backend_option = option(
    "--backend",
    type=click.Choice(BACKENDS),
    metavar="|".join(BACKENDS),
    default="auto",
    help="Compiled kernels or NumPy: the same bits.",
)
