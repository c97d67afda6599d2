"""Minimal machines: E. F. Moore, "Gedanken-experiments on sequential machines", 1956."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from binadd.bits import every_symbol, popcounts
from binadd.errors import CertificateError
from binadd.proof.automaton.contexts import Integers

__all__ = ["carries", "coarsest"]


def coarsest(outputs: Integers, successors: Integers) -> Integers:
    """The class of each state: states are in one class if no word tells them apart."""
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
    peers: Mapping[int, list[int]],
) -> Integers:
    """The carry that each state (S,) stands for, −1 for states that no word leads to.

    A word that leads to a state leads to its peers, too. Walks the machine and the carry automaton
    together from their starts, and demands that classes and carries correspond one to one, with
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
            for reached in (following, *peers.get(following, ())):
                if carry_of[reached] < 0:
                    carry_of[reached] = carry
                    front.append(reached)
                _demand(carry_of[reached] == carry, "has a state that stands for two carries")
    pairs = np.unique(np.column_stack([classes, carry_of])[carry_of >= 0], axis=0)
    one_to_one = len(pairs) == len(np.unique(pairs[:, 0])) == operands
    _demand(one_to_one, "has other states than there are carries")
    return carry_of


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise CertificateError(f"the certificate's machine {what}")
