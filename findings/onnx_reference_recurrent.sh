#!/bin/sh
# The ONNX reference evaluator leaves out parts of its own recurrent operators.
#
# Expected: onnx.reference is what the standard's authors compute with, so an input or attribute of
#   RNN, GRU or LSTM that it accepts acts as the operator's text says; what it lacks, it refuses.
# Happens: sequence_lens and clip (all three), activations (GRU, LSTM) and input_forget (LSTM) are
#   accepted and have no effect: the outputs are equal bit for bit to those without them. Of RNN's
#   activations it has Tanh and Affine, and there it does refuse the others. ONNX Runtime, run
#   beside it, changes its outputs for every one of them, and the checker passes all models.
# Versions: onnx 1.23.2; ONNX Runtime 1.32.0 to compare; NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-28.
# Why it matters: tests of an exporter that compare with the reference alone pass for padded
#   batches and for hard sigmoids, though every other runtime computes something else.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$work/venv/bin/python" - <<'EOF'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

STEPS, BATCH, INPUTS, HIDDEN = 4, 2, 2, 3
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def outputs(op, lengths=None, **attributes):
    """Return (Y, Y_h) of onnx.reference and of ONNX Runtime for one node on seeded weights."""
    rng = np.random.default_rng(0)
    rows = GATES[op] * HIDDEN
    shapes = {"W": (1, rows, INPUTS), "R": (1, rows, HIDDEN), "B": (1, 2 * rows)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    feeds = {"X": rng.standard_normal((STEPS, BATCH, INPUTS)).astype(np.float32)}
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [STEPS, BATCH, INPUTS])]
    names = ["X", "W", "R", "B"]
    if lengths:
        feeds["lengths"] = np.array(lengths, np.int32)
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [BATCH]))
        names.append("lengths")
    graph = helper.make_graph(
        [helper.make_node(op, names, ["Y", "Y_h"], hidden_size=HIDDEN, **attributes)],
        "one_node",
        inputs,
        [
            helper.make_tensor_value_info("Y", TensorProto.FLOAT, [STEPS, 1, BATCH, HIDDEN]),
            helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, [1, BATCH, HIDDEN]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return ReferenceEvaluator(model).run(None, feeds), session.run(None, feeds)


CASES = [
    *((op, {"lengths": [4, 2]}) for op in GATES),
    *((op, {"clip": 0.3}) for op in GATES),
    ("GRU", {"activations": ["HardSigmoid", "Relu"]}),
    ("LSTM", {"activations": ["HardSigmoid", "Relu", "Tanh"]}),
    ("LSTM", {"input_forget": 1}),
]
as_stated = True
print("largest change of an output by:          onnx.reference  ONNX Runtime")
for op, extra in CASES:
    moved = [
        max(float(np.abs(a - b).max()) for a, b in zip(plain, changed))
        for plain, changed in zip(outputs(op), outputs(op, **extra))
    ]
    (name,) = extra
    print(f"{op:5}{'sequence_lens' if name == 'lengths' else name:36}{moved[0]:14.3f}{moved[1]:14.3f}")
    as_stated &= moved[0] == 0 and moved[1] > 0.01
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
