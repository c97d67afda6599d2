"""Sweeps: the same table whatever the workers and the interruptions."""

from __future__ import annotations

import codecs
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Timer
from typing import Any, ClassVar

import numpy as np
import pytest

import binadd
from binadd import (
    BackendError,
    BinaryAdderRNN,
    CheckpointError,
    InvalidInputError,
    InvalidTypeError,
    WorkerError,
)
from binadd.proof.certificate import weights_digest
from binadd.seal import seal
from binadd.training import processes as processes_module
from binadd.training import sweep as sweep_module
from binadd.training.processes import ProcessThreads, are_useful
from binadd.training.rows import Row, RowFile, is_row_file, read_rows
from binadd.training.sweep import RESULTS, sweep

SMALL: dict[str, Any] = {"hidden_size": [3, 4], "bits": 3, "until": 100, "backend": "python"}


@pytest.fixture(scope="module")
def expected() -> list[Row]:
    return sweep(range(4), workers=1, **SMALL)


def column(rows: list[Row], name: str) -> list[Any]:
    return [row[name] for row in rows]


# The table ---------------------------------------------------------------------------------------


def test_rows_are_the_grid_in_order(expected: list[Row]) -> None:
    assert tuple(expected[0]) == ("hidden_size", "backend", "seed", *RESULTS)
    assert column(expected, "hidden_size") == [3] * 4 + [4] * 4
    assert column(expected, "seed") == [*range(4)] * 2
    assert set(column(expected, "status")) == {"finished"} and set(
        column(expected, "sequences")
    ) == {100}


def test_rows_are_of_networks_that_train_gives(expected: list[Row]) -> None:
    for row in expected:
        net = BinaryAdderRNN(row["hidden_size"], seed=row["seed"])
        binadd.train(net, bits=3, until=100)
        assert row["weights"] == weights_digest(net)[:16]


def test_until_proved_tells_margins() -> None:
    (row,) = sweep([1], hidden_size=16, workers=1, max_sequences=5000)
    net = BinaryAdderRNN(seed=1)
    run = binadd.train(net, max_sequences=5000)
    assert row["status"] == row["verdict"] == "proved"
    assert (row["sequences"], row["margin"]) == (run.sequences, run.verdict.margin)


def test_verdicts_of_networks_that_were_not_proved() -> None:
    table = sweep([0], hidden_size=4, bits=3, until=50, verdicts=True, workers=1)
    assert column(table, "verdict") == ["refuted"] and column(table, "wrong_bit")[0] >= 0


def test_batches_are_trained_one_network_at_a_time() -> None:
    table = sweep([0], batch_size=[1, 8], hidden_size=3, bits=3, until=64, workers=1)
    net = BinaryAdderRNN(3, batch_size=8)
    binadd.train(net, bits=3, until=64)
    assert column(table, "weights")[1] == weights_digest(net)[:16]


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_network_that_diverges_is_a_row(batch_size: int) -> None:
    table = sweep(
        [0],
        learning_rate=[0.1, 1.7e308],
        momentum=0.99,
        clip_norm=math.inf,
        batch_size=batch_size,
        until=1000,
        workers=1,
    )
    assert column(table, "status") == ["finished", "diverged"]
    assert column(table, "weights")[1] is None


@pytest.mark.parametrize("values", [[3, 3], (3,), np.array([3, 3]), 3, np.int64(3)], ids=str)
def test_values_to_try(values: Any) -> None:
    (row,) = sweep([0], hidden_size=values, bits=2, until=1, workers=1)
    assert row["hidden_size"] == 3


# Workers -----------------------------------------------------------------------------------------


@pytest.fixture(params=["threads", "processes"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Workers are started at once, and are these."""
    if request.param == "processes" and not are_useful():
        pytest.skip("there are no processes, or threads are as quick")
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 0)
    monkeypatch.setattr(sweep_module, "are_useful", lambda: request.param == "processes")
    return str(request.param)


@pytest.mark.thorough(one_in=2)
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_of_this_machine(expected: list[Row], engine: str, workers: int) -> None:
    assert sweep(range(4), workers=workers, **SMALL) == expected


def test_workers_that_would_not_pay_are_not_started(
    expected: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "_in_executor", None)
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 10)
    assert sweep(range(4), workers=2, **SMALL) == expected
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 0)
    assert sweep(range(4), workers=1, **SMALL) == expected


@pytest.mark.slow
def test_processes(expected: list[Row]) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        assert sweep(range(4), workers=2, executor=executor, **SMALL) == expected


def test_an_error_in_a_worker_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        raise MemoryError("no more")

    monkeypatch.setattr(sweep_module, "are_useful", lambda: False)
    monkeypatch.setattr(sweep_module, "finish", broken)
    with pytest.raises(MemoryError, match="no more"):
        sweep(range(4), workers=2, **SMALL)


def test_an_interrupt_ends_workers_and_keeps_rows(tmp_path: Path, engine: str) -> None:
    path, options = tmp_path / "rows.jsonl", {**SMALL, "until": 10**9}

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    quick = sweep(range(4), workers=2, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        sweep(range(4), workers=2, path=path, progress=interrupt, **SMALL)
    assert len(path.read_text().splitlines()) > 1
    assert sweep(range(4), workers=2, path=path, **SMALL) == quick
    flag = Event()
    timer = Timer(0.2, flag.set)
    timer.start()
    entries = sweep_module._grid(range(4), {"hidden_size": 3})
    chunk = [entry.parameters for entry in entries]
    task = sweep_module._task(entries, 3, options["until"], 10**9, False)
    assert (
        sweep_module._train_chunk(binadd.__version__, task, chunk, flag) == []
    )  # and comes back at all


@pytest.mark.parametrize("started", [0, 1, 3])
def test_an_interrupt_while_workers_start(
    monkeypatch: pytest.MonkeyPatch, engine: str, started: int
) -> None:
    """Those that have started end, too, and nobody waits for what they were to do."""
    submit, left = ThreadPoolExecutor.submit, [None] * started

    def interrupted(*arguments: Any) -> Any:
        future = submit(*arguments)
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(range(8), workers=2, hidden_size=3, until=10**9)


needs_signals = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def begin(code: str) -> subprocess.Popen[str]:
    """Run a program in a group of processes of its own, which Ctrl-C would reach all of."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@needs_signals
@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize("after", [0.03, 0.2, 0.35, 0.5, 0.7, 1.5])
def test_three_interrupts_give_no_traceback(after: float) -> None:
    """They come while it trains alone, while workers start, and while these train."""
    code = """
import binadd, signal
def say(done, total):
    print("begun", flush=True)
try:
    binadd.sweep(range(40), until=10**9, workers=2, progress=say)
except KeyboardInterrupt:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # else one while Python ends gives a traceback
    print("interrupted", flush=True)
"""
    with begin(code) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        time.sleep(after)
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.03)
        out, err = process.communicate(timeout=600)
    assert (out, err) in [("interrupted\n", "")]


class Processes(ProcessThreads):
    """Those that are started, for tests to kill."""

    started: ClassVar[list[subprocess.Popen[bytes]]]

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._processes = self.started


@pytest.mark.thorough
@needs_signals
def test_a_process_that_is_killed(
    expected: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 0)
    monkeypatch.setattr(sweep_module, "ProcessThreads", Processes)
    monkeypatch.setattr(sweep_module, "are_useful", lambda: True)
    Processes.started = []
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done and len(killed) < 2:
            killed.append(Processes.started[-1].pid)
            Processes.started[-1].kill()

    path = tmp_path / "rows.jsonl"
    assert sweep(range(4), workers=2, path=path, progress=kill, **SMALL) == expected
    assert killed
    assert len(path.read_text().splitlines()) == 9
    assert all(process.returncode is not None for process in Processes.started)


@pytest.mark.parametrize("executable", ["/nowhere/python", sys.executable + "w"])
def test_processes_that_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 0)
    monkeypatch.setattr(sweep_module, "are_useful", lambda: True)
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(WorkerError, match=r"in a row broke .* cannot start"):
        sweep(range(4), workers=2, **SMALL)


@needs_signals
def test_processes_that_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "ALONE_SECONDS", 0)
    monkeypatch.setattr(sweep_module, "are_useful", lambda: True)
    monkeypatch.setattr(processes_module, "_START", "raise SystemExit(7)")
    with pytest.raises(WorkerError, match=r"in a row broke .* ended with status 7"):
        sweep(range(4), workers=2, **SMALL)


def raising(number: int) -> Iterator[int]:
    print("this is no answer")
    yield number
    raise OSError("an error of the function")


def test_errors_of_functions_come_back() -> None:
    with ProcessThreads(1) as pool:
        for _ in range(2):
            stream = pool.stream(raising, 3)
            assert pool.submit(next, stream).result() == 3
            with pytest.raises(OSError, match="an error of the function"):
                pool.submit(list, stream).result()
        assert len(pool._processes) == 1


@needs_signals
def test_a_script_without_a_guard_runs_once_and_leaves_no_process() -> None:
    """Also where it is killed; `multiprocessing` would run it in each of its processes, too."""
    code = f"""
print("once", flush=True)
from binadd.training import sweep
sweep.ALONE_SECONDS = 0
sweep.are_useful = lambda: True
sweep.sweep(range(4), workers=2, **{SMALL})
print("done", flush=True)
sweep.sweep(range(4), workers=2, progress=print, **{ {**SMALL, "until": 10**9} })
"""
    with begin(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "once\n"
        assert process.stdout.readline() == "done\n"
        time.sleep(1)
        process.kill()
        _, err = process.communicate(timeout=600)  # until nobody can write to it any more
    assert err == ""


def test_progress(expected: list[Row]) -> None:
    calls: list[tuple[int, int]] = []
    sweep(range(4), workers=1, progress=lambda *counts: calls.append(counts), **SMALL)
    assert calls == [(done, 8) for done in range(9)]


# The file ----------------------------------------------------------------------------------------


def test_an_interrupted_sweep_goes_on(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(range(4), workers=1, path=path, progress=interrupt, **SMALL)
    assert len(path.read_text().splitlines()) == 1 + 3
    calls: list[int] = []
    again = sweep(
        range(4), workers=1, path=path, progress=lambda done, total: calls.append(done), **SMALL
    )
    assert again == expected and calls[0] == 3
    assert len(path.read_text().splitlines()) == 1 + 8


def test_a_torn_last_line_is_written_anew(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep(range(4), workers=1, path=path, **SMALL)
    whole = path.read_bytes()
    for cut in (1, 30, len(whole) - 200, len(whole) - 20, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert sweep(range(4), workers=1, path=path, **SMALL) == expected
        assert path.read_bytes().startswith(whole[: whole.rfind(b"\n", 0, cut) + 1])
        rows = [row for row in read_rows(path, RESULTS) if row.pop("seconds") >= 0]
        assert sorted(rows, key=expected.index) == expected


def test_ends_of_lines_as_windows_has_them(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep(range(2), workers=1, path=path, **SMALL)
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    for _ in range(2):
        assert is_row_file(path)
        assert sweep(range(4), workers=1, path=path, **SMALL) == expected
        assert len(path.read_bytes().splitlines()) == 1 + 8
    content = path.read_bytes()
    for other in (content.replace(b"\r\n", b"\r\r\n"), content.replace(b"\r\n", b" \r\n")):
        path.write_bytes(other)
        with pytest.raises(CheckpointError, match="altered: line 1 does not agree"):
            sweep(range(4), workers=1, path=path, **SMALL)


def test_a_sweep_can_be_widened(expected: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep(range(2), workers=1, path=path, clip_norm=math.inf, **SMALL)
    table = sweep(range(3), workers=1, path=path, clip_norm=[math.inf, 0.2], **SMALL)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 1 + 12 and len(table) == 12
    assert column(table, "clip_norm")[0] == math.inf and rows[1]["clip_norm"] == "inf"
    assert [row["weights"] for row in table if row["clip_norm"] == 0.2 and row["seed"] < 3] == [
        row["weights"] for row in expected if row["seed"] < 3
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"seed,status\n0,proved\n", "line 1 is not a row of a sweep"),
        (b"hello", "is not the file of a sweep"),
        (b'{"format": "other"}\n', "is not the file of a sweep"),
        (b"[1]\n", "line 1 is not a row of a sweep"),
        (b"\xff\xfe\n", "line 1 is not a row of a sweep"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "sweep.jsonl"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=sentence):
        sweep([0], workers=1, path=path, **SMALL)
    assert path.read_bytes() == content


def forge(path: Path, changes: dict[str, Any]) -> None:
    """Add a copy of the first row with other values, and with the digest that it should have."""
    header, first, *_ = path.read_text().splitlines()
    row = json.loads(first) | changes
    del row["sha256"]
    with open(path, "a") as file:
        file.write(seal(row, [header.encode()]) + "\n")


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_size": -1},
        {"units": 3},
        {"\ud800": "\ud800"},
        {"dtype": [1]},
        {"learning_rate": 10**400},
        {"recipe": {"a": [[]]}},
    ],
    ids=ascii,
)
def test_a_row_of_no_network(tmp_path: Path, parameters: dict[str, Any]) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep([0], workers=1, path=path, **SMALL)
    forge(path, parameters)
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match="has a row of no network: "):
        sweep([0, 1], workers=1, path=path, **SMALL)
    assert path.read_bytes() == content


@pytest.mark.parametrize("value", [10**400, "3", [3], {}, True, -1, 0.5], ids=lambda v: str(v)[:9])
def test_a_row_of_no_result(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep([0], workers=1, path=path, **SMALL)
    forge(path, {"sequences": value})
    with pytest.raises(CheckpointError, match=r"line \d+ is not a row of a sweep"):
        sweep([0], workers=1, path=path, **SMALL)


def test_a_row_nested_deeply(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep([0], workers=1, path=path, **SMALL)
    with open(path, "a") as file:
        file.write('{"seed": ' + "[" * 10**5 + "]" * 10**5 + "}\n")
    with pytest.raises(CheckpointError, match=r"line \d+ is not a row of a sweep"):
        sweep([0], workers=1, path=path, **SMALL)


def test_rows_changed_by_hand_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    (row,) = sweep([0], hidden_size=2, until="proved", max_sequences=64, workers=1, path=path)
    assert row["status"] == "limit"
    path.write_text(path.read_text().replace("limit", "proved"))
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match="altered: line 2 does not agree with its SHA-256"):
        sweep([0], hidden_size=2, until="proved", max_sequences=64, workers=1, path=path)
    assert path.read_bytes() == content


def test_a_row_belongs_to_one_goal(tmp_path: Path) -> None:
    path, other = tmp_path / "sweep.jsonl", tmp_path / "other.jsonl"
    sweep([0], hidden_size=2, bits=2, until=2, workers=1, path=path)
    sweep([1], hidden_size=2, bits=2, until=3, workers=1, path=other)
    with open(path, "a") as file:
        file.write(other.read_text().splitlines()[1] + "\n")
    with pytest.raises(CheckpointError, match="line 3 does not agree"):
        sweep([0], hidden_size=2, bits=2, until=2, workers=1, path=path)


@pytest.mark.parametrize("flip", [1, 2, 0x20, 0x80])
def test_every_damaged_byte_is_noticed(tmp_path: Path, flip: int) -> None:
    """Or nothing but the last line is lost."""
    path, header = tmp_path / "sweep.jsonl", {"until": 3}

    def read() -> list[tuple[Row, Row]]:
        with RowFile(path, header, {"status": ("limit", "proved"), "sequences": int}) as file:
            return list(file.rows())

    with RowFile(path, header, {}) as file:
        for seed in range(2):
            file.write({"seed": seed}, {"status": "limit", "sequences": 64})
    whole, rows = path.read_bytes(), read()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        with suppress(CheckpointError):
            assert read() == rows[:1] and place == len(whole) - 1


# Two at once -------------------------------------------------------------------------------------

needs_locks = pytest.mark.skipif(
    sys.platform in ("emscripten", "wasi"), reason="there are neither processes nor locks"
)


@needs_locks
@pytest.mark.thorough(one_in=2)
@pytest.mark.parametrize("killed", [True, False])
def test_a_second_writer_is_refused(expected: list[Row], tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "sweep.jsonl"
    code = f"""
import sys, binadd
def wait(done, total):
    if done == 3:
        print("begun", flush=True)
        sys.stdin.read()
binadd.sweep(range(4), workers=1, path=sys.argv[1], progress=wait, **{SMALL})
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline().strip() == b"begun"
        for _ in range(2):
            with pytest.raises(CheckpointError, match="is being written to by another sweep"):
                sweep(range(4), workers=1, path=path, **SMALL)
        if killed:
            process.kill()
        process.stdin.close()
        process.wait(60)
    assert len(path.read_bytes().splitlines()) == (1 + 3 if killed else 1 + 8)
    assert sweep(range(4), workers=1, path=path, **SMALL) == expected


@needs_locks
def test_two_processes_lose_no_row(tmp_path: Path) -> None:
    """Each row is a sweep of its own, so that the two often begin and end at the same moment."""
    code = """
import sys, binadd
for seed in range(int(sys.argv[2]), 60, 2):
    while True:
        try:
            binadd.sweep([seed], hidden_size=2, bits=2, until=1, workers=1, path=sys.argv[1])
            break
        except binadd.CheckpointError as error:
            assert "is being written to by another sweep" in str(error), error
"""
    path = tmp_path / "sweep.jsonl"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path, str(first)]) for first in range(2)
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    header, *rows = path.read_text().splitlines()
    assert sorted(json.loads(row)["seed"] for row in rows) == list(range(60))
    table = sweep(range(60), hidden_size=2, bits=2, until=1, workers=1, path=path)
    assert len(table) == 60 and path.read_text().splitlines() == [header, *rows]


def test_the_file_of_another_sweep(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep([0], hidden_size=2, bits=2, until=2, workers=1, path=path)
    with pytest.raises(CheckpointError, match="of a sweep with until 2, not 3"):
        sweep([0], hidden_size=2, bits=2, until=3, workers=1, path=path)


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"hidden": 8}, "'hidden' is not a parameter of a network; allowed: hidden_size"),
        ({"hidden_size": [8, 0]}, "hidden_size must be at least 1"),
        ({"hidden_size": []}, "there is no hidden_size to try"),
        ({"seeds": []}, "there is no seed to try"),
        ({"seed": 7}, "seeds are given as seeds, not as seed"),
        ({"backend": ["python", "auto"]}, "a sweep has one backend"),
        ({"seeds": [-1]}, "seed must be at least 0"),
        ({"seeds": 3}, r"range\(3\) for 3 seeds, \[3\] for this one"),
        ({"executor": 3}, "executor must have a method submit"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"until": "exact", "bits": 20}, "can be checked up to 12 bits"),
    ],
    ids=str,
)
def test_bad_input(arguments: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    with pytest.raises((InvalidInputError, InvalidTypeError), match=sentence):
        sweep(**{"workers": 1, "path": path} | arguments)
    assert not path.exists()


def test_a_backend_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="backend must be"):
        sweep([0], backend="other", workers=1)
    monkeypatch.setenv("BINADD_BACKEND", "other")
    with pytest.raises(BackendError, match="BINADD_BACKEND must be"):
        sweep([0], workers=1)


@pytest.mark.skipif(sys.platform in ("win32", "emscripten", "wasi"), reason="needs POSIX limits")
def test_rows_that_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a file, and cannot keep rows"):
        sweep([0], until=1, workers=1, path=os.devnull)
    code = """
import resource, sys, binadd
kind, before = resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(kind, (600, before[1]))
try:
    binadd.sweep(range(9), until=1, workers=1, path=sys.argv[1])
except OSError as error:
    print(error.filename)
resource.setrlimit(kind, before)  # a count of coverage is written at the exit
"""
    path = str(tmp_path / "rows.jsonl")
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == (f"{path}\n", "")
    assert len(sweep(range(9), until=1, workers=1, path=path)) == 9
