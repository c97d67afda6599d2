"""A sweep's table as a file that other programs read: CSV, JSON lines or Parquet.

The same table is the same bytes. Numbers keep their digits: a seed may need all 64 bits.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from binadd.checks import extra
from binadd.errors import InvalidInputError
from binadd.files import write_atomically
from binadd.settings import Settings
from binadd.training.rows import Row, from_json, is_row_file, read_rows, to_json
from binadd.training.sweep import RESULTS, SECONDS

__all__ = ["ENDINGS", "check_ending", "read_table", "write_table"]

ENDINGS = (".csv", ".jsonl", ".parquet")

_NEEDED = {"seed", "status", "sequences"}


def write_table(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Write the rows of a sweep to a file, atomically; the ending of its name says as what.

    Raises
    ------
    InvalidInputError
        If the ending is none of .csv, .jsonl and .parquet, or there are no rows.
    MissingExtraError
        If it is .parquet, and pyarrow is not installed.
    OSError
        If the file cannot be written.
    """
    ending = check_ending(path)
    if not rows:
        raise InvalidInputError("a table needs at least one row")
    write_atomically(path, _WRITERS[ending](rows))


def read_table(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows that `write_table` wrote, or those in the file of rows of a sweep.

    Raises
    ------
    InvalidInputError
        If the file is not a table of networks.
    CheckpointError
        If it is a sweep's file of rows, and was damaged or altered.
    MissingExtraError
        If it is Parquet, and pyarrow is not installed.
    OSError
        If it cannot be read.
    """
    ending = check_ending(path)
    if ending == ".jsonl" and is_row_file(path):
        return read_rows(path, {**RESULTS, **SECONDS})
    try:
        rows = _READERS[ending](Path(path).read_bytes())
    # What pyarrow raises is a ValueError, too.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, csv.Error):
        rows = []
    if not rows or any(None in row or not row.keys() >= _NEEDED for row in rows):
        raise InvalidInputError(f"{os.fsdecode(path)} is not the table of a sweep")
    return rows


def check_ending(path: str | os.PathLike[str]) -> str:
    """Return the ending of a table's file.

    Raises
    ------
    InvalidInputError
        If there are no tables of this ending.
    """
    ending = Path(os.fsdecode(path)).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInputError(
            f"a table's file must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, "
            f"not be {os.fsdecode(path)}"
        )
    return ending


def _kind(name: str) -> type:
    """Return the type of a column's values; any of them may be None."""
    kind = {**get_type_hints(Settings), **RESULTS, **SECONDS}.get(name, str)
    return kind if isinstance(kind, type) else str


# Formats -----------------------------------------------------------------------------------------


def _write_csv(rows: Sequence[Row]) -> bytes:
    """Return comma-separated values; coefficients stand there as "(1, -1)"."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _read_csv(data: bytes) -> list[Row]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [{name: _read_cell(name, cell) for name, cell in row.items()} for row in reader]


def _read_cell(name: str, cell: str) -> Any:
    kind = _kind(name)
    if not cell:
        return None
    if name == "coefficients":
        return tuple(map(int, re.findall("-?[0-9]+", cell)))
    return {"True": True, "False": False}[cell] if kind is bool else kind(cell)


def _write_lines(rows: Sequence[Row]) -> bytes:
    lines = ({name: to_json(value) for name, value in row.items()} for row in rows)
    return "".join(f"{json.dumps(line, allow_nan=False)}\n" for line in lines).encode()


def _read_lines(data: bytes) -> list[Row]:
    rows = [json.loads(line) for line in data.decode("utf-8-sig").splitlines()]
    return [{name: from_json(value) for name, value in row.items()} for row in rows]


def _write_parquet(rows: Sequence[Row]) -> bytes:
    with extra("sweep"):
        import pyarrow
        from pyarrow import parquet
    types = {int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    fields = {name: types.get(_kind(name), pyarrow.string()) for name in rows[0]}
    fields |= {"seed": pyarrow.uint64()}
    if "coefficients" in fields:
        fields["coefficients"] = pyarrow.list_(pyarrow.int64())
    schema = pyarrow.schema(fields)
    data = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema), data)
    return data.getvalue()


def _read_parquet(data: bytes) -> list[Row]:
    with extra("sweep"):
        from pyarrow import parquet
    rows = parquet.read_table(io.BytesIO(data)).to_pylist()
    return [{name: from_json(value) for name, value in row.items()} for row in rows]


_WRITERS: dict[str, Callable[[Sequence[Row]], bytes]] = dict(
    zip(ENDINGS, (_write_csv, _write_lines, _write_parquet), strict=True)
)
_READERS: dict[str, Callable[[bytes], list[Row]]] = dict(
    zip(ENDINGS, (_read_csv, _read_lines, _read_parquet), strict=True)
)
