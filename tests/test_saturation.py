"""The last phase of training: noise that depends on the seed and the update alone, and its use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import assert_same_state, same_bits

import binadd
from binadd import BinaryAdderRNN
from binadd.form import form_of
from binadd.parameters import named_views
from binadd.training.checkpoint import save_checkpoint
from binadd.training.noise import amplitude, weight_noise
from binadd.training.schedule import Schedule, check_goal
from binadd.training.trainer import Run, finish

Make = Callable[..., BinaryAdderRNN]


def resisting(make: Make, until: str | int = "proved", **parameters: Any) -> Run:
    """Return a run as it is after a first proof that failed."""
    net = make(**{"hidden_size": 5, "seed": 4} | parameters)
    goal = check_goal(form_of((1, 1)), None, until, 60)
    return Run(net, goal, Schedule(0, failed_proofs=1))


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("activation", "most"), [("sigmoid", 1.0), ("tanh", 0.3)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_noise(biases: bool, activation: str, most: float, dtype: str) -> None:
    net = BinaryAdderRNN(5, biases=biases, activation=activation, dtype=dtype, seed=9)
    noise = weight_noise(net.state, most, 200)
    assert amplitude(activation, 0) == most and amplitude(activation, 99) == 2 * most
    assert noise.dtype == dtype and noise.shape == (200, *net.state.block.shape)
    assert 0.95 * most < np.abs(noise).max() <= most
    for name, view in named_views(net.settings.architecture, noise.swapaxes(0, 2).T[7]).items():
        assert np.all(view == 0) if name.startswith("output") else np.all(view != 0), name
    assert abs(noise[noise != 0].mean()) < 0.02 * most
    later = weight_noise(replace(net.state, updates=150), most, 50)
    assert same_bits((later,), (noise[150:],))


def test_both_backends_make_the_same_weights(native: Any) -> None:
    runs = [resisting(BinaryAdderRNN, backend=name) for name in ("native", "python")]
    assert {next(finish([run])).status for run in runs} == {"limit"}
    assert_same_state(*(run.state for run in runs))


@pytest.mark.thorough(of="python")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_interrupted_run_meets_the_same_noise(
    make: Make, tmp_path: Path, batch_size: int
) -> None:
    whole, other = (resisting(make, batch_size=batch_size) for _ in range(2))
    next(finish([whole]))
    other.goal = replace(other.goal, max_sequences=23)
    next(finish([other]))
    save_checkpoint(other, tmp_path / "run.npz")
    run = binadd.resume(tmp_path / "run.npz", max_sequences=60, backend=other.net.backend)
    assert_same_state(run.network.state, whole.state)


@pytest.mark.thorough(of="python")
def test_a_population_meets_the_same_noise(make: Make) -> None:
    def runs() -> list[Run]:  # the second is in the phase, the others are not
        plain = (
            Run(make(5, seed=seed), check_goal(form_of((1, 1)), None, "proved", 60))
            for seed in (0, 2)
        )
        return [next(plain), resisting(make), next(plain)]

    alone = runs()
    for run in alone:
        next(finish([run]))
    together = runs()
    assert len(list(finish(together))) == 3
    for one, other in zip(together, alone, strict=True):
        assert_same_state(one.state, other.state)


def test_only_who_wants_a_proof_meets_noise(make: Make) -> None:
    run, net = resisting(make, until=30), make(hidden_size=5, seed=4)
    next(finish([run]))
    binadd.train(net, until=30)
    assert_same_state(run.state, net.state)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("recipe", ["notebook", "adam"])
def test_every_recipe_ends_proved(native: Any, recipe: str, seed: int) -> None:
    net = BinaryAdderRNN(recipe=recipe, seed=seed, backend="native")
    phases: list[bool] = []
    run = binadd.train(
        net, max_sequences=20_000, progress=lambda progress: phases.append(progress.noise > 0)
    )
    assert run.status == "proved"
    assert phases == sorted(phases)
