"""Execute the notebooks on their default month and keep only the outputs that nbval compares.

`python -m analysis.run.refresh`, after the default month was run. A cell that is compared carries the
tags `nbval-check-output` and `keep_output`; execution counts stay, or nbval would pass over it.
"""

import nbformat
from nbclient import NotebookClient

from analysis.run import paths
from analysis.run.steps import STEPS

CHECKED = "nbval-check-output"
TIMEOUT_SECONDS = 600


def main() -> None:
    """Refresh every notebook in place."""
    for name in (*(step.name for step in STEPS), paths.CARD):
        path = paths.CHECKOUT / paths.NOTEBOOKS / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=TIMEOUT_SECONDS, kernel_name="python3").execute()
        nbformat.write(stripped(notebook), path)
        print(paths.display(path))


def stripped(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with no outputs but those of checked cells, and no trace of its execution."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        if CHECKED not in cell.metadata.get("tags", []):
            cell.outputs = []
            cell.execution_count = None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": notebook.metadata["title"],
    }
    return notebook


if __name__ == "__main__":
    main()
