"""Formats of other programs: safetensors for weights, ONNX for the network that computes.

Each needs its library: `pip install 'binadd[interop]'`. A proof is of binadd's own arithmetic;
what another runtime computes from the same weights is close to it, but not equal to the last bit.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_instance, extra
from binadd.errors import BinaddError, InvalidInputError, ModelFileError
from binadd.files import write_atomically
from binadd.kernels import load as load_kernels
from binadd.model import BinaryAdderRNN
from binadd.parameters import named_views, read_parameters
from binadd.storage import read_network, write_configuration

__all__ = ["from_safetensors", "onnx_model", "to_onnx", "to_safetensors"]

OPSET = 17
IR_VERSION = 8
"""What ONNX of 2022 has, so that old runtimes read it; all that is needed is older still."""


# safetensors -------------------------------------------------------------------------------------


def to_safetensors(net: BinaryAdderRNN, path: str | os.PathLike[str]) -> None:
    """Write the weights as safetensors (https://github.com/huggingface/safetensors), atomically.

    The tensors are those of `net.parameters`, the metadata's "binadd" is the configuration as
    JSON.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is infinite or NaN; nothing has been written then.
    MissingExtraError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    """
    net = check_instance("net", net, BinaryAdderRNN).copy()  # as it is now
    with extra("interop"):
        from safetensors.numpy import save

    read_parameters(net.parameters, net.settings.activation)  # refuses NaN
    metadata = {"binadd": json.dumps(write_configuration(net.settings))}
    tensors = {name: np.array(view, order="C") for name, view in net.parameters.items()}
    write_atomically(path, save(tensors, metadata))


def from_safetensors(path: str | os.PathLike[str], backend: str = "auto") -> BinaryAdderRNN:
    """Read a network that `to_safetensors` wrote: the same weights, to the last bit.

    Raises
    ------
    ModelFileError
        If the file is not one of those.
    InvalidTypeError, InvalidInputError, BackendError
        If there is no backend of that name, or it is missing or broken.
    MissingExtraError
        If safetensors is not installed.
    OSError
        If the file cannot be opened.
    """
    load_kernels(backend)  # first: a wrong name is not the file's fault
    with extra("interop"):
        from safetensors import SafetensorError

    with open(path, "rb"):  # what cannot be opened is an OSError with its reason
        pass
    try:
        return read_network(*_read_safetensors(path), backend)
    except (SafetensorError, BinaddError, ValueError) as reason:
        raise ModelFileError(f"{os.fspath(path)} holds no binadd network: {reason}") from None


def _read_safetensors(path: str | os.PathLike[str]) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Return the configuration in a file's metadata, and its tensors."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
        try:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (AttributeError, TypeError):
            raise ModelFileError("NumPy does not have the dtype of a tensor") from None
    try:
        return json.loads(metadata.get("binadd", "null")), tensors
    except (ValueError, RecursionError):
        raise ModelFileError("its configuration is not JSON") from None


# ONNX --------------------------------------------------------------------------------------------


def to_onnx(net: BinaryAdderRNN, path: str | os.PathLike[str]) -> None:
    """Write the network as ONNX (https://onnx.ai), atomically: see `onnx_model`.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `onnx_model`; nothing has been written then.
    MissingExtraError
        If onnx is not installed.
    OSError
        If the file cannot be written.
    """
    write_atomically(path, onnx_model(net).SerializeToString())


def onnx_model(net: BinaryAdderRNN) -> Any:
    """Return the network as an `onnx.ModelProto`.

    Its input is `bits` (N, T, operands), its outputs are `logits` and `probabilities` (N, T), all
    of them float32: runtimes have the operator for nothing else, so the weights of a float64
    network are rounded.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is infinite or NaN, or too large for float32.
    MissingExtraError
        If onnx is not installed.
    """
    net = check_instance("net", net, BinaryAdderRNN).copy()  # as it is now
    with extra("interop"):
        from onnx import TensorProto, checker, helper, numpy_helper

    settings, weights = net.settings, _single(net)
    operands, size = settings.operands, settings.hidden_size
    hidden_bias = weights.get("hidden_bias", np.zeros(size))
    constants = {
        "W": weights["input_weights"][np.newaxis],
        "R": weights["hidden_weights"][np.newaxis],
        "B": np.concatenate([hidden_bias, np.zeros(size)])[np.newaxis],
        "output_weights": weights["output_weights"],
        "output_bias": weights.get("output_bias", np.zeros(())),
    }
    initializers = [
        numpy_helper.from_array(np.array(array, np.float32, order="C"), name)
        for name, array in constants.items()
    ]
    initializers.append(numpy_helper.from_array(np.array([1], np.int64), "direction"))
    activation = {"sigmoid": "Sigmoid", "tanh": "Tanh"}[settings.activation]
    nodes = [
        helper.make_node("Transpose", ["bits"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "RNN", ["steps", "W", "R", "B"], ["all"], hidden_size=size, activations=[activation]
        ),
        helper.make_node("Squeeze", ["all", "direction"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "output_weights"], ["sums"]),
        helper.make_node("Add", ["sums", "output_bias"], ["outputs"]),
        helper.make_node("Transpose", ["outputs"], ["logits"], perm=[1, 0]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]

    def value(name: str, *shape: str | int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "binadd",
        [value("bits", "N", "T", operands)],
        [value("logits", "N", "T"), value("probabilities", "N", "T")],
        initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="binadd",
    )
    checker.check_model(model)
    return model


def _single(net: BinaryAdderRNN) -> dict[str, NDArray[np.float32]]:
    """Return the parameters in float32."""
    try:
        architecture, block = read_parameters(net.parameters, net.settings.activation, "float32")
    except InvalidInputError as reason:
        raise InvalidInputError(f"in float32, {reason}") from None
    return named_views(architecture, block)
