"""Each backend computes the golden results, to the last bit."""

import json
from typing import Any

import golden
import golden_reach
import numpy as np
import pytest

EXPECTED = json.loads(golden.FILE.read_text("utf-8"))


@pytest.mark.thorough(one_in=4, of="python")
@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_training_and_predicting(kernels: Any, case: golden.Case) -> None:
    assert vars(golden.run(kernels, case)) == EXPECTED["results"][case.name]


def test_activations(kernels: Any) -> None:
    assert golden.activations(kernels) == EXPECTED["activations"]


@pytest.mark.parametrize("case", golden_reach.CASES, ids=lambda case: case.name)
def test_what_becomes_of_sets(kernels: Any, case: golden_reach.Case) -> None:
    assert golden_reach.run(kernels, case) == EXPECTED["reach"][case.name]


def test_file_holds_these_cases_and_no_others() -> None:
    assert list(EXPECTED["results"]) == [case.name for case in golden.CASES]
    assert list(EXPECTED["reach"]) == [case.name for case in golden_reach.CASES]


def test_split_mix_is_the_published_one() -> None:
    words = golden.split_mix(1234567)
    assert [next(words), next(words)] == [6457827717110365317, 3203168211198807973]


def test_digits_do_not_depend_on_byte_order() -> None:
    assert golden.digits(np.array([1.0, -2.0])) == "3ff0000000000000c000000000000000"
