"""The same bits, or one sentence, in every mode that other libraries leave the processor in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import fpmode
import golden
import golden_reach
import numpy as np
import pytest
from conftest import BACKENDS

import binadd
from binadd import BinaryAdderRNN
from binadd.kernels import load, mode, native_is_installed
from binadd.proof import Certificate

pytestmark = pytest.mark.skipif(not fpmode.CAN_SET, reason="the mode is set through glibc")

EXPECTED = json.loads(golden.FILE.read_text("utf-8"))

by_native = pytest.mark.skipif(not native_is_installed(), reason="native kernels set the mode")


@pytest.fixture(params=fpmode.MODES)
def name(request: pytest.FixtureRequest) -> str:
    """Each mode in turn."""
    return str(request.param)


@pytest.fixture(params=["this thread", "a new thread"])
def within(request: pytest.FixtureRequest, name: str) -> Callable[..., Any]:
    """Call a function in a mode, in this thread or in one that inherits it."""

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        with fpmode.mode(name):
            before = fpmode.word()
            if request.param == "this thread":
                try:
                    return function(*arguments)
                finally:
                    assert fpmode.word() == before != 0
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(fpmode.word).result() == before
                try:
                    return pool.submit(function, *arguments).result()
                finally:
                    assert pool.submit(fpmode.word).result() == before

    return call


def test_every_mode_is_noticed(name: str) -> None:
    assert mode.is_ieee_mode()
    with fpmode.mode(name):
        assert not mode.is_ieee_mode()
    assert mode.is_ieee_mode()


def test_modes_are_those_that_they_are_called(name: str) -> None:
    one, little, least = np.array([1.0, 2.0**-60, sys.float_info.min])
    with fpmode.mode(name):
        up, down = bool(one + little > one), bool(one - little < one)
        flushed = bool(least / 2 == 0)
    assert up == ("upward" in name)
    assert down == (name in ("downward", "toward zero"))
    assert flushed == ("flush" in name or "read" in name)


class Changed:
    """Kernels, each call of which is made in a mode."""

    def __init__(self, kernels: Any, within: Callable[..., Any]) -> None:
        self.kernels, self.within = kernels, within

    def __getattr__(self, name: str) -> Callable[..., Any]:
        kernel = getattr(self.kernels, name)
        return lambda *arguments, **options: self.within(partial(kernel, *arguments, **options))


@pytest.fixture
def changed(kernels: Any, within: Callable[..., Any]) -> Changed:
    """Return the kernels of each backend in each mode."""
    return Changed(kernels, within)


# Kernels -----------------------------------------------------------------------------------------

SUBNORMAL = [case for case in golden.CASES if case.scale < 1]


@pytest.mark.parametrize("case", SUBNORMAL, ids=lambda case: case.name)
def test_golden_cases_pass_through_subnormal_numbers(
    case: golden.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that flushes them to zero is found out by each of these."""
    reference = load("python")
    expected = EXPECTED["results"][case.name]
    monkeypatch.setattr(mode, "is_ieee_mode", lambda: True)  # unguarded
    with fpmode.mode("flush and read"):
        assert vars(golden.run(reference, case)) != expected


@pytest.mark.thorough(one_in=11)  # and so in most modes
@by_native
@pytest.mark.parametrize("case", [*SUBNORMAL, *golden.CASES[6:8]], ids=lambda case: case.name)
def test_kernels_compute_the_same(changed: Changed, case: golden.Case) -> None:
    assert vars(golden.run(changed, case)) == EXPECTED["results"][case.name]


@by_native
def test_activations_are_the_same(changed: Changed) -> None:
    assert golden.activations(changed) == EXPECTED["activations"]


@pytest.mark.thorough(one_in=11)  # and so in most modes
@by_native
@pytest.mark.parametrize("case", golden_reach.CASES[:3], ids=lambda case: case.name)
def test_sets_are_bounded_the_same(changed: Changed, case: golden_reach.Case) -> None:
    assert golden_reach.run(changed, case) == EXPECTED["reach"][case.name]


@pytest.mark.thorough(one_in=5)
@by_native
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_subnormal_logit_is_a_one(changed: Changed, dtype: str) -> None:
    least = float(np.finfo(dtype).smallest_subnormal)
    net = BinaryAdderRNN(1, seed=0, dtype=dtype)
    net.parameters["output_weights"] = [0.0]
    symbols = np.zeros((1, 3), np.uint8)
    for bias, bit in ((least, 1), (-least, 0), (0.0, 0), (-0.0, 0)):
        net.parameters["output_bias"] = bias
        architecture, block = net.settings.architecture, net.state.block
        assert changed.bits(architecture, block, symbols).tolist() == [[bit] * 3]


@pytest.mark.thorough(one_in=5)
@by_native
def test_streams_and_long_sums_see_subnormal_logits(
    within: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = BinaryAdderRNN(1, seed=0)
    net.parameters["output_weights"] = [0.0]
    net.parameters["output_bias"] = 1e-310
    monkeypatch.setattr("binadd.model._SLICE", 4)
    stream = net.stream()
    assert within(partial(stream.feed, np.zeros((3, 2)))).tolist() == [1, 1, 1]
    assert within(partial(stream.step, [0, 0])) == 1
    assert within(partial(net.add, 1 << 5, 0)) == 2**7 - 1


@by_native
def test_a_stream_takes_over_rounded_states(within: Callable[..., Any]) -> None:
    stream = BinaryAdderRNN(1, dtype="float32").stream()
    within(lambda: setattr(stream, "state", [0.1]))
    assert stream.state[0] == np.float32(0.1)


def test_only_modes_are_set(native: Any) -> None:
    for odd in (b"", b"1", native.set_mode(None) + b"0"):
        with pytest.raises(ValueError, match="mode"):
            native.set_mode(odd)


def test_the_bits_of_logits_that_are_no_numbers(kernels: Any) -> None:
    net = BinaryAdderRNN(1, seed=0)
    symbols = np.zeros((1, 1), np.uint8)
    for bias, bit in ((np.inf, 1), (-np.inf, 0), (np.nan, 0), (-np.nan, 0)):
        block = net.state.block.copy()
        block[-1, 0] = bias
        assert kernels.bits(net.settings.architecture, block, symbols).tolist() == [[bit]]


# All that stands on them -------------------------------------------------------------------------


def everything(folder: Path, backend: str) -> list[Any]:
    """Return what binadd is for, as bytes and numbers."""
    folder.mkdir()
    net = BinaryAdderRNN(8, seed=2, backend=backend)
    run = binadd.train(net, checkpoint=folder / "run.npz")
    net.save(folder / "net.npz")
    verdict = binadd.prove(net)
    verdict.certificate.save(folder / "certificate.json")
    certificate = Certificate.load(folder / "certificate.json")
    checked = binadd.check(certificate, binadd.load(folder / "net.npz", backend=backend))
    other = binadd.prove(BinaryAdderRNN(seed=1, backend=backend))
    binadd.sweep(range(2), hidden_size=4, bits=4, until=300, path=folder / "rows", workers=2)
    single = BinaryAdderRNN.from_parameters(
        {
            name: array * float.fromhex("0x1.199999999999ap0")
            for name, array in net.parameters.items()
        },
        dtype="float32",
        backend=backend,
    )
    return [
        (run.status, run.sequences, net.state.block.tobytes(), net.state.moments.tobytes()),
        (verdict.margin, verdict.automaton, checked),
        (other.status, other.wrong_bit, other.operands),
        single.state.block.tobytes(),
        binadd.resume(folder / "run.npz", backend=backend).network == net,
        {
            path.name: rows(path)
            if path.name == "rows"
            else dict(np.load(path))
            if path.suffix == ".npz"
            else path.read_bytes()
            for path in folder.iterdir()
        },
    ]


def rows(path: Path) -> list[str]:
    """Return the lines of a sweep's file without the time that each took."""
    return sorted(
        line.partition(', "seconds"')[0] for line in path.read_text("utf-8").splitlines()
    )


def as_text(result: list[Any]) -> str:
    return repr(result)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what everything comes to in IEEE 754's mode."""
    return as_text(everything(tmp_path_factory.mktemp("clean") / "folder", "auto"))


@by_native
@pytest.mark.thorough(of="python")  # which take seconds
@pytest.mark.thorough(one_in=5)
@pytest.mark.parametrize("name", ["upward", "toward zero", "flush and read"], indirect=True)
def test_everything_is_as_in_a_clean_thread(
    within: Callable[..., Any], backend: str, tmp_path: Path, clean: str
) -> None:
    assert as_text(within(everything, tmp_path / "changed", backend)) == clean


START = """
import sys
sys.path.insert(0, {tests!r})
import fpmode
with fpmode.mode({name!r}):
    import pathlib, test_mode
    print(test_mode.as_text(test_mode.everything(pathlib.Path({folder!r}), "auto")))
"""


@by_native
@pytest.mark.skipif("native" not in BACKENDS, reason="native kernels set the mode")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["upward", "flush and read"], indirect=True)
def test_a_process_that_began_in_another_mode(name: str, tmp_path: Path, clean: str) -> None:
    """As after `import codac`, which leaves rounding upward, or with a library that flushes."""
    cache = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    for run in ("compiling", "with what was compiled"):
        code = START.format(
            tests=str(Path(__file__).parent), name=name, folder=str(tmp_path / run)
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=cache
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout == clean + "\n"


@pytest.mark.parametrize("name", ["upward", "toward zero"])
def test_a_first_use_leaves_the_mode_as_it_was(name: str) -> None:
    """Names are imported when they are first used, with numbers rounded to nearest."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import fpmode, binadd\n"
        f"with fpmode.mode({name!r}):\n"
        "    before = fpmode.word()\n"
        "    binadd.train\n"
        "    assert fpmode.word() == before, (fpmode.word(), before)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_native_kernels_one_sentence_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    net = BinaryAdderRNN(2, seed=0, backend="python")
    net.save(tmp_path / "net.npz")
    verdict = binadd.prove(net)
    assert verdict.status == "refuted"
    monkeypatch.setattr("binadd.kernels.native_is_installed", lambda: False)
    symbols = np.zeros((1, 1), np.uint8)
    learner = net.settings.architecture, net.state.block
    uses: list[Callable[[], object]] = [
        lambda: binadd.train(net, until=10),
        lambda: binadd.prove(net),
        lambda: net.save(tmp_path / "other.npz"),
        lambda: binadd.load(tmp_path / "net.npz"),
        lambda: binadd.sweep(range(1), until=10),
        lambda: BinaryAdderRNN.from_parameters(net.parameters),
        lambda: Certificate.from_json("{}"),
        lambda: net.predict([[[0, 1]]]),
        lambda: net.fit([[[0, 1]]], [[1]]),
        lambda: net.kernels.first_error(*learner, 1),
        lambda: net.kernels.bits(*learner, symbols),
        lambda: net.kernels.activation(np.zeros(1), "tanh"),
    ]
    for use in uses:
        with (
            fpmode.mode(name),
            pytest.raises(binadd.errors.BackendError, match="does not compute as IEEE 754 has it"),
        ):
            use()
    assert not (tmp_path / "other.npz").exists()
