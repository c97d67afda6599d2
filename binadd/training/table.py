"""A table: rows of named values, for people, files and NumPy."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from binadd.files import write_atomically

__all__ = ["Table"]

Row = dict[str, Any]

SHOWN = 20
"""Rows that `str` shows; of more, only the first and last ones."""


class Table(Sequence[Row]):
    """Rows that all have the same columns; None stands where there is no value.

    Parameters
    ----------
    columns : iterable of str
    rows : iterable of mapping

    Examples
    --------
    >>> table = Table(["seed", "status"], [{"seed": 0, "status": "proved"}])
    >>> print(table)
    seed  status
       0  proved
    >>> table[0]["status"], table["status"]
    ('proved', ['proved'])
    """

    def __init__(self, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
        self.columns = tuple(columns)
        self._rows = [{name: row[name] for name in self.columns} for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, which: int) -> Row: ...
    @overload
    def __getitem__(self, which: slice) -> list[Row]: ...
    @overload
    def __getitem__(self, which: str) -> list[Any]: ...
    def __getitem__(self, which: int | slice | str) -> Row | list[Row] | list[Any]:
        """Return a row, some rows, or by its name a column."""
        if isinstance(which, str):
            return [row[which] for row in self._rows]
        return self._rows[which]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.columns == other.columns and self._rows == other._rows

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(self.columns)}>"

    def __str__(self) -> str:
        rows = [[_text(value) for value in row.values()] for row in self._shown()]
        if len(rows) < len(self):
            rows.insert(SHOWN // 2, ["…"] * len(self.columns))
        widths = [max(map(len, column)) for column in zip(self.columns, *rows, strict=True)]
        left = [all(isinstance(v, str | None) for v in self[name]) for name in self.columns]
        lines = (
            "  ".join(
                cell.ljust(width) if is_text else cell.rjust(width)
                for cell, width, is_text in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in (self.columns, *rows)
        )
        return "\n".join(lines)

    def _shown(self) -> list[Row]:
        if len(self) <= SHOWN:
            return self._rows
        return self._rows[: SHOWN // 2] + self._rows[-SHOWN // 2 :]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as comma-separated values, atomically, with a line of column names.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(path, text.getvalue().encode())

    def to_numpy(self) -> NDArray[Any]:
        """Return a structured array, a field for each column.

        Integers with gaps become floats with NaN, and text with gaps has empty strings there.

        Examples
        --------
        >>> table = Table(["seed", "margin"], [{"seed": 0, "margin": None}])
        >>> table.to_numpy()
        array([(0, nan)], dtype=[('seed', '<i8'), ('margin', '<f8')])
        """
        columns = {name: _array(self[name]) for name in self.columns}
        array = np.empty(len(self), [(name, column.dtype) for name, column in columns.items()])
        for name, column in columns.items():
            array[name] = column
        return array

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`; needs pandas."""
        import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]

        return pandas.DataFrame(self._rows, columns=list(self.columns))


def _array(values: list[Any]) -> NDArray[Any]:
    """Return one column as an array of the narrowest fitting kind."""
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        if known and all(type(value) is int for value in known):
            return np.array(values, np.int64 if max(known) < 2**63 else np.uint64)
        return np.array(values, None if known else np.float64)
    if known and all(isinstance(value, str) for value in known):
        return np.array(["" if value is None else value for value in values])
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
