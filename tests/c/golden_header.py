"""Write golden.json as C, for selftest.c: `python golden_header.py golden.h`."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import golden
import golden_reach


def words(dtype: str, digits: str) -> list[str]:
    """Return the numbers' bits as C integers."""
    width = 2 * np.dtype(dtype).itemsize
    return [f"0x{digits[i : i + width]}" for i in range(0, len(digits), width)]


def array(name: str, values: list[str]) -> str:
    """Return a definition in C, which has no arrays without an entry."""
    return f"static const uint64_t {name}[] = {{{', '.join(values) or '0'}}};"


def constant(name: str) -> str:
    return f"BINADD_{name.upper()}"


def first_error(case: golden.Case, error: list[int] | None) -> tuple[int, int]:
    """Return the step, and the word as the number whose digits its symbols are."""
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
        {{{a.hidden_size}, {a.operands}, {int(a.biases)}, {constant(a.activation)}, {constant(a.dtype)}, {{0}}}},
        {{{constant(o.name)}, {o.learning_rate!r}, {o.momentum!r}, {o.beta1!r}, {o.beta2!r}, {o.epsilon!r}, {clip_norm}}},
        {constant(case.loss)}, {case.batch_size}, {case.updates}, {case.steps}, {case.seed}, {case.scale},
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


def reach(index: int, case: golden_reach.Case, result: dict[str, str]) -> tuple[list[str], str]:
    """One case of proofs: its arrays, what is given and what is expected, and its entry."""
    a, given = case.architecture, golden_reach.draw(case)
    errors, samples = given.errors, given.samples
    inputs = {
        **{"block": given.block, "unit": errors.unit, "generator": errors.generator},
        **{**given.contexts._asdict(), "origins": given.origins},
        **{"states": given.states, "state_centres": given.centres},
        **{f"sampled_{name}": values for name, values in samples._asdict().items()},
    }
    arrays = [
        array(f"{name}_{index}", words(values.dtype.name, golden.digits(values)))
        for name, values in inputs.items()
    ]
    outputs = {name: f"{name}_{index}" for name in result}
    for name, digits in result.items():
        dtype = golden_reach.DTYPES.get(name, "float64")
        arrays.append(array(outputs[name], words(dtype, digits)))
    counts = [len(given.contexts.carries), len(given.contexts.owners), len(given.contexts.frames)]
    counts += [len(given.origins), golden_reach.SAMPLES]
    counts += [*samples.symbols.shape, samples.pools.shape[1], *samples.words.shape]
    entry = f"""    {{
        "{case.name}",
        {{{a.hidden_size}, {a.operands}, {int(a.biases)}, {constant(a.activation)}, {constant(a.dtype)}, {{0}}}},
        {errors.step!r}, {errors.logit!r}, {golden_reach.SLACK!r},
        {int(case.affine)}, {case.steps}, {case.budget},
        {", ".join(map(str, counts))},
        {", ".join(f"{name}_{index}" for name in inputs)},
        {", ".join(outputs.values())},
    }},"""  # noqa: E501 (C has lines of its own)
    return arrays, entry


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
    entries = []
    for index, bounded in enumerate(golden_reach.CASES, len(golden.CASES)):
        arrays, entry = reach(index, bounded, expected["reach"][bounded.name])
        lines += arrays
        entries.append(entry)
    lines += ["static const golden_reach GOLDEN_REACH[] = {", *entries, "};"]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
