"""Numba: plain loops over one sequence at a time, compiled, with the freedom of `fastmath`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from binadd.benchmark.work import Parameters, Work

__all__ = ["train"]


def train(work: Work) -> Callable[[], Parameters] | None:
    """One update for each sequence; nothing for batches, where loops have no advantage."""
    settings = work.settings
    if settings.batch_size != 1 or work.networks:
        return None
    dtype = np.dtype(settings.dtype)
    start, size = work.parameters(), settings.hidden_size
    rows = np.zeros((settings.operands + size + 2, size), dtype)
    rows[: settings.operands] = start["input_weights"].T
    rows[settings.operands : -2] = start["hidden_weights"].T
    rows[-1] = start["output_weights"]
    constants = dtype.type([settings.learning_rate, settings.momentum, settings.clip_norm])
    flags = settings.optimizer == "nesterov", settings.loss == "squared_error", settings.biases

    def run() -> Parameters:
        weights, output_bias = rows.copy(), np.zeros(1, dtype)
        _train(
            weights, output_bias, work.symbols, work.targets, settings.operands, constants, flags
        )
        result = {
            "input_weights": weights[: settings.operands].T,
            "hidden_weights": weights[settings.operands : -2].T,
            "hidden_bias": weights[-2],
            "output_weights": weights[-1],
            "output_bias": output_bias[0],
        }
        return {name: result[name] for name in start}

    return run


@njit(fastmath=True, cache=False)
def _train(w, output_bias, symbols, targets, n, constants, flags):  # type: ignore[no-untyped-def]
    """Row i of w: weights from operand i; then from unit k; hidden bias; output weights."""
    rate, momentum, clip_norm = constants
    nesterov, squared_error, biases = flags
    rows, size = w.shape
    steps = symbols.shape[1]
    one = w.dtype.type(1)
    m, g = np.zeros_like(w), np.empty_like(w)
    h, delta = np.zeros((steps + 1, size), w.dtype), np.zeros((steps + 1, size), w.dtype)
    error = np.empty(steps, w.dtype)
    back = np.empty((size, size), w.dtype)
    output_m = w.dtype.type(0)
    for s in range(len(symbols)):
        for t in range(steps):
            a = h[t + 1]
            for j in range(size):
                a[j] = w[rows - 2, j]
            for i in range(n):
                if symbols[s, t] >> i & 1:
                    for j in range(size):
                        a[j] += w[i, j]
            for k in range(size):
                for j in range(size):
                    a[j] += w[n + k, j] * h[t, k]
            for j in range(size):
                a[j] = one / (one + math.exp(-a[j]))
            o = output_bias[0]
            for j in range(size):
                o += w[rows - 1, j] * a[j]
            y = one / (one + math.exp(-o))
            error[t] = y - targets[s, t]
            if squared_error:
                error[t] *= 2 * y * (one - y)
        g[:] = 0
        output_g = w.dtype.type(0)
        for k in range(size):
            for j in range(size):
                back[j, k] = w[n + k, j]
        for t in range(steps - 1, -1, -1):
            d = delta[t]
            for k in range(size):
                d[k] = w[rows - 1, k] * error[t]
            if t < steps - 1:
                for j in range(size):
                    for k in range(size):
                        d[k] += back[j, k] * delta[t + 1, j]
            for k in range(size):
                d[k] *= h[t + 1, k] * (one - h[t + 1, k])
            for i in range(n):
                if symbols[s, t] >> i & 1:
                    for j in range(size):
                        g[i, j] += d[j]
            if t:
                for k in range(size):
                    for j in range(size):
                        g[n + k, j] += h[t, k] * d[j]
            for j in range(size):
                g[rows - 1, j] += error[t] * h[t + 1, j]
            if biases:
                output_g += error[t]
                for j in range(size):
                    g[rows - 2, j] += d[j]
        square = output_g * output_g
        for r in range(rows):
            for j in range(size):
                square += g[r, j] * g[r, j]
        norm = math.sqrt(square)
        scale = clip_norm / norm if norm > clip_norm else one
        if nesterov:
            for r in range(rows):
                for j in range(size):
                    m[r, j] = momentum * m[r, j] + scale * g[r, j]
                    w[r, j] -= rate * (scale * g[r, j] + momentum * m[r, j])
            output_m = momentum * output_m + scale * output_g
            output_bias[0] -= rate * (scale * output_g + momentum * output_m)
        else:
            for r in range(rows):
                for j in range(size):
                    w[r, j] -= rate * scale * g[r, j]
            output_bias[0] -= rate * scale * output_g
