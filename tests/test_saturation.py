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
from binadd.parameters import named_views
from binadd.training.population import train_population
from binadd.training.saturation import weight_noise

Make = Callable[..., BinaryAdderRNN]


def resisting(make: Make, **parameters: Any) -> BinaryAdderRNN:
    """A network as it is after a first proof that failed."""
    net = make(**{"hidden_size": 5, "seed": 4} | parameters)
    net.state = replace(net.state, failed_proofs=1)
    return net


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(("activation", "most"), [("sigmoid", 1.0), ("tanh", 0.3)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_noise(biases: bool, activation: str, most: float, dtype: str) -> None:
    net = BinaryAdderRNN(5, biases=biases, activation=activation, dtype=dtype, seed=9)
    noise = weight_noise(net.state, 200)
    assert noise.dtype == dtype and noise.shape == (200, *net.state.block.shape)
    assert 0.95 * most < np.abs(noise).max() <= most
    for name, view in named_views(net.settings.architecture, noise.swapaxes(0, 2).T[7]).items():
        assert np.all(view == 0) if name.startswith("output") else np.all(view != 0), name
    assert abs(noise[noise != 0].mean()) < 0.02 * most
    later = weight_noise(replace(net.state, updates=150), 50)
    assert same_bits((later,), (noise[150:],))


def test_both_backends_make_the_same_weights(native: Any) -> None:
    nets = [resisting(BinaryAdderRNN, backend=name) for name in ("native", "python")]
    for net in nets:
        assert binadd.train(net, max_sequences=40).status == "limit"
    assert_same_state(*(net.state for net in nets))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_interrupted_run_meets_the_same_noise(
    make: Make, tmp_path: Path, batch_size: int
) -> None:
    whole, other = (resisting(make, batch_size=batch_size) for _ in range(2))
    binadd.train(whole, max_sequences=50)
    binadd.train(other, max_sequences=23, checkpoint=tmp_path / "run.npz")
    run = binadd.resume(tmp_path / "run.npz", max_sequences=50, backend=other.backend)
    assert_same_state(run.network.state, whole.state)


def test_a_population_meets_the_same_noise(make: Make) -> None:
    def networks() -> list[BinaryAdderRNN]:  # the second is in the phase, the others are not
        return [resisting(make) if seed == 1 else make(5, seed=seed) for seed in range(3)]

    alone = networks()
    for net in alone:
        binadd.train(net, max_sequences=60)
    runs = list(train_population(networks(), max_sequences=60))
    for run in runs:
        (same,) = (net for net in alone if net.seed == run.network.seed)
        assert_same_state(run.network.state, same.state)


def test_only_who_wants_a_proof_meets_noise(make: Make) -> None:
    resists, does_not = resisting(make), make(hidden_size=5, seed=4)
    for net in (resists, does_not):
        binadd.train(net, until=30)
    assert_same_state(replace(resists.state, failed_proofs=0), does_not.state)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("recipe", ["notebook", "adam"])
def test_every_recipe_ends_proved(native: Any, recipe: str, seed: int) -> None:
    net = BinaryAdderRNN(recipe=recipe, seed=seed, backend="native")
    phases: list[bool] = []
    run = binadd.train(
        net, max_sequences=20_000, progress=lambda progress: phases.append(progress.saturating)
    )
    assert run.status == "proved"
    assert phases == sorted(phases)
