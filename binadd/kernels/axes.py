"""Principal axes of states, in NumPy: the definition of `principal_axes`.

csrc/axes.h computes the same operations in the same order.
"""

from __future__ import annotations

import numpy as np

from binadd.kernels import arguments
from binadd.kernels.contract import Architecture, Real, Reals
from binadd.kernels.mode import quiet_ieee_mode

JACOBI_SWEEPS = 6


@quiet_ieee_mode()
def principal_axes(architecture: Architecture, states: Reals, centres: Reals) -> Reals:
    """See `contract.Kernels.principal_axes`: Jacobi's rotations, all sets at once.

    (C. G. J. Jacobi, "Über ein leichtes Verfahren …", 1846; G. H. Golub & C. F. Van Loan, "Matrix
    Computations", section 8.5.)
    """
    arguments.check_axes(architecture, states, centres)
    size, columns = architecture.hidden_size, architecture.block_shape[1]
    sets = len(states)
    matrix = np.zeros((sets, size, columns))  # Σ (x − o)(x − o)ᵀ
    axes = np.zeros((sets, size, columns))
    y = np.zeros((sets, columns))
    for i in range(states.shape[1]):
        y[:, :size] = states[:, i] - centres[:, :size]
        matrix = matrix + y[:, None, :] * y[:, :size, None]
    axes[:, np.arange(size), np.arange(size)] = 1
    for _ in range(JACOBI_SWEEPS):
        for p in range(size):
            for q in range(p + 1, size):
                _rotate(matrix, axes, p, q)
    lengths = np.diagonal(matrix, axis1=1, axis2=2)
    for k in range(sets):
        axes[k] = axes[k][_by_length(lengths[k].tolist())]
    return axes


def _rotate(matrix: Real, axes: Real, p: int, q: int) -> None:
    """Make elements (p, q) of symmetric matrices zero, and turn the axes alike."""
    turned = np.flatnonzero(matrix[:, p, q] != 0)
    if not len(turned):
        return
    theta = (matrix[turned, q, q] - matrix[turned, p, p]) / (2 * matrix[turned, p, q])
    root = np.sqrt(theta * theta + 1)
    t = np.where(theta < 0, -1 / (root - theta), 1 / (theta + root))
    c = (1 / np.sqrt(t * t + 1))[:, None]
    s = t[:, None] * c
    for rows in (matrix, matrix.swapaxes(1, 2), axes):
        old, other = rows[turned, p], rows[turned, q]
        rows[turned, p], rows[turned, q] = old * c - other * s, old * s + other * c


def _by_length(lengths: list[float]) -> list[int]:
    """Order by falling length, equal ones as they stand, by insertion."""
    order: list[int] = []
    for i, length in enumerate(lengths):
        place = i
        while place > 0 and lengths[order[place - 1]] < length:
            place -= 1
        order.insert(place, i)
    return order
