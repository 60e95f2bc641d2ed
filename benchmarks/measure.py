"""Time and peak memory of one piece of work, in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable


def in_process(module: str, *words: str) -> tuple[float, float]:
    """Run `python -m module words`, which ends with `print_cost`; returns seconds and peak MB."""
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    cost = json.loads(done.stdout.splitlines()[-1])
    return cost["seconds"], cost["megabytes"]


def print_cost(work: Callable[[], object], rounds: int) -> None:
    """Do a piece of work some rounds long; print its best time and the peak memory as JSON."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    print_seconds(min(times))


def print_seconds(seconds: float) -> None:
    """Print a time that was taken already, and the peak memory, as JSON."""
    print(json.dumps({"seconds": seconds, "megabytes": own_peak()}))


def own_peak() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def childrens_peak() -> float:
    """Peak memory of the largest process that this one has started and awaited, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
