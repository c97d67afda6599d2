"""`sweep`: train a network for every seed and every combination of parameters, on all processors.

The table depends only on what is asked for, not on the number of workers, nor on how often the
sweep was interrupted.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from binadd.checks import check_flag, check_integer, shorten
from binadd.errors import CheckpointError, DivergenceError, InvalidInputError, InvalidTypeError
from binadd.model import DEFAULTS, BinaryAdderRNN
from binadd.progress import reporting
from binadd.recipes import Settings, resolve
from binadd.state import STATUSES
from binadd.training.course import Course, TrainingRun
from binadd.training.loop import MAX_SEQUENCES, train
from binadd.training.population import shared_settings, train_population
from binadd.training.schedule import Goal, check_goal
from binadd.training.sweepfile import Kind, SweepFile
from binadd.training.table import Row, Table

__all__ = ["RESULTS", "sweep"]

RESULTS: Mapping[str, Kind] = {
    "status": (*STATUSES, "diverged"),
    "sequences": int,
    "restarts": int,
    "failed_proofs": int,
    "verdict": ("proved", "refuted", "undecided", None),
    "margin": float,
    "wrong_bit": int,
    "weights": str,
}
"""The columns after the parameters, and what they hold."""

CHUNK = 64
"""Networks that a worker is given at once, at most."""


def sweep(
    seeds: int | Iterable[int] = range(100),
    *,
    bits: int | None = None,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    verdicts: bool = False,
    workers: int | None = None,
    path: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | bool | None = None,
    **parameters: Any,
) -> Table:
    """Train networks of all combinations of parameters and return a table, a row for each.

    Parameters
    ----------
    seeds : int or iterable of int
    bits, until, max_sequences
        As for `binadd.train`.
    verdicts : bool, default False
        Whether to try to prove those networks, too, that were not trained until proved.
    workers : int, optional
        How many to use; by default as many as there are processors. They are those of joblib
        where it is installed (`pip install 'binadd[sweep]'`): processes, unless
        `joblib.parallel_config` says otherwise. Without it they are threads.
    path : path, optional
        A file that every row is added to as soon as there is one, as a line of JSON. If it
        exists, rows that it has are taken from it: so an interrupted sweep continues, and a
        finished one can be extended.
    progress : callable or True, optional
        Called with the number of rows done so far and the number of all rows; True shows a bar
        on stderr.
    **parameters
        Parameters of `BinaryAdderRNN`: each a value, or a list, tuple, range or array of values
        to be tried.

    Returns
    -------
    Table
        Its columns are the parameters as given, the seed, and:

        status : "proved", "exact", "finished", "limit" (see `TrainingRun`) or "diverged"
        sequences : how many the network was trained on; None if it diverged
        restarts : how often it started again with other weights; None if it diverged
        failed_proofs : proofs that did not succeed since then
        verdict : of the last proof that was tried: "proved", "refuted", "undecided" or None
        margin : smallest distance of a logit from 0, if proved
        wrong_bit : lowest bit in which a sum is wrong, if refuted
        weights : the first 16 hexadecimal digits of the weights' SHA-256

        Any of the networks can be made again: train one with the row's parameters.

    Raises
    ------
    InvalidTypeError, InvalidInputError, BackendError
        If an argument is of the wrong type or not allowed; nothing has been trained then.
    CheckpointError
        If the file is not a sweep's, or is of another goal.
    OSError
        If the file cannot be read or written.

    Examples
    --------
    >>> table = sweep(seeds=range(3), hidden_size=[4, 8], bits=4, until=50, workers=1)
    >>> table["hidden_size"], table["status"][0]
    ([4, 4, 4, 8, 8, 8], 'finished')
    """
    grid = _grid(seeds, parameters)
    task = _task(grid, bits, until, max_sequences, check_flag("verdicts", verdicts))
    workers = _workers(workers)
    names = tuple(grid[0].parameters)
    rows: dict[Settings, Row] = {}
    with reporting(progress) as report, SweepFile(path, task.header(), RESULTS) as file:
        for row, results in file.rows():
            try:
                rows[_resolve(row)] = results
            except (InvalidInputError, InvalidTypeError) as reason:
                raise CheckpointError(f"{path} has a row of no network: {reason}") from None
        missing = [entry for entry in grid if entry.settings not in rows]
        done = len(grid) - len(missing)
        if report is not None:
            report(done, len(grid))
        for entry, results in _run(task, missing, workers):
            file.write(entry.parameters, results)
            rows[entry.settings] = results
            done += 1
            if report is not None:
                report(done, len(grid))
    return Table((*names, *RESULTS), (entry.parameters | rows[entry.settings] for entry in grid))


# What to train -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """One network of a sweep: its parameters as given, and what they mean."""

    parameters: Row
    settings: Settings


def _grid(seeds: int | Iterable[int], parameters: Mapping[str, Any]) -> list[_Entry]:
    """Return all combinations in the order given, seeds changing first."""
    if "seed" in parameters:
        raise InvalidInputError("a sweep's seeds are given as seeds, not as seed")
    choices = {name: _choices(value) for name, value in parameters.items()}
    choices["seed"] = _choices(seeds)
    for name, values in choices.items():
        if not values:
            raise InvalidInputError(f"there is no {name} to try")
    if len(choices.get("backend", [])) > 1:
        raise InvalidInputError("a sweep has one backend: networks of any are the same to the bit")
    entries: dict[Settings, _Entry] = {}
    for combination in itertools.product(*choices.values()):
        given = dict(zip(choices, combination, strict=True))
        settings = _resolve(given)
        entries.setdefault(settings, _Entry(given, settings))
    return list(entries.values())


def _choices(value: Any) -> list[Any]:
    """Return the values to try, as plain Python ones."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        value = [value]
    return [_plain(choice) for choice in value]


def _plain(value: Any) -> Any:
    if isinstance(value, type | np.dtype):  # np.float32 and its like, as a dtype
        return np.dtype(value).name
    return value.item() if isinstance(value, np.generic) else value


def _resolve(parameters: Mapping[str, Any]) -> Settings:
    for name in parameters:
        if name not in DEFAULTS:
            raise InvalidInputError(
                f"{shorten(name)} is not a parameter of a network; allowed: {', '.join(DEFAULTS)}"
            )
    return resolve({**DEFAULTS, **parameters})


@dataclass(frozen=True)
class _Task:
    """What is to be done with every network."""

    bits: int | None
    until: str | int
    max_sequences: int
    verdicts: bool

    def goal(self, operands: int) -> Goal:
        """Return what a network of so many operands is trained for."""
        return check_goal(operands, self.bits, self.until, self.max_sequences)

    def header(self) -> Row:
        """Return what decides about rows beside their parameters, as plain data."""
        return asdict(self)


def _task(
    grid: list[_Entry], bits: int | None, until: str | int, max_sequences: int, verdicts: bool
) -> _Task:
    goals = [
        check_goal(operands, bits, until, max_sequences)
        for operands in sorted({entry.settings.operands for entry in grid})
    ]
    goal = goals[0]
    for backend in {entry.parameters.get("backend", "auto") for entry in grid}:
        BinaryAdderRNN(1, backend=backend)  # a backend that is missing is better known at once
    bits = None if bits is None else goal.bits
    return _Task(bits, goal.until, goal.max_sequences, verdicts)


def _workers(workers: int | None) -> int:
    if workers is not None:
        return check_integer("workers", workers, 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Doing it ----------------------------------------------------------------------------------------


def _run(task: _Task, entries: list[_Entry], workers: int) -> Iterator[tuple[_Entry, Row]]:
    """Yield every network's results as soon as there are any, in whatever order."""
    chunks = _chunks(entries, workers)
    if workers == 1 or len(chunks) < 2:
        for chunk in chunks:
            yield from _train(task, chunk)
        return
    try:
        import joblib  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        yield from _in_threads(task, chunks, workers)
        return
    jobs = (joblib.delayed(_train_all)(task, chunk) for chunk in chunks)
    for results in joblib.Parallel(workers, return_as="generator_unordered")(jobs):
        yield from results


def _chunks(entries: list[_Entry], workers: int) -> list[list[_Entry]]:
    """Return groups of networks that can be trained together, several for each worker."""
    groups: dict[tuple[Settings, str], list[_Entry]] = {}
    for entry in entries:
        key = shared_settings(entry.settings), entry.parameters.get("backend", "auto")
        groups.setdefault(key, []).append(entry)
    size = len(entries) if workers == 1 else min(CHUNK, -(-len(entries) // (4 * workers)))
    return [
        group[start : start + size]
        for group in groups.values()
        for start in range(0, len(group), size)
    ]


def _in_threads(
    task: _Task, chunks: list[list[_Entry]], workers: int
) -> Iterator[tuple[_Entry, Row]]:
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_train_all, task, chunk, stop) for chunk in chunks]
        try:
            for future in as_completed(futures):
                yield from future.result()
        finally:  # Ctrl-C, or an error: workers end with the network at hand
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _train_all(
    task: _Task, entries: list[_Entry], stop: threading.Event | None = None
) -> list[tuple[_Entry, Row]]:
    results = []
    for result in _train(task, entries):
        results.append(result)
        if stop is not None and stop.is_set():
            break
    return results


def _train(task: _Task, entries: list[_Entry]) -> Iterator[tuple[_Entry, Row]]:
    """Train networks that differ in seed and learning rate only."""
    goal = task.goal(entries[0].settings.operands)
    waiting: dict[Settings, _Entry] = {entry.settings: entry for entry in entries}
    networks = (BinaryAdderRNN(**entry.parameters) for entry in entries)
    runs: Iterable[TrainingRun]
    if entries[0].settings.batch_size == 1:
        runs = train_population(
            networks, goal.bits, until=goal.until, max_sequences=goal.max_sequences
        )
    else:
        runs = (_train_alone(net, goal) for net in networks)
    for run in runs:
        yield waiting.pop(run.network.settings), _results(run, task)


def _train_alone(net: BinaryAdderRNN, goal: Goal) -> TrainingRun:
    try:
        return train(net, goal.bits, until=goal.until, max_sequences=goal.max_sequences)
    except DivergenceError:
        return Course(net, goal).end("diverged")


def _results(run: TrainingRun, task: _Task) -> Row:
    """Return a row but for the parameters; without seconds, which are never the same twice."""
    from binadd.proof import prove
    from binadd.proof.certificate import weights_digest

    net, diverged = run.network, run.status == "diverged"
    verdict = None if diverged else run.verdict
    if task.verdicts and not diverged and (verdict is None or verdict.status != "proved"):
        verdict = prove(net)
    return {
        "status": run.status,
        # Where a diverging network stops depends on how training was cut into slices.
        "sequences": None if diverged else run.sequences,
        "restarts": None if diverged else run.restarts,
        "failed_proofs": None if diverged else net.state.failed_proofs,
        "verdict": getattr(verdict, "status", None),
        "margin": getattr(verdict, "margin", None),
        "wrong_bit": getattr(verdict, "wrong_bit", None),
        "weights": None if diverged else weights_digest(net)[:16],
    }
