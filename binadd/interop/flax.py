"""Flax: `SimpleCell` (of linen or nnx) in an `RNN`, and a `Dense` or `Linear` of one unit.

    a = x @ i.kernel + i.bias + h @ h.kernel      o = h @ kernel + bias

Each kernel lies the other way than binadd's matrices: (n, H), (H, H) and (H, 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.interop.arrays import real_array
from binadd.interop.elman import Textbook, agree, elman, refuse
from binadd.interop.rounding import rounded_parameters
from binadd.model import BinaryAdderRNN

__all__ = ["flax_tree", "from_flax"]

_GATES = {
    "an LSTM": {"ii", "if", "ig", "io", "hi", "hf", "hg", "ho"},
    "a GRU": {"ir", "iz", "in", "hr", "hz", "hn"},
    "an MGU": {"if", "in", "hf", "hn"},
}
_INPUT, _HIDDEN = ("i", "dense_i"), ("h", "dense_h")
"""The names of a cell's two parts in linen and nnx."""


def from_flax(
    tree: Any, *, activation: str = "tanh", check: bool = True, backend: str = "auto"
) -> BinaryAdderRNN:
    """Make a network from one that was trained in JAX with Flax.

    A tree of your own, of matrices in x @ W, is for `from_numpy`.

    Parameters
    ----------
    tree : mapping, or nnx state or module
        What `init` of a linen module returned, with or without its `"params"`, or the state of an
        nnx module: somewhere in it a cell, {i: {kernel, bias}, h: {kernel}}, and elsewhere one
        dense layer, {kernel, bias}.
    activation : {"tanh", "sigmoid"}, default "tanh"
        The cell's `activation_fn`, which the tree does not hold.
    check : bool, default True
        Compare with Flax's equations.
    backend : {"auto", "native", "python"}

    Returns
    -------
    BinaryAdderRNN
        In the arrays' dtype, or in float32 where that is bfloat16 or float16.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        As `from_keras`.

    Examples
    --------
    >>> net = BinaryAdderRNN(4, activation="tanh", dtype="float32")
    >>> from_flax(flax_tree(net)) == net
    True
    """
    leaves = dict(_leaves(_plain(tree)))
    layers: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, value in leaves.items():
        layers.setdefault(path[:-1], {})[path[-1]] = value
    parts: dict[str, dict[str, Any]] = {}
    cells: dict[tuple[str, ...], set[str]] = {}
    for path, layer in layers.items():
        name = path[-1] if path else ""
        if "kernel" not in layer:
            if any("float" in str(getattr(each, "dtype", "")) for each in layer.values()):
                raise refuse(f"expected a SimpleCell and a dense layer, found {'/'.join(path)}")
            continue  # the state of a random generator
        if name in (*_INPUT, *_HIDDEN) or any(name in gates for gates in _GATES.values()):
            cells.setdefault(path[:-1], set()).add(name)
            part = "input" if name in _INPUT else "hidden" if name in _HIDDEN else name
        else:
            part = "output"
        if part in parts:
            raise refuse(f"expected one layer of each kind, found {'/'.join(path)} and another")
        parts[part] = layer
    for gated, names in _GATES.items():
        if any(names <= cell for cell in cells.values()):
            raise refuse(f"expected a SimpleCell, found {gated}")
    if parts.keys() != {"input", "hidden", "output"}:
        paths = ", ".join("/".join(path) for path in layers)
        raise refuse(f"expected a SimpleCell (i, h) and a dense layer, found {paths or 'nothing'}")
    arrays = {
        f"{part}/{name}": real_array(f"{part}/{name}", value)
        for part, layer in parts.items()
        for name, value in layer.items()
    }
    if arrays["output/kernel"].shape[1:] != (1,):
        raise refuse(
            f"expected a dense layer of shape (H, 1), found {arrays['output/kernel'].shape}"
        )
    net = elman(
        input_weights=arrays["input/kernel"].T,
        hidden_weights=arrays["hidden/kernel"].T,
        hidden_biases=[arrays.get("input/bias"), arrays.get("hidden/bias")],
        output_weights=arrays["output/kernel"].T,
        output_bias=arrays.get("output/bias"),
        activation=activation,
        backend=backend,
    )
    if check:
        agree(net, "Flax's equations", _equations(arrays, activation))
    return net


def _plain(tree: Any) -> Any:
    """Return a tree of mappings: of an nnx module or state, what it holds."""
    if not isinstance(tree, Mapping) and hasattr(tree, "iter_modules"):
        from flax import nnx  # it came from there

        tree = nnx.state(tree, nnx.Param)
    for method in ("to_pure_dict", "unfreeze"):
        if hasattr(tree, method):
            tree = getattr(tree, method)()
    if not isinstance(tree, Mapping):
        raise refuse(f"expected a tree of arrays, found {type(tree).__name__}")
    return tree


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _leaves(value, (*path, str(key)))
    else:
        yield path, getattr(tree, "value", tree) if "nnx" in type(tree).__module__ else tree


def _equations(arrays: dict[str, NDArray[Any]], activation: str) -> Textbook:
    zero = np.zeros(1)
    return Textbook(
        len(arrays["hidden/kernel"]),
        activation,
        lambda x: x @ arrays["input/kernel"] + arrays.get("input/bias", zero),
        lambda h: h @ arrays["hidden/kernel"] + arrays.get("hidden/bias", zero),
        lambda h: h @ arrays["output/kernel"] + arrays.get("output/bias", zero),
    )


def flax_tree(
    net: BinaryAdderRNN, cell: str = "SimpleCell_0", dense: str = "Dense_0", dtype: str = "float32"
) -> dict[str, Any]:
    """Return the weights as the parameters of a linen module: an `RNN(SimpleCell)` and a `Dense`.

    The cell must have the network's activation, as its `activation_fn`.

    Parameters
    ----------
    net : BinaryAdderRNN
    cell, dense : str
        The module's names of the two.
    dtype : {"float32", "float64"}

    Returns
    -------
    dict
        {cell: {i: {kernel (n, H), bias (H,)}, h: {kernel (H, H)}}, dense: {kernel (H, 1),
        bias (1,)}}, of NumPy arrays, for `module.apply({"params": tree}, bits)`.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is not finite in this dtype.
    """
    parameters = rounded_parameters(net, dtype)

    def kernel(name: str) -> NDArray[Any]:
        return np.array(np.atleast_2d(parameters[name]).T, order="C")

    return {
        cell: {
            "i": {"kernel": kernel("input_weights"), "bias": parameters["hidden_bias"]},
            "h": {"kernel": kernel("hidden_weights")},
        },
        dense: {
            "kernel": kernel("output_weights"),
            "bias": parameters["output_bias"].reshape(1),
        },
    }
