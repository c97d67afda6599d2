"""Backpropagation through time against two formulations that share nothing with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kernel_cases import learner, sequences
from numpy.typing import NDArray

from binadd.kernels.contract import LOSSES, Architecture, Batch

CASES = [
    {"hidden_size": 5},
    {"hidden_size": 16},
    {"hidden_size": 9, "activation": "tanh", "operands": 3},
    {"hidden_size": 4, "biases": False},
]


def complex_loss(
    architecture: Architecture,
    block: NDArray[Any],
    symbols: NDArray[Any],
    targets: NDArray[Any],
    loss: str,
) -> Any:
    """Return the loss by its definition, with NumPy's own exp and @, on complex weights too."""
    n, size = architecture.operands, architecture.hidden_size
    inputs, hidden, (bias, output, (output_bias, *_)) = np.split(block[:, :size], [n, n + size])
    x = symbols[:, :, None] >> np.arange(n) & 1
    h = np.zeros((len(symbols), size), block.dtype)
    total = np.zeros((), block.dtype)
    for t in range(symbols.shape[1]):
        a = x[:, t] @ inputs + h @ hidden + bias
        h = np.tanh(a) if architecture.activation == "tanh" else 1 / (1 + np.exp(-a))
        probability = 1 / (1 + np.exp(-(h @ output + output_bias)))
        y = targets[:, t]
        if loss == "squared_error":
            total += ((probability - y) ** 2).sum()
        else:
            total -= (y * np.log(probability) + (1 - y) * np.log(1 - probability)).sum()
    return total / len(symbols)


def places(architecture: Architecture) -> list[tuple[int, int]]:
    """Where a block holds weights: neither padding nor biases that are not there."""
    n, size = architecture.operands, architecture.hidden_size
    rows = [*range(n + size), n + size + 1] + ([n + size] if architecture.biases else [])
    corner = [(n + size + 2, 0)] if architecture.biases else []
    return [(row, j) for row in rows for j in range(size)] + corner


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("options", CASES, ids=str)
def test_complex_step(kernels: Any, options: dict[str, Any], loss: str) -> None:
    """∂L/∂w = Im L(w + ih)/h: nothing cancels, so h may be tiny.

    Squire & Trapp 1998, https://doi.org/10.1137/S003614459631241X.
    """
    start = learner(**options)
    a, block = start.architecture, start.block
    symbols, targets = sequences(7, 6, a.operands)
    value, gradient = kernels.loss_and_gradients(a, block, Batch(symbols, targets), loss)
    assert value == pytest.approx(complex_loss(a, block, symbols, targets, loss), rel=1e-13)
    expected = np.zeros_like(gradient)
    for place in places(a):
        moved = block.astype(complex)
        moved[place] += 1e-40j
        expected[place] = complex_loss(a, moved, symbols, targets, loss).imag / 1e-40
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("options", CASES, ids=str)
def test_central_differences(kernels: Any, options: dict[str, Any], loss: str) -> None:
    """To 1e-6 of the largest gradient, with the kernels' own loss."""
    start = learner(**options)
    a, block = start.architecture, start.block
    symbols, targets = sequences(7, 6, a.operands)
    _, gradient = kernels.loss_and_gradients(a, block, Batch(symbols, targets), loss)

    def moved(place: tuple[int, int], step: float) -> float:
        other = block.copy()
        other[place] += step
        return float(kernels.loss_and_gradients(a, other, Batch(symbols, targets), loss)[0])

    step = 1e-5
    for place in places(a)[::3]:
        slope = (moved(place, step) - moved(place, -step)) / (2 * step)
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_padding_and_absent_biases_have_no_gradient(kernels: Any) -> None:
    start = learner(hidden_size=5, biases=False)
    symbols, targets = sequences(20)
    for count in (1, 20):
        _, gradient = kernels.loss_and_gradients(
            start.architecture,
            start.block,
            Batch(symbols[:count], targets[:count]),
            "cross_entropy",
        )
        held = np.zeros(gradient.shape, bool)
        held[tuple(zip(*places(start.architecture), strict=True))] = True
        assert not gradient[~held].any()
        assert gradient[held].all()
