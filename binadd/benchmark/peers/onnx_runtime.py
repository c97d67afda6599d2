"""ONNX Runtime: its own RNN operator, from the model that `binadd.interop` exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from binadd.benchmark.work import Work
from binadd.interop import onnx_model
from binadd.model import BinaryAdderRNN

__all__ = ["call", "forward"]


def forward(work: Work) -> Callable[[], NDArray[Any]] | None:
    """Probabilities (N, T); float32 only, since the RNN operator has no other."""
    if work.settings.dtype != "float32":
        return None
    net = BinaryAdderRNN.from_parameters(work.parameters(), work.settings.activation)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(net).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = {"bits": work.inputs()}
    return lambda: session.run(["probabilities"], x)[0]


call = forward
