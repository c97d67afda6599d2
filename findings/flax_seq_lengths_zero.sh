#!/bin/sh
# A sequence of length 0: Flax returns the state after all of its padding, ONNX Runtime returns zeros.
#
# Expected: where there is no step to compute, the last state is the one that was given, as in Keras.
# Happens: in a padded batch, three frameworks agree on the states after 4 and after 2 steps. For a
#   length of 0, Flax' nnx.RNN and linen.RNN return the state after all 4 steps of padding, with
#   SimpleCell, GRUCell and OptimizedLSTMCell. ONNX Runtime returns zeros for RNN, GRU and LSTM,
#   whatever initial_h is. Neither raises nor warns.
# Versions: flax 0.12.8 and keras 3.15.1 on jax 0.10.2; onnxruntime 1.32.0, with onnx 1.23.2 to
#   write the models; NumPy 2.4.6; CPython 3.11; all on CPU.
# Date: 2026-11-29.
# Why it matters: when many streams are computed in one batch, chunk by chunk, and each state is
#   handed on, a stream that had nothing to read this time loses its state. Keep the old state where
#   the length is 0: numpy.where(lengths[:, None] > 0, new, old).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 keras==3.15.1 \
    onnx==1.23.2 onnxruntime==1.32.0
JAX_PLATFORMS=cpu KERAS_BACKEND=jax "$work/venv/bin/python" - <<'EOF'
import sys

import keras
import numpy as np
import onnxruntime
from flax import linen, nnx
from jax import numpy as jnp
from jax import random, tree
from onnx import TensorProto, helper, numpy_helper

BATCH, STEPS, INPUTS, HIDDEN = 3, 4, 2, 3
LENGTHS = np.array([4, 2, 0], np.int32)
rng = np.random.default_rng(0)
symbols, given, kernel, recurrent, bias = (
    rng.standard_normal(shape).astype(np.float32)
    for shape in ((BATCH, STEPS, INPUTS), (BATCH, HIDDEN), (INPUTS, HIDDEN), (HIDDEN, HIDDEN), HIDDEN)
)


def state(row, length):
    """Return the state of a row after this many of its steps, by the equation."""
    h = given[row]
    for symbol in symbols[row, :length]:
        h = np.tanh(symbol @ kernel + h @ recurrent + bias)
    return h


def flax_nnx():
    rnn = nnx.RNN(nnx.SimpleCell(INPUTS, HIDDEN, rngs=nnx.Rngs(0)), return_carry=True)
    dense_i = {"kernel": jnp.array(kernel), "bias": jnp.array(bias)}
    nnx.update(rnn.cell, {"dense_i": dense_i, "dense_h": {"kernel": jnp.array(recurrent)}})
    return rnn(jnp.array(symbols), initial_carry=jnp.array(given), seq_lengths=LENGTHS)[0]


def flax_linen():
    rnn = linen.RNN(linen.SimpleCell(HIDDEN), return_carry=True)
    cell = {"i": {"kernel": kernel, "bias": bias}, "h": {"kernel": recurrent}}
    return rnn.apply({"params": {"cell": cell}}, symbols, initial_carry=given, seq_lengths=LENGTHS)[0]


def keras_layer():
    rnn = keras.layers.SimpleRNN(HIDDEN, return_state=True)
    rnn.build(symbols.shape)
    rnn.set_weights([kernel, recurrent, bias])
    mask = jnp.arange(STEPS) < LENGTHS[:, None]
    return rnn(jnp.array(symbols), mask=mask, initial_state=[jnp.array(given)])[1]


def onnx_runtime(op="RNN", gates=1):
    """Return Y_h of one node; all gates have the same weights."""
    weights = {
        "W": np.tile(kernel.T, (1, gates, 1)),
        "R": np.tile(recurrent.T, (1, gates, 1)),
        "B": np.concatenate([np.tile(bias, gates), np.zeros(gates * HIDDEN, np.float32)])[None],
    }
    feeds = {"X": symbols.swapaxes(0, 1), "lengths": LENGTHS, "initial_h": given[None]}
    names = ["X", "W", "R", "B", "lengths", "initial_h"]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["", "Y_h"], hidden_size=HIDDEN)],
        "one_node",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()
        ],
        [helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, [1, BATCH, HIDDEN])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0][0]


def near(a, b):
    return bool(np.allclose(a, b, atol=1e-5))


known = {"as given": given[2], "after the padding": state(2, STEPS), "zeros": np.zeros(HIDDEN)}
found = {}
print("states after 4 and 2 steps right; state after none:")
for compute in (flax_nnx, flax_linen, keras_layer, onnx_runtime):
    last = np.asarray(compute())
    right = near(last[0], state(0, 4)) and near(last[1], state(1, 2))
    (none,) = (name for name, array in known.items() if near(last[2], array))
    found[compute] = (right, none)
    print(f"{compute.__name__:13} {right!s:6} {none}")

for kind in (linen.SimpleCell, linen.GRUCell, linen.OptimizedLSTMCell):
    rnn = linen.RNN(kind(HIDDEN), return_carry=True)
    variables = rnn.init(random.key(0), symbols)
    none, padding = (
        rnn.apply(variables, symbols, seq_lengths=np.full(BATCH, length))[0] for length in (0, STEPS)
    )
    found[kind] = tree.all(tree.map(near, none, padding))
    print(f"Flax, {kind.__name__}: a length of 0 gives what a length of {STEPS} gives: {found[kind]}")
for op, gates in (("GRU", 3), ("LSTM", 4)):
    found[op] = not onnx_runtime(op, gates)[2].any()
    print(f"ONNX Runtime, {op}: a length of 0 gives zeros: {found[op]}")

as_stated = list(found.values()) == [
    (True, "after the padding"),
    (True, "after the padding"),
    (True, "as given"),
    (True, "zeros"),
    *[True] * 5,
]
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
