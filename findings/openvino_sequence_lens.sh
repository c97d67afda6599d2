#!/bin/sh
# OpenVINO heeds the lengths of padded sequences only if every dimension is fixed.
#
# Expected: an open batch or time dimension of an ONNX model costs speed at most; the values that
#   OpenVINO computes for a given array are the same.
# Happens: with X of (4, 2, 2) RNN, GRU and LSTM heed sequence_lens. With the time or the batch
#   dimension open, the very same arrays give other outputs: the node runs on through the padding,
#   no error and no warning, and Y_h is the state after the padding.
# Versions: openvino 2026.4.1 on CPU, in float32; onnx 1.23.2 and NumPy 2.4.6 to write the model;
#   CPython 3.11, x86-64.
# Date: 2026-11-28.
# Why it matters: a model with lengths has open dimensions more often than not, and a test with a
#   fixed shape shows nothing. The state of a short sequence is off by as much as its padding can
#   move it. Reshape the model to fixed dimensions before it is compiled, or mask in the graph.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 openvino==2026.4.1
"$work/venv/bin/python" - <<'EOF'
import sys

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper, numpy_helper

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 2, 3
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def last_state(op, shape, symbols, lengths):
    """Return Y_h, (batch, HIDDEN), of one node on seeded weights whose X has this shape."""
    rng = np.random.default_rng(0)
    rows = GATES[op] * HIDDEN
    shapes = {"W": (1, rows, INPUTS), "R": (1, rows, HIDDEN), "B": (1, 2 * rows)}
    weights = {name: rng.standard_normal(s).astype(np.float32) for name, s in shapes.items()}
    graph = helper.make_graph(
        [helper.make_node(op, ["X", "W", "R", "B", "lengths"], ["", "Y_h"], hidden_size=HIDDEN)],
        "one_node",
        [
            helper.make_tensor_value_info("X", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, [shape[1]]),
        ],
        [helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, [1, shape[1], HIDDEN])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return compiled({"X": symbols, "lengths": np.array(lengths, np.int32)})[0][0]


symbols = np.random.default_rng(1).standard_normal((STEPS, BATCH, INPUTS)).astype(np.float32)
as_stated = True
print("Y_h of a sequence of 2 steps, padded to 4, against the same sequence alone:")
for op in GATES:
    alone = last_state(op, [2, 1, INPUTS], symbols[:2, 1:], [2])[0]
    for shape in ([STEPS, BATCH, INPUTS], ["T", BATCH, INPUTS], [STEPS, "N", INPUTS]):
        padded = last_state(op, shape, symbols, [4, 2])
        unheeded = last_state(op, shape, symbols, [4, 4])
        off = float(np.abs(padded[1] - alone).max())
        print(f"{op:5}X of {str(shape):14} off by {off:.7f}")
        if shape == [STEPS, BATCH, INPUTS]:
            as_stated &= off < 1e-5
        else:
            as_stated &= off > 0.01 and np.array_equal(padded, unheeded)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
