"""Minimal machines: E. F. Moore, "Gedanken-experiments on sequential machines", 1956."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from binadd.bits import every_symbol, popcounts
from binadd.errors import CertificateError

__all__ = ["Integers", "carries", "coarsest"]

Integers: TypeAlias = NDArray[np.intp]


def coarsest(outputs: Integers, successors: Integers) -> Integers:
    """Return the class of each state: states are in one class if no word tells them apart."""
    classes = np.unique(outputs, axis=0, return_inverse=True)[1].reshape(-1)
    while True:
        rows = np.column_stack([classes, classes[successors]])
        finer = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == classes.max():
            return classes
        classes = finer


def carries(
    outputs: Integers,
    successors: Integers,
    classes: Integers,
    operands: int,
) -> Integers:
    """Return the carry that each state (S,) stands for, −1 for states that no word leads to.

    Walk the machine and the carry automaton
    together from their starts, and demand that classes and carries correspond one to one, with
    the same outputs: an isomorphism of minimal machines.
    """
    ones = popcounts(every_symbol(operands)).astype(np.intp)
    carry_of = np.full(len(classes), -1)
    carry_of[0] = 0
    front = [0]
    while front:
        state = front.pop()
        totals = ones + carry_of[state]
        _demand(np.array_equal(outputs[state], totals % 2), "says other bits than addition")
        for following, carry in zip(successors[state].tolist(), totals // 2, strict=True):
            if carry_of[following] < 0:
                carry_of[following] = carry
                front.append(following)
            _demand(carry_of[following] == carry, "has a state that stands for two carries")
    pairs = np.unique(np.column_stack([classes, carry_of])[carry_of >= 0], axis=0)
    one_to_one = len(pairs) == len(np.unique(pairs[:, 0])) == operands
    _demand(one_to_one, "has other states than there are carries")
    return carry_of


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise CertificateError(f"the certificate's machine {what}")
