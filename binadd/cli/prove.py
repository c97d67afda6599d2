"""`binadd prove` and `binadd check`: for every length, once and for all."""

from __future__ import annotations

from dataclasses import asdict
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from binadd.checks import shorten
from binadd.cli.command import NO, UNDECIDED, YES, Outcome, option, say, style, subcommand
from binadd.cli.files import demand_own_files, existing_file, new_file
from binadd.cli.numbers import short_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from binadd.form import Form
    from binadd.proof import ProofProgress, Proved, Verdict

__all__ = [
    "check",
    "describe_verdict",
    "effort_option",
    "errors_data",
    "every_sum",
    "prove",
    "step_error",
    "tolerance",
    "verdict_data",
]

_STATUS = {"proved": YES, "refuted": NO, "undecided": UNDECIDED}
_COLOUR = {"proved": "green", "refuted": "red", "undecided": "yellow"}


class _StepError(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number, or the name of an arithmetic."""

    name = "step error"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        if value in ("float32", "float64"):
            return str(value)
        try:
            return float(value)
        except ValueError:
            self.fail(f"{shorten(value)} is not float32, float64 or a number", param, ctx)


def step_error(of: str) -> Callable[[Any], Any]:
    """Return the option --step-error, of what its help says."""
    return option(
        "--step-error",
        type=_StepError(),
        metavar="float32|float64|ERROR",
        help=f"By how much steps may be off in {of}.",
    )


tolerance = option(
    "--tolerance", is_flag=True, help="Search for the largest step error with which it is proved."
)


def effort_option(default: str) -> Callable[[Any], Any]:
    """Return the option --effort."""
    return option(
        "--effort",
        type=click.Choice(["quick", "medium", "thorough"]),
        default=default,
        metavar="quick|medium|thorough",
        help="How long to look for a proof: with 16 units, milliseconds, a tenth of a second, or "
        f"up to two minutes [default: {default}].",
    )


@subcommand(
    "prove",
    short_help="Prove a network right for every length, or refute it.",
    examples="""
binadd prove adder.npz
binadd prove adder.npz -o certificate.json
binadd prove adder.npz --step-error float32 --tolerance
""",
)
@click.argument("model", type=existing_file)
@new_file(
    "-o",
    "--output",
    endings=(".json",),
    help="Save the certificate in this file, if there is a proof.",
)
@step_error("other programs that it is proved for; default none")
@option(
    "--logit-error",
    type=float,
    metavar="ERROR",
    help="By how much logits may be off there; default as much as steps.",
)
@tolerance
@effort_option("thorough")
def prove(
    model: str,
    output: str | None,
    effort: str,
    step_error: float | str | None,
    logit_error: float | None,
    tolerance: bool,
) -> Outcome:
    """Prove that the network in MODEL adds all numbers of every length, or refute it.

    A proof is a certificate that `binadd check` can verify. A refutation is a sum that the network
    gets wrong. Some networks remain undecided; training them on helps most.

    Exit status 0: proved. 1: refuted, by a sum that it gets wrong. 3: undecided.
    """
    demand_own_files(model=model, certificate=output)
    from binadd import load
    from binadd.cli.progress import StatusLine
    from binadd.proof import Proved
    from binadd.proof import prove as decide

    net = load(model)
    with StatusLine(1.0) as line:

        def show(now: ProofProgress) -> None:
            line.show(
                (
                    f"attempt {now.attempt} of {now.attempts}",
                    f"{now.unsettled:,} sets unsettled",
                    f"{now.contexts:,} contexts",
                )
            )

        verdict = decide(
            net,
            step_error=0.0 if step_error is None else step_error,
            logit_error=logit_error,
            tolerance=tolerance,
            effort=effort,
            progress=show,
        )
    text = describe_verdict(verdict, net.settings.form)
    assumes = step_error is not None or logit_error is not None
    if isinstance(verdict, Proved) and (assumes or tolerance):
        text += f"\n{_describe_errors(verdict, tolerance)}"
    if not isinstance(verdict, Proved) and not assumes:
        text += f"\nTo train it on: binadd train --from {quote(model)} -o {quote(model)}"
    data = verdict_data(verdict)
    if isinstance(verdict, Proved) and output is not None:
        verdict.certificate.save(output)
        command = f"binadd check {quote(output)} {quote(model)}"
        text += f"\nThe certificate is in {output}: {command}"
        data["certificate"] = output
    elif output is not None:
        say(f"{output} is not written: there is no certificate")
    return Outcome(text, data, _STATUS[verdict.status])


@subcommand(
    "check",
    short_help="Check a proof, trusting nothing else.",
    examples="binadd check certificate.json adder.npz",
)
@click.argument("certificate", type=existing_file)
@click.argument("model", type=existing_file)
def check(certificate: str, model: str) -> Outcome:
    """Check that CERTIFICATE proves the network in MODEL right, trusting nothing else.

    Exit status 0: it holds. 1: it does not.
    """
    from binadd import load
    from binadd.cli.progress import StatusLine
    from binadd.errors import CertificateError
    from binadd.proof import Certificate
    from binadd.proof import check as recheck

    proof = Certificate.load(certificate)
    net = load(model)
    data: dict[str, Any] = {"certificate": certificate, "model": model}

    try:
        with StatusLine(1.0, total=len(proof)) as line:
            found = recheck(
                proof,
                net,
                progress=lambda done, total: line.show([f"{done:,} of {total:,} contexts"], done),
            )
    except CertificateError as reason:
        text = f"{style('does not hold', fg='red', bold=True)}: {reason}"
        return Outcome(text, data | {"status": "refused", "reason": str(reason)}, NO)
    text = (
        f"{style('holds', fg='green', bold=True)}: the network {net.settings.form.verb} "
        f"{every_sum(net.settings.operands)}"
    )
    if found.runtimes:
        errors = f"{found.step_error:.3g} after a step and logits by {found.logit_error:.3g}"
        text += (
            f"\nSo does every program that computes in {' or '.join(found.runtimes)}, "
            f"or whose states are off by at most {errors}."
        )
    data |= {
        "step_error": found.step_error,
        "logit_error": found.logit_error,
        "runtimes": found.runtimes,
    }
    return Outcome(text, data | {"status": "holds", "contexts": len(proof)})


def every_sum(operands: int) -> str:
    """Return what a proof speaks of.

    >>> every_sum(2)
    'every pair of numbers of every length'
    """
    from binadd.proof.verdict import every

    return f"{every(operands)} of every length"


def describe_verdict(verdict: Verdict, form: Form) -> str:
    """Return a verdict in a few lines."""
    status = style(verdict.status, fg=_COLOUR[verdict.status], bold=True)
    return f"{status}: {_explain(verdict, form)}"


def _explain(verdict: Verdict, form: Form) -> str:
    from binadd.proof import Proved, Refuted

    if isinstance(verdict, Proved):
        return (
            f"it {form.verb} {every_sum(len(form.coefficients))}\n"
            f"{len(verdict.certificate.cells):,} sets hold every state it can reach; no logit "
            f"comes closer to 0 than {verdict.margin:.3g}."
        )
    if isinstance(verdict, Refuted):
        return (
            f"it outputs {short_integer(verdict.got)} for "
            f"{form.write(map(short_integer, verdict.operands))}\n"
            f"The sum is {short_integer(verdict.expected)}; "
            f"bit {verdict.wrong_bit:,} is the lowest that differs."
        )
    return (
        "there is neither a proof nor a wrong sum yet\n"
        f"So far: {verdict.reached}.\n"
        f"What may help: {verdict.advice}."
    )


def _describe_errors(verdict: Proved, tolerance: bool) -> str:
    """Return what programs a proof is of, in a sentence."""
    errors = f"{verdict.step_error:.3g} after a step and logits by {verdict.logit_error:.3g}"
    largest = ": no larger error was found to be proved" if tolerance else ""
    return f"So does every program whose states are off by at most {errors}{largest}."


def errors_data(verdict: Proved) -> dict[str, float]:
    """Return the errors that a proof allows, as data."""
    data = {"step_error": verdict.step_error, "logit_error": verdict.logit_error}
    return data if verdict.tolerance is None else data | {"tolerance": verdict.tolerance}


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as data."""
    from binadd.proof import Proved

    if isinstance(verdict, Proved):
        certificate = verdict.certificate
        data = {"status": "proved", "margin": verdict.margin, "sets": len(certificate.cells)}
        return data | errors_data(verdict)
    return {"status": verdict.status} | asdict(verdict)
