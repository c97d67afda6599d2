"""The command line: what it prints where, and its exit status."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.shell_completion import ShellComplete

import binadd
from binadd import BinaryAdderRNN, interop, plots
from binadd.__main__ import main as started
from binadd.cli import _binadd, main
from binadd.cli.command import style
from binadd.cli.numbers import parse_integer, write_integer
from binadd.cli.progress import Reporter, StatusLine
from binadd.form import form_of
from binadd.kernels import load
from binadd.training.checkpoint import load_run, save_checkpoint
from binadd.training.schedule import check_goal

needs_processes = pytest.mark.skipif(
    sys.platform in ("emscripten", "wasi"), reason="there are no processes here"
)

COMMANDS = [
    *("add", "bench", "check", "export", "import", "info"),
    *("plot", "prove", "report", "sweep", "train"),
]

CONTROL = "\x1b]0;owned\x07\x1b[31m"


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit status, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return run


@pytest.fixture
def cli_json(cli: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, Any]]:
    """Run a command with --json: exit status, and the one object on stdout."""

    def run(*arguments: object) -> tuple[int, Any]:
        status, out, _ = cli(*arguments, "--json")
        assert out.count("\n") == 1
        data = json.loads(out)
        assert isinstance(data, dict)
        return status, data

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "adder.npz"
    net = BinaryAdderRNN(seed=0)
    assert binadd.train(net).status == "proved"
    net.save(path)
    return path


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("untrained") / "untrained.npz"
    BinaryAdderRNN(seed=0).save(path)
    return path


# Wrong use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fly"], "fly"),
        (["--fly"], "--fly"),
        (["train", "--hiden", "8"], "--hidden"),
        (["train", "--hidden", "0"], "--hidden must be at least 1, not 0"),
        (["train", "--hidden", "257"], "--hidden must be at most 256, not 257"),
        (["train", "--hidden", "x"], "--hidden"),
        (["train", "--bits", "0"], "--bits must be at least 1, not 0"),
        (["train", "--bits", "20", "--until", "exact"], "up to 12 bits, not 20"),
        (["train", "--until", "perfect"], "'perfect' is not proved, exact or a number"),
        (["train", "--until", "1,00"], "'1,00' is not proved, exact or a number"),
        (["train", "--until", "1e-4"], "'1e-4' is not proved, exact or a number"),
        (["train", "--until", "1.5"], "'1.5' is not proved, exact or a number"),
        (["train", "--until", "1e999999999"], "is not proved, exact or a number"),
        (["train", "--max-sequences", "many"], "'many' is not a whole number such as"),
        (["train", "--checkpoint-every", "9"], "--checkpoint-every needs --checkpoint FILE"),
        (["train", "--checkpoint-seconds", "9"], "--checkpoint-seconds needs --checkpoint"),
        (["train", "--from", "nothing.npz"], "nothing.npz"),
        (["help", "fly"], "there is no command 'fly'"),
        (["train", "--until", "-3"], "--until must be at least 0, not -3"),
        (["train", "--learning-rate", "nan"], "--learning-rate must be more than 0, not nan"),
        (["train", "--learning-rate", "-1"], "--learning-rate must be more than 0, not -1"),
        (["train", "--seed", "-1"], "--seed must be at least 0, not -1"),
        (["train", "--dtype", "float16"], "float16"),
        (["train", "--recipe", "cake"], "cake"),
        (["train", "-o", "no/such/folder/adder.npz"], "there is no folder"),
        (["train", "-o", ""], "the name is empty"),
        (["train", "-o", "a.npz", "--checkpoint", "./a.npz"], "must be different files"),
        (["train", "-o", "a.onnx"], "a.onnx must not end in .onnx: what is written is .npz"),
        (["train", "--checkpoint", "a.PT"], "a.PT must not end in .pt: what is written is .npz"),
        (["report", __file__, "-o", "a.pdf"], "must not end in .pdf: what is written is .html"),
        (["sweep", "--rows", "a.csv"], "a.csv must not end in .csv: what is written is .jsonl"),
        (["train", "--until", "100", "--max-sequences", "50"], "at least the goal's 100, not 50"),
        (["sweep", "--until", "100", "--max-sequences", "50"], "at least the goal's 100, not 50"),
        (["train", "--operands", "2", "--coefficients", "1,2,3"], "--operands must be 3, one for"),
        (["sweep", "--operands", "3,2", "--coefficients", "1,2,3"], "--operands must be 3, one"),
        (["sweep", "--operands", "2", "--coefficients", "1,2,3"], "--operands must be 3, one"),
        (["train", "--checkpoint", __file__], "--checkpoint must not replace another file: "),
        (["plot", "all", __file__, "-o", __file__], "test_cli.py is not one"),
        (["plot", "all", __file__, "-o", "a.png"], "into a folder, and a.png is not one"),
        (["sweep", "-o", "a", "--rows", "a"], "the rows and the table must be different files"),
        (["train", "--resume", "nothing.npz"], "nothing.npz"),
        (["train", "stray"], "stray"),
        (["add"], "MODEL"),
        (["add", "nothing.npz", "1", "2"], "nothing.npz"),
        (["add", __file__, "1", "2"], "it is not an npz file"),
        (["prove", __file__], "it is not an npz file"),
        (["check", __file__, __file__], "test_cli.py: this is not a certificate: it is not JSON"),
        (["info", __file__], "it is not an npz file"),
        (["prove"], "MODEL"),
        (["prove", __file__, "--step-error", "float16"], "'float16' is not float32, float64"),
        (["sweep", "--seeds", "many"], "'many' is not seeds"),
        (["sweep", "--seeds", "0-9999999"], "at most 1,000,000 seeds"),
        (["sweep", "--seeds", f"0-{10**20}"], "at most 1,000,000 seeds"),
        (["sweep", "--dtype", "float32,float16"], "float16"),
        (["sweep", "--hidden", "4,0"], "--hidden must be at least 1, not 0"),
        (["bench", "--bits", "0"], "--bits must be at least 1, not 0"),
        (["plot", "cake", __file__], "cake"),
        (["plot", "automaton", __file__, "-o", "a.gif"], "a.gif must end in .png, .svg or .pdf"),
        (["plot", "automaton", __file__, "-o", "a"], "a must end in .png, .svg or .pdf"),
        (["bench", "--plot", "a.gif"], "a.gif must end in .png, .svg or .pdf"),
        (["plot", "sum", __file__], "NUMBERS"),
        (["plot", "learning", __file__, "1"], "NUMBERS"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_sentence(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and err.startswith("binadd") and sentence in err
    status, data = cli_json(*arguments)
    assert status == 2 and data["status"] == "error" and sentence in data["error"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        (["1"], "adds 2 integers, not 1"),
        (["1", "2", "3"], "adds 2 integers, not 3"),
        (["-5", "3"], "0 or more"),
        (["1.5", "3"], "a whole number"),
        (["1e3", "3"], "a whole number"),
        (["0b12", "3"], "a whole number"),
        (["0x", "3"], "a whole number"),
        (["", "3"], "a whole number"),
        (["_", "3"], "a whole number"),
        (["٣", "3"], "a whole number"),
        (["--chek", "3"], "--chek"),
        (["-", "-"], "only once"),
    ],
    ids=repr,
)
def test_wrong_numbers(
    cli: Callable[..., tuple[int, str, str]], trained: Path, numbers: list[str], sentence: str
) -> None:
    status, out, err = cli("add", trained, *numbers)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and sentence in err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(cli: Callable[..., tuple[int, str, str]], command: str) -> None:
    status, out, err = cli(command, "--help")
    assert (status, err) == (0, "")
    assert "Examples:" in out and max(map(len, out.splitlines())) <= 80


def test_without_arguments_it_shows_its_help(cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = cli()
    assert (status, err) == (0, "")
    assert all(f"\n  {command} " in out for command in COMMANDS)


def test_version(cli: Callable[..., tuple[int, str, str]]) -> None:
    for option in ("-V", "--version"):
        assert cli(option) == (0, f"binadd {binadd.__version__}\n", "")


@pytest.mark.parametrize("command", [*COMMANDS, "help"])
def test_help_is_a_command_too(cli: Callable[..., tuple[int, str, str]], command: str) -> None:
    assert cli("help", command) == cli(command, "--help")
    assert cli("help") == cli("--help") == cli()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_consists_of_sentences(command: str) -> None:
    for parameter in _binadd.commands[command].params:
        if isinstance(parameter, click.Option):
            text = str(parameter.help)
            assert text.endswith(".") and not text.startswith("Of "), text


@pytest.mark.parametrize(
    ("words", "incomplete", "wanted"),
    [
        (["train", "--until"], "", ["proved", "exact"]),
        (["sweep", "--until"], "e", ["exact"]),
        (["sweep", "--recipe"], "default,s", ["default,sgd"]),
        (["sweep", "--optimizer"], "sgd,", ["sgd,momentum", "sgd,nesterov", "sgd,adam"]),
        (["sweep", "--hidden"], "8,", []),
        (["prove", "--effort"], "m", ["medium"]),
    ],
)
def test_completion_knows_values(words: list[str], incomplete: str, wanted: list[str]) -> None:
    completion = ShellComplete(_binadd, {}, "binadd", "_BINADD_COMPLETE")
    found = [item.value for item in completion.get_completions(words, incomplete)]
    assert found == wanted


def test_counts_as_people_write_them(cli_json: Callable[..., tuple[int, Any]]) -> None:
    for count in ("1000", "1,000", "1e3", "1.0e3", "1_000"):
        status, data = cli_json("train", "-q", "--until", count, "--max-sequences", "1e6")
        assert (status, data["status"], data["sequences"]) == (0, "finished", 1000)
    grid = ["--hidden", "1e1,0.2e1", "--coefficients", "1e0,-1", "--seeds", "0", "--until", "1"]
    rows = cli_json("sweep", *grid, "--workers", 1)[1]["rows"]
    assert [row["hidden_size"] for row in rows] == [10, 2]


# Adding ------------------------------------------------------------------------------------------


def test_add(cli: Callable[..., tuple[int, str, str]], trained: Path) -> None:
    assert cli("add", trained, 23, 42) == (0, "65\n", "")
    assert cli("add", trained, "0b101", "0X1f", "--check") == (0, "36\n", "")
    assert cli("add", trained, "255", "1", "--base", "16") == (0, "0x100\n", "")
    assert cli("add", trained, 0, 0) == (0, "0\n", "")


def test_every_line_is_a_sum(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    trained: Path,
    untrained: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def given(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    given("\ufeff23 42\n\n \n0xff\t1 \n\n")
    assert cli("add", trained, "-", "--check") == (0, "65\n256\n", "")
    given("1\n2")
    assert cli("add", trained, 40, "-") == (0, "41\n42\n", "")
    given("1 2\n3 4\n")
    status, data = cli_json("add", trained, "-")
    wanted = [{"operands": [1, 2], "sum": 3}, {"operands": [3, 4], "sum": 7}]
    assert (status, data) == (0, {"sums": wanted})
    given("\n1 x\n")
    assert "line 2 of standard input" in cli_json("add", trained, "-")[1]["error"]
    given("0 0\n100 27\n")
    status, out, err = cli("add", untrained, "-", "--check")
    assert status == 1 and len(out.split()) == 2 and "line 2: wrong in bit" in err
    monkeypatch.setattr(import_module("binadd.cli.add"), "_LONGEST", 8)
    for text, right, sentence in (
        ("1 2\n3\n", "3\n", "line 2 of standard input: this network adds 2 integers, not 1"),
        ("1 x\n", "", "line 1 of standard input: an operand must be"),
        ("1 2345\n1 234567\n", "2346\n", "line 2 of standard input is longer than 8 characters"),
        ("", "", "standard input is empty: each of its lines should hold numbers"),
        (" \n\n", "", "standard input is empty"),
    ):
        given(text)
        status, out, err = cli("add", trained, "-")
        assert (status, out) == (2, right) and sentence in err and err.count("\n") == 1


def test_add_as_json(cli_json: Callable[..., tuple[int, Any]], trained: Path) -> None:
    assert cli_json("add", trained, 23, 42) == (0, {"operands": [23, 42], "sum": 65})
    status, data = cli_json("add", trained, 1 << 60, 1, "--check")
    assert status == 0 and data["right"] and data["wrong_bit"] is None
    assert data["sum"] == str((1 << 60) + 1)  # no double holds it


def test_a_wrong_sum_is_a_no(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    untrained: Path,
) -> None:
    answer = binadd.load(untrained).add(100, 27)
    assert answer != 127
    assert cli("add", untrained, 100, 27) == (0, f"{answer}\n", "")
    status, out, err = cli("add", untrained, 100, 27, "--check")
    assert (status, out) == (1, f"{answer}\n")
    assert err.count("\n") == 1 and "the sum is 127" in err
    status, data = cli_json("add", untrained, 100, 27, "--check")
    assert status == 1 and not data["right"] and data["expected"] == 127
    assert (answer ^ 127) >> data["wrong_bit"] & 1


@needs_processes
def test_lines_are_answered_as_they_come(trained: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "binadd", "add", str(trained), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for line, answer in ((b"1 2\n", b"3\n"), (b"3 4\n", b"7\n")):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().splitlines() == answer.splitlines()
    assert process.returncode == 0


@needs_processes
def test_long_numbers_from_stdin(trained: Path) -> None:
    count = 100_000 if load().NAME == "native" else 10_000
    digits = "9" * count
    result = subprocess.run(
        [sys.executable, "-m", "binadd", "add", str(trained), "-", "--check"],
        input=f"{digits} 1\n",
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"1{'0' * count}\n"


@pytest.mark.parametrize("bits", [0, 1, 63, 4096, 4097, 8192, 12_289, 100_000])
def test_numbers_come_back(bits: int) -> None:
    for integer in ((1 << bits) - 1, 1 << bits, (1 << bits) // 3):
        for base in ("2", "10", "16"):
            assert parse_integer(write_integer(integer, base)) == integer
        if bits <= 12_289:
            assert write_integer(integer) == str(integer)


# Training ----------------------------------------------------------------------------------------


def test_train_saves_what_it_says(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "adder.npz"
    status, out, err = cli("train", "--seed", 1, "-o", path)
    assert status == 0
    assert out.startswith("proved: it adds every pair of numbers of every length\n")
    assert str(path) in out
    assert "sequences  loss/bit  right bits" in err
    net = BinaryAdderRNN(seed=1)
    binadd.train(net)
    assert binadd.load(path) == net


@pytest.mark.parametrize(
    ("columns", "slice_seconds"), [(50, 0.1), (80, 1e-5), (120, 1e5), (None, 1e-5), (None, 1e5)]
)
def test_lines_of_training_fit(
    cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    columns: int | None,
    slice_seconds: float,
) -> None:
    monkeypatch.setattr("binadd.cli.progress.terminal_width", lambda: columns)
    monkeypatch.setattr("binadd.training.trainer.SLICE_SECONDS", slice_seconds)
    status, out, err = cli("train", "--seed", 1)
    lines = err.splitlines()
    assert status == 0 and "1 failed proof" in out
    assert max(map(len, lines)) < (columns or 200)
    assert lines[0].split()[:4] == ["sequences", "loss/bit", "right", "bits"]
    assert ("should be" in err and err.endswith("right\n")) == (columns != 50)
    assert lines[-1].startswith("      1,088  ")
    assert "weight noise: short sums are right" in err
    first = re.match(r" +64 +(0\.[0-9]{3}) +([0-9.]+)%", lines[1])
    assert first is not None and 0.3 < float(first[1]) < 2 and 30 < float(first[2]) < 80


@pytest.mark.parametrize("until", ["64", "exact"])
def test_a_run_of_any_length_clears_its_status_line(
    until: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text after it begins at the start of an empty line."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["train", "--until", until]) == 0
    *_, status, blanks, after = terminal.getvalue().split("\r")
    assert "64 sequences" in terminal.getvalue() and len(status.rstrip()) <= len(blanks)
    assert blanks.strip() == after == ""


def test_a_restart_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    net = BinaryAdderRNN()
    reporter = Reporter(net, check_goal(form_of((1, 1)), 8, "proved", 100), quiet=False)
    for restarts in (0, 1, 1):
        reporter(binadd.Progress(64, 64, 0.1, 8, 5.5, 0.5, 0.1, restarts, 0, False))
    assert capfd.readouterr().err.count("restart 1: training begins again") == 1


def test_a_huge_loss_has_a_short_line(capfd: pytest.CaptureFixture[str]) -> None:
    net = BinaryAdderRNN()
    reporter = Reporter(net, check_goal(form_of((1, 1)), 8, "proved", 100), quiet=False)
    for sequences, loss in ((64, 8e299), (128, 8 * 9999.0)):
        reporter(binadd.Progress(sequences, 64, 0.1, 8, loss, 0.5, 0.1, 0, 0, False))
    rows = [line.split() for line in capfd.readouterr().err.splitlines()[1:]]
    assert [row[1] for row in rows] == ["1.0e+299", "9999.000"]


def test_train_as_json(cli_json: Callable[..., tuple[int, Any]]) -> None:
    status, data = cli_json("train", "--until", "exact", "--hidden", 8, "--clip-norm", 1)
    assert status == 0
    assert data["status"] == "exact" and data["reached"] and data["wrong"] is None
    assert data["settings"]["hidden_size"] == 8 and data["output"] is None
    status, data = cli_json("train", "--until", 100, "--recipe", "notebook")
    assert status == 0 and (data["status"], data["sequences"]) == ("finished", 100)
    assert data["settings"]["loss"] == "squared_error" and data["settings"]["clip_norm"] == "inf"


def test_a_goal_not_reached_is_a_no(
    cli: Callable[..., tuple[int, str, str]], cli_json: Callable[..., tuple[int, Any]]
) -> None:
    status, out, _ = cli("train", "--max-sequences", 10)
    assert status == 1 and out.startswith("not reached: ") and "is still wrong" in out
    status, data = cli_json("train", "--max-sequences", 10)
    assert status == 1 and data["status"] == "limit" and len(data["wrong"]) == 2


def test_divergence_is_a_no(cli: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    path = tmp_path / "adder.npz"
    status, out, err = cli(
        "train", "--dtype", "float32", "--learning-rate", "1e38", "--clip-norm", "inf", "-q",
        "-o", path,
    )  # fmt: skip
    assert (status, out) == (1, "") and "diverged" in err and err.count("\n") == 1
    assert not path.exists()


def test_train_on_from_a_model(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, trained: Path
) -> None:
    path = tmp_path / "hasty.npz"
    arguments = ["--recipe", "notebook", "--hidden", 12, "--bits", 6]
    assert cli("train", *arguments, "--until", 300, "-o", path)[0] == 0
    before = binadd.load(path)
    assert cli("prove", path)[1].endswith(f"binadd train --from {path} -o {path}\n")
    status, out, _ = cli("train", "--from", path, "--until", 400, "--recipe", "sgd", "-o", path)
    assert status == 0 and "400 sequences (300 of them before)" in out
    net, expected = binadd.load(path), before
    expected.set_params(recipe="sgd", biases=False)
    binadd.train(expected, 6, until=400)
    assert net == expected and net.settings == expected.settings and net.state.bits == 6
    assert cli("train", "--from", trained, "-q")[1].startswith("proved: ")
    for option in ("--hidden", "--seed"):
        status, _, err = cli("train", "--from", path, option, 8)
        assert status == 2 and f"{option} cannot be combined with --from: the model has it" in err
    status, _, err = cli("train", "--from", path, "--checkpoint", path)
    assert status == 2 and "the model and the checkpoint must be different files" in err


def test_where_nothing_can_be_written(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("train", "-o", tmp_path)[2].endswith(f"{tmp_path} is a folder\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    path = tmp_path / "net.npz"
    status, out, err = cli("train", "-o", path)
    assert (status, out) == (2, "") and err.endswith(f"{path} cannot be written to\n")


def test_names_of_checkpoints_are_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unused = import_module("binadd.cli.train")._unused_name
    monkeypatch.chdir(tmp_path)
    for name in ("binadd.checkpoint.npz", "binadd.checkpoint-2.npz", "binadd.checkpoint-3.npz"):
        assert unused(None) == name
        Path(name).touch()
    assert unused("adder.npz") == "adder.checkpoint.npz"


def test_what_a_run_came_to_in_words() -> None:
    train = import_module("binadd.cli.train")
    run = binadd.train(BinaryAdderRNN(seed=1), until=64)
    short = dataclasses.replace(run, status="limit", wrong=None)
    assert train._headline(short).endswith(": a higher --max-sequences may bring it")
    for restarts, words in ((1, "1 restart,"), (2, "2 restarts,")):
        text = train._account(dataclasses.replace(run, restarts=restarts), None, 0, None)
        assert text.startswith(f"64 sequences, {words}") and text.endswith("(-o FILE does)")


def test_ctrl_c_is_held_back_in_the_main_thread_only() -> None:
    before = signal.getsignal(signal.SIGINT)
    command = import_module("binadd.cli.command")

    def look() -> Any:
        with command.shielded():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look).result() == before
    assert look() == signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) == before


def test_numbers_of_numpy_become_json() -> None:
    command = import_module("binadd.cli.command")
    data = {"array": np.arange(3), "number": np.float32(0.5), "large": [np.uint64(2**64 - 1)]}
    assert json.loads(command.as_json(data)) == {
        "array": [0, 1, 2],
        "number": 0.5,
        "large": ["18446744073709551615"],
    }


def test_a_status_line_leaves_out_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binadd.cli.progress.terminal_width", lambda: 30)
    shown: list[str] = []
    with StatusLine(0) as line:
        monkeypatch.setattr(line._line, "disable", False)
        monkeypatch.setattr(
            line._line, "set_description_str", lambda text, refresh: shown.append(text)
        )
        monkeypatch.setattr(line._line, "update", lambda n: None)
        line.show(["64 sequences", "loss 0.6", "52% right bits"])
        line.show(["x" * 40])
        monkeypatch.setattr(line._line, "disable", True)
    assert shown == ["64 sequences, loss 0.6", "x" * 29]


def test_quiet(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("train", "-q", "--until", 200)[2] == ""


def test_resume_goes_on_to_the_same_bits(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    checkpoint, whole, parts = (tmp_path / name for name in ("run.npz", "whole.npz", "parts.npz"))
    cli("train", "--until", 1000, "-o", whole)
    cli("train", "--until", 300, "--checkpoint", checkpoint)
    assert cli("train", "--resume", checkpoint, "--until", 1000, "-o", parts)[0] == 0
    assert binadd.load(whole) == binadd.load(parts)
    status, _, err = cli("train", "--resume", checkpoint, "--hidden", 8)
    assert status == 2 and "--hidden cannot be combined with --resume" in err
    status, _, err = cli("train", "--resume", checkpoint, "--max-sequences", 50)
    assert status == 2 and "--max-sequences must be at least the goal's 1,000, not 50" in err


def test_a_checkpoint_replaces_only_a_run_that_reached_its_goal(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, trained: Path
) -> None:
    path = tmp_path / "my run.npz"
    path.touch()  # as mktemp leaves it
    for _ in range(2):
        assert cli("train", "--until", 100, "--checkpoint", path)[0] == 0
    assert cli("train", "--max-sequences", 64, "--checkpoint", path)[0] == 1
    before = path.read_bytes()
    status, out, err = cli("train", "--until", 100, "--checkpoint", path)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert f"--checkpoint must not replace {path}, whose run did not reach its goal" in err
    assert f"binadd train --resume '{path}'" in err and path.read_bytes() == before
    model = trained.read_bytes()
    status, _, err = cli("train", "--until", 100, "--checkpoint", trained)
    assert status == 2 and "must not replace another file" in err and trained.read_bytes() == model


def test_models_and_checkpoints_are_told_apart(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, trained: Path
) -> None:
    path = tmp_path / "my run.npz"
    cli("train", "--until", 100, "--checkpoint", path)
    for arguments in (["add", path, 1, 2], ["prove", path], ["train", "--from", path]):
        status, out, err = cli(*arguments)
        assert (status, out) == (2, "") and err.count("\n") == 1
        assert err.endswith(f": binadd train --resume '{path}' -o FILE makes a model of it\n")
    status, _, err = cli("train", "--resume", trained)
    assert status == 2 and err.endswith(f": binadd train --from {trained} trains it on\n")


@needs_processes
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
@pytest.mark.parametrize("given", [True, False])
def test_ctrl_c_leaves_a_checkpoint(given: bool, tmp_path: Path) -> None:
    arguments = ["--until", "1000000000", "-o", "adder.npz"]
    if given:
        arguments += ["--checkpoint", "run.npz"]
    process = subprocess.Popen(
        [sys.executable, "-m", "binadd", "train", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "sequences" in process.stderr.readline()  # it trains
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out) == (130, "")
    name = "run.npz" if given else "adder.checkpoint.npz"
    assert err.endswith(f"To continue: binadd train --resume {name} -o adder.npz\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    run = binadd.resume(tmp_path / name, until=1)
    assert run.sequences >= 64


@pytest.mark.skipif(sys.platform in ("emscripten", "wasi"), reason="there are no signals here")
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("saved", range(4), ids=lambda saved: f"{saved} files whole")
def test_ctrl_c_at_every_save_leaves_a_checkpoint(
    cli: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: bool,
    saved: int,
) -> None:
    """Ctrl-C during one save and at all that follow."""
    sync, left = os.fsync, [None] * saved

    def interrupted(descriptor: int) -> None:
        if left:
            left.pop()
        else:
            signal.raise_signal(signal.SIGINT)
        sync(descriptor)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", interrupted)
    arguments = ["--until", 10, "-o", "adder.npz", *(["--checkpoint", "run.npz"] * given)]
    status, out, err = cli("train", *arguments)
    if saved > 2 * given:  # the network itself is saved
        assert status == 0 and binadd.load("adder.npz")
        return
    name = "run.npz" if given else "adder.checkpoint.npz"
    assert (status, out, os.listdir()) == (130, "", [name])
    assert err.endswith(f"To continue: binadd train --resume {name} -o adder.npz\n")
    monkeypatch.undo()
    assert cli("train", "--resume", tmp_path / name, "-o", tmp_path / "adder.npz")[0] == 0


@needs_processes
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
@pytest.mark.parametrize(
    "start", [["-m", "binadd"], ["-c", "import sys, binadd.__main__ as b; sys.exit(b.main())"]]
)
def test_ctrl_c_while_numpy_is_imported(tmp_path: Path, start: list[str]) -> None:
    (tmp_path / "numpy.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, *start],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=600) == ("", "binadd: interrupted\n")
    assert process.returncode == 130


# Proofs ------------------------------------------------------------------------------------------


def test_prove_and_check(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    trained: Path,
    untrained: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "certificate.json"
    status, out, err = cli("prove", trained, "-o", path)
    assert (status, err) == (0, "") and out.startswith("proved: ") and str(path) in out
    status, data = cli_json("prove", trained)
    assert status == 0 and data["status"] == "proved" and data["margin"] > 0
    status, out, err = cli("check", path, trained)
    assert (status, err) == (0, "") and out.startswith("holds: ")
    assert cli_json("check", path, trained)[1]["status"] == "holds"

    assert "So does every program" not in out

    status, out, err = cli("prove", trained, "-o", path, "--step-error", "float32")
    assert (status, err) == (0, "") and "\nSo does every program whose states are off by at" in out
    status, out, err = cli("check", path, trained)
    assert (status, err) == (0, "") and "\nSo does every program that computes in float32" in out
    status, data = cli_json("prove", trained, "--step-error", "1e-6", "--logit-error", "1e-5")
    assert (status, data["step_error"], data["logit_error"]) == (0, 1e-6, 1e-5)
    assert "tolerance" not in data
    status, data = cli_json("prove", trained, "--tolerance", "-o", path)
    assert status == 0 and data["tolerance"] == data["step_error"] > 1e-4
    checked = cli_json("check", path, trained)[1]
    assert checked["step_error"] == data["tolerance"]
    assert checked["runtimes"] == ["float32", "float64"]
    status, out, err = cli("prove", trained, "--step-error", "0.9", "--effort", "quick")
    assert status == 3 and out.startswith("undecided: ") and "To train it on" not in out
    status, out, err = cli("prove", trained, "--logit-error", "0.01")
    assert status == 0 and out.endswith("after a step and logits by 0.01.\n")

    status, out, err = cli("check", path, untrained)
    assert (status, err) == (1, "") and out.startswith("does not hold: ")
    status, data = cli_json("check", path, untrained)
    assert status == 1 and data["status"] == "refused" and data["reason"]

    path.write_text(path.read_text()[:-10])
    status, out, err = cli("check", path, trained)
    assert (status, out) == (2, "") and err.count("\n") == 1


def test_what_is_read_is_not_written_over(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path
) -> None:
    model = tmp_path / "adder"
    model.write_bytes(trained.read_bytes())
    link, picture = tmp_path / "link.json", tmp_path / "link.png"
    os.link(model, link)
    os.link(model, picture)
    for arguments, other in (
        (["prove", model, "-o", model], "certificate"),
        (["prove", model, "-o", link], "certificate"),
        (["plot", "automaton", model, "-o", picture], "picture"),
    ):
        status, out, err = cli(*arguments)
        assert (status, out) == (2, "") and err.count("\n") == 1
        assert f"the model and the {other} must be different files" in err
    assert model.read_bytes() == trained.read_bytes()


def test_refuted_is_a_no(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    untrained: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "certificate.json"
    status, out, err = cli("prove", untrained, "-o", path)
    assert status == 1 and out.startswith("refuted: it outputs ") and "not written" in err
    assert not path.exists()
    status, data = cli_json("prove", untrained)
    assert status == 1 and data["status"] == "refuted"
    a, b = map(int, data["operands"])
    assert binadd.load(untrained).add(a, b) == int(data["got"]) != a + b == int(data["expected"])


# What files hold ---------------------------------------------------------------------------------

NESTED = "[" * 100_000 + "]" * 100_000


def header_file(path: Path, text: str) -> Path:
    np.savez(path, header=np.array(text))
    return path


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        '{"format": ' * 900 + "1" + "}" * 900,
        json.dumps({"format": CONTROL}),
        '{"format": "\\ud800"}',
        '{"format": "%s"}' % ("a" * 100_000),
        '{"format": "binadd model", "format_version": 1%s}' % ("0" * 400),
        '{"format": "binadd model", "format_version": NaN}',
        '{"format": "binadd model", "format_version": 1, "configuration": NaN}',
        '{"format": "binadd model", "format_version": 1, "x": ' + "[" * 970 + "]" * 970 + "}",
    ],
    ids=range(9),
)
@pytest.mark.parametrize("command", ["info", "prove", "train --resume", "train --from"])
def test_a_file_can_say_anything(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, text: str, command: str
) -> None:
    path = header_file(tmp_path / "model.npz", text)
    status, out, err = cli(*command.split(), path)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "\x1b" not in err and "\x07" not in err and len(err) < 1000


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        '{"format": "binadd-certificate", "version": 1%s}' % ("0" * 400),
        '{"format": "binadd-certificate", "version": NaN}',
        '{"format": "binadd-certificate", "version": 2, "\\u001b[31m": 1, "\\ud800": 2}',
        '{"format": "binadd-certificate", "version": 2, "%s": 1}' % ("a" * 100_000),
    ],
    ids=range(5),
)
def test_a_certificate_can_say_anything(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "certificate.json"
    path.write_text(text)
    status, out, err = cli("check", path, trained)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "\x1b" not in err and len(err) < 1000


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sequences", "1e400"),
        ("sequences", "1" + "0" * 400),
        ("sequences", "NaN"),
        ("sequences", '"many"'),
        ("sequences", "[1]"),
        ("sequences", "-1"),
        ("restarts", "true"),
        ("margin", "Infinity"),
        ("status", '"\\u001b[31m"'),
        ("status", "null"),
        ("verdict", '"\\ud800"'),
        ("weights", '"\\u001b[31m"'),
        ("weights", NESTED),
        ("hidden_size", NESTED[99_500:100_500]),
        ("hidden_size", "1" + "0" * 400),
        ("\\u001b[31m", "1"),
        ("a" * 100_000, "1"),
    ],
    ids=range(17),
)
def test_rows_can_say_anything(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, column: str, value: str
) -> None:
    rows = tmp_path / "rows.jsonl"
    sweep = ["sweep", "--seeds", 0, "--hidden", 4, "--until", 10, "--workers", 1, "--rows", rows]
    assert cli(*sweep)[0] == 0
    header, row = rows.read_text().splitlines()
    rest = json.dumps({k: v for k, v in json.loads(row).items() if k != column})
    rows.write_text(f'{header}\n{{"{column}": {value}, {rest[1:]}\n')
    content = rows.read_bytes()
    status, out, err = cli(*sweep)
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "\x1b" not in err and len(err) < 1000
    assert rows.read_bytes() == content


def test_a_file_may_be_named_anything(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    status, out, err = cli("prove", tmp_path / CONTROL)
    assert (status, out) == (2, "") and "\x1b" not in err and "\\x1b]0;owned\\x07" in err


# The rest ----------------------------------------------------------------------------------------


def test_info(cli: Callable[..., tuple[int, str, str]], trained: Path) -> None:
    status, out, err = cli("info")
    assert (status, err) == (0, "") and binadd.__version__ in out and "backend" in out
    status, out, err = cli("info", trained)
    assert (status, err) == (0, "") and "16 sigmoid units" in out and "proved" in out


def test_info_of_a_checkpoint(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.npz"
    cli("train", "--hidden", 4, "--until", 200, "--checkpoint", path)
    status, out, err = cli("info", path)
    assert (status, err) == (0, "") and "4 sigmoid units" in out and "200 sequences" in out
    further = f"binadd train --resume {path} --until N continues beyond it"
    assert out.endswith(f"goal      200 sequences; it is reached, and {further}\n")
    assert cli_json("info", path)[1]["goal"]["until"] == 200
    spaced = path.with_name("my run.npz")
    run = load_run(path, "auto", 300, None, None)
    save_checkpoint(run, spaced)
    assert f"binadd train --resume '{spaced}' continues it" in cli("info", spaced)[1]
    path.write_bytes(path.read_bytes()[:-30])
    status, out, err = cli("info", path)
    assert (status, out) == (2, "") and "truncated" in err and err.count("\n") == 1


def test_info_as_json(
    cli_json: Callable[..., tuple[int, Any]], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINADD_BACKEND", "python")
    status, data = cli_json("info")
    assert status == 0
    assert (data["backend"], data["reason"]) == ("python", "BINADD_BACKEND=python")
    monkeypatch.setenv("BINADD_BACKEND", "fortran")
    status, data = cli_json("info")
    assert status == 1 and data["backend"] is None and "fortran" in data["reason"]
    monkeypatch.delenv("BINADD_BACKEND")
    status, data = cli_json("info", trained)
    assert data["training"]["status"] == "proved" and data["weights"] == 321


def test_info_of_what_is_not_trained(
    cli: Callable[..., tuple[int, str, str]], untrained: Path, tmp_path: Path
) -> None:
    status, out, _ = cli("info", untrained)
    assert status == 0 and "training  none\n" in out
    path = tmp_path / "run.npz"
    assert cli("train", "--max-sequences", 64, "--checkpoint", path)[0] == 1
    out = cli("info", path)[1]
    assert "goal      until proved, at most 64 sequences; its limit is reached, and " in out
    assert out.endswith(f"binadd train --resume {path} --max-sequences N raises it\n")


def test_bench_says_what_differs(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def differ(*_: Any, **__: Any) -> None:
        raise binadd.DisagreementError("JAX differs from the NumPy reference by 0.1")

    monkeypatch.setattr("binadd.benchmark.run", differ)
    assert cli("bench", "--quiet")[:2] == (1, "JAX differs from the NumPy reference by 0.1\n")
    assert cli_json("bench", "--quiet")[1]["status"] == "differs"


def test_bench_draws_its_report(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    from binadd.benchmark.hardware import describe
    from binadd.benchmark.summary import Report, Row, Section

    settings = asdict(BinaryAdderRNN(3).settings) | {"steps": 4}
    section = Section("Answers", "call", [Row("NumPy reference", 1234.5, 0.0002, 1.0, "is it")])
    report = Report(describe(), settings, [section])
    monkeypatch.setattr("binadd.benchmark.run", lambda *_, **__: report)
    picture = tmp_path / "bench.png"
    status, out, err = cli("bench", "--quiet", "--plot", picture)
    assert (status, err) == (0, f"the picture is in {picture}\n")
    assert out == report.table() + "\n" and "1,234" in out.replace("1,235", "1,234")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_bench(
    cli: Callable[..., tuple[int, str, str]], cli_json: Callable[..., tuple[int, Any]]
) -> None:
    status, out, err = cli("bench", "--hidden", 4, "--repeats", 1)
    assert status == 0 and "NumPy reference" in out and "timing: " in err
    status, data = cli_json("bench", "--hidden", 4, "--repeats", 1, "--quiet")
    assert status == 0 and data["settings"]["hidden_size"] == 4 and data["sections"]


@pytest.mark.thorough(one_in=3)
@pytest.mark.parametrize(
    "arguments",
    [
        ["sum", "MODEL", "23", "42"],
        *([kind, "MODEL"] for kind in ("automaton", "learning", "states")),
    ],
)
def test_plot(
    cli: Callable[..., tuple[int, str, str]],
    trained: Path,
    untrained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    kind = arguments[0]
    arguments = [str(trained) if word == "MODEL" else word for word in arguments]
    with monkeypatch.context() as without:
        without.setattr("binadd.cli.command.find_spec", lambda name: None)
        status, out, err = cli("plot", *arguments)
        assert (status, out) == (2, "")
        assert err == "binadd plot: this needs matplotlib: pip install 'binadd[plot]'\n"
    pytest.importorskip("matplotlib")
    assert cli("plot", *arguments) == (0, f"the picture is in {kind}.png\n", "")
    assert Path(f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    status, _, err = cli("plot", *arguments, "-o", "picture.docx")
    assert status == 2 and "docx" in err
    if kind == "learning":
        status, _, err = cli("plot", kind, untrained)
        assert status == 2 and "this network has not been trained by binadd.train" in err
    if kind == "automaton":
        status, out, _ = cli("plot", kind, untrained)
        assert status == 1 and out.startswith("refuted")


@pytest.mark.slow
def test_plot_all_and_report(
    cli: Callable[..., tuple[int, str, str]], trained: Path, untrained: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "pictures"
    status, out, _ = cli("plot", "all", trained, "-o", folder)
    names = ["automaton.png", "learning.png", "states.png", "sum.png"]
    assert status == 0 and sorted(path.name for path in folder.iterdir()) == names
    assert out.count("the picture is in") == 4
    status, out, _ = cli("plot", "all", untrained, "-o", tmp_path / "fewer")
    assert status == 0 and "no picture of automaton: the network is refuted\n" in out
    assert "no picture of learning: this network has not been trained" in out
    assert cli("plot", "all", trained, "-o", trained)[0] == 2
    page = tmp_path / "page.html"
    assert cli("report", trained, "-o", page) == (0, f"the page is in {page}\n", "")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert cli("report", trained, "-o", trained)[0] == 2


@pytest.mark.parametrize(
    ("options", "last"),
    [(("--operands", 3, "--until", 64), 64), (("--until", 1500), 1500)],
)
def test_learning_is_drawn_as_long_as_it_took(
    cli: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[Any, ...],
    last: int,
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    drawn: list[Any] = []
    curve = plots.learning_curve
    monkeypatch.setattr(plots, "learning_curve", lambda p, run: drawn.append(p) or curve(p, run))
    assert cli("train", *options, "-q", "-o", "net.npz")[0] == 0
    assert cli("plot", "learning", "net.npz")[0] == 0
    assert drawn[0][-1].sequences == last


def test_export_without_its_libraries(
    cli: Callable[..., tuple[int, str, str]],
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("binadd.cli.command.find_spec", lambda name: None)
    for ending in ("onnx", "safetensors"):
        status, out, err = cli("export", trained, tmp_path / f"adder.{ending}")
        assert (status, out) == (2, "")
        assert err == f"binadd export: this needs {ending}: pip install 'binadd[interop]'\n"
    status, _, err = cli("export", trained, tmp_path / "adder.docx")
    assert status == 2 and "must end in .onnx, .safetensors, .pt or .c" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["onnx", "safetensors", "c"])
def test_export(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path, ending: str
) -> None:
    if ending != "c":
        pytest.importorskip(ending)
    path = tmp_path / f"adder.{ending}"
    status, out, err = cli("export", trained, path)
    assert (status, err) == (0, "") and str(path) in out and path.stat().st_size > 1000
    of = {"onnx": "any float32", "c": "binadd's float64"}.get(ending, "any float64")
    assert f"\nproved: it adds all numbers of every length in {of} arithmetic" in out
    path.unlink()
    step_error = ["--step-error", "1e-4", "--json"]
    data = json.loads(cli("export", trained, path, *step_error)[1])
    assert data["verdict"] == "proved" and data["step_error"] == data["logit_error"] == 1e-4
    path.unlink()
    data = json.loads(cli("export", trained, path, "--tolerance", "--json")[1])
    assert data["tolerance"] == data["step_error"] > 1e-4


def test_a_refuted_network_is_exported_by_force_only(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    BinaryAdderRNN(4).save(tmp_path / "net.npz")
    status, out, err = cli("export", tmp_path / "net.npz", tmp_path / "net.c")
    assert (status, out) == (1, "") and "is refuted: it outputs " in err and "--force" in err
    assert err.count("\n") == 1 and not (tmp_path / "net.c").exists()
    status, out, _ = cli("export", tmp_path / "net.npz", tmp_path / "net.c", "--force")
    assert status == 0 and (tmp_path / "net.c").read_text().startswith("/* refuted: ")


def test_export_refuses_options_of_other_formats(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path
) -> None:
    status, _, err = cli("export", trained, tmp_path / "net.c", "--form", "scan")
    assert status == 2 and "--form is for .onnx" in err
    status, _, err = cli("export", trained, tmp_path / "net.c", "--step-error", "1.5")
    assert status == 2 and "--step-error must be at least 0 and less than 1" in err
    status, _, err = cli("export", trained, tmp_path / "net.c", "--name", "2x")
    assert status == 2 and "must be a C identifier" in err
    if find_spec("onnx"):
        given = ["--uint8", "--dtype", "float64"]
        status, _, err = cli("export", trained, tmp_path / "net.onnx", *given)
        assert status == 2 and "computes in float32: --form scan or step in float64" in err


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_import(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path, ending: str
) -> None:
    pytest.importorskip(ending)
    path = tmp_path / f"adder.{ending}"
    assert cli("export", trained, path, "--dtype", "float32")[0] == 0
    status, out, err = cli("import", path, "-o", tmp_path / "again.npz")
    assert (status, err) == (0, "") and "16 sigmoid units, 2 operands, float32" in out
    assert cli("add", tmp_path / "again.npz", 23, 42)[1] == "65\n"
    status, _, err = cli("import", path, "-o", tmp_path / "x.npz", "--activation", "tanh")
    assert status == 2 and "says which activation it has: leave --activation out" in err
    status, _, err = cli("import", path, "-o", tmp_path / "x.npz", "--coefficients", "1,1,1")
    assert status == 2 and "--coefficients must be 2, one for each operand of" in err
    assert not (tmp_path / "x.npz").exists()


def test_import_of_weights_from_elsewhere(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path
) -> None:
    """A state dict, and weights of Keras: neither holds the activation, nor the form."""
    numpy, h5py = pytest.importorskip("safetensors.numpy"), pytest.importorskip("h5py")
    net = binadd.load(trained)
    p = net.parameters
    state = {
        "rnn.weight_ih_l0": p["input_weights"],
        "rnn.weight_hh_l0": p["hidden_weights"],
        "rnn.bias_hh_l0": p["hidden_bias"],
        "out.weight": p["output_weights"][np.newaxis],
        "out.bias": p["output_bias"].reshape(1),
    }
    numpy.save_file(state, tmp_path / "net.safetensors")
    *recurrent, kernel, bias = interop.keras_weights(net, "float64")
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        for layer, arrays in (("simple_rnn/cell", recurrent), ("dense", [kernel, bias])):
            for i, array in enumerate(arrays):
                file[f"layers/{layer}/vars/{i}"] = array
    again = tmp_path / "again.npz"
    for name in ("net.safetensors", "net.weights.h5"):
        start = ["import", tmp_path / name, "-o", again, "--activation", "sigmoid"]
        assert cli(*start)[0] == 0
        assert binadd.load(again) == net
        assert cli(*start, "--coefficients", "2,-1")[0] == 0
        assert binadd.load(again).settings.coefficients == (2, -1)
        out = cli("import", tmp_path / name, "-o", again)[1]
        assert "16 tanh units (assumed: --activation sigmoid if they are not), 2 operands" in out


def test_import_of_other_files(
    cli: Callable[..., tuple[int, str, str]], trained: Path, tmp_path: Path
) -> None:
    status, _, err = cli("import", trained, "-o", tmp_path / "again.npz")
    assert status == 2 and "must end in one of .pt, .pth, .keras" in err


def test_sweep(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    tmp_path: Path,
) -> None:
    csv, rows = tmp_path / "table.csv", tmp_path / "rows.jsonl"
    grid = ["sweep", "--seeds", "0-1,5", "--hidden", "4,8", "--until", 50, "--workers", 1]
    status, out, err = cli(*grid, "-o", csv, "--rows", rows)
    assert status == 0 and "6 networks: 6 finished\nsequences: " in out and str(csv) in err
    assert len(csv.read_text().splitlines()) == 7 and len(rows.read_text().splitlines()) == 7
    status, data = cli_json(*grid, "--rows", rows)
    assert status == 0 and [row["seed"] for row in data["rows"]] == [0, 1, 5] * 2
    if find_spec("matplotlib"):
        picture = tmp_path / "sweep.png"
        status, _, err = cli(*grid, "--rows", rows, "--plot", picture)
        assert status == 0 and str(picture) in err
        assert picture.read_bytes().startswith(b"\x89PNG")
        for table in (csv, rows):
            status, data_of_plot = cli_json("plot", "sweep", table, "-o", picture)
            assert status == 0 and data_of_plot["networks"] == 6
        status, _, err = cli("plot", "sweep", picture)
        assert status == 2 and "a table's file must end in .csv" in err
    assert cli(*grid, "-o", tmp_path / "table.txt")[0] == 2
    assert data["summary"]["sequences"]["median"] == 50 and data["summary"]["verdict"] == {}


def test_a_sweep_is_summed_up(
    cli: Callable[..., tuple[int, str, str]],
    cli_json: Callable[..., tuple[int, Any]],
    tmp_path: Path,
) -> None:
    rows = tmp_path / "rows.jsonl"
    grid = ["sweep", "--seeds", "0-1", "--until", "exact", "--verdicts", "--rows", rows]
    status, data = cli_json(*grid, "--workers", 1)
    counts = [row["sequences"] for row in data["rows"]]
    middle, high = np.quantile(counts, [0.5, 0.95])
    assert status == 0 and min(counts) < middle < high < max(counts)
    assert data["summary"] == {
        "networks": 2,
        "status": {"exact": 2},
        "verdict": {"proved": 1, "refuted": 1},
        "sequences": {"median": round(middle), "p95": round(high), "most": max(counts)},
    }
    assert "2 exact\ntheir proofs: 1 proved, 1 refuted\nsequences: median" in cli(*grid)[1]


def test_a_long_table_is_cut_in_the_middle(cli: Callable[..., tuple[int, str, str]]) -> None:
    grid = ["--seeds", "0-24", "--hidden", "2", "--until", "1", "--workers", "1"]
    status, out, _ = cli("sweep", *grid, "--backend", "python")
    table, _, summary = out.partition("\n\n")
    head, *rows = (line.split() for line in table.splitlines())
    assert status == 0 and summary.startswith("25 networks: 25 finished\n")
    assert rows[10] == ["…"] * len(head) and "python" in rows[0]
    seeds = [row[head.index("seed")] for row in rows]
    assert seeds == [*map(str, range(10)), "…", *map(str, range(15, 25))]


def test_a_table_without_its_library(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binadd.cli.command.find_spec", lambda name: None)
    status, out, err = cli("sweep", "-o", tmp_path / "table.parquet")
    assert (status, out) == (2, "")
    assert err == "binadd sweep: this needs pyarrow: pip install 'binadd[sweep]'\n"


def test_an_interrupted_sweep_says_how_to_go_on(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("binadd.training.sweep.sweep", interrupted)
    further = "interrupted: with --rows FILE the same command would continue\n"
    assert cli("sweep") == (130, "", further)
    further = "interrupted: run the same command again to continue\n"
    assert cli("sweep", "--rows", tmp_path / "rows.jsonl") == (130, "", further)


@needs_processes
def test_nothing_is_coloured_but_a_terminal(trained: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "binadd", "prove", str(trained)], capture_output=True
    )
    assert result.returncode == 0 and b"\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_terminals_that_have_no_colours_get_none(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b" in style("proved", bold=True)) == coloured


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe", "pipe"), 2, "pipe: Broken pipe"),
        (MemoryError(), 2, "there is not enough memory"),
    ],
    ids=repr,
)
def test_what_ends_a_command(
    cli: Callable[..., tuple[int, str, str]],
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    sentence: str,
) -> None:
    def fail(path: str) -> None:
        raise error

    monkeypatch.setattr(binadd, "load", fail)
    found, out, err = cli("add", trained, 1, 1)
    assert (found, out, err.strip()) == (status, "", f"binadd: {sentence}")


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_interrupt_that_a_library_stumbles_over(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    def fail() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            if wrapped:
                raise ImportError("numpy is half there")  # noqa: B904  as they do
            raise

    monkeypatch.setattr("binadd.cli.main", fail)
    assert started() == 130
    assert capfd.readouterr() == ("", "binadd: interrupted\n")
    monkeypatch.setattr("binadd.cli.main", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        started()


@needs_processes
@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind there")
@pytest.mark.parametrize("arguments", [["info"], ["--help"], ["train", "--help"]])
def test_a_reader_that_goes_away(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "binadd", *arguments], stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (141, b"")


@needs_processes
@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind there")
def test_a_run_whose_progress_nobody_reads(tmp_path: Path) -> None:
    """As `binadd train … 2>&1 | head -1`."""
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "binadd", "train", "-o", "adder.npz", "--checkpoint", "run.npz"],
        cwd=tmp_path,
        stdout=write,
        stderr=write,
    )
    os.close(write)
    assert result.returncode == 141
    net = BinaryAdderRNN()
    binadd.train(net)
    assert binadd.load(tmp_path / "adder.npz") == net
    assert binadd.resume(tmp_path / "run.npz").network == net


@needs_processes
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["info"], ["--help"], ["prove", "MODEL"]], ids=" ".join)
def test_a_full_disk_is_no_answer(trained: Path, arguments: list[str]) -> None:
    arguments = [str(trained) if word == "MODEL" else word for word in arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "binadd", *arguments], stdout=full, stderr=subprocess.PIPE
        )
    assert result.returncode == 2
    assert result.stderr.startswith(b"binadd: ") and result.stderr.count(b"\n") == 1
    assert b"No space left on device" in result.stderr


@needs_processes
@pytest.mark.skipif(os.name != "posix", reason="no shell that closes streams")
@pytest.mark.parametrize(
    ("closed", "status", "sentence"),
    [
        ("info >&-", 2, "binadd: standard output is closed\n"),
        ("add MODEL - <&-", 2, "binadd add: standard input is closed\n"),
        ("add MODEL 23 42 <&-", 0, ""),
        ("add MODEL 23 42 --check 2>&-", 0, ""),
        ("train --until 100 2>&-", 0, ""),
        ("fly 2>&-", 2, ""),
    ],
)
def test_closed_streams(trained: Path, closed: str, status: int, sentence: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m binadd {closed}"
    command = command.replace("MODEL", shlex.quote(str(trained)))
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (status, sentence)


@needs_processes
def test_a_terminal_without_greek(trained: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "binadd", "add", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert result.returncode == 0 and b"Usage" in result.stdout


@needs_processes
def test_it_starts_quickly_without_what_it_does_not_need() -> None:
    code = "import sys, binadd.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not {"binadd.proof", "binadd.training", "tqdm", "matplotlib"} & set(
        loaded.stdout.split()
    )
