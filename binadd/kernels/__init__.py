"""The arithmetic, twice: `native` (C through Cython) and `reference` (NumPy), one contract.

This module chooses between the two. `BINADD_BACKEND` decides what "auto" means: "native"
(required), "python", or "auto" (native where the extension was built). `BINADD_ISA` forces the
instruction set of the native kernels. An extension that is present but broken is an error at the
first use of kernels; `import binadd` succeeds, so that `binadd info` can report what is wrong.
"""

import os
from functools import cache
from typing import Any, cast

from binadd.checks import check_choice
from binadd.errors import BackendError
from binadd.kernels.contract import Kernels, NativeKernels
from binadd.kernels.extension import native_extension, native_is_installed

__all__ = ["BACKENDS", "load", "native_is_installed", "native_or_none"]

BACKENDS = ("auto", "native", "python")


@cache
def _native() -> NativeKernels:
    module: Any = native_extension()
    forced = os.environ.get("BINADD_ISA")
    if forced:
        module.use_isa(forced)
    return cast(NativeKernels, module)


def native_or_none() -> NativeKernels | None:
    """Return the native kernels if they were built into this install, else None.

    Raises
    ------
    BackendError
        If they are broken or of another version.
    """
    return _native() if native_is_installed() else None


def load(backend: str = "auto") -> Kernels:
    """Return the kernel module of a backend: "auto", "native" or "python".

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If the backend is none of these.
    BackendError
        If it is native and missing, broken or of another version, or `BINADD_BACKEND` is unknown.

    Examples
    --------
    >>> load("python").NAME
    'python'
    """
    check_choice("backend", backend, BACKENDS)
    if backend == "auto":
        backend = os.environ.get("BINADD_BACKEND") or "auto"
        if backend not in BACKENDS:
            raise BackendError(
                f"BINADD_BACKEND must be one of {', '.join(BACKENDS)}, not {backend!r}"
            )
    if backend == "auto":
        backend = "native" if native_is_installed() else "python"
    if backend == "native":
        return _native()
    from binadd.kernels import reference

    return reference
