"""Write golden.json as C, for selftest.c: `python golden_header.py golden.h`."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import golden


def words(dtype: str, digits: str) -> list[str]:
    """The numbers' bits as C integers."""
    width = 16 if dtype == "float64" else 8
    return [f"0x{digits[i : i + width]}" for i in range(0, len(digits), width)]


def array(name: str, values: list[str]) -> str:
    return f"static const uint64_t {name}[] = {{{', '.join(values)}}};"


def constant(name: str) -> str:
    return f"BINADD_{name.upper()}"


def first_error(case: golden.Case, error: list[int] | None) -> tuple[int, int]:
    """The step, and the word as the number whose digits its symbols are."""
    if error is None:
        return -1, 0
    operands = case.architecture.operands
    step, *symbols = error
    return step, sum(symbol << operands * t for t, symbol in enumerate(symbols))


def run(index: int, case: golden.Case, result: dict[str, Any]) -> tuple[list[str], str]:
    """One case: its arrays, and its entry of the table."""
    a, o = case.architecture, case.optimizer
    names = ["weights", "losses", "probabilities", "hidden"]
    arrays = [array(f"{n}_{index}", words(a.dtype, "".join(result[n]))) for n in names]
    step, word = first_error(case, result["first_error"])
    clip_norm = "INFINITY" if o.clip_norm == golden.INFINITY else repr(o.clip_norm)
    entry = f"""    {{
        "{case.name}",
        {{{a.hidden_size}, {a.operands}, {int(a.biases)}, {constant(a.activation)}, {constant(a.dtype)}}},
        {{{constant(o.rule)}, {o.learning_rate!r}, {o.momentum!r}, {o.beta1!r}, {o.beta2!r}, {o.epsilon!r}, {clip_norm}}},
        {constant(case.loss)}, {case.batch_size}, {case.updates}, {case.steps}, {case.seed},
        {", ".join(f"{n}_{index}" for n in names)},
        {result["wrong_bits"]}, {case.checked_bits}, {step}, UINT64_C({word}),
    }},"""  # noqa: E501 (C has lines of its own)
    return arrays, entry


def activations(expected: dict[str, str]) -> list[str]:
    lines = []
    for dtype in ("float64", "float32"):
        points = golden.digits(golden.activation_points(dtype))
        lines.append(array(f"points_{dtype}", words(dtype, points)))
        for name in ("sigmoid", "tanh"):
            lines.append(array(f"{name}_{dtype}", words(dtype, expected[f"{dtype}-{name}"])))
    return lines


def main() -> None:
    expected = json.loads(golden.FILE.read_text("utf-8"))
    lines = [
        "/* Made by golden_header.py from golden.json. */",
        *activations(expected["activations"]),
    ]
    entries = []
    for index, case in enumerate(golden.CASES):
        arrays, entry = run(index, case, expected["results"][case.name])
        lines += arrays
        entries.append(entry)
    lines += ["static const golden GOLDEN[] = {", *entries, "};"]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
