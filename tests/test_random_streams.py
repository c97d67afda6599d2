"""The random streams."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from binadd.random_streams import data_stream, noise_stream, weight_stream

# The first words of seed 0. If these change, so does every network that anybody trained.
DATA_WORDS = [12492077108140196533, 4482314363672241088]
WEIGHT_WORDS = [17394127715520444142, 5835390491061343638]
NOISE_WORDS = [15463373330740448354, 1544443475393319737]


def test_streams_are_independent_of_each_other() -> None:
    words = {
        int(stream(seed).random_raw())
        for seed in range(100)
        for stream in (weight_stream, data_stream, noise_stream)
    }
    assert len(words) == 300


def test_streams_never_change() -> None:
    assert [int(word) for word in data_stream(0).random_raw(2)] == DATA_WORDS
    assert [int(word) for word in weight_stream(0).random_raw(2)] == WEIGHT_WORDS
    assert [int(word) for word in noise_stream(0).random_raw(2)] == NOISE_WORDS


@given(st.integers(0, 2**64 - 1), st.integers(0, 1000), st.integers(1, 50))
def test_a_stream_goes_on_anywhere(seed: int, position: int, count: int) -> None:
    whole = data_stream(seed).random_raw(position + count)
    np.testing.assert_array_equal(data_stream(seed, position).random_raw(count), whole[position:])
