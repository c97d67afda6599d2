"""`run`: which implementations take part in what, and with which results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from binadd.benchmark import notebook, roofline
from binadd.benchmark import scaling as scaling_tables
from binadd.benchmark.hardware import describe
from binadd.benchmark.ours import AtLevel, Ours
from binadd.benchmark.peers import installed
from binadd.benchmark.proofs import proofs
from binadd.benchmark.summary import Report, Row, Section
from binadd.benchmark.timing import interleave
from binadd.benchmark.work import Entry, Parameters, Work, work
from binadd.checks import check_integer
from binadd.errors import DisagreementError
from binadd.kernels import load, native_or_none
from binadd.kernels.contract import NativeKernels
from binadd.model import BinaryAdderRNN
from binadd.progress import reporting

__all__ = ["run"]

REFERENCE = "NumPy reference"

TOLERANCES = {"float64": 1e-6, "float32": 0.02}
"""For peers: after a thousand updates, with other roundings and another exp."""
NOTEBOOK_TOLERANCE = 1e-9
PEER_OPTIMIZERS = ("sgd", "nesterov")
"""The optimizers of the notebook's code and the peers: with another, only binadd trains."""


def run(
    hidden_size: int = 16,
    bits: int = 8,
    dtype: str = "float64",
    *,
    recipe: str = "default",
    repeats: int = 9,
    peers: bool = False,
    scaling: bool = False,
    progress: Callable[[str], object] | bool | None = None,
) -> Report:
    """Time every implementation at every kind of work, and return a report.

    Parameters
    ----------
    hidden_size : int, default 16
    bits : int, default 8
        Steps of a sequence.
    dtype : {"float64", "float32"}
    recipe : str, default "default"
        Decides about loss, optimizer and biases: see `binadd.settings.RECIPES`.
    repeats : int, default 9
        Rounds in which all take turns; the times are those of the median round. As many networks
        are trained until they are proved, each with its own seed.
    peers : bool, default False
        Whether Numba, PyTorch, JAX and ONNX Runtime take part, those that are installed.
    scaling : bool, default False
        Whether native training is timed for other sizes, lengths, batches and threads, too.
    progress : callable or True, optional
        Called with the title of each section before it is timed; True shows it on stderr.

    Returns
    -------
    Report

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If an argument is of the wrong type or not allowed.
    DisagreementError
        If some result is not the NumPy reference's.

    Examples
    --------
    >>> report = run(hidden_size=2, bits=3, repeats=1)
    >>> report.sections[0].named("NumPy reference").agrees
    'is the definition'
    """
    net = BinaryAdderRNN(hidden_size, dtype=dtype, recipe=recipe)
    bits = check_integer("bits", bits, 1, 4096)
    repeats = check_integer("repeats", repeats, 1)
    machine = describe()  # before the benchmark itself makes it busy
    with reporting(progress) as report, _isa_restored():
        bench = _Bench(net, bits, repeats, peers, report or (lambda title: None))
        sections = list(bench.sections())
        native = native_or_none()
        return Report(
            machine,
            asdict(net.settings) | {"steps": bits},
            sections,
            bench.scaling() if scaling and native is not None else {},
            {} if native is None else {dtype: bench.roofline(native, sections)},
        )


@contextmanager
def _isa_restored() -> Iterator[None]:
    """Leave the kernels at the instruction set that they had."""
    native = native_or_none()
    if native is None:
        yield
        return
    before = native.isa()
    try:
        yield
    finally:
        native.use_isa(before)


class _Bench:
    """One benchmark: a network, and who takes part."""

    def __init__(
        self,
        net: BinaryAdderRNN,
        bits: int,
        repeats: int,
        peers: bool,
        say: Callable[[str], object],
    ) -> None:
        self._net = net
        self._bits = bits
        self._repeats = repeats
        self._say = say
        self._peers = list(installed()) if peers else []
        self._reference = Ours(load("python"))
        self._natives: dict[str, AtLevel] = {}
        native = native_or_none()
        if native is not None:
            supported = [isa for isa, here in native.isas().items() if here]
            self._natives = {f"native {isa}": AtLevel(native, isa) for isa in supported}

    # Sections --------------------------------------------------------------------------------

    def sections(self) -> Iterator[Section]:
        """Time one kind of work after the other."""
        online = self._work(1024)
        notebook_ = Entry("notebook's code", notebook.train, NOTEBOOK_TOLERANCE)
        takes_part = self._others_train() and self._net.settings.dtype == "float64"
        yield self._section(
            "Training, an update for each sequence",
            "train",
            online,
            [notebook_] if takes_part else [],
        )
        for size, count in ((64, 2048), (1024, 4096)):
            yield self._section(
                f"Training, an update for {size:,} sequences", "train", self._work(count, size)
            )
        yield self._section(
            "Training 64 networks at once",
            "train_population",
            self._work(64 * 64, networks=64),
            left_out=(REFERENCE,)
            if self._natives
            else (),  # which trains them one by one, as above
        )
        yield self._section("Answers, 8,192 sequences at once", "forward", self._work(8192))
        yield self._section("Answers, one sequence a call", "call", self._work(1), unit="call")
        yield self._stream()
        yield from self._proofs()

    def _proofs(self) -> Iterator[Section]:
        """Time networks from seed to proof; the NumPy reference would take minutes."""
        if self._natives:
            self._say("Proofs")
            self._natives[list(self._natives)[-1]].get_ready()
            section = proofs(self._repeats, backend="native", **self._parameters())
            if section is not None:
                yield section

    def _stream(self) -> Section:
        """One long sequence: nothing to do side by side."""
        long = work(1, 5000, **self._parameters())
        # A step at a time from Python would take PyTorch seconds.
        return self._section(
            "Answers, one sequence of 5,000 steps",
            "forward",
            long,
            unit="step",
            left_out=("PyTorch",),
        )

    def _parameters(self) -> dict[str, Any]:
        settings = self._net.settings
        return {
            "hidden_size": settings.hidden_size,
            "dtype": settings.dtype,
            "recipe": settings.recipe,
        }

    def _work(self, count: int, batch_size: int = 1, networks: int = 0) -> Work:
        return work(count, self._bits, batch_size, networks, **self._parameters())

    def _others_train(self) -> bool:
        return self._net.settings.optimizer in PEER_OPTIMIZERS

    def _entries(self, kind: str) -> Iterator[Entry]:
        """Yield all that can do this kind of work."""
        yield Entry(REFERENCE, getattr(self._reference, kind))
        for name, native in self._natives.items():
            yield Entry(name, getattr(native, kind))
        others = [] if kind.startswith("train") and not self._others_train() else self._peers
        for name, peer in others:
            if hasattr(peer, kind):
                tolerance = TOLERANCES[self._net.settings.dtype]
                yield Entry(name, getattr(peer, kind), tolerance)

    def _section(
        self,
        title: str,
        kind: str,
        work: Work,
        more: list[Entry] | None = None,
        unit: str = "sequence",
        left_out: tuple[str, ...] = (),
    ) -> Section:
        """Let all do the work, compare their results, and time them."""
        self._say(title)
        expected = work.read(getattr(self._reference, kind)(work)())
        functions, agrees = {}, {}
        for name, prepare, tolerance in [*(more or []), *self._entries(kind)]:
            function = None if name in left_out else prepare(work)
            if function is None:
                continue
            if name in self._natives:
                self._natives[name].get_ready()
            if name == REFERENCE:
                agrees[name] = "is the definition"
            else:
                agrees[name] = _compare(name, work.read(function()), expected, tolerance)
            functions[name] = function
        before = {name: native.get_ready for name, native in self._natives.items()}
        times = interleave(functions, self._repeats, before)
        base = times[list(self._natives)[-1] if self._natives else REFERENCE]
        scale = 1e6 / (work.symbols.size if unit == "step" else len(work.symbols))
        return Section(
            title,
            unit,
            [
                Row(name, t.median * scale, t.best * scale, t.ratio(base), agrees[name])
                for name, t in times.items()
            ],
        )

    # Scaling and roofline --------------------------------------------------------------------

    def scaling(self) -> dict[str, list[dict[str, Any]]]:
        """Time native training as the network, its sequences, batches or threads grow."""
        self._say("Scaling")
        return scaling_tables.scaling(self._bits, self._repeats, **self._parameters())

    def roofline(self, native: NativeKernels, sections: list[Section]) -> dict[str, Any]:
        """Return the machine's rates and how close native training comes to them."""
        self._say("The machine's roofline")
        settings = self._net.settings
        native.use_isa(None)
        found: dict[str, Any] = dict(roofline.measure(native, settings.dtype, self._repeats))
        found["floor"] = roofline.floor(settings.architecture, self._bits, found)
        name = list(self._natives)[-1]
        found["shares"] = {}
        if found["floor"] is not None:
            found["shares"] = {
                section.title.removeprefix("Training, "): found["floor"] / section.named(name).best
                for section in sections
                if section.title.startswith("Training")
            }
        return found


def _compare(name: str, found: Parameters, wanted: Parameters, tolerance: float) -> str:
    """Return how a result agrees with what is expected.

    Raises
    ------
    DisagreementError
        If it does not.
    """
    if found.keys() != wanted.keys():
        raise DisagreementError(f"{name} does not have the same weights: {', '.join(found)}")
    worst = 0.0
    for key, value in wanted.items():
        if tolerance == 0:
            if not np.array_equal(found[key], value):
                raise DisagreementError(f"{name} differs from the NumPy reference in {key}")
        else:
            worst = float(np.max([worst, np.abs(found[key] - value).max()]))  # NaN stays NaN
    if not worst <= tolerance:
        raise DisagreementError(f"{name} differs from the NumPy reference by {worst:.1e}")
    return "equal, bit for bit" if tolerance == 0 else f"within {worst:.0e}"
