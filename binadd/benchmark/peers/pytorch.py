"""PyTorch, eager: autograd over an unrolled cell, and its own optimiser, on one thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray

from binadd.benchmark.work import Parameters, Work

__all__ = ["call", "forward", "train"]

torch.set_num_threads(1)

Tensors = dict[str, torch.Tensor]


def _tensors(work: Work) -> Tensors:
    return {name: torch.from_numpy(array) for name, array in work.parameters().items()}


def _logits(p: Tensors, x: torch.Tensor) -> torch.Tensor:
    """Return the logits (B, T) of inputs (B, T, n)."""
    inputs = torch.nn.functional.linear(x, p["input_weights"], p.get("hidden_bias")).unbind(1)
    across = p["hidden_weights"].T
    h = torch.sigmoid(inputs[0])
    states = [h]
    for u in inputs[1:]:
        h = torch.sigmoid(torch.addmm(u, h, across))
        states.append(h)
    return torch.stack(states, 1) @ p["output_weights"] + p.get("output_bias", 0.0)


def train(work: Work) -> Callable[[], Parameters] | None:
    """One update for each batch."""
    settings, size = work.settings, work.settings.batch_size
    if work.networks:
        return None
    X = torch.from_numpy(work.inputs()).split(size)
    Y = torch.from_numpy(work.answers()).split(size)

    def loss_of(p: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        logits = _logits(p, x)
        if settings.loss == "squared_error":
            return ((torch.sigmoid(logits) - y) ** 2).sum() / size
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="sum")
        return loss / size

    def run() -> Parameters:
        p = {name: tensor.clone().requires_grad_() for name, tensor in _tensors(work).items()}
        weights = list(p.values())
        nesterov = settings.optimizer == "nesterov"
        optimizer = torch.optim.SGD(
            weights,
            settings.learning_rate,
            momentum=settings.momentum if nesterov else 0.0,
            nesterov=nesterov,
        )
        for x, y in zip(X, Y, strict=True):
            optimizer.zero_grad()
            loss_of(p, x, y).backward()
            if math.isfinite(settings.clip_norm):
                # Not clip_grad_norm_, which adds 1e-6 to the norm.
                gradients = [w.grad for w in weights if w.grad is not None]
                norm = torch.nn.utils.get_total_norm(gradients)
                torch._foreach_mul_(gradients, torch.clamp(settings.clip_norm / norm, max=1.0))
            optimizer.step()
        return {name: tensor.detach().numpy() for name, tensor in p.items()}

    return run


def forward(work: Work) -> Callable[[], NDArray[Any]]:
    """Probabilities (N, T)."""
    p, x = _tensors(work), torch.from_numpy(work.inputs())

    def run() -> NDArray[Any]:
        with torch.inference_mode():
            return torch.sigmoid(_logits(p, x)).numpy()  # type: ignore[no-any-return]

    return run


def call(work: Work) -> Callable[[], NDArray[Any]]:
    """Probabilities (N, T), from NumPy to NumPy."""
    p, X = _tensors(work), work.inputs()

    def run() -> NDArray[Any]:
        with torch.inference_mode():
            return torch.sigmoid(_logits(p, torch.from_numpy(X))).numpy()  # type: ignore[no-any-return]

    return run
