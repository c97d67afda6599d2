# What .ci/run and .ci/wheels share. To be sourced at the top of the tree.

CIBUILDWHEEL=4.3.3
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
TOOLS=$WORK/tools/bin
DIST=${DIST:-$WORK/dist}
trap 'rm -rf "$WORK"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
# A script started in the background ignores Ctrl-C, and so would the tests of Ctrl-C.
HEAR_INT="env --default-signal=INT"

# ---- Installing --------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

packages() { # Debian packages, unless they are there
    dpkg-query -W "$@" >/dev/null 2>&1 && return
    as_root apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -q -y --no-install-recommends "$@" >/dev/null
}

tools() { # Python programs, in an environment of their own
    [ -d "$TOOLS" ] || "$PYTHON" -m venv "$WORK/tools"
    "$TOOLS/pip" install -q "$@"
}

installed() { # NAME WHAT…: an environment of this name with these things in it
    local name=$1
    shift
    [ -d "$WORK/$name" ] && return
    "$PYTHON" -m venv "$WORK/$name"
    "$WORK/$name/bin/pip" install -q "$@"
}

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

build_wheels() { # everything comes from the sdist, so a user who builds from it gets the same
    ls "$DIST"/*.whl >/dev/null 2>&1 && return
    tools build
    echo "building the sdist and the wheels" >&2
    "$TOOLS/python" -m build -q --sdist --outdir "$DIST" . >"$WORK/build.log"
    tar -xzf "$DIST"/*.tar.gz -C "$WORK" --one-top-level=unpacked --strip-components=1
    BINADD_PURE=0 "$TOOLS/python" -m build -q --wheel --outdir "$DIST" "$WORK/unpacked" >>"$WORK/build.log"
    BINADD_PURE=1 "$TOOLS/python" -m build -q --wheel --outdir "$DIST" "$WORK/unpacked" >>"$WORK/build.log"
}

sdist() { build_wheels && ls "$DIST"/*.tar.gz; }
native_wheel() { build_wheels && ls "$DIST"/*-cp*.whl; }
pure_wheel() { build_wheels && ls "$DIST"/*-py3-none-any.whl; }

suite_tree() { # all but the package, so that only what is installed can be imported
    [ -d "$WORK/suite" ] && return
    snapshot "$WORK/suite"
    rm -r "$WORK/suite/binadd"
}

suite() { # ENVIRONMENT BACKEND [ARGUMENT…]: the tests
    local python=$WORK/$1/bin/python backend=$2
    shift 2
    suite_tree
    (cd "$WORK/suite" && BINADD_BACKEND=$backend $HEAR_INT "$python" -m pytest -q "$@")
}

# ---- The C core by itself ----------------------------------------------------------------------

# As in setup.py, with every warning an error.
C_FLAGS=(-O3 -std=c11 -Wall -Wextra -Wpedantic -Werror -fno-math-errno -ffp-contract=off -Icsrc)
C_V3=(-mavx2)
C_V4=(-mavx512f -mavx512vl -mavx512dq -mavx512bw -mprefer-vector-width=512)

golden_header() { # PYTHON: the golden results for selftest.c
    [ -f "$WORK/golden.h" ] || PYTHONPATH=. "$1" tests/c/golden_header.py "$WORK/golden.h"
}

compile_c() { # PROGRAM SOURCE COMPILER [FLAG…]: one source and the core, all levels of the target
    local program=$1 source=$2 objects=$1.objects levels=(baseline) level file
    shift 2
    local compiler=("$@" "${C_FLAGS[@]}" "-I$WORK")
    mkdir -p "$objects"
    if [[ $("$@" -dM -E -x c /dev/null) == *__x86_64__* ]]; then
        compiler+=(-DBINADD_X86_64_LEVELS=1)
        levels+=(x86_64_v3 x86_64_v4)
    fi
    for file in "$source" csrc/*.c; do
        "${compiler[@]}" -c "$file" -o "$objects/$(basename "$file").o"
    done
    for level in "${levels[@]}"; do
        local flags=()
        [ "$level" = x86_64_v3 ] && flags=("${C_V3[@]}")
        [ "$level" = x86_64_v4 ] && flags=("${C_V4[@]}")
        for file in csrc/isa/"$level"_*.c; do
            "${compiler[@]}" "${flags[@]}" -c "$file" -o "$objects/$(basename "$file").o"
        done
    done
    "$@" "$objects"/*.o -lm -o "$program"
    rm -r "$objects"
}

levels() { # ENVIRONMENT: the instruction sets of this machine
    "$WORK/$1/bin/python" -c 'if True:
        from binadd.kernels import native
        print(*(name for name, supported in native.isas().items() if supported))'
}

# ---- Steps -------------------------------------------------------------------------------------

run_steps() { # [STEP…]: all of STEPS, or these
    local step status failed=() began=$SECONDS
    [ $# -gt 0 ] || set -- "${STEPS[@]}"
    for step in "$@"; do
        printf '\n===== %s\n' "$step"
        local start=$SECONDS
        (set -e; "step_$step")
        status=$?
        [ $status = 0 ] || failed+=("$step")
        printf '===== %s: %s after %d s\n' "$step" \
            "$([ $status = 0 ] && echo passed || echo "FAILED ($status)")" $((SECONDS - start))
    done
    printf '\n%d s in all\n' $((SECONDS - began))
    [ ${#failed[@]} = 0 ] || printf 'failed: %s\n' "${failed[*]}"
    echo "$(($# - ${#failed[@]})) passed, ${#failed[@]} failed"
    [ ${#failed[@]} = 0 ]
}
