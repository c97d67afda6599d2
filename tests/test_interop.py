"""Other formats hold the same network."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import export_driver
import numpy as np
import pytest
from kernel_cases import EVERY_PAIR
from weights import put

import binadd
from binadd import (
    BackendError,
    BinaryAdderRNN,
    DisagreementError,
    ExportError,
    InvalidInputError,
    ModelFileError,
    interop,
)
from binadd.proof import Proved, Refuted, Undecided
from binadd.proof.certificate import weights_digest

KINDS: list[dict[str, Any]] = [
    {},
    {"dtype": "float32"},
    {"hidden_size": 3, "operands": 3, "activation": "tanh"},
    {"recipe": "notebook", "hidden_size": 9},
]


@pytest.mark.parametrize("params", KINDS, ids=str)
def test_safetensors(tmp_path: Path, params: dict[str, Any]) -> None:
    pytest.importorskip("safetensors")
    net = BinaryAdderRNN(seed=3, **params)
    interop.to_safetensors(net, tmp_path / "net.safetensors", force=True)
    again = interop.from_safetensors(tmp_path / "net.safetensors")
    assert again == net and again.settings == net.settings


def test_a_wrong_sum_of_any_length_has_a_sentence() -> None:
    """Integers may have more digits than Python would write."""
    wrong = Refuted(((1 << 20_000) - 1, 1), wrong_bit=19_000, got=3, expected=1 << 20_000)
    sentence = interop.Promise(BinaryAdderRNN(), wrong, digest="", step_error=0.0).sentence
    assert "outputs 3 for an integer of 20000 bits + 1" in sentence


def test_safetensors_can_be_read_without_binadd(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    net = BinaryAdderRNN(4)
    interop.to_safetensors(net, tmp_path / "net.safetensors", force=True)
    tensors = numpy.load_file(tmp_path / "net.safetensors")
    assert tensors.keys() == net.parameters.keys()
    np.testing.assert_array_equal(tensors["hidden_weights"], net.parameters["hidden_weights"])


def test_other_safetensors(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    numpy.save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="holds no binadd network"):
        interop.from_safetensors(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelFileError, match="holds no binadd network"):
        interop.from_safetensors(path)
    with pytest.raises(FileNotFoundError):
        interop.from_safetensors(tmp_path / "none")


def with_header(header: dict[str, Any], data: bytes = b"") -> bytes:
    """Return a safetensors file: how long its header is, the header, the tensors."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (with_header({"__metadata__": {"binadd": "[" * 100_000}}), "is not JSON"),
        (with_header({"__metadata__": {"binadd": "{"}}), "is not JSON"),
        (
            with_header({"w": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
            "NumPy does not have the dtype",
        ),
        (
            with_header({"w": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"12"),
            "NumPy does not have the dtype|should have hidden_size",  # some libraries bring it
        ),
    ],
    ids=["nested", "torn", "float8", "bfloat16"],
)
def test_malformed_safetensors(tmp_path: Path, content: bytes, sentence: str) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=sentence) as caught:
        interop.from_safetensors(path)
    assert str(path) in str(caught.value)


def test_a_missing_backend_is_not_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("safetensors")

    def missing(backend: str) -> None:
        raise BackendError(f"{backend} is missing")

    interop.to_safetensors(BinaryAdderRNN(4), tmp_path / "net.safetensors", force=True)
    monkeypatch.setattr("binadd.interop.safetensors.load_kernels", missing)
    with pytest.raises(BackendError, match="native is missing"):
        interop.from_safetensors(tmp_path / "net.safetensors", backend="native")


@pytest.mark.parametrize(
    ("library", "weight", "sentence"),
    [
        ("safetensors", np.nan, "output_weights must hold finite numbers"),
        ("safetensors", np.inf, "output_weights must hold finite numbers"),
        ("onnx", np.nan, "output_weights must hold finite numbers"),
        ("onnx", 1e300, "in float32, output_weights must hold finite numbers"),
    ],
)
def test_weights_that_are_not_finite_are_not_written(
    tmp_path: Path, library: str, weight: float, sentence: str
) -> None:
    pytest.importorskip(library)
    net = BinaryAdderRNN(4)
    put(net, "output_weights", 1, weight)
    with pytest.raises(InvalidInputError, match=sentence):
        getattr(interop, f"to_{library}")(net, tmp_path / "net")
    assert not list(tmp_path.iterdir())


# ONNX --------------------------------------------------------------------------------------------

FORMS: list[dict[str, Any]] = [
    {"form": "rnn"},
    {"form": "rnn", "batch": 5, "steps": 12, "uint8": True},
    {"form": "step"},
    {"form": "step", "batch": 5, "dtype": "float64", "uint8": True},
    {"form": "scan", "dtype": "float64"},
    {"form": "scan", "batch": 5, "steps": 12},
]


def run_onnx(run: Any, net: BinaryAdderRNN, options: dict[str, Any], X: Any) -> Any:
    """Return the logits of an exported graph."""
    X = X.astype(np.uint8 if options.get("uint8") else options.get("dtype", "float32"))
    if options["form"] != "step":
        return run(["logits"], {"bits": X})[0]
    state = np.zeros((len(X), net.settings.hidden_size), options.get("dtype", "float32"))
    logits = []
    for t in range(X.shape[1]):
        o, state = run(["logits", "next_state"], {"bits": X[:, t], "state": state})
        logits.append(o)
    return np.stack(logits, axis=1)


@pytest.mark.parametrize("options", FORMS, ids=str)
@pytest.mark.parametrize("params", KINDS, ids=str)
def test_onnx(tmp_path: Path, params: dict[str, Any], options: dict[str, Any]) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    net = BinaryAdderRNN(seed=3, **params)
    path = tmp_path / "net.onnx"
    interop.to_onnx(net, path, force=True, **options)
    onnx.checker.check_model(str(path), full_check=True)
    X = np.random.default_rng(0).integers(0, 2, (5, 12, net.settings.operands))
    logits = run_onnx(ReferenceEvaluator(str(path)).run, net, options, X)
    double = options.get("dtype") == "float64" and net.settings.dtype == "float64"
    tolerance = 1e-12 if double else 1e-4
    np.testing.assert_allclose(logits, net.decision_function(X), atol=tolerance)
    again = interop.from_onnx(str(path))
    # Biases of 0 are not told from none, but where the file notes it.
    for name, array in again.parameters.items():
        expected = net.parameters.get(name, np.zeros(array.shape))
        np.testing.assert_array_equal(array, expected.astype(array.dtype))


def test_onnx_keeps_the_default_activation() -> None:
    pytest.importorskip("onnx")
    for activation in ("sigmoid", "tanh"):
        model = interop.onnx_model(BinaryAdderRNN(4, activation=activation))
        (node,) = (node for node in model.graph.node if node.op_type == "RNN")
        assert [attribute.name for attribute in node.attribute] == ["hidden_size"]


def test_a_trained_network_adds_in_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    net = BinaryAdderRNN()
    binadd.train(net)
    found = interop.to_onnx(net, tmp_path / "net.onnx")
    assert found.status == "proved" and found.network.settings.dtype == "float32"
    model = onnx.load(tmp_path / "net.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["binadd.verdict"] == "proved"
    assert metadata["binadd.arithmetic"] == "any float32 arithmetic"
    proved = binadd.prove(found.network, step_error="float32")
    assert isinstance(proved, Proved) and isinstance(found.verdict, Proved)
    for name in ("step_error", "logit_error"):
        assert float(metadata[f"binadd.{name}"]) == getattr(proved, name)
    assert "binadd.tolerance" not in metadata
    assert "float32" in binadd.check(found.verdict.certificate, found.network).runtimes
    assert metadata["binadd.digest"] == found.digest == weights_digest(found.network)
    again = interop.from_onnx(model)
    assert again == found.network
    X = EVERY_PAIR
    (logits,) = ReferenceEvaluator(model).run(["logits"], {"bits": X.astype(np.float32)})
    np.testing.assert_array_equal(logits > 0, again.predict(X))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dtype": "float64"}, "an RNN node computes in float32"),
        ({"form": "loop"}, "form must be"),
        ({"form": "step", "steps": 3}, "steps cannot be given"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"batch": 10**20}, "batch must be at most 1048576"),
        ({"steps": 10**20}, "steps must be at most 4294967296"),
        ({"dtype": "float16"}, "dtype must be"),
    ],
)
def test_onnx_options_that_there_are_not(options: dict[str, Any], sentence: str) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(InvalidInputError, match=sentence):
        interop.onnx_model(BinaryAdderRNN(4), **options)


def rnn_model(op: str = "RNN", size: int = 3, **attributes: Any) -> Any:
    """Return an ONNX model as other programs write it: (T, N, 2) in, a sigmoid out."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)
    two = 2 if attributes.get("direction") == "bidirectional" else 1
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]

    def tensor(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)

    nodes = [
        helper.make_node(op, ["x", "W", "R", "B"], ["h"], hidden_size=size, **attributes),
        helper.make_node("Squeeze", ["h", "one"], ["s"]),
        helper.make_node("Gemm" if "gemm" in attributes else "MatMul", ["s", "V"], ["o"]),
        helper.make_node("Add", ["c", "o"], ["b"]),
        helper.make_node("Sigmoid", ["b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T", "N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["T", "N", 1])],
        [
            tensor("W", two, gates * size, 2),
            tensor("R", two, gates * size, size),
            tensor("B", two, 2 * gates * size),
            tensor("V", size, 1),
            tensor("c", 1),
            numpy_helper.from_array(np.array([1]), "one"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_an_rnn_node_with_the_steps_first() -> None:
    pytest.importorskip("onnx")
    from onnx import numpy_helper

    model = rnn_model()
    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    parameters = interop.from_onnx(model).parameters
    np.testing.assert_array_equal(parameters["input_weights"], arrays["W"][0])
    np.testing.assert_array_equal(parameters["hidden_weights"], arrays["R"][0])
    both = arrays["B"][0]
    np.testing.assert_array_equal(parameters["hidden_bias"], both[:3] + both[3:])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({"op": "LSTM"}, "expected an RNN node, found LSTM: binadd takes one layer"),
        ({"op": "GRU"}, "expected an RNN node, found GRU"),
        ({"activations": ["Relu"]}, "found relu"),
        ({"direction": "bidirectional", "activations": ["Tanh"] * 2}, "found bidirectional"),
        ({"direction": "reverse"}, "found reverse"),
        ({"clip": 1.0}, "without clip"),
    ],
    ids=str,
)
def test_onnx_models_of_other_networks(model: dict[str, Any], sentence: str) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(InvalidInputError, match=sentence):
        interop.from_onnx(rnn_model(**model))


def node(*arguments: Any, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(*arguments, **attributes)


def constant(name: str, *values: float) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, np.float32), name)


def changed(model: Any, name: str, array: Any) -> None:
    """Give an initializer another array."""
    from onnx import numpy_helper

    (tensor,) = (each for each in model.graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(array, np.float32), name))


def two_layers(model: Any) -> None:
    model.graph.node.insert(1, node("RNN", ["h", "W", "R"], ["g"], hidden_size=3))


def weights_from_outside(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.initializer.remove(model.graph.initializer[0])
    model.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [1, 3, 2]))


def state_from_outside(model: Any) -> None:
    from onnx import TensorProto, helper

    model.graph.node[0].input.extend(["", "start"])
    shape = [1, "N", 3]
    model.graph.input.append(helper.make_tensor_value_info("start", TensorProto.FLOAT, shape))


def state_of_halves(model: Any) -> None:
    model.graph.initializer.append(constant("start", *[0.5] * 3))
    model.graph.node[0].input.extend(["", "start"])


def doubled_product(model: Any) -> None:
    model.graph.node[2].CopyFrom(node("Gemm", ["s", "V"], ["o"], alpha=2.0))


def no_product(model: Any) -> None:
    model.graph.node[2].CopyFrom(node("Identity", ["s"], ["o"]))


def two_biases(model: Any) -> None:
    model.graph.initializer.append(constant("more", 1.0))
    model.graph.node[4].input[0] = "sum"
    model.graph.node.insert(4, node("Add", ["b", "more"], ["sum"]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (two_layers, "expected one layer, found 2 RNN nodes"),
        (weights_from_outside, "expected W to be constant in the graph, found W"),
        (
            state_from_outside,
            r"one input of bits \(N, T, n\), found x, start; check=False",
        ),
        (state_of_halves, "expected a first state of zeros, found 0.5"),
        (doubled_product, "expected Gemm nodes with alpha = 1"),
        (no_product, r"expected one output layer of shape \(3, 1\), found none"),
        (lambda model: changed(model, "V", np.ones((3, 2))), r"found \(3, 2\)"),
        (two_biases, "expected one output bias, found 2"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_rnn_nodes_with_more_around_them(change: Callable[[Any], None], sentence: str) -> None:
    pytest.importorskip("onnx")
    model = rnn_model()
    change(model)
    with pytest.raises(InvalidInputError, match=sentence):
        interop.from_onnx(model)


def test_a_state_from_outside_is_left_to_the_user() -> None:
    pytest.importorskip("onnx")
    model = rnn_model()
    state_from_outside(model)
    assert interop.from_onnx(model, check=False) == interop.from_onnx(rnn_model())


def test_constants_may_be_nodes() -> None:
    """Through an Identity, too, as PyTorch writes weights that two layers share."""
    pytest.importorskip("onnx")
    model = rnn_model()
    by_name = {each.name: each for each in model.graph.initializer}
    model.graph.initializer.remove(by_name["V"])
    model.graph.node.insert(0, node("Constant", [], ["V"], value=by_name["V"]))
    model.graph.node.insert(1, node("Identity", ["W"], ["same"]))
    model.graph.node[2].input[1] = "same"
    assert interop.from_onnx(model) == interop.from_onnx(rnn_model())


def step_model(hidden_size: int = 4, **params: Any) -> Any:
    """Return a graph of plain operators."""
    return interop.onnx_model(BinaryAdderRNN(hidden_size, seed=1, **params), form="step")


def replaced(model: Any, old: str, new: str) -> Any:
    """Return the graph with other operators."""
    for each in model.graph.node:
        each.op_type = new if each.op_type == old else each.op_type
    return model


def with_longer_head() -> Any:
    model = step_model()
    (name,) = (each.name for each in model.graph.initializer if list(each.dims) == [4, 1])
    changed(model, name, np.ones((5, 1)))
    return model


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: replaced(step_model(), "Sigmoid", "Relu"), "with tanh or sigmoid, found Relu"),
        (
            lambda: replaced(step_model(), "MatMul", "Mul"),
            r"\(H, H\) and \(H, 1\), found",
        ),
        (lambda: step_model(1), "expected two hidden units or more, found one"),
        (with_longer_head, r"expected one recurrent matrix \(5, 5\), found 0"),
    ],
    ids=["activation", "products", "one unit", "longer head"],
)
def test_plain_operators_of_other_networks(make: Callable[[], Any], sentence: str) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(InvalidInputError, match=sentence):
        interop.from_onnx(make())


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_two_matrices_of_one_shape_are_told_apart(activation: str) -> None:
    """As many units as operands: the recurrent matrix is the one that the state goes into."""
    pytest.importorskip("onnx")
    net = BinaryAdderRNN(2, seed=1, activation=activation, dtype="float32")
    model = interop.onnx_model(net, form="step")
    assert interop.from_onnx(model) == net


def test_what_is_no_onnx_model() -> None:
    pytest.importorskip("onnx")
    with pytest.raises(InvalidInputError, match="expected an ONNX model or a path, found int"):
        interop.from_onnx(3)


def test_a_graph_that_does_more_is_found_out() -> None:
    pytest.importorskip("onnx")
    model = rnn_model()
    model.graph.node[4].op_type = "Tanh"
    with pytest.raises(DisagreementError, match="the graph computes probabilities that differ"):
        interop.from_onnx(model)
    assert interop.from_onnx(model, check=False).settings.hidden_size == 3


def test_altered_notes_are_not_believed() -> None:
    pytest.importorskip("onnx")
    net = BinaryAdderRNN(4, seed=1)
    model = interop.onnx_model(net)
    for entry in model.metadata_props:
        if entry.key == "binadd.hidden_bias":
            entry.value = "0x1p+3 0x0p+0 0x0p+0 0x0p+0"
    biases = interop.from_onnx(model).parameters["hidden_bias"]
    np.testing.assert_allclose(biases, net.parameters["hidden_bias"], atol=1e-6)


def test_files_that_are_not_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    (tmp_path / "net.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match="is no ONNX file"):
        interop.from_onnx(tmp_path / "net.onnx")
    with pytest.raises(FileNotFoundError):
        interop.from_onnx(tmp_path / "none.onnx")


# What an export promises -------------------------------------------------------------------------


def test_an_export_is_proved_for_what_computes_with_it(tmp_path: Path) -> None:
    net = BinaryAdderRNN()
    binadd.train(net)
    found = interop.to_c(net, tmp_path / "net.c", dtype="float32")
    assert found.sentence.endswith("in binadd's float32 arithmetic")
    assert (tmp_path / "net.c").read_text().startswith(f"/* {found.sentence} */")
    tolerant = interop.promise(net, "float32", tolerance=True)
    assert isinstance(tolerant.verdict, Proved)
    assert "states may be off by" in tolerant.sentence
    assert tolerant.metadata["binadd.tolerance"] == tolerant.metadata["binadd.step_error"]
    assert float(tolerant.metadata["binadd.tolerance"]) == tolerant.verdict.tolerance
    coarse = interop.promise(net, step_error=0.9)
    assert isinstance(coarse.verdict, Undecided) and "binadd.step_error" not in coarse.metadata
    assert coarse.sentence == (
        "undecided: there is neither a proof nor a wrong sum in any arithmetic with step errors "
        "up to 0.9"
    )
    for arithmetic, step_error in (("any float64", None), ("any float32", "float32")):
        one = interop.promise(net, step_error=step_error)
        assert one.arithmetic == f"{arithmetic} arithmetic" and one.status == "proved"


# What is refused ---------------------------------------------------------------------------------


def brittle(net: BinaryAdderRNN) -> BinaryAdderRNN:
    """Return a network that computes the same in float64, but for roundings, with two more units.

    Both notice the symbol 11, and their outputs cancel. Of one, the input weights are rounded in
    float32: its pre-activation is 0 instead of 0.4 then.
    """
    p, weight = net.parameters, 2.0**22 + 0.2
    seen = 1 / (1 + np.exp(-0.4))
    return BinaryAdderRNN.from_parameters(
        {
            "input_weights": np.vstack([p["input_weights"], [weight] * 2, [40.0] * 2]),
            "hidden_weights": np.pad(p["hidden_weights"], [(0, 2), (0, 2)]),
            "hidden_bias": np.append(p["hidden_bias"], [-(2.0**23), -60.0]),
            "output_weights": np.append(p["output_weights"], [200.0, -200.0 * seen]),
            "output_bias": p["output_bias"],
        }
    )


@pytest.mark.parametrize("export", ["to_safetensors", "to_onnx"])
def test_a_network_proved_in_float64_and_wrong_in_float32_is_refused(
    tmp_path: Path, export: str
) -> None:
    pytest.importorskip(export[3:])
    net = BinaryAdderRNN(seed=1)
    binadd.train(net)
    broken = brittle(net)
    verdict = binadd.prove(broken)
    assert isinstance(verdict, Proved) and binadd.check(verdict.certificate, broken)
    with pytest.raises(ExportError, match="is refuted: it outputs") as refusal:
        getattr(interop, export)(broken, tmp_path / "net", dtype="float32")
    assert "\n" not in str(refusal.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("export", ["to_safetensors", "to_onnx", "to_c"])
def test_a_network_that_float32_breaks_is_not_exported(tmp_path: Path, export: str) -> None:
    library = {"to_c": "numpy"}.get(export, export[3:])
    pytest.importorskip(library)
    net = BinaryAdderRNN()
    binadd.train(net)
    broken = net.copy()
    broken.parameters["output_weights"] = (
        broken.parameters["output_weights"] * 1e-30
    )  # in float32 0 beside the bias
    broken.parameters["output_bias"] = broken.parameters["output_bias"] * 1e-30
    broken.parameters["output_weights"] = broken.parameters["output_weights"] * 1e-18
    broken.parameters["output_bias"] = broken.parameters["output_bias"] * 1e-18
    np.testing.assert_array_equal(broken.predict(EVERY_PAIR), net.predict(EVERY_PAIR))
    with pytest.raises(
        ExportError, match=r"^not exported, for this network is refuted: it outputs"
    ):
        getattr(interop, export)(broken, tmp_path / "net", dtype="float32")
    assert not list(tmp_path.iterdir())
    found = getattr(interop, export)(broken, tmp_path / "net", dtype="float32", force=True)
    assert found.status == "refuted" and (tmp_path / "net").exists()


# C -----------------------------------------------------------------------------------------------

C_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O3"]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("params", [*KINDS, {"hidden_size": 21, "dtype": "float32"}], ids=str)
def test_c_computes_the_same_bits(tmp_path: Path, params: dict[str, Any], compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    net = BinaryAdderRNN(seed=3, **params)
    n = net.settings.operands
    interop.to_c(net, tmp_path / "adder.c", name="net", force=True)
    (tmp_path / "main.c").write_text(
        """#include "adder.c"
#include <stdio.h>
int main(void)
{
    net_state state;
    net_start(&state);
    for (int symbol; (symbol = getchar()) != EOF;) {
        const real logit = net_step_logit(&state, (unsigned)symbol);
        fwrite(&logit, sizeof logit, 1, stdout);
    }
    return 0;
}
"""
    )
    program = tmp_path / "program"
    subprocess.run([compiler, *C_FLAGS, str(tmp_path / "main.c"), "-o", str(program)], check=True)
    X = np.random.default_rng(0).integers(0, 2, (1, 5000, n), np.uint8)
    symbols = (X[0] << np.arange(n, dtype=np.uint8)).sum(1, dtype=np.uint8)
    done = subprocess.run([str(program)], input=symbols.tobytes(), capture_output=True, check=True)
    logits = np.frombuffer(done.stdout, net.settings.dtype)
    np.testing.assert_array_equal(logits, net.decision_function(X)[0])


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c_adds_whole_numbers(tmp_path: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    net = BinaryAdderRNN()
    binadd.train(net)
    found = interop.to_c(net, tmp_path / "adder.c", dtype="float32")
    (tmp_path / "main.c").write_text(
        '#include "adder.c"\n#include "driver.h"\nint main(void) { return drive(); }\n'
    )
    include = str(Path(__file__).parent / "export")
    command = [compiler, *C_FLAGS, "-I", include, str(tmp_path / "main.c"), "-o"]
    subprocess.run([*command, str(tmp_path / "program")], check=True)
    done = subprocess.run([str(tmp_path / "program")], capture_output=True, check=True, text=True)
    assert done.stdout == export_driver.expected(found.network) + "\n"


@pytest.mark.parametrize("coefficients", [(1, 1), (3,), (1, -1)], ids=str)
def test_c_comments_are_right_for_every_form(coefficients: tuple[int, ...]) -> None:
    net = BinaryAdderRNN(4, coefficients=coefficients)
    comment = interop.c_source(net).partition("*/")[0]
    assert "it returns the next bit of the result" in comment
    assert f"An Elman network that {net.settings.form.verb} " in comment
    assert ("two's complement" in comment) == (min(coefficients) < 0)
    assert all(line.startswith(" *") and len(line) < 100 for line in comment.split("\n")[1:-1])


@pytest.mark.parametrize("name", ["", "2x", "a b", "é", 3])
def test_c_names(name: Any) -> None:
    with pytest.raises(InvalidInputError, match="must be a C identifier"):
        interop.c_source(BinaryAdderRNN(4), name=name)
