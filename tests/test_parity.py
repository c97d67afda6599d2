"""The native kernels give the bits of the reference, at every instruction set of this machine.

Equality is of bits, signs of zero included; nothing here is approximate.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from kernel_cases import (
    Compare,
    copy_of,
    learner,
    noise_for,
    same_bits,
    sequences,
    trained,
    unaligned,
)

from binadd.errors import InvalidInputError
from binadd.kernels import reference
from binadd.kernels.contract import (
    LOSSES,
    OPTIMIZERS,
    Architecture,
    Batch,
    Learner,
    Optimizer,
    Report,
)

SIZES = (1, 3, 8, 16, 17, 33)
DTYPES = ("float64", "float32")
NETWORKS = (  # every pair of activation and biases meets every number of operands
    {"activation": "sigmoid", "biases": True, "operands": 2},
    {"activation": "tanh", "biases": False, "operands": 3},
    {"activation": "tanh", "biases": True, "operands": 1},
    {"activation": "sigmoid", "biases": False, "operands": 8},
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activations(compare: Compare, name: str, dtype: str) -> None:
    random = np.random.default_rng(0)
    values = np.concatenate(
        [
            random.uniform(-5, 5, 4001),
            random.uniform(-800, 800, 4001),
            random.normal(size=1000) * 1e-300,
            [0.0, -0.0, np.inf, -np.inf],
        ]
    ).astype(dtype)
    compare(lambda kernels: kernels.activation(values, name))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("activation", "seeds"),
    [("sigmoid", (30523, 39323, 45665)), ("tanh", (67282, 71710, 113138))],
)
def test_the_first_error_where_products_underflow(
    compare: Compare, dtype: str, activation: str, seeds: tuple[int, ...]
) -> None:
    """Output weights of a few of the smallest numbers: products are rounded to whole ones."""
    architecture = Architecture(2, 1, activation, dtype=dtype)
    for seed in seeds:
        random, block = np.random.default_rng(seed), np.zeros(architecture.block_shape, dtype)
        block[:4, :2] = random.uniform(-5, 5, (4, 2))
        block[4, :2] = random.integers(-4, 5, 2)
        block[5, 0] = random.integers(-2, 3)
        block[4:] *= np.finfo(dtype).smallest_subnormal
        step, word = compare(
            lambda kernels, block=block: kernels.first_error(architecture, block, 6) or (-1, ())
        )
        assert step == len(word) - 1 >= 0


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_forward(compare: Compare, size: int, dtype: str, network: dict[str, Any]) -> None:
    start = learner(hidden_size=size, dtype=dtype, **network)
    symbols, _ = sequences(37, 9, network["operands"])
    for answer in ("logits", "probabilities", "bits"):
        compare(
            lambda kernels, answer=answer: getattr(kernels, answer)(
                start.architecture, start.block, symbols
            )
        )
    states = np.random.default_rng(1).uniform(0, 1, (37, size)).astype(dtype)
    for count, initial in product((1, 2, 37), (None, states)):
        state = None if initial is None else initial[:count]
        compare(
            lambda kernels, count=count, state=state: kernels.forward(
                start.architecture, start.block, symbols[:count], state, hidden=True
            )
        )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_gradients(
    compare: Compare, size: int, dtype: str, network: dict[str, Any], loss: str
) -> None:
    start = learner(hidden_size=size, dtype=dtype, **network)
    for count, steps in ((1, 8), (1, 1), (3, 5), (40, 8), (65, 1)):
        symbols, targets = sequences(count, steps, network["operands"])
        compare(
            lambda kernels, symbols=symbols, targets=targets: kernels.loss_and_gradients(
                start.architecture, start.block, Batch(symbols, targets), loss
            )
        )


@pytest.mark.thorough(one_in=21)  # and so each size and optimizer
@pytest.mark.parametrize("noisy", [False, True], ids=["", "with noise"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_updates(compare: Compare, size: int, dtype: str, optimizer: str, noisy: bool) -> None:
    for network, loss in zip(NETWORKS, LOSSES * 2, strict=True):
        start = learner(hidden_size=size, dtype=dtype, **network)
        symbols, targets = sequences(40, 6, network["operands"])
        for batch_size, clip_norm in ((1, 0.5), (1, np.inf), (4, 0.5), (20, np.inf), (20, 0.5)):
            compare(
                partial(
                    trained,
                    start=start,
                    symbols=symbols,
                    targets=targets,
                    batch_size=batch_size,
                    loss=loss,
                    noise=noise_for(start, 40 // batch_size) if noisy else None,
                    name=optimizer,
                    clip_norm=clip_norm,
                )
            )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 5])
def test_noise_is_on_the_weights_from_the_gradient_to_the_update(
    kernels: Any, batch_size: int, dtype: str
) -> None:
    start = learner(dtype=dtype)
    symbols, targets = sequences(20)
    noise = noise_for(start, 20 // batch_size)
    together = trained(kernels, start, symbols, targets, batch_size, noise=noise)
    one_by_one = copy_of(start)
    for i, added in enumerate(noise):
        batch = slice(i * batch_size, (i + 1) * batch_size)
        one_by_one.block[...] += added
        after = trained(kernels, one_by_one, symbols[batch], targets[batch], batch_size)
        one_by_one = Learner(start.architecture, *after[:3])
        one_by_one.block[...] -= added
    assert same_bits(together[:3], one_by_one[1:])


def _long_runs() -> Iterator[Any]:
    """All 192 combinations take many minutes; --whole runs some, in which all pairs occur."""
    some = {
        (
            size,
            dtype,
            NETWORKS[i // 2 % 2]["activation"],
            LOSSES[(i + i // 4) % 2],
            OPTIMIZERS[(i + i // 2) % 4],
        )
        for i, (size, dtype) in enumerate(product(SIZES, DTYPES))
    }
    for run in product(SIZES, DTYPES, ("sigmoid", "tanh"), LOSSES, OPTIMIZERS):
        yield pytest.param(*run, marks=pytest.mark.slow if run in some else pytest.mark.exhaustive)


@pytest.mark.parametrize(("size", "dtype", "activation", "loss", "optimizer"), list(_long_runs()))
def test_thousands_of_updates(
    compare: Compare, size: int, dtype: str, activation: str, loss: str, optimizer: str
) -> None:
    """2,000 online updates, and 50 of batch 64."""
    start = learner(hidden_size=size, dtype=dtype, activation=activation)
    rate = 0.01 if optimizer == "adam" else 0.05
    for count, batch_size in ((2000, 1), (50 * 64, 64)):
        symbols, targets = sequences(count)
        compare(
            lambda kernels, batch=batch_size, symbols=symbols, targets=targets: trained(
                kernels,
                start,
                symbols,
                targets,
                batch,
                loss,
                name=optimizer,
                learning_rate=rate,
                clip_norm=2.0,
            )
        )


@pytest.mark.thorough(one_in=13)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", (3, 16, 17))
def test_population(compare: Compare, size: int, dtype: str, optimizer: str) -> None:
    networks, count = 19, 6
    starts = [learner(seed, hidden_size=size, dtype=dtype) for seed in range(networks)]
    symbols, targets = (a.reshape(networks, count, 8) for a in sequences(networks * count))
    rates = np.linspace(0.01, 0.2, networks).astype(dtype)

    def together(kernels: Any) -> Any:
        arrays = (np.stack(arrays) for arrays in zip(*(s[1:] for s in starts), strict=True))
        learner = Learner(starts[0].architecture, *arrays)
        report = Report(np.empty((networks, count), dtype), np.empty((networks, count), np.int64))
        kernels.train_population(
            learner,
            Batch(symbols, targets),
            Optimizer(name=optimizer, clip_norm=1.5),
            loss="cross_entropy",
            learning_rates=rates,
            report=report,
        )
        return (*learner[1:], *report)

    compare(together)
    alone = [
        trained(
            reference,
            start,
            symbols[k],
            targets[k],
            name=optimizer,
            clip_norm=1.5,
            learning_rate=float(rates[k]),
        )
        for k, start in enumerate(starts)
    ]
    assert same_bits(together(reference), tuple(np.stack(a) for a in zip(*alone, strict=True)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("operands", "bits"), [(1, 7), (2, 1), (2, 5), (3, 3), (8, 2)])
def test_first_error(compare: Compare, operands: int, bits: int, dtype: str) -> None:
    for size in (3, 16):
        start = learner(hidden_size=size, operands=operands, dtype=dtype)
        compare(lambda kernels, a=start: kernels.first_error(a.architecture, a.block, bits))


@pytest.mark.thorough
def test_first_error_of_a_network_that_has_learnt(compare: Compare) -> None:
    """Stopped at every stage of its training, so that the first error comes ever later."""
    start = learner(1)
    symbols, targets = sequences(1200, seed=2)
    for count in (300, 400, 500, 600, 1200):
        block, *_ = trained(reference, start, symbols[:count], targets[:count], clip_norm=2.0)
        compare(lambda kernels, b=block: kernels.first_error(start.architecture, b, 6))
    random = np.random.default_rng(0)
    for scale in (0.1, 0.3, 0.6):  # nearly right: few words are in doubt, and only these are run
        noisy = block + np.where(block, random.normal(0, scale, block.shape), 0)
        compare(lambda kernels, b=noisy: kernels.first_error(start.architecture, b, 6))


@pytest.mark.parametrize(
    "options",
    [{}, {"dtype": "float32"}, {"activation": "tanh"}, {"hidden_size": 5, "operands": 3}],
    ids=str,
)
def test_first_error_all_along_a_training(native: Any, options: dict[str, Any]) -> None:
    """The native kernel settles most networks by boxes: its answers may not differ."""
    start = learner(2, **options)
    a = start.architecture
    end = copy_of(start)
    block = end.block
    symbols, targets = sequences(3000, 8, a.operands)
    right = 0
    for first in range(0, 3000, 150):
        part = slice(first, first + 150)
        native.train(
            end,
            Batch(symbols[part], targets[part]),
            Optimizer(clip_norm=2.0),
            loss="cross_entropy",
        )
        expected = reference.first_error(a, block, 4 if a.operands == 2 else 3)
        assert native.first_error(a, block, 4 if a.operands == 2 else 3) == expected
        right += expected is None
    assert right > 0 or options.get("activation") == "tanh" or a.operands > 2


@pytest.mark.parametrize("operands", range(1, 9))
def test_data(compare: Compare, operands: int) -> None:
    words = np.random.PCG64(5).random_raw(60).reshape(6, 10)
    for length in (1, 8, 79):
        compare(lambda kernels, n=length: kernels.unpack_words(words, operands, n))
    symbols, _ = sequences(50, 30, operands)
    compare(lambda kernels: kernels.exact_sums(Architecture(1, operands), symbols))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sequence_gets_the_same_bits_in_any_batch(kernels: Any, dtype: str) -> None:
    start = learner(dtype=dtype)
    symbols, _ = sequences(50)
    together = kernels.forward(start.architecture, start.block, symbols, hidden=True)
    for count, i in ((1, 0), (1, 49), (2, 7), (17, 20)):
        part = kernels.forward(
            start.architecture, start.block, symbols[i : i + count], hidden=True
        )
        assert same_bits(part, tuple(array[i : i + count] for array in together))


def test_a_stream_goes_on_from_its_final_state(kernels: Any) -> None:
    start = learner()
    symbols, _ = sequences(1, 1000)
    whole = kernels.forward(start.architecture, start.block, symbols)
    first = kernels.forward(start.architecture, start.block, symbols[:, :300].copy())
    rest = kernels.forward(
        start.architecture, start.block, symbols[:, 300:].copy(), first.final_state
    )
    assert same_bits(np.hstack([first.logits, rest.logits]), whole.logits)
    assert same_bits(rest.final_state, whole.final_state)


@pytest.mark.thorough
def test_a_slice_of_a_long_batch_changes_nothing(native: Any) -> None:
    """A batch too long for one slice of work is gathered over several."""
    start = learner(hidden_size=256)
    symbols, targets = sequences(80, 16)

    def gradients(kernels: Any) -> Any:
        return kernels.loss_and_gradients(
            start.architecture, start.block, Batch(symbols, targets), "cross_entropy"
        )

    assert same_bits(gradients(reference), gradients(native))
    for noise in (None, noise_for(start, 1)):
        assert same_bits(
            *(trained(k, start, symbols, targets, 80, noise=noise) for k in (reference, native))
        )


ANSWERS = ("logits", "probabilities", "bits")


@pytest.mark.parametrize("count", [1, 3])
def test_answers_of_several_slices_are_those_of_forward(native: Any, count: int) -> None:
    start = learner(hidden_size=256, dtype="float32")
    symbols, _ = sequences(count, 1000)
    run = native.forward(start.architecture, start.block, symbols)
    expected = (run.logits, run.probabilities, (run.logits > 0).astype(np.uint8))
    given = (getattr(native, name)(start.architecture, start.block, symbols) for name in ANSWERS)
    assert same_bits(tuple(given), expected)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_need_arrays_that_agree(kernels: Any, name: str) -> None:
    start, answer = learner(), getattr(kernels, name)
    symbols, _ = sequences(4)
    wrong = {
        "block must be": [
            (block, symbols)
            for block in (
                start.block[:-1],
                start.block.astype(np.float32),
                start.block.astype(">f8" if sys.byteorder == "little" else "<f8"),
                np.asfortranarray(start.block),
                unaligned(start.block),
                start.block.ravel(),
                start.block.tolist(),
            )
        ],
        "symbols must be": [
            (start.block, symbols)
            for symbols in (symbols[:, ::2], symbols[:0], symbols.astype(int), symbols[0], None)
        ],
        "symbols of 2 operands must be below 4": [(start.block, symbols + np.uint8(2))],
    }
    for sentence, pairs in wrong.items():
        for block, symbols in pairs:
            with pytest.raises(InvalidInputError, match=f"^{sentence}"):
                answer(start.architecture, block, symbols)
