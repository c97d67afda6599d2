"""The steps of .ci/run as sessions: `nox -l` lists them, `nox -s lint types` runs some.

.ci/run makes the environments that its steps need, so sessions have none of their own.
"""

import re
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types"]

STEPS = re.findall(r"^step_(\w+)\(\) \{(?: # (.*))?$", Path(".ci/run").read_text("utf-8"), re.M)


def add(step: str, purpose: str) -> None:
    def run(session: nox.Session) -> None:
        session.run("bash", ".ci/run", step, external=True)

    run.__doc__ = purpose
    nox.session(run, name=step, venv_backend="none")


for step, purpose in STEPS:
    add(step, purpose)
