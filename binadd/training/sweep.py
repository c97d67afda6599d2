"""`sweep`: train a network for every seed and every combination of parameters, on all processors.

The table depends only on the arguments, not on the number of workers, nor on how often the
sweep was interrupted.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor, wait
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice, product, starmap
from queue import SimpleQueue
from threading import Event
from typing import Any

import numpy as np

from binadd import __version__
from binadd.checks import check_flag, check_integer, shorten
from binadd.errors import CheckpointError, InvalidInputError, InvalidTypeError, WorkerError
from binadd.form import Form, form_of
from binadd.kernels.mode import ieee_mode
from binadd.model import DEFAULTS, BinaryAdderRNN
from binadd.progress import reporting
from binadd.settings import Settings, resolve
from binadd.state import STATUSES
from binadd.training.outcome import TrainingRun
from binadd.training.processes import ProcessThreads, are_useful
from binadd.training.rows import Kind, Row, RowFile
from binadd.training.schedule import MAX_SEQUENCES, Goal, check_goal
from binadd.training.trainer import WIDTH, Run, finish

__all__ = ["RESULTS", "SECONDS", "processors", "sweep"]

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

SECONDS: Mapping[str, Kind] = {"seconds": float}
"""The column that only a file of rows has: the time for a network, another in each run."""

FIRST_CHUNK, CHUNK = 8, 256
"""Networks that a worker is given at once: before it is known how long they take, and at most."""

CHUNK_SECONDS = 1.0
"""About the time of a chunk, which is what a worker or a sweep that is killed loses."""

CHUNKS_PER_WORKER = 2
"""Chunks that are submitted at a time, so that no worker waits for the next."""

ALONE_SECONDS, WORTH_WORKERS = 0.3, 1.0
"""A sweep begins with one worker, in the thread that called it. After so long it starts others if
what is left takes one worker at least so long: a process takes about a quarter of a second to
start."""

BROKEN_AT_MOST = 3
"""Executors in a row that may break with nothing done in between."""


@ieee_mode()
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
        How many processes to use, or how many workers an executor has; by default as many as
        there are processors, or threads in a dask cluster. It decides how much is submitted at a
        time.
    executor : object or callable, optional
        What to train with instead of processes on this machine, or threads where Python has no
        global lock: anything with `submit` whose futures have
        `add_done_callback`, such as an executor of `concurrent.futures`, loky or mpi4py, or the
        client of a dask cluster. Or a function that makes one, to be closed by the sweep:
        when a worker is killed that breaks it, the sweep makes another and goes on. With
        dask, the cluster itself gives what a lost worker did to another.
    path : path, optional
        A file that every row is added to as soon as there is one, as a line of JSON, with the
        seconds that it took. If it exists, rows that it has are taken from it: so an interrupted
        sweep continues, and a finished one can be extended.
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
    WorkerError
        If an executor breaks and no other can be made, or three do in a row; or if a worker has
        another version of binadd. Rows that were done are in the file.
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
        raise InvalidTypeError(
            "executor must have a method submit, or be a function that makes such an executor, "
            f"not {shorten(executor)}"
        )
    workers = _workers(workers, executor)
    rows: dict[Settings, Row] = {}
    kinds = {**RESULTS, **SECONDS}
    with reporting(progress) as report, RowFile(path, task.header(), kinds) as file:
        for row, results in file.rows():
            try:
                rows[_resolve(row)] = _timeless(results)
            except (InvalidInputError, InvalidTypeError) as reason:
                raise CheckpointError(f"{path} has a row of no network: {reason}") from None
        missing = [entry for entry in grid if entry.settings not in rows]
        done = len(grid) - len(missing)
        if report is not None:
            report(done, len(grid))

        def keep(entry: _Entry, results: Row) -> None:
            nonlocal done
            file.write(entry.parameters, results)
            rows[entry.settings] = _timeless(results)
            done += 1

        with closing(_run(task, missing, workers, executor, keep)) as steps:
            for _ in steps:
                if report is not None:
                    report(done, len(grid))
    return [entry.parameters | rows[entry.settings] for entry in grid]


def _timeless(results: Row) -> Row:
    """Return results without their seconds: a table is the same table however it was made."""
    return {name: results[name] for name in RESULTS}


# Tasks -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
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
            f"seeds must be several integers, not {seeds}: range({seeds}) for {seeds} seeds, "
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
    for combination in product(*choices.values()):
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


def _workers(workers: int | None, executor: Any) -> int:
    if workers is not None:
        return check_integer("workers", workers, 1)
    if hasattr(executor, "nthreads"):  # the client of a dask cluster
        threads: Mapping[str, int] = executor.nthreads()
        return max(1, sum(threads.values()))
    return processors()


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Doing it ----------------------------------------------------------------------------------------

_Keep = Callable[[_Entry, Row], None]


def _run(
    task: _Task, entries: list[_Entry], workers: int, executor: Any, keep: _Keep
) -> Generator[None, None, None]:
    """Train every network and keep results as soon as there are any; yield whenever there are."""
    waiting = deque(entries)
    if executor is None:
        yield from _begin_here(task, waiting, workers, keep)
        pool = ProcessThreads if are_useful() else ThreadPoolExecutor
        executor = partial(pool, workers)
    is_made_here = _makes_executors(executor)
    broken = 0
    while waiting:
        with executor() if is_made_here else nullcontext(executor) as pool:
            try:
                for _ in _in_executor(pool, task, waiting, workers, keep):
                    broken = 0
                    yield
            except BrokenExecutor as error:
                broken += 1
                if not is_made_here:
                    raise WorkerError(
                        f"the executor is broken, a worker may have been killed: {error} Where a "
                        "function that makes executors is given instead, a sweep makes a new one"
                    ) from error
                if broken == BROKEN_AT_MOST:
                    raise WorkerError(
                        f"{broken} executors in a row broke before anything was done: {error}"
                    ) from error


def _begin_here(
    task: _Task, waiting: deque[_Entry], workers: int, keep: _Keep
) -> Generator[None, None, None]:
    """Train in this thread: all if there are no more workers, else until more would pay.

    What is left waits.
    """
    left = dict(enumerate(waiting))
    is_alone = workers == 1 or len(left) < 2
    start = time.perf_counter()

    def heed(*_: object) -> None:
        seconds = time.perf_counter() - start
        done = len(waiting) - len(left)
        if seconds > ALONE_SECONDS and seconds * len(left) > WORTH_WORKERS * done:
            raise _Stopped

    chunk = [entry.parameters for entry in waiting]
    steps = _train(task, chunk) if is_alone else _train(task, chunk, heed, FIRST_CHUNK)
    with suppress(_Stopped):
        for number, results in steps:
            keep(left.pop(number), results)
            yield
    waiting.clear()
    waiting.extend(left.values())


def _makes_executors(executor: Any) -> bool:
    """Whether it is a function or class that executors come from, rather than one."""
    return callable(executor) and (isinstance(executor, type) or not hasattr(executor, "submit"))


def _in_executor(
    pool: Any, task: _Task, waiting: deque[_Entry], workers: int, keep: _Keep
) -> Iterator[None]:
    """Keep an executor busy until nothing waits; what it has not done by its end waits again."""
    flag: Event | None = None
    stop: Callable[[], None] | None = None
    train: Callable[..., Iterator[tuple[int, Row]]] | None = None
    if isinstance(pool, ProcessThreads):
        train, stop = partial(pool.stream, _train), pool.kill
    elif isinstance(pool, ThreadPoolExecutor):
        flag = Event()
        stop = flag.set
    ended: SimpleQueue[Any] = SimpleQueue()
    running: dict[Any, list[_Entry]] = {}
    size, places = FIRST_CHUNK, CHUNKS_PER_WORKER * workers
    try:
        while waiting or running:
            while waiting and len(running) < places:
                # Towards the end chunks are smaller, so that all workers have some of the rest.
                chunk = list(islice(waiting, min(size, -(-len(waiting) // places))))
                parameters = [entry.parameters for entry in chunk]
                future = pool.submit(_train_chunk, __version__, task, parameters, flag, train)
                running[future] = chunk
                for _ in chunk:
                    waiting.popleft()
                # Neither `wait` nor `as_completed` takes the futures of other libraries; all have
                # callbacks.
                future.add_done_callback(ended.put)
            future = ended.get()
            results = future.result()
            chunk = running.pop(future)
            del future  # dask's workers hold a result as long as there is a future of it
            seconds = _take(results, chunk, waiting, keep)
            size = max(1, min(CHUNK, int(CHUNK_SECONDS * len(chunk) / seconds)))
            yield
    finally:
        _end(running, stop, waiting, keep)


def _take(
    results: Iterable[tuple[int, Row]], chunk: list[_Entry], waiting: deque[_Entry], keep: _Keep
) -> float:
    """Keep the rows of a chunk and return their seconds; networks without one wait again."""
    left, seconds = dict(enumerate(chunk)), 1e-9
    try:
        for number, row in results:
            keep(left[number], row)
            del left[number]
            seconds += row["seconds"]
    finally:
        waiting.extendleft(reversed(left.values()))
    return seconds


def _end(
    running: dict[Any, list[_Entry]],
    stop: Callable[[], None] | None,
    waiting: deque[_Entry],
    keep: _Keep,
) -> None:
    """Cancel what has not begun and keep the rows of what is done; all else waits again."""
    for future in running:
        if not future.done():  # dask's would lose the result
            future.cancel()
    if stop is not None:
        _wait_until_stopped(running, stop)
    for future, chunk in reversed(running.items()):
        results: list[tuple[int, Row]] = []
        with suppress(Exception, CancelledError):
            results = future.result() if future.done() else []
        with suppress(Exception):
            _take(results, chunk, waiting, keep)


def _wait_until_stopped(futures: Iterable[Any], stop: Callable[[], None]) -> None:
    """Stop threads of this process, and wait for them despite further signals."""
    waiting = True
    while waiting:
        try:
            stop()
            wait(futures)
            waiting = False
        except KeyboardInterrupt:
            pass


class _Stopped(Exception):
    """The flag to stop has been set."""


@ieee_mode()
def _train_chunk(
    version: str,
    task: _Task,
    chunk: list[Row],
    flag: Event | None = None,
    train: Callable[..., Iterator[tuple[int, Row]]] | None = None,
) -> list[tuple[int, Row]]:
    """Return what networks came to: all, or those that had ended when it was stopped.

    A flag stops it in a thread; `train` does what `_train` does in another place.
    """
    if version != __version__:
        raise WorkerError(f"a worker has binadd {__version__}, not {version} as the sweep")
    results: list[tuple[int, Row]] = []

    def heed(*_: object) -> None:
        if flag is not None and flag.is_set():
            raise _Stopped

    with suppress(_Stopped):
        for result in _train(task, chunk, heed) if train is None else train(task, chunk):
            results.append(result)  # one by one: what there is when it is stopped stays
    return results


def _train(
    task: _Task,
    chunk: list[Row],
    heed: Callable[..., object] | None = None,
    width: int = WIDTH,
) -> Iterator[tuple[int, Row]]:
    """Train networks, `width` at once, and yield what each came to with its place in the chunk.

    `heed` may end it between slices or proofs.
    """
    active: dict[Settings, tuple[int, Run]] = {}

    def begin(place: int, parameters: Row) -> Run:
        net = BinaryAdderRNN(**parameters)
        run = Run(net, task.goal(net.settings.form), None, heed)
        active[net.settings] = place, run
        return run

    for outcome in finish(starmap(begin, enumerate(chunk)), width, heed):
        place, run = active.pop(outcome.network.settings)
        before = time.perf_counter()
        results = _results(outcome, task, heed)
        seconds = run.busy + time.perf_counter() - before
        yield place, results | {"seconds": round(seconds, 6)}


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
