"""Measure how networks with two operands forget: what makes them hard to prove.

    python benchmarks/forgetting.py FOLDER/keras-013.npz …

reads networks that elsewhere.py or `binadd train -o` wrote, and prints a row of Markdown for each:
of all periodic input words of up to six symbols, the one along which most of a small difference is
left after each step, with the two largest shares (absolute values of the eigenvalues of the
cycle's Jacobian, per step); the two largest factors by which differences grow within 1, 3, 5 and
10 steps (singular values of products of Jacobians); and the smallest logit margin in 600,000
steps. Symbols are x₁ + 2x₂.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from elsewhere import ACTIVATIONS, read
from numpy.typing import NDArray

import binadd

Reals = NDArray[np.float64]
Words = NDArray[np.int64]

LONGEST, CYCLES, WORDS, STEPS = 6, 120, 4000, 150
AFTER = (1, 3, 5, 10)
ONES = np.array([0, 1, 1, 2])


class Network:
    """Its step in NumPy, and the Jacobian of that."""

    def __init__(self, net: binadd.BinaryAdderRNN) -> None:
        weights = {name: array.astype(float) for name, array in net.parameters.items()}
        self.hidden, self.output = weights["hidden_weights"], weights["output_weights"]
        bias = weights.get("hidden_bias", np.zeros(len(self.hidden)))
        symbols = np.array([[x & 1, x >> 1] for x in range(4)])
        self.inputs = symbols @ weights["input_weights"].T + bias
        self.bias = float(weights.get("output_bias", 0.0))
        self.tanh = net.activation == "tanh"

    def step(self, states: Reals, symbols: Words) -> tuple[Reals, Reals]:
        """Return the next states (N, H), and the slopes of the units there."""
        sums = states @ self.hidden.T + self.inputs[symbols]
        next_states = np.tanh(sums) if self.tanh else 1 / (1 + np.exp(-sums))
        slopes = 1 - next_states**2 if self.tanh else next_states * (1 - next_states)
        return next_states, slopes

    def run(self, words: Words, last: int) -> tuple[float, list[Reals]]:
        """Return the smallest margin of words (N, T), and products of Jacobians (N, H, H) over the
        first 1, 2, … of the last steps."""
        states, carry = np.zeros((len(words), len(self.hidden))), np.zeros(len(words), int)
        margin, products = np.inf, [np.tile(np.eye(len(self.hidden)), (len(words), 1, 1))]
        for t, symbols in enumerate(words.T):
            states, slopes = self.step(states, symbols)
            total = ONES[symbols] + carry
            logits = states @ self.output + self.bias
            margin = min(margin, float(np.where(total & 1, logits, -logits).min()))
            carry = total >> 1
            if t >= words.shape[1] - last:
                products.append(slopes[:, :, None] * (self.hidden @ products[-1]))
        return margin, products[1:]


class Cycle(NamedTuple):
    """A periodic word, and the two largest shares of a difference that a step leaves."""

    rate: float
    second: float
    word: str


def slowest(net: Network) -> Cycle:
    """Return the slowest of all words of up to six symbols, repeated."""
    best = Cycle(0, 0, "")
    for period in range(1, LONGEST + 1):
        words = np.array(list(product(range(4), repeat=period)))
        again = 2 * period  # a carry may have twice the period of the word
        _, products = net.run(np.tile(words, CYCLES // period), again)
        shares = np.sort(np.abs(np.linalg.eigvals(products[-1])))[:, ::-1] ** (1 / again)
        i = int(shares[:, 0].argmax())
        word = "".join(map(str, words[i]))
        best = max(best, Cycle(*shares[i, :2].tolist(), word))
    return best


def mixed_words(generator: np.random.Generator) -> Words:
    """Return words of stretches that repeat up to four symbols, a third of them with mistakes."""
    words = np.zeros((WORDS, STEPS), int)
    period, loop = generator.integers(1, 5, WORDS), generator.integers(0, 4, (WORDS, 4))
    noise = 0.1 * (np.arange(WORDS) % 3)
    for t in range(STEPS):
        new = generator.random(WORDS) < 0.03
        period = np.where(new, generator.integers(1, 5, WORDS), period)
        loop[new] = generator.integers(0, 4, (int(new.sum()), 4))
        random = generator.integers(0, 4, WORDS)
        here = loop[np.arange(WORDS), t % period]
        words[:, t] = np.where(generator.random(WORDS) < noise, random, here)
    return words


def main() -> None:
    """Print the table."""
    after = " | ".join(f"{k}" for k in AFTER)
    print(f"| network | slowest word | left per step | second | {after} | smallest margin |")
    print("|---|---|" + "---:|" * (3 + len(AFTER)))
    for path in map(Path, sys.argv[1:]):
        written_elsewhere = path.stem.split("-")[0] in ACTIVATIONS
        net = Network(read(path) if written_elsewhere else binadd.load(path))
        cycle = slowest(net)
        margin, products = net.run(mixed_words(np.random.default_rng(0)), max(AFTER))
        sizes = [np.linalg.svd(products[k - 1], compute_uv=False)[:, :2].max(0) for k in AFTER]
        growth = " | ".join(f"{first:.1f}, {second:.2f}" for first, second in sizes)
        print(
            f"| {path.stem} | {cycle.word} | {cycle.rate:.3f} | {cycle.second:.3f} | {growth} "
            f"| {margin:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
