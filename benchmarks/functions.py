"""Measure the σ and tanh of other runtimes on every float32.

    python benchmarks/functions.py [-r onnxruntime,jax] [-f sigmoid,tanh]

A proof for any float32 arithmetic assumes that a runtime's f̂ is within 8u of σ or tanh, where
u = 2⁻²⁴ is half a unit in the last place of a number just below 1. Every runtime that is
installed computes all 2³² values but the NaNs. What they should be is computed in float64, whose
own error is below 10⁻⁸ u. The exit status is 1 if an error is above 8u.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runtimes import onnxruntime_session, openvino_model

from binadd.kernels import load

PIECE = 1 << 18
UNIT = 2.0**-24
ALLOWED = 8

Array = NDArray[Any]
Function = Callable[[Array], Array]
"""Values (1, N, 1) in float32 to as many."""

EXACT: dict[str, Function] = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
}


def operator(name: str) -> bytes:
    """Return an ONNX model of the operator alone."""
    return _model(name.capitalize(), ["a"], [1, "N", 1])


def rnn_node(name: str) -> bytes:
    """Return an ONNX model with an RNN node of one unit, whose pre-activation is its input."""
    inputs = ["a", "one", "zero"]
    shape = [1, 1, "N", 1]
    return _model("RNN", inputs, shape, hidden_size=1, activations=[name.capitalize()])


def _model(kind: str, inputs: list[str], shape: list[Any], **options: Any) -> bytes:
    from onnx import TensorProto, helper

    weights = {"one": 1.0, "zero": 0.0}
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["b"], **options)],
        kind,
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, "N", 1])],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor(name, TensorProto.FLOAT, (1, 1, 1), [weights[name]])
            for name in inputs[1:]
        ],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def onnxruntime(model: bytes) -> Function:
    session = onnxruntime_session(model)
    return lambda values: session.run(None, {"a": values})[0]


def openvino(model: bytes) -> Function:
    compiled = openvino_model(model)
    return lambda values: compiled({"a": values})["b"]


def reference(model: bytes) -> Function:
    from onnx import load_from_string
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(load_from_string(model))
    return lambda values: session.run(None, {"a": values})[0]


def torch(name: str) -> Function:
    import torch

    torch.set_num_threads(1)
    function = getattr(torch, name)
    return lambda values: function(torch.from_numpy(values)).numpy()


def jax(name: str) -> Function:
    import jax

    function = jax.jit(getattr(jax.nn, name))
    return lambda values: np.asarray(function(values))


def keras(name: str) -> Function:
    import keras

    function = getattr(keras.activations, name)
    return lambda values: keras.ops.convert_to_numpy(function(values))


RUNTIMES: dict[str, tuple[str, Callable[[str], Function]]] = {
    "binadd": ("binadd", lambda name: lambda values: load().activation(values, name)),
    "onnxruntime": ("onnxruntime", lambda name: onnxruntime(operator(name))),
    "onnxruntime (RNN)": ("onnxruntime", lambda name: onnxruntime(rnn_node(name))),
    "openvino": ("openvino", lambda name: openvino(operator(name))),
    "openvino (RNN)": ("openvino", lambda name: openvino(rnn_node(name))),
    "onnx.reference": ("onnx", lambda name: reference(operator(name))),
    "torch": ("torch", torch),
    "jax": ("jax", jax),
    "keras": ("keras", keras),
}


def pieces() -> Iterator[Array]:
    """Yield all float32 but the NaNs, from 0 to ∞ and from −0 to −∞."""
    for sign in (0, 1 << 31):
        for first in range(0, 0x7F800001, PIECE):
            count = min(PIECE, 0x7F800001 - first)
            bits = np.arange(count, dtype=np.uint32) + np.uint32(sign + first)
            yield bits.view(np.float32).reshape(1, -1, 1)


def worst(function: Function, name: str) -> tuple[float, float, float, float]:
    """Return the largest error in u, where it is, and the smallest and largest value."""
    most, where, low, high = 0.0, 0.0, np.inf, -np.inf
    for values in pieces():
        found = np.asarray(function(values)).reshape(-1)
        with np.errstate(over="ignore"):
            errors = np.abs(found - EXACT[name](values.reshape(-1).astype(np.float64)))
        at = int(errors.argmax())  # a NaN is the largest
        if not errors[at] <= most:
            most, where = float(errors[at]), float(values[0, at, 0])
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    return most / UNIT, where, low, high


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-r", "--runtimes", default=",".join(RUNTIMES))
    parser.add_argument("-f", "--functions", default=",".join(EXACT))
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    print("| runtime | f | largest error in u | at | smallest value | largest value |")
    print("|---|---|---:|---:|---:|---:|")
    failed = False
    for runtime in given.runtimes.split(","):
        package, make = RUNTIMES[runtime]
        if find_spec(package) is None:
            print(f"{runtime} is not installed", file=sys.stderr)
            continue
        for name in given.functions.split(","):
            most, where, low, high = worst(make(name), name)
            failed |= not most <= ALLOWED
            label = f"{runtime} {version(package)}"
            print(f"| {label} | {name} | {most:.2f} | {where:.9g} | {low:.9g} | {high:.9g} |")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
