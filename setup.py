"""What pyproject.toml cannot say: the C core's flags, the stable ABI, doing without a compiler."""

import os
import sys
import tempfile
from glob import glob
from pathlib import Path
from sysconfig import get_config_var, get_path, get_platform

from setuptools import Extension, setup
from setuptools.errors import CompileError, PlatformError

from distutils import ccompiler, sysconfig  # isort: skip  (setuptools' own, there once imported)

PURE = os.environ.get("BINADD_PURE")  # "1": no native code; "0": never without; else: if it can be
EXTRA = os.environ.get("BINADD_CFLAGS", "").split()  # sanitizers, coverage
ABI3 = sys.implementation.name == "cpython" and not get_config_var("Py_GIL_DISABLED")
X86_64 = get_platform().endswith(("x86_64", "amd64")) and sys.maxsize > 2**32
if ccompiler.get_default_compiler() == "msvc":
    BASE = "/O2 /std:c11 /experimental:c11atomics /fp:precise"
    V3, V4, FLOOR, SMALL = "/arch:AVX2", "/arch:AVX512", "", "/O1"
else:  # by feature: compilers too old for the names x86-64-v3 and x86-64-v4 build these as well
    BASE = "-O3 -std=c11 -fvisibility=hidden -g0 -fno-fast-math -fno-math-errno -ffp-contract=off"
    V3, V4 = "-mavx2", "-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512"
    FLOOR = SMALL = "-Os"  # for the floor of x86-64, as fast as with -O2, and for the wrapper
    BASE += " -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables"  # less to ship
FLAGS = [*BASE.split(), *EXTRA]  # they end the command line: no CFLAGS can change a result
# Symbols and what nobody calls stay out of the wheel, unless a sanitizer wants to name them.
LINK = EXTRA or (["-Wl,-s", "-Wl,--gc-sections"] if sys.platform == "linux" else [])


def compiler_works() -> bool:
    sysconfig.customize_compiler(compiler := ccompiler.new_compiler())
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe.c")
        probe.write_text("#include <Python.h>\n", "utf-8")
        try:
            return bool(compiler.compile([str(probe)], folder, include_dirs=[get_path("include")]))
        except (CompileError, PlatformError):
            print("binadd: there is no C compiler with Python's headers")
            return False


def library(name: str, sources: str, flags: str = ""):
    return f"binadd_{name}", {
        "sources": glob(sources),
        "cflags": [*FLAGS, *flags.split()],
        "include_dirs": ["csrc"],
        "macros": [("BINADD_X86_64_LEVELS", "1")] if X86_64 else [],
        "obj_deps": {"": glob("csrc/*.h")},
    }


levels = {"baseline": FLOOR, "x86_64_v3": V3, "x86_64_v4": V4} if X86_64 else {"baseline": ""}
native = Extension(
    "binadd.kernels.native",
    sources=["binadd/kernels/native.pyx"],
    depends=glob("binadd/kernels/*.pxd") + glob("csrc/**", recursive=True),
    include_dirs=["csrc"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
    py_limited_api=ABI3,
    extra_compile_args=[*FLAGS, SMALL],
    extra_link_args=LINK,
)

if PURE == "1" or (PURE != "0" and not compiler_works()):
    print("binadd: building the pure-Python package: the same results, without native speed")
    setup()
else:
    setup(
        libraries=[
            library("core", "csrc/*.c"),
            *(library(level, f"csrc/isa/{level}_*.c", flags) for level, flags in levels.items()),
        ],
        ext_modules=[native],
        options={
            "build_ext": {"cython_c_in_temp": True},
            "bdist_wheel": {"py_limited_api": "cp311" if ABI3 else False},
        },
    )
