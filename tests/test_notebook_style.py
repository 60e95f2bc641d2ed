"""The form of every notebook, read as JSON."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.run import paths
from analysis.run.steps import STEPS

CHECKED = ["nbval-check-output", "keep_output"]
FORBIDDEN = re.compile(
    r"\bdef |\bclass |^\s*(?:for|while|try|with) |read_csv|read_parquet|^\s*[!%]|filterwarnings|"
    r"\bprint\(|[\"'][^\"']*/[^\"']*\.(?:csv|parquet|xlsx)[\"']",
    re.MULTILINE,
)
NAMES = [*(step.name for step in STEPS), paths.CARD]
NOTEBOOKS = {name: paths.CHECKOUT / "notebooks" / f"{name}.ipynb" for name in NAMES}


def cells(name: str, kind: str | None = None) -> list[dict]:
    found = json.loads(NOTEBOOKS[name].read_text())["cells"]
    return [cell for cell in found if kind in (None, cell["cell_type"])]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def test_there_is_one_notebook_for_each_step_and_one_about_a_customer():
    found = sorted(path.stem for path in (paths.CHECKOUT / "notebooks").glob("*.ipynb"))
    assert found == NAMES


@pytest.mark.parametrize("name", NOTEBOOKS)
class TestForm:
    def test_it_opens_with_a_question_then_parameters_then_the_setup(self, name):
        title, parameters, setup = cells(name)[:3]
        assert re.fullmatch(r"# [^\n]+\?", source(title).splitlines()[0])
        assert tags(parameters) == ["parameters"]
        steps_own = f'run = analysis.start("{name}", config, month)'
        opening = "run = analysis.open_month(config, month)" if name == paths.CARD else steps_own
        assert opening in source(setup)
        assert sum("parameters" in tags(cell) for cell in cells(name)) == 1

    def test_parameters_are_literals_and_the_same_everywhere(self, name):
        tree = ast.parse(source(cells(name)[1]))
        assert all(isinstance(node, ast.AnnAssign) for node in tree.body)
        values = {node.target.id: ast.literal_eval(node.value) for node in tree.body}
        customer = {"customer": values.get("customer")} if name == paths.CARD else {}
        assert values == {"config": "config/cdnow.toml", "month": "1998-06"} | customer

    def test_code_cells_are_short_and_the_work_lies_in_the_package(self, name):
        for cell in cells(name, "code"):
            assert len(source(cell).splitlines()) <= 12, source(cell)
            assert not FORBIDDEN.search(source(cell)), source(cell)

    def test_it_has_four_to_eight_sections_in_order(self, name):
        headings = re.findall(
            r"^(#+) ", "\n".join(map(source, cells(name, "markdown"))), re.MULTILINE
        )
        assert headings[0] == "#"
        assert set(headings[1:]) == {"##"}
        assert 4 <= len(headings) - 1 <= 8

    def test_prose_stands_before_the_first_code_of_each_section(self, name):
        for cell in cells(name, "markdown")[1:]:
            text = source(cell)
            if text.startswith("## ") and name != "09_summary":
                assert len(text.splitlines()) > 2, text

    def test_no_figure_of_the_data_is_typed_into_prose(self, name):
        for cell in cells(name, "markdown"):
            assert not re.search(
                r"(?<!SHA-)\b\d{3,}(?! combinations)", re.sub(r"\(.*?\)", "", source(cell))
            )

    def test_only_checked_cells_keep_outputs_and_every_one_of_them_does(self, name):
        checked = [cell for cell in cells(name, "code") if tags(cell) == CHECKED]
        assert checked
        for cell in cells(name, "code"):
            assert bool(cell["outputs"]) is (cell in checked), source(cell)
            assert (cell["execution_count"] is not None) is (cell in checked)
            assert all(output["output_type"] == "stream" for output in cell["outputs"])

    def test_its_last_cell_hands_over_what_the_step_writes(self, name):
        writes = name != paths.CARD
        assert ("run.finish(" in source(cells(name)[-1])) is writes

    def test_its_metadata_are_plain(self, name):
        metadata = json.loads(NOTEBOOKS[name].read_text())["metadata"]
        assert sorted(metadata) == ["kernelspec", "language_info", "title"]
        assert metadata["kernelspec"]["name"] == "python3"
        assert metadata["title"] == source(cells(name)[0]).splitlines()[0].lstrip("# ")


def test_nbval_catches_a_changed_number(cdnow_root, tmp_path):
    text = NOTEBOOKS["01_collect"].read_text()
    assert "rows: 69,659" in text
    outcomes = {}
    for label, content in {"same": text, "changed": text.replace("69,659", "69,658")}.items():
        notebook = tmp_path / f"{label}.ipynb"
        notebook.write_text(content)
        outcomes[label] = _nbval(notebook, cdnow_root)
    assert outcomes == {"same": 0, "changed": 1}


def _nbval(notebook: Path, root: Path) -> int:
    import os

    words = [
        "-m",
        "pytest",
        "-q",
        "--nbval-lax",
        "--nbval-kernel-name",
        "python3",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(notebook.parent),
    ]
    environment = os.environ | {"ANALYSIS_ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, *words, str(notebook)],
        env=environment,
        cwd=notebook.parent,
        capture_output=True,
        check=False,
        timeout=300,
    )
    return done.returncode
