#!/bin/sh
# PyTorch's quantize_dynamic, asked for nn.RNN, returns it unquantised without a word.
#
# Expected: quantize_dynamic(model, {nn.RNN}) quantises nn.RNN, or refuses a type that it cannot:
#   it quantises nn.LSTM, nn.GRU and even nn.RNNCell, which computes one step of nn.RNN.
# Happens: the nn.RNN that comes back has float32 parameters, the outputs are equal bit for bit, and
#   no warning names it. In one call with all four types the other three become int8.
# Versions: torch 2.13.0 on CPU, x86-64; NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-28.
# Why it matters: an accuracy measured "after quantisation" is that of the float network, and the
#   file does not shrink. Only the printed module, or its class, tells.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0
"$work/venv/bin/python" - <<'EOF'
import sys
import warnings

import torch
from torch import nn

torch.manual_seed(0)
types = [nn.RNN, nn.RNNCell, nn.GRU, nn.LSTM]
with warnings.catch_warnings(record=True) as raised:
    warnings.simplefilter("always")
    changed = torch.ao.quantization.quantize_dynamic(
        nn.ModuleList(kind(2, 16) for kind in types), set(types), dtype=torch.qint8
    )
    rnn = nn.Sequential(nn.RNN(2, 16))
    same = torch.ao.quantization.quantize_dynamic(rnn, {nn.RNN}, dtype=torch.qint8)
for before, after in zip(types, changed):
    print(f"{before.__name__:8} -> {type(after).__module__}.{type(after).__name__}")
x = torch.randn(8, 4, 2)
equal = torch.equal(rnn(x)[0], same(x)[0])
named = [str(w.message) for w in raised if "RNN" in str(w.message)]
print(f"nn.RNN alone: outputs equal bit for bit: {equal}; warnings that name RNN: {len(named)}")
as_stated = (
    [type(module) in types for module in changed] == [True, False, False, False]
    and type(same[0]) is nn.RNN and equal and not named
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
EOF
