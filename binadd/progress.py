"""The display of `progress=True`: a bar, or one line that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from binadd.checks import shorten
from binadd.errors import InvalidTypeError

__all__ = ["interruptible", "reporting"]


@contextmanager
def reporting(
    progress: Callable[..., object] | bool | None,
) -> Iterator[Callable[..., object] | None]:
    """Yield the function to call with progress inside a `with`, or None if nobody listens.

    True stands for a bar of tqdm's on stderr, which is gone when the work is done.

    Raises
    ------
    InvalidTypeError
        If `progress` is neither callable nor True, False or None.

    Examples
    --------
    >>> with reporting(print) as report:
    ...     report(1, 2)
    1 2
    """
    if progress is True:
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()
    elif progress is None or progress is False:
        yield None
    elif callable(progress):
        yield progress
    else:
        raise InvalidTypeError(f"progress must be callable or True, not {shorten(progress)}")


def interruptible(bar: type[Any]) -> type[Any]:
    """Return a class of tqdm's whose bars close in silence where Ctrl-C comes while one is made.

    tqdm closes a bar when it is deleted, and to close one without `disable`, which its constructor
    sets late, is an error that old versions print.
    """
    return type(bar.__name__, (bar,), {"disable": True})


class _Bar:
    """Shows how much of a total is done, or whatever else it is called with as a line of text."""

    def __init__(self) -> None:
        from tqdm.auto import tqdm  # slow in a notebook: before the work, whose time is measured

        self._make = interruptible(tqdm)
        self._bar: Any = None

    def __call__(self, now: object, total: int | None = None) -> None:
        first = self._bar is None
        if first:
            layout = "{desc}" if total is None else None
            self._bar = self._make(total=total, bar_format=layout, leave=False)
        if total is None:
            self._bar.set_description_str(str(now), refresh=first)
            self._bar.update()
        else:
            self._bar.update(now - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
