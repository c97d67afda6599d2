"""Compare the step errors of other runtimes with those that binadd proves networks for.

    python benchmarks/runtimes.py [-n NETWORKS] [-f FIRST] [-p PAIRS] [-b BITS] [-o FILE.json]

trains networks, half of them with sigmoid and half with tanh units, rounds them to float32 and
proves them with step_error="float32" and tolerance=True. Then every runtime that is installed adds
PAIRS pairs of BITS-bit numbers with each of them, from the arrays that binadd exports:

    onnxruntime, openvino, onnx.reference      to_onnx(form="rnn")
    onnxruntime (steps)                        to_onnx(form="step"), call by call
    torch                                      torch_state_dict
    jax, keras                                 the parameters themselves; keras_weights

Every bit of every sum is compared with the true one. Of the first 100 pairs, each state is
compared with the exact step from the state before it, computed in float64, whose own error is some
1e-15, and each logit with that of the state after the step. A tanh unit g in place of a sigmoid
unit stands for the state (1 + g)/2. The exit status is 1 if a bit is wrong or an error is above
the proved one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import binadd
from binadd import BinaryAdderRNN, interop
from binadd.proof import Proved

CHUNK = 100
"""Pairs at a time: the states of so many fit into memory."""

Array = NDArray[Any]
Run = Callable[[Array], tuple[Array, Array]]
"""Bits (N, T, 2) in float32 to states (N, T, H) and logits (N, T)."""


def meant(net: BinaryAdderRNN, states: Array) -> Array:
    """Return the states that those of an exported network of tanh units stand for, exactly."""
    return (1 + states.astype(np.float64)) / 2 if net.settings.activation == "sigmoid" else states


def rnn_node(net: BinaryAdderRNN) -> Any:
    """Return the exported model with its states (T, N, H) as another output."""
    from onnx import TensorProto, helper

    model = interop.onnx_model(net, form="rnn")
    shape = ["T", "N", net.settings.hidden_size]
    model.graph.output.append(helper.make_tensor_value_info("hidden", TensorProto.FLOAT, shape))
    return model


def from_model(net: BinaryAdderRNN, run: Callable[[Array], tuple[Array, Array]]) -> Run:
    def whole(bits: Array) -> tuple[Array, Array]:
        logits, hidden = run(bits)
        return meant(net, hidden.transpose(1, 0, 2)), logits

    return whole


def onnxruntime_session(model: bytes) -> Any:
    """Return what runs a model in ONNX Runtime, on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options)


def openvino_model(model: bytes) -> Any:
    """Return what runs a model in OpenVINO, in float32 and on one thread."""
    from openvino import Core

    # With bfloat16 where the processor has it, it would err by 0.08.
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return Core().compile_model(Core().read_model(model), "CPU", exact)


def onnxruntime(net: BinaryAdderRNN) -> Run:
    session = onnxruntime_session(rnn_node(net).SerializeToString())
    return from_model(net, lambda bits: session.run(["logits", "hidden"], {"bits": bits}))


def onnxruntime_steps(net: BinaryAdderRNN) -> Run:
    session = onnxruntime_session(interop.onnx_model(net, form="step").SerializeToString())
    size = net.settings.hidden_size

    def steps(bits: Array) -> tuple[Array, Array]:
        states = np.zeros((len(bits), bits.shape[1], size), np.float32)
        logits = np.zeros(bits.shape[:2], np.float32)
        state = np.zeros((len(bits), size), np.float32)
        for t in range(bits.shape[1]):
            logits[:, t], state = session.run(
                ["logits", "next_state"], {"bits": bits[:, t], "state": state}
            )
            states[:, t] = state
        return states, logits

    return steps


def openvino(net: BinaryAdderRNN) -> Run:
    model = openvino_model(rnn_node(net).SerializeToString())

    def run(bits: Array) -> tuple[Array, Array]:
        found = model({"bits": bits})
        return found["logits"], found["hidden"]

    return from_model(net, run)


def reference(net: BinaryAdderRNN) -> Run:
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(rnn_node(net))
    return from_model(net, lambda bits: session.run(["logits", "hidden"], {"bits": bits}))


def torch(net: BinaryAdderRNN) -> Run:
    import torch

    torch.set_num_threads(1)
    size, start = net.settings.hidden_size, -1.0 * (net.settings.activation == "sigmoid")
    rnn, linear = torch.nn.RNN(2, size, batch_first=True), torch.nn.Linear(size, 1)
    torch.nn.ModuleDict({"rnn": rnn, "linear": linear}).load_state_dict(
        interop.torch_state_dict(net)
    )

    def run(bits: Array) -> tuple[Array, Array]:
        with torch.no_grad():
            states = rnn(torch.from_numpy(bits), torch.full((1, len(bits), size), start))[0]
            logits = linear(states)[..., 0]
        return meant(net, states.numpy()), logits.numpy()

    return run


def jax(net: BinaryAdderRNN) -> Run:
    import jax
    import jax.numpy as jnp

    w = {name: jnp.asarray(array) for name, array in net.parameters.items()}
    f = jax.nn.sigmoid if net.settings.activation == "sigmoid" else jnp.tanh

    def step(h: Any, x: Any) -> Any:
        a = x @ w["input_weights"].T + h @ w["hidden_weights"].T + w["hidden_bias"]
        after = f(a)
        return after, (after, after @ w["output_weights"] + w["output_bias"])

    @jax.jit
    def scan(bits: Any) -> Any:
        start = jnp.zeros((bits.shape[0], net.settings.hidden_size), jnp.float32)
        return jax.lax.scan(step, start, jnp.swapaxes(bits, 0, 1))[1]

    def run(bits: Array) -> tuple[Array, Array]:
        states, logits = map(np.asarray, scan(bits))
        return states.transpose(1, 0, 2), logits.T

    return run


def keras(net: BinaryAdderRNN) -> Run:
    import keras

    layers = [
        keras.layers.SimpleRNN(
            net.settings.hidden_size, activation=net.settings.activation, return_sequences=True
        ),
        keras.layers.Dense(1),
    ]
    keras.Sequential([keras.Input((None, 2)), *layers]).set_weights(interop.keras_weights(net))

    def run(bits: Array) -> tuple[Array, Array]:
        states = layers[0](bits)
        logits = keras.ops.convert_to_numpy(layers[1](states))[..., 0]
        return keras.ops.convert_to_numpy(states), logits

    return run


RUNTIMES: dict[str, tuple[str, Callable[[BinaryAdderRNN], Run]]] = {
    "onnxruntime": ("onnxruntime", onnxruntime),
    "onnxruntime (steps)": ("onnxruntime", onnxruntime_steps),
    "openvino": ("openvino", openvino),
    "onnx.reference": ("onnx", reference),
    "torch": ("torch", torch),
    "jax": ("jax", jax),
    "keras": ("keras", keras),
}


def networks(first: int, count: int) -> Iterator[tuple[BinaryAdderRNN, Proved, float]]:
    """Train networks, and prove them as they are exported; the number is their tolerance."""
    found = 0
    for i in itertools.count(first):
        if found == count:
            return
        activation = ("sigmoid", "tanh")[i % 2]
        net = BinaryAdderRNN(seed=i // 2, activation=activation)
        if binadd.train(net).status != "proved":
            continue
        single = BinaryAdderRNN.from_parameters(net.parameters, activation, dtype="float32")
        verdict = binadd.prove(single, step_error="float32")
        if not isinstance(verdict, Proved):
            print(f"{activation} {net.settings.seed}: {verdict.status} for float32", flush=True)
            continue
        assert "float32" in binadd.check(verdict.certificate, single).runtimes
        most = binadd.prove(single, tolerance=True)
        assert isinstance(most, Proved) and most.tolerance is not None
        found += 1
        yield single, verdict, most.tolerance


def sums(pairs: int, bits: int) -> tuple[Array, Array]:
    """Return operands' bits (N, T, 2), every other with long runs of carries, and sums' (N, T)."""
    generator = np.random.default_rng(0)
    X = generator.integers(0, 2, (pairs, bits + 1, 2), dtype=np.uint8)
    runs = generator.random((pairs, bits + 1)) < 0.999
    runs[::2] = False
    X[runs, 1] = 1 - X[runs, 0]  # a carry is handed on
    X[:, -1] = 0
    S, carry = np.zeros((pairs, bits + 1), np.uint8), np.zeros(pairs, np.uint8)
    for t in range(bits + 1):
        total = X[:, t].sum(1, dtype=np.uint8) + carry
        S[:, t], carry = total & 1, total >> 1
    return X, S


def errors(net: BinaryAdderRNN, bits: Array, states: Array, logits: Array) -> tuple[float, float]:
    """Return the largest errors of states (N, T, H) and logits (N, T)."""
    w = {name: array.astype(np.float64) for name, array in net.parameters.items()}
    a = bits @ w["input_weights"].T + w["hidden_bias"]
    a[:, 1:] += states[:, :-1] @ w["hidden_weights"].T
    if net.settings.activation == "sigmoid":
        np.tanh(a / 2, out=a)
        a = (1 + a) / 2
    else:
        np.tanh(a, out=a)
    exact = states @ w["output_weights"] + w["output_bias"]
    return float(np.abs(states - a).max()), float(np.abs(logits - exact).max())


def measure(net: BinaryAdderRNN, run: Run, X: Array, S: Array) -> dict[str, float]:
    """Return how many bits are wrong, and the largest errors."""
    worst, wrong = (0.0, 0.0), 0
    for first in range(0, len(X), CHUNK):
        bits = X[first : first + CHUNK].astype(np.float32)
        states, logits = run(bits)
        wrong += int(((logits > 0) != S[first : first + CHUNK]).sum())
        if first == 0:
            worst = errors(net, bits, states.astype(np.float64), logits)
    return {"wrong_bits": wrong, "step_error": worst[0], "logit_error": worst[1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--networks", type=int, default=30)
    parser.add_argument("-f", "--first", type=int, default=0)
    parser.add_argument("-p", "--pairs", type=int, default=1000)
    parser.add_argument("-b", "--bits", type=int, default=10_000)
    parser.add_argument("-r", "--runtimes", default=",".join(RUNTIMES))
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    runtimes = {
        name: RUNTIMES[name][1]
        for name in given.runtimes.split(",")
        if find_spec(RUNTIMES[name][0]) is not None
    }
    X, S = sums(given.pairs, given.bits)
    rows: list[dict[str, Any]] = []
    for net, verdict, tolerance in networks(given.first, given.networks):
        row: dict[str, Any] = {
            "network": f"{net.settings.activation} {given.first + len(rows)}",
            "step_error": verdict.step_error,
            "logit_error": verdict.logit_error,
            "tolerance": tolerance,
            "measured": {name: measure(net, make(net), X, S) for name, make in runtimes.items()},
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
        if given.output is not None:
            versions = {name: version(RUNTIMES[name][0]) for name in runtimes}
            content = {"pairs": given.pairs, "bits": given.bits, "versions": versions}
            given.output.write_text(json.dumps(content | {"networks": rows}, indent=1))
    print_table(rows, list(runtimes))
    return int(any(failed(row, name) for row in rows for name in runtimes))


def failed(row: dict[str, Any], name: str) -> bool:
    found = row["measured"][name]
    return bool(
        found["wrong_bits"]
        or found["step_error"] > row["step_error"]
        or found["logit_error"] > row["logit_error"]
    )


def print_table(rows: list[dict[str, Any]], names: list[str]) -> None:
    print("| runtime | wrong bits | largest step error | its share of the proved, at most |")
    print("|---|---:|---:|---:|")
    for name in names:
        found = [row["measured"][name] for row in rows]
        share = max(
            m[error] / row[error]
            for row, m in zip(rows, found, strict=True)
            for error in ("step_error", "logit_error")
        )
        wrong, worst = sum(m["wrong_bits"] for m in found), max(m["step_error"] for m in found)
        print(f"| {name} | {wrong} | {worst:.2g} | {share:.1%} |")
    for name in ("step_error", "tolerance"):
        values = [row[name] for row in rows]
        print(f"{name}: {min(values):.2g} to {max(values):.2g}, median {np.median(values):.2g}")


if __name__ == "__main__":
    sys.exit(main())
