"""The arithmetic, twice: `native` (C through Cython) and `reference` (NumPy), one contract.

This module chooses between the two. `BINADD_BACKEND` says what "auto" means: "native" (required),
"python", or "auto" (native where the extension was built). `BINADD_ISA` forces the instruction set
of the native kernels. An extension that is there but broken is an error, never a fallback.
"""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from binadd.errors import BackendError
from binadd.kernels.contract import Kernels

BACKENDS = ("auto", "native", "python")
_FORCE_PYTHON = 'backend="python" or BINADD_BACKEND=python does without it'


def native_is_installed() -> bool:
    """Whether the compiled extension is there, broken or not."""
    return find_spec("binadd.kernels.native") is not None


@cache
def _native() -> Kernels:
    if not native_is_installed():
        raise BackendError(f"the native kernels were not built into this install; {_FORCE_PYTHON}")
    try:
        module = import_module("binadd.kernels.native")
    except ImportError as error:
        raise BackendError(f"the native kernels are broken ({error}); {_FORCE_PYTHON}") from error
    from binadd import __version__

    built = module.VERSION
    if built != __version__:
        raise BackendError(
            f"the native kernels are of binadd {built}, the package is {__version__}; "
            f"reinstall it, or {_FORCE_PYTHON}"
        )
    forced = os.environ.get("BINADD_ISA")
    if forced:
        module.use_isa(forced)
    return module


def load(backend: str = "auto") -> Kernels:
    """The kernel module of a backend: "auto", "native" or "python".

    Raises
    ------
    BackendError
        If the backend is unknown, or native and missing, broken or of another version.

    Examples
    --------
    >>> load("python").NAME
    'python'
    """
    source = "backend"
    if backend == "auto":
        backend = os.environ.get("BINADD_BACKEND") or "auto"
        source = "BINADD_BACKEND"
    if backend not in BACKENDS:
        raise BackendError(f"{source} must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if backend == "auto":
        backend = "native" if native_is_installed() else "python"
    if backend == "native":
        return _native()
    from binadd.kernels import reference

    return reference
