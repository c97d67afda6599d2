"""The network as in a notebook: one sequence, one step, one small array after the other.

That is how binadd's own ancestor computes, and most tutorials on backpropagation through time do.
Its mistakes (see docs/bptt.md) are corrected here, and it is given the recipe's loss and update,
so that it makes the same updates as all others; how it computes is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.benchmark.work import Parameters, Work

__all__ = ["train"]


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    """Return σ(x)."""
    return 1 / (1 + np.exp(-x))  # type: ignore[no-any-return]


def train(work: Work) -> Callable[[], Parameters]:
    """Return what makes one update for every sequence."""
    settings = work.settings
    X, Y = work.inputs(), work.answers()
    nesterov = settings.optimizer == "nesterov"

    def run() -> Parameters:
        start = work.parameters()
        Wi, Wh, Wo = start["input_weights"], start["hidden_weights"], start["output_weights"]
        bh = start.get("hidden_bias", np.zeros_like(Wo))
        bo = start.get("output_bias", np.zeros(()))
        weights = [Wi, Wh, bh, Wo, bo]
        memory = [np.zeros_like(w) for w in weights]

        for x, y in zip(X, Y, strict=True):
            hidden = [np.zeros(len(Wh))]
            d_outputs = []
            for t in range(len(x)):
                h = sigmoid(np.dot(Wi, x[t]) + np.dot(Wh, hidden[-1]) + bh)
                output = sigmoid(np.dot(Wo, h) + bo)
                error = output - y[t]
                if settings.loss == "squared_error":
                    error = 2 * error * output * (1 - output)
                hidden.append(h)
                d_outputs.append(error)

            gradients = [np.zeros_like(w) for w in weights]
            dWi, dWh, dbh, dWo, dbo = gradients
            later = np.zeros(len(Wh))
            for t in reversed(range(len(x))):
                h, before = hidden[t + 1], hidden[t]
                delta = (np.dot(Wo, d_outputs[t]) + np.dot(Wh.T, later)) * h * (1 - h)
                dWi += np.outer(delta, x[t])
                dWh += np.outer(delta, before)
                dWo += d_outputs[t] * h
                if settings.biases:
                    dbh += delta
                    dbo += d_outputs[t]
                later = delta

            norm = np.sqrt(sum(np.sum(g * g) for g in gradients))
            scale = min(1.0, settings.clip_norm / norm)
            for w, m, g in zip(weights, memory, gradients, strict=True):
                g *= scale
                if nesterov:
                    m *= settings.momentum
                    m += g
                    g += settings.momentum * m
                w -= settings.learning_rate * g
        return start

    return run
