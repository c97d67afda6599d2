"""Recipes: the values that depend on the network's shape, and those that do not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import binadd
from binadd import BinaryAdderRNN
from binadd.form import form_of
from binadd.settings import RECIPES, bits_by_shape, recipe_values
from binadd.training.schedule import check_goal


def test_sixteen_sigmoid_units_and_two_operands_are_the_row_itself() -> None:
    assert recipe_values("default", 16, 2, "sigmoid") == RECIPES["default"]


@pytest.mark.parametrize(
    ("shape", "rate", "clip_norm"),
    [
        ({}, 0.1, 2.0),
        ({"hidden_size": 64}, 0.1, 2.0),
        ({"hidden_size": 15}, 0.1, 0.5),
        ({"hidden_size": 7}, 0.1, 0.2),
        ({"operands": 3}, 0.1, 1.0),
        ({"hidden_size": 129}, 0.2, math.inf),
        ({"hidden_size": 129, "operands": 3}, 0.05, 1.0),
        ({"hidden_size": 129, "activation": "tanh"}, 0.05, 1.0),
        ({"activation": "tanh"}, 0.05, 1.0),
        ({"activation": "tanh", "hidden_size": 4}, 0.05, 0.2),
    ],
)
def test_the_default_recipe_decides_by_the_shape(
    shape: dict[str, Any], rate: float, clip_norm: float
) -> None:
    settings = BinaryAdderRNN(**shape).settings
    assert (settings.learning_rate, settings.clip_norm) == (rate, clip_norm)


def test_what_is_given_wins() -> None:
    settings = BinaryAdderRNN(4, activation="tanh", learning_rate=0.3, clip_norm=7.0).settings
    assert (settings.learning_rate, settings.clip_norm) == (0.3, 7.0)


@pytest.mark.parametrize("recipe", ["notebook", "sgd", "adam"])
def test_other_recipes_are_the_same_for_every_shape(recipe: str) -> None:
    settings = BinaryAdderRNN(4, operands=3, activation="tanh", recipe=recipe).settings
    assert settings.learning_rate == RECIPES[recipe]["learning_rate"]
    assert settings.clip_norm == RECIPES[recipe].get("clip_norm", math.inf)


def test_a_saved_network_keeps_its_settings(tmp_path: Path) -> None:
    net = BinaryAdderRNN(4, clip_norm=2.0)  # not what its shape would have
    net.save(tmp_path / "net.npz")
    assert binadd.load(tmp_path / "net.npz").settings == net.settings
    default = BinaryAdderRNN(4)
    default.save(tmp_path / "net.npz")
    assert binadd.load(tmp_path / "net.npz").get_params() == default.get_params()


@pytest.mark.parametrize(("operands", "bits"), [(1, 8), (2, 8), (3, 32), (8, 32)])
def test_how_long_operands_are(operands: int, bits: int) -> None:
    assert bits_by_shape(operands) == bits
    form = form_of((1,) * operands)
    assert check_goal(form, None, "proved", 0).bits == bits
    assert check_goal(form, 5, "proved", 0).bits == 5


def test_exactness_is_asked_of_no_more_bits_than_can_be_checked() -> None:
    assert check_goal(form_of((1, 1, 1)), None, "exact", 0).bits < 32
    assert binadd.train(BinaryAdderRNN(3, operands=3), until="exact", max_sequences=64).bits < 32
