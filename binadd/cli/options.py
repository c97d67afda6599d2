"""Options that several commands share: what shapes a network, and what its training is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from binadd.checks import shorten
from binadd.cli.command import COUNT, option
from binadd.cli.numbers import read_count
from binadd.errors import InvalidInputError
from binadd.kernels import BACKENDS
from binadd.kernels.contract import ACTIVATIONS, DTYPES, LOSSES, OPTIMIZERS
from binadd.model import DEFAULTS
from binadd.settings import RECIPES

__all__ = [
    "ARCHITECTURE",
    "backend_option",
    "check_limit",
    "coefficients_option",
    "dtype_option",
    "goal_options",
    "grid_options",
    "hidden_option",
    "network_options",
    "recipe_option",
]

Declare: TypeAlias = Callable[[Any], Any]

_NETWORK, _LEARNING = "Network", "Learning, decided by the recipe unless given"
_DECIDED_BY_SHAPE = ("--learning-rate", "--clip-norm")

_RECIPES = (
    "A named set of values for learning. default: Nesterov's momentum with clipped gradients, the "
    "quickest to learn. sgd: plain gradient descent, the surest to end in a proof. adam: Adam. "
    "notebook: the tutorial that binadd began with: squared error, no biases, sgd"
)

_OPTIONS: tuple[tuple[str, tuple[str, ...], Any, str], ...] = (
    (_NETWORK, ("--hidden", "hidden_size"), int, "The number of hidden units, 1 to 256"),
    (_NETWORK, ("--operands",), int, "How many numbers the network adds, 1 to 8"),
    (
        _NETWORK,
        ("--coefficients",),
        tuple,
        "Compute Σ cᵢxᵢ with these integers instead of a sum: 1,-1 for a − b, 3 for 3a",
    ),
    (_NETWORK, ("--activation",), ACTIVATIONS, "The function of the hidden units"),
    (_NETWORK, ("--biases/--no-biases",), bool, "Give the hidden and output units a bias"),
    (_NETWORK, ("--dtype",), DTYPES, "The type of all weights and states"),
    (_NETWORK, ("--seed",), int, "Decides the initial weights and the sums to learn from"),
    (_LEARNING, ("--recipe",), tuple(RECIPES), _RECIPES),
    (_LEARNING, ("--loss",), LOSSES, f"The loss to minimise: {' or '.join(LOSSES)}"),
    (_LEARNING, ("--optimizer",), OPTIMIZERS, f"The optimizer: {', '.join(OPTIMIZERS)}"),
    (_LEARNING, ("--learning-rate",), float, "The size of each step, more than 0"),
    (_LEARNING, ("--momentum",), float, "The decay of momentum and nesterov, below 1"),
    (_LEARNING, ("--beta1",), float, "The decay of adam's mean gradient, below 1"),
    (_LEARNING, ("--beta2",), float, "The decay of adam's mean square, below 1"),
    (_LEARNING, ("--epsilon",), float, "What adam adds to its denominator"),
    (_LEARNING, ("--clip-norm",), float, "The greatest length of a gradient; inf for no limit"),
    (_LEARNING, ("--batch-size",), int, "The number of sequences in each update"),
)
ARCHITECTURE = ("hidden_size", "operands", "coefficients", "activation", "biases", "dtype", "seed")
"""Parameters that decide what the weights mean and where they begin: a model file has them."""

_METAVARS: dict[Any, str | None] = {
    int: "N",
    float: "X",
    tuple: "C,…",
    bool: None,
    **{choices: "|".join(choices) for choices in (ACTIVATIONS, DTYPES)},
}


def network_options(command: Any) -> Any:
    """Declare the constructor's parameters on a command; None: what the recipe decides.

    `epochs` is not among them: it means nothing to `binadd.train`.
    """
    for row in reversed(_OPTIONS):
        command = _network_option(row)(command)
    return command


def grid_options(command: Any) -> Any:
    """Declare the same but the seed, each with one value or several; None: not given."""
    for heading, names, kind, text in reversed(_OPTIONS):
        if names[0] == "--seed":
            continue
        several = kind not in (bool, tuple)
        command = option(
            *names,
            type=_Several(kind) if several else _type_of(kind),
            metavar=f"{_METAVARS.get(kind, 'NAME')},…" if several else _METAVARS[kind],
            default=None,
            help=_help(names, text),
            heading=heading,
        )(command)
    return command


def _network_option(row: tuple[str, tuple[str, ...], Any, str], heading: str = "") -> Declare:
    group, names, kind, text = row
    return option(
        *names,
        type=_type_of(kind),
        metavar=_METAVARS.get(kind, "NAME"),
        default=_default(names),
        help=_help(names, text),
        heading=heading or group,
    )


def _named(name: str) -> Declare:
    """Declare one of the network's options under the command's own heading."""
    return _network_option(next(row for row in _OPTIONS if row[1][0] == name), "Options")


def _default(names: tuple[str, ...]) -> Any:
    """Return the constructor's default of an option's parameter; None: the recipe decides."""
    return DEFAULTS[_parameter(names)]


def _parameter(names: tuple[str, ...]) -> str:
    return names[-1].removeprefix("--").partition("/")[0].replace("-", "_")


def _help(names: tuple[str, ...], text: str) -> str:
    default = "default" if names[0] == "--recipe" else _default(names)
    if default is not None:
        return f"{text} [default: {default}]."
    if names[0] == "--coefficients":
        return f"{text} [default: all 1]."
    value = RECIPES["default"][_parameter(names)]
    smaller = ", or less by the network's shape" if names[0] in _DECIDED_BY_SHAPE else ""
    return f"{text} [default recipe: {'yes' if value is True else value}{smaller}]."


def _type_of(kind: Any) -> Any:
    if isinstance(kind, tuple):
        return click.Choice(kind)
    if kind is tuple:
        return _Coefficients(int)
    return COUNT if kind is int else kind


class _Several(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """Values with commas between them: "8,16" becomes [8, 16], and "8" becomes 8."""

    name = "list"

    def __init__(self, kind: Any) -> None:
        self._choices = kind if isinstance(kind, tuple) else ()
        self._type = click.types.convert_type(_type_of(kind))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the values of a text, each of them checked."""
        values = [self._type(part.strip(), param, ctx) for part in value.split(",")]
        return values[0] if len(values) == 1 else values

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the last value, with those that are not in the list yet."""
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [
            CompletionItem(before + comma + choice)
            for choice in self._choices
            if choice.startswith(last) and choice not in given
        ]


class _Coefficients(_Several):
    """Integers with commas between them: "1,-1" becomes (1, -1), and "3" becomes (3,)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the integers of a text."""
        values = super().convert(value, param, ctx)
        return tuple(values) if isinstance(values, list) else (values,)


class _Until(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The type of `until`: a word, or a number of sequences."""

    name = "goal"
    words: Sequence[str] = ("proved", "exact")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | int:
        """Return the word or the number."""
        number = value if value in self.words else read_count(value)
        if number is None:
            self.fail(f"{shorten(value)} is not proved, exact or a number of sequences.")
        return number

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the words."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


def goal_options(command: Any) -> Any:
    """Declare what training is for: bits, until, max_sequences; None: the default."""
    for declare in (
        option(
            "--max-sequences",
            type=COUNT,
            metavar="N",
            heading="Goal",
            help="Give up after this many sequences [default: 1,000,000].",
        ),
        option(
            "--until",
            type=_Until(),
            metavar="proved|exact|N",
            heading="Goal",
            help="proved: until the network is proved right for every length. exact: until it is "
            "right on every sum of --bits bits. N: until it has learnt from N sequences in all "
            "[default: proved].",
        ),
        option(
            "--bits",
            type=COUNT,
            metavar="N",
            default=None,
            heading="Goal",
            help="The length of the operands to learn from [default: 8, or 32 where the carry "
            "can have more than two values].",
        ),
    ):
        command = declare(command)
    return command


def check_limit(until: str | int | None, max_sequences: int | None) -> None:
    """Refuse a limit below a number of sequences to train on: it would be ignored.

    Raises
    ------
    InvalidInputError
        If it is below.
    """
    if isinstance(until, int) and max_sequences is not None and max_sequences < until:
        raise InvalidInputError(
            f"max_sequences must be at least the goal's {until:,}, not {max_sequences:,}"
        )


hidden_option = _named("--hidden")
dtype_option = _named("--dtype")
coefficients_option = _named("--coefficients")
recipe_option = _named("--recipe")

backend_option = option(
    "--backend",
    type=click.Choice(BACKENDS),
    metavar="|".join(BACKENDS),
    default="auto",
    help="Compute with the compiled kernels or with NumPy, to the same bits; auto takes the "
    "compiled ones where they are installed [default: auto].",
)
