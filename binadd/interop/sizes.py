"""How much another program's file may take: a network of binadd fits into a hundredth of it."""

from __future__ import annotations

import os
import stat

from binadd.errors import ModelFileError

__all__ = ["MAX_BYTES", "check_file", "oversized"]

MAX_BYTES = 64 << 20


def oversized(path: str | os.PathLike[str]) -> ModelFileError:
    """Return the exception for a file, or a part of it, that is too large, to be raised."""
    return ModelFileError(
        f"{os.fspath(path)} is too large: expected a network in at most {MAX_BYTES >> 20} MiB"
    )


def check_file(path: str | os.PathLike[str]) -> None:
    """Check a file before a library reads it, whole.

    Raises
    ------
    ModelFileError
        If it is larger than `MAX_BYTES`, or a device or pipe, which may never end.
    OSError
        If there is none.
    """
    status = os.stat(os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError(f"{os.fspath(path)} is not a file on a disk")
    if status.st_size > MAX_BYTES:
        raise oversized(path)
