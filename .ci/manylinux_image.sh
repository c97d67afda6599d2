#!/usr/bin/env bash
# An image for cibuildwheel without a registry: `manylinux_image.sh FOLDER NAME PYTHON…`.
#
# Debian forky brings Python 3.14 and 3.15; the interpreters named on the command line are copied in
# where they lie. As in manylinux, /opt/python/cpXY-cpXY is where cibuildwheel looks for each.
set -euo pipefail

ROOT=$1/root
NAME=$2
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
PIP=(env -i "PATH=/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root "PIP_CERT=$CERTIFICATES" PIP_NO_CACHE_DIR=1)
shift 2

copied_in() { # PYTHON: its whole prefix, but for what somebody installed into it
    local prefix
    prefix=$("$1" -c 'import sys; print(sys.base_prefix)')
    tar -C / -cf - --exclude=site-packages/* --exclude=test --exclude=__pycache__ --exclude=*.a \
        "${prefix#/}" | tar -C "$ROOT" -xf -
    environment "$("$1" -c 'import sys; print(sys.version_info[1])')" "$prefix/bin/python3"
}

environment() { # MINOR PYTHON: what cibuildwheel takes for the interpreter
    local folder=/opt/python/cp3$1-cp3$1
    "${PIP[@]}" chroot "$ROOT" "$2" -m venv "$folder"
    "${PIP[@]}" chroot "$ROOT" "$folder/bin/pip" install -q build
}

bash "$(dirname "$0")/newer_pythons.sh" "$ROOT" libbz2-1.0 libffi8 liblzma5 libsqlite3-0 libssl3t64 \
    libreadline8t64 zlib1g patchelf
for python in "$@"; do copied_in "$python"; done
for minor in 14 15; do environment $minor /usr/bin/python3.$minor; done
ln -s cp311-cp311 "$ROOT/opt/python/cp39-cp39" # on which cibuildwheel runs what is its own
"${PIP[@]}" chroot "$ROOT" /opt/python/cp39-cp39/bin/pip install -q auditwheel
ln -s /opt/python/cp39-cp39/bin/auditwheel "$ROOT/usr/local/bin/"
tar -C "$ROOT" -cf - --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* --exclude=./var/cache/apt/* . |
    podman import --change "ENV PIP_CERT=$CERTIFICATES" - "$NAME"
