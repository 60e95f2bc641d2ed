"""The runner, on notebooks that import no model library and write empty tables.

Each fake notebook notes its name in `ran.log`, sleeps while the file `sleep-in-<name>` exists, and
fails while `fail-in-<name>` exists.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import command, make_root, settings_text, write_shop

from analysis.actions import ledger
from analysis.run import cli, preflight, publish
from analysis.run.months import Month
from analysis.run.steps import STEPS

NAMES = [step.name for step in STEPS]
FINISH = """
import polars

given = {t: analysis.tables.empty(t) for t in run.step.writes}
if "assignments" in given:
    row = {"customer_id": "a", "campaign": f"{month}-care", "arm": "treat", "action": "care"}
    row |= {"month": month, "assigned_on": run.as_of, "stratum": "x", "rank": 1, "cost": 1.0}
    row |= {"control_share": None}
    given["assignments"] = analysis.tables.conform("assignments", polars.DataFrame([row]))
run.finish(given, documents={name: {} for name in run.step.documents})
"""
BODY = """
import time
from pathlib import Path

root = analysis.run.paths.root()
with (root / "ran.log").open("a") as log:
    log.write(run.step.name + "\\n")
while (root / f"sleep-in-{run.step.name}").exists():
    time.sleep(0.05)
failing = root / f"fail-in-{run.step.name}"
if failing.exists():
    raise RuntimeError(failing.read_text())
"""


def cell(kind: str, source: str, *tags: str) -> dict:
    base = {"cell_type": kind, "id": f"c{abs(hash(source)) % 10**8}", "source": source}
    base["metadata"] = {"tags": list(tags)} if tags else {}
    return base | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def write_notebooks(root: Path) -> None:
    (root / "notebooks").mkdir()
    for name in NAMES:
        cells = [
            cell("markdown", f"# {name}?"),
            cell("code", 'config = "config/shop.toml"\nmonth = "2024-01"', "parameters"),
            cell("code", f'import analysis\nrun = analysis.start("{name}", config, month)'),
            cell("markdown", "## The work"),
            cell("code", BODY),
            cell("code", FINISH),
        ]
        metadata = {"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}}
        notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        (root / "notebooks" / f"{name}.ipynb").write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A root whose January 2024 is published."""
    root = make_root(tmp_path_factory.mktemp("shop"))
    days = [f"a,2024-{month:02}-{day:02},1" for month in (1, 2) for day in range(1, 30)]
    write_shop(root, "customer_id,ordered_at,amount\n" + "\n".join(days) + "\n")
    write_notebooks(root)
    done = run(root, "2024-01")
    assert done.returncode == 0, done.stderr
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess:
    return command(root, "run", *words, "--config", "config/shop.toml")


def ran(root: Path) -> list[str]:
    """The notebooks executed since the last call."""
    log = root / "ran.log"
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def picture(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of the root with its time and content."""
    folders = (root / "data" / "processed" / "shop", root / "reports")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def published(root: Path) -> dict[str, tuple[int, bytes]]:
    files = picture(root).items()
    return {name: one for name, one in files if "/2024-01/" in name and "/_" not in name}


def test_the_first_run_publishes_every_page_and_the_index(shop):
    folder = shop / "reports" / "shop"
    assert sorted(path.stem for path in (folder / "2024-01").iterdir()) == NAMES
    assert "January 2024" in (folder / "index.html").read_text()
    assert "shop" in (shop / "reports" / "index.html").read_text()
    manifest = json.loads((shop / "data/processed/shop/2024-01/manifest.json").read_text())
    assert manifest["parameters"] == {"config": "config/shop.toml", "month": "2024-01"}
    assert len(manifest["run_key"]) == 64
    assert manifest["inputs"][0]["rows"] == 58
    assert set(manifest["tables"]) == {
        one for step in STEPS for one in (*step.writes, *step.documents)
    }


def test_a_second_run_says_up_to_date_and_touches_no_file(shop):
    before = picture(shop)
    ran(shop)
    done = run(shop, "2024-01")
    assert done.returncode == 0
    assert "up to date" in done.stderr
    assert ran(shop) == []
    assert picture(shop) == before


def test_a_failure_keeps_the_published_month_and_the_notebook_then_resumes(shop):
    before = published(shop)
    ran(shop)
    (shop / "fail-in-04_clv").write_text("the fit went wrong")
    done = run(shop, "2024-01", "--force")
    assert done.returncode == 3
    assert "04_clv failed, cell 5 (The work): RuntimeError: the fit went wrong" in done.stderr
    assert "Traceback" not in done.stderr
    assert "analysis run 2024-01 --config config/shop.toml" in done.stderr
    kept = shop / "data" / "processed" / "_failed" / "shop" / "2024-01"
    assert (kept / "04_clv.ipynb").is_file()
    assert (kept / "run.log").is_file()
    assert published(shop) == before
    assert "failed" in command(shop, "status").stdout
    assert ran(shop) == NAMES[:4]
    (shop / "fail-in-04_clv").unlink()
    again = run(shop, "2024-01", "--only", "04")
    assert again.returncode == 0, again.stderr
    assert ran(shop) == NAMES[3:]
    assert not kept.exists()


def test_a_run_killed_in_the_middle_resumes_where_it_was(shop):
    ran(shop)
    (shop / "sleep-in-03_segment").touch()
    words = [sys.executable, "-m", "analysis", "run", "2024-02", "--config", "config/shop.toml"]
    environment = os.environ | {"ANALYSIS_ROOT": str(shop)}
    child = subprocess.Popen(words, env=environment, cwd=shop, stderr=subprocess.DEVNULL)
    log, end = shop / "ran.log", time.monotonic() + 120
    while not (log.exists() and "03_segment" in log.read_text()):
        assert time.monotonic() < end
        time.sleep(0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (shop / "sleep-in-03_segment").unlink()
    assert not (shop / "reports" / "shop" / "2024-02").exists()
    assert "begun, not published" in command(shop, "status").stdout
    assert ran(shop) == NAMES[:3]
    done = run(shop, "2024-02", "--allow-partial")
    assert done.returncode == 0, done.stderr
    assert ran(shop) == NAMES[2:]
    page = (shop / "reports" / "shop" / "2024-02" / "09_summary.html").read_text()
    assert "../2024-01/09_summary.html" in page


def test_a_month_is_drawn_when_it_is_whole_and_not_before(shop, tmp_path, monkeypatch):
    root = tmp_path / "copy"
    shutil.copytree(shop, root)
    monkeypatch.setenv("ANALYSIS_ROOT", str(root))
    before = ledger.read("shop", Month(2024, 3)).written["campaign"].to_list()
    assert "2024-01-care" in before
    with (root / "data" / "raw" / "shop" / "shop.csv").open("a") as file:
        file.write("b,2024-03-05,1\n")
    done = run(root, "2024-03", "--allow-partial")
    assert done.returncode == 0, done.stderr
    assert ledger.read("shop", Month(2024, 3)).written["campaign"].to_list() == before


def test_a_gate_keeps_a_bad_page_from_being_published(shop):
    before = published(shop)
    notebook = shop / "notebooks" / "09_summary.ipynb"
    good = notebook.read_text()
    notebook.write_text(good.replace("# 09_summary?", "# Write to ann@example.com?"))
    done = run(shop, "2024-01")
    notebook.write_text(good)
    assert done.returncode == 4
    assert "09_summary.html: an e-mail address" in done.stderr
    assert published(shop) == before
    assert run(shop, "2024-01").returncode == 0


def test_a_held_lock_is_told_and_nothing_changes(shop):
    lock = shop / "data" / "processed" / "shop" / "_staging" / "2024-01.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = picture(shop)
        done = run(shop, "2024-01", "--force")
    assert done.returncode == 2
    assert "being run by another process" in done.stderr
    assert picture(shop) == before


def test_what_a_kill_left_between_the_exchanges_is_rolled_forward(root):
    month = Month(2024, 1)
    staging = root / "data" / "processed" / "s" / "_staging" / "2024-01"
    final = root / "data" / "processed" / "s" / "2024-01"
    pages = root / "reports" / "s" / ".2024-01.new"
    for folder, name in ((staging / "tables", "t"), (final, "old"), (pages, "p.html")):
        folder.mkdir(parents=True)
        (folder / name).write_text(name)
    publish.write_json(staging / publish.INTENT, {"pages": {}})
    final.rename(final.with_name(".2024-01.old"))  # killed after the first rename
    publish.roll_all_forward()
    assert sorted(path.name for path in final.iterdir()) == ["manifest.json", "t"]
    assert (root / "reports" / "s" / "2024-01" / "p.html").is_file()
    assert not staging.exists()
    assert not final.with_name(".2024-01.old").exists()
    assert publish.roll_forward("s", month) is False


def cli_exit(monkeypatch, capsys, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["analysis", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize("disk", ["full", "closed"])
def test_a_disk_that_is_full_or_closed_is_told_before_any_work(shop, monkeypatch, capsys, disk):
    monkeypatch.setenv("ANALYSIS_ROOT", str(shop))
    before = picture(shop)
    ran(shop)
    if disk == "full":
        usage = type("usage", (), {"free": 1000})
        monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage)
    else:

        def refuse(path, data):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "write_bytes", refuse)
    code, message = cli_exit(
        monkeypatch, capsys, "run", "2024-01", "--force", "--config", "config/shop.toml"
    )
    assert code == 2
    assert ("is full" if disk == "full" else "Permission denied") in message
    assert "Traceback" not in message
    assert ran(shop) == []
    assert picture(shop) == before


def test_a_disk_that_fills_up_in_the_middle_is_told(shop):
    before = published(shop)
    (shop / "fail-in-02_clean").write_text("No space left on device (os error 28)")
    done = run(shop, "2024-01", "--force")
    (shop / "fail-in-02_clean").unlink()
    assert done.returncode == 2
    assert "disk is full" in done.stderr
    assert published(shop) == before


MISTAKES = {
    ("2024-13",): "YYYY-MM",
    ("2023-12",): "lies before the first order (2024-01-01)",
    ("2024-03",): "lies after the data",
    ("2024-01", "--only", "10"): 'no step "10"',
    ("--from", "2024-01"): "both --from and --to",
    (): "Give one month",
    ("2024-01", "--config", "config/none.toml"): "There is no settings file",
    ("2024-01", "--confg", "x"): "--config",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_wrong_parameter_ends_with_2_and_changes_nothing(shop, words):
    before = picture(shop)
    config = () if any("conf" in word for word in words) else ("--config", "config/shop.toml")
    done = command(shop, "run", *words, *config)
    assert done.returncode == 2
    assert MISTAKES[words] in done.stderr
    assert "Traceback" not in done.stderr
    assert picture(shop) == before


def test_a_typo_in_a_setting_writes_nothing_at_all(tmp_path):
    root = make_root(tmp_path / "r")
    text = settings_text() + "[churn]\nhorizn_days = 30\n"
    write_shop(root, "customer_id,ordered_at,amount\na,2024-01-05,1\n", text)
    done = run(root, "2024-01")
    assert done.returncode == 2
    assert 'did you mean "horizon_days"' in done.stderr
    assert list((root / "data" / "processed").iterdir()) == []
    assert list((root / "reports").iterdir()) == []
