"""The output of tests/export/driver.h for a network, computed by binadd: the same sums."""

from __future__ import annotations

import sys

import binadd
from binadd import BinaryAdderRNN

PAIRS, BITS = 10_000, 32


def expected(net: BinaryAdderRNN) -> str:
    """Return the line that the exported network must print."""
    seed, words = 1, []
    for _ in range(2 * PAIRS):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(seed >> 32)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    X = binadd.encode(pairs, length=BITS + 8)
    logits = net.decision_function(X)
    wrong = sum(
        found != sum(pair) for found, pair in zip(binadd.decode(logits > 0), pairs, strict=True)
    )
    hash_ = 14695981039346656037  # FNV-1a
    for byte in logits.astype(logits.dtype.newbyteorder("<")).tobytes():
        hash_ = (hash_ ^ byte) * 1099511628211 % 2**64
    return f"{wrong} wrong, logits {hash_:016x}"


if __name__ == "__main__":  # MODEL: what the Cortex-M4 must print, too
    print(expected(binadd.load(sys.argv[1])))
