"""BinaryAdderRNN as its users meet it."""

from __future__ import annotations

import copy
import inspect
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, InvalidTypeError, UnknownAttributeError, bits
from binadd.kernels import load
from binadd.kernels.contract import ACTIVATIONS, LOSSES, OPTIMIZERS, Architecture
from binadd.model import DEFAULTS
from binadd.settings import CONSTANTS, RECIPES
from binadd.state import advance

Make = Callable[..., BinaryAdderRNN]


def perfect_adder(**params: Any) -> BinaryAdderRNN:
    """Build a network by hand: unit k is on if at least k + 1 of operands and carry are 1."""
    big = 1000.0
    carry = [0.0, 1.0, 0.0]  # the unit for "at least two" is the carry
    return BinaryAdderRNN.from_parameters(
        {
            "input_weights": big * np.ones((3, 2)),
            "hidden_weights": big * np.array([carry] * 3),
            "hidden_bias": -big * np.array([0.5, 1.5, 2.5]),
            "output_weights": big * np.array([1.0, -1.0, 1.0]),
            "output_bias": -big * 0.5,
        },
        **params,
    )


def drawn(operands: int = 2, count: int = 20, steps: int = 6) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 2, (count, steps, operands)).astype(np.uint8)


# Parameters of the constructor -------------------------------------------------------------------


def test_defaults_are_those_of_the_signature() -> None:
    parameters = list(inspect.signature(BinaryAdderRNN).parameters.values())
    defaults = {parameter.name: parameter.default for parameter in parameters}
    assert BinaryAdderRNN().get_params() == defaults


def test_parameters_come_back_as_they_were_given() -> None:
    given = {"hidden_size": np.int64(8), "learning_rate": 1, "clip_norm": math.inf, "seed": 3}
    net = BinaryAdderRNN(**given)
    assert net.get_params() == dict(DEFAULTS) | given
    assert all(net.get_params()[name] is value for name, value in given.items())
    assert all(getattr(net, name) is value for name, value in given.items())
    assert type(net.settings.hidden_size) is int and type(net.settings.learning_rate) is float


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(recipe: str) -> None:
    settings = BinaryAdderRNN(recipe=recipe).settings
    assert settings.recipe == recipe
    assert {name: getattr(settings, name) for name in RECIPES[recipe]} == RECIPES[recipe]
    assert set(RECIPES[recipe]) == {
        name
        for name, value in DEFAULTS.items()
        if value is None and name not in ("recipe", "coefficients")
    }


def test_no_recipe_is_the_default_one() -> None:
    assert BinaryAdderRNN().settings == BinaryAdderRNN(recipe="default").settings
    assert BinaryAdderRNN().settings.optimizer == "nesterov"


def test_a_parameter_beside_a_recipe_wins() -> None:
    settings = BinaryAdderRNN(recipe="notebook", optimizer="nesterov", biases=True).settings
    assert (settings.optimizer, settings.biases, settings.loss) == (
        "nesterov",
        True,
        "squared_error",
    )


@pytest.mark.parametrize(
    ("params", "error", "sentence"),
    [
        ({"hidden_size": 0}, InvalidInputError, "hidden_size must be at least 1, not 0"),
        ({"hidden_size": 257}, InvalidInputError, "hidden_size must be at most 256, not 257"),
        ({"hidden_size": 8.0}, InvalidTypeError, "hidden_size must be an integer"),
        ({"hidden_size": True}, InvalidTypeError, "hidden_size must be an integer"),
        ({"operands": 9}, InvalidInputError, "operands must be at most 8"),
        ({"activation": "relu"}, InvalidInputError, "activation must be 'sigmoid' or 'tanh'"),
        ({"activation": None}, InvalidTypeError, "activation must be"),
        ({"biases": 1}, InvalidTypeError, "biases must be True or False"),
        ({"loss": "hinge"}, InvalidInputError, "loss must be"),
        ({"optimizer": "lion"}, InvalidInputError, "optimizer must be"),
        ({"learning_rate": 0}, InvalidInputError, "learning_rate must be more than 0"),
        ({"learning_rate": math.inf}, InvalidInputError, "learning_rate must be finite"),
        ({"learning_rate": math.nan}, InvalidInputError, "learning_rate must be"),
        ({"learning_rate": "0.1"}, InvalidTypeError, "learning_rate must be a number"),
        ({"momentum": 1.0}, InvalidInputError, "momentum must be .* less than 1"),
        ({"beta2": -0.1}, InvalidInputError, "beta2 must be at least 0"),
        ({"epsilon": 0}, InvalidInputError, "epsilon must be more than 0"),
        ({"clip_norm": 0}, InvalidInputError, "clip_norm must be more than 0"),
        ({"batch_size": 0}, InvalidInputError, "batch_size must be at least 1"),
        ({"epochs": 0}, InvalidInputError, "epochs must be at least 1"),
        ({"dtype": "float16"}, InvalidInputError, "dtype must be"),
        ({"dtype": np.float16}, InvalidInputError, "dtype must be .*, not '<f2'"),
        ({"dtype": np.dtype(">f4")}, InvalidInputError, "dtype must be .*, not '>f4'"),
        ({"dtype": dict}, InvalidInputError, "dtype must be"),
        ({"dtype": 8}, InvalidTypeError, "dtype must be"),
        ({"optimizer": "sgd", "momentum": 0.9}, InvalidInputError, "momentum has no effect with"),
        ({"beta1": 0.9}, InvalidInputError, "beta1 has no effect with the optimizer 'nesterov'"),
        ({"recipe": "sgd", "epsilon": 1e-8}, InvalidInputError, "or choose 'adam'"),
        ({"recipe": "adam", "momentum": 0.5}, InvalidInputError, "'momentum' or 'nesterov'"),
        ({"seed": -1}, InvalidInputError, "seed must be at least 0"),
        ({"seed": None}, InvalidTypeError, "seed must be an integer"),
        ({"recipe": "mine"}, InvalidInputError, "recipe must be 'default', 'notebook'"),
        ({"backend": "cuda"}, InvalidInputError, "backend must be 'auto', 'native' or 'python'"),
    ],
)
def test_what_the_constructor_refuses(
    params: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        BinaryAdderRNN(**params)
    net = BinaryAdderRNN(seed=5)
    before, weights = net.get_params(), net.state
    with pytest.raises(error, match=sentence):
        net.set_params(**({"learning_rate": 0.5} | params))
    assert net.get_params() == before and net.state is weights


def test_set_params(make: Make) -> None:
    net = make(seed=1)
    net.partial_fit(drawn())
    state = net.state
    assert net.set_params(learning_rate=0.5, batch_size=4) is net
    assert net.settings.learning_rate == 0.5 and net.state is state
    net.momentum = 0.5
    assert net.settings.momentum == 0.5 and net.get_params()["momentum"] == 0.5
    with pytest.raises(InvalidInputError, match="'rate' is not a parameter of a network; allowed"):
        net.set_params(rate=1)
    with pytest.raises(InvalidInputError, match="did you mean learning_rate"):
        net.set_params(lerning_rate=1)
    assert net.set_params() is net


OTHER_NETWORKS = [
    {"hidden_size": 5},
    {"operands": 3},
    {"activation": "tanh"},
    {"biases": False},
    {"dtype": "float32"},
    {"seed": 2},
]


@pytest.mark.parametrize("params", OTHER_NETWORKS)
def test_assigning_never_discards_weights(make: Make, params: dict[str, Any]) -> None:
    [(name, value)] = params.items()
    imported = BinaryAdderRNN.from_parameters(perfect_adder().parameters)
    for net in (make(seed=1).partial_fit(drawn()), imported):
        before, state = net.get_params(), net.state
        with pytest.raises(InvalidInputError, match=f"{name} = .* would discard the weights"):
            setattr(net, name, value)
        assert net.get_params() == before and net.state is state
        setattr(net, name, getattr(net, name))
        assert net.state is state
    fresh = make(seed=1)
    setattr(fresh, name, value)
    assert fresh == make(**({"seed": 1} | params))


@pytest.mark.parametrize("name", ["lerning_rate", "hidden", "weights"])
def test_misspelt_attributes_are_refused(name: str) -> None:
    net = BinaryAdderRNN(2)
    with pytest.raises(UnknownAttributeError, match=f"^'{name}' is not an attribute of a network"):
        setattr(net, name, 0.5)
    with pytest.raises(AttributeError, match=name):
        getattr(net, name)
    with pytest.raises(UnknownAttributeError, match="did you mean learning_rate"):
        net.learningrate = 0.5  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("float32"), "float32"])
def test_dtypes_are_numpys_too(dtype: Any) -> None:
    net = BinaryAdderRNN(2, dtype=dtype)
    assert net.settings.dtype == "float32" and net.dtype is dtype
    assert net == BinaryAdderRNN(2, dtype="float32")
    assert BinaryAdderRNN.from_parameters(net.parameters, dtype=dtype) == net
    assert repr(net) == "BinaryAdderRNN(hidden_size=2, dtype='float32')"
    assert BinaryAdderRNN(2, dtype=float) == BinaryAdderRNN(2)
    table = binadd.sweep(range(1), until=1, workers=1, dtype=[np.float64, dtype])
    assert [row["dtype"] for row in table] == ["float64", "float32"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_takes_its_own_constants(optimizer: str) -> None:
    for name, optimizers in CONSTANTS.items():
        if optimizer in optimizers:
            assert (
                getattr(BinaryAdderRNN(optimizer=optimizer, **{name: 0.5}).settings, name) == 0.5
            )
        else:
            with pytest.raises(InvalidInputError, match=f"{name} has no effect .* '{optimizer}'"):
                BinaryAdderRNN(optimizer=optimizer, **{name: 0.5})


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize("params", OTHER_NETWORKS)
def test_another_network_starts_anew(make: Make, params: dict[str, Any]) -> None:
    net = make(seed=1).fit(drawn())
    net.set_params(**params)
    assert net == make(**({"seed": 1} | params))
    assert net.state.sequences == 0


def test_repr_shows_what_differs_from_the_default() -> None:
    assert repr(BinaryAdderRNN()) == "BinaryAdderRNN()"
    net = BinaryAdderRNN(8, recipe="notebook", learning_rate=0.2)
    assert repr(net) == "BinaryAdderRNN(hidden_size=8, learning_rate=0.2, recipe='notebook')"
    assert eval(repr(net)) == net


# Weights -----------------------------------------------------------------------------------------


def test_parameters_are_assigned(make: Make) -> None:
    net, X = make(4), drawn()
    net.partial_fit(X)
    before, state, parameters = net.predict_proba(X), net.state, net.parameters
    old = dict(parameters)
    parameters["output_bias"] = old["output_bias"] + 1
    assert (net.predict_proba(X) > before).all()
    new = old["hidden_weights"].copy()
    new[2, 3] += 0.5
    parameters["hidden_weights"] = new
    for weights in (parameters, net.parameters):
        assert weights["output_bias"] == old["output_bias"] + 1
        np.testing.assert_array_equal(weights["hidden_weights"], new)
        np.testing.assert_array_equal(weights["input_weights"], old["input_weights"])
    new[...] = 9  # it was copied
    assert net.parameters["hidden_weights"].max() < 9
    assert net.state.moments is state.moments and net.state.sequences == state.sequences
    duplicate = BinaryAdderRNN.from_parameters(net.parameters)
    assert duplicate == net and "hidden_bias" in repr(net.parameters)


@pytest.mark.parametrize(
    ("name", "values", "error", "sentence"),
    [
        ("x", 1.0, InvalidInputError, "'x' is not a parameter; allowed: input_weights, "),
        ("output_bias", [1.0], InvalidInputError, r"must have the shape \(\), not \(1,\)"),
        ("hidden_weights", np.ones(4), InvalidInputError, r"the shape \(4, 4\), not \(4,\)"),
        ("output_bias", math.nan, InvalidInputError, "must hold finite numbers"),
        ("output_bias", "1", InvalidTypeError, "must be an array of real numbers"),
        ("output_bias", None, InvalidTypeError, "must be an array of real numbers"),
    ],
)
def test_what_parameters_refuse(
    name: str, values: Any, error: type[Exception], sentence: str
) -> None:
    net = BinaryAdderRNN(4)
    with pytest.raises(error, match=sentence):
        net.parameters[name] = values
    assert net == BinaryAdderRNN(4)
    with pytest.raises(InvalidInputError, match="'output_bias' is not a parameter"):
        BinaryAdderRNN(4, biases=False).parameters["output_bias"] = 1.0


def test_parameters_cannot_be_written_to_in_silence() -> None:
    net = BinaryAdderRNN(4)
    for name, array in net.parameters.items():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        with pytest.raises(ValueError, match="read-only"):
            net.parameters[name] -= 1
    for array in (net.state.block, net.state.moments, net.state.powers):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert net == BinaryAdderRNN(4)


def test_parameters_are_kept_while_training_goes_on(make: Make) -> None:
    net = make(4)
    parameters = net.parameters
    net.partial_fit(drawn())
    assert BinaryAdderRNN.from_parameters(parameters) == make(4) != net
    parameters["output_bias"] = 3.0  # of the network as it is now
    assert net.parameters["output_bias"] == 3
    np.testing.assert_array_equal(parameters["hidden_weights"], net.parameters["hidden_weights"])
    for again in (copy.deepcopy(parameters), pickle.loads(pickle.dumps(parameters))):
        assert type(again) is dict and again.keys() == parameters.keys()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [5, 16])
def test_other_programs_store_parameters_rightly(tmp_path: Path, dtype: str, size: int) -> None:
    """They take an array's memory as it lies, whatever its strides."""
    net = BinaryAdderRNN(size, dtype=dtype)
    _, gradients = net.loss_and_gradients(drawn())
    for arrays in (net.parameters, gradients):
        for array in arrays.values():
            assert array.flags.c_contiguous and type(array) is np.ndarray
            assert bytes(memoryview(array)) == array.tobytes()
    safetensors = pytest.importorskip("safetensors.numpy")
    for arrays in (dict(net.parameters), gradients):
        safetensors.save_file(arrays, tmp_path / "net.safetensors")
        stored = safetensors.load_file(tmp_path / "net.safetensors")
        for name, array in arrays.items():
            np.testing.assert_array_equal(stored[name], array)


def test_from_parameters(make: Make, backend: str) -> None:
    for params in ({}, {"biases": False}, {"dtype": "float32"}, {"operands": 3}):
        net = make(5, activation="tanh", seed=9, **params)
        again = BinaryAdderRNN.from_parameters(
            net.parameters, "tanh", backend=backend, seed=9, learning_rate=0.3
        )
        assert again == net and again.settings.learning_rate == 0.3
        assert not np.shares_memory(again.state.block, net.state.block)
    with pytest.raises(InvalidInputError, match="hidden_size follows from the weights"):
        BinaryAdderRNN.from_parameters(net.parameters, hidden_size=4)


def test_a_recipe_without_biases_takes_weights_with_them() -> None:
    net = BinaryAdderRNN.from_parameters(BinaryAdderRNN().parameters, recipe="notebook")
    assert net.settings.biases and net == BinaryAdderRNN()


def test_equality() -> None:
    assert BinaryAdderRNN(seed=1) == BinaryAdderRNN(seed=1, learning_rate=0.3)
    assert BinaryAdderRNN(seed=1) != BinaryAdderRNN(seed=2)
    assert BinaryAdderRNN() != BinaryAdderRNN(dtype="float32")
    assert BinaryAdderRNN(activation="tanh") != BinaryAdderRNN()
    assert BinaryAdderRNN() != 3
    net = BinaryAdderRNN()
    net.parameters["output_weights"] = np.nextafter(net.parameters["output_weights"], 2)
    assert net != BinaryAdderRNN()


# Prediction --------------------------------------------------------------------------------------


@given(st.integers(0, 2**300), st.integers(0, 2**300))
def test_a_perfect_adder_adds(a: int, b: int) -> None:
    assert perfect_adder().add(a, b) == a + b


def test_a_perfect_adder_adds_in_every_form(backend: str) -> None:
    net = perfect_adder(backend=backend)
    pairs = [(a, b) for a in range(16) for b in range(16)]
    X = binadd.encode(pairs)
    assert binadd.decode(net.predict(X)) == [a + b for a, b in pairs]
    assert net.score(X) == 1
    assert net.add(np.int64(3), np.uint8(250)) == 253
    assert net.add(0, 0) == 0
    long = 2**2000 - 1
    assert net.add(long, 1) == 2**2000
    assert net.score(X, 1 - net.predict(X)) == 0
    wrong = net.predict(X)
    wrong[:64, 0] ^= 1
    assert net.score(X, wrong) == 0.75


def test_add_says_what_the_network_says(make: Make) -> None:
    net = make(seed=3)
    for a, b in [(0, 0), (1, 0), (5, 9), (2**700, 3)]:
        X = binadd.encode([(a, b)])
        assert net.add(a, b) == binadd.decode(net.predict(X))[0]


@pytest.mark.parametrize(
    ("integers", "error", "sentence"),
    [
        ((1,), InvalidInputError, "adds 2 integers, not 1"),
        ((1, 2, 3), InvalidInputError, "adds 2 integers, not 3"),
        ((1, -2), InvalidInputError, "at least 0, not -2"),
        ((1, 2.0), InvalidTypeError, "must be an integer, not 2.0"),
        ((1, True), InvalidTypeError, "not the bool True"),
        ((1, np.True_), InvalidTypeError, "not the bool True"),
        (("1", 2), InvalidTypeError, "not '1'"),
        ((None, 2), InvalidTypeError, "not None"),
        ((1, math.nan), InvalidTypeError, "not nan"),
    ],
)
def test_what_add_refuses(
    make: Make, integers: tuple[Any, ...], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make().add(*integers)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shapes_and_dtypes(make: Make, dtype: str, activation: str) -> None:
    net = make(5, operands=3, activation=activation, dtype=dtype)
    X = drawn(operands=3, count=4, steps=7)
    assert net.predict(X).shape == (4, 7) and net.predict(X).dtype == np.uint8
    probabilities = net.predict_proba(X)
    assert probabilities.shape == (4, 7) and probabilities.dtype == dtype
    assert net.decision_function(X).shape == (4, 7)
    assert net.hidden_states(X).shape == (4, 7, 5) and net.hidden_states(X).dtype == dtype
    np.testing.assert_array_equal(net.predict(X), probabilities > 0.5)
    np.testing.assert_array_equal(net.predict(X), net.decision_function(X) > 0)
    loss, gradients = net.loss_and_gradients(X)
    assert isinstance(loss, float)
    assert {name: g.shape for name, g in gradients.items()} == {
        name: p.shape for name, p in net.parameters.items()
    }


@pytest.mark.parametrize(
    "method",
    [
        "predict",
        "predict_proba",
        "decision_function",
        "hidden_states",
        "score",
        "loss_and_gradients",
        "fit",
        "partial_fit",
    ],
)
def test_every_method_checks_its_sequences(make: Make, method: str) -> None:
    net = make()
    state = net.state
    masked = np.ma.array([[[1, 3]]], mask=[[[0, 1]]])  # type: ignore[no-untyped-call]
    for X in (np.zeros((2, 3)), np.full((1, 2, 2), 0.5), np.zeros((0, 2, 2)), "01", masked):
        with pytest.raises((InvalidInputError, InvalidTypeError), match=r"^X "):
            getattr(net, method)(X)
    assert net.state is state


# Training ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("biases", [True, False])
def test_gradients_are_central_differences(
    make: Make, loss: str, activation: str, biases: bool
) -> None:
    net = make(3, loss=loss, activation=activation, biases=biases, seed=4)
    X = drawn(count=5, steps=4)
    _, gradients = net.loss_and_gradients(X)
    h = 1e-5
    for name, weights in net.parameters.items():
        for index in np.ndindex(weights.shape):
            step = np.zeros(weights.shape)
            step[index] = h
            net.parameters[name] = weights + step
            above, _ = net.loss_and_gradients(X)
            net.parameters[name] = weights - step
            below, _ = net.loss_and_gradients(X)
            net.parameters[name] = weights
            numeric = (above - below) / (2 * h)
            assert math.isclose(gradients[name][index], numeric, rel_tol=1e-6, abs_tol=1e-8)


@pytest.mark.thorough
def test_fit_learns_begins_anew_and_returns_the_network(make: Make) -> None:
    X = bits.encode([(a, b) for a in range(8) for b in range(8)], 3)
    net = make(8, seed=1, epochs=40)
    assert net.fit(X) is net
    assert net.score(X) == 1
    weights = net.state.block.copy()
    net.fit(X)
    np.testing.assert_array_equal(net.state.block, weights)
    assert net.state.sequences == 64 * 40


def test_partial_fit_goes_on(make: Make) -> None:
    X = drawn(count=40)
    whole, parts = make(4, batch_size=5), make(4, batch_size=5)
    whole.partial_fit(X)
    for part in (X[:10], X[10:15], X[15:]):
        parts.partial_fit(part)
    assert whole == parts and whole.state.updates == parts.state.updates == 8


def test_a_last_smaller_batch_counts(make: Make) -> None:
    net = make(4, batch_size=16).partial_fit(drawn(count=20))
    assert (net.state.sequences, net.state.updates) == (20, 2)
    whole = make(4, batch_size=16).partial_fit(drawn(count=16))
    assert net != whole
    whole.set_params(batch_size=4).partial_fit(drawn(count=20)[16:])
    assert net == whole


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_another_optimizer_starts_with_fresh_moments(make: Make, optimizer: str) -> None:
    net = make(4, optimizer="adam", learning_rate=0.01).partial_fit(drawn())
    fresh = BinaryAdderRNN.from_parameters(
        net.parameters, optimizer=optimizer, learning_rate=0.01, backend=net.backend
    )
    net.set_params(optimizer=optimizer).partial_fit(drawn())
    assert (net == fresh.partial_fit(drawn())) == (optimizer != "adam")


def test_divergence_keeps_the_last_finite_weights(make: Make) -> None:
    net = make(learning_rate=1.7e308, clip_norm=math.inf, momentum=0.99)
    before = net.state
    with pytest.raises(
        binadd.DivergenceError, match="between sequences 0 and 20: a weight became"
    ):
        net.partial_fit(drawn())
    assert net.state is before
    assert np.isfinite(net.predict_proba(drawn())).all()


def test_both_backends_train_to_the_same_bits(native: Any) -> None:
    X = drawn(count=50)
    for params in ({}, {"recipe": "notebook"}, {"recipe": "adam", "dtype": "float32"}):
        nets = [
            BinaryAdderRNN(seed=2, epochs=3, backend=backend, **params).fit(X)
            for backend in ("python", "native")
        ]
        assert nets[0] == nets[1]
        np.testing.assert_array_equal(nets[0].predict_proba(X), nets[1].predict_proba(X))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score", "loss_and_gradients"])
def test_targets_may_be_a_column(make: Make, method: str) -> None:
    X = drawn()
    y = load("python").exact_sums(Architecture(1), bits.pack_symbols(X))
    nets = [make(4, epochs=1), make(4, epochs=1)]
    found = [getattr(net, method)(X, t) for net, t in zip(nets, (y, y[..., None]), strict=True)]
    assert nets[0] == nets[1]
    if method == "score":
        assert found[0] == found[1]
    with pytest.raises(InvalidInputError, match=r"y must have the shape \(20, 6\)"):
        getattr(make(4), method)(X, np.stack([y, y], axis=2))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score", "loss_and_gradients"])
def test_bits_in_the_other_order_are_noticed(make: Make, method: str) -> None:
    pairs = [(a, b) for a in range(8) for b in range(8)]
    X = bits.encode(pairs, 4, bitorder="big")
    y = bits.encode([(a + b,) for a, b in pairs], 4, bitorder="big")
    with pytest.warns(UserWarning, match="most significant bit first") as caught:
        getattr(make(4, epochs=1), method)(X, y)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(make(4, epochs=1), method)(X)  # what y would be is not known
        getattr(make(4, epochs=1), method)(X[:, ::-1], y[:, ::-1])
        y[0] ^= 1
        getattr(make(4, epochs=1), method)(X, y)


# As an object ------------------------------------------------------------------------------------


@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_everything(make: Make, protocol: int) -> None:
    net = make(4, learning_rate=0.3, optimizer="adam").fit(drawn())
    again = pickle.loads(pickle.dumps(net, protocol))
    assert again == net and again.get_params() == net.get_params()
    assert again.partial_fit(drawn()) == net.partial_fit(drawn())  # the moments too


def test_deepcopy_shares_nothing(make: Make) -> None:
    net = make(4)
    again = copy.deepcopy(net)
    again.parameters["output_bias"] = 1
    assert again != net and copy.copy(net) == net


def test_a_copy_is_as_the_network_was(make: Make) -> None:
    net = make(4, optimizer="adam").fit(drawn())
    duplicate, weights = net.copy(), net.state.block.copy()
    net.parameters["output_bias"] = 1
    assert duplicate.get_params() == net.get_params() and duplicate.kernels is net.kernels
    np.testing.assert_array_equal(duplicate.state.block, weights)
    net.state = duplicate.state
    assert duplicate.copy().partial_fit(drawn()) == net.partial_fit(drawn())  # the moments too


def shared_buffers(net: BinaryAdderRNN) -> BinaryAdderRNN:
    """As through shared memory: arrays lie in buffers that nobody may write to."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(net, 5, buffer_callback=buffers.append)
    assert len(buffers) == 3
    again = pickle.loads(data, buffers=[bytes(buffer.raw()) for buffer in buffers])
    assert isinstance(again, BinaryAdderRNN)
    return again


def memory_map(net: BinaryAdderRNN) -> BinaryAdderRNN:
    joblib = pytest.importorskip("joblib")
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(net, f"{folder}/net")
        again = joblib.load(f"{folder}/net", mmap_mode="r")
    assert isinstance(again, BinaryAdderRNN)
    return again


@pytest.mark.parametrize("carried", [shared_buffers, memory_map])
def test_a_network_out_of_read_only_memory_can_be_changed(
    make: Make, carried: Callable[[BinaryAdderRNN], BinaryAdderRNN]
) -> None:
    net = make(4, optimizer="adam").fit(drawn())
    again = carried(net)
    assert again == net
    again.parameters["output_bias"] = 1.0
    assert again.parameters["output_bias"] == 1
    again.state = net.state
    assert again.partial_fit(drawn()) == net.partial_fit(drawn())  # the moments too


def test_pickles_go_by_name() -> None:
    net = BinaryAdderRNN(4, learning_rate=0.3).fit(drawn())
    pickled = net.__getstate__()
    assert pickled["format"] == 1
    assert pickled["params"] == net.get_params()
    names = {field.name for field in fields(net.state)}
    assert pickled["state"].keys() == names - {"architecture", "seed"}
    code = pickle.dumps(net, 5)
    for part in (b"State", b"Settings", b"Architecture", b"native", b"Snapshot"):
        assert part not in code  # nothing that the next release may have renamed
    del pickled["params"]["epochs"]  # as a release before there was such a parameter
    again = BinaryAdderRNN.__new__(BinaryAdderRNN)
    again.__setstate__(pickled)
    assert again == net and again.epochs == 10


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, "reads pickled networks of format 1, not 2"),
        ({"format": None}, "reads pickled networks of format 1, not None"),
        ({"params": {"depth": 2}}, "this pickled network has an unknown depth"),
        ({"state": {"spin": 2}}, "this pickled network has an unknown spin"),
    ],
)
def test_pickles_of_other_releases_are_refused(change: dict[str, Any], sentence: str) -> None:
    pickled = BinaryAdderRNN(4).__getstate__()
    for name, value in change.items():
        pickled[name] = pickled[name] | value if isinstance(value, dict) else value
    with pytest.raises(binadd.ModelFileError, match=sentence):
        BinaryAdderRNN.__new__(BinaryAdderRNN).__setstate__(pickled)


def test_a_pickle_with_weights_outside_the_parameters_is_refused() -> None:
    pickled = BinaryAdderRNN(4, biases=False).__getstate__()
    block = pickled["state"]["block"].copy()
    block[-1, 0] = 50.0  # an output bias
    pickled["state"]["block"] = block
    with pytest.raises(InvalidInputError, match="weights outside the parameters"):
        BinaryAdderRNN.__new__(BinaryAdderRNN).__setstate__(pickled)


class Labelled(BinaryAdderRNN):
    """A subclass with something of its own."""

    label = "none"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, BinaryAdderRNN.copy])
def test_what_a_subclass_has_is_kept(again: Callable[[Labelled], Labelled]) -> None:
    net = Labelled(3, seed=2)
    net.label = "mine"
    duplicate = again(net)
    assert type(duplicate) is Labelled and duplicate == net and duplicate.label == "mine"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"block": np.zeros((21, 16), np.int64)}, "the state's block must be a C-contiguous"),
        ({"block": np.zeros((21, 16), order="F")}, "the state's block must be a C-contiguous"),
        ({"block": np.zeros((20, 16))}, "the state's block must be a C-contiguous"),
        ({"moments": None}, "the state's moments must be a C-contiguous"),
        ({"powers": np.ones(3)}, "the state's powers must be a C-contiguous"),
        ({"seed": 1}, "this state belongs to a network of another architecture or seed"),
    ],
)
def test_a_state_that_kernels_would_not_take_is_refused(
    changes: dict[str, Any], sentence: str
) -> None:
    net = BinaryAdderRNN()
    state = net.state
    with pytest.raises(InvalidInputError, match=sentence):
        net.state = replace(state, **changes)
    with pytest.raises(InvalidTypeError, match="state must be a State, not ndarray"):
        net.state = state.block  # type: ignore[assignment]
    assert net.state is state


def test_a_network_pickled_where_native_is_opens_where_it_is_not() -> None:
    net = BinaryAdderRNN(3)
    code = "import pickle, sys; net = pickle.load(sys.stdin.buffer); print(net.kernels.NAME, net)"
    out = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(net),
        capture_output=True,
        check=True,
        env=os.environ | {"BINADD_BACKEND": "python", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert out.stdout.decode().strip() == "python BinaryAdderRNN(hidden_size=3)"


@pytest.mark.thorough(of="python")
def test_changes_of_many_threads_all_count(make: Make) -> None:
    net, rates = make(2), [0.1, 0.2]
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            net.set_params(learning_rate=rates[0])
            rates.reverse()

    thread = threading.Thread(target=change)
    thread.start()
    lost = 0
    for size in range(1, 200):
        net.batch_size = size
        lost += net.batch_size != size
    done.set()
    thread.join()
    assert not lost


def test_coefficients_are_those_that_were_given(make: Make) -> None:
    """Whatever becomes of the list: it is the caller's."""
    for coefficients in ([1, -1], np.array([1, -1])):
        net = make(2, coefficients=coefficients)
        assert net.coefficients is coefficients
        coefficients[1] = 1
        for other in (net, net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            other.learning_rate = 0.05
            assert other.settings.coefficients == other.coefficients == (1, -1)
            assert other == net == other.set_params(batch_size=2)


def test_many_threads_may_predict_while_one_trains(make: Make) -> None:
    net = make(4)
    X = drawn(count=8)
    allowed = [net.predict_proba(X)]
    states = [net.state]
    probe = make(4)
    for _ in range(30):
        states.append(probe.partial_fit(X).state)
        allowed.append(probe.predict_proba(X))
    seen: list[Any] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(net.predict_proba(X))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        net.partial_fit(X)
    done.set()
    for reader in readers:
        reader.join()
    assert seen and net == probe
    bytes_allowed = {probabilities.tobytes() for probabilities in allowed}
    assert all(probabilities.tobytes() in bytes_allowed for probabilities in seen)


@pytest.mark.thorough(of="python")
def test_settings_are_never_beside_the_weights_of_others(make: Make, tmp_path: Path) -> None:
    """Another thread sets other parameters, again and again, while one trains the network."""
    net, X = make(3), drawn(count=4)
    done, mixed = threading.Event(), []

    def change() -> None:
        size = 3
        while not done.is_set():
            size = 10 - size
            net.set_params(hidden_size=size)

    def read() -> None:
        while not done.is_set():
            duplicate = net.copy()
            if duplicate.settings.architecture != duplicate.state.architecture:
                mixed.append(duplicate)

    threads = [threading.Thread(target=change), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for _ in range(200 if net.kernels.NAME == "native" else 50):
        try:
            net.partial_fit(X)
        except InvalidInputError as reason:
            assert "another architecture or seed" in str(reason)
    done.set()
    for thread in threads:
        thread.join()
    assert not mixed
    net.save(tmp_path / "net.npz")
    assert binadd.load(tmp_path / "net.npz") == net


def test_training_that_nobody_wants_any_more_is_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = make(4)

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        net.set_params(hidden_size=3, learning_rate=0.3)
        return advance(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("binadd.model.advance", meanwhile)
        with pytest.raises(InvalidInputError, match="a network of another architecture or seed"):
            net.partial_fit(drawn())
    assert net == make(3) and net.settings.learning_rate == 0.3
    assert net.partial_fit(drawn()).state.updates == 20


def test_threads_keep_their_own_warnings(make: Make) -> None:
    """NumPy's error state is a thread's own, and no call changes it."""
    net = make(4, activation="tanh")
    X, found = drawn(count=8), []

    def predict() -> None:
        with np.errstate(over="raise", under="warn"):
            for _ in range(50):
                net.predict_proba(X)
            found.append((np.geterr()["over"], np.geterr()["under"]))

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("raise", "warn")] * 4


# The package -------------------------------------------------------------------------------------


def test_import_takes_nothing_but_numpy() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import binadd;"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "binadd" in out.stdout.split()
    assert not {"click", "tqdm", "zipfile", "json", "matplotlib", "sklearn"} & set(
        out.stdout.split()
    )


def test_public_names() -> None:
    assert dir(binadd) == sorted(binadd.__all__)
    assert binadd.train.__module__ == "binadd.training"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        binadd.nothing  # noqa: B018


@pytest.mark.parametrize("length", [0, 6, 7, 8, 14, 20])
def test_adding_in_slices_changes_nothing(
    make: Callable[..., BinaryAdderRNN], monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    net = make(5, seed=3)
    operands = ((1 << length) - 1, (1 << length) // 3)
    whole = net.add(*operands)
    monkeypatch.setattr("binadd.model._SLICE", 7)
    assert net.add(*operands) == whole
