"""Change one operator, number or statement at a time: does a test fail?

    python tools/mutate.py 300            # mutants of all modules of TESTS, in proportion to their size
    python tools/mutate.py 40 checker     # of the modules whose names contain this
    python tools/mutate.py 40 checker 7   # others: the sample is that of a seed

Each mutant gets a process of its own, which imports the changed module and runs the module's tests until one
fails. It counts as killed if one does, or if they take more than SECONDS of a processor or MEMORY. Survivors are
printed: each wants a test, or a reason why nothing can tell it from the original.
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

import hypothesis  # noqa: F401  what tests import takes longer than most mutants live
import mpmath  # noqa: F401
import numpy  # noqa: F401
import pytest

SECONDS, MEMORY = 120, 8 << 30
CHECKER = ["test_checker", "test_mutants", "test_step_error", "test_form"]
KERNELS = ["test_golden", "test_arithmetic", "test_gradients", "test_parity", "test_kernel_arguments"]
SEARCH = ["test_bounds", "test_proof", "test_falsify", "test_step_error", "test_form"]
TESTS = {
    "binadd.proof.checker": CHECKER,
    "binadd.proof.cover": CHECKER,
    "binadd.proof.integers": CHECKER,
    "binadd.proof.certificate": CHECKER,
    "binadd.proof.bounds": SEARCH,
    "binadd.proof.closure": SEARCH,
    "binadd.proof.sets": SEARCH,
    "binadd.proof.falsify": SEARCH,
    "binadd.proof.orbits": SEARCH,
    "binadd.proof.frontier": SEARCH,
    "binadd.bits": ["test_bits", "test_bitstream", "test_form"],
    "binadd.form": ["test_form", "test_bits", "test_checker"],
    "binadd.kernels.arithmetic": KERNELS,
    "binadd.kernels.reference": KERNELS,
    "binadd.kernels.update": KERNELS,
    "binadd.kernels.reach": ["test_reach", "test_golden", "test_bounds"],
}
PAIRS = [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)]
PAIRS += [(ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv), (ast.LShift, ast.RShift), (ast.BitAnd, ast.BitOr)]
PAIRS += [(ast.And, ast.Or)]
SWAPPED = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])} | {ast.Div: ast.Mult, ast.Pow: ast.Mult}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    op = getattr(node, "op", None) or getattr(node, "ops", [None])[0]
    if type(op) in SWAPPED:
        other = copy.copy(node)
        swapped = SWAPPED[type(op)]()
        if isinstance(node, ast.Compare):
            other.ops = [swapped, *node.ops[1:]]
        else:
            other.op = swapped
        yield other
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))


class Mutation(ast.NodeTransformer):
    """Puts variant number `number` into a tree; counts them all."""

    def __init__(self, number: int) -> None:
        self.number, self.count, self.what = number, 0, ""

    def visit(self, node: ast.AST) -> ast.AST:
        for variant in variants(node):
            self.count += 1
            if self.count - 1 == self.number:
                self.what = f"{node.lineno}: {ast.unparse(node)}  →  {ast.unparse(variant)}"  # type: ignore
                return ast.copy_location(variant, node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns") or getattr(node, "id", "") == "TypeAlias":
                continue
            if isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                value[:] = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
        return node


def mutant(path: Path, number: int) -> tuple[ast.Module, Mutation]:
    mutation = Mutation(number)
    tree = mutation.visit(ast.parse(path.read_text("utf-8")))
    return ast.fix_missing_locations(tree), mutation  # type: ignore[type-var, return-value]


def survives(module: str, tree: ast.Module) -> bool:
    """Whether the tests of a module pass with this in its place."""
    if process := os.fork():
        return os.waitpid(process, 0)[1] == 0
    null = os.open(os.environ.get("MUTLOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(null, 1)
    os.dup2(null, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    whole = importlib.machinery.SourceFileLoader.get_code

    def get_code(self, name):  # type: ignore[no-untyped-def]
        return compile(tree, self.path, "exec") if name == module else whole(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    tests = [f"tests/{name}.py" for name in TESTS[module]]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    os._exit(bool(pytest.main([*options, *tests])))


def main(count: int, part: str = "", seed: str = "0") -> None:
    paths = {name: Path(name.replace(".", "/") + ".py") for name in TESTS if part in name}
    totals = {name: mutant(path, -1)[1].count for name, path in paths.items()}
    for name, path in paths.items():
        assert survives(name, ast.parse(path.read_text("utf-8"))), f"{name}: its tests fail anyway"
        share = min(totals[name], -(-count * totals[name] // sum(totals.values())))
        alive = 0
        for number in sorted(random.Random(seed).sample(range(totals[name]), share)):
            tree, mutation = mutant(path, number)
            if survives(name, tree):
                alive += 1
                print(f"{path}:{mutation.what}", flush=True)
        print(f"{name}: {share - alive} of {share} killed (of {totals[name]} in all)", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
