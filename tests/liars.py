"""Networks built by hand that add rightly for a long time and then lie.

Each is an exact adder made of threshold gates, with a flaw wired in: a counter that runs full, a
drift too slow to see, a lock that opens to one word. They test that `prove` is sound (no liar is
ever proved) and that `refute` is strong (the sum that a liar gets wrong is found).

The gates. With n operands, unit k of the 2n − 1 adder units is on where [symbol's ones + carry]
≥ k. The carry is the number of even units that are on, the sum's bit is their alternating sum:

    uₖ(t) = [|x(t)| + u₂(t−1) + u₄(t−1) + … ≥ k]        bit(t) = u₁ − u₂ + u₃ − …

A gate [v ≥ 0] is σ(s·(v + ½)) of a weighted sum v of bits, with a steepness s: 4,000 saturates σ
to exactly 0 and 1, 20 leaves some 10⁻⁵. A tanh network is the same machine with every
h = (h′ + 1)/2, σ(a) = (1 + tanh(a/2))/2; since h starts at 0 and h′ at 0 too, the 1 comes from a
unit that is on from the first step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from binadd.bits import unpack_symbols
from binadd.model import BinaryAdderRNN

EXACT = 4000.0
SOFT = 20.0
ON = "on"
"""The unit that is on from the first step."""


@dataclass
class Unit:
    """One hidden unit: what it listens to, as if every unit were 0 or 1."""

    bits: dict[int, float] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)
    bias: float = 0.0
    plain: bool = False
    """Weights are those of a tanh unit already, and whoever listens reads its h′ as it is."""


class Machine:
    """A network of gates: the adder, and whatever is wired to it."""

    def __init__(self, operands: int, steepness: float = EXACT) -> None:
        self.operands = operands
        self.steepness = steepness
        self.hidden: dict[str, Unit] = {}
        self.output: dict[str, float] = {}
        self.output_bias = -0.5
        for k in range(1, 2 * operands):
            self.gate(f"u{k}", dict.fromkeys(range(operands), 1.0), self.carry(), k)
            self.output[f"u{k}"] = 1.0 if k % 2 else -1.0

    def carry(self, weight: float = 1.0) -> dict[str, float]:
        """The units whose number is the carry."""
        return {f"u{k}": weight for k in range(2, 2 * self.operands, 2)}

    def gate(
        self, name: str, bits: dict[int, float], units: dict[str, float], least: float
    ) -> None:
        """A unit that is on where the weighted sum of bits and units is at least `least`."""
        s = self.steepness
        self.hidden[name] = Unit(
            {i: s * w for i, w in bits.items()},
            {k: s * w for k, w in units.items()},
            -s * (least - 0.5),
        )

    def on(self) -> str:
        """The unit that is on from the first step, added where it is missing."""
        self.hidden.setdefault(ON, Unit(bias=EXACT))
        return ON

    def equals(self, symbol: int, weight: float = 1.0) -> dict[int, float]:
        """Weights of the bits; their sum is |symbol|·weight for the symbol, less for others."""
        return {i: weight if symbol >> i & 1 else -weight for i in range(self.operands)}

    def after(self, name: str, symbol: int, before: dict[str, float], least: float = 1.0) -> None:
        """A gate: the symbol is this one, and the units before it weigh at least `least`."""
        large = 2.0 + sum(abs(w) for w in before.values())
        self.gate(name, self.equals(symbol, large), before, large * symbol.bit_count() + least)

    def parameters(
        self, activation: str, dtype: str, gain: float = 8.0
    ) -> dict[str, NDArray[Any]]:
        """The arrays of `BinaryAdderRNN.from_parameters`; `gain` multiplies the logit."""
        tanh = activation == "tanh"
        if tanh:
            self.on()
        index = {name: j for j, name in enumerate(self.hidden)}
        size = len(index)
        inputs, hidden, bias = (
            np.zeros((size, self.operands)),
            np.zeros((size, size)),
            np.zeros(size),
        )
        for name, unit in self.hidden.items():
            j = index[name]
            half = 0.5 if tanh and not unit.plain else 1.0
            bias[j] = unit.bias * half
            for i, weight in unit.bits.items():
                inputs[j, i] = weight * half
            for source, weight in unit.units.items():
                self._listen(hidden[j], index, source, weight * half, tanh)
        output, output_bias = np.zeros(size), self.output_bias * gain
        for source, weight in self.output.items():
            self._listen(output, index, source, weight * gain, tanh)
        arrays = {
            "input_weights": inputs,
            "hidden_weights": hidden,
            "hidden_bias": bias,
            "output_weights": output,
            "output_bias": np.asarray(output_bias),
        }
        return {name: array.astype(dtype) for name, array in arrays.items()}

    def _listen(
        self, row: NDArray[Any], index: dict[str, int], source: str, weight: float, tanh: bool
    ) -> None:
        """Listen to h = (h′ + 1)/2 of a source in a tanh network, to h of it in a sigmoid one."""
        if tanh and not self.hidden[source].plain:
            row[index[source]] += weight / 2
            row[index[ON]] += weight / 2
        else:
            row[index[source]] += weight


# ------------------------------------------------------------------------------------------ words


@dataclass(frozen=True)
class Word:
    """A word of symbols, least significant first: a prefix, then one symbol again and again."""

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
class Forever:
    """A prefix and a symbol that repeats until the network goes wrong, found by running it."""

    prefix: tuple[int, ...]
    symbol: int
    at_most: int


def operands_of(symbols: NDArray[np.uint8], count: int) -> tuple[int, ...]:
    """The integers that symbols (T,) spell, least significant bit first."""
    bits = (symbols[None, :] >> np.arange(count, dtype=np.uint8)[:, None]) & 1
    packed = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)


def run_until_wrong(network: BinaryAdderRNN, lie: Forever) -> NDArray[np.uint8]:
    """Run a network over a prefix and a repeated symbol up to the first wrong bit."""
    symbols = np.full((1, len(lie.prefix) + lie.at_most), lie.symbol, np.uint8)
    symbols[0, : len(lie.prefix)] = lie.prefix
    operands = network.settings.operands
    bits = unpack_symbols(symbols, operands)
    wrong = np.flatnonzero(network.predict(bits) != network.kernels.exact_sums(symbols, operands))
    assert wrong.size, "this liar tells the truth"
    return symbols[0, : wrong[0] + 1]


def next_one(word: tuple[int, ...]) -> int:
    """A symbol that makes the sum's next bit 1 after this word."""
    carry = 0
    for symbol in word:
        carry = (symbol.bit_count() + carry) // 2
    return 1 - carry % 2


@dataclass(frozen=True)
class Liar:
    """A network and the shortest word that it gets wrong.

    `lie` is None for a network that says every bit rightly but some by a logit of 0, so that it
    may be neither proved nor refuted.
    """

    name: str
    activation: str
    dtype: str
    operand_count: int
    parameters: dict[str, NDArray[Any]] = field(repr=False, compare=False)
    lie: Word | Forever | None

    def __str__(self) -> str:
        return f"{self.name}-{self.activation}-{self.dtype}-{self.operand_count}"

    @cached_property
    def network(self) -> BinaryAdderRNN:
        """The lying network."""
        return BinaryAdderRNN.from_parameters(
            self.parameters, activation=self.activation, dtype=self.dtype
        )

    @property
    def steps(self) -> int:
        """About how many steps it tells the truth for."""
        if isinstance(self.lie, Forever):
            return self.lie.at_most // 2
        return len(self.symbols)

    @cached_property
    def symbols(self) -> NDArray[np.uint8]:
        """The word (T,) up to and including the wrong bit."""
        if isinstance(self.lie, Forever):
            return run_until_wrong(self.network, self.lie)
        assert self.lie is not None
        return self.lie.symbols()

    @property
    def wrong_bit(self) -> int:
        """The step at which it lies for the first time: the word's last."""
        return len(self.symbols) - 1

    @property
    def operands(self) -> tuple[int, ...]:
        """The word as integers, made long enough for their sum to have the wrong bit."""
        symbols = self.symbols
        return operands_of(
            symbols if symbols[-1] else np.append(symbols, np.uint8(1)), self.operand_count
        )


# ---------------------------------------------------------------------------------------- flaws
# Each wires a unit named "alarm" into the machine, which stays on once it is on; where the word is
# known beforehand, it is returned, with a last symbol under which the sum's bit is 1.


def ring_counter(machine: Machine, lengths: tuple[int, ...]) -> Word:
    """Rings of coprime lengths, one pulse in each: they meet after the product of the lengths."""
    on = machine.on()
    for r, length in enumerate(lengths):
        last = f"ring{r}.{length - 1}"
        machine.gate(f"ring{r}.0", {}, {last: 1.0, on: -1.0}, 0)
        for i in range(1, length):
            machine.gate(f"ring{r}.{i}", {}, {f"ring{r}.{i - 1}": 1.0}, 1)
    ends = {f"ring{r}.{length - 1}": 1.0 for r, length in enumerate(lengths)}
    machine.gate("alarm", {}, {**ends, "alarm": len(lengths) + 1.0}, len(lengths))
    return Word(symbol=0, repeats=math.prod(lengths), last=(1,))


LOCK = (1, 3, 0, 2, 1, 1, 3, 2, 0, 1, 2, 3, 2)
"""The word that opens the lock, 13 symbols."""


def lock(machine: Machine, anchored: bool) -> Word:
    """Opens to one word of 13 symbols, at the beginning (anchored) or anywhere in the sum."""
    word = LOCK
    start = {machine.on(): -1.0} if anchored else {}
    machine.after("lock0", word[0], start, 0.0)
    for i, symbol in enumerate(word[1:], 1):
        machine.after(f"lock{i}", symbol, {f"lock{i - 1}": 1.0})
    machine.gate("alarm", {}, {f"lock{len(word) - 1}": 1.0, "alarm": 1.0}, 1)
    return Word(prefix=word, last=(next_one(word),))


def trapdoor(machine: Machine, symbol: int, length: int) -> Word:
    """Opens when one symbol has come `length` times in a row."""
    machine.after("run0", symbol, {}, 0.0)
    for i in range(1, length):
        machine.after(f"run{i}", symbol, {f"run{i - 1}": 1.0})
    machine.gate("alarm", {}, {f"run{length - 1}": 1.0, "alarm": 1.0}, 1)
    return Word(symbol=symbol, repeats=length, last=(next_one((symbol,) * length),))


def tangent(weight: float) -> float:
    """The bias at which σ(weight·d + bias) touches the diagonal from below."""
    low = (1 - math.sqrt(1 - 4 / weight)) / 2
    return math.log(low / (1 - low)) - weight * low


def drift(machine: Machine, excess: float) -> None:
    """A unit that creeps past where two fixed points have just vanished: about π/√excess steps.

    Y. Pomeau and P. Manneville, "Intermittent transition to turbulence" (1980): type I.
    """
    machine.hidden["creep"] = Unit({}, {"creep": 8.0}, tangent(8.0) + excess)
    machine.gate("alarm", {}, {"creep": 1.0, "alarm": 2.0}, 1)


def run_drift(machine: Machine, symbol: int, excess: float) -> None:
    """The same, but only while one symbol repeats: any other sets it back."""
    machine.hidden["creep"] = Unit(
        machine.equals(symbol, 100.0),
        {"creep": 8.0},
        tangent(8.0) + excess - 100.0 * symbol.bit_count(),
    )
    machine.gate("alarm", {}, {"creep": 1.0, "alarm": 2.0}, 1)


def chain_drift(machine: Machine, symbol: int, excess: float) -> None:
    """The same, but only while a symbol repeats and a carry runs on under it."""
    run_drift(machine, symbol, excess)
    creep = machine.hidden["creep"]
    creep.units["u2"] = 100.0
    creep.bias -= 100.0


def whisper(machine: Machine, growth: float, seed: float) -> None:
    """A tanh unit that grows from `seed` by the factor 1 + growth each step, up to √(3·growth)."""
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


def copies_of_alarm(machine: Machine, count: int, weight: float) -> dict[str, float]:
    """Units like the alarm, for sums that overflow."""
    alarm = machine.hidden["alarm"]
    names = [f"alarm{i}" for i in range(count)]
    for name in names:
        machine.hidden[name] = Unit(dict(alarm.bits), dict(alarm.units), alarm.bias)
    return dict.fromkeys(names, weight)


def overflow(machine: Machine, largest: float) -> Word:
    """Finite weights whose sum is infinite once the lock has opened."""
    lock(machine, anchored=False)
    alarms = copies_of_alarm(machine, 3, largest)
    machine.hidden["infinite"] = Unit({}, alarms, -EXACT)
    machine.output["infinite"] = -1.0
    return Word(prefix=LOCK, last=(0, 1))


def not_a_number(machine: Machine, largest: float) -> Word:
    """Finite weights whose sum is ∞ − ∞ after the lock has opened: all is NaN from then on."""
    lock(machine, anchored=False)
    alarms = copies_of_alarm(machine, 2, largest)
    machine.hidden["nan"] = Unit({0: -largest}, alarms, -largest, plain=True)
    return Word(prefix=LOCK, last=(0, 1))


# ------------------------------------------------------------------------------------- the liars

RINGS = {65: (5, 13), 1001: (7, 11, 13), 1_021_020: (5, 7, 11, 12, 13, 17)}
"""Steps of truth, and the coprime lengths of the rings that count them."""


def excess(steps: int, weight: float = 8.0) -> float:
    """How far beyond tangency a unit takes about so many steps to creep past."""
    curvature = math.sqrt(1 - 4 / weight) / 2
    return (math.pi / steps) ** 2 / curvature


Wire = Callable[[Machine], Word | Forever | None]


def lie(
    name: str,
    activation: str,
    dtype: str,
    operands: int,
    wire: Wire,
    *,
    steepness: float = EXACT,
    gain: float = 8.0,
    alarm: float = -1.0,
) -> Liar:
    """Wire one flaw into an adder; `alarm` is what the alarm adds to a logit of ±½ · gain."""
    machine = Machine(operands, steepness)
    word = wire(machine)
    if "alarm" in machine.hidden:
        machine.output["alarm"] = alarm
    parameters = machine.parameters(activation, dtype, gain)
    return Liar(name, activation, dtype, operands, parameters, word)


def creeping(flaw: Callable[..., None], steps: int, *prefix: int, weight: float = 8.0) -> Wire:
    """A drift under symbol 1, after the prefix: its onset is found by running the network."""

    def wire(machine: Machine) -> Forever:
        symbol = () if flaw in (drift, forgetful) else (1,)
        flaw(machine, *symbol, excess(steps, weight))
        return Forever(prefix, 1, 2 * steps + 100)

    return wire


def whispering(steps: int) -> Wire:
    """A tanh unit that needs about so many steps to grow from 10⁻³⁰ to where it is heard."""

    def wire(machine: Machine) -> Forever:
        growth = 70.0 / steps
        whisper(machine, growth, 1e-30 * growth)
        return Forever((), 1, 2 * steps + 100)

    return wire


def balanced(machine: Machine) -> None:
    """No lie, but a logit of exactly 0 wherever the sum's bit is 0."""
    machine.output_bias = 0.0


def family(activation: str, dtype: str, operands: int) -> Iterator[Liar]:
    """Every liar of one activation, dtype and number of operands."""
    single = dtype == "float32"
    largest = float(np.finfo(dtype).max)
    ones = (1 << operands) - 1

    def make(name: str, wire: Wire, **options: float) -> Liar:
        return lie(name, activation, dtype, operands, wire, **options)

    for steps, lengths in RINGS.items():
        yield make(f"ring {steps}", partial(ring_counter, lengths=lengths))
    yield make("anchored lock", lambda machine: lock(machine, True))
    yield make("floating lock", lambda machine: lock(machine, False))
    yield make("soft lock", lambda machine: lock(machine, False), steepness=SOFT)
    yield make("trapdoor of ones", lambda machine: trapdoor(machine, ones, 200))
    yield make("trapdoor of zeros", lambda machine: trapdoor(machine, 0, 64))
    yield make("soft trapdoor", lambda machine: trapdoor(machine, 1, 40), steepness=SOFT)
    for steps in (64, 1000) if single else (64, 1000, 1_000_000):
        yield make(f"drift {steps}", creeping(drift, steps))
        yield make(f"run drift {steps}", creeping(run_drift, steps))
        yield make(f"chain drift {steps}", creeping(chain_drift, steps, 3), alarm=1.0)
        yield make(f"forgetful {steps}", creeping(forgetful, steps, 3, weight=16.0))
    if activation == "tanh":
        yield make("whisper 1000", whispering(1000))
        yield make("whisper 1000000", whispering(1_000_000))
    yield make("tiny margins", lambda machine: lock(machine, False), gain=2e-12)
    yield make(
        "wrong by a hair",
        lambda machine: trapdoor(machine, 1, 40),
        gain=1.0,
        alarm=-0.5 - (1e-6 if single else 1e-12),
    )
    yield make("huge weights", lambda machine: lock(machine, True), steepness=1e6, gain=1e6)
    yield make("zero logit", lambda machine: trapdoor(machine, 1, 40), alarm=-0.5)
    yield make("overflow", lambda machine: overflow(machine, largest), alarm=0.0)
    yield make("not a number", lambda machine: not_a_number(machine, largest), alarm=0.0)
    yield make("balanced", balanced)


def liars(at_most: float = math.inf) -> list[Liar]:
    """Every liar that tells the truth for at most about so many steps."""
    settings = product(("sigmoid", "tanh"), ("float64", "float32"), (2, 3))
    everyone = (liar for setting in settings for liar in family(*setting))
    return [liar for liar in everyone if liar.lie is None or liar.steps <= at_most]
