"""Execute one notebook through papermill, in a process of its own: `python -m analysis.run.execute`.

Arguments: source notebook, executed notebook, parameters as JSON. Ends at once when the runner dies:
the runner holds the other end of standard input.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from analysis.run import paths

CELL_TIMEOUT_SECONDS = 3600
START_TIMEOUT_SECONDS = 180
IOPUB_TIMEOUT_SECONDS = 60


def run_notebook(
    source: Path, target: Path, parameters: dict[str, str], log: Path, **environment: str
) -> int:
    """Run a notebook in a process of its own; returns the exit code of that process.

    Args:
        source: the notebook.
        target: where to write it, executed.
        parameters: in place of those of its parameters cell.
        log: file to which all output of the process is added.
        environment: variables that the process sees besides the runner's own.
    """
    command = [sys.executable, "-m", "analysis.run.execute"]
    command += [str(source), str(target), json.dumps(parameters)]
    own = {
        "ANALYSIS_ROOT": str(paths.root()),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    with log.open("ab") as file:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env=os.environ | own | environment,
        )
        try:
            return child.wait()
        finally:
            child.kill()
            child.wait()


def main(source: str, target: str, parameters: str) -> None:
    """Run `source` with the parameters and write it, executed, to `target`."""
    threading.Thread(target=_end_with_runner, daemon=True).start()
    import papermill

    papermill.execute_notebook(
        _plain(source),
        _plain(target),
        parameters=json.loads(parameters),
        kernel_name="python3",
        progress_bar=False,
        execution_timeout=CELL_TIMEOUT_SECONDS,
        start_timeout=START_TIMEOUT_SECONDS,
        iopub_timeout=IOPUB_TIMEOUT_SECONDS,
    )


def _end_with_runner() -> None:
    sys.stdin.read()
    os._exit(1)


def _plain(path: str) -> str:
    """A path that papermill's formatting leaves as it is."""
    return path.replace("{", "{{").replace("}", "}}")


if __name__ == "__main__":
    main(*sys.argv[1:])
