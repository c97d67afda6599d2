"""Change one operator, number or statement at a time: does a test fail?

    python tools/mutate.py 30             # that many mutants of each module of TESTS
    python tools/mutate.py 30 checker     # of those whose names contain this
    python tools/mutate.py 30 checker 7   # another sample, that of this seed

Each mutant gets a process of its own, which imports the changed module and runs its tests until
one fails. That kills it, as does more than SECONDS of a processor or MEMORY. Those that survive
are printed: each wants a test, or a reason why nothing can tell it from the original.
"""

import ast
import copy
import importlib.machinery
import os
import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads do not survive a fork
sys.path.insert(0, "")

import hypothesis  # noqa: F401  importing what tests need takes longer than most mutants live
import mpmath  # noqa: F401
import numpy  # noqa: F401
import pytest

SECONDS, MEMORY = 120, 8 << 30
CHECKER = "allowances checker mutants step_error form"
KERNELS = "golden arithmetic gradients parity kernel_arguments"
TESTS = {
    "binadd.proof.checker": CHECKER,
    "binadd.proof.cover": CHECKER,
    "binadd.proof.integers": CHECKER,
    "binadd.proof.certificate": CHECKER,
    "binadd.proof.bounds": "bounds proof step_error",
    "binadd.proof.orbits": "falsify proof",
    "binadd.bits": "bits bitstream form",
    "binadd.form": "form bits checker",
    "binadd.kernels.arithmetic": KERNELS,
    "binadd.kernels.reference": KERNELS,
    "binadd.kernels.update": KERNELS,
    "binadd.kernels.reach": "reach golden bounds",
    "binadd.kernels.relaxation": "reach golden bounds",
    "binadd.kernels.closing": "reach golden bounds",
    "binadd.kernels.axes": "reach golden bounds",
}
PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn, Add Sub, LShift RShift, "
PAIRS += "BitAnd BitOr, And Or, Div Mult, Pow Mult, FloorDiv Mult"


NAMES = [pair.split() for pair in PAIRS.split(", ")]
SWAPPED = {getattr(ast, a): getattr(ast, b) for x, y in NAMES for a, b in ((y, x), (x, y))}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    op = getattr(node, "op", None) or getattr(node, "ops", [None])[0]
    if type(op) in SWAPPED:
        other, swapped = copy.copy(node), SWAPPED[type(op)]()
        if isinstance(other, ast.Compare):
            other.ops = [swapped, *other.ops[1:]]
        else:
            other.op = swapped
        yield other
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(
        getattr(node, "value", None) if isinstance(node, ast.Expr) else None, ast.Call
    ) or isinstance(node, ast.Raise):
        yield ast.Pass()


class Mutation(ast.NodeTransformer):
    """Puts one variant of all into a tree, that of a number, and counts them."""

    def __init__(self, path: Path, number: int = -1) -> None:
        self.number, self.count, self.what = number, 0, ""
        tree = self.visit(ast.parse(path.read_text("utf-8")))
        self.code = compile(ast.fix_missing_locations(tree), path, "exec")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for variant in variants(node):
            if self.count == self.number:
                what = f"{ast.unparse(node)}  →  {ast.unparse(variant)}"
                self.what = f"{node.lineno}:{node.col_offset}: {what}"  # type: ignore[attr-defined]
                self.count += 1
                return ast.copy_location(variant, node)
            self.count += 1
        return super().generic_visit(node)


def survives(module: str, mutation: Mutation) -> bool:
    """Whether the tests of a module pass with this in its place."""
    if process := os.fork():
        return os.waitpid(process, 0)[1] == 0
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    loader = importlib.machinery.SourceFileLoader
    whole = loader.get_code

    def get_code(self, name):  # type: ignore[no-untyped-def]
        return mutation.code if name == module else whole(self, name)

    loader.get_code = get_code  # type: ignore[method-assign]
    options = ["-x", "-q", "-p", "no:cacheprovider"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    tests = [f"tests/test_{name}.py" for name in TESTS[module].split()]
    os._exit(bool(pytest.main([*options, *tests])))


def main(count: str, part: str = "", seed: str = "0") -> None:
    for module in (name for name in TESTS if part in name):
        path = Path(module.replace(".", "/") + ".py")
        whole = Mutation(path)
        assert survives(module, whole), f"{module}: its tests fail anyway"
        chosen = random.Random(seed).sample(range(whole.count), min(int(count), whole.count))
        killed = 0
        for number in sorted(chosen):
            mutant = Mutation(path, number)
            if survives(module, mutant):
                print(f"{path}:{mutant.what}", flush=True)
            else:
                killed += 1
        print(f"{module}: {killed} of {len(chosen)} killed (of {whole.count} in all)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
