"""ONNX (https://onnx.ai): the network as a graph that computes, in three forms.

    rnn    one RNN node with its default activation: float32, every runtime's own operator
    step   one step of plain operators, with the state as input and output: for streaming
    scan   a Scan of plain operators: any number of steps in float64, too

Compare logits with 0 rather than probabilities with ½: the sigmoids of some runtimes are coarse.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from binadd.checks import check_choice, check_flag, check_instance, check_integer, extra
from binadd.errors import InvalidInputError
from binadd.files import write_atomically
from binadd.interop.promise import Demands, Promise, promise
from binadd.interop.rounding import rounded, rounded_parameters
from binadd.interop.tanh_form import tanh_form
from binadd.model import BinaryAdderRNN
from binadd.storage import write_configuration

__all__ = ["FORMS", "onnx_model", "to_onnx"]

OPSET = 17
IR_VERSION = 8
"""Versions of 2022, so that old runtimes read the file; all its operators are older still."""

FORMS = ("rnn", "step", "scan")
MOST_SEQUENCES, MOST_STEPS = 1 << 20, 1 << 32
"""The most that a file can be fixed to: it holds the state in which each sequence starts."""


def to_onnx(
    net: BinaryAdderRNN,
    path: str | os.PathLike[str],
    *,
    form: str = "rnn",
    dtype: str = "float32",
    batch: int | None = None,
    steps: int | None = None,
    uint8: bool = False,
    **demands: Unpack[Demands],
) -> Promise:
    """Write the network as ONNX, atomically, if it is not refuted with the weights as written.

    Parameters
    ----------
    net, form, dtype, batch, steps, uint8
        See `onnx_model`.
    path : path
    step_error, tolerance, effort, force : optional
        See `promise`.

    Returns
    -------
    Promise
        The network as written, and the verdict on it, which the file's metadata holds.

    Raises
    ------
    ExportError
        If the network is refuted, unless forced; nothing has been written then, nor below.
    InvalidTypeError, InvalidInputError
        As `onnx_model`.
    MissingExtraError
        If onnx is not installed.
    OSError
        If the file cannot be written.
    """
    check_instance("net", net, BinaryAdderRNN)
    with extra("interop"):  # before the proof, which may take long
        import onnx  # noqa: F401
    found = promise(net, dtype, **demands)
    model = onnx_model(
        found.network, form=form, dtype=dtype, batch=batch, steps=steps, uint8=uint8
    )
    _add_metadata(model, found.metadata)
    write_atomically(path, model.SerializeToString())
    return found


def onnx_model(
    net: BinaryAdderRNN,
    *,
    form: str = "rnn",
    dtype: str = "float32",
    batch: int | None = None,
    steps: int | None = None,
    uint8: bool = False,
) -> Any:
    """Return the network as an `onnx.ModelProto`, whatever it computes.

    Parameters
    ----------
    net : BinaryAdderRNN
    form : {"rnn", "step", "scan"}
        "rnn" and "scan" take `bits` (N, T, operands) and return `logits` and `probabilities`
        (N, T). "step" takes `bits` (N, operands) and `state` (N, H), zeros at first, and returns
        `logits` and `probabilities` (N,) and `next_state`.
    dtype : {"float32", "float64"}
        The type of the weights and of all results. Runtimes have the RNN node in float32 only.
    batch, steps : int, optional
        N and T, for compilers that need fixed sizes; at most 2²⁰ and 2³².
    uint8 : bool
        Take `bits` as uint8, as `binadd.encode` returns them, instead of `dtype`.

    Returns
    -------
    onnx.ModelProto
        With the configuration as JSON in its metadata's "binadd".

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If `net` is not a network, an option is not allowed, or a weight is not finite in `dtype`.
    MissingExtraError
        If onnx is not installed.
    """
    network = rounded(net, dtype)
    with extra("interop"):
        import onnx  # noqa: F401
    check_choice("form", form, FORMS)
    if form == "rnn" and dtype != "float32":
        raise InvalidInputError(
            "an RNN node computes in float32: form='scan' or 'step' in float64"
        )
    if form == "step" and steps is not None:
        raise InvalidInputError("form='step' has one step: steps cannot be given")
    graph = _Graph(
        network,
        dtype,
        "N" if batch is None else check_integer("batch", batch, 1, MOST_SEQUENCES),
        "T" if steps is None else check_integer("steps", steps, 1, MOST_STEPS),
        check_flag("uint8", uint8),
    )
    model = {"rnn": _rnn, "step": _step, "scan": _scan}[form](graph)
    configuration = {"binadd": json.dumps(write_configuration(network.settings))}
    if form == "rnn" and network.settings.activation == "sigmoid":
        parameters = rounded_parameters(network, dtype)  # the form's biases have been rounded
        for name in ("hidden_bias", "output_bias"):
            values = [float(value).hex() for value in parameters[name].reshape(-1)]
            configuration[f"binadd.{name}"] = " ".join(values)
    _add_metadata(model, configuration)
    return model


def _add_metadata(model: Any, entries: dict[str, str]) -> None:
    for key, value in entries.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value


@dataclass
class _Graph:
    """The parts that all forms share."""

    net: BinaryAdderRNN
    dtype: str
    batch: int | str
    steps: int | str
    uint8: bool

    @property
    def size(self) -> int:
        return self.net.settings.hidden_size

    @property
    def real(self) -> int:
        from onnx import TensorProto

        return int(TensorProto.FLOAT if self.dtype == "float32" else TensorProto.DOUBLE)

    def value(self, name: str, *shape: int | str, bits: bool = False) -> Any:
        """Return an input or output."""
        from onnx import TensorProto, helper

        kind = TensorProto.UINT8 if bits and self.uint8 else self.real
        return helper.make_tensor_value_info(name, kind, shape)

    def cast(self) -> list[Any]:
        """Return the nodes that turn `bits` into `x`."""
        from onnx import helper

        if not self.uint8:
            return [helper.make_node("Identity", ["bits"], ["x"])]
        return [helper.make_node("Cast", ["bits"], ["x"], to=self.real)]

    def start(self, value: float, leading: bool) -> tuple[list[Any], dict[str, NDArray[Any]]]:
        """Return nodes and constants that make `start`, (1, N, H) or (N, H), of one value."""
        from onnx import helper, numpy_helper

        one, size = np.array([1]), np.array([self.size])
        if isinstance(self.batch, int):
            shape = (1,) * leading + (self.batch, self.size)
            return [], {"start": np.full(shape, value, self.dtype)}
        filled = numpy_helper.from_array(np.array([value], self.dtype))
        parts = ["one"] * leading + ["batch", "size"]
        nodes = [
            helper.make_node("Shape", ["bits"], ["batch"], start=0, end=1),
            helper.make_node("Concat", parts, ["shape"], axis=0),
            helper.make_node("ConstantOfShape", ["shape"], ["start"], value=filled),
        ]
        return nodes, {"size": size} | ({"one": one} if leading else {})

    def model(
        self, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]
    ) -> Any:
        """Return the checked model."""
        from onnx import checker, helper

        graph = helper.make_graph(nodes, "binadd", inputs, outputs, _tensors(constants))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="binadd",
        )
        checker.check_model(model, full_check=True)
        return model

    def sequences(self, nodes: list[Any], constants: dict[str, Any]) -> Any:
        """Return the model of sequences (N, T, operands) at once."""
        operands = self.net.settings.operands
        outputs = [
            self.value(name, self.batch, self.steps) for name in ("logits", "probabilities")
        ]
        bits = self.value("bits", self.batch, self.steps, operands, bits=True)
        return self.model(nodes, [bits], outputs, constants)


def _tensors(constants: dict[str, Any]) -> list[Any]:
    from onnx import numpy_helper

    return [
        numpy_helper.from_array(np.array(array, order="C"), name)
        for name, array in constants.items()
    ]


def _rnn(graph: _Graph) -> Any:
    """Return the form of one RNN node, of tanh units; the first state of what were σ is −1."""
    from onnx import helper

    form = tanh_form(graph.net, graph.dtype)
    constants: dict[str, Any] = {
        "W": form.input_weights[np.newaxis],
        "R": form.hidden_weights[np.newaxis],
        "B": np.concatenate([form.hidden_bias, np.zeros_like(form.hidden_bias)])[np.newaxis],
        "output_weights": form.output_weights[:, np.newaxis],  # some have no MatMul with a vector
        "output_bias": form.output_bias,
        "directions": np.array([1]),
        "columns": np.array([2]),
    }
    first: list[Any] = []
    if form.start:
        first, more = graph.start(form.start, leading=True)
        constants |= more
    inputs = ["steps", "W", "R", "B", *(["", "start"] if form.start else [])]
    nodes = [
        *graph.cast(),
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        *first,
        helper.make_node("RNN", inputs, ["all"], hidden_size=graph.size),
        helper.make_node("Squeeze", ["all", "directions"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "output_weights"], ["column"]),
        helper.make_node("Squeeze", ["column", "columns"], ["sums"]),
        helper.make_node("Add", ["sums", "output_bias"], ["outputs"]),
        helper.make_node("Transpose", ["outputs"], ["logits"], perm=[1, 0]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    return graph.sequences(nodes, constants)


def _one_step(graph: _Graph, x: str, h: str, logits: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the plain operators of a step, which make `next_state`, and their constants."""
    from onnx import helper

    parameters = rounded_parameters(graph.net, graph.dtype)
    constants = {
        "input_weights": parameters["input_weights"].T,
        "hidden_weights": parameters["hidden_weights"].T,
        "hidden_bias": parameters["hidden_bias"],
        "output_weights": parameters["output_weights"][:, np.newaxis],
        "output_bias": parameters["output_bias"],
        "columns": np.array([1]),
    }
    activation = {"sigmoid": "Sigmoid", "tanh": "Tanh"}[graph.net.settings.activation]
    nodes = [
        helper.make_node("MatMul", [x, "input_weights"], ["from_bits"]),
        helper.make_node("MatMul", [h, "hidden_weights"], ["from_past"]),
        helper.make_node("Add", ["from_bits", "hidden_bias"], ["now"]),
        helper.make_node("Add", ["from_past", "now"], ["a"]),
        helper.make_node(activation, ["a"], ["next_state"]),
        helper.make_node("MatMul", ["next_state", "output_weights"], ["column"]),
        helper.make_node("Squeeze", ["column", "columns"], ["sums"]),
        helper.make_node("Add", ["sums", "output_bias"], [logits]),
    ]
    return nodes, constants


def _step(graph: _Graph) -> Any:
    from onnx import helper

    nodes, constants = _one_step(graph, "x", "state", "logits")
    sigmoid = helper.make_node("Sigmoid", ["logits"], ["probabilities"])
    operands = graph.net.settings.operands
    state = (graph.batch, graph.size)
    return graph.model(
        [*graph.cast(), *nodes, sigmoid],
        [graph.value("bits", graph.batch, operands, bits=True), graph.value("state", *state)],
        [
            graph.value("logits", graph.batch),
            graph.value("probabilities", graph.batch),
            graph.value("next_state", *state),
        ],
        constants,
    )


def _scan(graph: _Graph) -> Any:
    from onnx import helper

    inner, constants = _one_step(graph, "x_t", "h", "o_t")
    operands = graph.net.settings.operands
    first, more = graph.start(0.0, leading=False)
    body = helper.make_graph(
        inner,
        "step",
        [graph.value("h", graph.batch, graph.size), graph.value("x_t", graph.batch, operands)],
        [graph.value("next_state", graph.batch, graph.size), graph.value("o_t", graph.batch)],
        _tensors(constants),  # in here: onnx.reference 1.19 and older find none outside
    )
    nodes = [
        *graph.cast(),
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        *first,
        helper.make_node(
            "Scan", ["start", "steps"], ["last", "outputs"], body=body, num_scan_inputs=1
        ),
        helper.make_node("Transpose", ["outputs"], ["logits"], perm=[1, 0]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    return graph.sequences(nodes, more)
