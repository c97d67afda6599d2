"""Tests of frames: balanced coordinates of the states after a context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from proved import trained

from binadd import BinaryAdderRNN
from binadd.form import form_of
from binadd.proof import frames
from binadd.proof.bounds import Bounds
from binadd.proof.contexts import ContextTable, uniform
from binadd.proof.frames import balanced_frames, coordinates
from binadd.proof.samples import Sampler

Reals = NDArray[np.float64]


def sampled(net: BinaryAdderRNN, depth: int) -> tuple[Bounds, Sampler, ContextTable, Reals, Reals]:
    """Return what frames are made of: and the states (K, samples, H), and centres (K, S)."""
    bounds = Bounds(net)
    sampler, table = Sampler(bounds), uniform(bounds.form, depth)
    states = sampler.states(table)
    centres = np.zeros((len(table.contexts), bounds.architecture.block_shape[1]))
    centres[:, : bounds.size] = states.mean(1)
    return bounds, sampler, table, states, centres


def unpadded(found: frames.Frames, size: int) -> tuple[Reals, Reals]:
    """Return V (K, H, H), and U (K, H, H)."""
    for part in found:
        assert not part[:, :, size:].any()
    return found.axes[:, :, :size], found.bases[:, :, :size].swapaxes(1, 2)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("depth", [0, 2, 4])
def test_two_forms_are_diagonal_at_once(depth: int, activation: str) -> None:
    """How far states reach, and how long they are remembered, most of it along the first axis."""
    net = trained(3, clip_norm=2.0, activation=activation)
    bounds, sampler, table, states, centres = sampled(net, depth)
    V, U = unpadded(balanced_frames(bounds, sampler, table, centres, 2.0), 8)
    assert np.allclose(U @ V, np.eye(8), rtol=0, atol=1e-12)
    assert np.allclose((U * U).sum(1), 1)
    memory = frames._memory(bounds, sampler, table, 2.0)
    away = states - centres[:, None, :8]
    reach = np.einsum("kmi,kmj->kij", away, away)
    reach /= np.trace(reach, axis1=1, axis2=2)[:, None, None]
    reach += frames.LEAST_SPREAD * np.eye(8)
    remembered = []
    for form in (U.swapaxes(1, 2) @ memory @ U, V @ reach @ V.swapaxes(1, 2)):
        diagonal = np.diagonal(form, axis1=1, axis2=2)
        most = diagonal.max(1)[:, None, None]
        assert (np.abs(form - diagonal[:, None] * np.eye(8)) <= 1e-6 * most).all()
        remembered.append(diagonal)
    product = remembered[0] * remembered[1]
    assert (product[:, :-1] >= product[:, 1:] - 1e-9 * product[:, :1]).all()
    y = coordinates(V, away)
    assert np.allclose(np.einsum("kij,kmj->kmi", U, y), away, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("operands", "depth"), [(1, 2), (2, 4), (3, 1)])
def test_memory_adds_up_what_may_follow(operands: int, depth: int) -> None:
    """In a linear network: Σ wᵏ (Wᵏ)ᵀWᵏ, over as many steps as are looked ahead."""
    net = BinaryAdderRNN(6, operands=operands, activation="tanh", seed=2)
    parameters = {name: 0 * array for name, array in net.parameters.items()}
    W = parameters["hidden_weights"] = net.parameters["hidden_weights"].copy()
    bounds = Bounds(BinaryAdderRNN.from_parameters(parameters, activation="tanh"))
    table = uniform(form_of((1,) * operands), depth)
    power, expected = np.eye(6), np.zeros((6, 6))
    for k in range(1, frames.HORIZON + 1):
        power = power @ W
        expected += 3.0**k * power.T @ power
    for memory in frames._memory(bounds, Sampler(bounds), table, 3.0):
        assert np.allclose(memory, expected, rtol=1e-12)


def test_memory_is_that_of_the_last_symbols() -> None:
    bounds, sampler, table, *_ = sampled(trained(3, clip_norm=2.0), 5)
    memory = frames._memory(bounds, sampler, table, 2.0)
    by_last: dict[Any, Reals] = {}
    for (carry, word), form in zip(table.contexts, memory, strict=True):
        for symbol in word[: -frames.DEPTH]:
            carry = (carry + symbol.bit_count()) >> 1
        last = (carry, word[-frames.DEPTH :])
        assert np.array_equal(by_last.setdefault(last, form), form)
    assert len({form.tobytes() for form in by_last.values()}) > 1


@pytest.mark.parametrize("limit", ["MOST_RESIDUAL", "MOST_MIXED", "LONGEST_AXIS", "LONGEST_ROW"])
def test_what_is_not_precise_enough_is_not_taken(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Principal axes, at right angles, are."""
    bounds, sampler, table, _, centres = sampled(trained(3, clip_norm=2.0), 2)
    monkeypatch.setattr(frames, limit, 0.0)
    found = balanced_frames(bounds, sampler, table, centres, 2.0)
    assert np.array_equal(found.axes, found.bases)
    V, U = unpadded(found, 8)
    assert np.allclose(V @ U, np.eye(8), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 50.0, 2.0**20])
@pytest.mark.parametrize("size", [1, 5, 33])
def test_frames_of_any_network_are_inverse(size: int, scale: float) -> None:
    """Of one whose states hardly differ, or are all at the ends of their range, too."""
    net = BinaryAdderRNN(size, seed=1)
    parameters = {name: array * scale for name, array in net.parameters.items()}
    bounds, sampler, table, _, centres = sampled(BinaryAdderRNN.from_parameters(parameters), 2)
    V, U = unpadded(balanced_frames(bounds, sampler, table, centres, 2.0), size)
    assert np.abs(U @ V - np.eye(size)).max() <= 2 * frames.MOST_RESIDUAL
    assert np.abs(V).sum(2).max() <= frames.LONGEST_AXIS
    assert max(np.abs(U).sum(axis).max() for axis in (1, 2)) <= frames.LONGEST_ROW
