"""Shared by all tests: the kernels under test, named in the report's head, and their networks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

# One thread for each worker: with more, they wait for each other, and take ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from kernel_cases import Compare, same_bits

import binadd
from binadd import BinaryAdderRNN
from binadd.kernels import load, native_is_installed

# What tests start imports the binadd that they import, not the sources it is started beside.
os.environ["PYTHONSAFEPATH"] = "1"

EXAMPLES = {"quick": 12, "whole": 40}
"""Examples of each property, where a test does not decide that."""
for name, count in EXAMPLES.items():
    settings.register_profile(name, deadline=None, max_examples=count, derandomize=True)


def _backends() -> list[str]:
    """Return the backends under test: what BINADD_BACKEND names, else all that are installed."""
    chosen = os.environ.get("BINADD_BACKEND") or "auto"
    if chosen == "python":
        return ["python"]
    if chosen == "native" or native_is_installed():
        load("native")  # a native backend that is required, or there but broken, ends the session
        return ["native", "python"]
    return ["python"]


BACKENDS = _backends()


def pytest_report_header(config: pytest.Config) -> str:
    native = "NOT under test: it is not installed"
    if "native" in BACKENDS:
        native = f"under test ({load('native').isa()})"  # type: ignore[attr-defined]
    elif native_is_installed():
        native = "NOT under test: BINADD_BACKEND=python"
    return f"binadd {binadd.__version__}: Python kernels under test; native kernels {native}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run the slow and thorough tests too")
    parser.addoption("--exhaustive", action="store_true", help="run the tests of many minutes too")


def pytest_configure(config: pytest.Config) -> None:
    whole = config.getoption("--whole") or config.getoption("--exhaustive")
    settings.load_profile("whole" if whole else "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long; the summary counts it as deselected."""
    cases: Counter[tuple[str, Any]] = Counter()  # of each thorough test, those met so far
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (left_out if _takes_long(item, config, cases) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def _takes_long(item: pytest.Item, config: pytest.Config, cases: Counter[tuple[str, Any]]) -> bool:
    if item.get_closest_marker("exhaustive"):
        return not config.getoption("--exhaustive")
    if config.getoption("--whole") or config.getoption("--exhaustive"):
        return False
    for mark in item.iter_markers("thorough"):
        of, one_in = mark.kwargs.get("of"), mark.kwargs.get("one_in")
        if of is not None and item.callspec.params["backend"] != of:  # type: ignore[attr-defined]
            continue
        test = item.nodeid.partition("[")[0], of
        cases[test] += 1
        if one_in is None or cases[test] % one_in != 1:
            return True
    return item.get_closest_marker("slow") is not None


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend under test in turn."""
    return str(request.param)


@pytest.fixture
def kernels(backend: str) -> Any:
    """Return the kernel module of each backend under test."""
    return load(backend)


@pytest.fixture
def make(backend: str) -> Callable[..., BinaryAdderRNN]:
    """`BinaryAdderRNN` with each backend under test."""
    return partial(BinaryAdderRNN, backend=backend)


@pytest.fixture
def compare(native: Any) -> Iterator[Compare]:
    """Hold a call to the same bits with the reference and at each instruction set; return them."""
    before = native.isa()

    def hold(call: Callable[[Any], Any]) -> Any:
        expected = call(load("python"))
        for isa, supported in native.isas().items():
            if supported:
                native.use_isa(isa)
                assert same_bits(expected, call(native)), isa
        return expected

    yield hold
    native.use_isa(before)


@pytest.fixture
def native() -> Any:
    """Return the native kernels, to compare with the reference; skipped where there are none."""
    if "native" not in BACKENDS:
        pytest.skip("the native kernels are not under test")
    return load("native")
