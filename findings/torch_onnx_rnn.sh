#!/bin/sh
# torch.onnx exports nn.LSTM and nn.GRU for any length, nn.RNN for the example's: the rest is dropped.
#
# Expected: of three layers with one interface, exported with an open time axis (Dim.AUTO), all
#   take any length, or the exporter says which cannot.
# Happens: nn.LSTM and nn.GRU become a node each and are right for 5 steps after an example of 3.
#   nn.RNN becomes 3 unrolled steps behind an input whose length the file declares open: ONNX
#   Runtime takes 5 steps, raises nothing and returns 3.
# Versions: torch 2.13.0 (CPU), onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0, NumPy 2.4.6;
#   CPython 3.11.
# Date: 2026-11-28.
# Why it matters: the simplest layer is the one that fails, so that a pipeline tried on an LSTM
#   says nothing about it; and a check on an input as long as the example passes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q \
    numpy==2.4.6 torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.32.0
"$work/venv/bin/python" -W ignore - 2>"$work/log" <<'EOF' || { cat "$work/log" >&2; exit 1; }
import sys

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.export import Dim

EXAMPLE, STEPS = 3, 5
torch.manual_seed(0)
as_stated = True
for kind in (nn.RNN, nn.GRU, nn.LSTM):
    layer = kind(2, 4, batch_first=True).eval()
    program = torch.onnx.export(
        layer,
        (torch.zeros(1, EXAMPLE, 2),),
        dynamo=True,
        dynamic_shapes=({0: Dim.AUTO, 1: Dim.AUTO},),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (read,) = session.get_inputs()
    x = torch.randn(1, STEPS, 2)
    (found, *_), (right, _) = session.run(None, {read.name: x.numpy()}), layer(x)
    right = right.detach().numpy()
    kept = found.shape[1]
    same = bool(np.abs(found - right[:, :kept]).max() < 1e-5)
    nodes = [node.op_type for node in program.model_proto.graph.node]
    print(
        f"{kind.__name__:4} input {read.shape}: of {STEPS} steps {kept} came back, right: {same};"
        f" {nodes.count(kind.__name__)} {kind.__name__} nodes, {nodes.count('Tanh')} Tanh nodes"
    )
    open_length = isinstance(read.shape[1], str)
    as_stated &= open_length and same and kept == (EXAMPLE if kind is nn.RNN else STEPS)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
