"""Kill commands, or press Ctrl-C, at random moments: every file stays whole, and work goes on.

    python tests/faults.py kill 200          # SIGKILL, as often for each command
    python tests/faults.py interrupt 200     # Ctrl-C once, at a random line of Python
    python tests/faults.py twice 200         # Ctrl-C twice
    python tests/faults.py full 200          # no file may grow beyond a random size

Commands run in forked processes, which need not import anything first; test_faults.py runs short
rounds.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads do not survive a fork

import numpy as np

import binadd
from binadd.__main__ import main
from binadd.proof import Certificate
from binadd.training import sweep as sweep_module
from binadd.training.checkpoint import load_checkpoint

START = {"net.npz": 3, "page.npz": 1}
"""Networks that are there before, and their seeds: one to be overwritten, one to be read."""


@dataclass(frozen=True)
class Scenario:
    """A command, how it goes on after an interruption, and the file that it ends in."""

    command: str
    again: Callable[[Path], str]
    result: str


def _resume(folder: Path) -> str:
    for name in ("run.npz", "net.checkpoint.npz"):
        if (folder / name).exists():
            return f"train --resume {name} -o net.npz -q"
    return SCENARIOS["train"].command


def _same(name: str) -> Callable[[Path], str]:
    return lambda _: SCENARIOS[name].command


SWEEP = (
    "sweep --seeds 0-7 --hidden 4,8 --bits 4 --until 300 --rows rows --workers 2 -o table.csv -q"
)

SCENARIOS = {
    "train": Scenario(
        "train --until 3000 --hidden 8 --seed 4 -o net.npz --checkpoint run.npz "
        "--checkpoint-every 256 -q",
        _resume,
        "net.npz",
    ),
    "sweep": Scenario(SWEEP, _same("sweep"), "table.csv"),
    "threads": Scenario(f"threads {SWEEP}", _same("threads"), "table.csv"),
    "prove": Scenario("prove page.npz -o proof.json", _same("prove"), "proof.json"),
    "report": Scenario("report page.npz -o page.html", _same("report"), "page.html"),
}


def prepare(folder: Path) -> None:
    """Put files there that a command reads, and one that it overwrites."""
    for name, seed in START.items():
        net = binadd.BinaryAdderRNN(8, seed=seed)
        binadd.train(net, until=1600)
        net.save(folder / name)


def start(
    command: str, folder: Path, events: tuple[int, ...] = (), size: int | None = None
) -> int:
    """Run a command in a new process, with Ctrl-C at these lines of Python, and return its number.

    Without a line, nothing is counted; no file may grow beyond `size`. A sweep starts its workers
    at once, as threads if the command begins with this word.
    """
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with open("messages.log", "wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        words = command.split()
        sweep_module.ALONE_SECONDS = 0
        if words[0] == "threads":
            sweep_module.are_useful = lambda: False
            words = words[1:]
        sys.argv = ["binadd", *words]
        if size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if events:
            sys.settrace(_counting(set(events)))
        status = main()
        sys.settrace(None)
        sys.stdout.flush()
    except BaseException:
        sys.settrace(None)
        traceback.print_exc()
    finally:
        if events and max(events) == ALL:
            print("lines", LINES[0], flush=True)
        os._exit(status)


ALL = 1 << 60
LINES = [0]


def _counting(wanted: set[int]) -> Any:
    """Return a trace function that sends SIGINT at the lines of these numbers."""

    def trace(frame: Any, event: str, _: Any) -> Any:
        LINES[0] += 1
        if LINES[0] in wanted:
            os.kill(os.getpid(), signal.SIGINT)
        return trace

    return trace


def finish(process: int) -> int:
    """Return the exit status; negative: the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def messages(folder: Path) -> str:
    path = folder / "messages.log"
    return path.read_text("utf-8", "replace") if path.exists() else ""


def check_whole(folder: Path, clean: Path) -> None:
    """Every file is whole: as it was before, as it ends, or a step between these."""
    for path in folder.iterdir():
        old = clean.parent / "start" / path.name
        if path.name == "messages.log" or path.suffix == ".tmp":  # what a killed process leaves
            continue
        if path.name in ("run.npz", "net.checkpoint.npz"):
            load_checkpoint(path)
        elif path.name == "rows":
            strange = rows(path) - rows(clean / "rows")
            assert not strange, f"rows that a clean sweep does not have: {strange}"
        else:
            whole = [folder.read_bytes() for folder in (old, clean / path.name) if folder.exists()]
            assert path.read_bytes() in whole or contents(path) in [
                contents(each) for each in (old, clean / path.name) if each.exists()
            ], f"{path.name} is neither old nor new"


def rows(path: Path) -> set[str]:
    """Return the whole lines of a sweep's file, without what differs from run to run."""
    *lines, _ = path.read_text("utf-8").split("\n")
    return {re.sub(', "seconds": .*', "", line) for line in lines}


def contents(path: Path) -> Any:
    """Return the contents of a file, without what differs from run to run."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {name: file[name].tobytes() for name in file}
    if path.suffix == ".json":
        return Certificate.load(path).to_json()
    if path.suffix == ".csv":
        table = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        return [{name: row[name] for name in row if name != "seconds"} for row in table]
    return path.read_bytes()


@dataclass
class Round:
    """One command, run once without a fault, to be disturbed again and again."""

    name: str
    folder: Path

    def __post_init__(self) -> None:
        self.scenario = SCENARIOS[self.name]
        for name in ("start", "clean"):
            (self.folder / name).mkdir(exist_ok=True)
            prepare(self.folder / name)
        clean = self.folder / "clean"
        before = time.monotonic()
        assert finish(start(self.scenario.command, clean)) == 0, messages(clean)
        self.seconds = time.monotonic() - before
        self.result = contents(clean / self.scenario.result)

    def lines(self) -> int:
        """How many lines of Python the command takes."""
        folder = self._new("lines")
        assert finish(start(self.scenario.command, folder, (ALL,))) == 0, messages(folder)
        return int(messages(folder).rsplit("lines ", 1)[1])

    def _new(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        for file in START:
            (folder / file).write_bytes((self.folder / "start" / file).read_bytes())
        return folder

    def disturb(self, kind: str, count: int, random: random.Random) -> Iterator[int]:
        """Yield the exit status of each disturbed run, checked, and gone on from."""
        lines = self.lines() if kind in ("interrupt", "twice") else 0
        for number in range(count):
            folder = self._new(f"{kind}-{number}")
            if kind == "kill":
                process = start(self.scenario.command, folder)
                time.sleep(random.uniform(0, 1.1 * self.seconds))
                os.kill(process, signal.SIGKILL)
            elif kind == "full":
                process = start(
                    self.scenario.command, folder, size=int(2 ** random.uniform(0, 17))
                )
            else:
                first = random.randint(1, lines)
                events = (first, first + random.randint(1, 300)) if kind == "twice" else (first,)
                process = start(self.scenario.command, folder, events)
            status, text = finish(process), messages(folder)
            check_whole(folder, self.folder / "clean")
            # Python itself goes on after Ctrl-C in one of its callbacks, and reports it.
            own = status == 0 and "Exception ignored in" in text
            assert status != 70 and (own or "Traceback" not in text), text
            if kind == "kill":
                assert status in (0, -signal.SIGKILL), text
            elif kind == "full":
                assert status in (0, 2), (status, text)
            else:
                assert status in (0, 130), (status, text)
            if "To continue: " in text:
                assert (folder / "run.npz").exists() or (folder / "net.checkpoint.npz").exists()
            if status == 0:
                assert contents(folder / self.scenario.result) == self.result
            else:
                assert finish(start(self.scenario.again(folder), folder)) == 0, messages(folder)
                assert contents(folder / self.scenario.result) == self.result
                check_whole(folder, self.folder / "clean")
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
            yield status


def rounds(kind: str, count: int, names: list[str], seed: int = 0) -> dict[str, dict[int, int]]:
    """Disturb each command as often, and return how often it ended with which status."""
    ended: dict[str, dict[int, int]] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            ended[name] = {}
            for status in Round(name, Path(folder)).disturb(kind, count, random.Random(seed)):
                ended[name][status] = ended[name].get(status, 0) + 1
    return ended


if __name__ == "__main__":
    kind, count, *names = sys.argv[1:]
    for name in names or SCENARIOS:
        print(name, json.dumps(rounds(kind, int(count), [name])[name]), flush=True)
