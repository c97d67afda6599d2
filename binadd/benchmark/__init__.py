"""Benchmarks of the notebook's code, the NumPy reference, native code, and other libraries.

All do the same work on the same data; their results are compared before anything is timed.
"""

from __future__ import annotations

from binadd.benchmark.report import Report, Row, Section
from binadd.benchmark.suite import run

__all__ = ["Report", "Row", "Section", "run"]
