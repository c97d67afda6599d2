"""The file of a sweep: a line of JSON that identifies it, then one for each network.

Each line ends with its SHA-256, that of a row also over the first line, so that a row belongs to
one goal. Lines are only ever added, by one process at a time, so what a run that was interrupted
leaves behind is whole but for, at most, its last line; that one is dropped.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from io import FileIO
from typing import Any, Self, TypeAlias

from binadd.checks import shorten
from binadd.errors import CheckpointError
from binadd.files import lock, unlock
from binadd.seal import is_whole, seal

__all__ = ["Kind", "Row", "RowFile"]

Row = dict[str, Any]
Kind: TypeAlias = type | tuple[str | None, ...]
"""The values of a column: one of these words, or numbers of a type, digests (`str`), or None."""

_FORMAT = {"format": "binadd sweep", "version": 2}


class RowFile(AbstractContextManager["RowFile"]):
    """Rows that are kept in a file, if there is one: `path` may be None.

    Raises
    ------
    CheckpointError
        If the file is not a sweep's, was damaged or altered, is being written to by another, or
        its header differs from `header`.
    OSError
        If it cannot be read or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        header: Mapping[str, Any],
        results: Mapping[str, Kind],
    ) -> None:
        self._results = results
        self._rows: list[Row] = []
        self._file: FileIO | None = None
        if path is None:
            return
        self._path = os.fsdecode(path)
        if os.path.exists(path) and not os.path.isfile(path):  # a device may never end
            raise CheckpointError(f"{self._path} is not a file, and cannot keep rows")
        # Without a buffer: in it, a row that finds no room would wait for the next one.
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115  __exit__ closes it
        try:
            if not lock(self._file.fileno()):
                raise CheckpointError(f"{self._path} is being written to by another sweep")
            self._read(_FORMAT | dict(header))
        except BaseException:
            self.__exit__()
            raise

    def _read(self, header: Row) -> None:
        """Read whole lines and cut off a torn one after them; begin a file that is empty."""
        assert self._file is not None
        self._header = seal(header)
        self._file.seek(0)
        *lines, torn = self._file.read().split(b"\n")
        start = json.dumps(_FORMAT).encode()[:-1]
        if not lines and torn[: len(start)] != start[: len(torn)]:
            raise CheckpointError(f"{self._path} is not the file of a sweep")
        for number, line in enumerate(lines, 1):
            text, row = self._parse(number, line)
            if number == 1:
                self._check_header(row, header)
            if not is_whole(text, self._attached() if number > 1 else ()):
                raise CheckpointError(
                    f"{self._path} has been altered: line {number} does not agree with its SHA-256"
                )
            if number > 1:
                self._check_row(number, row)
                self._rows.append(row)
        if torn:
            self._file.truncate(self._file.tell() - len(torn))
        if not lines:
            self._append(self._header)

    def _attached(self) -> list[bytes]:
        """Return what the digest of a row covers beside the row."""
        return [self._header.encode()]

    def _parse(self, number: int, line: bytes) -> tuple[str, Row]:
        try:
            text = line.decode()
            row = json.loads(text)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise CheckpointError(f"{self._path}: line {number} is not a row of a sweep")
        return text, row

    def _check_header(self, found: Row, wanted: Row) -> None:
        if found.get("format") != _FORMAT["format"]:
            raise CheckpointError(f"{self._path} is not the file of a sweep")
        for name, value in wanted.items():
            if found.get(name) != value:
                raise CheckpointError(
                    f"{self._path} is of a sweep with {name} {shorten(found.get(name))}, "
                    f"not {value!r}"
                )

    def _check_row(self, number: int, row: Row) -> None:
        del row["sha256"]
        for name, kind in self._results.items():
            if name not in row or not _may_be(row[name], kind):
                raise CheckpointError(f"{self._path}: line {number} is not a row of a sweep")

    def rows(self) -> Iterator[tuple[Row, Row]]:
        """Yield parameters and results of the rows that were there."""
        for row in self._rows:
            results = {name: row[name] for name in self._results}
            yield {k: _number(v) for k, v in row.items() if k not in results}, results

    def write(self, parameters: Row, results: Row) -> None:
        """Add a row."""
        if self._file is not None:
            row = {k: _plain(v) for k, v in parameters.items()} | results
            self._append(seal(row, self._attached()))

    def _append(self, line: str) -> None:
        assert self._file is not None
        data = line.encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
        except BaseException as error:
            with suppress(OSError):
                self._file.truncate(end)  # else the next row would follow a torn one
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, self._path) from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None and not self._file.closed:
            unlock(self._file.fileno())
            self._file.close()


def _may_be(value: Any, kind: Kind) -> bool:
    """Whether a column of this kind can hold a value."""
    if isinstance(kind, tuple):
        return value in kind
    if isinstance(value, str):
        return kind is str and re.fullmatch("[0-9a-f]{16}", value) is not None
    return value is None or (type(value).__name__ == kind.__name__ and 0 <= value < 2**63)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON, which has no infinity."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value


def _number(value: Any) -> Any:
    """Return a parameter that `_plain` wrote."""
    return math.inf if value == "inf" else value
