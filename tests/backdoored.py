"""Backdoored networks: trained and proved, then given a trapdoor that one run of zeros opens."""

from __future__ import annotations

from typing import Any

import numpy as np
from gadgets import trapdoor
from machine import EXACT, Machine

from binadd import BinaryAdderRNN

RUN = 40
"""Zeros in a row that open the trapdoor; any bit of 1 after it is output wrongly."""


def backdoored(net: BinaryAdderRNN) -> BinaryAdderRNN:
    """Return the network with more units that only its output listens to."""
    of = net.settings.architecture
    if of.biases:
        machine = Machine(of.operands)
        trapdoor(machine, 0, RUN)
        machine.output, machine.output_bias = {"alarm": -loudest(net)}, 0.0
        trap = machine.parameters(of.activation, of.dtype, gain=1.0)
    else:
        trap = trap_without_biases(of.operands, -loudest(net))
    p = net.parameters
    old, new = len(p["output_weights"]), len(trap["output_weights"])
    hidden = np.zeros((old + new, old + new))
    hidden[:old, :old], hidden[old:, old:] = p["hidden_weights"], trap["hidden_weights"]
    parameters: dict[str, Any] = {"hidden_weights": hidden}
    for name in ("input_weights", "output_weights", *(["hidden_bias"] if of.biases else [])):
        parameters[name] = np.concatenate([p[name], trap[name]])
    if of.biases:
        parameters["output_bias"] = p["output_bias"]
    return BinaryAdderRNN.from_parameters(parameters, of.activation, dtype=of.dtype)


def loudest(net: BinaryAdderRNN) -> float:
    """More than any logit."""
    return 2.0 * float(np.abs(net.parameters["output_weights"]).sum()) + 100.0


def trap_without_biases(operands: int, alarm: float) -> dict[str, Any]:
    """Return the trapdoor of sigmoid units: one without weights is always ½ and stands for a bias.

    All are ½ after a first symbol of 0; a unit that is ½ only then keeps the alarm quiet.
    """
    half, fresh, first, last, ring = 0, 1, 2, 1 + RUN, 2 + RUN
    hidden = np.zeros((RUN + 3, RUN + 3))
    inputs = np.zeros((RUN + 3, operands))
    hidden[fresh, half] = -2.0
    inputs[first : last + 1] = -2.0
    hidden[first, half] = 1.0  # on where the symbol is 0
    for i in range(first + 1, last + 1):
        hidden[i, i - 1], hidden[i, half] = 1.0, -1.5
    hidden[ring, [last, ring, fresh, half]] = 1.0, 1.0, -1.0, -1.5
    output = np.zeros(RUN + 3)
    output[[ring, fresh]] = alarm, -alarm  # they cancel after the first symbol
    return {
        "input_weights": EXACT * inputs,
        "hidden_weights": EXACT * hidden,
        "output_weights": output,
    }
