"""A stream adds as the whole does, however its bits come."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, InvalidTypeError

KINDS: list[dict[str, Any]] = [
    {},
    {"dtype": "float32", "activation": "tanh"},
    {"hidden_size": 3, "operands": 3, "recipe": "notebook"},
]


def bits(net: BinaryAdderRNN, count: int, steps: int) -> np.ndarray:
    shape = (count, steps, net.settings.operands)
    return np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)


@pytest.mark.parametrize("backend", ["python", "auto"])
@pytest.mark.parametrize("params", KINDS, ids=str)
def test_streams_are_the_whole(params: dict[str, Any], backend: str) -> None:
    net = BinaryAdderRNN(seed=5, backend=backend, **params)
    X = bits(net, 7, 40)
    whole, states = net.predict(X), net.hidden_states(X)
    many = net.stream(streams=7)
    for t in range(20):
        np.testing.assert_array_equal(many.step(X[:, t]), whole[:, t])
        np.testing.assert_array_equal(many.state, states[:, t])
    np.testing.assert_array_equal(many.feed(X[:, 20:]), whole[:, 20:])
    one = net.stream()
    assert [one.step(x) for x in X[0]] == whole[0].tolist()
    np.testing.assert_array_equal(one.state, states[0, -1])


def test_pieces_are_not_the_whole_for_predict() -> None:
    net = BinaryAdderRNN()
    binadd.train(net)
    X = binadd.encode([(3, 1)])
    pieces = [net.predict(X[:, :1]), net.predict(X[:, 1:])]
    assert binadd.decode(np.concatenate(pieces, axis=1)) != [4]
    stream = net.stream()
    assert binadd.decode([[stream.step(x) for x in X[0]]]) == [4]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))]
)
def test_copies_go_on_on_their_own(duplicate: Any) -> None:
    net = BinaryAdderRNN(seed=2)
    X = bits(net, 1, 30)[0]
    stream = net.stream()
    stream.feed(X[:10])
    other = duplicate(stream)
    stream.feed(1 - X[10:])
    np.testing.assert_array_equal(other.feed(X[10:]), net.predict(X[np.newaxis])[0, 10:])


def test_a_stream_keeps_its_weights() -> None:
    net = BinaryAdderRNN(seed=2)
    X = bits(net, 1, 30)
    before, stream = net.predict(X), net.stream()
    net.parameters["output_weights"] = net.parameters["output_weights"] * -1
    np.testing.assert_array_equal(stream.feed(X[0]), before[0])


def test_state_and_reset() -> None:
    net = BinaryAdderRNN(4, seed=2)
    X = bits(net, 1, 9)[0]
    stream = net.stream()
    first = stream.feed(X)
    state = stream.state
    with pytest.raises(ValueError, match="read-only"):  # it would be lost
        state[:] = 7
    saved = stream.state
    stream.reset()
    assert not stream.state.any()
    np.testing.assert_array_equal(stream.feed(X), first)
    second = stream.feed(X)
    stream.state = saved
    np.testing.assert_array_equal(stream.feed(X), second)


def test_a_stream_says_what_it_is() -> None:
    assert repr(BinaryAdderRNN(4).stream()) == "BitStream(a + b, hidden_size=4)"
    net = BinaryAdderRNN(2, coefficients=(1, -1))
    assert repr(net.stream(3)) == "BitStream(a − b, hidden_size=2, streams=3)"


def test_refusals_leave_the_state() -> None:
    stream = BinaryAdderRNN(4).stream()
    stream.step([1, 0])
    before = stream.state
    for x in ([1, 0, 1], [2, 0], [[1, 0]], [], 1):
        with pytest.raises(InvalidInputError):
            stream.step(x)
    with pytest.raises(InvalidTypeError):
        stream.step("10")
    for state in ([0.0], [[0, 0, 0, 0]], [0, 0, 0, np.nan]):
        with pytest.raises(InvalidInputError, match="state must"):
            stream.state = state
    np.testing.assert_array_equal(stream.state, before)


def test_a_state_is_finite_in_the_dtype_of_the_network() -> None:
    stream = BinaryAdderRNN(4, dtype="float32").stream()
    with pytest.raises(InvalidInputError, match="state must hold finite numbers"):
        stream.state = [0, 0, 0, 1e300]
    assert not stream.state.any()
    with pytest.raises(InvalidInputError, match="there are 2 streams, but bits for 3"):
        BinaryAdderRNN(4).stream(2).step(np.zeros((3, 2)))
    for streams in (0, 1.5):
        with pytest.raises(binadd.BinaddError, match="streams must be"):
            BinaryAdderRNN(4).stream(streams)  # type: ignore[arg-type]
