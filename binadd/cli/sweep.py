"""`binadd sweep`: train a network for every seed and every combination of parameters."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from binadd.checks import check_integer, extra, shorten
from binadd.cli.command import (
    COUNT,
    INTERRUPTED,
    Outcome,
    option,
    require,
    say,
    shielded,
    style,
    subcommand,
)
from binadd.cli.files import demand_own_files, new_file, new_picture
from binadd.cli.options import (
    backend_option,
    check_limit,
    goal_options,
    grid_options,
)
from binadd.errors import WorkerError
from binadd.settings import check_operands

if TYPE_CHECKING:
    from distributed import Client

    from binadd.training.rows import Row

__all__ = ["sweep"]

_MOST_SEEDS = 1_000_000

_SHOWN = 20
"""Rows of the table that are shown."""

_PATIENCE = 10
"""Seconds to wait for a dask cluster, and for the first of its workers."""


def _read_seeds(ctx: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    """Return the seeds that "0-999" or "1,2,5-7" stands for."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]+)(?:-([0-9]+))?\s*", part)
        if match is None:
            raise click.BadParameter(
                f"{text!r} is not seeds such as 0-999 or 1,2,5.", ctx, parameter
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if len(seeds) + (last - first + 1) > _MOST_SEEDS:
            raise click.BadParameter(f"at most {_MOST_SEEDS:,} seeds, please.", ctx, parameter)
        seeds += range(first, last + 1)
    return seeds


def _read_dask(ctx: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Return the address of a scheduler: with one it cannot read, dask's client never ends."""
    if text not in (None, "local") and not re.fullmatch(r"(tcp|tls|wss?)://.+:[0-9]+/?", text):
        raise click.BadParameter(
            f"{shorten(text)} is neither local nor an address such as tcp://10.0.0.1:8786.",
            ctx,
            parameter,
        )
    return text


@subcommand(
    "sweep",
    short_help="Train many networks and tabulate them.",
    examples="""
binadd sweep --seeds 0-999 -o seeds.csv
binadd sweep --hidden 8,16,32 --recipe default,sgd --rows rows.jsonl
binadd sweep --dask tcp://10.0.0.1:8786 --rows rows.jsonl -o table.parquet
""",
)
@option(
    "--seeds",
    metavar="N-N,…",
    default="0-99",
    callback=_read_seeds,
    help="Train a network for each of these seeds, such as 0-999 or 1,2,5 [default: 0-99].",
)
@goal_options
@grid_options
@option(
    "--workers",
    type=COUNT,
    metavar="N",
    help="The number of processes, which are started if there is work for them [default: one for "
    "each processor].",
)
@option(
    "--dask",
    metavar="ADDRESS|local",
    callback=_read_dask,
    help="Train on the dask cluster whose scheduler has this address, such as "
    "tcp://10.0.0.1:8786, or on one that is started here for the moment.",
)
@option(
    "--verdicts",
    is_flag=True,
    help="Also prove or refute the networks that were trained with --until exact or N.",
)
@new_file(
    "--rows",
    endings=(".jsonl",),
    help="Add each network's row to this file as soon as it is trained; a sweep that was "
    "interrupted goes on from the rows in it.",
)
@new_file("-o", "--output", help="Save the table in this file: a .csv, .jsonl or .parquet.")
@new_picture("--plot", help="Draw in this file when networks came to their goal.")
@backend_option
@option("-q", "--quiet", is_flag=True, help="Show no progress.")
def sweep(
    seeds: list[int],
    bits: int | None,
    until: str | int | None,
    max_sequences: int | None,
    workers: int | None,
    dask: str | None,
    verdicts: bool,
    rows: str | None,
    output: str | None,
    plot: str | None,
    backend: str,
    quiet: bool,
    **parameters: Any,
) -> Outcome:
    """Train a network for every seed and every combination of the values given.

    Options of networks take several values, such as --hidden 8,16. The same options give the same
    table on every machine, with any number of workers.
    """
    from binadd.training.tables import check_ending

    check_limit(until, max_sequences)
    operands, coefficients = parameters["operands"], parameters["coefficients"]
    if operands is not None and coefficients is not None:
        for count in [operands] if isinstance(operands, int) else operands:
            check_operands(count, coefficients)
    demand_own_files(rows=rows, table=output, picture=plot)
    if output is not None and check_ending(output) == ".parquet":
        require("pyarrow", "sweep")
    if plot is not None:
        require("matplotlib", "plot")
    if dask is not None:
        require("distributed", "sweep")
    from binadd.cli.progress import StatusLine
    from binadd.training.schedule import MAX_SEQUENCES
    from binadd.training.sweep import sweep as run

    if backend != "auto":
        parameters["backend"] = backend
    given = {name: value for name, value in parameters.items() if value is not None}
    with _cluster(dask, workers) as client, StatusLine(0.3, quiet=quiet) as line:

        def progress(done: int, total: int) -> None:
            line.set_total(total)
            line.show([f"{done:,} of {total:,} networks"], done)

        try:
            table = run(
                seeds,
                bits=bits,
                until="proved" if until is None else until,
                max_sequences=MAX_SEQUENCES if max_sequences is None else max_sequences,
                verdicts=verdicts,
                workers=workers,
                executor=client,
                path=rows,
                progress=progress,
                **given,
            )
        except KeyboardInterrupt:
            return _interrupted(rows)
    if output is not None:
        from binadd.training.tables import write_table

        write_table(table, output)
        say(f"{len(table):,} rows are in {output}")
    if plot is not None:
        from binadd import plots

        plots.save(plots.sweep(table), plot)
        say(f"the picture is in {plot}")
    summary = _summarise(table)
    text = f"{_text(table)}\n\n{_describe(summary)}"
    data = {"columns": list(table[0]), "rows": table, "summary": summary, "output": output}
    return Outcome(text, data)


def _interrupted(rows: str | None) -> Outcome:
    again = "run the same command again to continue"
    further = "with --rows FILE the same command would continue" if rows is None else again
    say(f"{style('interrupted', fg='yellow', bold=True)}: {further}")
    return Outcome("", {"status": "interrupted", "rows": rows}, INTERRUPTED)


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[Client | None]:
    """Yield a client of the dask cluster at an address, or of one that lasts as long as this."""
    if address is None:
        yield None
        return
    with extra("sweep"):
        from distributed import Client, KilledWorker
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a sentence says it
    where: dict[str, Any] = {"address": address}
    hearing: AbstractContextManager[None] = nullcontext()
    if address == "local":
        from binadd.training.sweep import processors

        count = processors() if workers is None else check_integer("workers", workers, 1)
        where = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": ":0"}
        where |= {"silence_logs": logging.CRITICAL}  # a worker that dies comes back
        hearing = shielded()  # workers inherit it, and leave Ctrl-C to this process
    try:
        with hearing:
            client = Client(  # type: ignore[no-untyped-call, unused-ignore]
                **where, timeout=_PATIENCE, set_as_default=False
            )
    except OSError as error:
        raise WorkerError(f"found no dask scheduler at {shorten(address)}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise WorkerError(f"the dask cluster at {shorten(address)} has no workers") from None
        try:
            yield client
        except (KilledWorker, CancelledError) as error:
            raise WorkerError(f"the dask cluster gave up: {error}") from None


def _text(table: list[Row]) -> str:
    """Return aligned columns; of many rows, only the first and last ones."""
    lines = [[*table[0]], *([_cell(value) for value in row.values()] for row in table)]
    if len(table) > _SHOWN:
        lines[1 + _SHOWN // 2 : -_SHOWN // 2] = [["…"] * len(table[0])]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = [all(isinstance(row[name], str | None) for row in table) for name in table[0]]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if is_text else cell.rjust(width)
            for cell, width, is_text in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _summarise(table: list[Row]) -> dict[str, Any]:
    """Count statuses and verdicts, and summarise the numbers of sequences."""
    import numpy as np

    sequences = [row["sequences"] for row in table if row["sequences"] is not None]

    def quantile(share: float) -> int | None:
        return round(float(np.quantile(sequences, share))) if sequences else None

    return {
        "networks": len(table),
        "status": dict(Counter(row["status"] for row in table)),
        "verdict": dict(Counter(row["verdict"] for row in table if row["verdict"] is not None)),
        "sequences": {"median": quantile(0.5), "p95": quantile(0.95), "most": quantile(1)},
    }


def _describe(summary: dict[str, Any]) -> str:
    statuses, verdicts = (
        ", ".join(f"{count:,} {name}" for name, count in summary[column].items())
        for column in ("status", "verdict")
    )
    sequences = ", ".join(
        f"{name} {value:,}" for name, value in summary["sequences"].items() if value is not None
    )
    count = summary["networks"]
    lines = [f"{count:,} network{'s' * (count != 1)}: {statuses}", f"sequences: {sequences}"]
    if summary["verdict"] not in ({}, summary["status"]):
        lines.insert(1, f"their proofs: {verdicts}")
    return "\n".join(lines)
