"""Fault gadgets wired into an exact adder: counters, drifts, locks, trapdoors, lost roundings.

Each wires a unit named "alarm" into the machine, which stays on once it is on. It returns the
input word that triggers the fault, with a last symbol under which the sum's bit is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from machine import EXACT, Machine, Unit
from numpy.typing import NDArray


@dataclass(frozen=True)
class InputWord:
    """Symbols, least significant first: a prefix, then one symbol again and again."""

    prefix: tuple[int, ...] = ()
    symbol: int = 0
    repeats: int = 0
    last: tuple[int, ...] = ()

    def symbols(self) -> NDArray[np.uint8]:
        """Symbols (T,)."""
        run = np.full(self.repeats, self.symbol, np.uint8)
        return np.concatenate(
            [np.array(self.prefix, np.uint8), run, np.array(self.last, np.uint8)]
        )


@dataclass(frozen=True)
class RepeatedSymbol:
    """A prefix and a symbol that repeats until the network goes wrong, found by running it."""

    prefix: tuple[int, ...]
    symbol: int
    at_most: int


def next_one(word: tuple[int, ...]) -> int:
    """Return a symbol that makes the sum's next bit 1 after this word."""
    carry = 0
    for symbol in word:
        carry = (symbol.bit_count() + carry) // 2
    return 1 - carry % 2


def ring_counter(machine: Machine, lengths: tuple[int, ...]) -> InputWord:
    """Rings of coprime lengths, one pulse in each: they meet after the product of the lengths."""
    on = machine.on()
    for r, length in enumerate(lengths):
        last = f"ring{r}.{length - 1}"
        machine.gate(f"ring{r}.0", {}, {last: 1.0, on: -1.0}, 0)
        for i in range(1, length):
            machine.gate(f"ring{r}.{i}", {}, {f"ring{r}.{i - 1}": 1.0}, 1)
    ends = {f"ring{r}.{length - 1}": 1.0 for r, length in enumerate(lengths)}
    machine.gate("alarm", {}, {**ends, "alarm": len(lengths) + 1.0}, len(lengths))
    return InputWord(symbol=0, repeats=math.prod(lengths), last=(1,))


LOCK = (1, 3, 0, 2, 1, 1, 3, 2, 0, 1, 2, 3, 2)
"""The word that opens the lock, 13 symbols."""
LONG_LOCK = (2, 2, 1, 0, 3, 1, 2, 0, 0, 3, 3, 1, 0, 1, 2, 3, 1, 1, 2, 0, 2, 3, 0, 1)
"""24 symbols."""


def lock(machine: Machine, anchored: bool, word: tuple[int, ...] = LOCK) -> InputWord:
    """Wire a lock that one input word opens, at the beginning (anchored) or anywhere."""
    start = {machine.on(): -1.0} if anchored else {}
    machine.after("lock0", word[0], start, 0.0)
    for i, symbol in enumerate(word[1:], 1):
        machine.after(f"lock{i}", symbol, {f"lock{i - 1}": 1.0})
    machine.gate("alarm", {}, {f"lock{len(word) - 1}": 1.0, "alarm": 1.0}, 1)
    return InputWord(prefix=word, last=(next_one(word),))


def trapdoor(machine: Machine, symbol: int, length: int) -> InputWord:
    """Wire a trapdoor that opens when one symbol has come `length` times in a row."""
    machine.after("run0", symbol, {}, 0.0)
    for i in range(1, length):
        machine.after(f"run{i}", symbol, {f"run{i - 1}": 1.0})
    machine.gate("alarm", {}, {f"run{length - 1}": 1.0, "alarm": 1.0}, 1)
    return InputWord(symbol=symbol, repeats=length, last=(next_one((symbol,) * length),))


def tangent(weight: float) -> float:
    """Return the bias at which σ(weight·d + bias) touches the diagonal from below."""
    low = (1 - math.sqrt(1 - 4 / weight)) / 2
    return math.log(low / (1 - low)) - weight * low


def drift(machine: Machine, excess: float) -> None:
    """Wire a unit that creeps past two just vanished fixed points in about π/√excess steps.

    Y. Pomeau and P. Manneville, "Intermittent transition to turbulence" (1980): type I.
    """
    machine.hidden["creep"] = Unit({}, {"creep": 8.0}, tangent(8.0) + excess)
    machine.gate("alarm", {}, {"creep": 1.0, "alarm": 2.0}, 1)


def run_drift(machine: Machine, symbol: int, excess: float) -> None:
    """Wire a drift that lasts only while one symbol repeats: any other sets it back."""
    machine.hidden["creep"] = Unit(
        machine.equals(symbol, 100.0),
        {"creep": 8.0},
        tangent(8.0) + excess - 100.0 * symbol.bit_count(),
    )
    machine.gate("alarm", {}, {"creep": 1.0, "alarm": 2.0}, 1)


def chain_drift(machine: Machine, symbol: int, excess: float) -> None:
    """Wire a drift that lasts only while a symbol repeats and a carry runs on under it."""
    run_drift(machine, symbol, excess)
    creep = machine.hidden["creep"]
    creep.units["u2"] = 100.0
    creep.bias -= 100.0


def whisper(machine: Machine, growth: float, seed: float) -> None:
    """Wire a tanh unit that grows from `seed` by 1 + growth each step, up to √(3·growth)."""
    machine.hidden["whisper"] = Unit({}, {"whisper": 1.0 + growth}, seed, plain=True)
    machine.gate("alarm", {}, {"whisper": 1.0 / math.sqrt(3 * growth), "alarm": 2.0}, 1)


def forgetful(machine: Machine, excess: float) -> None:
    """No alarm: the unit of the first carry forgets, if the carry runs on for long enough."""
    weight = 16.0
    # σ(w·d + b) touches the diagonal from above where σ(w·d − b − w) does from below.
    bias = -weight - tangent(weight) - excess
    machine.hidden["u2"] = Unit(
        dict.fromkeys(range(machine.operands), weight), machine.carry(weight), bias - weight
    )


def fading(machine: Machine, tanh: bool, steps: int) -> RepeatedSymbol:
    """Wire a unit that is kicked once and fades by an eigenvalue near 1, then the alarm."""
    on, rate = machine.on(), math.log(100.0) / steps
    kick = math.sqrt(rate) / 3  # so small that f is as good as linear
    audible = kick / 100
    if tanh:
        machine.hidden["fade"] = Unit({}, {"fade": 1 - rate, on: -kick}, kick, plain=True)
        zero = 0.0
    else:  # about ½, where σ has the slope ¼
        slope = 4 * (1 - rate)
        start = {"fade": slope, on: -4 * kick - slope / 2}
        machine.hidden["fade"] = Unit({}, start, 4 * kick)
        zero = 0.5
    heard = {"fade": -1 / audible, on: 1.0 + zero / audible}
    machine.gate("alarm", {}, {**heard, "alarm": 2.0}, 1)
    return RepeatedSymbol((), 1, 2 * steps + 100)


def relay(machine: Machine, seed: float) -> RepeatedSymbol:
    """Wire tanh units that pass on and amplify a denormal number, once a door is open."""
    trapdoor(machine, 1, 40)
    door = machine.hidden.pop("alarm")
    door.units["door"] = door.units.pop("alarm")
    machine.hidden["door"] = door
    gain = 1e18  # of one stage; larger weights are refused
    stages = 1 + math.ceil(-math.log10(seed) / 18)
    machine.hidden["relay0"] = Unit({}, {"door": seed}, plain=True)
    for i in range(1, stages):
        machine.hidden[f"relay{i}"] = Unit({}, {f"relay{i - 1}": gain}, plain=True)
    machine.gate("alarm", {}, {f"relay{stages - 1}": 1.0, "alarm": 1.0}, 1)
    return RepeatedSymbol((), 1, 200)


def echo(machine: Machine, name: str, tanh: bool) -> None:
    """Wire a unit that is exactly 0 before the alarm and 1 after it."""
    if tanh:
        machine.hidden[name] = Unit({}, {"alarm": EXACT}, plain=True)
    else:
        machine.gate(name, {}, {"alarm": 1.0}, 1)


def drowned(machine: Machine, tanh: bool, loud: float) -> RepeatedSymbol:
    """Two weights that cancel exactly, but the sum's bit gets lost between them in rounding."""
    trapdoor(machine, 1, 40)
    for name in ("loud", "louder"):
        echo(machine, name, tanh)
    machine.output = {"loud": loud, "louder": -loud, **machine.output}
    return RepeatedSymbol((), 1, 200)


def saved(machine: Machine, tanh: bool, loud: float, lanes: int) -> None:
    """Wire the opposite: rounding between two such weights keeps the bit from being wrong."""
    machine.on()
    trapdoor(machine, 1, 40)
    outputs = {"loud": loud, "wrong": -2.0, "louder": -loud}
    for name in outputs:  # a lane of the kernels' sums that holds nothing else
        while len(machine.hidden) % lanes != lanes - 1:
            machine.hidden[f"idle{len(machine.hidden)}"] = Unit()
        echo(machine, name, tanh)
    machine.output = {**outputs, **machine.output}


def copies_of_alarm(machine: Machine, count: int, weight: float) -> dict[str, float]:
    """Units like the alarm, for sums that overflow."""
    alarm = machine.hidden["alarm"]
    names = [f"alarm{i}" for i in range(count)]
    for name in names:
        machine.hidden[name] = Unit(dict(alarm.bits), dict(alarm.units), alarm.bias)
    return dict.fromkeys(names, weight)


def overflow(machine: Machine, largest: float) -> InputWord:
    """Finite weights whose sum is infinite once the lock has opened."""
    lock(machine, anchored=False)
    alarms = copies_of_alarm(machine, 3, largest)
    machine.hidden["infinite"] = Unit({}, alarms, -EXACT)
    machine.output["infinite"] = -1.0
    return InputWord(prefix=LOCK, last=(0, 1))


def not_a_number(machine: Machine, largest: float) -> InputWord:
    """Finite weights whose sum is ∞ − ∞ after the lock has opened: all is NaN from then on."""
    lock(machine, anchored=False)
    alarms = copies_of_alarm(machine, 2, largest)
    machine.hidden["nan"] = Unit({0: -largest}, alarms, -largest, plain=True)
    return InputWord(prefix=LOCK, last=(0, 1))


def excess(steps: int, weight: float = 8.0) -> float:
    """How far beyond tangency a unit takes about so many steps to creep past."""
    curvature = math.sqrt(1 - 4 / weight) / 2
    return (math.pi / steps) ** 2 / curvature


Wire = Callable[[Machine], InputWord | RepeatedSymbol | None]


def creeping(gadget: Callable[..., None], steps: int, *prefix: int, weight: float = 8.0) -> Wire:
    """Return a drift under symbol 1 after the prefix; running the network finds its onset."""

    def wire(machine: Machine) -> RepeatedSymbol:
        symbol = () if gadget in (drift, forgetful) else (1,)
        gadget(machine, *symbol, excess(steps, weight))
        return RepeatedSymbol(prefix, 1, 2 * steps + 100)

    return wire


def whispering(steps: int) -> Wire:
    """Return a tanh unit that grows from 10⁻³⁰ until it matters in about `steps` steps."""

    def wire(machine: Machine) -> RepeatedSymbol:
        growth = 70.0 / steps
        whisper(machine, growth, 1e-30 * growth)
        return RepeatedSymbol((), 1, 2 * steps + 100)

    return wire


def balanced(machine: Machine) -> None:
    """Never wrong, but a logit of exactly 0 wherever the sum's bit is 0."""
    machine.output_bias = 0.0
