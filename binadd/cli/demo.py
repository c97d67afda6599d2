"""`binadd demo`: what binadd is about, in one screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from binadd.cli.command import Outcome, style, subcommand

if TYPE_CHECKING:
    from binadd.model import BinaryAdderRNN

__all__ = ["demo"]

_SHADES = "·░▒▓█"
_PLAIN_SHADES = ".-+*#"  # where the terminal's encoding has no blocks

_SEED, _HASTY_SEED = 0, 1
"""Networks of the default recipe: the second is right on 8 bits long before it is right on all."""


@subcommand("demo", short_help="See it train, prove and add, in seconds.")
def demo() -> Outcome:
    """Train a network, prove it, and watch it add, one bit at a time; then see one that fails."""
    from binadd import BinaryAdderRNN, prove, train
    from binadd.proof import Refuted

    net = BinaryAdderRNN(seed=_SEED)
    run = train(net)
    hasty = BinaryAdderRNN(seed=_HASTY_SEED)
    train(hasty, until="exact")
    verdict = prove(hasty)
    assert isinstance(verdict, Refuted)  # the same seed, the same bits, on every machine
    first, second = verdict.operands
    wrong = verdict.wrong_bit
    text = [
        f"1. A recurrent network of {net.hidden_size} units learnt to add",
        f"   from {run.sequences:,} random sums of 8-bit numbers. It is",
        f"   {style('proved', fg='green', bold=True)}: it adds numbers of every length.",
        "",
        "2. It adds 23 + 42, one bit at a time, the lowest",
        "   first. Its units hold the carry:",
        "",
        *_steps(net, 23, 42),
        "",
        f"   The outputs, read upwards, are {net.add(23, 42)}.",
        "",
        "3. Another network was stopped when it was right",
        "   on all 65,536 pairs of 8-bit numbers. It is",
        f"   {style('refuted', fg='red', bold=True)}: for {first} + {second} it outputs",
        f"   {verdict.got}, since it loses the carry at bit {wrong}:",
        "",
        *_steps(hasty, first, second, wrong - 3, wrong + 1),
        "",
        "Your own:  binadd train -o adder.npz",
        "           binadd add adder.npz 23 42",
    ]
    data = {
        "sequences": run.sequences,
        "status": run.status,
        "sum": net.add(23, 42),
        "refuted": {"operands": verdict.operands, "got": verdict.got, "wrong_bit": wrong},
    }
    return Outcome("\n".join(text), data)


def _steps(
    net: BinaryAdderRNN, a: int, b: int, first: int = 0, last: int | None = None
) -> Iterator[str]:
    """Yield a table of the steps of a sum: bits, carry, hidden units as shades, the output."""
    from binadd import encode
    from binadd.bits import pack_symbols

    X = encode([(a, b)])
    states, probabilities = net.hidden_states(X)[0], net.predict_proba(X)[0]
    outputs = net.predict(X)[0].tolist()
    before = [0, *net.settings.form.after(pack_symbols(X))[0].tolist()]
    units = len(states[0])
    yield f"   bit  a b carry  {'hidden units':{units}}  P(1)  output"
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    for t in range(first, len(outputs) if last is None else last):
        bits, output = X[0, t].tolist(), outputs[t]
        right = output == (sum(bits) + before[t]) % 2
        shown = style(str(output), fg="green") if right else style(f"{output} wrong", fg="red")
        yield (
            f"   {t:>3}  {bits[0]} {bits[1]}   {before[t]}    {_shade(states[t], encoding)}"
            f"  {probabilities[t]:.2f}    {shown}"
        )


def _shade(state: Iterable[float], encoding: str) -> str:
    """Return one character for each unit, the darker the higher its value."""
    try:
        _SHADES.encode(encoding)
        shades = _SHADES
    except UnicodeEncodeError:
        shades = _PLAIN_SHADES
    return "".join(shades[min(int(h * len(shades)), len(shades) - 1)] for h in state)
