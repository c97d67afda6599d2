#!/bin/sh
# Optuna: with a GridSampler, the `tell` of the last point stores its value and then raises.
#
# Expected: ask and tell work with every sampler; when a grid is done, ask says so, or goes on.
# Happens: the tell of the grid's last point calls Study.stop, which is only allowed inside `optimize`, and
#   raises a RuntimeError about "an objective function or a callback". The trial is stored all the same.
# Also: a study that goes on with the same sampler seed asks for the very points that it began with.
# Versions: optuna 5.0.0; CPython 3.11.
# Date: 2026-11-28.
# Why it matters: a search by ask and tell that succeeded ends with a traceback; and one that is resumed, or
#   shared by several processes of the same seed, computes the same points again and learns nothing.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q optuna==5.0.0
if "$work/venv/bin/python" - "$work/study.db" <<'EOF'
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=optuna.samplers.GridSampler({"x": [0, 1]}))
raised = []
for _ in range(2):
    trial = study.ask()
    value = trial.suggest_int("x", 0, 1)
    try:
        study.tell(trial, value)
        raised.append("nothing")
    except RuntimeError as error:
        raised.append(str(error))
states = [trial.state.name for trial in study.trials]
print("the two tells raised:", *raised, sep="\n  ")
print("stored:", states)

points = []
for _ in range(2):
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=1),
        storage=f"sqlite:///{sys.argv[1]}",
        study_name="s",
        load_if_exists=True,
    )
    for _ in range(3):
        trial = study.ask()
        points.append(trial.suggest_float("x", 0, 1))
        study.tell(trial, points[-1])
print("begun:", points[:3], "resumed:", points[3:])
as_stated = (
    raised[0] == "nothing"
    and "Study.stop" in raised[1]
    and states == ["COMPLETE"] * 2
    and points[:3] == points[3:]
)
sys.exit(not as_stated)
EOF
then
    echo "as stated"
else
    echo "this has changed" && exit 1
fi
