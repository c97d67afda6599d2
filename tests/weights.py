"""Weights that `net.parameters` would refuse: what is not finite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from binadd import BinaryAdderRNN
from binadd.parameters import named_views


def put(net: BinaryAdderRNN, name: str, index: Any, value: float) -> None:
    """Write a weight into the network's block, unchecked."""
    state = net.state
    block = state.block.copy()
    named_views(state.architecture, block)[name][index] = value
    net.state = replace(state, block=block)
