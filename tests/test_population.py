"""Networks trained side by side are those that are trained alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from kernel_cases import assert_same_state

import binadd
from binadd import BinaryAdderRNN, TrainingRun
from binadd.form import form_of
from binadd.training import trainer
from binadd.training.schedule import Schedule, check_goal
from binadd.training.trainer import Run, finish

Make = Callable[..., BinaryAdderRNN]


def train_population(
    networks: Iterable[BinaryAdderRNN],
    bits: int | None = None,
    until: str | int = "proved",
    max_sequences: int = 10**6,
    width: int = 64,
) -> Iterator[TrainingRun]:
    """Train networks as a sweep does."""
    runs = (
        Run(net, check_goal(net.settings.form, bits, until, max_sequences)) for net in networks
    )
    return finish(runs, width)


def assert_same(one: TrainingRun, other: TrainingRun) -> None:
    """All but the seconds."""
    for name in ("status", "sequences", "updates", "bits", "wrong"):
        assert getattr(one, name) == getattr(other, name), name
    assert_same_state(one.network.state, other.network.state)


def assert_as_alone(make: Callable[[int], BinaryAdderRNN], count: int, **options: Any) -> None:
    width = options.pop("width", 64)
    runs = list(train_population(map(make, range(count)), width=width, **options))
    assert sorted(run.network.seed for run in runs) == list(range(count))
    for run in runs:
        assert_same(run, binadd.train(make(run.network.seed), **options))


@pytest.mark.thorough
@pytest.mark.parametrize("width", [1, 3, 64])
def test_until_exact(make: Make, width: int) -> None:
    assert_as_alone(
        lambda seed: make(3, seed=seed, learning_rate=0.1 + 0.02 * seed),
        6,
        bits=3,
        until="exact",
        max_sequences=400,
        width=width,
    )


@pytest.mark.thorough(of="python")
@pytest.mark.thorough(one_in=2)
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
    assert_as_alone(lambda seed: BinaryAdderRNN(12, seed=seed), 8, width=5, max_sequences=1200)


@pytest.mark.thorough(of="python")
def test_goes_on_from_where_networks_are(make: Make) -> None:
    def veteran(seed: int) -> BinaryAdderRNN:
        net = make(4, seed=seed, optimizer="momentum")
        binadd.train(net, bits=4, until=10 * seed)
        return net.set_params(optimizer="nesterov")

    assert_as_alone(veteran, 4, bits=4, until=100, width=2)


@pytest.mark.thorough
def test_the_order_of_runs_is_that_of_their_ends(make: Make) -> None:
    def networks() -> list[BinaryAdderRNN]:
        return [make(3, seed=seed) for seed in range(6)]

    options: dict[str, Any] = {"bits": 3, "until": "exact", "max_sequences": 500}
    one, other = (
        [run.network.seed for run in train_population(networks(), **options)] for _ in range(2)
    )
    assert one == other


def test_networks_enter_as_width_become_free(make: Make) -> None:
    entered = []

    def networks() -> Any:
        for seed in range(6):
            entered.append(seed)
            yield make(2, seed=seed)

    runs = train_population(networks(), bits=2, until=20, width=2)
    next(runs)
    assert len(entered) <= 3
    assert len(list(runs)) == 5


@pytest.mark.thorough(of="python")
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


@pytest.mark.thorough(of="python")
def test_networks_of_different_kinds_are_trained_in_one_list(make: Make) -> None:
    kinds: list[dict[str, Any]] = [
        {"hidden_size": 5},
        {"momentum": 0.5},
        {"batch_size": 3},
        {"operands": 3},
        {},
        {"dtype": "float32"},
        {"learning_rate": 0.2},
    ]

    def kind(seed: int) -> BinaryAdderRNN:
        return make(**{"hidden_size": 4, "seed": seed} | kinds[seed])

    assert_as_alone(kind, len(kinds), bits=4, until="exact", max_sequences=200)


def test_runs_that_have_farther_to_go_are_trained_apart() -> None:
    goal = check_goal(form_of((1, 1)), None, "proved", 10_000)
    ways = [128, 320, 200, 256, 257, 1000]
    runs = [
        Run(BinaryAdderRNN(seed=seed), goal, Schedule(start=0, next_check=way))
        for seed, way in enumerate(ways)
    ]
    groups = [[run.remaining() for run in group] for group in trainer._groups(runs)]
    assert groups == [[128, 200, 256], [257, 320], [1000]]
    other = Run(BinaryAdderRNN(5, seed=9), goal, Schedule(start=0, next_check=130))
    assert [other] in list(trainer._groups([*runs, other]))
