"""Other formats hold the same network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weights import put

import binadd
from binadd import BackendError, BinaryAdderRNN, InvalidInputError, ModelFileError, interop

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
    with pytest.raises(ModelFileError, match="holds no binadd network"):
        interop.from_safetensors(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelFileError, match="holds no binadd network"):
        interop.from_safetensors(path)
    with pytest.raises(FileNotFoundError):
        interop.from_safetensors(tmp_path / "none")


def with_header(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A safetensors file: how long its header is, the header, the tensors."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (with_header({"__metadata__": {"binadd": "[" * 100_000}}), "is not JSON"),
        (with_header({"__metadata__": {"binadd": "{"}}), "is not JSON"),
        (
            with_header({"w": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
            "NumPy does not have the dtype",
        ),
        (
            with_header({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"12"),
            "NumPy does not have the dtype|should have hidden_size",  # some libraries bring it
        ),
    ],
    ids=["nested", "torn", "float8", "bfloat16"],
)
def test_malformed_safetensors(tmp_path: Path, content: bytes, sentence: str) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=sentence) as caught:
        interop.from_safetensors(path)
    assert str(path) in str(caught.value)


def test_a_missing_backend_is_not_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("safetensors")

    def missing(backend: str) -> None:
        raise BackendError(f"{backend} is missing")

    interop.to_safetensors(BinaryAdderRNN(4), tmp_path / "net.safetensors")
    monkeypatch.setattr("binadd.interop.load_kernels", missing)
    with pytest.raises(BackendError, match="native is missing"):
        interop.from_safetensors(tmp_path / "net.safetensors", backend="native")


@pytest.mark.parametrize(
    ("library", "weight", "sentence"),
    [
        ("safetensors", np.nan, "output_weights must hold finite numbers"),
        ("safetensors", np.inf, "output_weights must hold finite numbers"),
        ("onnx", np.nan, "output_weights must hold finite numbers"),
        ("onnx", 1e300, "in float32, output_weights must hold finite numbers"),
    ],
)
def test_weights_that_are_not_finite_are_not_written(
    tmp_path: Path, library: str, weight: float, sentence: str
) -> None:
    pytest.importorskip(library)
    net = BinaryAdderRNN(4)
    put(net, "output_weights", 1, weight)
    with pytest.raises(InvalidInputError, match=sentence):
        getattr(interop, f"to_{library}")(net, tmp_path / "net")
    assert not list(tmp_path.iterdir())


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
