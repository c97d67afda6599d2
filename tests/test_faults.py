"""A few of the faults of faults.py, each of which runs hundreds for longer."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import binadd
import binadd.__main__

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform in ("darwin", "emscripten", "wasi"),
    reason="commands run in forked processes",
)

COMMANDS = ["train", "sweep", "prove"]


def disturb(kind: str, count: int, *names: str) -> str:
    """Run faults.py, in a process that has no threads yet."""
    script = Path(__file__).with_name("faults.py")
    result = subprocess.run(
        [sys.executable, str(script), kind, str(count), *names],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == len(names)
    return result.stdout


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("kill", "train"),
        ("twice", "train"),
        ("full", "prove"),
        pytest.param("interrupt", "sweep", marks=pytest.mark.thorough),
    ],
)
def test_files_stay_whole(kind: str, command: str) -> None:
    disturb(kind, 2, command)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "interrupt", "twice", "full"])
def test_files_of_all_commands_stay_whole(kind: str) -> None:
    disturb(kind, 3, *COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "interrupt", "twice", "full"])
def test_pages_stay_whole(kind: str) -> None:
    pytest.importorskip("matplotlib")
    disturb(kind, 3, "report")


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    """Whichever is later, it is whole: there is one of each beginning, and no temporary file."""
    path = tmp_path / "net.npz"
    nets = [binadd.BinaryAdderRNN(8, seed=seed) for seed in range(2)]
    children = []
    for net in nets:
        child = os.fork()
        if not child:
            status = 1
            try:
                for _ in range(50):
                    net.save(path)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert binadd.load(path) in nets
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.npz"]


def test_two_sweeps_write_one_file(tmp_path: Path) -> None:
    """The second gets one sentence, or finds the first one's rows."""
    rows = tmp_path / "rows"
    command = ["sweep", "--seeds", "0-39", "--hidden", "4", "--bits", "4", "--until", "800", "-q"]
    start = [sys.executable, "-m", "binadd", *command, "--rows", str(rows)]
    both = [subprocess.Popen(start, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(process.communicate(timeout=600)[1], process.returncode) for process in both]
    assert ("", 0) in ends
    for err, status in ends:
        assert (err, status) == ("", 0) or (
            status == 2 and "is being written to by another sweep" in err
        )
    assert len(rows.read_bytes().splitlines()) == 41


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_beside_threads_that_compute() -> None:
    """A child trains and proves to the same bits while its parent's threads are in kernels."""
    code = """
import os, threading, binadd
def work():
    net = binadd.BinaryAdderRNN(8, seed=1)
    binadd.train(net)
    return net, binadd.prove(net).status
stop = threading.Event()
def always():
    while not stop.is_set():
        work()
threads = [threading.Thread(target=always) for _ in range(3)]
for thread in threads:
    thread.start()
expected, _ = work()
for _ in range(5):
    child = os.fork()
    if not child:
        status = 1
        try:
            status = not (work() == (expected, "proved"))
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "command", [["help"], ["info"], ["train", "--until", "100", "-q"], ["--version"]]
)
def test_standard_output_that_is_full_or_closed(command: list[str]) -> None:
    start = [sys.executable, "-m", "binadd", *command]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(start, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2 and "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *start], stderr=subprocess.PIPE, text=True
    )
    assert result.returncode == 2 and result.stderr.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    start = [sys.executable, "-m", "binadd", "train", "-o", "net.npz"]
    result = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True)
    tmp_path.chmod(0o700)
    assert result.returncode == 2 and "cannot be written to" in result.stderr


@pytest.mark.parametrize("shown", ["on the command line", "by progress=True"])
def test_ctrl_c_where_tqdm_takes_its_lock(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    """It once ended in other errors than Ctrl-C: the lock was given back before it was taken, and
    old versions could not close what they had not yet made."""
    from tqdm import tqdm

    from binadd.cli.progress import Reporter
    from binadd.training.schedule import check_goal

    close, acquire = tqdm.close, type(tqdm.get_lock()).acquire
    stumbled: list[Any] = []

    def interrupted(*arguments: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.raise_signal(signal.SIGINT)
        else:  # tqdm's monitor, which other tests have left running
            acquire(*arguments)

    def close_as_4_64_does(bar: Any) -> None:
        if not bar.disable:
            close(bar)

    net = binadd.BinaryAdderRNN(seed=0)
    goal = check_goal(net.settings.form, 8, 100, 1000)
    reporter = Reporter(net, goal, quiet=False) if "line" in shown else None
    monkeypatch.setattr(sys, "unraisablehook", stumbled.append)
    monkeypatch.setattr(tqdm, "close", close_as_4_64_does)
    monkeypatch.setattr(type(tqdm.get_lock()), "acquire", interrupted)
    with suppress(KeyboardInterrupt):
        binadd.train(net, until=100, progress=reporter or True)
    gc.collect()
    assert not [error for error in stumbled if "tqdm" in repr(error.object)]


def test_ctrl_c_while_an_archive_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ZipFile's own tidying up raised another error, so that there was no checkpoint."""
    create = zipfile._ZipWriteFile  # type: ignore[attr-defined]

    def interrupted(*arguments: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return create(*arguments)

    monkeypatch.setattr(zipfile, "_ZipWriteFile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        binadd.BinaryAdderRNN(seed=0).save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_that_a_library_stumbles_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble() -> int:
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("there is an open handle")

    monkeypatch.setattr("binadd.cli.main", stumble)
    assert binadd.__main__.main() == 130
    assert capsys.readouterr().err == "binadd: interrupted\n"
    monkeypatch.setattr("binadd.cli.main", lambda: int("none"))
    with pytest.raises(ValueError, match="invalid literal"):
        binadd.__main__.main()
