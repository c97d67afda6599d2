"""The machine's measured peak rates, and the share of them that the kernels reach.

Sums of products need one multiplication and one addition for each weight and step, and every unit
one σ for each step. If nothing else took time, and nothing had to wait for anything else, learning
from one sequence would take

    (products · seconds per multiply-add pair) + (activations · seconds per σ).

The first rate is that of a loop with nothing but independent multiplications and additions, a
dozen lines of C, compiled here for the same instruction set if there is a compiler. The second is
that of the kernels' σ over an array that stays in the cache. No fused multiply-add: it rounds
once where binadd's arithmetic rounds twice.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from binadd.benchmark.timing import interleave
from binadd.kernels.contract import Architecture

__all__ = ["floor", "measure"]

VALUES = 16_384
"""128 KiB of float64: they stay in the second-level cache of most machines."""
FEW = 256
"""A call with this few values is timed, too, and subtracted: the cost of the call itself."""

PEAK = r"""
#include <stddef.h>
typedef REAL vec __attribute__((vector_size(BYTES)));
#define KEEP(x) __asm__ volatile("" : "+" REGISTER(x))
#define CHAIN(i) vec sum##i = c, product##i = c;
#define PAIR(i) product##i = product##i * c; KEEP(product##i); sum##i = sum##i + c; KEEP(sum##i);
#define SIX(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#if CHAINS == 12
#define ALL(DO) SIX(DO) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#else
#define ALL(DO) SIX(DO)
#endif
void pairs(size_t rounds)
{
    vec c = (vec){0} + 1;
    KEEP(c);
    ALL(CHAIN)
    while (rounds--) {
        ALL(PAIR)
    }
}
"""
INSTRUCTIONS = {
    "x86_64_v3": ("-march=x86-64-v3", 32, "x", 6),
    "x86_64_v4": ("-march=x86-64-v4", 64, "v", 12),
}
"""For each instruction set: the compiler's flag, bytes of a vector, its registers' constraint, and
the number of independent chains of each kind, enough to hide the latency of both operations."""


def measure(kernels: Any, dtype: str, repeats: int = 9) -> dict[str, float | None]:
    """Return nanoseconds of one multiply-add pair (None without a compiler) and of one σ."""
    few, many = (np.linspace(-8, 8, count).astype(dtype) for count in (FEW, FEW + VALUES))
    functions: dict[str, Any] = {
        "few": lambda: kernels.activation(few, "sigmoid"),
        "many": lambda: kernels.activation(many, "sigmoid"),
    }
    rounds = 20_000
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps DLLs
        peak = _compile_peak(folder, dtype, kernels.isa())
        if peak is not None:
            pairs, each = peak
            functions["pair"] = lambda: pairs(rounds)
        times = interleave(functions, repeats)
    return {
        "nanoseconds_per_sigmoid": (times["many"].best - times["few"].best) / VALUES * 1e9,
        "nanoseconds_per_pair": None
        if peak is None
        else times["pair"].best / (rounds * each) * 1e9,
    }


def floor(architecture: Architecture, steps: int, rates: dict[str, float | None]) -> float | None:
    """Return the microseconds below which one sequence cannot be learnt from, update aside."""
    pair, sigmoid = rates["nanoseconds_per_pair"], rates["nanoseconds_per_sigmoid"]
    if pair is None or sigmoid is None:
        return None
    size = architecture.hidden_size
    # Wₕh, Wₕᵀδ and δhᵀ of all steps but one; Wₒh, Wₒᵀ∂L/∂o and ∂L/∂o·hᵀ of all.
    products = 3 * size * size * (steps - 1) + 3 * size * steps
    return (products * pair + (size + 1) * steps * sigmoid) / 1000


def _compile_peak(folder: str, dtype: str, isa: str) -> tuple[Any, int] | None:
    """Return a function that does pairs for some rounds, and how many it does in a round."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    flag, size, register, chains = INSTRUCTIONS.get(isa, ("-O3", 16, "x", 6))
    if platform.machine() in ("aarch64", "arm64"):
        register, chains = "w", 12
    source, library = Path(folder, "peak.c"), Path(folder, "peak.so")
    source.write_text(PEAK, "utf-8")
    real = "double" if dtype == "float64" else "float"
    command = [
        *(compiler, "-O3", flag, "-ffp-contract=off", "-shared", "-fPIC"),
        *(f"-DREAL={real}", f"-DBYTES={size}", f'-DREGISTER="{register}"', f"-DCHAINS={chains}"),
        *("-o", str(library), str(source)),
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return None
    try:
        pairs = ctypes.CDLL(str(library)).pairs
    except OSError:  # a compiler for another machine than this Python is of
        return None
    pairs.argtypes = [ctypes.c_size_t]
    return pairs, chains * (size // np.dtype(dtype).itemsize)
