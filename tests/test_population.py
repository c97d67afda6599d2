"""Networks trained side by side are those that are trained alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import assert_same_state

import binadd
from binadd import BinaryAdderRNN, InvalidInputError, TrainingRun
from binadd.training.population import train_population

Make = Callable[..., BinaryAdderRNN]


def assert_same(one: TrainingRun, other: TrainingRun) -> None:
    """All but the seconds."""
    for name in ("status", "sequences", "updates", "bits", "wrong"):
        assert getattr(one, name) == getattr(other, name), name
    assert_same_state(one.network.state, other.network.state)


def assert_as_alone(make: Callable[[int], BinaryAdderRNN], count: int, **options: Any) -> None:
    lanes = options.pop("lanes", 64)
    runs = list(train_population(map(make, range(count)), lanes=lanes, **options))
    assert sorted(run.network.seed for run in runs) == list(range(count))
    for run in runs:
        assert_same(run, binadd.train(make(run.network.seed), **options))


@pytest.mark.thorough
@pytest.mark.parametrize("lanes", [1, 3, 64])
def test_until_exact(make: Make, lanes: int) -> None:
    assert_as_alone(
        lambda seed: make(3, seed=seed, learning_rate=0.1 + 0.02 * seed),
        6,
        bits=3,
        until="exact",
        max_sequences=400,
        lanes=lanes,
    )


@pytest.mark.thorough(one_in=4)
@pytest.mark.parametrize(
    "params",
    [
        {"dtype": "float32"},
        {"optimizer": "adam", "learning_rate": 0.03},
        {"recipe": "notebook", "operands": 3},
        {"activation": "tanh", "optimizer": "momentum"},
    ],
    ids=str,
)
def test_until_a_count(make: Make, params: dict[str, Any]) -> None:
    assert_as_alone(lambda seed: make(5, seed=seed, **params), 5, bits=4, until=150)


def test_until_proved(native: Any) -> None:
    """Learning rates fall for one network while others keep theirs."""
    assert_as_alone(lambda seed: BinaryAdderRNN(12, seed=seed), 8, lanes=5, max_sequences=1200)


def test_goes_on_from_where_networks_are(make: Make) -> None:
    def veteran(seed: int) -> BinaryAdderRNN:
        net = make(4, seed=seed, optimizer="momentum")
        binadd.train(net, bits=4, until=10 * seed)
        return net.set_params(optimizer="nesterov")

    assert_as_alone(veteran, 4, bits=4, until=100, lanes=2)


@pytest.mark.thorough
def test_the_order_of_runs_is_that_of_their_ends(make: Make) -> None:
    def networks() -> list[BinaryAdderRNN]:
        return [make(3, seed=seed) for seed in range(6)]

    options: dict[str, Any] = {"bits": 3, "until": "exact", "max_sequences": 500}
    one, other = (
        [run.network.seed for run in train_population(networks(), **options)] for _ in range(2)
    )
    assert one == other


def test_networks_enter_as_lanes_become_free(make: Make) -> None:
    entered = []

    def networks() -> Any:
        for seed in range(6):
            entered.append(seed)
            yield make(2, seed=seed)

    runs = train_population(networks(), bits=2, until=20, lanes=2)
    next(runs)
    assert len(entered) <= 3
    assert len(list(runs)) == 5


def test_one_that_diverges_does_not_stop_the_others(make: Make) -> None:
    networks = [
        make(4, seed=seed, learning_rate=rate, clip_norm=np.inf, momentum=0.99)
        for seed, rate in enumerate([0.1, 1.7e308, 0.1])
    ]
    runs = {run.network.seed: run for run in train_population(networks, bits=4, until=400)}
    assert [runs[seed].status for seed in range(3)] == ["finished", "diverged", "finished"]
    assert not runs[1].reached
    assert np.isfinite(networks[1].state.block).all()


def test_no_networks() -> None:
    assert list(train_population([])) == []


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"hidden_size": 5}, "may differ in seed and learning_rate only"),
        ({"momentum": 0.5}, "may differ in seed and learning_rate only"),
    ],
)
def test_networks_that_cannot_be_trained_together(
    make: Make, params: dict[str, Any], sentence: str
) -> None:
    networks = [make(4), make(4).set_params(**params)]
    with pytest.raises(InvalidInputError, match=sentence):
        list(train_population(networks, bits=2, until=4))


def test_batches_are_refused(make: Make) -> None:
    with pytest.raises(InvalidInputError, match="batch_size 1, not 2"):
        list(train_population([make(4, batch_size=2)]))
