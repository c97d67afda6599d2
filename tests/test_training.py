"""`train`: the sums that it draws, when it stops, and its progress."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, InvalidTypeError, Progress, bits
from binadd.kernels import load
from binadd.kernels.contract import Architecture, Batch
from binadd.random_streams import data_stream
from binadd.training import noise, schedule, trainer
from binadd.training.data import DataStream, words_of_sequence
from binadd.training.outcome import _advice
from binadd.training.trainer import MEASURED, Run

Make = Callable[..., BinaryAdderRNN]

# Learns quickly enough for the reference implementation, too: 3-bit operands, 8 hidden units.
SMALL: dict[str, Any] = {"hidden_size": 8, "seed": 1}


# Data --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operands", "length"), [(1, 5), (2, 8), (2, 33), (3, 22), (5, 13), (8, 9)]
)
def test_drawn_sums_are_true_and_come_from_the_raw_stream(
    kernels: Any, operands: int, length: int
) -> None:
    symbols, targets = DataStream(kernels, 5, Architecture(1, operands)).take(0, length, 10)
    each = words_of_sequence(operands, length)
    assert symbols.shape == targets.shape == (10, length)
    raw = [int(word) for word in data_stream(5).random_raw(10 * each)]

    def spelt(words: list[int]) -> list[int]:
        per_word = 64 // operands
        return [
            words[t // per_word] >> operands * (t % per_word) & 2**operands - 1
            for t in range(length)
        ]

    half = each // 2
    for sequence in range(10):
        words = raw[sequence * each : (sequence + 1) * each]
        drawn = spelt(words)
        if operands > 2:
            pairs = list(zip(drawn, spelt(words[half:-1]), strict=True))
            quarter = words[-1] >> 62
            if quarter < 2:
                drawn = [a & b if quarter == 0 else a | b for a, b in pairs]
        assert symbols[sequence].tolist() == drawn
        terms = [sum((s >> i & 1) << t for t, s in enumerate(drawn)) for i in range(operands)]
        assert bits.integer_of(targets[sequence]) == sum(terms) % 2**length


@given(st.lists(st.integers(1, 700), min_size=1, max_size=8), st.integers(1, 5))
def test_pieces_do_not_change_the_data(pieces: list[int], batch_size: int) -> None:
    kernels = load("python")
    data, each, position, taken = (
        DataStream(kernels, 3, Architecture(1)),
        words_of_sequence(2, 40),
        0,
        [],
    )
    for piece in pieces:
        taken.append(data.take(position, 40, piece, batch_size).symbols)
        position += len(taken[-1]) * each
    for piece, symbols in zip(pieces, taken, strict=True):
        assert len(symbols) % batch_size == 0
        assert batch_size <= len(symbols) <= max(piece, batch_size)
    together = np.concatenate(taken)
    raw = data_stream(3).random_raw(len(together) * each).reshape(len(together), -1)
    np.testing.assert_array_equal(together, kernels.unpack_words(raw, 2, 40))


def test_the_largest_operands_are_drawn_too(kernels: Any) -> None:
    symbols, _ = DataStream(kernels, 0, Architecture(1)).take(0, 3, 1024)
    assert len(np.unique(symbols, axis=0)) == 64


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 9)), min_size=1, max_size=6))
def test_a_stream_goes_on_from_anywhere(asked: list[tuple[int, int]]) -> None:
    data = DataStream(load("python"), 3, Architecture(1))
    for place, length in asked:
        fresh = DataStream(load("python"), 3, Architecture(1)).take(place, length, 5)
        for array, expected in zip(data.take(place, length, 5), fresh, strict=True):
            np.testing.assert_array_equal(array, expected)


# Stopping ----------------------------------------------------------------------------------------


@pytest.mark.thorough(one_in=2)
def test_until_exact(make: Make, kernels: Any) -> None:
    net = make(**SMALL)
    run = binadd.train(net, bits=3, until="exact")
    assert (run.status, run.reached, run.bits, run.wrong) == ("exact", True, 3, None)
    assert run.network is net and run.sequences == net.state.sequences
    for a in range(8):
        for b in range(8):
            assert net.add(a, b) == a + b
    again = binadd.train(net, bits=3, until="exact")
    assert (again.status, again.sequences) == ("exact", run.sequences)


@pytest.mark.thorough(one_in=2)
def test_until_proved(make: Make) -> None:
    net = make(seed=1)
    run = binadd.train(net)
    assert run.status == "proved" and run.verdict.status == "proved"
    assert net.add(2**500 - 1, 1) == 2**500
    assert binadd.train(net).sequences == run.sequences


@pytest.mark.parametrize(
    ("until", "batch_size", "sequences"), [(0, 1, 0), (10, 1, 10), (10, 4, 12)]
)
def test_until_a_number_of_sequences(
    make: Make, until: int, batch_size: int, sequences: int
) -> None:
    net = make(**SMALL, batch_size=batch_size)
    run = binadd.train(net, until=until)
    assert (run.status, run.sequences, run.updates) == (
        "finished",
        sequences,
        sequences // batch_size,
    )
    assert binadd.train(net, until=until).sequences == sequences  # in all, not once more


def test_the_limit_is_a_status(make: Make) -> None:
    net = make(**SMALL)
    run = binadd.train(net, bits=8, until="exact", max_sequences=40)
    assert (run.status, run.reached, run.sequences) == ("limit", False, 40)
    assert run.wrong is not None and net.add(*run.wrong) != sum(run.wrong)
    assert net.state.status == "limit"


@pytest.mark.thorough
def test_failed_proofs_are_tried_again_later_and_more_slowly(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, str]] = []

    def attempt(net: BinaryAdderRNN, effort: str, progress: object) -> None:
        tried.append((net.state.sequences, effort))

    monkeypatch.setattr("binadd.proof.attempt", attempt)
    monkeypatch.setattr(Run, "_is_exact", lambda run: True)
    monkeypatch.setattr(schedule, "FAILURES_PER_HALVING", 4)
    monkeypatch.setattr(noise, "BITS", 4)  # whatever is learnt: quickly
    seen: list[Progress] = []
    net = make(**SMALL)
    run = binadd.train(net, 3, max_sequences=5000, progress=seen.append)
    assert run.status == "limit" and run.verdict.status == "refuted"  # looked at when it ended
    assert [sequences for sequences, _ in tried[:4]] == [0, 512, 1024, 1536]
    assert [effort for _, effort in tried[:9]] == [*["quick"] * 3, "medium"] * 2 + ["quick"]
    assert run.failed_proofs == len(tried)
    rates = [progress.learning_rate for progress in seen]
    assert rates[0] == 0.05 and min(rates) == rates[-1] < 0.05
    assert rates == sorted(rates, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_notebook_recipe_learns(native: Any, seed: int) -> None:
    losses: list[float] = []
    net = BinaryAdderRNN(recipe="notebook", seed=seed, backend="native")
    run = binadd.train(
        net, until="exact", max_sequences=10_000, progress=lambda p: losses.append(p.loss)
    )
    assert run.status == "exact"
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.thorough
def test_many_units_are_proved(native: Any) -> None:
    net = BinaryAdderRNN(hidden_size=129, seed=1, backend="native")
    run = binadd.train(net, max_sequences=10_000)
    assert (run.status, run.sequences) == ("proved", 4160)


@pytest.mark.slow
def test_a_hundred_seeds_reach_exactness(native: Any) -> None:
    counts = [
        binadd.train(BinaryAdderRNN(seed=seed, backend="native"), until="exact").sequences
        for seed in range(100)
    ]
    assert np.median(counts) < 700 and max(counts) < 3000


# Sameness ----------------------------------------------------------------------------------------


def test_two_runs_are_as_one(make: Make) -> None:
    whole, parts = make(**SMALL), make(**SMALL)
    binadd.train(whole, until=100)
    for until in (3, 50, 100):
        binadd.train(parts, until=until)
    assert whole == parts
    np.testing.assert_array_equal(whole.state.moments, parts.state.moments)


def test_slices_do_not_change_the_weights(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = make(**SMALL), make(**SMALL)
    binadd.train(whole, bits=3, until="exact", max_sequences=150)
    monkeypatch.setattr(trainer, "SLICE_SECONDS", 1e-9)
    calls: list[Progress] = []
    binadd.train(parts, bits=3, until="exact", max_sequences=150, progress=calls.append)
    assert whole == parts
    assert len(calls) == 1 + 150 - 64  # the first slice is of 64 sequences, each other of one


@pytest.mark.parametrize(
    "params",
    [{}, {"dtype": "float32"}, {"batch_size": 8}, {"recipe": "adam", "activation": "tanh"}],
)
def test_backends_train_to_the_same_bits(native: Any, params: dict[str, Any]) -> None:
    nets = [BinaryAdderRNN(**SMALL, backend=name, **params) for name in ("python", "native")]
    runs = [binadd.train(net, bits=3, until="exact", max_sequences=1500) for net in nets]
    assert nets[0] == nets[1]
    assert (runs[0].status, runs[0].sequences) == (runs[1].status, runs[1].sequences)


# Progress ----------------------------------------------------------------------------------------


@pytest.mark.thorough(one_in=2)
def test_progress(make: Make) -> None:
    seen: list[Progress] = []
    net = make(**SMALL)
    run = binadd.train(net, bits=4, until="exact", progress=seen.append)
    assert [p.sequences for p in seen] == sorted({p.sequences for p in seen})
    assert seen[-1].sequences == run.sequences and seen[-1].updates == run.updates
    assert all(0 <= p.bit_accuracy <= 1 and p.loss >= 0 for p in seen)
    # How many sequences a report covers depends on the machine's speed, the best of them less so.
    assert max(p.bit_accuracy for p in seen) > 0.9 > seen[0].bit_accuracy
    assert min(p.loss for p in seen) < seen[0].loss
    assert 0 < seen[0].seconds <= seen[-1].seconds <= run.seconds


def test_a_run_reads_well(make: Make) -> None:
    run = binadd.train(make(**SMALL), until=20)
    assert re.fullmatch(
        r"TrainingRun\('finished', sequences=20, updates=20, seconds=[0-9.e-]+, bits=8\)",
        repr(run),
    )
    run = binadd.train(make(**SMALL), until="exact", max_sequences=10)
    assert repr(run).endswith(f", bits=8, wrong={run.wrong})")
    with pytest.raises(FrozenInstanceError):
        run.status = "proved"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"bits": 0}, InvalidInputError, "bits must be at least 1"),
        ({"bits": 8.0}, InvalidTypeError, "bits must be an integer"),
        ({"bits": 1}, InvalidInputError, "bits must be at least 2 to show a carry, not 1"),
        ({"bits": True}, InvalidTypeError, "bits must be an integer"),
        ({"bits": 13, "until": "exact"}, InvalidInputError, "checked up to 12 bits, not 13"),
        ({"until": "perfect"}, InvalidInputError, "until must be 'proved', 'exact' or a number"),
        ({"until": 0.5}, InvalidTypeError, "or a number of sequences, not 0.5"),
        ({"until": -1}, InvalidInputError, "until must be at least 0"),
        ({"restart": 1}, InvalidTypeError, "restart must be True or False"),
        ({"until": float("nan")}, InvalidTypeError, "or a number of sequences, not nan"),
        ({"until": float("inf")}, InvalidTypeError, "or a number of sequences, not inf"),
        ({"until": None}, InvalidTypeError, "or a number of sequences, not None"),
        ({"max_sequences": -1}, InvalidInputError, "max_sequences must be at least 0"),
        ({"checkpoint_every": 0}, InvalidInputError, "checkpoint_every must be at least 1"),
        ({"checkpoint_seconds": -1}, InvalidInputError, "checkpoint_seconds must be at least 0"),
    ],
)
def test_what_train_refuses(
    make: Make, arguments: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    net = make(**SMALL)
    state = net.state
    with pytest.raises(error, match=sentence):
        binadd.train(net, **arguments)
    assert net.state is state


def test_divergence_is_an_error_and_leaves_the_network_valid(make: Make) -> None:
    net = make(learning_rate=1.7e308, clip_norm=float("inf"), momentum=0.99)
    with pytest.raises(
        binadd.DivergenceError, match="a lower learning_rate or clip_norm may help"
    ):
        binadd.train(net, until=1000)
    assert np.isfinite(net.state.block).all()
    net.set_params(learning_rate=0.1)
    assert binadd.train(net, until=net.state.sequences + 10).status == "finished"


def test_long_operands(make: Make) -> None:
    net = make(2)
    run = binadd.train(net, bits=500, until=3)
    assert net.state.position == 3 * words_of_sequence(2, 500) and run.sequences == 3


# Weights from elsewhere, and what to do ----------------------------------------------------------


def elsewhere(make: Make, **parameters: Any) -> BinaryAdderRNN:
    """Return a network with weights that are not its seed's, and of too few units to learn."""
    weights = make(hidden_size=2, seed=9).parameters
    return BinaryAdderRNN.from_parameters(weights, seed=3, **parameters)


def test_weights_from_elsewhere_are_not_thrown_away(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "PATIENCE", 100)
    run = binadd.train(elsewhere(make), max_sequences=1000)
    assert (run.status, run.reached, run.restarts) == ("stuck", False, 0)
    assert run.sequences < 400 and run.advice is not None
    run = binadd.train(elsewhere(make), max_sequences=700, restart=True)
    assert (run.status, run.restarts) == ("limit", 3)
    assert binadd.train(make(hidden_size=2), max_sequences=999, restart=False).status == "stuck"


def test_weights_written_over_the_seeds_are_from_elsewhere(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(schedule, "PATIENCE", 100)
    net = make(hidden_size=2)
    net.parameters["output_bias"] = 1
    binadd.train(net, until=3)
    net.save(tmp_path / "net.npz")
    assert binadd.train(binadd.load(tmp_path / "net.npz"), max_sequences=999).status == "stuck"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"hidden_size": 2}, "with 2 hidden units, sums were learnt by 34 of 50 networks"),
        ({"learning_rate": 1e-6}, "higher than 1e-06 may help: the recipe has 0.1"),
        ({"learning_rate": 90.0}, "lower than 90 may help"),
        ({"hidden_size": 64, "activation": "tanh"}, "take fewer units, or sigmoid"),
        ({}, "a higher max_sequences"),
    ],
)
def test_a_run_without_success_gives_advice(
    make: Make, parameters: dict[str, Any], words: str
) -> None:
    run = binadd.train(make(**SMALL | parameters), max_sequences=50)
    assert run.advice is not None and words in run.advice


def test_advice_for_what_is_stuck_or_only_lacks_a_proof() -> None:
    settings = BinaryAdderRNN().settings
    assert _advice("stuck", settings, is_exact=False).endswith(
        "restart=True replaces them with the seed's own"
    )
    assert _advice("limit", settings, is_exact=True).startswith("short sums are right, only a")
    assert "lower than 0." in _advice("diverged", settings, is_exact=False)


def test_a_run_that_succeeds_needs_no_advice(make: Make) -> None:
    assert binadd.train(make(**SMALL), bits=3, until=20).advice is None


@pytest.mark.thorough(one_in=2)
def test_right_bits_are_counted_at_the_end(make: Make) -> None:
    run = binadd.train(make(**SMALL), bits=3, until=0)
    again = binadd.train(run.network, bits=3, until="exact")
    assert run.bit_accuracy < 0.8 and again.bit_accuracy == 1
    counted = binadd.train(make(**SMALL), bits=3, until=again.sequences)
    assert counted.status == "finished" and counted.bit_accuracy == 1


def test_right_bits_are_those_of_the_sums_that_come_next(make: Make) -> None:
    """As many as are promised, however the run was cut."""
    for until in (10, 639):
        run = binadd.train(make(4), bits=3, until=until)
        cut = binadd.train(make(4), bits=3, until=until // 2)
        assert binadd.train(cut.network, bits=3, until=until).network == run.network
        state = run.network.state
        data = DataStream(load("python"), state.seed, state.architecture)
        batch = Batch(*np.empty((2, MEASURED, 3), np.uint8))
        data.fill(state.position, batch)
        right = run.network.kernels.bits(state.architecture, state.block, batch.symbols)
        expected = (right == batch.targets).mean()
        again = binadd.train(cut.network, bits=3, until=until)
        assert run.bit_accuracy == again.bit_accuracy == expected


def test_whole_floats_count(make: Make) -> None:
    assert binadd.train(make(**SMALL), until=1e1).sequences == 10
    assert binadd.train(make(**SMALL), until="exact", max_sequences=2e1).sequences == 20
