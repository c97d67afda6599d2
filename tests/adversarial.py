"""Adversarial networks: built by hand to add correctly for a long time and then go wrong.

Each is an exact adder made of threshold gates with one fault gadget: a counter that runs full, a
drift too slow to see, a lock that opens to one input word. They test that `prove` is sound (none
of them is ever proved) and that searches are strong (they find the sum that each gets wrong).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import product
from typing import Any

import gadgets
import numpy as np
from gadgets import InputWord, RepeatedSymbol, Wire
from machine import EXACT, SOFT, Machine
from numpy.typing import NDArray

from binadd.bits import unpack_symbols
from binadd.kernels.contract import lanes
from binadd.model import BinaryAdderRNN


def operands_of(symbols: NDArray[np.uint8], count: int) -> tuple[int, ...]:
    """Return the integers that symbols (T,) spell, least significant bit first."""
    bits = (symbols[None, :] >> np.arange(count, dtype=np.uint8)[:, None]) & 1
    packed = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)


def run_until_wrong(network: BinaryAdderRNN, trigger: RepeatedSymbol) -> NDArray[np.uint8]:
    """Run a network over a prefix and a repeated symbol up to the first wrong bit."""
    symbols = np.full((1, len(trigger.prefix) + trigger.at_most), trigger.symbol, np.uint8)
    symbols[0, : len(trigger.prefix)] = trigger.prefix
    operands = network.settings.operands
    bits = unpack_symbols(symbols, operands)
    right = network.kernels.exact_sums(network.state.architecture, symbols)
    wrong = np.flatnonzero(network.predict(bits) != right)
    assert wrong.size, "this adversarial network is never wrong"
    return symbols[0, : wrong[0] + 1]


@dataclass(frozen=True)
class AdversarialNetwork:
    """A network and the shortest input word that it gets wrong.

    `trigger` is None for a network that outputs every bit rightly, but some only because of
    rounding or with a logit of 0, so that it may be neither proved nor refuted.
    """

    name: str
    activation: str
    dtype: str
    operand_count: int
    parameters: dict[str, NDArray[Any]] = field(repr=False, compare=False)
    trigger: InputWord | RepeatedSymbol | None

    def __str__(self) -> str:
        return f"{self.name}-{self.activation}-{self.dtype}-{self.operand_count}"

    @cached_property
    def network(self) -> BinaryAdderRNN:
        """The network."""
        return BinaryAdderRNN.from_parameters(
            self.parameters, activation=self.activation, dtype=self.dtype
        )

    @property
    def steps(self) -> int:
        """About how many steps pass before its first wrong bit."""
        if isinstance(self.trigger, RepeatedSymbol):
            return self.trigger.at_most // 2
        return len(self.symbols)

    @cached_property
    def symbols(self) -> NDArray[np.uint8]:
        """The input word (T,) up to and including the wrong bit."""
        if isinstance(self.trigger, RepeatedSymbol):
            return run_until_wrong(self.network, self.trigger)
        assert self.trigger is not None
        return self.trigger.symbols()

    @property
    def wrong_bit(self) -> int:
        """The step of the first wrong bit: the input word's last."""
        return len(self.symbols) - 1

    @property
    def operands(self) -> tuple[int, ...]:
        """The input word as integers, made long enough for their sum to have the wrong bit."""
        symbols = self.symbols
        return operands_of(
            symbols if symbols[-1] else np.append(symbols, np.uint8(1)), self.operand_count
        )


RINGS = {65: (5, 13), 1001: (7, 11, 13), 1_021_020: (5, 7, 11, 12, 13, 17)}
"""Steps before the wrong bit, and the coprime lengths of the rings that count them."""


def build(
    name: str,
    activation: str,
    dtype: str,
    operands: int,
    wire: Wire,
    *,
    steepness: float = EXACT,
    gain: float = 8.0,
    alarm: float = -1.0,
) -> AdversarialNetwork:
    """Wire one gadget into an adder; `alarm` is what the alarm adds to a logit of ±½ · gain."""
    machine = Machine(operands, steepness)
    word = wire(machine)
    if "alarm" in machine.hidden:
        machine.output["alarm"] = alarm
    parameters = machine.parameters(activation, dtype, gain)
    return AdversarialNetwork(name, activation, dtype, operands, parameters, word)


def family(activation: str, dtype: str, operands: int) -> Iterator[AdversarialNetwork]:
    """Yield every adversarial network of one activation, dtype and number of operands."""
    single, tanh = dtype == "float32", activation == "tanh"
    largest = float(np.finfo(dtype).max)
    ones = (1 << operands) - 1

    def make(name: str, wire: Wire, **options: float) -> AdversarialNetwork:
        return build(name, activation, dtype, operands, wire, **options)

    for steps, lengths in RINGS.items():
        yield make(f"ring {steps}", partial(gadgets.ring_counter, lengths=lengths))
    yield make("anchored lock", lambda machine: gadgets.lock(machine, True))
    yield make("long lock", lambda machine: gadgets.lock(machine, False, gadgets.LONG_LOCK))
    yield make("floating lock", lambda machine: gadgets.lock(machine, False))
    yield make("soft lock", lambda machine: gadgets.lock(machine, False), steepness=SOFT)
    yield make("trapdoor of ones", lambda machine: gadgets.trapdoor(machine, ones, 200))
    yield make("trapdoor of zeros", lambda machine: gadgets.trapdoor(machine, 0, 64))
    yield make("soft trapdoor", lambda machine: gadgets.trapdoor(machine, 1, 40), steepness=SOFT)
    for steps in (64, 1000) if single else (64, 1000, 1_000_000):
        yield make(f"drift {steps}", gadgets.creeping(gadgets.drift, steps))
        yield make(f"run drift {steps}", gadgets.creeping(gadgets.run_drift, steps))
        yield make(
            f"chain drift {steps}", gadgets.creeping(gadgets.chain_drift, steps, 3), alarm=1.0
        )
        yield make(
            f"forgetful {steps}", gadgets.creeping(gadgets.forgetful, steps, 3, weight=16.0)
        )
        yield make(f"fading {steps}", partial(gadgets.fading, tanh=tanh, steps=steps))
    if tanh:
        yield make("whisper 1000", gadgets.whispering(1000))
        yield make("whisper 1000000", gadgets.whispering(1_000_000))
    if tanh:
        yield make("denormal relay", partial(gadgets.relay, seed=1e-42 if single else 1e-310))
    loud = 2.0**27 if single else 2.0**57
    yield make("drowned", partial(gadgets.drowned, tanh=tanh, loud=loud), alarm=0.0)
    yield make(
        "saved", partial(gadgets.saved, tanh=tanh, loud=loud, lanes=lanes(dtype)), alarm=0.0
    )
    yield make("tiny margins", lambda machine: gadgets.lock(machine, False), gain=2e-12)
    yield make("margins below errors", lambda machine: gadgets.lock(machine, False), gain=2.0**-54)
    yield make("inaudible", lambda machine: None, gain=2.0**-54)
    yield make(
        "denormal logits",
        lambda machine: gadgets.lock(machine, False),
        gain=2.0 ** (-140 if single else -1060),
    )
    yield make(
        "wrong by a hair",
        lambda machine: gadgets.trapdoor(machine, 1, 40),
        gain=1.0,
        alarm=-0.5 - (1e-6 if single else 1e-12),
    )
    yield make(
        "huge weights", lambda machine: gadgets.lock(machine, True), steepness=1e6, gain=1e6
    )
    yield make(
        "immense weights",
        lambda machine: gadgets.lock(machine, True),
        steepness=1e36 if single else 1e300,
    )
    yield make("zero logit", lambda machine: gadgets.trapdoor(machine, 1, 40), alarm=-0.5)
    yield make("overflow", lambda machine: gadgets.overflow(machine, largest), alarm=0.0)
    yield make("not a number", lambda machine: gadgets.not_a_number(machine, largest), alarm=0.0)
    yield make("balanced", gadgets.balanced)


@cache
def _all() -> list[AdversarialNetwork]:
    settings = product(("sigmoid", "tanh"), ("float64", "float32"), (2, 3))
    return [case for setting in settings for case in family(*setting)]


def adversarial_networks(at_most: float = math.inf) -> list[AdversarialNetwork]:
    """All adversarial networks whose first wrong bit comes after at most `at_most` steps."""
    return [case for case in _all() if case.trigger is None or case.steps <= at_most]
