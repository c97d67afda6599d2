"""Train a small recurrent network to add binary numbers, and prove that it adds all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from binadd import errors
from binadd.errors import *  # noqa: F403

if TYPE_CHECKING:
    from binadd import interop as interop
    from binadd import plots as plots
    from binadd.bits import decode as decode
    from binadd.bits import encode as encode
    from binadd.model import BinaryAdderRNN as BinaryAdderRNN
    from binadd.proof import check as check
    from binadd.proof import prove as prove
    from binadd.storage import load as load
    from binadd.training import Progress as Progress
    from binadd.training import TrainingRun as TrainingRun
    from binadd.training import resume as resume
    from binadd.training import train as train
    from binadd.training.sweep import sweep as sweep

__version__ = "0.1.0"

# The module of each name, imported when it is first used, so that `import binadd` stays quick, and
# the command line can answer Ctrl-C before NumPy is there.
_LATER = {
    "BinaryAdderRNN": "binadd.model",
    "Progress": "binadd.training",
    "TrainingRun": "binadd.training",
    "check": "binadd.proof",
    "decode": "binadd.bits",
    "encode": "binadd.bits",
    "interop": "binadd.interop",
    "load": "binadd.storage",
    "plots": "binadd.plots",
    "proof": "binadd.proof",
    "prove": "binadd.proof",
    "resume": "binadd.training",
    "sweep": "binadd.training.sweep",
    "train": "binadd.training",
}

__all__ = [*errors.__all__, "__version__", *_LATER]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'binadd' has no attribute {name!r}")
    with _rounding_to_nearest():
        module = import_module(_LATER[name])
    value = module if module.__name__ == f"binadd.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


_ONE, _LITTLE = 1.0, 2.0**-60  # names: sums of constants are computed by the compiler


@contextmanager
def _rounding_to_nearest() -> Iterator[bool]:
    """Import inside this, and learn whether another library has made this thread round otherwise:
    then Python would read a constant such as 0.1 as another number, and keep it in its cache."""
    if _ONE + _LITTLE == _ONE == _ONE - _LITTLE:
        yield False
        return
    import ctypes

    library = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")
    before = ctypes.create_string_buffer(256)  # more than any fenv_t
    library.fegetenv(before)  # on x86-64, fegetround reads the mode of x87, not that of SSE
    library.fesetround(0)  # FE_TONEAREST, everywhere
    try:
        yield True
    finally:
        library.fesetenv(before)


with _rounding_to_nearest() as _changed:
    if _changed:  # whatever is imported next would not be inside
        for _module in sorted(set(_LATER.values())):
            import_module(_module)
