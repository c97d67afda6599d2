"""Exceptions: each is a BinaddError, and also the built-in exception that users would expect."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable

import numpy as np
import pytest

import binadd
from binadd import checks, errors, interop, plots
from binadd.automaton import extract
from binadd.proof import Proved


@pytest.mark.parametrize("name", errors.__all__)
def test_every_exception_is_a_binadd_error_and_public(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.BinaddError)
    assert getattr(binadd, name) is getattr(errors, name)


def test_all_exceptions_are_listed() -> None:
    found = [name for name, _ in inspect.getmembers(errors, inspect.isclass)]
    assert found == sorted(errors.__all__)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InvalidInputError, ValueError),
        (errors.InvalidTypeError, TypeError),
        (errors.ModelFileError, ValueError),
        (errors.CheckpointError, ValueError),
        (errors.CertificateError, ValueError),
        (errors.DivergenceError, ArithmeticError),
        (errors.BackendError, RuntimeError),
        (errors.MissingExtraError, ImportError),
        (errors.UndecidedError, ValueError),
        (errors.UnknownAttributeError, AttributeError),
    ],
)
def test_builtin_bases(error: type, builtin: type) -> None:
    assert issubclass(error, builtin)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, [1], 1j, np.float64(3)])
def test_integers_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(errors.InvalidTypeError, match=r"^n must be an integer, not "):
        checks.check_integer("n", value)


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert checks.shorten(nested) == "a list"
    assert checks.shorten({1: 10**5000}) == "a dict"
    assert checks.shorten(-(10**100)) == "a negative integer of 333 bits"


def test_a_choice_is_a_plain_string() -> None:
    class Name(str):
        """As numpy.str_ is one."""

    for name in (Name("tanh"), np.str_("tanh")):
        choice = checks.check_choice("activation", name, ["tanh", "sigmoid"])
        assert choice == "tanh" and type(choice) is str
    with pytest.raises(errors.InvalidInputError, match="must be 'tanh'"):
        checks.check_choice("activation", Name("relu"), ["tanh"])


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_integers(value: object) -> None:
    number = checks.check_integer("n", value, 3, 3)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize("value", [True, "0.5", None, 1j, np.array([0.5])])
def test_reals_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(errors.InvalidTypeError, match=r"^x must be a number, not "):
        checks.check_real("x", value)


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.0, 10**400, -(10**400)], ids=lambda _: "")
def test_reals_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(errors.InvalidInputError, match="at least 0 and less than 1, not "):
        checks.check_real("x", value, 0, 1, open_maximum=True)


def test_sentences_stay_short() -> None:
    for value in ["x" * 10**6, list(range(10**5))]:
        with pytest.raises(errors.InvalidTypeError) as caught:
            checks.check_integer("n", value)
        assert len(str(caught.value)) < 120
    with pytest.raises(errors.InvalidInputError, match=r"not an integer of 100001 bits$"):
        checks.check_integer("n", 1 << 100_000, 0, 8)  # Python would refuse to write its digits
    with pytest.raises(errors.InvalidInputError, match=r"not a negative integer of 100001 bits$"):
        checks.check_integer("n", -1 << 100_000)


@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_flags_are_bools(value: object) -> None:
    with pytest.raises(errors.InvalidTypeError, match="must be True or False"):
        checks.check_flag("biases", value)


def test_what_is_no_network_is_said_to_be_none() -> None:
    for function in (binadd.train, binadd.prove):
        with pytest.raises(errors.InvalidTypeError, match="net must be a BinaryAdderRNN, not str"):
            function("adder.npz")


def test_progress_that_cannot_be_called_is_refused_at_once() -> None:
    net = binadd.BinaryAdderRNN(4)
    for function, what in ((binadd.train, net), (binadd.sweep, range(1))):
        with pytest.raises(errors.InvalidTypeError, match="must be callable or True, not 'yes'"):
            function(what, progress="yes")
    assert net == binadd.BinaryAdderRNN(4) and net.state.sequences == 0


def test_progress_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """On stderr, and gone when the work is done."""
    net = binadd.BinaryAdderRNN(seed=1)
    assert binadd.train(net, progress=True).status == "proved"
    assert "sequences, loss" in capfd.readouterr().err
    binadd.sweep(range(3), until=1, workers=1, progress=True)
    assert "0/3 [" in capfd.readouterr().err
    verdict = binadd.prove(net, progress=True)
    assert isinstance(verdict, Proved)
    assert "attempt 1 of" in capfd.readouterr().err
    binadd.check(verdict.certificate, net, progress=True)
    out, err = capfd.readouterr()
    assert not out and f"/{len(verdict.certificate)} " in err
    for progress in (False, None):
        binadd.train(net, until=0, progress=progress)
        binadd.prove(net, progress=progress)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("library", "name", "call"),
    [
        ("matplotlib", "plot", lambda net: plots.hidden_states(net, 1, 2)),
        ("safetensors", "interop", lambda net: interop.to_safetensors(net, "net")),
        ("safetensors", "interop", lambda net: interop.from_safetensors("net")),
        ("onnx", "interop", lambda net: interop.onnx_model(net)),
    ],
)
def test_a_missing_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    name: str,
    call: Callable[[binadd.BinaryAdderRNN], object],
) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    sentence = rf"this needs {library}\S*: pip install 'binadd\[{name}\]'"
    with pytest.raises(errors.MissingExtraError, match=sentence) as caught:
        call(NET)
    assert isinstance(caught.value, ImportError)


NET = binadd.BinaryAdderRNN(2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: binadd.train("net"), "net must be a BinaryAdderRNN, not str"),
        (lambda: binadd.prove(None), "net must be a BinaryAdderRNN, not NoneType"),
        (lambda: binadd.check(NET, NET), "certificate must be a Certificate, not BinaryAdderRNN"),
        (lambda: extract(NET, NET), "certificate must be a Certificate, not BinaryAdderRNN"),
        (lambda: interop.to_onnx(3, "x.onnx"), "net must be a BinaryAdderRNN, not int"),
        (lambda: interop.to_safetensors([NET], "x"), "net must be a BinaryAdderRNN, not list"),
        (lambda: plots.automaton(NET), "machine must be an Automaton, not BinaryAdderRNN"),
        (lambda: plots.hidden_states("net", 1, 2), "net must be a BinaryAdderRNN, not str"),
        (lambda: plots.learning_curve([NET]), "progress must be a Progress, not BinaryAdderRNN"),
    ],
)
def test_arguments_of_other_classes_are_refused(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(errors.InvalidTypeError, match=f"^{sentence}$"):
        call()
