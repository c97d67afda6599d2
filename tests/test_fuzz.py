"""A short round of fuzz.py, which damages files for as long as one likes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import binadd
from binadd import interop

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "emscripten", "wasi"), reason="memory cannot be limited there"
)


def test_damaged_files_are_read_or_refused() -> None:
    script = Path(__file__).with_name("fuzz.py")
    result = subprocess.run(
        [sys.executable, str(script), "150", "--seed", "1"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert {line.partition(":")[0] for line in result.stdout.splitlines()} >= {
        "model",
        "checkpoint",
        "certificate",
        "rows",
    }


def test_malformed_graphs_are_refused() -> None:
    pytest.importorskip("onnx")
    net = binadd.BinaryAdderRNN(2, seed=0)
    for damage in (
        lambda graph: setattr(graph.initializer[0], "data_type", 0),
        lambda graph: graph.node[0].input.pop() and graph.node[0].ClearField("input"),
        lambda graph: graph.node[0].ClearField("output"),
        lambda graph: setattr(graph.initializer[0], "raw_data", b"12345"),
    ):
        for form in ("rnn", "step"):
            model = interop.onnx_model(net, form=form)
            damage(model.graph)
            with suppress(binadd.BinaddError):  # some nodes have nothing to do with the weights
                interop.from_onnx(model, check=False)
    model = interop.onnx_model(net)
    model.graph.initializer[0].data_type = 0
    with pytest.raises(binadd.InvalidInputError, match="the ONNX graph is malformed"):
        interop.from_onnx(model, check=False)
