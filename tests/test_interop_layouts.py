"""Each framework's arrays, in its own layout, go where they belong."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binadd import (
    BinaddError,
    BinaryAdderRNN,
    DisagreementError,
    InvalidInputError,
    InvalidTypeError,
    ModelFileError,
    interop,
)

H, N = 5, 2
RNG = np.random.default_rng(7)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


WI, WH, WO, B1, B2, BO = draw(H, N), draw(H, H), draw(H), draw(H), draw(H), draw(1)


def has_weights(net: BinaryAdderRNN, hidden_bias: Any = B1) -> bool:
    """Whether a network has these weights, to the bit."""
    expected = {
        "input_weights": WI,
        "hidden_weights": WH,
        "hidden_bias": hidden_bias,
        "output_weights": WO,
        "output_bias": BO[0],
    }
    given = net.parameters
    return given.keys() == expected.keys() and all(
        given[name].dtype == np.float32 and np.array_equal(given[name], expected[name])
        for name in given
    )


class Tensor:
    """Like a PyTorch tensor with a gradient: NumPy alone cannot read it."""

    def __init__(self, array: Any, dtype: str = "torch.float32") -> None:
        self.array, self.dtype = array, dtype

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> Any:
        return self

    cpu = float = detach

    def numpy(self) -> Any:
        return self.array

    @property
    def shape(self) -> Any:
        return self.array.shape


class HalfTensor(Tensor):
    """What PyTorch's tensors of bfloat16 look like, which NumPy does not have."""

    def __init__(self, array: Any) -> None:
        super().__init__(array, "torch.bfloat16")

    def detach(self) -> Any:
        return self

    cpu = detach

    def float(self) -> Any:
        return Tensor(self.array)

    def numpy(self) -> Any:
        raise TypeError("Got unsupported ScalarType BFloat16")


class Device:
    """What arrays of JAX and Keras look like: NumPy can read them, and they are none of its."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.array


def torch_state(**more: Any) -> dict[str, Any]:
    state = {
        "rnn.weight_ih_l0": WI,
        "rnn.weight_hh_l0": WH,
        "rnn.bias_ih_l0": B1,
        "rnn.bias_hh_l0": B2,
        "out.weight": WO[np.newaxis],
        "out.bias": BO,
    } | more
    return {name: Tensor(array) for name, array in state.items() if array is not None}


def flax_params(**more: Any) -> dict[str, Any]:
    cell = {"i": {"kernel": WI.T, "bias": B1}, "h": {"kernel": WH.T}}
    dense = {"kernel": WO[:, np.newaxis], "bias": BO}
    return {"params": {"SimpleCell_0": cell, "Dense_0": dense} | more}


def gates(*names: str) -> dict[str, Any]:
    return {name: {"kernel": WH} for name in names}


KERAS = {
    "layers/simple_rnn/cell/vars": [WI.T, WH.T, B1],
    "layers/dense/vars": [WO[:, np.newaxis], BO],
}


def keras_file(path: Path, arrays: dict[str, list[Any]] = KERAS, dtype: str = "") -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for group, values in arrays.items():
            for i, array in enumerate(values):
                dataset = file.create_dataset(f"{group}/{i}", data=array)
                if dtype:
                    dataset.attrs["dtype"] = dtype
    return path


def keras_archive(path: Path, *layers: dict[str, Any]) -> Path:
    weights = keras_file(path.with_suffix(".weights.h5"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.write(weights, "model.weights.h5")
    return path


RNN = {"class_name": "SimpleRNN", "config": {"activation": "tanh", "go_backwards": False}}
DENSE = {"class_name": "Dense", "config": {"activation": "sigmoid"}}


class KerasModel:
    """What a model of Keras looks like, and computes in NumPy: all outputs, or the last alone."""

    def __init__(self, whole: bool = True, outputs: int = 1, scale: float = 1.0) -> None:
        self.whole, self.scale, self.count = whole, scale, outputs
        shape = (None, None, 1) if whole else (None, 1)
        self.outputs = [type("KerasTensor", (), {"shape": shape})()]
        self.layers = [
            self.layer(RNN, [WI.T, WH.T, B1]),
            self.layer({"class_name": "Dropout", "config": {"rate": 0.5}}, []),
            self.layer(DENSE, [WO[:, np.newaxis], BO]),
        ]

    @staticmethod
    def layer(configuration: dict[str, Any], weights: list[Any]) -> Any:
        methods = {
            "get_config": lambda self: configuration["config"],
            "get_weights": lambda self: weights,
        }
        return type(configuration["class_name"], (), methods)()

    def get_config(self) -> Any:
        raise AssertionError("what the layers are is asked of each")

    def predict_on_batch(self, X: Any) -> Any:
        h, outputs = np.zeros((len(X), H)), []
        for t in range(X.shape[1]):
            h = np.tanh(X[:, t] @ WI.T + h @ WH.T + B1)
            outputs.append(self.scale / (1 + np.exp(-(h @ WO + BO))))
        whole = np.repeat(np.stack(outputs, 1)[:, :, np.newaxis], self.count, axis=2)
        return whole if self.whole else whole[:, -1]


def test_torch() -> None:
    assert has_weights(interop.from_torch(torch_state()), B1 + B2)
    cell = {name.replace("_l0", ""): each for name, each in torch_state().items()}
    assert has_weights(interop.from_torch(cell), B1 + B2)
    none = torch_state(**{"rnn.bias_ih_l0": None, "rnn.bias_hh_l0": None})
    assert has_weights(interop.from_torch(none), 0 * B1)
    assert interop.from_torch(torch_state()).settings.activation == "tanh"
    assert interop.from_torch(torch_state(), activation="sigmoid").settings.activation == "sigmoid"


def test_arrays_of_other_libraries() -> None:
    rounded = (WH.view(np.uint32) >> 16 << 16).view(np.float32)  # to bfloat16
    halves = torch_state() | {"rnn.weight_hh_l0": HalfTensor(rounded)}
    assert np.array_equal(interop.from_torch(halves).parameters["hidden_weights"], rounded)
    params = flax_params()
    params["params"]["SimpleCell_0"]["h"]["kernel"] = Device(WH.T)
    assert has_weights(interop.from_flax(params))
    ml_dtypes = pytest.importorskip("ml_dtypes")
    params["params"]["SimpleCell_0"]["h"]["kernel"] = rounded.T.astype(ml_dtypes.bfloat16)
    assert np.array_equal(interop.from_flax(params).parameters["hidden_weights"], rounded)


def test_torch_in_safetensors(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    state = {name: each.numpy().copy() for name, each in torch_state().items()}
    numpy.save_file(state, tmp_path / "net.safetensors")
    assert has_weights(interop.from_torch(tmp_path / "net.safetensors"), B1 + B2)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"rnn.weight_ih_l1": WH}, "expected one layer, found rnn.weight_ih_l1"),
        ({"rnn.weight_ih_l0_reverse": WI}, "expected one direction"),
        ({"rnn.weight_hr_l0": WH}, "expected no projection"),
        ({"rnn.weight_ih_l0": draw(4 * H, N), "rnn.weight_hh_l0": draw(4 * H, H)}, "an LSTM"),
        ({"rnn.weight_ih_l0": draw(3 * H, N), "rnn.weight_hh_l0": draw(3 * H, H)}, "a GRU"),
        ({"out.weight": draw(2, H), "out.bias": draw(2)}, r"of shape \(2, 5\)"),
        ({"other.weight": draw(1, H)}, "expected one layer, found out.weight and other.weight"),
        ({"out.weight": draw(1, H + 1)}, r"expected output weights of shape \(5,\), found \(6,\)"),
        ({"out.bias": draw(2)}, "expected one output bias, found 2"),
        ({"out.weight": None}, "expected weight of an nn.Linear"),
        ({"rnn.weight_hh_l0": None}, "expected weight_hh of an nn.RNN"),
        ({"embedding": WI}, "expected an nn.RNN and an nn.Linear, found embedding"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_torch_refusals(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{sentence}.*: binadd takes one layer of tanh"):
        interop.from_torch(torch_state(**more))


@pytest.mark.parametrize("importer", [interop.from_torch, interop.from_keras, interop.from_flax])
def test_what_is_no_network(importer: Any) -> None:
    with pytest.raises(InvalidInputError, match="found int: binadd takes"):
        importer(3)


def test_keras(tmp_path: Path) -> None:
    assert has_weights(interop.from_keras(keras_file(tmp_path / "net.weights.h5")))
    wrapped = {
        "layers/rnn/cell/vars": KERAS["layers/simple_rnn/cell/vars"],
        "layers/time_distributed/layer/vars": KERAS["layers/dense/vars"],
    }
    assert has_weights(interop.from_keras(keras_file(tmp_path / "net.weights.h5", wrapped)))
    net = interop.from_keras(keras_archive(tmp_path / "net.keras", RNN, DENSE))
    assert has_weights(net) and net.settings.activation == "tanh"


def test_a_keras_cell_and_wrapped_layers(tmp_path: Path) -> None:
    cell = {"class_name": "RNN", "config": {"cell": RNN | {"class_name": "SimpleRNNCell"}}}
    wrapped = {"class_name": "TimeDistributed", "config": {"layer": DENSE}}
    linear = {"class_name": "Activation", "config": {"activation": {"config": "linear"}}}
    path = keras_archive(tmp_path / "net.keras", cell, wrapped, linear)
    net = interop.from_keras(path)
    assert has_weights(net) and net.settings.activation == "tanh"


@pytest.mark.parametrize("whole", [True, False])
def test_keras_models(whole: bool) -> None:
    net = interop.from_keras(KerasModel(whole))
    assert has_weights(net) and net.settings.activation == "tanh"
    with pytest.raises(DisagreementError, match="the model computes probabilities that differ"):
        interop.from_keras(KerasModel(whole, scale=0.99))
    assert has_weights(interop.from_keras(KerasModel(whole, scale=0.99), check=False))
    with pytest.raises(InvalidInputError, match=r"the model has outputs of shape \(64, 12, 2\)"):
        interop.from_keras(KerasModel(whole, outputs=2))


def test_bfloat16_in_hdf5(tmp_path: Path) -> None:
    halves = {
        group: [(array.view(np.uint32) >> 16).astype("<u2").view("V2") for array in arrays]
        for group, arrays in {
            group: [np.array(array, order="C") for array in arrays]
            for group, arrays in KERAS.items()
        }.items()
    }
    path = keras_file(tmp_path / "net.weights.h5", halves, dtype="bfloat16")
    weights = interop.from_keras(path).parameters["hidden_weights"]
    np.testing.assert_array_equal(weights, (WH.view(np.uint32) >> 16 << 16).view(np.float32))
    path = keras_file(tmp_path / "net.weights.h5", halves)  # nothing in it names their dtype
    with pytest.raises(InvalidTypeError, match=r"void \(V2\): bfloat16 numbers that lost their"):
        interop.from_keras(path)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ({"class_name": "SimpleRNN", "config": {"activation": "relu"}}, "found relu"),
        ({"class_name": "LSTM", "config": {}}, "found LSTM"),
        ({"class_name": "GRU", "config": {}}, "found GRU"),
        ({"class_name": "Bidirectional", "config": {}}, "found Bidirectional"),
        (
            {"class_name": "SimpleRNN", "config": RNN["config"] | {"go_backwards": True}},
            "in their",
        ),
        ({"class_name": "Dropout", "config": {}}, "found 0 and 1"),
        ({"class_name": "TimeDistributed", "config": {"layer": RNN}}, "found SimpleRNN"),
        ({"class_name": "Activation", "config": {"activation": "relu"}}, "at the end, found relu"),
        ({"class_name": "Dense", "config": {"activation": "relu"}}, "with sigmoid, found relu"),
    ],
    ids=str,
)
def test_keras_refusals(tmp_path: Path, layer: dict[str, Any], sentence: str) -> None:
    path = keras_archive(tmp_path / "net.keras", layer, DENSE)
    with pytest.raises(InvalidInputError, match=f"{sentence}.*: binadd takes one layer"):
        interop.from_keras(path)
    path = keras_archive(tmp_path / "net.keras", RNN, RNN, DENSE)
    with pytest.raises(InvalidInputError, match="found 2 and 1"):
        interop.from_keras(path)


@pytest.mark.parametrize("gates", [3, 4])
def test_keras_weights_of_gated_networks(tmp_path: Path, gates: int) -> None:
    arrays = KERAS | {"layers/simple_rnn/cell/vars": [draw(N, gates * H), draw(H, gates * H)]}
    with pytest.raises(InvalidInputError, match="expected a SimpleRNN, found a"):
        interop.from_keras(keras_file(tmp_path / "net.weights.h5", arrays))


CELL, HEAD = KERAS["layers/simple_rnn/cell/vars"], KERAS["layers/dense/vars"]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"layers/dense/vars": HEAD}, "found dense/vars"),
        ({"layers/simple_rnn/cell/vars": CELL}, "found simple_rnn/cell/vars"),
        (KERAS | {"layers/other/cell/vars": CELL}, "found .*other/cell/vars"),
        (KERAS | {"layers/both/forward_layer/cell/vars": CELL}, "found a Bidirectional layer"),
        (
            KERAS | {"layers/simple_rnn/cell/vars": CELL[:1]},
            "of a SimpleRNN and of a Dense",
        ),
        (KERAS | {"layers/dense/vars": [draw(H, 2), draw(2)]}, r"\(5, 1\), found \(5, 2\)"),
    ],
    ids=["no cell", "no head", "two cells", "two directions", "one array", "two outputs"],
)
def test_keras_weights_of_other_networks(
    tmp_path: Path, arrays: dict[str, list[Any]], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"{sentence}.*: binadd takes one layer"):
        interop.from_keras(keras_file(tmp_path / "net.weights.h5", arrays))


def test_keras_files_take_no_more_memory_than_they_declare(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    whole = keras_file(tmp_path / "net.weights.h5").read_bytes()

    def refused(change: Callable[[Any], object], match: str) -> None:
        path = tmp_path / "changed.weights.h5"
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(BinaddError, match=match):
            interop.from_keras(path)

    kernel = "layers/simple_rnn/cell/vars/0"

    def replaced(file: Any, *arguments: Any, **options: Any) -> None:
        del file[kernel]
        file.create_dataset(kernel, *arguments, **options)

    stored = "to hold numbers as they are, found them stored otherwise"
    refused(lambda f: replaced(f, (1 << 20, 1 << 20), "f8"), stored)  # 8 TiB that nobody wrote
    refused(lambda f: replaced(f, data=np.zeros((999, 999)), compression="gzip"), stored)
    refused(lambda f: replaced(f, data=["x"], dtype=h5py.string_dtype()), stored)
    refused(lambda f: replaced(f, (2, 3), "f8", external=[("other", 0, 48)]), stored)
    refused(
        lambda f: f["layers"].__setitem__("itself", f["layers"]), "found links, or many groups"
    )
    for link in (h5py.SoftLink("/layers"), h5py.ExternalLink("other.h5", "/")):
        refused(lambda f, link=link: f["layers"].__setitem__("link", link), "found links")
    os.truncate(keras_file(tmp_path / "large.weights.h5"), (64 << 20) + 1)
    with pytest.raises(ModelFileError, match="too large: expected a network in at most 64 MiB"):
        interop.from_keras(tmp_path / "large.weights.h5")
    with zipfile.ZipFile(tmp_path / "net.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes((64 << 20) + 1))
        archive.writestr("model.weights.h5", whole)
    with pytest.raises(ModelFileError, match="too large"):
        interop.from_keras(tmp_path / "net.keras")


@pytest.mark.parametrize("text", [b"[" * 100_000, b"\xff", b"[]", b'{"config": 1}'])
def test_damaged_keras_configurations(tmp_path: Path, text: bytes) -> None:
    weights = keras_file(tmp_path / "net.weights.h5").read_bytes()
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights)
    with pytest.raises(ModelFileError, match=r"is no \.keras or"):
        interop.from_keras(tmp_path / "net.keras")


def test_names_from_files_cannot_control_a_terminal(tmp_path: Path) -> None:
    layer = {"class_name": "\x1b[2J\u202e" + "x" * 10_000, "config": {}}
    with pytest.raises(InvalidInputError) as refusal:
        interop.from_keras(keras_archive(tmp_path / "net.keras", layer, DENSE))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(
    "importer", [interop.from_safetensors, interop.from_onnx, interop.from_keras]
)
def test_files_that_no_network_fills(tmp_path: Path, importer: Any) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", (64 << 20) + 1)
    with pytest.raises(ModelFileError, match="too large: expected a network in at most 64 MiB"):
        importer(tmp_path / "large")
    if os.path.exists("/dev/zero"):
        os.mkfifo(tmp_path / "pipe")
        for path in ("/dev/zero", tmp_path / "pipe"):
            with pytest.raises(ModelFileError, match="is not a file on a disk"):
                importer(path)


def test_files_that_are_not_keras(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "net.keras").write_bytes(b"no model")
    with pytest.raises(ModelFileError, match=r"is no \.keras or \.weights\.h5"):
        interop.from_keras(tmp_path / "net.keras")


def test_flax() -> None:
    assert has_weights(interop.from_flax(flax_params()))
    assert has_weights(interop.from_flax(flax_params()["params"]))
    cell = {"dense_i": {"kernel": WI.T, "bias": B1}, "dense_h": {"kernel": WH.T}}
    dense = {"kernel": WO[:, np.newaxis], "bias": BO}
    assert has_weights(interop.from_flax({"rnn": {"cell": cell}, "out": dense}))
    random = {"rngs": {"count": np.uint32(3), "key": np.zeros(2, np.uint32)}}
    assert has_weights(interop.from_flax(flax_params() | random))
    frozen = type("FrozenDict", (), {"unfreeze": lambda self: flax_params()})
    assert has_weights(interop.from_flax(frozen()))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"Dense_1": {"kernel": WH}}, "found params/Dense_1 and another"),
        ({"Dense_0": {"kernel": draw(H, 2)}}, r"found \(5, 2\)"),
        ({"SimpleCell_0": gates("ii", "if", "ig", "io", "hi", "hf", "hg", "ho")}, "an LSTM"),
        ({"SimpleCell_0": gates("ir", "iz", "in", "hr", "hz", "hn")}, "a GRU"),
        ({"SimpleCell_0": {}}, "expected a SimpleCell"),
        ({"LayerNorm_0": {"scale": draw(H), "bias": draw(H)}}, "found params/LayerNorm_0"),
    ],
    ids=["layers", "outputs", "LSTM", "GRU", "nothing", "norm"],
)
def test_flax_refusals(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{sentence}.*: binadd takes one layer"):
        interop.from_flax({"params": flax_params()["params"] | more})


def test_numpy() -> None:
    net = interop.from_numpy(WI.T, WO[:, np.newaxis], WH.T, hidden_bias=B1[None], output_bias=BO)
    assert has_weights(net) and net.settings.activation == "sigmoid"
    assert not interop.from_numpy(WI.T, WO, WH.T).settings.biases
    with pytest.raises(InvalidInputError, match=r"found \(5, 2\), \(5,\) and \(5, 5\)"):
        interop.from_numpy(WI, WO, WH)
    with pytest.raises(InvalidInputError, match="found relu"):
        interop.from_numpy(WI.T, WO, WH.T, activation="relu")
    with pytest.raises(InvalidTypeError, match=r"synapse_h is of the dtype void \(V2\)"):
        interop.from_numpy(WI.T, WO, np.zeros((H, H), "V2"))
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        interop.from_numpy(WI.T, WO, WH.T * np.nan)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_round_trips(tmp_path: Path, activation: str) -> None:
    net = BinaryAdderRNN(6, activation=activation, seed=4, dtype="float32", recipe="sgd")
    net.parameters["hidden_bias"] = np.full(6, B1[0])
    assert interop.from_flax(interop.flax_tree(net), activation=activation) == net
    recurrent, dense = interop.keras_weights(net)[:3], interop.keras_weights(net)[3:]
    arrays = {"layers/simple_rnn/cell/vars": recurrent, "layers/dense/vars": dense}
    path = keras_file(tmp_path / "net.weights.h5", arrays)
    assert interop.from_keras(path, activation=activation) == net
    for array in interop.keras_weights(net):
        assert array.flags.c_contiguous  # other programs store transposed views wrongly
