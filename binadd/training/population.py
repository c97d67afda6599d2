"""Train many networks at once: one in each lane of the processor's vectors.

Each network keeps its own data, learning rate and goal, and ends with the very weights that
`train` gives it alone. A network that is done leaves, and the next one takes the free lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from binadd.checks import check_integer
from binadd.errors import DivergenceError, InvalidInputError
from binadd.kernels.contract import Kernels
from binadd.model import BinaryAdderRNN
from binadd.recipes import Settings
from binadd.training import saturation
from binadd.training.course import Course, TrainingRun
from binadd.training.loop import MAX_SEQUENCES
from binadd.training.schedule import Goal, check_goal

__all__ = ["shared_settings", "train_population"]

LANES = 64
"""Networks trained at once: enough that what Python does between two calls hardly counts."""

SLICE_SYMBOLS = 2**18
"""Symbols of one call at most, over all networks: some 10 ms, so that Ctrl-C need not wait."""


def shared_settings(settings: Settings) -> Settings:
    """Return the settings with what may differ within a population taken out of them.

    Networks can be trained together if these are equal.
    """
    return replace(settings, seed=0, learning_rate=1.0, epochs=1, recipe="default")


def train_population(
    networks: Iterable[BinaryAdderRNN],
    bits: int | None = None,
    *,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    lanes: int = LANES,
) -> Iterator[TrainingRun]:
    """Train networks side by side and yield each one's run as soon as it ends.

    Parameters
    ----------
    networks : iterable of BinaryAdderRNN
        They may differ in seed, learning rate and in how far they have come; all else must be the
        same, and batch_size 1. They are taken from the iterable as lanes become free.
    bits, until, max_sequences
        As for `binadd.train`, for each network of its own.
    lanes : int, default 64
        How many are trained at once.

    Yields
    ------
    TrainingRun
        In the order in which the networks are done, which depends on nothing but the networks;
        equal to that of `binadd.train` but for `seconds`, counted from when the network came in.
        Where `train` raises a DivergenceError, the status is "diverged"; the network then has
        weights from before that.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an argument is of the wrong type or not allowed, or the networks differ in more than
        seed and learning rate.

    Examples
    --------
    >>> networks = [BinaryAdderRNN(8, seed=seed) for seed in range(3)]
    >>> sorted(run.network.seed for run in train_population(networks, until=1000))
    [0, 1, 2]
    """
    lanes = check_integer("lanes", lanes, 1)
    queue = iter(networks)
    first = next(queue, None)
    if first is None:
        return
    goal = check_goal(first.settings.operands, bits, until, max_sequences)
    yield from _take_along(first.kernels, _courses(first, queue, goal), lanes)


def _courses(
    first: BinaryAdderRNN, others: Iterator[BinaryAdderRNN], goal: Goal
) -> Iterator[Course]:
    """Yield the courses of networks that can be trained with the first."""
    shared = shared_settings(first.settings)
    if shared.batch_size != 1:
        raise InvalidInputError(f"a population needs batch_size 1, not {shared.batch_size}")
    yield Course(first, goal)
    for net in others:
        if shared_settings(net.settings) != shared or net.kernels is not first.kernels:
            raise InvalidInputError(
                f"networks of a population may differ in seed and learning_rate only: {first!r} "
                f"and {net!r} cannot be trained together"
            )
        yield Course(net, goal)


def _take_along(kernels: Kernels, entrants: Iterator[Course], lanes: int) -> Iterator[TrainingRun]:
    """Take courses to their ends, as many at once as there are lanes."""
    courses: list[Course] = []
    while True:
        entered = list(islice(entrants, lanes - len(courses)))
        courses += entered
        if not courses:
            return
        learning = []
        for course in courses:
            status = course.look()
            if status is None:
                learning.append(course)
            else:
                yield course.end(status)
        courses = learning
        for course in _train(kernels, courses):
            courses.remove(course)
            yield course.end("diverged")


def _train(kernels: Kernels, courses: Sequence[Course]) -> list[Course]:
    """Train each network for a while: the few in their last phase alone, all others together.

    Returns those that diverged; they keep the state that they had.
    """
    diverged = []
    for course in courses:
        if course.saturating:
            try:
                course.learn(saturation.UPDATES)
            except DivergenceError:
                diverged.append(course)
    learning = [course for course in courses if not course.saturating]
    return diverged + (_train_together(kernels, learning) if learning else [])


def _train_together(kernels: Kernels, courses: Sequence[Course]) -> list[Course]:
    """Train each network up to the first that is due for a look; return those that diverged.

    A network that diverged keeps the state that it had.
    """
    states = [course.net.state for course in courses]
    optimizers = [course.optimizer() for course in courses]
    architecture, rule = states[0].architecture, optimizers[0].rule
    bits = courses[0].goal.bits
    count = min(
        max(1, SLICE_SYMBOLS // (len(courses) * bits)),
        min(course.remaining() for course in courses),
    )
    symbols = np.empty((len(courses), count, bits), np.uint8)
    targets = np.empty_like(symbols)
    for lane, course in enumerate(courses):
        course.data.fill(symbols[lane], targets[lane])
    blocks = np.stack([state.block for state in states])
    moments = np.stack([state.moments for state in states])
    powers = np.stack([state.powers for state in states])
    for lane, state in enumerate(states):
        if state.rule not in (None, rule):
            moments[lane], powers[lane] = 0, 1
    kernels.train_population(
        architecture,
        blocks,
        moments,
        powers,
        symbols,
        targets,
        loss=courses[0].net.settings.loss,
        optimizer=optimizers[0],
        learning_rates=np.array(
            [optimizer.learning_rate for optimizer in optimizers], architecture.dtype
        ),
    )
    diverged = []
    finite = np.isfinite(blocks).all(axis=(1, 2))
    for lane, (course, state) in enumerate(zip(courses, states, strict=True)):
        if not finite[lane]:
            diverged.append(course)
            continue
        course.net.state = replace(
            state,
            block=blocks[lane],
            moments=moments[lane],
            powers=powers[lane],
            rule=rule,
            sequences=state.sequences + count,
            updates=state.updates + count,
            position=state.position + count * course.data.words,
            status=None,
        )
    return diverged
