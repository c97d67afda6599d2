"""Sweeps: the same table whatever the workers and the interruptions."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import binadd
from binadd import BackendError, BinaryAdderRNN, CheckpointError, InvalidInputError
from binadd.proof.certificate import weights_digest
from binadd.training import sweep as sweep_module
from binadd.training.sweep import RESULTS, sweep
from binadd.training.table import Table

SMALL: dict[str, Any] = {"hidden_size": [3, 4], "bits": 3, "until": 100, "backend": "python"}


@pytest.fixture(scope="module")
def expected() -> Table:
    return sweep(range(4), workers=1, **SMALL)


@pytest.fixture
def without_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)


# The table ---------------------------------------------------------------------------------------


def test_rows_are_the_grid_in_order(expected: Table) -> None:
    assert expected.columns == ("hidden_size", "backend", "seed", *RESULTS)
    assert expected["hidden_size"] == [3] * 4 + [4] * 4
    assert expected["seed"] == [*range(4)] * 2
    assert set(expected["status"]) == {"finished"} and set(expected["sequences"]) == {100}


def test_rows_are_of_networks_that_train_gives(expected: Table) -> None:
    for row in expected:
        net = BinaryAdderRNN(row["hidden_size"], seed=row["seed"])
        binadd.train(net, bits=3, until=100)
        assert row["weights"] == weights_digest(net)[:16]


def test_until_proved_tells_margins() -> None:
    (row,) = sweep(1, hidden_size=16, workers=1, max_sequences=5000)
    net = BinaryAdderRNN(seed=1)
    run = binadd.train(net, max_sequences=5000)
    assert row["status"] == row["verdict"] == "proved"
    assert (row["sequences"], row["margin"]) == (run.sequences, run.verdict.margin)


def test_verdicts_of_networks_that_were_not_proved() -> None:
    table = sweep([0], hidden_size=4, bits=3, until=50, verdicts=True, workers=1)
    assert table["verdict"] == ["refuted"] and table["wrong_bit"][0] >= 0


def test_batches_are_trained_one_network_at_a_time() -> None:
    table = sweep([0], batch_size=[1, 8], hidden_size=3, bits=3, until=64, workers=1)
    net = BinaryAdderRNN(3, batch_size=8)
    binadd.train(net, bits=3, until=64)
    assert table["weights"][1] == weights_digest(net)[:16]


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
    assert table["status"] == ["finished", "diverged"]
    assert table["weights"][1] is None


@pytest.mark.parametrize("values", [[3, 3], (3,), np.array([3, 3]), 3, np.int64(3)], ids=str)
def test_values_to_try(values: Any) -> None:
    assert sweep(0, hidden_size=values, bits=2, until=1, workers=1)["hidden_size"] == [3]


# Workers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3])
def test_threads(expected: Table, workers: int, without_joblib: None) -> None:
    assert sweep(range(4), workers=workers, **SMALL) == expected


def test_joblib(expected: Table) -> None:
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config("threading"):
        assert sweep(range(4), workers=2, **SMALL) == expected


@pytest.mark.slow
def test_joblib_in_processes(expected: Table) -> None:
    pytest.importorskip("joblib")
    assert sweep(range(4), workers=2, **SMALL) == expected


def test_an_error_in_a_worker_is_raised(
    without_joblib: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        raise MemoryError("no more")

    monkeypatch.setattr(sweep_module, "train_population", broken)
    with pytest.raises(MemoryError, match="no more"):
        sweep(range(4), workers=2, **SMALL)


def test_progress(expected: Table) -> None:
    calls: list[tuple[int, int]] = []
    sweep(range(4), workers=1, progress=lambda *counts: calls.append(counts), **SMALL)
    assert calls == [(done, 8) for done in range(9)]


# The file ----------------------------------------------------------------------------------------


def test_an_interrupted_sweep_goes_on(expected: Table, tmp_path: Path) -> None:
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


def test_a_torn_last_line_is_written_anew(expected: Table, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep(range(4), workers=1, path=path, **SMALL)
    whole = path.read_bytes()
    for cut in (1, 30, len(whole) - 200, len(whole) - 20, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert sweep(range(4), workers=1, path=path, **SMALL) == expected
        assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_sweep_can_be_widened(expected: Table, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep(range(2), workers=1, path=path, clip_norm=math.inf, **SMALL)
    table = sweep(range(3), workers=1, path=path, clip_norm=[math.inf, 0.2], **SMALL)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 1 + 12 and len(table) == 12
    assert table["clip_norm"][0] == math.inf and rows[1]["clip_norm"] == "inf"
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


@pytest.mark.parametrize("parameters", [{"hidden_size": -1}, {"units": 3}, {"dtype": [1]}])
def test_a_row_of_no_network(tmp_path: Path, parameters: dict[str, Any]) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep([0], workers=1, path=path, **SMALL)
    row = json.loads(path.read_bytes().splitlines()[1])
    with open(path, "ab") as file:
        file.write(json.dumps(row | parameters).encode() + b"\n")
    content = path.read_bytes()
    with pytest.raises(CheckpointError, match="has a row of no network: "):
        sweep([0, 1], workers=1, path=path, **SMALL)
    assert path.read_bytes() == content


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
        ({"workers": 0}, "workers must be at least 1"),
        ({"until": "exact", "bits": 20}, "can be checked up to 12 bits"),
    ],
    ids=str,
)
def test_bad_input(arguments: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    with pytest.raises(InvalidInputError, match=sentence):
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
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    binadd.sweep(range(9), until=1, workers=1, path=sys.argv[1])
except OSError as error:
    print(error.filename)
"""
    path = str(tmp_path / "rows.jsonl")
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == (f"{path}\n", "")
    assert len(sweep(range(9), until=1, workers=1, path=path)) == 9


# Tables ------------------------------------------------------------------------------------------


def table() -> Table:
    rows = [
        {"seed": 0, "status": "proved", "margin": 0.5, "wrong_bit": None},
        {"seed": 1, "status": "limit", "margin": None, "wrong_bit": 7},
    ]
    return Table(["seed", "status", "margin", "wrong_bit"], rows)


def test_csv(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "table.csv")
    with open(tmp_path / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {"seed": "1", "status": "limit", "margin": "", "wrong_bit": "7"}


def test_numpy() -> None:
    array = table().to_numpy()
    assert array.dtype.names == ("seed", "status", "margin", "wrong_bit")
    assert array["seed"].dtype == np.int64 and array["status"].tolist() == ["proved", "limit"]
    assert np.isnan(array["margin"][1]) and array["wrong_bit"][1] == 7
    seeds = [0, 2**64 - 1]
    large = Table(["seed"], [{"seed": seed} for seed in seeds]).to_numpy()
    assert large["seed"].tolist() == seeds  # and no floats


def test_pandas() -> None:
    pytest.importorskip("pandas")
    frame = table().to_pandas()
    assert list(frame.columns) == list(table().columns) and len(frame) == 2


def test_text() -> None:
    assert str(table()).splitlines() == [
        "seed  status  margin  wrong_bit",
        "   0  proved     0.5",
        "   1  limit                   7",
    ]
    many = Table(["seed"], [{"seed": seed} for seed in range(100)])
    assert len(str(many).splitlines()) == 1 + 20 + 1
    assert repr(many) == "<Table of 100 rows: seed>"


def test_rows_and_columns() -> None:
    assert table()[1]["seed"] == 1 and table()["seed"] == [0, 1] and len(table()[:1]) == 1
    assert table() == table() and table() != Table(["seed"], [])
