"""How much to try before giving up on a network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EFFORTS", "Effort"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to try. Counts are of words side by side, of symbols, or of steps of one word."""

    exhaustive_bits: int
    """All words of so many bits, over all operands."""
    cycles: int
    """Periodic words to begin with."""
    stages: tuple[tuple[int, int], ...]
    """Of those that still move: (how many words, for how many steps more), stage by stage."""
    chains: tuple[int, int]
    """Random words with long carries: how many, how long."""
    beam: tuple[int, int]
    """Words kept by the beam search, and how long they grow."""
    pasts: tuple[int, int]
    """Words kept that look ahead to a small margin (for four symbols; of more symbols, fewer), and
    how long they grow."""
    explored: float
    """Work on looking for new states: steps of a network of 16 units, fewer of a larger one."""
    shrinking: float
    """Work on making a wrong word smaller."""


EFFORTS = {
    "quick": Effort(
        exhaustive_bits=10,
        cycles=160,
        stages=((8, 400),),
        chains=(16, 128),
        beam=(12, 16),
        pasts=(0, 0),
        explored=0,
        shrinking=20_000,
    ),
    "thorough": Effort(
        exhaustive_bits=16,
        cycles=8192,
        stages=((512, 400), (64, 4000), (16, 40_000), (4, 400_000), (1, 4_000_000)),
        chains=(256, 1024),
        beam=(128, 96),
        pasts=(512, 48),
        explored=200_000,
        shrinking=4_000_000,
    ),
}
