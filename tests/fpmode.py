"""Set this thread's floating-point mode, as other libraries do: through the C library's fenv."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_

X86 = {"upward": 0x4000, "downward": 0x2000, "toward zero": 0x6000, "flush": 0x8000, "read": 0x40}
"""Bits of MXCSR, which glibc's fenv_t has at byte 28."""
ARM = {"upward": 1 << 22, "downward": 1 << 23, "toward zero": 3 << 22, "flush": 1 << 24}
"""Bits of FPCR, at byte 0."""

PLACE, BITS = (
    (28, X86)
    if platform.machine() in ("x86_64", "AMD64")
    else (0, ARM)
    if platform.machine() == "aarch64"
    else (0, {})
)
CAN_SET = sys.platform == "linux" and bool(BITS) and platform.libc_ver()[0] == "glibc"
"""musl, Windows and macOS lay out their fenv_t otherwise."""

MODES = {
    "upward": ("upward",),
    "downward": ("downward",),
    "toward zero": ("toward zero",),
    "flush": ("flush",),
    "read": ("read",),
    "flush and read": ("flush", "read"),
    "upward and flush": ("upward", "flush", "read"),
}
MODES = {name: bits for name, bits in MODES.items() if BITS.keys() >= set(bits)}
"""Rounding; "flush" makes subnormal results zero, "read" takes subnormal operands for zero."""


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library("m"))


def word() -> int:
    """Return the control bits of this thread that modes change."""
    environment = ctypes.create_string_buffer(64)
    _library().fegetenv(environment)
    found = int.from_bytes(environment[PLACE : PLACE + 4], "little")
    return found & reduce(or_, BITS.values())


@contextmanager
def mode(name: str) -> Iterator[None]:
    """Compute in a mode in this thread, and in those that it starts."""
    library, before = _library(), ctypes.create_string_buffer(64)
    library.fegetenv(before)
    changed = ctypes.create_string_buffer(before.raw)
    control = int.from_bytes(before[PLACE : PLACE + 4], "little")
    for bit in MODES[name]:
        control |= BITS[bit]
    changed[PLACE : PLACE + 4] = control.to_bytes(4, "little")
    library.fesetenv(changed)
    try:
        yield
    finally:
        library.fesetenv(before)
