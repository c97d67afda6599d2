"""Search for the training parameters with which networks are proved soonest.

    pip install 'binadd[search]'
    python examples/search.py --trials 40 --study search.db

A trial trains networks of many seeds with one choice of parameters, a few of them at a time. After
each few, Optuna hears the mean number of sequences until a proof, and ends trials that do worse
than most did by then. All trials are in the SQLite file: the same command goes on from there, and
may run several times at once.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import optuna
from optuna.trial import Trial, TrialState

import binadd

DEFAULT = {"learning_rate": 0.1, "momentum": 0.9, "clip_norm": 0.5}
"""What the default recipe takes for 8 hidden units: the first trial, so that others compare."""


def choose(trial: Trial) -> dict[str, float]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 1, log=True),
        "momentum": trial.suggest_float("momentum", 0, 0.99),
        "clip_norm": trial.suggest_float("clip_norm", 0.05, 5, log=True),
    }


def mean_sequences(rows: list[dict[str, object]], limit: int) -> float:
    """Return a mean in which a network without a proof counts as if it had needed the limit."""
    return float(np.mean([r["sequences"] if r["status"] == "proved" else limit for r in rows]))


def run(study: optuna.Study, hidden: int, seeds: int, few: int, limit: int) -> None:
    trial = study.ask()
    rows: list[dict[str, object]] = []
    try:
        parameters = choose(trial)
        while len(rows) < seeds:
            part = range(len(rows), min(len(rows) + few, seeds))
            rows += binadd.sweep(part, hidden_size=hidden, max_sequences=limit, **parameters)
            trial.report(mean_sequences(rows, limit), len(rows))
            if len(rows) < seeds and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                print(f"trial {trial.number}: pruned after {len(rows)} seeds")
                return
    except BaseException:  # Ctrl-C, too: else the file would have it as running for ever
        study.tell(trial, state=TrialState.FAIL)
        raise
    value = mean_sequences(rows, limit)
    study.tell(trial, value)
    print(f"trial {trial.number}: {value:,.0f} sequences", parameters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40, help="how many to add to the study")
    parser.add_argument("--study", default="search.db", help="the SQLite file")
    parser.add_argument("--hidden", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=32, help="networks of a trial")
    parser.add_argument("--few", type=int, default=8, help="networks between two reports")
    parser.add_argument("--limit", type=int, default=10_000, help="sequences to give up after")
    parser.add_argument("--worker", type=int, default=0, help="another number for each at once")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # With the same seed a sampler repeats its points, also where a study goes on.
    storage = optuna.storages.RDBStorage(f"sqlite:///{options.study}")
    name = f"hidden {options.hidden}, seeds {options.seeds}, limit {options.limit}"
    study = optuna.create_study(
        storage=storage, study_name=name, load_if_exists=True, pruner=optuna.pruners.MedianPruner()
    )
    entropy = np.random.SeedSequence([options.worker, len(study.trials)])
    study.sampler = optuna.samplers.TPESampler(seed=int(entropy.generate_state(1)[0]))
    study.enqueue_trial(DEFAULT, skip_if_exists=True)
    for _ in range(options.trials):
        run(study, options.hidden, options.seeds, options.few, options.limit)
    if any(trial.state == TrialState.COMPLETE for trial in study.trials):
        best = study.best_trial
        print(f"best of {len(study.trials)}: trial {best.number}, {best.value:,.0f}", best.params)


if __name__ == "__main__":
    sys.exit(main())
