"""Every exception that binadd raises on purpose.

To catch `BinaddError` is to catch them all. Those about an argument are a `ValueError` or a
`TypeError` too, so that code written without binadd in mind handles them like any other.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "BinaddError",
    "CertificateError",
    "CheckpointError",
    "DisagreementError",
    "DivergenceError",
    "ExportError",
    "InvalidInputError",
    "InvalidTypeError",
    "MissingExtraError",
    "ModelFileError",
    "UndecidedError",
    "UnknownAttributeError",
    "WorkerError",
]


class BinaddError(Exception):
    """The base of all of binadd's exceptions."""


class InvalidInputError(BinaddError, ValueError):
    """An argument of the right type has a value that is not allowed."""


class InvalidTypeError(BinaddError, TypeError):
    """An argument is of a type that is not allowed, such as a string instead of an integer."""


class BackendError(BinaddError, RuntimeError):
    """The kernels asked for are missing, broken or of another version than the package."""


class DisagreementError(BinaddError, ArithmeticError):
    """Another program computes other numbers: in a benchmark, or where a network came from."""


class DivergenceError(BinaddError, ArithmeticError):
    """Training made a weight infinite or NaN; the network keeps its last finite weights."""


class ExportError(BinaddError, ValueError):
    """A network was not exported: with the weights to be written it gets a sum wrong."""


class MissingExtraError(BinaddError, ImportError):
    """A library that one of binadd's extras installs is missing."""


class ModelFileError(BinaddError, ValueError):
    """A model file or pickle is truncated, altered, oversized, foreign, or of a newer version."""


class UndecidedError(BinaddError, ValueError):
    """An undecided verdict is neither true nor false."""


class UnknownAttributeError(BinaddError, AttributeError):
    """A network has no attribute of the name that was assigned to."""


class CheckpointError(BinaddError, ValueError):
    """A checkpoint cannot be read, or belongs to another training run."""


class WorkerError(BinaddError, RuntimeError):
    """The workers of a sweep died again and again, are lost, or have another version of binadd."""


class CertificateError(BinaddError, ValueError):
    """A certificate is malformed, or does not prove what it claims about this network."""
