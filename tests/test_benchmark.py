"""Benchmarks compare before they time, and what they report is what was measured."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BACKENDS

from binadd import BinaryAdderRNN, InvalidInputError, InvalidTypeError
from binadd.benchmark import notebook, roofline, run, suite
from binadd.benchmark import run as run_function
from binadd.benchmark.hardware import describe
from binadd.benchmark.ours import Ours
from binadd.benchmark.peers import PEERS
from binadd.benchmark.proofs import proofs
from binadd.benchmark.suite import REFERENCE, TOLERANCES, _compare
from binadd.benchmark.summary import Report
from binadd.benchmark.timing import Times, interleave
from binadd.benchmark.work import work
from binadd.kernels import load
from binadd.settings import RECIPES


@pytest.fixture(scope="module")
def report() -> Any:
    return run(3, 4, repeats=2, scaling=False)


@pytest.mark.thorough
def test_everyone_takes_part(report: Any) -> None:
    first = report.sections[0]
    names = [row.name for row in first.rows]
    assert names[:2] == ["notebook's code", REFERENCE]
    if "native" in BACKENDS:
        native: Any = load("native")
        assert [f"native {isa}" for isa, here in native.isas().items() if here] == names[2:]
        widest = names[-1].removeprefix("native ")
        assert native.isa() == (os.environ.get("BINADD_ISA") or widest)  # as it was before
        assert {row.agrees for row in first.rows[2:]} == {"equal, bit for bit"}
    assert first.named(REFERENCE).agrees == "is the definition"


@pytest.mark.thorough
def test_report(report: Any) -> None:
    data = json.loads(json.dumps(report.to_dict()))
    assert data["settings"]["hidden_size"] == 3 and data["settings"]["steps"] == 4
    rows = data["sections"][0]["rows"]
    assert all(0 < row["best"] <= row["microseconds"] for row in rows)
    assert rows[-1]["ratio"] == 1
    text = report.table()
    for section in report.sections:
        assert f"{section.title}: µs per {section.unit}" in text
    assert "NumPy reference" in text
    with pytest.raises(KeyError):
        report.sections[0].named("nobody")


@pytest.mark.parametrize(("load", "busy"), [(None, False), (0.5, False), (8.6, True)])
def test_a_busy_machine_is_told_of(load: float | None, busy: bool) -> None:
    settings = asdict(BinaryAdderRNN(3).settings) | {"steps": 4}
    report = Report(describe() | {"load": load, "processors": 4}, settings, [])
    assert ("busy with other programs (load 8.6)" in report.table()) == busy


@pytest.mark.slow
def test_the_instruction_set_is_left_as_it_was(native: Any) -> None:
    try:
        native.use_isa("baseline")
    except Exception:
        pytest.skip("this build has no baseline by that name")
    try:
        run(2, 2, repeats=1)
        assert native.isa() == "baseline"
    finally:
        native.use_isa(None)


def test_installed_peers_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """In what they can do, and in training if they have the optimizer."""
    twin = type("Twin", (), {"train": Ours(load("python")).train})()
    monkeypatch.setattr(suite, "installed", lambda: [("a twin", twin)])
    for recipe, trains in (("default", True), ("adam", False)):
        bench = suite._Bench(BinaryAdderRNN(2, recipe=recipe), 2, 1, True, print)
        for kind, takes_part in (("train", trains), ("forward", False)):
            names = [entry.name for entry in bench._entries(kind)]
            assert names[0] == REFERENCE and ("a twin" in names) == takes_part


def test_without_native_kernels_no_instruction_set_is_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suite, "native_or_none", lambda: None)
    with suite._isa_restored():
        names = [
            e.name for e in suite._Bench(BinaryAdderRNN(2), 2, 1, False, print)._entries("train")
        ]
    assert names == [REFERENCE]


def test_a_processor_without_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.read_text

    def read(path: Path, *arguments: Any, **options: Any) -> str:
        if path == Path("/proc/cpuinfo"):
            raise FileNotFoundError
        return whole(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert describe()["processor"] == platform.machine()


def test_proofs_are_timed_of_what_is_proved(native: Any) -> None:
    section = proofs(2, hidden_size=16, backend="native")
    assert section is not None and section.unit == "network"
    start, prove, check = section.rows
    assert [row.name for row in section.rows] == ["seed → proved", "prove", "check"]
    assert start.ratio == 1 and start.agrees == "2 of 2 proved"
    assert all(0 < row.best <= row.microseconds for row in section.rows)
    assert min(prove.ratio, check.ratio) > 0


def test_without_a_proof_there_is_nothing_to_time(native: Any) -> None:
    assert proofs(1, hidden_size=1, backend="native") is None


@pytest.mark.slow
def test_scaling(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    report = run(2, 2, repeats=1, scaling=True)
    assert set(report.scaling) == {"Hidden units", "Steps", "Batch size", "Threads"}
    assert report.scaling["Threads"][0]["speed-up"] == 1
    assert "Hidden units: µs per sequence" in report.table()


@pytest.mark.slow
def test_of_rules_that_others_have_not_only_binadd_trains() -> None:
    first, *_ = run(2, 2, recipe="adam", repeats=1, peers=True).sections
    assert first.rows[0].name == REFERENCE
    assert {row.name for row in first.rows}.isdisjoint(PEERS)


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r != "adam"])
def test_the_notebook_makes_the_same_updates(recipe: str) -> None:
    task = work(60, 8, hidden_size=5, recipe=recipe)
    expected = task.read(Ours(load("python")).train(task)())
    _compare("notebook", notebook.train(task)(), expected, 1e-12)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("kind", "count", "batch_size", "networks"),
    [
        ("train", 40, 1, 0),
        ("train", 64, 16, 0),
        ("train_population", 60, 1, 3),
        ("forward", 20, 1, 0),
        ("call", 1, 1, 0),
    ],
)
@pytest.mark.parametrize("recipe", ["default", "notebook"])
@pytest.mark.filterwarnings("ignore")
def test_peers(
    name: str, dtype: str, recipe: str, kind: str, count: int, batch_size: int, networks: int
) -> None:
    """Every peer computes the same network; this is slow to start, and skipped where it is not."""
    library, module = PEERS[name]
    pytest.importorskip(library)
    from importlib import import_module

    peer = import_module(f"binadd.benchmark.peers.{module}")
    task = work(count, 8, batch_size, networks, hidden_size=6, dtype=dtype, recipe=recipe)
    if not hasattr(peer, kind) or (function := getattr(peer, kind)(task)) is None:
        pytest.skip(f"{name} does not do this")
    expected = task.read(getattr(Ours(load("python")), kind)(task)())
    tolerance = TOLERANCES[dtype] / 10
    assert _compare(name, task.read(function()), expected, tolerance).startswith("within")


def test_a_wrong_result_is_not_timed() -> None:
    right = {"answers": np.zeros(3)}
    for wrong in ({"answers": np.full(3, 1e-3)}, {"answers": np.full(3, np.nan)}):
        with pytest.raises(ArithmeticError, match="someone differs from the NumPy reference"):
            _compare("someone", wrong, right, 1e-6)
    with pytest.raises(ArithmeticError, match="in answers"):
        _compare("someone", {"answers": np.full(3, 1e-300)}, right, 0)
    with pytest.raises(ArithmeticError, match="does not have the same weights"):
        _compare("someone", {}, right, 0)


def test_turns_are_taken() -> None:
    order: list[str] = []
    times = interleave(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        2,
        before={"b": lambda: order.append("ready")},
    )
    assert len(times["a"].seconds) == 2
    assert order[:5] == ["a", "a", "ready", "b", "b"]
    collapsed = [now for now, then in zip(order, ["", *order], strict=False) if now != then]
    assert collapsed == ["a", "ready", "b"] * 3


def test_ratios_are_of_rounds() -> None:
    assert Times([2.0, 30.0, 2.0]).ratio(Times([1.0, 10.0, 2.0])) == 2.0
    assert Times([3.0, 1.0, 2.0]).median == 2.0 and Times([3.0, 1.0, 2.0]).best == 1.0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_limits(native: Any, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is run, but the times are made up: those of a busy machine may say anything."""
    made_up = {"few": 1e-6, "many": 1e-6 + roofline.VALUES * 2e-9, "pair": 1e-3}

    def interleave(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Times]:
        for function in functions.values():
            function()
        return {name: Times([made_up[name]] * repeats) for name in functions}

    monkeypatch.setattr(roofline, "interleave", interleave)
    found = roofline.measure(native, dtype, repeats=3)
    assert found["nanoseconds_per_sigmoid"] == pytest.approx(2)
    task = work(1, 8, dtype=dtype)
    floor = roofline.floor(task.architecture, 8, found)
    assert (floor is None) == (found["nanoseconds_per_pair"] is None)
    assert roofline.floor(task.architecture, 8, found | {"nanoseconds_per_pair": None}) is None


@pytest.mark.slow
def test_without_a_compiler(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline.shutil, "which", lambda name: None)
    assert roofline.measure(native, "float64", 1)["nanoseconds_per_pair"] is None
    assert "for want of a compiler" in run(2, 2, repeats=1).table()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"hidden_size": 0}, InvalidInputError),
        ({"bits": 0}, InvalidInputError),
        ({"repeats": 0}, InvalidInputError),
        ({"dtype": "float16"}, InvalidInputError),
        ({"bits": "8"}, InvalidTypeError),
        ({"recipe": "other"}, InvalidInputError),
    ],
    ids=str,
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        run_function(**arguments)
