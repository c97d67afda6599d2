"""A network's story in words: what it is, how it was trained, and why it is right or wrong."""

from __future__ import annotations

from html import escape

from binadd.automaton import Unit
from binadd.bits import bits_of, encode, pack_symbols
from binadd.checks import shorten
from binadd.model import BinaryAdderRNN
from binadd.proof import Proved, Refuted, Verdict
from binadd.proof.verdict import every

__all__ = [
    "NAMES",
    "count",
    "counterexample",
    "describe_network",
    "describe_training",
    "proof",
    "roles",
    "summary",
]

FIRST, LAST = 3, 8
"""Rows of a long counterexample that are shown: from its beginning, and up to the wrong bit."""

NAMES = "abcdefgh"
"""The names of the numbers that are added."""


def count(operands: int) -> str:
    """Return how many numbers are added, in words.

    >>> count(2)
    'two numbers'
    """
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    return f"{words[operands - 1]} number{'s' if operands > 1 else ''}"


def summary(net: BinaryAdderRNN, verdict: Verdict) -> str:
    """Return the verdict in one sentence of HTML."""
    if isinstance(verdict, Proved):
        operands = every(net.settings.operands)
        does = f"it {net.settings.form.verb} {operands}, of every length, correctly"
        return f"<strong>Proved:</strong> {does}."
    if isinstance(verdict, Refuted):
        return (
            f'<strong class="no">Refuted:</strong> for {verdict.sum} it outputs '
            f"{shorten(verdict.got)} instead of {shorten(verdict.expected)}."
        )
    return (
        '<strong class="no">Undecided:</strong> there is neither a proof that it is always '
        "right nor a result that it is known to get wrong."
    )


def describe_network(net: BinaryAdderRNN) -> str:
    """Return what kind of network it is."""
    settings = net.settings
    weights = sum(array.size for array in net.parameters.values())
    activation = {"sigmoid": "σ", "tanh": "tanh"}[settings.activation]
    numbers = "its number" if settings.operands == 1 else f"each of {count(settings.operands)}"
    return (
        f"It is an Elman network: at each step {settings.hidden_size} hidden units see one bit of "
        f"{numbers} and their own values of the step before. The activation is {activation}, and "
        f"{weights:,} weights in {settings.dtype} decide all that it does."
    )


def describe_training(net: BinaryAdderRNN) -> str:
    """Return how it was trained."""
    state, settings = net.state, net.settings
    if not state.sequences:
        return "It has not been trained by binadd."
    numbers = "random numbers" if state.bits is None else f"random numbers of {state.bits} bits"
    what = "sums of" if settings.form.is_sum else f"values of {settings.form} for"
    text = f"It saw {state.sequences:,} {what} {numbers}, drawn from seed {settings.seed}"
    if state.restarts:
        times = "once" if state.restarts == 1 else f"{state.restarts} times"
        text += f", and started again with other weights {times}"
    return f"{text}. Recipe: {escape(settings.recipe)}."


def roles(units: list[Unit]) -> str:
    """Return a table of the units that separate something, and how many others there are."""
    silent = sum(unit.gap == 0 for unit in units)
    units = [unit for unit in units if unit.gap > 0]
    if not units:
        return "<p>No unit separates anything by itself: it takes several to hold the carry.</p>"
    rest = f"<p>The other {silent} separate nothing by themselves.</p>" if silent else ""
    rows = "".join(
        f'<tr><th scope="row">{unit.index}</th><td class="words">{escape(unit.role)}</td>'
        f"<td>{unit.gap:.3f}</td></tr>"
        for unit in units
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Units"><table><caption>'
        "The gap lies between the values that the unit keeps apart.</caption><thead><tr>"
        '<th scope="col">unit</th><th scope="col" class="words">separates</th>'
        f'<th scope="col">gap</th></tr></thead><tbody>{rows}</tbody></table></div>{rest}'
    )


def proof(net: BinaryAdderRNN, verdict: Verdict) -> str:
    """Return why the verdict is true."""
    if isinstance(verdict, Refuted):
        return (
            f"<p>This is {verdict.sum}, worked through bit by bit. The lowest wrong bit is "
            f"number {verdict.wrong_bit:,}.</p>{counterexample(net, verdict)}"
        )
    if isinstance(verdict, Proved):
        certificate = verdict.certificate
        steps = "one step" if certificate.steps == 1 else f"at most {certificate.steps} steps"
        return (
            f"<p>What the network will do depends on its hidden state alone, and there are "
            f"infinitely many inputs. So the proof draws {len(certificate.cells):,} sets around "
            f"the states, by context: the last few bits read, and the carry before them. It shows "
            f"three things.</p><ol><li>From the start, whatever the bits are, the network comes "
            f"into the set of the context that it is in.</li>"
            f"<li>From any state in any set, whatever bits come next, it is after {steps} in the "
            f"set of the context that it is in then.</li>"
            f"<li>All outputs on the way are right.</li></ol><p>By induction every bit of every "
            f"result is right. Rounding is accounted for: a computed state may be off by "
            f"{certificate.step_error:.2g}, a logit by {certificate.logit_error:.2g}. "
            f"<code>binadd check</code> shows the three again, in whole numbers. By the bounds of "
            f"the search, no logit comes closer to 0 than {certificate.margin:.3g}.</p>"
        )
    return (
        f"<p>So far: {escape(verdict.reached)}.</p><p>What may help: {escape(verdict.advice)}.</p>"
    )


def counterexample(net: BinaryAdderRNN, verdict: Refuted) -> str:
    """Return a table of a wrong sum's steps, up to the lowest wrong bit."""
    form = net.settings.form
    X = encode([verdict.operands], coefficients=form.coefficients)
    probabilities, bits = net.predict_proba(X)[0], net.predict(X)[0]
    heads = "".join(f'<th scope="col">{name}</th>' for name in NAMES[: X.shape[2]])
    rows, before = [], [0, *form.after(pack_symbols(X))[0].tolist()]
    exact = bits_of(verdict.expected % (1 << X.shape[1]), X.shape[1])
    skipped = range(FIRST, max(FIRST, verdict.wrong_bit + 1 - LAST))
    for t in range(verdict.wrong_bit + 1):
        if t not in skipped:
            cells = "".join(f"<td>{bit}</td>" for bit in X[0, t])
            wrong = bits[t] != exact[t]
            said = f'<td class="wrong">{bits[t]} wrong</td>' if wrong else f"<td>{bits[t]}</td>"
            rows.append(
                f'<tr><th scope="row">{t}</th>{cells}<td>{before[t]}</td><td>{exact[t]}</td>'
                f"<td>{probabilities[t]:.3f}</td>{said}</tr>"
            )
        elif t == skipped.start:
            rows.append(
                f'<tr><td colspan="{X.shape[2] + 5}">… {len(skipped):,} right bits</td></tr>'
            )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Steps to the error"><table>'
        f'<thead><tr><th scope="col">bit</th>{heads}<th scope="col">carry</th>'
        '<th scope="col">right bit</th><th scope="col">P(1)</th><th scope="col">output</th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
