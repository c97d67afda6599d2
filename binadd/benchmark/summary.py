"""The result of a benchmark: as a table, as data, as a picture."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Report", "Row", "Section"]


@dataclass(frozen=True)
class Row:
    """One entry's time for one piece of work."""

    name: str
    microseconds: float
    """In the median round."""
    best: float
    """Microseconds in the quickest round."""
    ratio: float
    """Its time as a multiple of the section's base."""
    agrees: str
    """How closely its result agrees with the NumPy reference's."""


@dataclass(frozen=True)
class Section:
    """Entries that do the same work."""

    title: str
    unit: str
    """The unit of work that is timed: "sequence", "step", "call"."""
    rows: list[Row]

    def named(self, name: str) -> Row:
        """Return the row of an entry.

        Raises
        ------
        KeyError
            If it did not take part.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)


@dataclass(frozen=True)
class Report:
    """All sections of a benchmark.

    Attributes
    ----------
    machine : dict
        Processor, system, versions.
    settings : dict
        The network and its recipe.
    sections : list of Section
    scaling : dict of str to list of dict
        Microseconds of a sequence as hidden size, steps, batch size or threads grow.
    roofline : dict
        The machine's peak rates, and the share of them that is reached.
    """

    machine: dict[str, Any]
    settings: dict[str, Any]
    sections: list[Section]
    scaling: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    roofline: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the sections as bars into a file; needs matplotlib.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        OSError
            If the file cannot be written.
        """
        from binadd.plots import save, timings

        save(timings(self), path)

    def table(self) -> str:
        """Return everything as text."""
        parts = [_heading(self.machine, self.settings)]
        parts += [_section_text(section) for section in self.sections]
        parts += [_scaling_text(name, rows) for name, rows in self.scaling.items()]
        if self.roofline:
            parts.append(_roofline_text(self.roofline))
        return "\n\n".join(parts)


def _heading(machine: dict[str, Any], settings: dict[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {machine[name]}"
        for name in ("python", "numpy", "numba", "torch", "jax", "onnxruntime")
        if name in machine
    )
    load = machine["load"]
    busy = load is not None and load > 0.75 * machine["processors"]
    return (
        f"{machine['processor']}, {machine['processors']} processors, {machine['system']}\n"
        + (f"busy with other programs (load {load}): times mean little\n" if busy else "")
        + f"binadd {machine['binadd']}, {versions}\n"
        f"{settings['hidden_size']} hidden units, {settings['steps']} steps, "
        f"{settings['operands']} operands, {settings['loss'].replace('_', ' ')}, "
        f"{settings['optimizer']}; one thread"
    )


def _section_text(section: Section) -> str:
    width = max(len(row.name) for row in section.rows)
    lines = [f"{section.title}: µs per {section.unit}"]
    lines += [
        f"  {row.name:{width}}  {_number(row.microseconds):>9}  {_number(row.ratio):>8} ×"
        f"   {row.agrees}"
        for row in section.rows
    ]
    return "\n".join(lines)


def _scaling_text(name: str, rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0])
    cells = [[_number(row[column]) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[i]) for line in cells)) for i, column in enumerate(columns)
    ]
    lines = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    header = "  ".join(c.rjust(w) for c, w in zip(columns, widths, strict=True))
    return "\n".join([f"{name}: µs per sequence", f"  {header}", *(f"  {line}" for line in lines)])


def _roofline_text(roofline: dict[str, Any]) -> str:
    lines = ["The machine's roofline, and the share of it that native training reaches"]
    for dtype, found in roofline.items():
        pair, sigmoid = found["nanoseconds_per_pair"], found["nanoseconds_per_sigmoid"]
        pair_text = "unknown, for want of a compiler" if pair is None else f"{pair:.4f} ns"
        lines.append(f"  {dtype}: multiply and add {pair_text}, σ {sigmoid:.3f} ns")
        if found["floor"] is not None:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in found["shares"].items())
            lines.append(f"    at least {found['floor']:.3f} µs a sequence: {shares}")
    return "\n".join(lines)


def _number(value: Any) -> str:
    """Write a number with three significant digits, thousands with commas."""
    if not isinstance(value, float):
        return str(value)
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1e}"
