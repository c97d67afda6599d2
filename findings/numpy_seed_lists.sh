#!/bin/sh
# NumPy's default_rng([seed, run]) draws the same numbers for other lists of seeds: [7, 0] is 7.
#
# Expected: a list of seeds is hashed entry by entry, so that two different lists give independent streams, as
#   NumPy's documentation advises for parallel runs: default_rng([worker_id, root_seed]).
# Happens: a list is one number in base 2^32, its lowest digit first, and zeros fill it up to four digits. So
#   [7], [7, 0] and [7, 0, 0] are the seed 7; [1, 2] is the seed 1 + 2·2^32; and an entry of 2^32 or more
#   moves those after it: [2^32 + 3, 9] is [3, 1, 9]. From the fifth digit on a zero counts, so [7, 0, 0, 0, 0]
#   is another stream; it is that of the first child that SeedSequence(7) spawns.
# Versions: NumPy 2.4.6; CPython 3.11.
# Date: 2026-11-29.
# Why it matters: the first of many runs, default_rng([seed, 0]), repeats what default_rng(seed) drew for
#   something else, say for the data split; with the order of the documentation it is the root seed 0 that does.
#   Lists of one length, with entries below 2^32, are different numbers; spawned children have keys of their own.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6
"$work/venv/bin/python" - <<'EOF' | tee "$work/seen"
from numpy.random import SeedSequence, default_rng

PAIRS = [
    ([7, 0], 7),
    ([7, 0, 0, 0], [7]),
    ([0, 0], 0),
    ([0, 7], 7),
    ([1, 2], 1 + 2 * 2**32),
    ([2**32 + 3, 9], [3, 1, 9]),
    ([7, 0, 0, 0, 0], 7),
    ([7, 0, 0, 0, 0], SeedSequence(7).spawn(1)[0]),
]


def named(seed):
    """Return how a seed is shown."""
    return "child 0 of 7" if isinstance(seed, SeedSequence) else str(seed)


for one, other in PAIRS:
    drawn = [default_rng(seed).random(1000) for seed in (one, other)]
    same = "the same" if (drawn[0] == drawn[1]).all() else "different"
    print(f"{named(one):17} {named(other):13} {same}")
EOF
cat >"$work/stated" <<'EOF'
[7, 0]            7             the same
[7, 0, 0, 0]      [7]           the same
[0, 0]            0             the same
[0, 7]            7             different
[1, 2]            8589934593    the same
[4294967299, 9]   [3, 1, 9]     the same
[7, 0, 0, 0, 0]   7             different
[7, 0, 0, 0, 0]   child 0 of 7  the same
EOF
if cmp -s "$work/seen" "$work/stated"; then echo "as stated"; else echo "CHANGED"; exit 1; fi
