"""Write down, as plans of a certificate, how cases were stepped and where they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from binadd.proof.search.histories import Graph, Integers

__all__ = ["Plan", "box_plans", "cell_plans", "followed_plans", "length", "start_plan"]

HULL, AFFINE = 0, 1
Plan: TypeAlias = tuple[int, ...]


def length(plans: Sequence[Plan]) -> int:
    """Words of all plans: about as long as a check of them takes."""
    return sum(map(len, plans))


def box_plans(graph: Graph) -> tuple[Plan, ...]:
    """Write the plans of boxes that are stepped once."""
    targets = (-2 - graph.successors).tolist()  # set q + 1
    return (start_plan(graph), *((HULL, *ends) for ends in targets))


def followed_plans(levels: list[Integers], graph: Graph, ends: Integers) -> tuple[Plan, ...]:
    """Write the plan of the initial state, and of each history's set.

    `ends` (M,): for each short word, the case of level 0 that it leads to, or a set.
    """
    rows = [level.tolist() for level in levels]
    followed = [[end] if end < 0 else _write(rows, 0, end) for end in ends.tolist()]
    return (_start_plan(graph, followed), *(tuple(_write(rows, 0, q)) for q in range(len(graph))))


def cell_plans(levels: list[Integers], count: int) -> list[Plan]:
    """Write the plans of the first `count` cases of level 0."""
    rows = [level.tolist() for level in levels]
    return [tuple(_write(rows, 0, case)) for case in range(count)]


def start_plan(graph: Graph) -> Plan:
    """Write the plan of the initial state if short words end in their histories' sets."""
    return _start_plan(graph, [[-2 - q] for q in _start_ends(graph)])


def _write(rows: list[list[list[int]]], level: int, case: int) -> list[int]:
    plan = [AFFINE]
    for child in rows[level][case]:
        plan += [child] if child < 0 else _write(rows, level + 1, child)
    return plan


def _start_ends(graph: Graph) -> list[int]:
    """The histories of the short words, in the order of `ShortWords`."""
    return [
        -1 - entry for level in graph.start for entry in level.reshape(-1).tolist() if entry < 0
    ]


def _start_plan(graph: Graph, ends: list[list[int]]) -> Plan:
    """Write the plan of the initial state; `ends` says how each short word goes on."""
    remaining = iter(ends)
    rows = [
        [[next(remaining) if entry < 0 else entry for entry in row] for row in level.tolist()]
        for level in graph.start
    ]

    def write(level: int, word: int) -> list[int]:
        plan = [HULL]
        for entry in rows[level][word]:
            plan += write(level + 1, entry) if isinstance(entry, int) else entry
        return plan

    return tuple(write(0, 0))
