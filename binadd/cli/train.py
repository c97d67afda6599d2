"""`binadd train`: draw sums and learn from them until the network is right."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from binadd.cli.command import (
    COUNT,
    INTERRUPTED,
    NO,
    YES,
    Outcome,
    option,
    say,
    shielded,
    style,
    subcommand,
)
from binadd.cli.files import demand_own_files, existing_file, new_file
from binadd.cli.numbers import short_integer
from binadd.cli.options import (
    ARCHITECTURE,
    backend_option,
    check_limit,
    goal_options,
    network_options,
)
from binadd.cli.prove import every_sum, verdict_data
from binadd.settings import check_operands

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN
    from binadd.training import Progress, TrainingRun
    from binadd.training.schedule import Goal
    from binadd.training.trainer import Run

__all__ = ["train"]

_OF_EVERY_RUN = {
    "until",
    "max_sequences",
    "output",
    "checkpoint_every",
    "checkpoint_seconds",
    "resume",
    "backend",
    "quiet",
}
"""Options that may stand beside --resume: the others are in the checkpoint."""


@subcommand(
    "train",
    short_help="Train a network until it is proved right.",
    examples="""
binadd train -o adder.npz
binadd train --hidden 8 --seed 3 --until exact
binadd train --recipe notebook --until 5000 -o notebook.npz
binadd train --bits 64 --checkpoint run.npz
binadd train --resume run.npz -o adder.npz
binadd train --from hasty.npz -o adder.npz
""",
)
@goal_options
@new_file("-o", "--output", endings=(".npz",), help="Save the network in this file.")
@option(
    "--from",
    "start",
    type=existing_file,
    metavar="MODEL",
    help="Train the network of this model file on, instead of a new one.",
)
@network_options
@new_file(
    "--checkpoint",
    endings=(".npz",),
    heading="Interruption",
    help="Keep in this file what --resume continues from. A checkpoint of a run that reached its "
    "goal is replaced, no other file is.",
)
@option(
    "--checkpoint-every",
    type=COUNT,
    metavar="N",
    heading="Interruption",
    help="Write a checkpoint after this many sequences.",
)
@option(
    "--checkpoint-seconds",
    type=float,
    metavar="X",
    default=10.0,
    heading="Interruption",
    help="Write a checkpoint after this many seconds [default: 10].",
)
@option(
    "--resume",
    type=existing_file,
    metavar="FILE",
    heading="Interruption",
    help="Continue from this checkpoint, to the same bits as if nothing had happened.",
)
@backend_option
@option("-q", "--quiet", is_flag=True, help="Show no progress.")
def train(
    bits: int | None,
    until: str | int | None,
    max_sequences: int | None,
    output: str | None,
    start: str | None,
    checkpoint: str | None,
    checkpoint_every: int | None,
    checkpoint_seconds: float,
    resume: str | None,
    backend: str,
    quiet: bool,
    **parameters: Any,
) -> Outcome:
    """Train a network until it is proved to add numbers of every length.

    The same options give the same weights on every machine. Ctrl-C leaves a checkpoint, from
    which --resume continues. While it learns, lines show the loss per bit, the share of output
    bits that were right, and a sum as the network adds it at that moment.

    Exit status 0: the goal is reached. 1: it is not.
    """
    demand_own_files(network=output, checkpoint=checkpoint if resume is None else resume)
    demand_own_files(model=start, checkpoint=checkpoint)
    if resume is not None:
        from binadd.training.checkpoint import load_run

        _refuse_given("--resume", "the checkpoint has it", lambda name: name not in _OF_EVERY_RUN)
        run = load_run(resume, backend, until, max_sequences, None)
        check_limit(run.goal.until, max_sequences)
        checkpoint = resume
    else:
        from binadd.training.checkpoint import check_replaceable
        from binadd.training.trainer import Run

        check_limit(until, max_sequences)
        if checkpoint is None:
            _refuse_given(None, "--checkpoint FILE", lambda name: name.startswith("checkpoint_"))
        else:
            check_replaceable(checkpoint)
        net = _new(parameters, backend) if start is None else _of_file(start, parameters, backend)
        run = Run(net, _goal(net, bits, until, max_sequences))
    return _train(run, output, checkpoint, checkpoint_every, checkpoint_seconds, quiet)


def _new(parameters: dict[str, Any], backend: str) -> BinaryAdderRNN:
    from binadd.model import BinaryAdderRNN

    if _is_given("operands") and parameters["coefficients"] is not None:
        check_operands(parameters["operands"], parameters["coefficients"])
    return BinaryAdderRNN(**parameters, backend=backend)


def _of_file(path: str, parameters: dict[str, Any], backend: str) -> BinaryAdderRNN:
    """Return the network of a model file, to be trained on with the values that are given."""
    from binadd import load

    _refuse_given("--from", "the model has it", ARCHITECTURE.__contains__)
    net = load(path, backend)
    given = {
        name: value
        for name, value in parameters.items()
        if name not in ARCHITECTURE and value is not None
    }
    # A recipe decides about biases, too, but the weights are those of the file.
    return net.set_params(biases=net.settings.biases, **given)


def _goal(
    net: BinaryAdderRNN, bits: int | None, until: str | int | None, max_sequences: int | None
) -> Goal:
    from binadd.training.schedule import MAX_SEQUENCES, check_goal

    until = "proved" if until is None else until
    limit = MAX_SEQUENCES if max_sequences is None else max_sequences
    return check_goal(net.settings.form, net.state.bits if bits is None else bits, until, limit)


def _refuse_given(beside: str | None, why: str, refused: Callable[[str], bool]) -> None:
    """Refuse options that were given but would be ignored."""
    ctx = click.get_current_context()
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if _is_given(name) and refused(name):
            option = parameter.opts[-1]
            raise click.UsageError(
                f"{option} needs {why}"
                if beside is None
                else f"{option} cannot be combined with {beside}: {why}",
                ctx,
            )


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def _train(
    run: Run,
    output: str | None,
    checkpoint: str | None,
    checkpoint_every: int | None,
    checkpoint_seconds: float,
    quiet: bool,
) -> Outcome:
    from binadd.cli.progress import Reporter
    from binadd.training import follow
    from binadd.training.checkpoint import CheckpointWriter

    before = run.state.sequences
    writer = CheckpointWriter(checkpoint, checkpoint_every, checkpoint_seconds)
    try:
        with Reporter(run.net, run.goal, quiet) as reporter:
            outcome = follow(run, reporter, writer)
        if output is not None:
            run.net.save(output)
    except KeyboardInterrupt:
        with shielded():
            return _interrupted(run, output, checkpoint)
    text = f"{_headline(outcome)}\n{_account(outcome, reporter.last, before, output)}"
    data = _run_data(outcome) | {"output": output, "checkpoint": checkpoint}
    return Outcome(text, data, YES if outcome.reached else NO)


# Results -----------------------------------------------------------------------------------------


def _headline(run: TrainingRun) -> str:
    status = style(run.status, fg="green", bold=True)
    form, operands = run.network.settings.form, run.network.settings.operands
    if run.status == "proved":
        return f"{status}: it {form.verb} {every_sum(operands)}"
    if run.status == "exact":
        what = "sum" if form.is_sum else form
        return f"{status}: every {what} of {operands} numbers of {run.bits} bits is right"
    if run.status == "finished":
        return f"{status}: {run.bit_accuracy:.2%} of the output bits are right on new sums"
    status = style("not reached", fg="red", bold=True)
    if run.wrong is not None:
        wrong = form.write(map(short_integer, run.wrong))
        return f"{status}: {wrong} is still wrong; {_as_options(run.advice)}"
    return f"{status}: {_as_options(run.advice)}"


def _as_options(advice: str | None) -> str:
    """Return advice with parameters named as they are on the command line.

    >>> _as_options("a higher max_sequences may help")
    'a higher --max-sequences may help'
    """
    parameters = r"\b(?:max_sequences|learning_rate|clip_norm)\b"
    return re.sub(parameters, lambda name: f"--{name[0].replace('_', '-')}", advice or "")


def _account(run: TrainingRun, last: Progress | None, before: int, output: str | None) -> str:
    earlier = f" ({before:,} of them before)" if before else ""
    saved = f"saved in {output}" if output else "not saved (-o FILE does)"
    count = f"{run.sequences:,} sequences{earlier}"
    if run.restarts:
        count += f", {run.restarts} restart{'s' * (run.restarts != 1)}"
    if last is not None and last.failed_proofs:
        count += f", {last.failed_proofs} failed proof{'s' * (last.failed_proofs != 1)}"
    return f"{count}, {_duration(run.seconds)}; {saved}"


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> _duration(0.0123), _duration(12.3), _duration(3660)
    ('12 ms', '12.3 s', '1 h 1 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _run_data(run: TrainingRun) -> dict[str, Any]:
    return {
        "status": run.status,
        "reached": run.reached,
        "sequences": run.sequences,
        "updates": run.updates,
        "restarts": run.restarts,
        "seconds": run.seconds,
        "bits": run.bits,
        "bit_accuracy": run.bit_accuracy,
        "advice": run.advice,
        "wrong": run.wrong,
        "verdict": None if run.verdict is None else verdict_data(run.verdict),
        "settings": asdict(run.network.settings),
        "backend": run.network.kernels.NAME,
    }


# Ctrl-C ------------------------------------------------------------------------------------------


def _interrupted(run: Run, output: str | None, checkpoint: str | None) -> Outcome:
    """Leave a checkpoint and print how to go on."""
    from binadd.training.checkpoint import save_checkpoint

    if checkpoint is None:
        checkpoint = _unused_name(output)
    save_checkpoint(run, checkpoint)  # that of `follow` may have been interrupted, too
    further = "" if output is None else f" -o {quote(output)}"
    say(f"{style('interrupted', fg='yellow', bold=True)} after {run.state.sequences:,} sequences")
    say(f"To continue: binadd train --resume {quote(checkpoint)}{further}")
    data = {"status": "interrupted", "sequences": run.state.sequences, "checkpoint": checkpoint}
    return Outcome("", data, INTERRUPTED)


def _unused_name(output: str | None) -> str:
    """Return a name beside the output, or in the current folder, that no file has."""
    stem = "binadd" if output is None else os.path.splitext(output)[0]
    name, count = f"{stem}.checkpoint.npz", 1
    while os.path.exists(name):
        count += 1
        name = f"{stem}.checkpoint-{count}.npz"
    return name
