"""A whole month against the same number of notebooks that only import the libraries."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from analysis.run.steps import STEPS
from benchmarks.measure import childrens_peak

MONTH, CONFIG = "1998-06", "config/cdnow.toml"
IMPORTS = """
import dataframely, lifetimes, numpy, pandas, polars, scipy, seaborn
import matplotlib.pyplot
import sklearn.cluster, sklearn.metrics
"""


def report() -> list[str]:
    """Measure both with a warm environment and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        environment = os.environ | {"ANALYSIS_ROOT": folder}
        _analysis(environment, "sample", "cdnow")
        _analysis(environment, "run", MONTH, "--config", CONFIG)
        month = min(_run_month(environment) for _ in range(2))
        month_peak = childrens_peak()
        imports = min(_import_only(root, environment) for _ in range(2))
    return [
        f"whole month {MONTH} of CDNOW, {len(STEPS)} notebooks, warm environment",
        f"  month         {month:5.1f} s  peak {month_peak:5,.0f} MB (its largest process)",
        f"  imports only  {imports:5.1f} s",
        f"  month / imports only  {month / imports:4.2f}  (aim: 2 or less)",
    ]


def _run_month(environment: dict) -> float:
    started = time.perf_counter()
    _analysis(environment, "run", MONTH, "--force", "--config", CONFIG)
    return time.perf_counter() - started


def _import_only(root: Path, environment: dict) -> float:
    source = root / "imports.ipynb"
    cells = [
        nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(IMPORTS),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    command = [sys.executable, "-m", "analysis.run.execute", str(source), str(root / "out.ipynb")]
    started = time.perf_counter()
    for _ in STEPS:
        child = subprocess.Popen(
            [*command, "{}"], env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if child.wait() != 0:
            raise RuntimeError("the notebook that only imports failed")
    return time.perf_counter() - started


def _analysis(environment: dict, *words: str) -> None:
    command = [sys.executable, "-m", "analysis", *words]
    subprocess.run(command, env=environment, check=True, capture_output=True)
