"""Keras: `SimpleRNN`, or `RNN` of a `SimpleRNNCell`, and a `Dense` of one unit.

    a = x @ kernel + h @ recurrent_kernel + bias      o = h @ kernel + bias

Each kernel lies the other way than binadd's matrices: (n, H), (H, H) and (H, 1).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.archive import read_member
from binadd.checks import extra
from binadd.errors import BinaddError, ModelFileError
from binadd.interop.arrays import bfloat16_of_bytes, real_array
from binadd.interop.elman import Textbook, agree, elman, refuse
from binadd.interop.rounding import rounded_parameters
from binadd.interop.sizes import MAX_BYTES, check_file, oversized
from binadd.model import BinaryAdderRNN

__all__ = ["from_keras", "keras_weights"]

_NEUTRAL = {"InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "Masking", "Reshape"}
"""Layers that compute nothing after training."""

_MOST_GROUPS = 1000
"""A group may hold itself."""

Arrays = list[NDArray[Any]]


def from_keras(
    source: Any, *, activation: str | None = None, check: bool = True, backend: str = "auto"
) -> BinaryAdderRNN:
    """Make a network from one that was trained in Keras.

    Parameters
    ----------
    source : keras.Model, or path
        A model with one recurrent layer and one `Dense`; or its `.keras` or `.weights.h5` file,
        which takes h5py to read, and no Keras.
    activation : {"tanh", "sigmoid"}, optional
        The hidden units' activation; by default the model's, and tanh for a `.weights.h5`, which
        does not hold it.
    check : bool, default True
        Compare with what the model computes; for a file, with Keras' equations.
    backend : {"auto", "native", "python"}

    Returns
    -------
    BinaryAdderRNN
        In float64 if the weights are, else in float32.

    Raises
    ------
    InvalidInputError, DisagreementError, ModelFileError, OSError
        As `from_torch`.
    InvalidTypeError
        If an array is bfloat16 that lost its dtype.
    MissingExtraError
        If it takes h5py to read it, which is not installed.
    """
    model = None
    if isinstance(source, str | os.PathLike):
        found, recurrent, dense = _read(source)
    elif hasattr(source, "layers") and hasattr(source, "get_config"):
        model = source
        found = _activation([_configuration(layer) for layer in model.layers])
        weights = [layer.get_weights() for layer in model.layers]
        recurrent, dense = (arrays for arrays in weights if arrays)
    else:
        raise refuse(f"expected a Keras model or a path, found {type(source).__name__}")
    activation = activation or found or "tanh"
    names = ("kernel", "recurrent_kernel", "bias")
    layer = {name: real_array(name, each) for name, each in zip(names, recurrent, strict=False)}
    head = {name: real_array(name, each) for name, each in zip(names[::2], dense, strict=False)}
    if {"kernel", "recurrent_kernel"} - layer.keys() or "kernel" not in head:
        raise refuse("expected the arrays of a SimpleRNN and of a Dense")
    _check_shapes(layer, head)
    net = elman(
        input_weights=layer["kernel"].T,
        hidden_weights=layer["recurrent_kernel"].T,
        hidden_biases=[layer.get("bias")],
        output_weights=head["kernel"].T,
        output_bias=head.get("bias"),
        activation=activation,
        backend=backend,
    )
    if check:
        agree(net, "Keras' equations", _equations(layer, head, activation))
        if model is not None:
            agree(net, "the model", lambda X: _run(model, X))
    return net


def _check_shapes(layer: dict[str, NDArray[Any]], head: dict[str, NDArray[Any]]) -> None:
    rows, columns = layer["recurrent_kernel"].shape
    gates = {4: "an LSTM", 3: "a GRU"}.get(columns // max(rows, 1))
    if gates:
        raise refuse(f"expected a SimpleRNN, found {gates}")
    if head["kernel"].shape != (rows, 1):
        raise refuse(f"expected a Dense of shape {(rows, 1)}, found {head['kernel'].shape}")


def _equations(
    layer: dict[str, NDArray[Any]], head: dict[str, NDArray[Any]], activation: str
) -> Textbook:
    zero = np.zeros(1)
    return Textbook(
        len(layer["recurrent_kernel"]),
        activation,
        lambda x: x @ layer["kernel"] + layer.get("bias", zero),
        lambda h: h @ layer["recurrent_kernel"],
        lambda h: h @ head["kernel"] + head.get("bias", zero),
    )


def _run(model: Any, X: NDArray[np.float32]) -> Any:
    """Compute with the model; one that returns the last output alone is fed every prefix."""
    if len(model.outputs[0].shape) < 3:
        lengths = range(1, X.shape[1] + 1)
        return np.stack([np.asarray(model.predict_on_batch(X[:, :t])) for t in lengths], 1)
    return model.predict_on_batch(X)


# A model's configuration -------------------------------------------------------------------------


def _configuration(layer: Any) -> dict[str, Any]:
    """Return a layer's class and configuration, as the file of a model has them."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def _activation(layers: list[dict[str, Any]]) -> str:
    """Return the activation of the one recurrent layer, or refuse these layers."""
    found = []
    for layer in layers:
        kind, config = layer["class_name"], layer["config"]
        if kind == "RNN":
            kind, config = config["cell"]["class_name"], config | config["cell"]["config"]
        if kind in ("SimpleRNN", "SimpleRNNCell"):
            if config.get("go_backwards"):
                raise refuse("expected the steps in their order, found go_backwards=True")
            found.append(_name(config["activation"]))
        elif kind == "TimeDistributed":
            kind = config["layer"]["class_name"]
            if kind != "Dense":
                raise refuse(f"expected a SimpleRNN and a Dense, found {kind}")
        elif kind == "Activation":
            if _name(config["activation"]) not in ("sigmoid", "linear"):
                raise refuse(f"expected a sigmoid at the end, found {config['activation']}")
        elif kind == "Dense":
            if _name(config["activation"]) not in ("sigmoid", "linear"):
                raise refuse(f"expected a Dense with sigmoid, found {config['activation']}")
        elif kind not in _NEUTRAL:
            raise refuse(f"expected a SimpleRNN and a Dense, found {kind}")
    dense = [layer for layer in layers if layer["class_name"] in ("Dense", "TimeDistributed")]
    if len(found) != 1 or len(dense) != 1:
        raise refuse(f"expected one SimpleRNN and one Dense, found {len(found)} and {len(dense)}")
    return found[0]


def _name(activation: Any) -> str:
    return str(activation["config"] if isinstance(activation, dict) else activation)


# Files -------------------------------------------------------------------------------------------


def _read(path: str | os.PathLike[str]) -> tuple[str | None, Arrays, Arrays]:
    """Return the activation that a file names, and the arrays of both layers."""
    check_file(path)
    with open(os.fspath(path), "rb") as file:
        data = file.read(MAX_BYTES)
    with extra("interop"):
        import h5py

    activation = None
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = [archive.getinfo(name) for name in ("config.json", "model.weights.h5")]
                if sum(info.file_size for info in members) > MAX_BYTES:
                    raise oversized(path)
                config, data = (read_member(archive, info) for info in members)
            activation = _activation(json.loads(config)["config"]["layers"])
        with h5py.File(io.BytesIO(data)) as file:
            recurrent, dense = _layers(file)
    except BinaddError:
        raise
    except Exception:  # whatever a damaged file makes zipfile, json and h5py raise
        raise ModelFileError(f"{os.fspath(path)} is no .keras or .weights.h5 of Keras 3") from None
    return activation, recurrent, dense


def _layers(file: Any) -> tuple[Arrays, Arrays]:
    """Return the arrays of the recurrent layer, whose are in `cell/vars`, and of the other."""
    recurrent: list[Arrays] = []
    dense: list[Arrays] = []
    groups: dict[str, Arrays] = {}
    for name, arrays in _variables(file["layers"]):
        groups[name] = arrays
        if "forward_layer" in name or "backward_layer" in name:
            raise refuse("expected one direction, found a Bidirectional layer")
        (recurrent if name.endswith("cell/vars") else dense).append(arrays)
    if len(recurrent) != 1 or len(dense) != 1:
        raise refuse(
            "expected the arrays of one SimpleRNN and of one Dense, found "
            f"{', '.join(groups) or 'none'}"
        )
    return recurrent[0], dense[0]


def _variables(layers: Any) -> Iterator[tuple[str, Arrays]]:
    """Yield each group of arrays below a group, by its path."""
    from h5py import HardLink

    waiting = [("", layers)]
    for name, group in waiting:
        for key in group:
            if len(waiting) > _MOST_GROUPS or type(group.get(key, getlink=True)) is not HardLink:
                raise refuse("expected the groups of a few layers, found links, or many groups")
            path, item = f"{name}/{key}" if name else key, group[key]
            if key == "vars" and len(item):
                yield path, [_dataset(f"{path}/{i}", item[str(i)]) for i in range(len(item))]
            elif hasattr(item, "items"):
                waiting.append((path, item))


def _dataset(name: str, dataset: Any) -> NDArray[Any]:
    """Read an array, unless that may take more memory than it declares, or read other files."""
    plain = not (dataset.dtype.hasobject or dataset.is_virtual or dataset.external)
    if not plain or dataset.nbytes > MAX_BYTES or dataset.id.get_create_plist().get_nfilters():
        raise refuse(f"expected {name} to hold numbers as they are, found them stored otherwise")
    array: NDArray[Any] = dataset[()]
    if array.dtype == np.dtype("V2") and dataset.attrs.get("dtype") == "bfloat16":
        return bfloat16_of_bytes(array)  # Keras notes beside it what it was
    return real_array(name, array)


# Out ---------------------------------------------------------------------------------------------


def keras_weights(net: BinaryAdderRNN, dtype: str = "float32") -> list[NDArray[Any]]:
    """Return what `set_weights` of a Keras model takes: a `SimpleRNN` and a `Dense(1)`.

    The `SimpleRNN` must have the network's activation: `activation="sigmoid"` or `"tanh"`.

    Returns
    -------
    list of ndarray
        kernel (n, H), recurrent_kernel (H, H), bias (H,); kernel (H, 1), bias (1,).

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `torch_state_dict`.

    Examples
    --------
    >>> [array.shape for array in keras_weights(BinaryAdderRNN(4))]
    [(2, 4), (4, 4), (4,), (4, 1), (1,)]
    """
    parameters = rounded_parameters(net, dtype)
    arrays = (
        parameters["input_weights"].T,
        parameters["hidden_weights"].T,
        parameters["hidden_bias"],
        parameters["output_weights"][:, np.newaxis],
        parameters["output_bias"].reshape(1),
    )
    return [np.array(array, order="C") for array in arrays]
