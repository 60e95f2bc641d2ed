"""Rules of the house, each as a scan of the source; lock, pyproject and environment agree."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from analysis.labels import label
from analysis.run import paths
from analysis.run.status import LOCK, environment_problems, locked_versions
from analysis.run.steps import STEPS

PACKAGE = paths.CHECKOUT / "src" / "analysis"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((paths.CHECKOUT / "pyproject.toml").read_text())["project"]


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def calls(path: Path, function: str) -> list[ast.Call]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", None)) == function
    ]


def test_lifetimes_is_imported_in_one_module_only():
    found = [
        name(path) for path in MODULES if re.search(r"(?:from|import) lifetimes", path.read_text())
    ]
    assert found == ["clv/search.py"]


def test_only_the_command_line_and_checked_facts_print():
    found = {name(path) for path in MODULES if calls(path, "print")}
    assert found == {"run/cli.py", "run/session.py", "run/refresh.py"}


def test_today_never_comes_from_the_clock():
    found = {name(path) for path in MODULES if calls(path, "now") or calls(path, "today")}
    assert found == {"run/pipeline.py", "report/html.py"}  # the time of generation only


def test_folders_are_named_in_one_module():
    folder = re.compile(
        r'(?:/ f?|glob\(f?)"(?:data|raw|processed|reports|notebooks|config|export|tables|_\w+)["/]'
    )
    found = [name(path) for path in MODULES if folder.search(path.read_text())]
    assert found == ["run/paths.py"]


def test_tables_are_read_and_written_in_one_module():
    pattern = re.compile(r"(?:write|sink|read|scan)_parquet")
    found = {name(path) for path in MODULES if pattern.search(path.read_text())}
    assert found == {"tables.py", "table_files.py", "collect/sources.py", "collect/read_sql.py"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_are_short_and_documented(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is for"
    assert text.count("\n") <= 300
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_every_label_that_code_names_is_in_the_catalogue():
    keys = set()
    for path in MODULES:
        for call in calls(path, "label"):
            if call.args and isinstance(call.args[0], ast.Constant):
                keys.add(call.args[0].value)
        keys |= set(re.findall(r'"key": "([a-z_.]+)"', path.read_text()))
    assert len(keys) > 60
    for key in keys:
        assert label(key)


def test_figures_take_their_words_from_the_catalogue():
    for path in PACKAGE.rglob("figures.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in ("xlabel", "ylabel", "label", "title"):
                assert not isinstance(node.value, ast.Constant), (name(path), node.value.lineno)


def test_every_step_page_and_class_has_its_words():
    from analysis.segment.cluster_names import DESCRIPTIONS
    from analysis.segment.clusters import ONE_TIME, TOO_LITTLE

    for step in STEPS:
        assert label(f"page_name.{step.name}")
    for one in (*DESCRIPTIONS, ONE_TIME, TOO_LITTLE):
        assert label(f"class.{one}.en")
        assert label(f"class.{one}.zh")


def test_the_lock_holds_every_dependency_within_its_range():
    locked = locked_versions(paths.CHECKOUT / LOCK)
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for line in wanted:
        requirement = Requirement(line)
        assert requirement.specifier.contains(locked[requirement.name]), line


def test_the_environment_is_the_locked_one():
    assert environment_problems() == []


def test_conda_installs_the_same_lock():
    environment = yaml.safe_load((paths.CHECKOUT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert packages == {"pip": [f"-r {LOCK}"]}


@pytest.mark.parametrize("file", [LOCK, "pyproject.toml", "environment.yml", "Makefile"])
def test_no_file_names_a_registry(file):
    text = (paths.CHECKOUT / file).read_text()
    assert not re.search(r"https?://|index-url|find-links", text)


def test_the_makefile_and_ci_call_what_the_readme_says():
    readme = (paths.CHECKOUT / "README.md").read_text()
    assert "make report" in readme
    assert "make test" in readme
    assert "make test" in (paths.CHECKOUT / ".ci" / "run").read_text()
