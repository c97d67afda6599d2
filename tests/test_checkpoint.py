"""Checkpoints: an interrupted and resumed run gives the bits of an uninterrupted one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import assert_same_state

import binadd
from binadd import BinaryAdderRNN, CheckpointError, InvalidInputError, Progress, archive
from binadd.training import trainer
from binadd.training.checkpoint import load_checkpoint

Make = Callable[..., BinaryAdderRNN]

SMALL: dict[str, Any] = {"hidden_size": 8, "seed": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.npz"


def interrupt_at(sequences: int) -> Callable[[Progress], None]:
    """Return a progress callback that raises KeyboardInterrupt, as Ctrl-C does."""

    def progress(progress: Progress) -> None:
        if progress.sequences >= sequences:
            raise KeyboardInterrupt

    return progress


def assert_same(run: binadd.TrainingRun, expected: binadd.TrainingRun) -> None:
    """Two runs came to the same state, in every bit."""
    assert_same_state(run.network.state, expected.network.state)
    assert run.status == expected.status
    assert run.network.get_params() == expected.network.get_params()


@pytest.mark.thorough(one_in=3, of="python")
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "adam", "learning_rate": 0.03, "dtype": "float32"},
        {"batch_size": 3, "biases": False, "activation": "tanh"},
    ],
)
def test_resuming_gives_the_same_bits(make: Make, path: Path, params: dict[str, Any]) -> None:
    expected = binadd.train(make(**SMALL, **params), bits=3, until="exact", max_sequences=900)
    net = make(**SMALL, **params)
    with pytest.raises(KeyboardInterrupt):
        binadd.train(
            net,
            bits=3,
            until="exact",
            max_sequences=900,
            checkpoint=path,
            progress=interrupt_at(100),
        )
    assert 100 <= net.state.sequences < expected.sequences
    with pytest.raises(KeyboardInterrupt):
        binadd.resume(path, backend=net.backend, progress=interrupt_at(300))
    assert_same(binadd.resume(path, backend=net.backend), expected)
    assert os.listdir(path.parent) == [path.name]


def test_a_network_resumed_can_be_changed(make: Make, path: Path) -> None:
    binadd.train(make(**SMALL), bits=3, until=20, checkpoint=path)
    net = binadd.resume(path).network
    net.parameters["output_bias"] = 0.5
    assert float(net.parameters["output_bias"]) == 0.5


def test_a_backend_that_is_none_is_not_the_files_fault(make: Make, path: Path) -> None:
    binadd.train(make(**SMALL), bits=3, until=20, checkpoint=path)
    with pytest.raises(InvalidInputError, match="backend must be 'auto', "):
        binadd.resume(path, backend="cuda")


@pytest.mark.slow
def test_resuming_a_proof_gives_the_same_bits(make: Make, path: Path) -> None:
    expected = binadd.train(make(seed=1))
    with pytest.raises(KeyboardInterrupt):
        binadd.train(make(seed=1), checkpoint=path, progress=interrupt_at(200))
    assert_same(binadd.resume(path, backend=expected.network.backend), expected)


@pytest.mark.thorough(one_in=4, of="python")
@pytest.mark.parametrize("calls", range(1, 40, 3))
def test_interrupted_at_any_call(
    make: Make, path: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before or after any of the steps of a slice, and inside of training itself."""
    monkeypatch.setattr(trainer, "SLICE_SECONDS", 1e-9)
    expected = binadd.train(make(2, seed=1), bits=2, until=80)
    left = calls
    with pytest.MonkeyPatch.context() as patch:
        net = make(2, seed=1)

        def interrupting(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
                result = function(*arguments, **options)
                left -= 1
                if left == 0:  # the weights given have been trained, and nobody has taken them
                    raise KeyboardInterrupt
                return result

            return call

        class Kernels:
            def __getattr__(self, name: str) -> Any:
                return interrupting(getattr(kernels, name))

        kernels = net.kernels
        net._now = replace(net._now, kernels=Kernels())
        patch.setattr(trainer.Run, "evaluate", interrupting(trainer.Run.evaluate))
        with pytest.raises(KeyboardInterrupt):
            binadd.train(net, bits=2, until=80, checkpoint=path)
    assert_same(binadd.resume(path, backend=net.backend), expected)


@pytest.mark.slow
def test_a_run_goes_on_with_the_other_backend(native: Any, path: Path) -> None:
    expected = binadd.train(BinaryAdderRNN(**SMALL, backend="python"), bits=3, until="exact")
    net = BinaryAdderRNN(**SMALL, backend="native")
    with pytest.raises(KeyboardInterrupt):
        binadd.train(net, bits=3, until="exact", checkpoint=path, progress=interrupt_at(100))
    run = binadd.resume(path, backend="python")
    run.network.backend = expected.network.backend
    assert_same(run, expected)


@pytest.mark.thorough(of="python")
def test_resuming_after_the_end_changes_nothing(make: Make, path: Path) -> None:
    run = binadd.train(make(**SMALL), bits=3, until="exact", checkpoint=path)
    before = path.read_bytes()
    assert_same(binadd.resume(path, backend=run.network.backend), run)
    assert path.read_bytes() == before


def test_a_limit_can_be_raised(make: Make, path: Path) -> None:
    expected = binadd.train(make(**SMALL), until=60)
    run = binadd.train(make(**SMALL), until=20, checkpoint=path)
    assert_same(binadd.resume(path, until=60, backend=run.network.backend), expected)


def test_when_checkpoints_are_written(make: Make, path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(trainer, "SLICE_SECONDS", 1e-9)
    seen: list[int] = []

    def progress(_: Progress) -> None:
        seen.append(load_checkpoint(path).state.sequences)

    binadd.train(make(**SMALL), until=90, checkpoint=path, checkpoint_every=20, progress=progress)
    assert load_checkpoint(path).state.sequences == 90
    assert sorted(set(seen)) == [0, 64, 84]  # the first slice is of 64 sequences
    seen.clear()
    binadd.train(make(**SMALL), until=70, checkpoint=path, checkpoint_seconds=0, progress=progress)
    assert len(set(seen)) == len(seen)  # after every slice


def test_what_a_checkpoint_does_not_replace(make: Make, path: Path) -> None:
    net = make(**SMALL)
    with pytest.raises(KeyboardInterrupt):
        binadd.train(net, until=10**6, checkpoint=path, progress=interrupt_at(64))
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match=r"did not reach its goal: .*binadd\.resume"):
        binadd.train(net, until=10, checkpoint=path)
    assert path.read_bytes() == before
    for save in (net.save, lambda path: path.write_text("seed,status\n")):
        save(path)
        before = path.read_bytes()
        with pytest.raises(InvalidInputError, match="checkpoint must not replace another file"):
            binadd.train(net, until=10, checkpoint=path)
        assert path.read_bytes() == before
    with pytest.raises(InvalidInputError, match="checkpoint_every needs checkpoint"):
        binadd.train(net, until=10, checkpoint_every=10)


def test_where_nothing_can_be_written_nothing_is_trained(make: Make, tmp_path: Path) -> None:
    net = make(**SMALL)
    with pytest.raises(FileNotFoundError):
        binadd.train(net, until=10, checkpoint=tmp_path / "none" / "run.npz")
    assert net.state.sequences == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("delay", [0.0, 0.25])
def test_ctrl_c_for_real(make: Make, path: Path, backend: str, delay: float) -> None:
    code = (
        "import binadd, sys\n"
        f"net = binadd.BinaryAdderRNN(seed=2, backend={backend!r})\n"
        "said = []\n"
        "say = lambda progress: said or said.append(print('learning', flush=True))\n"
        "try:\n"
        f"    binadd.train(net, until=10**9, checkpoint={str(path)!r}, progress=say)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', net.state.sequences)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "learning\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=600)
    interrupted, count = out.split()
    run = load_checkpoint(path, backend)
    net = run.net
    assert interrupted == "interrupted" and run.goal.until == 10**9
    assert net.state.sequences == int(count) > 0
    again = make(seed=2)
    binadd.train(again, until=min(int(count), 2000))
    if again.state.sequences == int(count):
        assert again == net


# What is no checkpoint ---------------------------------------------------------------------------


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Change a checkpoint, and its digest with it."""
    with np.load(path) as data:
        arrays = dict(data)
    header = json.loads(arrays.pop("header").item())
    del header["sha256"]
    change(header, arrays)
    np.savez(path, header=np.array(archive.seal_header(header, arrays)), **arrays)


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence) as caught:
        binadd.resume(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@given(st.data())
def test_truncated_checkpoints_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "truncated.npz"
    path.unlink(missing_ok=True)
    binadd.train(BinaryAdderRNN(2), until=1, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(path, "truncated|empty|not an npz file")


def test_a_model_is_no_checkpoint(path: Path) -> None:
    BinaryAdderRNN(4).save(path)
    refused(path, "has the format 'binadd model', not 'binadd checkpoint'")


def set_header(part: str, name: str, value: object) -> Callable[[Any, Any], None]:
    def change(header: dict[str, Any], _: dict[str, Any]) -> None:
        (header[part] if part else header)[name] = value

    return change


def set_array(name: str, place: Any, value: float) -> Callable[[Any, Any], None]:
    def change(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name][place] = value

    return change


def drop_array(name: str) -> Callable[[Any, Any], None]:
    def change(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        del arrays[name]

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (set_header("", "format_version", 9), "format version 9, newer"),
        (set_header("", "optimizer", "lion"), "optimizer must be"),
        (set_header("", "goal", None), "goal should have bits, until, max_sequences, restart"),
        (set_header("goal", "until", "perfect"), "until must be"),
        (set_header("goal", "bits", 0), "bits must be at least 1"),
        (set_header("", "format_version", 1), "format version 1, older"),
        (set_header("schedule", "next_check", -1), "next_check must be at least 0"),
        (set_header("", "schedule", None), "schedule should have start, next_check"),
        (set_header("training", "position", -1), "position must be at least 0"),
        (set_header("training", "sequences", None), "sequences must be an integer"),
        (set_header("configuration", "hidden_size", 5), "its arrays should have the shapes"),
        (set_header("configuration", "dtype", "float32"), "should be of dtype float32"),
        (set_array("block", (0, 0), np.nan), "block has NaN"),
        (set_array("moments", (1, 0, 0), np.inf), "moments has NaN or infinity"),
        (set_array("block", (-1, 1), 1.0), "numbers where a block has only zeros"),
        (set_array("moments", (0, -1, 1), 1.0), "numbers where a block has only zeros"),
        (drop_array("powers"), "its arrays should have the shapes"),
    ],
)
def test_what_no_run_can_go_on_from(path: Path, change: Any, sentence: str) -> None:
    binadd.train(BinaryAdderRNN(16), until=5, checkpoint=path)
    forge(path, change)
    refused(path, sentence)
