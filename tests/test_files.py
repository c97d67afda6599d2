"""How files are written: whole or not at all, and never in place of what is not a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import binadd
from binadd import BinaryAdderRNN
from binadd.files import write_atomically
from binadd.proof import Proved
from binadd.proof.certificate import Certificate
from binadd.training.checkpoint import save_checkpoint
from binadd.training.schedule import Goal
from binadd.training.trainer import Run

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and permissions of POSIX")


def certificate() -> Certificate:
    verdict = binadd.train(BinaryAdderRNN(seed=0)).verdict
    assert isinstance(verdict, Proved)
    return verdict.certificate


@pytest.fixture(scope="module")
def writers() -> dict[str, Callable[[Path], object]]:
    """All that binadd writes."""
    net, goal, proof = BinaryAdderRNN(4, seed=3), Goal(8, "proved", 1000), certificate()
    return {
        "model": net.save,
        "checkpoint": lambda path: save_checkpoint(Run(net, goal), path),
        "certificate": proof.save,
    }


@pytest.fixture(params=["model", "checkpoint", "certificate"])
def write(
    request: pytest.FixtureRequest, writers: dict[str, Callable[[Path], object]]
) -> Callable[[Path], object]:
    return writers[request.param]


def test_nothing_else_is_left_behind(write: Callable[[Path], object], tmp_path: Path) -> None:
    for _ in range(2):
        write(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write(file)
    assert caught.value.filename == str(file)
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_errors_name_what_was_asked_for(write: Callable[[Path], object], tmp_path: Path) -> None:
    missing = tmp_path / "none" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write(missing)
    assert caught.value.filename == str(missing)
    with pytest.raises(OSError) as caught:
        write(tmp_path)
    assert caught.value.filename == str(tmp_path)


@posix
def test_a_link_keeps_its_place(write: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file, link = tmp_path / "folder" / "file", tmp_path / "link"
    link.symlink_to(file)
    for _ in range(2):  # the file is not there, and then it is
        write(link)
        assert link.is_symlink() and file.stat().st_size > 0
    assert sorted(os.listdir(tmp_path)) == ["folder", "link"]


@posix
def test_a_pipe_stays_a_pipe(write: Callable[[Path], object], tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    write(file)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # a pipe's buffer holds what a test writes
    write(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.read(end, 1 << 20) == file.read_bytes()
    os.close(end)


@posix
def test_a_pipe_that_a_name_in_proc_leads_to(tmp_path: Path) -> None:
    """As `-o /dev/stdout`: the link's text is not the name of a file."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("there is no /proc")
    read, end = os.pipe()
    write_atomically(f"/proc/self/fd/{end}", b"data")
    os.close(end)
    assert os.read(read, 10) == b"data"
    os.close(read)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_replaced_hands_on_its_permissions(
    write: Callable[[Path], object], tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(mode)
    write(file)
    assert stat.S_IMODE(file.stat().st_mode) == mode and file.stat().st_size > 0


@posix
def test_permissions_of_a_new_file_follow_the_umask(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    old = os.umask(0o027)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@posix
def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    name = "加" * 85  # of three bytes each: as long as a name may be
    write_atomically(tmp_path / name, b"data")
    assert (tmp_path / name).read_bytes() == b"data"


def test_threads_may_write_to_one_file(write: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "file"
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(write, file) for _ in range(16)]:
            future.result()
    whole = file.read_bytes()
    write(file)
    assert file.read_bytes() == whole and os.listdir(tmp_path) == ["file"]


def test_what_a_killed_run_left_is_removed_by_the_next(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run.npz"
    with monkeypatch.context() as killed:  # as by a signal that nobody can handle
        killed.setattr(os, "replace", raise_error)
        killed.setattr(os, "unlink", lambda path: None)
        for _ in range(2):
            with pytest.raises(OSError, match="killed"):
                write(run)
    old, young = sorted(tmp_path.iterdir())
    for other in (".run.npz.tmp", ".other.npz.0123456789ab.tmp", ".run.npz.0123456789ab.tmp.npz"):
        (tmp_path / other).touch()
    kept = set(tmp_path.iterdir()) - {old}
    for path in kept - {young} | {old}:
        os.utime(path, (0, 0))
    write(run)
    assert set(tmp_path.iterdir()) == kept | {run}


def raise_error(*_: object) -> None:
    raise OSError("killed")


def test_a_certificate_comes_back_from_its_file(
    writers: dict[str, Callable[[Path], object]], tmp_path: Path
) -> None:
    writers["certificate"](tmp_path / "proof.json")
    again = Certificate.load(tmp_path / "proof.json")
    np.testing.assert_array_equal(again.centres, certificate().centres)
