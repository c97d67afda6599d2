"""Writing files: whole or not at all, or, if by lines, by one writer at a time."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
import time
from contextlib import suppress

__all__ = ["lock", "unlock", "write_atomically"]

_DIGITS = 12
"""Digits of the random number that makes a temporary name unique."""

_ABANDONED = 3600.0
"""Seconds after which nobody writes to a temporary file any more: it takes moments."""


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file under a temporary name beside it, then rename that: all of it or nothing.

    A link keeps pointing to what is written, a file that is replaced hands on its permissions, and
    what is not a file, such as a device or a pipe, is written to as it stands.

    Raises
    ------
    OSError
        If it cannot be written, about `path` whatever the temporary name; that file is gone then.
    """
    name = os.fsdecode(path)
    try:
        mode = _mode(name)
        if mode is None or stat.S_ISREG(mode):
            _replace(os.path.realpath(name), data, mode)
        else:
            with open(name, "wb") as file:
                file.write(data)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, name) from None


if sys.platform == "win32":
    import msvcrt

    _LOCKED = 1 << 30  # a byte beyond all rows: Windows lets nobody else read what is locked

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def unlock(descriptor: int) -> None:
        """Let others lock the file."""
        os.lseek(descriptor, _LOCKED, os.SEEK_SET)
        with suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _lock(descriptor: int) -> None:
        import fcntl  # WASI has none

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(descriptor: int) -> None:
        """Let others lock the file, even while processes forked since then have it open."""
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_UN)


def lock(descriptor: int) -> bool:
    """Lock an open file against other writers; return False if one of them has locked it.

    The lock ends with the process, however that ends. File systems without locks have none.
    """
    try:
        _lock(descriptor)
    except ImportError:
        pass
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def _remove_leftovers(target: str) -> None:
    """Remove what writers of this file left beside it when they were killed, an hour ago or more.

    A file that cannot be removed stays, without a warning.
    """
    folder, stem = _place(target)
    temporary = re.compile(rf"{re.escape(stem)}[0-9a-f]{{{_DIGITS}}}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in filter(lambda entry: temporary.fullmatch(entry.name), entries):
            with suppress(OSError):  # another may be removing it
                if time.time() - entry.stat().st_mtime > _ABANDONED:
                    os.unlink(entry)


def _place(target: str) -> tuple[str, str]:
    """Return the folder of a file, and what its temporary files' names begin with."""
    folder, name = os.path.split(target)
    return folder, f".{name[:50]}."  # 200 bytes at most, of the 255 that a name may have


def _mode(name: str) -> int | None:
    """Return kind and permissions of the file that a name leads to, None where there is none."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None


def _replace(target: str, data: bytes, mode: int | None) -> None:
    _remove_leftovers(target)  # first: the disk may be full of them
    folder, stem = _place(target)
    temporary = os.path.join(folder, f"{stem}{secrets.token_hex(_DIGITS // 2)}.tmp")
    # A private file is private from its first byte on; otherwise the umask decides.
    permissions = 0o666 if mode is None else stat.S_IMODE(mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, permissions), "wb") as file:
            if mode is not None:
                os.chmod(temporary, permissions)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
