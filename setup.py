"""What pyproject.toml cannot say: the C core's flags, the stable ABI, doing without a compiler."""

import os
import sys
from contextlib import suppress
from glob import glob
from pathlib import Path
from sysconfig import get_config_var, get_path, get_platform
from tempfile import TemporaryDirectory

from setuptools import Extension, setup
from setuptools.command.build_ext import customize_compiler, new_compiler
from setuptools.errors import CompileError, PlatformError

PURE = os.environ.get("BINADD_PURE")  # "1": no native code; "0": never without; else: if it can be
EXTRA = os.environ.get("BINADD_CFLAGS", "")  # sanitizers, coverage
ABI3 = sys.implementation.name == "cpython" and not get_config_var("Py_GIL_DISABLED")
X86_64 = get_platform().endswith(("x86_64", "amd64")) and sys.maxsize > 2**32
customize_compiler(COMPILER := new_compiler())
MSVC = COMPILER.compiler_type == "msvc"
if MSVC:
    ALL, SMALL = "/O2 /std:c11 /experimental:c11atomics /fp:precise", ""
    V3, V4 = "/arch:AVX2", "/arch:AVX512"
else:  # by feature: compilers too old for the names x86-64-v3 and x86-64-v4 build these as well
    ALL = "-O3 -std=c11 -fno-fast-math -fno-unsafe-math-optimizations -fno-math-errno"
    ALL += " -ffp-contract=off"
    ALL += " -fvisibility=hidden -fno-asynchronous-unwind-tables -g0"  # less to ship
    if get_platform().endswith("86"):  # 32 bits: without SSE, results are rounded twice
        ALL += " -msse2 -mfpmath=sse"
    SMALL = "-Os"  # the wrapper, and the floor of x86-64, which is as fast with it as with -O2
    V3, V4 = "-mavx2", "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512"
LEVELS = {"baseline": SMALL, "x86_64_v3": V3, "x86_64_v4": V4} if X86_64 else {"baseline": ""}
C_CORE = {"include_dirs": ["csrc"], "macros": [("BINADD_X86_64_LEVELS", "1")] if X86_64 else []}


def compiler_works() -> bool:
    with TemporaryDirectory() as folder, suppress(CompileError, PlatformError):
        probe = Path(folder, "probe.c")
        probe.write_text('#include <Python.h>\n#include "isa/baseline_f64.c"\n', "utf-8")
        headers = [get_path("include"), "csrc"]
        flags = ALL.replace("-O3", "-O0").split()
        return bool(COMPILER.compile([str(probe)], folder, None, headers, False, flags))
    return False


def library(name: str, sources: str, own: str = ""):  # no CFLAGS can change a result: ours end all
    files = {"sources": glob(sources), "obj_deps": {"": glob("csrc/*.h")}}
    return f"binadd_{name}", {**C_CORE, **files, "cflags": f"{ALL} {own} {EXTRA}".split()}


native = Extension(
    "binadd.kernels.native",
    sources=["binadd/kernels/native.pyx"],
    depends=[*glob("binadd/kernels/*.pxd"), *glob("csrc/**/*.[ch]", recursive=True)],
    include_dirs=["csrc"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
    py_limited_api=ABI3,
    extra_compile_args=f"{ALL} {SMALL} {EXTRA}".split(),
    # Linked with -ffast-math, an extension would turn off subnormal numbers in its whole process.
    extra_link_args=[*([] if MSVC else ALL.split()), *EXTRA.split()],
)
if PURE == "1" or (PURE != "0" and not compiler_works()):
    if any(word.endswith("_wheel") for word in sys.argv):  # once: pip asks for metadata before
        print("binadd: building the pure-Python package: the same results, without native speed")
    setup()
else:
    levels = (library(level, f"csrc/isa/{level}_*.c", own) for level, own in LEVELS.items())
    setup(
        libraries=[library("core", "csrc/*.c"), *levels],
        ext_modules=[native],
        options={
            "build_ext": {"cython_c_in_temp": True},
            "bdist_wheel": {"py_limited_api": "cp311" if ABI3 else False},
        },
    )
