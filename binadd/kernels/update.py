"""The optimizers, as csrc/update.h has them; their equations are in `contract.Optimizer`."""

import numpy as np

from binadd.kernels.arithmetic import square_norm
from binadd.kernels.contract import Optimizer, Real


def _clip(gradient: Real, clip_norm: float) -> Real:
    """Scale the gradient down to the global norm `clip_norm` where it is longer."""
    if clip_norm == float("inf"):
        return gradient
    limit = gradient.dtype.type(clip_norm)
    norm = np.sqrt(square_norm(gradient))
    return gradient * (limit / norm) if norm > limit else gradient


def update(block: Real, moments: Real, powers: Real, gradient: Real, optimizer: Optimizer) -> None:
    """Take one step, in place."""
    real = block.dtype.type
    rate, mu = real(optimizer.learning_rate), real(optimizer.momentum)
    one = real(1)  # before NumPy 2, 1 − a float32 is a float64
    m, v = moments
    g = _clip(gradient, optimizer.clip_norm)
    if optimizer.name == "sgd":
        block -= rate * g
    elif optimizer.name == "adam":
        beta1, beta2 = real(optimizer.beta1), real(optimizer.beta2)
        powers *= np.array([beta1, beta2])
        m[...] = beta1 * m + (one - beta1) * g
        v[...] = beta2 * v + (one - beta2) * (g * g)
        m_hat = m * (one / (one - powers[0]))
        v_hat = v * (one / (one - powers[1]))
        block -= rate * (m_hat / (np.sqrt(v_hat) + real(optimizer.epsilon)))
    elif optimizer.name in ("momentum", "nesterov"):
        m[...] = mu * m + g
        block -= rate * (g + mu * m if optimizer.name == "nesterov" else m)
    else:
        raise NotImplementedError(optimizer.name)
