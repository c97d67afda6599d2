#!/usr/bin/env bash
# A Debian that has Python 3.14 and 3.15:
#
#     newer_pythons.sh ROOT [PACKAGE…]
set -euo pipefail

ROOT=$1
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
shift

packages=ca-certificates,gcc,libc6-dev
for minor in 14 15; do packages+=,python3.$minor-dev,python3.$minor-venv; done
for package in "$@"; do packages+=,$package; done
# A mirror that is not refreshed has a Release file past its date.
mmdebstrap --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$packages" forky "$ROOT"
cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
cp -L "${SSL_CERT_FILE:-$CERTIFICATES}" "$ROOT$CERTIFICATES" # a proxy's, if there is one
