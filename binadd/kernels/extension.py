"""The compiled extension: whether it is there, whole and of this version."""

import struct
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from binadd.errors import BackendError

_WITHOUT = "BINADD_BACKEND=python does without them"


def native_is_installed() -> bool:
    """Whether the compiled extension is there, broken or not."""
    return _spec() is not None


@cache
def native_extension() -> ModuleType:
    """Return the module `binadd.kernels.native`.

    Raises
    ------
    BackendError
        If it is missing, broken or of another version than the package.
    """
    spec = _spec()
    if spec is None:
        raise BackendError(f"the native kernels were not built into this install; {_WITHOUT}")
    try:
        if spec.origin is not None and _is_cut_short(Path(spec.origin)):
            raise ImportError(f"{spec.origin}: its end is missing")
        # An import statement, so that what freezes programs sees it.
        from binadd.kernels import native  # type: ignore[attr-defined]
    except (ImportError, OSError) as error:
        raise BackendError(
            f"the native kernels are broken ({error}); reinstall binadd; {_WITHOUT}"
        ) from error
    from binadd import __version__

    module: ModuleType = native
    built = module.VERSION
    if built != __version__:
        raise BackendError(
            f"the native kernels are of binadd {built}, the package is {__version__}; "
            f"reinstall binadd; {_WITHOUT}"
        )
    return module


def _spec() -> ModuleSpec | None:
    return find_spec("binadd.kernels.native")


def _is_cut_short(path: Path) -> bool:
    """Whether a file for Linux ends before its section headers do, which stand at its end.

    Where the kernel maps what is not there, importing it would end the process, not raise. Other
    systems look themselves.
    """
    with path.open("rb") as file:
        header, size = file.read(64), path.stat().st_size
    if header[:4] != b"\x7fELF" or len(header) < 64:
        return False  # the import reports what it is
    order, long = "<>"[header[5] == 2], header[4] == 2
    (start,) = struct.unpack_from(f"{order}{'Q' if long else 'I'}", header, 40 if long else 32)
    each, count = struct.unpack_from(f"{order}HH", header, 58 if long else 46)
    return bool(start + each * count > size)
