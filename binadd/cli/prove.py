"""`binadd prove` and `binadd check`: for every length, once and for all."""

from __future__ import annotations

from dataclasses import asdict
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from binadd.cli.command import (
    NO,
    UNDECIDED,
    YES,
    Command,
    Outcome,
    demand_own_files,
    existing_file,
    new_file,
    option,
    say,
    style,
)
from binadd.cli.numbers import short_integer

if TYPE_CHECKING:
    from binadd.form import Form
    from binadd.proof import ProofProgress, Verdict

__all__ = ["check", "describe_verdict", "every_sum", "prove", "verdict_data"]

_STATUS = {"proved": YES, "refuted": NO, "undecided": UNDECIDED}
_COLOUR = {"proved": "green", "refuted": "red", "undecided": "yellow"}


@click.command(
    "prove",
    cls=Command,
    short_help="Prove a network right for every length, or refute it.",
    examples="""
binadd prove adder.npz
binadd prove adder.npz -o certificate.json
""",
)
@click.argument("model", type=existing_file)
@new_file("-o", "--output", help="Save the certificate in this file, if there is a proof.")
@option(
    "--effort",
    type=click.Choice(["quick", "medium", "thorough"]),
    default="thorough",
    metavar="quick|medium|thorough",
    help="How long to look for a proof: with 16 units, milliseconds, a tenth of a second, or up "
    "to a minute [default: thorough].",
)
def prove(model: str, output: str | None, effort: str) -> Outcome:
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

        verdict = decide(net, effort=effort, progress=show)
    text = describe_verdict(verdict, net.settings.form)
    if not isinstance(verdict, Proved):
        text += f"\nTo train it on: binadd train --from {quote(model)} -o {quote(model)}"
    data = verdict_data(verdict)
    if isinstance(verdict, Proved) and output is not None:
        verdict.certificate.save(output)
        text += f"\nThe certificate is in {output}: binadd check {output} {model}"
        data["certificate"] = output
    elif output is not None:
        say(f"{output} is not written: there is no certificate")
    return Outcome(text, data, _STATUS[verdict.status])


@click.command(
    "check",
    cls=Command,
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
            recheck(
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


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as data."""
    from binadd.proof import Proved

    if isinstance(verdict, Proved):
        certificate = verdict.certificate
        return {"status": "proved", "margin": verdict.margin, "sets": len(certificate.cells)}
    return {"status": verdict.status} | asdict(verdict)
