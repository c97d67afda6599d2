# What .ci/run and .ci/wheels share. To be sourced at the top of the tree.

PYTHON=${PYTHON:-python3}
# The one that builds what is shipped.
CIBUILDWHEEL=cibuildwheel==$(sed -nE 's/.*pypa\/cibuildwheel@.* # v([0-9.]+)$/\1/p' .github/workflows/wheels.yml)
IN=() # what runs it, if it does not run by itself
WORK=$(mktemp -d)
TOOLS=$WORK/tools/bin
DIST=${DIST:-$WORK/dist}
export PIP_DISABLE_PIP_VERSION_CHECK=1
# A script started in the background ignores Ctrl-C, and so would the tests of Ctrl-C.
HEAR_INT="/usr/bin/env --default-signal=INT"

# ---- Installing --------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

alone() { # NAME: no other step is behind this line with this name, until this subshell ends
    exec 9>"$WORK/$1.lock"
    flock 9
}

packages() ( # Debian packages, unless they are there
    alone packages
    [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed)" = $# ] && return
    as_root apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -q -y --no-install-recommends "$@" >/dev/null
)

tools() ( # Python programs at the versions of tools.txt, in an environment of their own
    alone tools
    [ -d "$TOOLS" ] || "$PYTHON" -m venv "$WORK/tools"
    "$TOOLS/pip" install -q --constraint .ci/tools.txt "$@"
)

installed() ( # NAME WHAT…: an environment of this name with these things in it
    alone "$1"
    [ -d "$WORK/$1" ] && return
    "${IN[@]}" "$PYTHON" -m venv "$WORK/$1"
    "${IN[@]}" "$WORK/$1/bin/pip" install -q "${@:2}"
)

pythons() { # lines of MINOR PATH, the oldest first
    local python
    for python in "$HOME"/.pyenv/versions/3.*/bin/python3 python3.1{1,2,3,4,5} "$PYTHON"; do
        "$python" -c 'import sys, venv; assert sys.version_info >= (3, 11)' 2>/dev/null || continue
        echo "$("$python" -c 'import sys; print(sys.version_info[1])') $python"
    done | sort -n -s
}

python_of() { # MINOR
    pythons | grep -m1 "^$1 " | cut -d' ' -f2
}

newest_python() {
    pythons | tail -1 | cut -d' ' -f2
}

# ---- Trees and wheels --------------------------------------------------------------------------

snapshot() { # FOLDER: the files that git knows or would know, as they are now
    mkdir -p "$1"
    git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$1" 2>/dev/null
}

build_wheels() ( # everything comes from the sdist, so a user who builds from it gets the same
    alone build
    ls "$DIST"/*.whl >/dev/null 2>&1 && return
    tools build
    echo "building the sdist and the wheels" >&2
    "$TOOLS/python" -m build -q --sdist --outdir "$DIST" . >"$WORK/build.log"
    tar -xzf "$DIST"/*.tar.gz -C "$WORK" --one-top-level=unpacked --strip-components=1
    native_wheel_of "$WORK/unpacked" "$DIST" >>"$WORK/build.log"
    BINADD_PURE=1 "$TOOLS/python" -m build -q --wheel --outdir "$DIST" "$WORK/unpacked" >>"$WORK/build.log"
)

native_wheel_of() { # TREE FOLDER: without symbols, which auditwheel strips from those that are shipped
    SOURCE_DATE_EPOCH=1700000000 LDFLAGS=-Wl,-s BINADD_PURE=0 \
        "$TOOLS/python" -m build -q --wheel --outdir "$2" "$1"
}

sdist() { build_wheels && ls "$DIST"/*.tar.gz; }
native_wheel() { build_wheels && ls "$DIST"/*-cp*.whl; }
pure_wheel() { build_wheels && ls "$DIST"/*-py3-none-any.whl; }

suite_tree() ( # all but the package, so that only what is installed can be imported
    alone suite
    [ -d "$WORK/suite" ] && return
    snapshot "$WORK/suite"
    rm -r "$WORK/suite/binadd"
)

suite() { # ENVIRONMENT BACKEND [ARGUMENT…]: the quick tests, or those that arguments name
    local python=$WORK/$1/bin/python backend=$2
    shift 2
    suite_tree
    (cd "$WORK/suite" && BINADD_BACKEND=$backend "${IN[@]}" $HEAR_INT "$python" -m pytest -q --durations=8 "$@")
}

parallel_suite() { # [TEST…]: without the GIL, each quick test in four threads at once
    # What switches the instruction set must not do so while others compute.
    PYTHON_GIL=0 suite parallel native --parallel-threads=4 -o thread_unsafe_fixtures=compare \
        -m 'not slow' "$@"
}

# ---- The C core by itself ----------------------------------------------------------------------

# As in setup.py, with every warning an error.
C_FLAGS=(-O3 -std=c11 -Wall -Wextra -Wpedantic -Werror -fno-math-errno -ffp-contract=off -Icsrc)
declare -A C_LEVELS=( # of x86-64; the only one of any other processor needs no more flags
    [baseline]=-Os
    [x86_64_v3]=-mavx2
    [x86_64_v4]='-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512'
)

golden_header() ( # the golden results for selftest.c
    alone golden
    [ -f "$WORK/golden.h" ] && return
    installed header numpy click tqdm
    PYTHONPATH=. "$WORK/header/bin/python" tests/c/golden_header.py "$WORK/golden.h"
)

compile_c() { # FOLDER COMPILER [FLAG…]: the core with all levels of the target, as objects in there
    local folder=$1 level file
    shift
    local compiler=("$@" "${C_FLAGS[@]}")
    local -A levels=([baseline]=)
    mkdir -p "$folder"
    if [[ ${#C_LEVELS[@]} -gt 0 && $("$@" -dM -E -x c /dev/null) == *__x86_64__* ]]; then
        compiler+=(-DBINADD_X86_64_LEVELS=1)
        for level in "${!C_LEVELS[@]}"; do levels[$level]=${C_LEVELS[$level]}; done
    fi
    for file in csrc/*.c; do
        "${compiler[@]}" -c "$file" -o "$folder/$(basename "$file").o"
    done
    for level in "${!levels[@]}"; do
        for file in csrc/isa/"$level"_*.c; do
            "${compiler[@]}" ${levels[$level]} -c "$file" -o "$folder/$(basename "$file").o"
        done
    done
}

link_c() { # FOLDER SOURCE COMPILER [FLAG…]: FOLDER/program, of one source and the core in there
    "${@:3}" "${C_FLAGS[@]}" "-I$WORK" "$2" "$1"/*.o -lm -o "$1/program"
}

second_level() { # ENVIRONMENT: this machine's second best instruction set, if it has several
    "$WORK/$1/bin/python" -P -c 'if True:  # -P: what is installed, not the source tree here
        from binadd.kernels import native
        print([name for name, supported in native.isas().items() if supported][-2:][0])'
}

# ---- Steps -------------------------------------------------------------------------------------

set -m # each step is a process group, which ends with the script
trap 'for job in $(jobs -p); do kill -- "-$job" 2>/dev/null; done; rm -rf "$WORK"' EXIT

run_step() { # STEP: what it printed, once it has ended
    local start=$SECONDS status
    (set -e; "step_$1") >"$WORK/$1.log" 2>&1 </dev/null
    status=$?
    [ $status = 0 ] || touch "$WORK/$1.failed"
    (
        alone output
        printf '\n===== %s\n' "$1"
        cat "$WORK/$1.log"
        printf '===== %s: %s after %d s\n' "$1" \
            "$([ $status = 0 ] && echo passed || echo "FAILED ($status)")" $((SECONDS - start))
    )
}

run_steps() { # [STEP…]: all of STEPS, or these, two at a time: one can test while one installs
    local step failed=()
    [ $# -gt 0 ] || set -- "${STEPS[@]}"
    for step in "$@"; do
        [ "$(jobs -pr | wc -l)" -lt 2 ] || wait -n
        run_step "$step" &
    done
    wait
    for step in "$@"; do [ ! -e "$WORK/$step.failed" ] || failed+=("$step"); done
    printf '\n%d s in all\n' $SECONDS
    [ ${#failed[@]} = 0 ] || printf 'failed: %s\n' "${failed[*]}"
    echo "$(($# - ${#failed[@]})) passed, ${#failed[@]} failed"
    [ ${#failed[@]} = 0 ]
}
