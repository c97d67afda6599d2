"""Train adders in other frameworks and store their weights, so that binadd can try to prove them.

    python benchmarks/elsewhere.py torch 30 FOLDER

writes FOLDER/torch-000.npz and so on, 30 networks, each named after its seed; `keras`, `jax` and
`tutorial` likewise. Such a network has 16 units and learns from random pairs of 8-bit numbers
until it is right on every pair; a seed that takes too long is skipped. Files that are there
already are kept, so a run that was stopped can go on. Then

    BinaryAdderRNN.from_parameters(dict(np.load("FOLDER/torch-000.npz")), activation="tanh")

is the network ("sigmoid" for `jax` and `tutorial`), as `read` makes it where binadd is installed,
and frameworks.py decides them all.

torch     nn.RNN and nn.Linear as they come: tanh; Adam, 0.01, batches of 64
keras     SimpleRNN and Dense as they come, on JAX: tanh; Adam, 0.01, batches of 64
jax       lax.scan of sigmoid units, weights from N(0, 1/fan-in); optax's Adam, 0.01, batches of 64
tutorial  NumPy as in the well-known tutorial: sigmoid units without biases, weights uniform in
          [-1, 1], squared error, one sequence at a time, rate 0.1
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from binadd import BinaryAdderRNN

HIDDEN = 16
BITS = 8
BATCH = 64
RATE = 0.01
CHECK_EVERY = 50  # batches
CAP = 20_000  # batches
ACTIVATIONS = {"torch": "tanh", "keras": "tanh", "jax": "sigmoid", "tutorial": "sigmoid"}

Array = NDArray[Any]
Parameters = dict[str, Array]
Learner = tuple[Callable[[Array, Array], Any], Callable[[], Parameters]]


def bits_of(numbers: NDArray[np.int64]) -> Array:
    """Return bits, the lowest first, with one place for the last carry."""
    return (numbers[..., None] >> np.arange(BITS + 1) & 1).astype(np.float32)


def draw(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the bits of random pairs (BATCH, steps, 2), and of their sums (BATCH, steps, 1)."""
    pairs = rng.integers(2**BITS, size=(BATCH, 2))
    return bits_of(pairs).swapaxes(1, 2), bits_of(pairs.sum(1))[..., None]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))  # type: ignore[no-any-return]


def adds(p: Parameters, activation: str) -> bool:
    """Whether a network is right on all pairs, which is tried on all their beginnings in turn."""
    f = np.tanh if activation == "tanh" else sigmoid
    symbols = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=np.float32)
    state = np.zeros((1, HIDDEN), dtype=np.float32)
    carry = np.zeros(1, dtype=int)
    for step in range(BITS + 1):
        x = symbols if step < BITS else symbols[:1]
        total = (carry[:, None] + x.sum(1).astype(int)).ravel()
        drive = x @ p["input_weights"].T + p["hidden_bias"]
        state = f((state @ p["hidden_weights"].T)[:, None] + drive).reshape(-1, HIDDEN)
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


def in_jax(seed: int) -> Learner:
    import jax
    import jax.numpy as jnp
    import optax

    keys = jax.random.split(jax.random.key(seed), 3)
    p: Any = {
        "input_weights": jax.random.normal(keys[0], (HIDDEN, 2)) / 2**0.5,
        "hidden_weights": jax.random.normal(keys[1], (HIDDEN, HIDDEN)) / HIDDEN**0.5,
        "hidden_bias": jnp.zeros(HIDDEN),
        "output_weights": jax.random.normal(keys[2], (HIDDEN,)) / HIDDEN**0.5,
        "output_bias": jnp.zeros(()),
    }
    adam = optax.adam(RATE)
    moments = adam.init(p)

    def loss(p: Any, X: Any, Y: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            drive = x @ p["input_weights"].T + p["hidden_bias"]
            h = jax.nn.sigmoid(drive + h @ p["hidden_weights"].T)
            return h, h

        states = jax.lax.scan(step, jnp.zeros((BATCH, HIDDEN)), X.swapaxes(0, 1))[1]
        logits = states @ p["output_weights"] + p["output_bias"]
        return optax.sigmoid_binary_cross_entropy(logits, Y[..., 0].T).mean()

    @jax.jit
    def update(p: Any, moments: Any, X: Any, Y: Any) -> Any:
        changes, moments = adam.update(jax.grad(loss)(p, X, Y), moments)
        return optax.apply_updates(p, changes), moments

    def learn(X: Array, Y: Array) -> None:
        nonlocal p, moments
        p, moments = update(p, moments, X, Y)

    return learn, lambda: {name: np.asarray(value) for name, value in p.items()}


def in_tutorial(seed: int) -> Learner:
    rng = np.random.default_rng([seed, 1])
    Wi, Wh, wo = (2 * rng.random(shape) - 1 for shape in ((2, HIDDEN), (HIDDEN, HIDDEN), HIDDEN))
    rate = 0.1

    def learn(X: Array, Y: Array) -> None:
        for x, y in zip(X, Y[..., 0], strict=True):
            states, deltas = [np.zeros(HIDDEN)], []
            for t in range(len(x)):
                states.append(sigmoid(x[t] @ Wi + states[-1] @ Wh))
                output = sigmoid(states[-1] @ wo)
                deltas.append((y[t] - output) * output * (1 - output))
            dWi, dWh, dwo = np.zeros_like(Wi), np.zeros_like(Wh), np.zeros_like(wo)
            later = np.zeros(HIDDEN)
            for t in reversed(range(len(x))):
                state = states[t + 1]
                later = (Wh @ later + deltas[t] * wo) * state * (1 - state)
                dwo += deltas[t] * state
                dWh += np.outer(states[t], later)
                dWi += np.outer(x[t], later)
            for weights, change in ((Wi, dWi), (Wh, dWh), (wo, dwo)):
                weights += rate * change

    def parameters() -> Parameters:
        return {
            "input_weights": Wi.T,
            "hidden_weights": Wh.T,
            "hidden_bias": np.zeros(HIDDEN),
            "output_weights": wo,
            "output_bias": np.zeros(()),
        }

    return learn, parameters


FRAMEWORKS = {"torch": in_torch, "keras": in_keras, "jax": in_jax, "tutorial": in_tutorial}


def train(framework: str, seed: int) -> tuple[int, Parameters | None]:
    """Return the number of batches, and the weights unless it was stopped at the cap."""
    rng = np.random.default_rng(seed)
    learn, parameters = FRAMEWORKS[framework](seed)
    for batch in range(1, CAP + 1):
        learn(*draw(rng))
        if batch % CHECK_EVERY == 0 and adds(parameters(), ACTIVATIONS[framework]):
            return batch, parameters()
    return CAP, None


def read(path: Path) -> BinaryAdderRNN:
    """Return the network that `main` wrote to a file, which is named after its framework."""
    from binadd import BinaryAdderRNN

    activation = ACTIVATIONS[path.stem.split("-")[0]]
    return BinaryAdderRNN.from_parameters(dict(np.load(path)), activation=activation)


def main(framework: str, networks: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    taken = seed = 0
    while taken < networks:
        path = folder / f"{framework}-{seed:03}.npz"
        if path.exists():
            taken += 1
        else:
            batches, found = train(framework, seed)
            if found is None:
                print(f"{path.stem}  skipped: not right after {batches} batches", flush=True)
            else:
                np.savez(path, **found)
                taken += 1
                print(f"{path.stem}  {batches} batches", flush=True)
        seed += 1


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in FRAMEWORKS:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
