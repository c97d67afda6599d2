"""`sweep`: train a network for every seed and every combination of parameters, on all processors.

The table depends only on the arguments, not on the number of workers, nor on how often the
sweep was interrupted.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

import numpy as np

from binadd.checks import check_flag, check_integer, shorten
from binadd.errors import CheckpointError, InvalidInputError, InvalidTypeError
from binadd.form import Form, form_of
from binadd.model import DEFAULTS, BinaryAdderRNN
from binadd.progress import reporting
from binadd.settings import Settings, resolve
from binadd.state import STATUSES
from binadd.training.outcome import TrainingRun
from binadd.training.rows import Kind, Row, RowFile
from binadd.training.schedule import MAX_SEQUENCES, Goal, check_goal
from binadd.training.trainer import Run, finish

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
    seeds: Iterable[int] = range(100),
    *,
    bits: int | None = None,
    until: str | int = "proved",
    max_sequences: int = MAX_SEQUENCES,
    verdicts: bool = False,
    workers: int | None = None,
    executor: Any = None,
    path: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | bool | None = None,
    **parameters: Any,
) -> list[Row]:
    """Train networks of all combinations of parameters and return a row for each.

    Parameters
    ----------
    seeds : iterable of int
        `range(3)` for three seeds, `[3]` for the seed 3.
    bits, until, max_sequences
        As for `binadd.train`.
    verdicts : bool, default False
        Whether to try to prove those networks, too, that were not trained until proved.
    workers : int, optional
        How many threads to use, or into how many parts to cut the work for an executor; by default
        as many as there are processors.
    executor : object, optional
        What to train with instead of threads: anything with `submit` as `concurrent.futures` has
        it, such as a ProcessPoolExecutor, loky's or that of dask's client; or a `joblib.Parallel`,
        of any backend.
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
    list of dict
        Rows with the parameters as given, the seed, and:

        status : as that of `TrainingRun`
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
    >>> rows = sweep(seeds=range(3), hidden_size=[4, 8], bits=4, until=50, workers=1)
    >>> [row["hidden_size"] for row in rows], rows[0]["status"]
    ([4, 4, 4, 8, 8, 8], 'finished')
    """
    grid = _grid(seeds, parameters)
    task = _task(grid, bits, until, max_sequences, check_flag("verdicts", verdicts))
    if not (executor is None or hasattr(executor, "submit") or callable(executor)):
        raise InvalidTypeError(f"executor must have a method submit, not be {shorten(executor)}")
    workers = _workers(workers)
    rows: dict[Settings, Row] = {}
    with reporting(progress) as report, RowFile(path, task.header(), RESULTS) as file:
        for row, results in file.rows():
            try:
                rows[_resolve(row)] = results
            except (InvalidInputError, InvalidTypeError) as reason:
                raise CheckpointError(f"{path} has a row of no network: {reason}") from None
        missing = [entry for entry in grid if entry.settings not in rows]
        done = len(grid) - len(missing)
        if report is not None:
            report(done, len(grid))

        def keep(entry: _Entry, results: Row) -> None:
            nonlocal done
            file.write(entry.parameters, results)
            rows[entry.settings] = results
            done += 1

        with closing(_run(task, missing, workers, executor, keep)) as steps:
            for _ in steps:
                if report is not None:
                    report(done, len(grid))
    return [entry.parameters | rows[entry.settings] for entry in grid]


# Tasks -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """One network of a sweep: its parameters as given, and what they mean."""

    parameters: Row
    settings: Settings


def _grid(seeds: Iterable[int], parameters: Mapping[str, Any]) -> list[_Entry]:
    """Return all combinations in the order given, seeds changing first."""
    if "seed" in parameters:
        raise InvalidInputError("a sweep's seeds are given as seeds, not as seed")
    if isinstance(seeds, int | np.integer):
        raise InvalidTypeError(
            f"seeds must be several integers, not {seeds}: range({seeds}) for so many seeds, "
            f"[{seeds}] for this one"
        )
    choices = {name: _choices(value) for name, value in parameters.items()}
    if any(isinstance(c, int) for c in choices.get("coefficients", [])):
        choices["coefficients"] = [tuple(choices["coefficients"])]  # of a single form
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
    """The training that every network gets."""

    bits: int | None
    until: str | int
    max_sequences: int
    verdicts: bool

    def goal(self, form: Form) -> Goal:
        """Return the goal of a network of this form."""
        return check_goal(form, self.bits, self.until, self.max_sequences)

    def header(self) -> Row:
        """Return what decides about rows beside their parameters, as plain data."""
        return asdict(self)


def _task(
    grid: list[_Entry], bits: int | None, until: str | int, max_sequences: int, verdicts: bool
) -> _Task:
    goals = [
        check_goal(form_of(coefficients), bits, until, max_sequences)
        for coefficients in sorted({entry.settings.coefficients for entry in grid}, key=len)
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

_Keep = Callable[[_Entry, Row], None]
_Result = tuple[_Entry, Row]


def _run(
    task: _Task, entries: list[_Entry], workers: int, executor: Any, keep: _Keep
) -> Generator[None, None, None]:
    """Train every network and keep results as soon as there are any; yield whenever there are."""
    size = max(1, min(CHUNK, -(-len(entries) // (4 * workers))))
    chunks = [entries[start : start + size] for start in range(0, len(entries), size)]
    if executor is not None and hasattr(executor, "submit"):
        yield from _in_executor(executor, task, chunks, None, keep)
    elif executor is not None:
        yield from _in_joblib(executor, task, chunks, workers, keep)
    elif workers == 1 or len(chunks) < 2:
        for result in _train(task, entries):
            keep(*result)
            yield
    else:
        with ThreadPoolExecutor(workers) as pool:
            yield from _in_executor(pool, task, chunks, Event(), keep)


def _in_executor(
    executor: Executor, task: _Task, chunks: list[list[_Entry]], stop: Event | None, keep: _Keep
) -> Iterator[None]:
    """Submit chunks; workers that share the flag to stop return early with what they have."""
    left: set[Future[list[_Result]]] = set()
    try:
        for chunk in chunks:
            left.add(executor.submit(_train_chunk, task, chunk, stop))
        for future in as_completed(list(left)):
            for result in future.result():
                keep(*result)
            left.remove(future)
            yield
    finally:
        for future in left:
            future.cancel()
        if stop is not None:
            _stop(left, stop, keep)


def _stop(futures: set[Future[list[_Result]]], stop: Event, keep: _Keep) -> None:
    """Wait for workers to heed the flag, despite further signals, and keep their rows."""
    stop.set()
    waiting = True
    while waiting:
        try:
            wait(futures)
            waiting = False
        except KeyboardInterrupt:
            pass
    for future in futures:
        if not future.cancelled() and future.exception() is None:
            for result in future.result():
                keep(*result)


def _in_joblib(
    parallel: Callable[..., Iterable[list[_Result]]],
    task: _Task,
    chunks: list[list[_Entry]],
    workers: int,
    keep: _Keep,
) -> Iterator[None]:
    """Train with a `joblib.Parallel`, some chunks a call: few backends return any early."""
    from joblib import delayed  # type: ignore[import-not-found, import-untyped, unused-ignore]

    for start in range(0, len(chunks), workers):
        part = chunks[start : start + workers]
        for results in parallel(delayed(_train_chunk)(task, chunk) for chunk in part):
            for result in results:
                keep(*result)
            yield


class _Stopped(Exception):
    """The flag to stop has been set."""


def _train_chunk(task: _Task, entries: list[_Entry], stop: Event | None = None) -> list[_Result]:
    """Return what networks came to: all, or those that had ended when the flag was set."""
    results: list[_Result] = []

    def heed(*_: object) -> None:
        if stop is not None and stop.is_set():
            raise _Stopped

    with suppress(_Stopped):
        for result in _train(task, entries, heed):
            results.append(result)  # one by one: what there is when the flag is set stays
    return results


def _train(
    task: _Task, entries: list[_Entry], heed: Callable[..., object] | None = None
) -> Iterator[_Result]:
    """Train networks, and yield what each came to; `heed` may end it between slices or proofs."""
    waiting = {entry.settings: entry for entry in entries}
    runs = (
        Run(BinaryAdderRNN(**entry.parameters), task.goal(entry.settings.form), None, heed)
        for entry in entries
    )
    for run in finish(runs, after_slice=heed):
        yield waiting.pop(run.network.settings), _results(run, task, heed)


def _results(run: TrainingRun, task: _Task, heed: Callable[..., object] | None) -> Row:
    """Return a row but for the parameters; without seconds, which are never the same twice."""
    from binadd.proof import prove
    from binadd.proof.certificate import weights_digest

    net, diverged = run.network, run.status == "diverged"
    verdict = None if diverged else run.verdict
    if task.verdicts and not diverged and (verdict is None or verdict.status != "proved"):
        verdict = prove(net, progress=heed)
    return {
        "status": run.status,
        # Where a diverging network stops depends on how training was cut into slices.
        "sequences": None if diverged else run.sequences,
        "restarts": None if diverged else run.restarts,
        "failed_proofs": None if diverged else run.failed_proofs,
        "verdict": getattr(verdict, "status", None),
        "margin": getattr(verdict, "margin", None),
        "wrong_bit": getattr(verdict, "wrong_bit", None),
        "weights": None if diverged else weights_digest(net)[:16],
    }
