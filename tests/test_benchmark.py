"""The benchmark compares before it times, and says what it timed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from binadd import InvalidInputError, benchmark
from binadd.benchmark import _verify
from binadd.errors import BinaddError


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_report(dtype: str) -> None:
    report = benchmark.run(hidden_size=4, bits=3, dtype=dtype, repeats=1)
    names = {timing.name for timing in report.timings}
    assert {"notebook", "Python twin"} <= names
    assert report.timings[0].times_faster == 1
    assert len(report.table().splitlines()) == len(names) + 1
    assert json.loads(json.dumps(report.to_dict()))["dtype"] == dtype


def test_what_differs_is_not_timed() -> None:
    with pytest.raises(BinaddError, match="cheat does not compute"):
        _verify({"Python twin": lambda _: np.zeros(3), "cheat": lambda _: np.ones(3)}, "float64")


def test_bad_input() -> None:
    with pytest.raises(InvalidInputError, match="bits must be"):
        benchmark.run(bits=0)
