#!/bin/sh
# dask gives up a task that never began, because workers died beside it.
#
# Expected: `allowed-failures: 3` counts the workers that died while they ran a task, as the error says
#   ("Attempted to run task ... on 4 different workers, but all those workers died"), so that only tasks
#   that kill workers are given up.
# Happens: every task that was assigned to a worker when it died is counted, also those that only
#   waited there for their turn; after four deaths a task that no worker ever began is a KilledWorker.
# Versions: distributed 2026.8.0, dask 2026.8.0; CPython 3.11.
# Date: 2026-11-28.
# Why it matters: on machines that are taken away often, with more tasks submitted than there are threads,
#   innocent tasks are lost. Submit few at a time, or raise distributed.scheduler.allowed-failures.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q distributed==2026.8.0 dask==2026.8.0
cat >"$work/show.py" <<'EOF'
import os
import pathlib
import signal
import sys
import time

from distributed import Client, KilledWorker


def wait(folder):
    """Say which process this is, and stay."""
    pathlib.Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def begin(folder):
    pathlib.Path(folder, "begun").touch()


def main():
    folder = sys.argv[1]
    with Client(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as client:
        first = client.submit(wait, folder)
        behind = client.submit(begin, folder)
        killed = set()
        while len(killed) < 4:
            for name in set(os.listdir(folder)) - killed - {"begun"}:
                time.sleep(1)
                os.kill(int(name), signal.SIGKILL)
                killed.add(name)
            time.sleep(0.1)
        errors = [type(future.exception(60)).__name__ for future in (first, behind)]
    begun = os.path.exists(os.path.join(folder, "begun"))
    print(f"the task that ran: {errors[0]}; the one behind it: {errors[1]}; it had begun: {begun}")
    sys.exit(errors != ["KilledWorker"] * 2 or begun)


if __name__ == "__main__":
    main()
EOF
mkdir "$work/told"
if "$work/venv/bin/python" "$work/show.py" "$work/told"; then
    echo "as stated"
else
    echo "this has changed" && exit 1
fi
