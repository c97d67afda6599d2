"""Benchmarks of the notebook's code, the NumPy reference, native code, and other libraries.

All do the same work on the same data; their results are compared before anything is timed.
"""

from __future__ import annotations

from binadd.benchmark.suite import run
from binadd.benchmark.summary import Report, Row, Section

__all__ = ["Report", "Row", "Section", "run"]
