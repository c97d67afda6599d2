"""The file of a sweep: a line of JSON that identifies it, then one for each network.

Lines are only ever added, so what a run that was interrupted leaves behind is whole but for, at
most, its last line; that one is dropped.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from io import FileIO
from typing import Any, Self, TypeAlias

from binadd.checks import shorten
from binadd.errors import CheckpointError

__all__ = ["Kind", "Row", "RowFile"]

Row = dict[str, Any]
Kind: TypeAlias = type | tuple[str | None, ...]
"""The values of a column: one of these words, or numbers of a type, digests (`str`), or None."""

_FORMAT = {"format": "binadd sweep", "version": 1}


class RowFile(AbstractContextManager["RowFile"]):
    """Rows that are kept in a file, if there is one: `path` may be None.

    Raises
    ------
    CheckpointError
        If the file is not a sweep's, or its header differs from `header`.
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
            self._read(_FORMAT | dict(header))
        except BaseException:
            self._file.close()
            raise

    def _read(self, header: Row) -> None:
        """Read whole lines and cut off what follows them; begin a file that is empty."""
        assert self._file is not None
        self._file.seek(0)
        *lines, torn = self._file.read().split(b"\n")
        rows = [self._parse(number, line) for number, line in enumerate(lines, 1)]
        if not rows:
            start = json.dumps(_FORMAT).encode()[:-1]
            if torn[: len(start)] != start[: len(torn)]:
                raise CheckpointError(f"{self._path} is not the file of a sweep")
            self._file.truncate(0)
            self._append(header)
            return
        self._check_header(rows[0], header)
        for number, row in enumerate(rows[1:], 2):
            if not all(
                name in row and _may_be(row[name], kind) for name, kind in self._results.items()
            ):
                raise CheckpointError(f"{self._path}: line {number} is not a row of a sweep")
        self._file.truncate(self._file.tell() - len(torn))
        self._rows = rows[1:]

    def _parse(self, number: int, line: bytes) -> Row:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise CheckpointError(f"{self._path}: line {number} is not a row of a sweep")
        return row

    def _check_header(self, found: Row, wanted: Row) -> None:
        if found.get("format") != _FORMAT["format"]:
            raise CheckpointError(f"{self._path} is not the file of a sweep")
        for name, value in wanted.items():
            if found.get(name) != value:
                raise CheckpointError(
                    f"{self._path} is of a sweep with {name} {shorten(found.get(name))}, "
                    f"not {value!r}"
                )

    def rows(self) -> Iterator[tuple[Row, Row]]:
        """Yield parameters and results of the rows that were there."""
        for row in self._rows:
            results = {name: row[name] for name in self._results}
            yield {k: _number(v) for k, v in row.items() if k not in results}, results

    def write(self, parameters: Row, results: Row) -> None:
        """Add a row."""
        if self._file is not None:
            self._append({k: _plain(v) for k, v in parameters.items()} | results)

    def _append(self, row: Row) -> None:
        assert self._file is not None
        data = json.dumps(row, allow_nan=False).encode() + b"\n"
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
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
