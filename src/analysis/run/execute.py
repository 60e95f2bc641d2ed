"""Execute one notebook through papermill, in a process of its own: `python -m analysis.run.execute`.

Arguments: source notebook, executed notebook, parameters as JSON. Ends at once when the runner dies:
the runner holds the other end of standard input.
"""

import json
import os
import sys
import threading

CELL_TIMEOUT_SECONDS = 3600
START_TIMEOUT_SECONDS = 180
IOPUB_TIMEOUT_SECONDS = 60


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
