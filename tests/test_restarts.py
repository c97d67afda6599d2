"""Networks that come to nothing begin again, alike wherever and however they are trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import assert_same_state, same_bits

import binadd
from binadd import BinaryAdderRNN
from binadd.parameters import initial_block
from binadd.training import schedule
from binadd.training.schedule import Goal, Schedule
from binadd.training.trainer import Run, finish

Make = Callable[..., BinaryAdderRNN]

# Two hidden units learn nothing in so short a time.
HOPELESS: dict[str, Any] = {"hidden_size": 2, "seed": 3}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PATIENCE", 100)
    monkeypatch.setattr(schedule, "FIRST_CHECK", 64)
    monkeypatch.setattr(schedule, "CHECK_UPDATES", 64)


@pytest.mark.thorough(of="python")
def test_a_stuck_network_begins_again_with_the_next_weights(make: Make) -> None:
    net = make(**HOPELESS)
    history: list[binadd.Progress] = []
    run = binadd.train(net, max_sequences=400, progress=history.append)
    assert run.status == "limit" and run.sequences == 400
    assert run.restarts == net.state.restarts == 3
    assert [p.restarts for p in history] == sorted(p.restarts for p in history)
    assert "restarts=3" in repr(run)


def test_nothing_of_a_start_is_left_but_its_counts() -> None:
    net = BinaryAdderRNN(**HOPELESS)
    binadd.train(net, until=100)
    before = net.state
    run = Run(net, Goal(8, "proved", 1000), Schedule(0, failed_proofs=2))
    run._restart(1)
    after = net.state
    assert (after.sequences, after.updates, after.position) == (100, 100, before.position)
    assert run.schedule == Schedule(100, 164) and not after.moments.any()
    assert after.from_seed
    assert same_bits((after.block,), (initial_block(net.settings.architecture, 3, restarts=1),))
    assert not np.array_equal(after.block, initial_block(net.settings.architecture, 3))


def test_both_backends_begin_again_alike(native: Any) -> None:
    nets = [BinaryAdderRNN(**HOPELESS, backend=name) for name in ("native", "python")]
    for net in nets:
        binadd.train(net, max_sequences=300)
    assert nets[0].state.restarts == 2
    assert_same_state(*(net.state for net in nets))


@pytest.mark.thorough(one_in=6)
@pytest.mark.parametrize("stop", [100, 128, 150])
def test_an_interrupted_run_begins_again_when_the_whole_one_does(
    make: Make, tmp_path: Path, stop: int
) -> None:
    whole, cut = make(**HOPELESS), make(**HOPELESS)
    binadd.train(whole, max_sequences=300)

    class Interrupt(Exception):
        pass

    def interrupt(progress: binadd.Progress) -> None:
        if progress.sequences >= stop:
            raise Interrupt

    with pytest.raises(Interrupt):
        binadd.train(cut, max_sequences=300, progress=interrupt, checkpoint=tmp_path / "run.npz")
    run = binadd.resume(tmp_path / "run.npz", max_sequences=300, backend=cut.backend)
    assert run.restarts == 2
    assert_same_state(run.network.state, whole.state)


@pytest.mark.thorough
def test_a_population_begins_again_one_by_one(make: Make) -> None:
    def networks() -> list[BinaryAdderRNN]:
        return [make(2, seed=seed) for seed in range(3)]

    alone = networks()
    for net in alone:
        binadd.train(net, max_sequences=300)
    for run in finish(Run(net, Goal(8, "proved", 300)) for net in networks()):
        (other,) = (net for net in alone if net.seed == run.network.seed)
        assert run.restarts == 2
        assert_same_state(run.network.state, other.state)


def test_each_call_has_patience_of_its_own(make: Make) -> None:
    net = make(**HOPELESS)
    for sequences in (64, 128, 192):
        assert binadd.train(net, max_sequences=sequences).restarts == 0


def test_patience_grows_with_what_went_before() -> None:
    begun = Schedule(start=4000)
    assert not begun.is_stuck(4999, 1) and begun.is_stuck(5000, 1)
    assert not begun.is_stuck(5000, 64)


@pytest.mark.thorough(of="python")
def test_a_number_of_sequences_is_trained_in_one_go(make: Make) -> None:
    assert binadd.train(make(**HOPELESS), until=300).restarts == 0
