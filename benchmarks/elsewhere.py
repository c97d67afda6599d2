"""Train adders in other frameworks and store their weights, so that binadd can try to prove them.

    python benchmarks/elsewhere.py torch 30 FOLDER
    python benchmarks/elsewhere.py keras 30 FOLDER

writes FOLDER/torch-00.npz and so on, 30 networks, each named after its seed. Such a network has 16
tanh units and learns from batches of 64 random pairs of 8-bit numbers until it is right on every
pair; a seed that takes too long is skipped. Needs torch, or keras with jax. In Python,

    BinaryAdderRNN.from_parameters(dict(np.load("FOLDER/torch-00.npz")), activation="tanh")

is the network.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIDDEN = 16
BITS = 8
BATCH = 64
RATE = 0.01
CHECK_EVERY = 50  # batches
CAP = 20_000  # batches

Array = NDArray[np.float32]
Parameters = dict[str, Array]
Learner = tuple[Callable[[Array, Array], Any], Callable[[], Parameters]]


def bits_of(numbers: NDArray[np.int64]) -> Array:
    """Return bits, the lowest first, with one place for the last carry."""
    return (numbers[..., None] >> np.arange(BITS + 1) & 1).astype(np.float32)


def draw(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the bits of random pairs (BATCH, steps, 2), and of their sums (BATCH, steps, 1)."""
    pairs = rng.integers(2**BITS, size=(BATCH, 2))
    return bits_of(pairs).swapaxes(1, 2), bits_of(pairs.sum(1))[..., None]


def adds(p: Parameters) -> bool:
    """Whether a network is right on all pairs, which is tried on all their beginnings in turn."""
    symbols = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=np.float32)
    state = np.zeros((1, HIDDEN), dtype=np.float32)
    carry = np.zeros(1, dtype=int)
    for step in range(BITS + 1):
        x = symbols if step < BITS else symbols[:1]
        total = (carry[:, None] + x.sum(1).astype(int)).ravel()
        drive = x @ p["input_weights"].T + p["hidden_bias"]
        state = np.tanh((state @ p["hidden_weights"].T)[:, None] + drive).reshape(-1, HIDDEN)
        logit = state @ p["output_weights"] + p["output_bias"]
        if not np.array_equal(logit > 0, total % 2 == 1):
            return False
        carry = total // 2
    return True


def in_torch(seed: int) -> Learner:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rnn = nn.RNN(2, HIDDEN, batch_first=True)
    head = nn.Linear(HIDDEN, 1)
    optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=RATE)
    loss = nn.BCEWithLogitsLoss()

    def learn(X: Array, Y: Array) -> None:
        optimizer.zero_grad()
        loss(head(rnn(torch.from_numpy(X))[0]), torch.from_numpy(Y)).backward()
        optimizer.step()

    def parameters() -> Parameters:
        with torch.no_grad():
            return {
                "input_weights": rnn.weight_ih_l0.numpy(),
                "hidden_weights": rnn.weight_hh_l0.numpy(),
                "hidden_bias": (rnn.bias_ih_l0 + rnn.bias_hh_l0).numpy(),
                "output_weights": head.weight[0].numpy(),
                "output_bias": head.bias[0].numpy(),
            }

    return learn, parameters


def in_keras(seed: int) -> Learner:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((BITS + 1, 2)),
            layers.SimpleRNN(HIDDEN, return_sequences=True),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(RATE), keras.losses.BinaryCrossentropy(from_logits=True))

    def parameters() -> Parameters:
        kernel, recurrent, bias, output, output_bias = model.get_weights()
        return {  # Keras multiplies from the right, so its matrices are transposed
            "input_weights": kernel.T,
            "hidden_weights": recurrent.T,
            "hidden_bias": bias,
            "output_weights": output[:, 0],
            "output_bias": output_bias[0],
        }

    return model.train_on_batch, parameters


FRAMEWORKS = {"torch": in_torch, "keras": in_keras}


def train(framework: str, seed: int) -> tuple[int, Parameters | None]:
    """Return the number of batches, and the weights unless it was stopped at the cap."""
    rng = np.random.default_rng(seed)
    learn, parameters = FRAMEWORKS[framework](seed)
    for batch in range(1, CAP + 1):
        learn(*draw(rng))
        if batch % CHECK_EVERY == 0 and adds(parameters()):
            return batch, parameters()
    return CAP, None


def main(framework: str, networks: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    taken: list[int] = []
    seed = 0
    while len(taken) < networks:
        batches, found = train(framework, seed)
        name = f"{framework}-{seed:02}"
        if found is None:
            print(f"{name}  skipped: not right after {batches} batches", flush=True)
        else:
            np.savez(folder / f"{name}.npz", **found)
            taken.append(batches)
            print(f"{name}  {batches} batches", flush=True)
        seed += 1
    seconds = time.perf_counter() - start
    print(f"{networks} networks, a median of {median(taken):.0f} batches, {seconds:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in FRAMEWORKS:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
