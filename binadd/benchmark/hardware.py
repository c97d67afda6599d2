"""Which machine a benchmark ran on, and with what."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from binadd import __version__
from binadd.kernels import native_or_none

__all__ = ["describe"]

LIBRARIES = ("numpy", "numba", "torch", "jax", "onnxruntime")


def describe() -> dict[str, Any]:
    """Return processor, system and versions, and how busy it was in the minute before.

    `load` counts programs that were at work or waited for a processor; None if the system does not
    report it.
    """
    native = native_or_none()
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "binadd": __version__,
        "isa": None if native is None else native.isa(),
        **{name: found for name in LIBRARIES if (found := _version(name)) is not None},
    }


def _processor() -> str:
    """Return the processor's name as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {}
    for line in lines:
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    name = fields.get("model name", platform.machine())
    if {"cpu family", "model"} <= fields.keys():
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
