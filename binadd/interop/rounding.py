"""A network's weights in the dtype of an export."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_choice, check_instance
from binadd.errors import InvalidInputError
from binadd.kernels.contract import DTYPES
from binadd.kernels.mode import ieee_mode
from binadd.model import BinaryAdderRNN
from binadd.parameters import read_parameters
from binadd.state import state_of_block

__all__ = ["rounded", "rounded_parameters"]


@ieee_mode()
def rounded(net: BinaryAdderRNN, dtype: str | None) -> BinaryAdderRNN:
    """Return a copy whose weights are rounded to `dtype`; None leaves them as they are.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, or a weight is not finite in this dtype.

    Examples
    --------
    >>> rounded(BinaryAdderRNN(), "float32").settings.dtype
    'float32'
    """
    snapshot = check_instance("net", net, BinaryAdderRNN).copy()  # as it is now
    dtype = snapshot.settings.dtype if dtype is None else check_choice("dtype", dtype, DTYPES)
    parameters, activation = snapshot.parameters, snapshot.settings.activation
    try:
        _, block = read_parameters(parameters, activation, dtype)
    except InvalidInputError as reason:
        raise InvalidInputError(f"in {dtype}, {reason}") from None
    if dtype != snapshot.settings.dtype:
        snapshot.set_params(dtype=dtype)
        snapshot.state = state_of_block(
            snapshot.settings.architecture, block, snapshot.settings.seed
        )
    return snapshot


@ieee_mode()
def rounded_parameters(net: BinaryAdderRNN, dtype: str | None) -> dict[str, NDArray[Any]]:
    """Return the parameters in `dtype`, in C order, with biases of 0 where there are none.

    Exceptions are those of `rounded`.
    """
    snapshot = rounded(net, dtype)
    found = {name: np.array(array, order="C") for name, array in snapshot.parameters.items()}
    nothing = np.zeros(snapshot.settings.hidden_size, snapshot.settings.dtype)
    return {"hidden_bias": nothing, "output_bias": nothing[0].reshape(())} | found
