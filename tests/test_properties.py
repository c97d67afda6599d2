"""Properties of every network, number and cut, on cases that hypothesis looks for."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from typing import Any

import numpy as np
import pytest
from conftest import BACKENDS
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import learner, sequences, trained
from proved import trained as proved_network

import binadd
from binadd import BinaryAdderRNN
from binadd.kernels import load
from binadd.kernels.contract import Architecture

ARCHITECTURES = st.builds(
    Architecture,
    st.integers(1, 20),
    st.integers(1, 4),
    st.sampled_from(["sigmoid", "tanh"]),
    st.booleans(),
    st.sampled_from(["float64", "float32"]),
)


def network(architecture: Architecture, seed: int, backend: str = "auto") -> BinaryAdderRNN:
    a = architecture
    return BinaryAdderRNN(
        a.hidden_size,
        operands=a.operands,
        activation=a.activation,
        biases=a.biases,
        dtype=a.dtype,
        seed=seed,
        backend=backend,
    )


def block_of(architecture: Architecture, seed: int) -> Any:
    return network(architecture, seed).state.block


@pytest.mark.parametrize("backend", BACKENDS)
@given(ARCHITECTURES, st.integers(0, 99), st.integers(1, 40), st.integers(1, 9))
def test_a_sequence_does_not_know_its_batch(
    backend: str, architecture: Architecture, seed: int, count: int, steps: int
) -> None:
    kernels, block = load(backend), block_of(architecture, seed)
    symbols, _ = sequences(count, steps, architecture.operands, seed)
    together = kernels.forward(architecture, block, symbols, hidden=True)
    for i in {0, count // 2, count - 1}:
        alone = kernels.forward(architecture, block, symbols[i : i + 1].copy(), hidden=True)
        for one, all_ in zip(alone, together, strict=True):
            assert np.array_equal(one[0], all_[i])


@pytest.mark.parametrize("backend", BACKENDS)
@given(ARCHITECTURES, st.integers(0, 99), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_stream_is_its_parts(
    backend: str, architecture: Architecture, seed: int, cuts: list[int]
) -> None:
    kernels, block = load(backend), block_of(architecture, seed)
    symbols, _ = sequences(3, sum(cuts), architecture.operands, seed)
    whole = kernels.forward(architecture, block, symbols)
    state, logits = None, []
    for start, length in zip(np.cumsum([0, *cuts]), cuts, strict=False):
        part = np.ascontiguousarray(symbols[:, start : start + length])
        found = kernels.forward(architecture, block, part, state)
        state = found.final_state
        logits.append(found.logits)
    assert np.array_equal(np.concatenate(logits, 1), whole.logits)
    assert np.array_equal(state, whole.final_state)


@settings(max_examples=15)
@given(ARCHITECTURES, st.integers(0, 99), st.integers(0, 200), st.sampled_from(BACKENDS))
def test_what_is_kept_is_what_was(
    tmp_path_factory: pytest.TempPathFactory,
    architecture: Architecture,
    seed: int,
    until: int,
    backend: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / "kept.npz"
    path.unlink(missing_ok=True)
    net = network(architecture, seed, backend)
    binadd.train(net, 4, until=max(1, until), checkpoint=path)
    run = binadd.resume(path, backend=backend, until=until + 64)
    net.save(path)
    for copy in (binadd.load(path, backend), pickle.loads(pickle.dumps(net)), net.copy()):
        assert copy == net and copy.state.block.tobytes() == net.state.block.tobytes()
        assert copy.settings == net.settings
    binadd.train(net, 4, until=until + 64)
    assert run.network == net


@settings(max_examples=15)
@given(st.integers(1, 100_000), st.integers(1, 100_000), st.randoms(use_true_random=False))
def test_a_proved_network_adds_any_numbers(short: int, long: int, random: Any) -> None:
    a, b = random.getrandbits(short), random.getrandbits(long)
    assert proved_network().add(a, b) == a + b


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@given(st.data())
def test_activations_never_decrease(backend: str, name: str, data: st.DataObject) -> None:
    kernels = load(backend)
    for dtype, width in (("float64", 64), ("float32", 32)):
        values = data.draw(st.lists(st.floats(width=width, allow_nan=False), min_size=1))
        points = np.array(values, dtype)
        with np.errstate(all="ignore"):  # beside the largest is infinity
            beside = [np.nextafter(points, dtype_end(dtype, sign)) for sign in (-1, 1)]
        points = np.sort(np.concatenate([points, *beside]))
        results = kernels.activation(points, name)
        assert (np.diff(results[np.isfinite(results)]) >= 0).all()
        assert ((results >= (0 if name == "sigmoid" else -1)) & (results <= 1)).all()


def dtype_end(dtype: str, sign: int) -> Any:
    return np.array(sign * np.inf, dtype)[()]


@given(ARCHITECTURES, st.integers(0, 99), st.integers(1, 12), st.sampled_from([1, 2, 5]))
def test_threads_and_backends_compute_the_same(
    architecture: Architecture, seed: int, updates: int, batch_size: int
) -> None:
    start = learner(seed, **vars_of(architecture))
    symbols, targets = sequences(updates * batch_size, 5, architecture.operands, seed)

    def run(backend: str) -> list[bytes]:
        found = trained(load(backend), start, symbols, targets, batch_size, name="adam")
        return [array.tobytes() for array in found]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, BACKENDS * 2))
    assert all(result == results[0] for result in results)


def vars_of(architecture: Architecture) -> dict[str, Any]:
    return {name: getattr(architecture, name) for name in signature(Architecture).parameters}


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from(["sigmoid", "tanh"]))
def test_certificates_do_not_depend_on_the_kernels(seed: int, activation: str) -> None:
    net = BinaryAdderRNN(6, activation=activation, seed=seed)
    binadd.train(net, 5, until="exact", max_sequences=6000)
    found = []
    for backend in BACKENDS:
        verdict = binadd.prove(
            BinaryAdderRNN.from_parameters(net.parameters, activation, backend=backend),
            effort="quick",
        )
        if verdict.status == "proved":
            found.append((verdict.margin, verdict.certificate.to_json()))
        else:
            found.append((verdict.status, repr(verdict)))
    assert all(each == found[0] for each in found)


@given(ARCHITECTURES, st.integers(0, 99), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_a_run_does_not_depend_on_its_slices(
    architecture: Architecture, seed: int, slices: list[int]
) -> None:
    whole, cut = network(architecture, seed), network(architecture, seed)
    binadd.train(whole, 4, until=sum(slices))
    done = 0
    for length in slices:
        done += length
        binadd.train(cut, 4, until=done)
    assert whole == cut
