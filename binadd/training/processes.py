"""Threads that each have a process compute for them.

Python's global lock lets one thread run at a time, which holds up small networks, for which Python
is much of the work; each process has a lock of its own. Processes of `multiprocessing` import the
program that started them, so a script without `if __name__ == "__main__"` would begin again in
each. These import nothing but what they compute. Ctrl-C never reaches them, and they end with the
process that started them, however it ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread, local
from typing import IO, Any, TypeVar

__all__ = ["ProcessThreads", "are_useful", "serve"]

T = TypeVar("T")

_START = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    f"from {__name__} import serve; serve()"
)

_CUT_OFF = (EOFError, OSError, pickle.UnpicklingError)
"""Errors of reading from, or writing to, a process that has ended."""


def are_useful() -> bool:
    """Whether processes compute more than threads would, and can be started."""
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    is_python = bool(sys.executable) and not getattr(sys, "frozen", False)
    return has_lock and is_python and sys.platform not in ("emscripten", "wasi")


class _OfThread(local):
    """What each thread has of its own."""

    process: subprocess.Popen[bytes] | None = None


class ProcessThreads(ThreadPoolExecutor):
    """Threads with a process each, which is started when its thread first needs it."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, initializer=_hold_back_ctrl_c)
        self._of_thread = _OfThread()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock, self._is_killed = Lock(), False

    def stream(self, function: Callable[..., Iterator[T]], *arguments: Any) -> Iterator[T]:
        """Yield what a module's generator function yields in the process of this thread.

        It ends early where the process is killed; the next call starts another one.

        Raises
        ------
        BrokenExecutor
            If the process cannot be started, or ends by itself before it yields anything.
        Exception
            What the function raised.
        """
        is_begun = False
        if self._is_killed:
            return
        try:
            process = self._process()
        except OSError as error:
            raise BrokenExecutor(f"cannot start {sys.executable}: {error}") from None
        while True:
            try:
                if not is_begun:
                    _send(process.stdin, (function, arguments))
                kind, value = pickle.load(process.stdout)  # type: ignore[arg-type]
            except _CUT_OFF:
                self._of_thread.process = None
                if is_begun or self._is_killed:
                    return
                raise BrokenExecutor(
                    f"a process of {sys.executable} ended with status {process.wait()}"
                ) from None
            if kind == "end":
                return
            if kind == "error":
                raise value
            is_begun = True
            yield value

    def _process(self) -> subprocess.Popen[bytes]:
        """Return this thread's process."""
        process = self._of_thread.process
        if process is None:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            with self._lock:
                self._processes.append(process)
                if self._is_killed:
                    process.kill()
            self._of_thread.process = process
            with suppress(OSError):  # where it has ended, reading from it will tell
                _send(process.stdin, sys.path)
        return process

    def kill(self) -> None:
        """End all processes, now and in future; what they had yielded has been received."""
        with self._lock:
            self._is_killed = True
            for process in self._processes:
                process.kill()

    def __exit__(self, *error: Any) -> None:
        self.kill()
        super().__exit__(*error)
        for process in self._processes:
            with process, suppress(OSError):  # of what it never read
                process.stdin.close()  # type: ignore[union-attr]


def _hold_back_ctrl_c() -> None:
    """Block it in this thread, of which the processes that it starts inherit this."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def _send(file: IO[bytes] | None, message: object) -> None:
    assert file is not None
    pickle.dump(message, file)
    file.flush()


def serve() -> None:
    """Run the generator functions that come in through stdin, and write what they yield."""
    calls: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_listen, args=[calls], daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    with suppress(OSError):
        os.dup2(2, 1)  # what anything prints is no answer
    with suppress(OSError):  # nobody reads any more
        while True:
            function, arguments = calls.get()
            try:
                for item in function(*arguments):
                    _send(answers, ("item", item))
            except Exception as error:
                _send(answers, ("error", error))
            else:
                _send(answers, ("end", None))
    os._exit(0)


def _listen(calls: SimpleQueue[Any]) -> None:
    """Receive calls, and end this process with the one that sends them."""
    try:
        while True:
            calls.put(pickle.load(sys.stdin.buffer))
    finally:
        os._exit(0)
