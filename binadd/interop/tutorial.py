"""The classic tutorial's three matrices, and any others of x @ W."""

from __future__ import annotations

from typing import Any

import numpy as np

from binadd.interop.arrays import real_array, vector
from binadd.interop.elman import Textbook, agree, elman, refuse
from binadd.model import BinaryAdderRNN

__all__ = ["from_numpy"]


def from_numpy(
    synapse_0: Any,
    synapse_1: Any,
    synapse_h: Any,
    *,
    hidden_bias: Any = None,
    output_bias: Any = None,
    activation: str = "sigmoid",
    check: bool = True,
    backend: str = "auto",
) -> BinaryAdderRNN:
    """Make a network from matrices that stand at the right of x and h.

    That is how the NumPy tutorial writes an Elman network, and most code in plain JAX:

        layer_1 = sigmoid(X @ synapse_0 + previous_layer_1 @ synapse_h)
        layer_2 = sigmoid(layer_1 @ synapse_1)

        synapse_h[k, j]:  from unit k, a row …      to unit j, a column
                          h @ synapse_h  =  [h₀ h₁ …] [ ——— k ——→ ]

    Matrices at the left, W @ h, are `BinaryAdderRNN.from_parameters`' own.

    Parameters
    ----------
    synapse_0 : array_like (n, H)
    synapse_1 : array_like (H, 1) or (H,)
    synapse_h : array_like (H, H)
        From row to column.
    hidden_bias : array_like (H,) or (1, H), optional
    output_bias : array_like (), (1,) or (1, 1), optional
    activation : {"sigmoid", "tanh"}, default "sigmoid"
    check : bool, default True
        Compare with these equations in NumPy.
    backend : {"auto", "native", "python"}

    Returns
    -------
    BinaryAdderRNN

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If shapes do not agree, or numbers are not real or not finite.

    Examples
    --------
    >>> net = from_numpy(np.ones((2, 3)), np.ones((3, 1)), np.triu(np.ones((3, 3))))
    >>> net.parameters["hidden_weights"]
    array([[1., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.]])
    """
    into = real_array("synapse_0", synapse_0)
    recurrent = real_array("synapse_h", synapse_h)
    out = vector("synapse_1", synapse_1)
    bias = np.zeros(1) if hidden_bias is None else vector("hidden_bias", hidden_bias)
    last = np.zeros(1) if output_bias is None else vector("output_bias", output_bias)
    shapes = into.shape[1:], recurrent.shape, out.shape
    size = len(recurrent) if recurrent.ndim else 0
    if into.ndim != 2 or shapes != ((size,), (size, size), (size,)):
        raise refuse(
            "expected synapse_0 (n, H), synapse_1 (H, 1) and synapse_h (H, H), found "
            f"{into.shape}, {np.shape(synapse_1)} and {recurrent.shape}"
        )
    net = elman(
        input_weights=into.T,
        hidden_weights=recurrent.T,
        hidden_biases=[None if hidden_bias is None else bias],
        output_weights=out,
        output_bias=None if output_bias is None else last,
        activation=activation,
        backend=backend,
    )
    if check:
        equations = Textbook(
            size,
            activation,
            lambda x: x @ into + bias,
            lambda h: h @ recurrent,
            lambda h: h @ out + last,
        )
        agree(net, "NumPy", equations)
    return net
