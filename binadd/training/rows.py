"""The file of a sweep: a line of JSON that identifies it, then one for each network.

Each line ends with its SHA-256, that of a row also over the first line, so that a row belongs to
one goal. Lines are only ever added, by one process at a time, so what a run that was interrupted
leaves behind is whole but for, at most, its last line; that one is dropped. A byte order mark, or
CRLF at the ends of lines, as other programs may leave them there, are no part of what is sealed.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from io import FileIO
from pathlib import Path
from typing import Any, Self, TypeAlias

from binadd.checks import shorten
from binadd.errors import CheckpointError
from binadd.files import lock, unlock
from binadd.seal import is_whole, seal

__all__ = ["Kind", "Row", "RowFile", "from_json", "is_row_file", "read_rows", "to_json"]

Row = dict[str, Any]
Kind: TypeAlias = type | tuple[str | None, ...]
"""The values of a column: one of these words, or numbers of a type, digests (`str`), or None."""

_FORMAT = {"format": "binadd sweep", "version": 3}


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
            self._begin(_FORMAT | dict(header))
        except BaseException:
            self.__exit__()
            raise

    def _begin(self, header: Row) -> None:
        """Read whole lines and cut off a torn one after them; begin a file that is empty."""
        assert self._file is not None
        self._header = seal(header)
        self._file.seek(0)
        data = self._file.read()
        found, self._rows, torn = _parse(self._path, data, self._results)
        if found is None:
            self._file.truncate(0)
            self._append(self._header)
            return
        for name, value in header.items():
            if found.get(name) != value:
                raise CheckpointError(
                    f"{self._path} is of a sweep with {name} {shorten(found.get(name))}, "
                    f"not {value!r}"
                )
        if torn:
            self._file.truncate(len(data) - torn)

    def rows(self) -> Iterator[tuple[Row, Row]]:
        """Yield parameters and results of the rows that were there."""
        for row in self._rows:
            results = {name: row[name] for name in self._results}
            yield {k: from_json(v) for k, v in row.items() if k not in results}, results

    def write(self, parameters: Row, results: Row) -> None:
        """Add a row."""
        if self._file is not None:
            row = {k: to_json(v) for k, v in parameters.items()} | results
            self._append(seal(row, [self._header.encode()]))

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


def is_row_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as that of a sweep."""
    start = json.dumps({"format": _FORMAT["format"]}).encode()[:-1]
    with open(path, "rb") as file:
        return file.read(100).removeprefix(codecs.BOM_UTF8).startswith(start)


def read_rows(path: str | os.PathLike[str], results: Mapping[str, Kind]) -> list[Row]:
    """Return the rows of a sweep's file, whole ones, while a sweep may be adding to it.

    Raises
    ------
    CheckpointError
        If the file is not a sweep's, or was damaged or altered.
    OSError
        If it cannot be read.
    """
    _, rows, _ = _parse(os.fsdecode(path), Path(path).read_bytes(), results)
    return [{name: from_json(value) for name, value in row.items()} for row in rows]


def _parse(
    path: str, data: bytes, results: Mapping[str, Kind]
) -> tuple[Row | None, list[Row], int]:
    """Return a file's header, None before there is one, its rows, and the bytes of a torn line."""
    *lines, torn = data.removeprefix(codecs.BOM_UTF8).split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    start = json.dumps(_FORMAT).encode()[:-1]
    if not lines:
        if torn[: len(start)] != start[: len(torn)]:
            raise CheckpointError(f"{path} is not the file of a sweep")
        return None, [], len(torn)
    header: Row = {}
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        text, row = _parse_line(path, number, line)
        if number == 1:
            _check_format(path, row)
        if not is_whole(text, lines[:1] if number > 1 else ()):
            raise CheckpointError(
                f"{path} has been altered: line {number} does not agree with its SHA-256"
            )
        del row["sha256"]
        if number == 1:
            header = row
        elif all(name in row and _may_be(row[name], kind) for name, kind in results.items()):
            rows.append(row)
        else:
            raise _no_row(path, number)
    return header, rows, len(torn)


def _check_format(path: str, header: Row) -> None:
    if header.get("format") != _FORMAT["format"]:
        raise CheckpointError(f"{path} is not the file of a sweep")
    if header.get("version") != _FORMAT["version"]:
        raise CheckpointError(
            f"{path} is a sweep's file of version {shorten(header.get('version'))}, not "
            f"{_FORMAT['version']} as this binadd reads and writes"
        )


def _parse_line(path: str, number: int, line: bytes) -> tuple[str, Row]:
    try:
        text = line.decode()
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise _no_row(path, number)
    return text, row


def _no_row(path: str, number: int) -> CheckpointError:
    return CheckpointError(f"{path}: line {number} is not a row of a sweep")


def _may_be(value: Any, kind: Kind) -> bool:
    """Whether a column of this kind can hold a value."""
    if isinstance(kind, tuple):
        return value in kind
    if isinstance(value, str):
        return kind is str and re.fullmatch("[0-9a-f]{16}", value) is not None
    return value is None or (type(value).__name__ == kind.__name__ and 0 <= value < 2**63)


def to_json(value: Any) -> Any:
    """Return a parameter as JSON, which has no infinity."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value


def from_json(value: Any) -> Any:
    """Return a parameter that `to_json` wrote; JSON has lists for the tuples of coefficients."""
    if isinstance(value, list):
        return tuple(value)
    return math.inf if value == "inf" else value
