"""The same network in other libraries, each in its own idiom, on one thread.

A library takes part if it is installed; `pip install 'binadd[bench]'` installs them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

__all__ = ["PEERS", "installed"]

PEERS = {
    "Numba": ("numba", "numba_loops"),
    "PyTorch": ("torch", "pytorch"),
    "JAX": ("jax", "jax_scan"),
    "ONNX Runtime": ("onnxruntime", "onnx_runtime"),
}
"""Name, the library's module, and the file here."""


def installed() -> Iterator[tuple[str, ModuleType]]:
    """Yield name and module of every peer whose library is installed."""
    for name, (library, module) in PEERS.items():
        if find_spec(library) is not None:
            yield name, import_module(f"binadd.benchmark.peers.{module}")
