"""safetensors (https://github.com/huggingface/safetensors): the weights under binadd's names."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_instance, extra
from binadd.errors import BinaddError, ModelFileError
from binadd.files import write_atomically
from binadd.interop.promise import Demands, Promise, promise
from binadd.interop.sizes import check_file
from binadd.kernels import load as load_kernels
from binadd.model import BinaryAdderRNN
from binadd.storage import read_network, write_configuration

__all__ = ["from_safetensors", "read_tensors", "to_safetensors"]


def to_safetensors(
    net: BinaryAdderRNN,
    path: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    **demands: Unpack[Demands],
) -> Promise:
    """Write the weights as safetensors, atomically, if the network is not refuted.

    The tensors are those of `net.parameters`. The metadata's "binadd" is the
    configuration as JSON; the verdict and the weights' digest stand beside it.

    Parameters
    ----------
    net : BinaryAdderRNN
    path : path
    dtype : {"float32", "float64"}, optional
        By default the network's own, which keeps every bit.
    step_error, tolerance, effort, force : optional
        See `promise`.

    Returns
    -------
    Promise
        The network as written, and the verdict on it.

    Raises
    ------
    ExportError
        If the network is refuted, unless forced; nothing has been written then, nor below.
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is infinite or NaN.
    MissingExtraError
        If safetensors is not installed.
    OSError
        If the file cannot be written.
    """
    check_instance("net", net, BinaryAdderRNN)
    with extra("interop"):
        from safetensors.numpy import save
    found = promise(net, dtype, **demands)
    metadata = found.metadata | {"binadd": json.dumps(write_configuration(found.network.settings))}
    parameters = found.network.parameters
    # In C order: of others, some versions write the memory as it lies.
    tensors = {name: np.array(view, order="C") for name, view in parameters.items()}
    write_atomically(path, save(tensors, metadata))
    return found


def from_safetensors(path: str | os.PathLike[str], backend: str = "auto") -> BinaryAdderRNN:
    """Read a network that `to_safetensors` wrote: the same weights, to the last bit.

    The file of a PyTorch module's state dict is for `from_torch`.

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
    metadata, tensors = read_tensors(path)
    try:
        configuration = json.loads(metadata.get("binadd", "null"))
    except (ValueError, RecursionError):
        raise ModelFileError(
            f"{os.fspath(path)} holds no binadd network: its configuration is not JSON"
        ) from None
    try:
        return read_network(configuration, tensors, backend)
    except (BinaddError, ValueError) as reason:
        raise ModelFileError(f"{os.fspath(path)} holds no binadd network: {reason}") from None


def read_tensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Return a file's metadata, and its tensors by name.

    Raises
    ------
    ModelFileError, ImportError, OSError
        As `from_safetensors`; also if NumPy does not have a tensor's dtype.
    """
    with extra("interop"):
        from safetensors import SafetensorError, safe_open

    with suppress(ImportError):  # it gives NumPy bfloat16, if it is there
        import ml_dtypes  # noqa: F401

    check_file(path)
    try:
        with safe_open(path, "numpy") as file:
            names = file.keys()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (AttributeError, TypeError):
        raise ModelFileError(
            f"{os.fspath(path)} holds no binadd network: NumPy does not have the dtype of a tensor"
            "; bfloat16 takes the package ml_dtypes"
        ) from None
    except (SafetensorError, ValueError) as reason:
        raise ModelFileError(f"{os.fspath(path)} holds no binadd network: {reason}") from None
