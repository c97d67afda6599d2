"""The mode of the processor's floating-point unit: IEEE 754's defaults, whatever others left.

Other libraries leave a thread rounding upward, or taking subnormal numbers for zero, and new
threads inherit it. Kernels in C set the mode themselves at every call. Python code that computes,
or that writes numbers as text and reads them, does so inside `ieee_mode`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from binadd.errors import BackendError

__all__ = ["ieee_mode", "is_ieee_mode", "quiet_ieee_mode"]

# In a list, so that no compiler takes them for constants and computes with them beforehand.
_NUMBERS = [1.0, 2.0**-60, sys.float_info.min, 0.5]


def is_ieee_mode() -> bool:
    """Whether this thread rounds to nearest and keeps subnormal numbers.

    Examples
    --------
    >>> is_ieee_mode()
    True
    """
    one, little, least, half = _NUMBERS
    return one + little == one == one - little and least * half != 0


@contextmanager
def ieee_mode() -> Iterator[None]:
    """Compute in IEEE 754's mode inside a `with`, or a function that this decorates.

    The native kernels set the mode, also for the reference implementation, and afterwards this
    thread has its own again.

    Raises
    ------
    BackendError
        If the mode is another, and there are no native kernels to set it.
    """
    if is_ieee_mode():
        yield
        return
    from binadd.kernels import native_or_none

    native = native_or_none()
    if native is None:
        raise BackendError(
            "this thread does not compute as IEEE 754 has it: another library has made it round "
            "otherwise than to nearest, or take subnormal numbers for zero; undo that (as with "
            "torch.set_flush_denormal(False)), use another process, or install binadd with its "
            "native kernels, which set the mode"
        )
    before = native.set_mode(None)
    try:
        yield
    finally:
        native.set_mode(before)


@contextmanager
def quiet_ieee_mode() -> Iterator[None]:
    """Do the same without NumPy's warnings: kernels overflow, and compare with NaN, on purpose.

    Non-finite weights, not warnings, reveal a diverging network.
    """
    with ieee_mode(), np.errstate(all="ignore"):
        yield
