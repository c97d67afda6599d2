"""The parameters of `BinaryAdderRNN` as options: those that shape a network or its training."""

from __future__ import annotations

from typing import Any

import click

from binadd.cli.command import option
from binadd.kernels import BACKENDS
from binadd.kernels.contract import ACTIVATIONS, DTYPES, LOSSES, RULES
from binadd.recipes import RECIPES

__all__ = ["backend_option", "network_options", "network_parameters"]

_NAMES = {"hidden": "hidden_size"}
"""Options whose name is not the parameter's."""

_NETWORK, _LEARNING = "Network", "Learning, by default the recipe's"

_OPTIONS: tuple[tuple[str, str, Any, Any, str], ...] = (
    (_NETWORK, "--hidden", int, 16, "Hidden units, 1 to 256; default 16."),
    (_NETWORK, "--operands", int, 2, "Numbers to add, 1 to 8; default 2."),
    (_NETWORK, "--activation", ACTIVATIONS, "sigmoid", "Of the hidden units; default sigmoid."),
    (_NETWORK, "--biases/--no-biases", bool, None, "Of hidden and output units."),
    (_NETWORK, "--dtype", DTYPES, "float64", "Of all numbers; default float64."),
    (_NETWORK, "--seed", int, 0, "Of weights and data; default 0."),
    (_LEARNING, "--recipe", tuple(RECIPES), None, f"{', '.join(RECIPES)}."),
    (_LEARNING, "--loss", LOSSES, None, f"{' or '.join(LOSSES)}."),
    (_LEARNING, "--optimizer", RULES, None, f"{', '.join(RULES)}."),
    (_LEARNING, "--learning-rate", float, None, "More than 0."),
    (_LEARNING, "--momentum", float, None, "Of momentum and nesterov."),
    (_LEARNING, "--beta1", float, None, "Of adam."),
    (_LEARNING, "--beta2", float, None, "Of adam."),
    (_LEARNING, "--epsilon", float, None, "Of adam."),
    (_LEARNING, "--clip-norm", float, None, "The longest gradient; inf for any."),
    (_LEARNING, "--batch-size", int, None, "Sequences of one update."),
)
_METAVARS: dict[Any, str | None] = {
    int: "N",
    float: "X",
    bool: None,
    ACTIVATIONS: "sigmoid|tanh",
    DTYPES: "float64|float32",
}


def network_options(command: Any) -> Any:
    """Declare the options on a command; None stands for what the recipe decides.

    `epochs` is not among them: it means nothing to `binadd.train`.
    """
    for heading, flag, kind, default, text in reversed(_OPTIONS):
        command = option(
            flag,
            type=click.Choice(kind) if isinstance(kind, tuple) else kind,
            metavar=_METAVARS.get(kind, "NAME"),
            default=default,
            help=text,
            heading=heading,
        )(command)
    return command


def network_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return the constructor's parameters that the options stand for."""
    return {_NAMES.get(name, name): value for name, value in options.items()}


backend_option = option(
    "--backend",
    type=click.Choice(BACKENDS),
    metavar="|".join(BACKENDS),
    default="auto",
    help="Compiled kernels or NumPy: the same bits.",
)
