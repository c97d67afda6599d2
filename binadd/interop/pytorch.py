"""PyTorch: `nn.RNN` or `nn.RNNCell` and an `nn.Linear`.

    a = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh      o = h @ weight.T + bias

weight_ih (H, n), weight_hh (H, H) and weight (1, H) lie as binadd's do.
"""

from __future__ import annotations

import copy
import io
import os
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from binadd.checks import extra
from binadd.errors import ModelFileError
from binadd.files import write_atomically
from binadd.interop.arrays import real_array
from binadd.interop.elman import Textbook, agree, elman, refuse
from binadd.interop.promise import Demands, Promise, promise
from binadd.interop.sizes import check_file
from binadd.interop.tanh_form import tanh_form
from binadd.model import BinaryAdderRNN

__all__ = ["from_torch", "to_torch", "torch_state_dict"]


def from_torch(
    source: Any, *, activation: str | None = None, check: bool = True, backend: str = "auto"
) -> BinaryAdderRNN:
    """Make a network from one that was trained in PyTorch.

    Parameters
    ----------
    source : torch.nn.Module, mapping, or path
        A module with one `nn.RNN` or `nn.RNNCell` and one `nn.Linear`, whatever they are called;
        its state dict; or a `.pt` (read with `weights_only=True`) or `.safetensors` file of that.
    activation : {"tanh", "sigmoid"}, optional
        The hidden units' activation; by default the module's, and tanh for a state dict, which
        does not hold it.
    check : bool, default True
        Compare with what the module computes; for a state dict, with PyTorch's equations.
    backend : {"auto", "native", "python"}

    Returns
    -------
    BinaryAdderRNN
        In float64 if the tensors are, else in float32. `bias_ih` and `bias_hh` are added up.

    Raises
    ------
    InvalidInputError
        If it is another kind of network (ReLU, LSTM, GRU, layers upon layers, bidirectional).
    DisagreementError
        If the module computes something else than its layers.
    ModelFileError, OSError
        If a file cannot be read.
    MissingExtraError
        If it takes PyTorch or safetensors to read it, which are not installed.

    Examples
    --------
    >>> state = {
    ...     "rnn.weight_ih_l0": np.ones((3, 2)), "rnn.weight_hh_l0": np.eye(3),
    ...     "rnn.bias_ih_l0": np.ones(3), "rnn.bias_hh_l0": np.ones(3),
    ...     "out.weight": np.ones((1, 3)), "out.bias": np.zeros(1),
    ... }
    >>> from_torch(state).parameters["hidden_bias"]
    array([2., 2., 2.])
    """
    if isinstance(source, str | os.PathLike):
        source = _read(source)
    module = source if hasattr(source, "state_dict") else None
    state = source.state_dict() if module is not None else source
    if not isinstance(state, Mapping):
        raise refuse(f"expected a module, a state dict or a path, found {type(source).__name__}")
    names = _find(state)
    found = _activation(module)
    activation = activation or found or "tanh"
    arrays = {part: real_array(name, state[name]) for part, name in names.items()}
    if arrays["weight"].shape[:1] != (1,) or arrays["weight"].ndim != 2:
        raise refuse(
            f"expected an output layer of shape (1, H), found {names['weight']} of shape "
            f"{arrays['weight'].shape}"
        )
    net = elman(
        input_weights=arrays["weight_ih"],
        hidden_weights=arrays["weight_hh"],
        hidden_biases=[arrays.get("bias_ih"), arrays.get("bias_hh")],
        output_weights=arrays["weight"],
        output_bias=arrays.get("bias"),
        activation=activation,
        backend=backend,
    )
    if check:
        agree(net, "PyTorch's equations", _equations(arrays, activation))
        if module is not None:
            agree(net, "the module", lambda X: _run(module, X))
    return net


def _read(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return the state dict in a file."""
    check_file(path)
    if os.fspath(path).lower().endswith(".safetensors"):
        from binadd.interop.safetensors import read_tensors

        return read_tensors(path)[1]
    with extra("torch"):
        import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        raise ModelFileError(
            f"{os.fspath(path)} is no file of tensors alone: save module.state_dict()"
        ) from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]  # as trainers save it beside the epoch
    if not isinstance(state, Mapping):
        raise ModelFileError(
            f"{os.fspath(path)} holds no state dict, but a {type(state).__name__}"
        )
    return state


def _find(state: Mapping[str, Any]) -> dict[str, str]:
    """Return which tensor is which: weight_ih, weight_hh, bias_ih, bias_hh, weight, bias."""
    names: dict[str, str] = {}
    for name in state:
        last = str(name).rpartition(".")[2]
        if last.endswith("_reverse"):
            raise refuse(f"expected one direction, found {name}")
        if last.startswith("weight_hr"):
            raise refuse(f"expected no projection, found {name}")
        part = last.removesuffix("_l0")
        if part.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
            if "_l" in part:
                raise refuse(f"expected one layer, found {name}")
        elif part not in ("weight", "bias"):
            raise refuse(f"expected an nn.RNN and an nn.Linear, found {name}")
        if part in names:
            raise refuse(f"expected one layer, found {names[part]} and {name}")
        names[part] = name
    for part in ("weight_ih", "weight_hh", "weight"):
        if part not in names:
            raise refuse(
                f"expected {part} of an {'nn.Linear' if part == 'weight' else 'nn.RNN'}, found "
                f"{', '.join(map(str, state)) or 'nothing'}"
            )
    rows, columns = state[names["weight_hh"]].shape
    gates = {4: "an LSTM", 3: "a GRU"}.get(rows // max(columns, 1))
    if gates:
        raise refuse(f"expected an Elman network, found {gates}")
    return names


def _activation(module: Any) -> str | None:
    """Return the activation of a module's recurrent layer, None if it names none."""
    if module is None:
        return None
    kinds = {getattr(each, "nonlinearity", None) for each in module.modules()} - {None}
    return str(kinds.pop()) if len(kinds) == 1 else None


def _equations(arrays: Mapping[str, NDArray[Any]], activation: str) -> Textbook:
    zero = np.zeros(1)
    return Textbook(
        len(arrays["weight_hh"]),
        activation,
        lambda x: x @ arrays["weight_ih"].T + arrays.get("bias_ih", zero),
        lambda h: h @ arrays["weight_hh"].T + arrays.get("bias_hh", zero),
        lambda h: h @ arrays["weight"].T + arrays.get("bias", zero),
    )


def _run(module: Any, X: NDArray[np.float32]) -> Any:
    """Compute with the module: with the whole of it if it maps bits to outputs, else its layers.

    Only what takes bits (N, T, n), or (T, N, n) if its `nn.RNN` does, and returns one tensor of as
    many outputs can be compared as a whole.
    """
    import torch

    module = copy.deepcopy(module).eval().cpu()
    dtype = torch.float64 if next(module.parameters()).dtype == torch.float64 else torch.float32
    module = module.to(dtype)
    bits = torch.from_numpy(X).to(dtype)
    kinds = torch.nn.RNN | torch.nn.RNNCell
    (rnn,) = (each for each in module.modules() if isinstance(each, kinds))
    (linear,) = (each for each in module.modules() if isinstance(each, torch.nn.Linear))
    steps_first = isinstance(rnn, torch.nn.RNN) and not rnn.batch_first
    with torch.no_grad():
        fed = bits.transpose(0, 1) if steps_first else bits
        try:
            whole = module(fed)
        except Exception:  # it takes something else than bits; its error does not matter
            whole = None
        if isinstance(whole, torch.Tensor) and whole.numel() == X.shape[0] * X.shape[1]:
            whole = whole.squeeze(-1) if whole.ndim == 3 else whole
            return whole.T if steps_first else whole
        if isinstance(rnn, torch.nn.RNN):
            hidden = rnn(fed)[0]
            hidden = hidden.transpose(0, 1) if steps_first else hidden
        else:
            states, h = [], None
            for t in range(X.shape[1]):
                h = rnn(bits[:, t], h)
                states.append(h)
            hidden = torch.stack(states, 1)
        return linear(hidden)[..., 0]


def torch_state_dict(
    net: BinaryAdderRNN, rnn: str = "rnn", linear: str = "linear", dtype: str = "float32"
) -> OrderedDict[str, Any]:
    """Return the weights as the state dict of a module with an `nn.RNN` and an `nn.Linear`.

    `nn.RNN` has tanh units only. A network with sigmoid units becomes one of tanh units that
    computes the same but for roundings: then pass `-torch.ones(1, N, H)` as its first state.

    Parameters
    ----------
    net : BinaryAdderRNN
    rnn, linear : str
        What the module calls the two.
    dtype : {"float32", "float64"}

    Returns
    -------
    OrderedDict of str to torch.Tensor
        `bias_hh_l0` is 0.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is not finite in this dtype.
    MissingExtraError
        If PyTorch is not installed.
    """
    with extra("torch"):
        import torch

    form = tanh_form(net, dtype)
    arrays = {
        f"{rnn}.weight_ih_l0": form.input_weights,
        f"{rnn}.weight_hh_l0": form.hidden_weights,
        f"{rnn}.bias_ih_l0": form.hidden_bias,
        f"{rnn}.bias_hh_l0": np.zeros_like(form.hidden_bias),
        f"{linear}.weight": form.output_weights[np.newaxis],
        f"{linear}.bias": form.output_bias.reshape(1),
    }
    # A copy in C order, for what shares memory with a transposed view is stored wrongly by some.
    tensors = {
        name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()
    }
    return OrderedDict(tensors)


def to_torch(
    net: BinaryAdderRNN,
    path: str | os.PathLike[str],
    *,
    rnn: str = "rnn",
    linear: str = "linear",
    dtype: str = "float32",
    **demands: Unpack[Demands],
) -> Promise:
    """Write `torch_state_dict` for `torch.load(path, weights_only=True)`, unless refuted.

    Parameters
    ----------
    net, rnn, linear, dtype
        See `torch_state_dict`.
    path, step_error, tolerance, effort, force
        As for `to_onnx`.

    Returns
    -------
    Promise
        The network as written, and the verdict on it, which the state dict's `_metadata` holds.

    Raises
    ------
    ExportError
        If the network is refuted, unless forced; nothing has been written then, nor below.
    InvalidTypeError, InvalidInputError, MissingExtraError
        As `torch_state_dict`.
    OSError
        If the file cannot be written.
    """
    with extra("torch"):
        import torch
    found = promise(net, dtype, **demands)
    state: Any = torch_state_dict(found.network, rnn, linear, dtype)
    state._metadata = OrderedDict({"": found.metadata | {"version": 1}})
    file = io.BytesIO()
    torch.save(state, file)
    write_atomically(path, file.getvalue())
    return found
