"""Training on sums that binadd draws itself, until the network is right."""

from __future__ import annotations

from binadd.training.loop import Progress, TrainingRun, resume, train

__all__ = ["Progress", "TrainingRun", "resume", "train"]
