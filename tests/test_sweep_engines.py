"""Sweeps on every engine: the same table, also where workers are killed; and tables as files."""

from __future__ import annotations

import codecs
import json
import math
import os
import pickle
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

import binadd
from binadd import CheckpointError, InvalidInputError, MissingExtraError, WorkerError
from binadd.cli import main
from binadd.training import processes
from binadd.training import sweep as sweep_module
from binadd.training.rows import Row
from binadd.training.sweep import sweep
from binadd.training.tables import ENDINGS, read_table, write_table

SMALL: dict[str, Any] = {"hidden_size": [3, 4], "bits": 3, "until": 60, "backend": "python"}
EXAMPLES = Path(__file__).parent.parent / "examples"

needs_processes = pytest.mark.skipif(
    sys.platform in ("emscripten", "wasi"), reason="there are no processes here"
)
needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.fixture(scope="module")
def expected() -> list[Row]:
    return sweep(range(6), workers=1, **SMALL)


def seeds_in(path: Path) -> list[tuple[int, int]]:
    header, *rows = map(json.loads, path.read_text().splitlines())
    assert header["format"] == "binadd sweep"
    return sorted((row["hidden_size"], row["seed"]) for row in rows)


# Engines -----------------------------------------------------------------------------------------


class Inline:
    """An executor of nobody's library: it computes where it is, and breaks when it is told to."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.breaks_at = breaks_at
        self.submitted = 0

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        if self.submitted == self.breaks_at:
            future.set_exception(BrokenExecutor("a worker is gone"))
        elif self.breaks_at is not None and self.submitted > self.breaks_at:
            raise BrokenExecutor("a worker was gone before")
        else:
            future.set_result(function(*arguments))
        return future

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_whatever_has_submit(expected: list[Row]) -> None:
    inline = Inline()
    assert sweep(range(6), executor=inline, workers=2, **SMALL) == expected
    assert inline.submitted > 4


@needs_processes
def test_a_worker_answers_each_call() -> None:
    """Items as they come and an end, or the error; it ends with the one that asks."""
    start = [sys.executable, "-P", "-c", processes._START]
    for closed in ("stdin", "stdout"):
        with subprocess.Popen(start, stdin=PIPE, stdout=PIPE) as worker:
            assert worker.stdin is not None and worker.stdout is not None
            for message in (sys.path, (range, (2,)), (int, ("x",)), (range, (1,))):
                processes._send(worker.stdin, message)
            answers = [pickle.load(worker.stdout) for _ in range(6)]
            kinds = ["item", "item", "end", "error", "item", "end"]
            assert [kind for kind, _ in answers] == kinds
            assert [answers[i][1] for i in (0, 1, 4)] == [0, 1, 0]
            assert isinstance(answers[3][1], ValueError)
            getattr(worker, closed).close()
            if closed == "stdout":  # its next answer finds nobody
                processes._send(worker.stdin, (range, (1,)))
            assert worker.wait(60) == 0


def test_threads_are_stopped_despite_further_signals() -> None:
    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise KeyboardInterrupt
        future.set_result(None)

    future: Future[None] = Future()
    sweep_module._wait_until_stopped([future], stop)
    assert len(calls) == 3 and future.done()


def test_processors_where_none_are_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for count, wanted in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert sweep_module.processors() == wanted


@pytest.mark.parametrize("breaks_at", [1, 2, 5])
def test_a_broken_executor_is_made_anew(
    expected: list[Row], tmp_path: Path, breaks_at: int
) -> None:
    made: list[Inline] = []

    def make() -> Inline:
        made.append(Inline(None if made else breaks_at))
        return made[-1]

    path = tmp_path / "rows.jsonl"
    assert sweep(range(6), executor=make, workers=2, path=path, **SMALL) == expected
    assert len(made) == 2
    assert seeds_in(path) == [(size, seed) for size in (3, 4) for seed in range(6)]


def test_an_executor_that_always_breaks(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(WorkerError, match="3 executors in a row broke before anything was done"):
        sweep(range(6), executor=partial(Inline, 1), workers=2, path=path, **SMALL)
    with pytest.raises(WorkerError, match="a function that makes executors"):
        sweep(range(6), executor=Inline(3), workers=2, path=path, **SMALL)
    assert seeds_in(path)  # what had been done before is kept
    assert len(sweep(range(6), executor=partial(Inline, 3), workers=2, path=path, **SMALL)) == 12


def test_a_class_of_executors(expected: list[Row]) -> None:
    assert sweep(range(6), executor=ThreadPoolExecutor, workers=2, **SMALL) == expected


def test_a_worker_of_another_version() -> None:
    grid = sweep_module._grid([0], {"hidden_size": 3})
    task = sweep_module._task(grid, 3, 1, 10, False)
    with pytest.raises(WorkerError, match=r"a worker has binadd .*, not 0\.0\.0 as the sweep"):
        sweep_module._train_chunk("0.0.0", task, [grid[0].parameters])


class Killer:
    """Kills a worker as soon as some rows are done: to be called with the progress."""

    def __init__(self) -> None:
        self.pool: Any = None
        self.pid: int | None = None

    def __call__(self, done: int, total: int) -> None:
        if done and self.pid is None:
            self.pid = self.pool.submit(os.getpid).result(60)
            os.kill(self.pid, signal.SIGKILL)


def sweep_with_a_kill(make: Callable[[], Any], path: Path) -> list[Row]:
    killer = Killer()

    def make_and_note() -> Any:
        killer.pool = make()
        return killer.pool

    options = {**SMALL, "path": path, "progress": killer}
    rows = sweep(range(6), workers=2, executor=make_and_note, **options)
    assert killer.pid is not None
    return rows


@pytest.mark.slow
@needs_signals
@needs_processes
def test_a_process_pool_whose_worker_is_killed(expected: list[Row], tmp_path: Path) -> None:
    make = partial(ProcessPoolExecutor, 2, get_context("spawn"))
    assert sweep_with_a_kill(make, tmp_path / "rows.jsonl") == expected


@pytest.mark.slow
@needs_signals
def test_loky(expected: list[Row], tmp_path: Path) -> None:
    loky = pytest.importorskip("loky")
    make = partial(loky.get_reusable_executor, 2)
    assert sweep(range(6), executor=make, workers=2, **SMALL) == expected
    path = tmp_path / "rows.jsonl"
    assert sweep_with_a_kill(make, path) == expected
    assert seeds_in(path) == [(size, seed) for size in (3, 4) for seed in range(6)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as client:
        yield client


def test_dask(expected: list[Row], cluster: Any) -> None:
    assert sweep(range(6), executor=cluster, **SMALL) == expected


@needs_signals
def test_dask_whose_worker_is_killed(expected: list[Row], cluster: Any, tmp_path: Path) -> None:
    path, killer = tmp_path / "rows.jsonl", Killer()
    killer.pool = cluster
    rows = sweep(range(6), workers=2, executor=cluster, path=path, progress=killer, **SMALL)
    assert rows == expected and killer.pid is not None
    assert seeds_in(path) == [(size, seed) for size in (3, 4) for seed in range(6)]


def test_dask_on_the_command_line(cluster: Any, tmp_path: Path) -> None:
    grid = ["sweep", "-q", "--seeds", "0-5", "--hidden", "3", "--until", "50", "-o"]
    tables = tmp_path / "threads.csv", tmp_path / "dask.csv"
    address = cluster.scheduler_info()["address"]
    assert main([*grid, str(tables[0])]) == 0
    assert main([*grid, str(tables[1]), "--dask", address]) == 0
    assert tables[0].read_bytes() == tables[1].read_bytes()


@pytest.mark.slow
def test_a_dask_cluster_for_the_moment(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    grid = ["sweep", "-q", "--seeds", "0-2", "--hidden", "3", "--until", "50", "--workers", "1"]
    tables = tmp_path / "here.csv", tmp_path / "dask.csv"
    assert main([*grid, "-o", str(tables[0])]) == 0
    assert main([*grid, "-o", str(tables[1]), "--dask", "local"]) == 0
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_dask_clusters_that_do_nothing(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No scheduler, no workers, and what dask raises when it gives up: one sentence each."""
    import distributed

    def sentence(address: str) -> str:
        capfd.readouterr()
        assert main(["sweep", "-q", "--seeds", "0", "--dask", address]) == 2
        return capfd.readouterr().err

    def give_up(*_: Any, **__: Any) -> None:
        raise CancelledError("its scheduler is gone")

    address = cluster.scheduler_info()["address"]
    monkeypatch.setattr(import_module("binadd.cli.sweep"), "_PATIENCE", 0.3)
    with monkeypatch.context() as patch:
        patch.setattr(sweep_module, "sweep", give_up)
        assert sentence(address) == "binadd: the dask cluster gave up: its scheduler is gone\n"
    found = sentence("tcp://127.0.0.1:1")
    assert found.startswith("binadd: found no dask scheduler at 'tcp://127.0.0.1:1': ")
    assert found.count("\n") == 1
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", dashboard_address=":0", silence_logs=50
    ) as empty:
        found = sentence(empty.scheduler_address)
        assert found.endswith("has no workers\n") and found.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "address", ["", "there", "tcp://there", "ftp://there:1", "8786", "local:1"]
)
def test_what_is_no_address(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--dask", address]) == 2
    assert "is neither local nor an address such as tcp://" in capfd.readouterr().err


# Tables ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def various() -> list[Row]:
    return sweep(
        [0, 2**53 + 1, 2**64 - 1],
        hidden_size=[3, 4],
        coefficients=[(1, 1), (2, -1)],
        clip_norm=[0.2, math.inf],
        learning_rate=[None, 0.5],
        dtype="float32",
        biases=True,
        bits=3,
        until=50,
        verdicts=True,
        workers=1,
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_tables_are_read_as_they_were(various: list[Row], tmp_path: Path, ending: str) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"table{ending}"
    write_table(various, path)
    content = path.read_bytes()
    assert read_table(path) == various
    write_table(various, path)
    assert path.read_bytes() == content
    if ending != ".parquet":
        path.write_bytes(codecs.BOM_UTF8 + content)  # as Excel begins a file
        assert read_table(path) == various
    path.write_bytes(content[:-9])
    if ending != ".csv":  # which ends anywhere
        with pytest.raises(InvalidInputError, match="is not the table of a sweep"):
            read_table(path)


def test_the_file_of_a_sweep_is_a_table_with_seconds(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    forms = [(1, 1), (1, -1)]
    rows = sweep([0, 2**64 - 1], coefficients=forms, path=path, workers=1, **SMALL)
    table = [row for row in read_table(path) if row.pop("seconds") >= 0]
    assert sorted(table, key=rows.index) == rows  # in the file as they were done
    path.write_text(path.read_text().replace("finished", "proved"))
    with pytest.raises(CheckpointError, match="altered"):
        read_table(path)


def test_pandas_takes_rows_as_they_are(various: list[Row], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(various)
    assert list(frame["seed"][:3]) == [0, 2**53 + 1, 2**64 - 1]
    assert set(frame["status"]) == {"finished"}
    pytest.importorskip("pyarrow")
    write_table(various, tmp_path / "table.parquet")
    assert list(pandas.read_parquet(tmp_path / "table.parquet")["seed"]) == list(frame["seed"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"seed,status\n1,proved\n"),
        ("a.csv", b"seed,status,sequences\n1,proved,3,4\n"),
        ("a.csv", b"seed,status,sequences\none,proved,3\n"),
        ("a.csv", b'seed,status,sequences\n"1,proved,3\n'),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.jsonl", b""),
        ("a.jsonl", b"[1]\n"),
        ("a.jsonl", b"[" * 100_000),
        ("a.jsonl", b'{"seed": 1}\n'),
        ("a.parquet", b"PAR1 but not really PAR1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="is not the table of a sweep"):
        read_table(path)


def test_unknown_endings(various: list[Row], tmp_path: Path) -> None:
    for path in (tmp_path / "table.txt", tmp_path / "table"):
        with pytest.raises(InvalidInputError, match=r"must end in \.csv, \.jsonl or \.parquet"):
            write_table(various, path)
    with pytest.raises(InvalidInputError, match="at least one row"):
        write_table([], tmp_path / "table.csv")


@pytest.mark.thorough
def test_parquet_needs_pyarrow(
    various: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="sweep"):
        write_table(various, tmp_path / "table.parquet")


# Examples ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on from the rows that are there, and makes its table and picture from them alone."""
    pytest.importorskip("matplotlib")
    options = ["--recipes", "default", "--hidden", "8,16", "--workers", "1"]
    for seeds in (2, 3, 0):
        arguments = ["--seeds", str(seeds), *options, "--folder", str(tmp_path / "study")]
        monkeypatch.setattr(sys, "argv", ["study.py", *arguments])
        with pytest.raises(SystemExit):
            runpy.run_path(str(EXAMPLES / "study.py"), run_name="__main__")
    table = (tmp_path / "study" / "table.md").read_text("utf-8")
    assert "| `default` | 16 | 3 | 3 |" in table and capsys.readouterr().out.endswith(table)
    assert (tmp_path / "study" / "study.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study goes on with other points than it began with, and prunes."""
    optuna = pytest.importorskip("optuna")
    path = tmp_path / "search.db"
    options = ["--study", str(path), "--seeds", "4", "--few", "2", "--limit", "2000"]
    for trials in (2, 7):
        monkeypatch.setattr(sys, "argv", ["search.py", "--trials", str(trials), *options])
        with pytest.raises(SystemExit):
            runpy.run_path(str(EXAMPLES / "search.py"), run_name="__main__")
    name = "hidden 8, seeds 4, limit 2000"
    trials = optuna.load_study(study_name=name, storage=f"sqlite:///{path}").trials
    assert len(trials) == 9 and trials[0].params["learning_rate"] == 0.1
    rates = [trial.params["learning_rate"] for trial in trials]
    assert len(set(rates)) == 9
    values = {row["status"] for row in binadd.sweep(range(2), hidden_size=8, max_sequences=2000)}
    assert values == {"proved"} and trials[0].value < 2000
    assert "best of 9: trial" in capsys.readouterr().out
