"""Other formats hold the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import binadd
from binadd import BinaryAdderRNN, ModelFileError, interop

KINDS: list[dict[str, Any]] = [
    {},
    {"dtype": "float32"},
    {"hidden_size": 3, "operands": 3, "activation": "tanh"},
    {"recipe": "notebook", "hidden_size": 9},
]


@pytest.mark.parametrize("params", KINDS, ids=str)
def test_safetensors(tmp_path: Path, params: dict[str, Any]) -> None:
    pytest.importorskip("safetensors")
    net = BinaryAdderRNN(seed=3, **params)
    interop.to_safetensors(net, tmp_path / "net.safetensors")
    again = interop.from_safetensors(tmp_path / "net.safetensors")
    assert again == net and again.settings == net.settings


def test_safetensors_can_be_read_without_binadd(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    net = BinaryAdderRNN(4)
    interop.to_safetensors(net, tmp_path / "net.safetensors")
    tensors = numpy.load_file(tmp_path / "net.safetensors")
    assert tensors.keys() == net.parameters.keys()
    np.testing.assert_array_equal(tensors["hidden_weights"], net.parameters["hidden_weights"])


def test_other_safetensors(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    numpy.save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="holds no network of binadd"):
        interop.from_safetensors(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelFileError, match="holds no network of binadd"):
        interop.from_safetensors(path)
    with pytest.raises(FileNotFoundError):
        interop.from_safetensors(tmp_path / "none")


@pytest.mark.parametrize("params", KINDS, ids=str)
def test_onnx(tmp_path: Path, params: dict[str, Any]) -> None:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    net = BinaryAdderRNN(seed=3, **params)
    path = tmp_path / "net.onnx"
    interop.to_onnx(net, path)
    onnx.checker.check_model(str(path), full_check=True)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    X = np.random.default_rng(0).integers(0, 2, (50, 12, net.settings.operands))
    logits, probabilities = session.run(
        ["logits", "probabilities"], {"bits": X.astype(np.float32)}
    )
    np.testing.assert_allclose(logits, net.decision_function(X), atol=1e-5)
    np.testing.assert_allclose(probabilities, net.predict_proba(X), atol=1e-5)


def test_a_trained_network_adds_in_onnx() -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    net = BinaryAdderRNN()
    binadd.train(net, until="exact")
    session = runtime.InferenceSession(interop.onnx_model(net).SerializeToString())
    X = binadd.encode([(23, 42), (255, 255)])
    (logits,) = session.run(["logits"], {"bits": X.astype(np.float32)})
    assert binadd.decode(logits > 0) == [65, 510]
