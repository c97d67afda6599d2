"""Training settings: named recipes, and the settings that follow from one.

`RECIPES` is the whole list. Each row has all that a recipe decides for 16 sigmoid units and
two operands; for other shapes the default recipe takes shorter steps: see `recipe_values`.
Explicit arguments of the constructor take precedence over its recipe. The rates were found by
measurement:

default
    Nesterov's momentum and clipping: the fastest, exact after some 570 sequences in the median.
notebook
    What the notebook describes that binadd began with, its mistakes corrected: squared error, no
    biases, plain gradient descent. Exact after some 4,000 sequences in the median.
sgd
    Plain gradient descent on the cross-entropy: slower, and the surest to end in a proof.
adam
    Kingma & Ba 2015, https://arxiv.org/abs/1412.6980.

This is a leaf: both the network, whose constructor resolves a recipe, and training read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from binadd.checks import check_choice, check_dtype, check_flag, check_integer, check_real
from binadd.errors import InvalidInputError
from binadd.form import MAX_OPERANDS, Form, check_coefficients, form_of
from binadd.kernels.contract import (
    ACTIVATIONS,
    DTYPES,
    LOSSES,
    MAX_HIDDEN_SIZE,
    OPTIMIZERS,
    Architecture,
    Optimizer,
)

__all__ = [
    "RECIPES",
    "Settings",
    "bits_by_shape",
    "check_operands",
    "recipe_values",
    "resolve",
]

_DEFAULT: dict[str, Any] = {
    "biases": True,
    "loss": "cross_entropy",
    "optimizer": "nesterov",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "clip_norm": 2.0,
    "batch_size": 1,
}

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "default": _DEFAULT,
        "notebook": _DEFAULT
        | {
            "biases": False,
            "loss": "squared_error",
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "clip_norm": math.inf,
        },
        "sgd": _DEFAULT | {"optimizer": "sgd", "learning_rate": 0.2, "clip_norm": math.inf},
        "adam": _DEFAULT | {"optimizer": "adam", "learning_rate": 0.03, "clip_norm": math.inf},
    }
)


def _decided_by_shape(hidden_size: int, carries: int, activation: str) -> dict[str, Any]:
    """Return what the default recipe decides otherwise for this shape; see `recipe_values`.

    Steps are shorter: the fewer hidden units there are to spare, the likelier a long one drives
    too many of them to where no gradient leads back. With more than 128, steps with momentum
    overshoot, and short ones leave weights that are lost in the weight noise.
    """
    decided: dict[str, Any] = {}
    if activation == "tanh":
        decided |= {"learning_rate": 0.05, "clip_norm": 1.0}
    elif hidden_size > 128 and carries <= 2:
        return dict(RECIPES["sgd"])
    elif hidden_size > 128:
        decided["learning_rate"] = 0.05
    if carries > 2:
        decided["clip_norm"] = 1.0
    if hidden_size < 16:
        decided["clip_norm"] = 0.5 if hidden_size >= 8 else 0.2
    return decided


def bits_by_shape(carries: int) -> int:
    """Return the length of the operands that training draws, where none is given.

    Of two carries each is reached in one step, of more only in two or three in a row.
    """
    return 8 if carries <= 2 else 32


CONSTANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "momentum": ("momentum", "nesterov"),
        "beta1": ("adam",),
        "beta2": ("adam",),
        "epsilon": ("adam",),
    }
)
"""The constants that not every optimizer has, and the optimizers that have them."""

MAX_BATCH_SIZE = 2**20
MAX_EPOCHS = 10**9
MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Settings:
    """A network's parameters once its recipe has filled in what was not given, all checked."""

    hidden_size: int
    operands: int
    coefficients: tuple[int, ...]
    activation: str
    biases: bool
    loss: str
    optimizer: str
    learning_rate: float
    momentum: float
    beta1: float
    beta2: float
    epsilon: float
    clip_norm: float
    batch_size: int
    epochs: int
    dtype: str
    seed: int
    recipe: str

    @cached_property
    def architecture(self) -> Architecture:
        """The network's architecture."""
        return _architecture(
            self.hidden_size,
            self.operands,
            self.activation,
            self.biases,
            self.dtype,
            self.coefficients,
        )

    @property
    def form(self) -> Form:
        """The form that the network is to compute."""
        return form_of(self.coefficients)

    @property
    def kernel_optimizer(self) -> Optimizer:
        """The optimizer with its constants."""
        return Optimizer(
            name=self.optimizer,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            clip_norm=self.clip_norm,
        )


_architecture = lru_cache(maxsize=64)(Architecture)
"""Networks of one architecture have the same object: they are compared again and again."""


def recipe_values(recipe: str, hidden_size: int, carries: int, activation: str) -> dict[str, Any]:
    """Return all that a recipe decides, for a network of this shape; a sum of n has n carries.

    Examples
    --------
    >>> recipe_values("default", 16, 2, "sigmoid") == RECIPES["default"]
    True
    >>> recipe_values("default", 8, 3, "sigmoid")["clip_norm"]
    0.5
    """
    values = dict(RECIPES[recipe])
    if recipe == "default":
        values |= _decided_by_shape(hidden_size, carries, activation)
    return values


def resolve(given: Mapping[str, Any], *, complete: bool = False) -> Settings:
    """Return checked settings: what is given, and the recipe's value wherever that is None.

    A constant that the optimizer does not have cannot be given, unless `given` is `complete`: the
    fields of other settings, which have every constant.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If a value is of the wrong type or not allowed; the sentence names it.

    Examples
    --------
    >>> parameters = dict(hidden_size=16, operands=2, activation="sigmoid", epochs=10,
    ...                   dtype="float64", seed=0, recipe="notebook", learning_rate=0.2)
    >>> settings = resolve(parameters)
    >>> settings.optimizer, settings.learning_rate, settings.biases
    ('sgd', 0.2, False)
    """
    name = given.get("recipe")
    recipe = "default" if name is None else check_choice("recipe", name, RECIPES)
    hidden_size = check_integer("hidden_size", given["hidden_size"], 1, MAX_HIDDEN_SIZE)
    coefficients = _coefficients(given, complete)
    activation = check_choice("activation", given["activation"], ACTIVATIONS)
    values = recipe_values(recipe, hidden_size, form_of(coefficients).carries, activation)
    values |= {
        key: value for key, value in given.items() if value is not None or key not in values
    }
    settings = Settings(
        hidden_size=hidden_size,
        operands=len(coefficients),
        coefficients=coefficients,
        activation=activation,
        biases=check_flag("biases", values["biases"]),
        loss=check_choice("loss", values["loss"], LOSSES),
        optimizer=check_choice("optimizer", values["optimizer"], OPTIMIZERS),
        learning_rate=check_real("learning_rate", values["learning_rate"], open_minimum=True),
        momentum=_check_decay("momentum", values["momentum"]),
        beta1=_check_decay("beta1", values["beta1"]),
        beta2=_check_decay("beta2", values["beta2"]),
        epsilon=check_real("epsilon", values["epsilon"], open_minimum=True),
        clip_norm=check_real("clip_norm", values["clip_norm"], open_minimum=True),
        batch_size=check_integer("batch_size", values["batch_size"], 1, MAX_BATCH_SIZE),
        epochs=check_integer("epochs", values["epochs"], 1, MAX_EPOCHS),
        dtype=check_dtype(values["dtype"], DTYPES),
        seed=check_integer("seed", values["seed"], 0, MAX_SEED),
        recipe=recipe,
    )
    for constant in ("learning_rate", "epsilon"):
        if math.isinf(getattr(settings, constant)):
            raise InvalidInputError(f"{constant} must be finite, not inf")
    for constant, optimizers in CONSTANTS.items():
        if (
            not complete
            and given.get(constant) is not None
            and settings.optimizer not in optimizers
        ):
            raise InvalidInputError(
                f"{constant} has no effect with the optimizer {settings.optimizer!r}: leave it "
                f"out, or choose {' or '.join(map(repr, optimizers))}"
            )
    return settings


def _coefficients(given: Mapping[str, Any], complete: bool) -> tuple[int, ...]:
    """Return the coefficients given, or a sum's; two operands may be the constructor's default."""
    operands = check_integer("operands", given["operands"], 1, MAX_OPERANDS)
    if given.get("coefficients") is None:
        return (1,) * operands
    coefficients = check_coefficients(given["coefficients"])
    if complete or operands != 2:
        check_operands(operands, coefficients)
    return coefficients


def check_operands(operands: int, coefficients: Sequence[int]) -> None:
    """Refuse operands that are not as many as their coefficients.

    Raises
    ------
    InvalidInputError
        If they are not.
    """
    if operands != len(coefficients):
        raise InvalidInputError(
            f"operands must be {len(coefficients)}, one for each coefficient, not {operands}"
        )


def _check_decay(name: str, value: object) -> float:
    return check_real(name, value, 0.0, 1.0, open_maximum=True)
