"""Arrays of other programs, as NumPy's of float32 or float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_array
from binadd.errors import InvalidTypeError

__all__ = ["bfloat16_of_bytes", "real_array", "vector"]


def real_array(name: str, values: Any) -> NDArray[Any]:
    """Return an array, tensor or variable as float64 if it is that, else as float32.

    Tensors may have a gradient and be on any device; bfloat16 and float16 become float32, which
    holds their every value. Integers become float64.

    Raises
    ------
    InvalidTypeError
        If these are no real numbers, or bfloat16 that lost its dtype in a file.

    Examples
    --------
    >>> real_array("bias", np.array([0.5], np.float16))
    array([0.5], dtype=float32)
    >>> real_array("bias", np.zeros(3, "V2"))
    Traceback (most recent call last):
        ...
    binadd.errors.InvalidTypeError: bias is of the dtype void (V2): bfloat16 numbers that lost \
their dtype in an .npz or HDF5 file; expected float32, so convert them before they are saved
    """
    if hasattr(values, "detach"):  # a tensor of PyTorch, whose bfloat16 NumPy does not have
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
        values = values.numpy()
    elif not isinstance(values, np.ndarray | list | tuple) and hasattr(values, "__array__"):
        values = np.asarray(values)  # of JAX, Keras, TensorFlow
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.name == "bfloat16":  # the one that ml_dtypes adds to NumPy
        values = values.astype(np.float32)
    elif dtype is not None and dtype.kind == "V" and dtype.itemsize == 2:
        raise InvalidTypeError(
            f"{name} is of the dtype void (V2): bfloat16 numbers that lost their dtype in an .npz "
            "or HDF5 file; expected float32, so convert them before they are saved"
        )
    array = check_array(name, values, "iuf", "real numbers")
    small = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return array.astype(np.float32 if small else np.float64)


def bfloat16_of_bytes(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return void numbers of two bytes, known to be bfloat16, as float32.

    Examples
    --------
    >>> bfloat16_of_bytes(np.array([0x3FC0], "<u2").view("V2"))
    array([1.5], dtype=float32)
    """
    halves = np.frombuffer(array.tobytes(), "<u2").astype(np.uint32)
    return (halves << np.uint32(16)).view(np.float32).reshape(array.shape)


def vector(name: str, values: Any) -> NDArray[Any]:
    """Return what may be (H,), (1, H) or (H, 1) as (H,): a vector has one orientation only."""
    array = real_array(name, values)
    return array.reshape(-1) if max(array.shape, default=1) == array.size else array
