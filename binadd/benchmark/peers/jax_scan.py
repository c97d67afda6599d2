"""JAX: a whole run of updates in one compiled `lax.scan`; a population by `vmap` over it."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import Any

if "jax" not in sys.modules:  # read when jax is imported
    one_thread = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {one_thread}"

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from binadd.benchmark.work import Parameters, Work

__all__ = ["call", "forward", "train", "train_population"]

jax.config.update("jax_enable_x64", True)

UNROLLED = 16
"""The most steps that are unrolled: quicker than a loop."""


def _logits(p: Any, x: Any) -> Any:
    """Return the logits (T, …) of inputs (T, …, n)."""
    u = x @ p["input_weights"].T + p.get("hidden_bias", 0.0)
    across = p["hidden_weights"].T

    def step(h: Any, u: Any) -> Any:
        h = jax.nn.sigmoid(u + h @ across)
        return h, h

    _, states = jax.lax.scan(step, jnp.zeros_like(u[0]), u, unroll=min(len(x), UNROLLED))
    return states @ p["output_weights"] + p.get("output_bias", 0.0)


def _updates(work: Work) -> Any:
    """Return the function of a whole run: weights, inputs, answers → weights."""
    settings = work.settings

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        o = _logits(p, x)
        if settings.loss == "squared_error":
            loss = jnp.sum((jax.nn.sigmoid(o) - y) ** 2)
        else:
            loss = jnp.sum(jnp.maximum(o, 0) - o * y + jnp.log1p(jnp.exp(-jnp.abs(o))))
        return loss / settings.batch_size

    def update(carry: Any, batch: Any) -> Any:
        p, m = carry
        g = jax.grad(loss_of)(p, *batch)
        if math.isfinite(settings.clip_norm):
            norm = jnp.sqrt(sum(jnp.vdot(v, v) for v in jax.tree.leaves(g)))
            scale = jnp.minimum(1.0, settings.clip_norm / norm)
            g = jax.tree.map(lambda v: v * scale, g)
        if settings.optimizer == "nesterov":
            m = jax.tree.map(lambda m, g: settings.momentum * m + g, m, g)
            g = jax.tree.map(lambda g, m: g + settings.momentum * m, g, m)
        p = jax.tree.map(lambda p, g: p - settings.learning_rate * g, p, g)
        return (p, m), None

    def run(p: Any, X: Any, Y: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, p)
        return jax.lax.scan(update, (p, zeros), (X, Y))[0][0]

    return run


def _batches(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Turn (N, T, …) into (batches, T, size, …), without the size if it is 1."""
    if size == 1:
        return array
    return array.reshape(-1, size, *array.shape[1:]).swapaxes(1, 2)


def train(work: Work) -> Callable[[], Parameters]:
    """One update for each batch."""
    run = jax.jit(_updates(work))
    size = work.settings.batch_size
    arguments = jax.device_put(
        (work.parameters(), _batches(work.inputs(), size), _batches(work.answers(), size))
    )
    return lambda: {name: np.asarray(value) for name, value in run(*arguments).items()}


def train_population(work: Work) -> Callable[[], Parameters]:
    """One update for each sequence, of K networks side by side."""
    run = jax.jit(jax.vmap(_updates(work)))
    X, Y = (a.reshape(work.networks, -1, *a.shape[1:]) for a in (work.inputs(), work.answers()))
    arguments = jax.device_put((work.parameters(), X, Y))
    return lambda: {name: np.asarray(value) for name, value in run(*arguments).items()}


def forward(work: Work) -> Callable[[], NDArray[Any]]:
    """Probabilities (N, T)."""
    answer = jax.jit(lambda p, x: jax.nn.sigmoid(_logits(p, x)))
    arguments = jax.device_put((work.parameters(), work.inputs().swapaxes(0, 1).copy()))
    return lambda: np.asarray(answer(*arguments)).T


def call(work: Work) -> Callable[[], NDArray[Any]]:
    """Probabilities (N, T), from NumPy to NumPy."""
    answer = jax.jit(lambda p, x: jax.nn.sigmoid(_logits(p, x.swapaxes(0, 1))).T)
    p, X = jax.device_put(work.parameters()), work.inputs()
    return lambda: np.asarray(answer(p, X))
