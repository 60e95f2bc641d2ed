"""The page about a customer: written where nobody but the company looks, self-contained, by id only."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from card.small import MANIFEST, profile, purchases, table
from card.test_card import SHOP
from helpers import command
from nbformat import NotebookNode

from analysis.card import page as page_module
from analysis.card.find import file_name
from analysis.report import gates
from analysis.report.gates import Page
from analysis.report.privacy import hashed
from analysis.run import paths, publish
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import load

JUNE = Month(1998, 6)
ODD = '<i>a/b</i>="{c}"'


def breaches(page: Path) -> list[str]:
    one = Page.read(page)
    return [line for gate in gates.GATES for line in gate(one)]


@pytest.fixture(scope="module")
def cdnow_copy(cdnow_root, tmp_path_factory) -> Path:
    """A copy of the published CDNOW months, to write pages into."""
    copy = tmp_path_factory.mktemp("card") / "root"
    shutil.copytree(cdnow_root, copy)
    return copy


def test_a_customer_of_orders_alone_gets_a_page_and_the_month_stays_whole(cdnow_copy, monkeypatch):
    monkeypatch.setenv("ANALYSIS_ROOT", str(cdnow_copy))
    done = command(cdnow_copy, "customer", "02941", "--month", "1998-06")
    assert (done.returncode, done.stderr) == (0, "")
    page = cdnow_copy / done.stdout.strip()
    assert page == paths.customer_pages("cdnow", JUNE) / "02941.html"
    assert breaches(page) == []
    text = Page.read(page).soup.main.get_text(" ")
    assert "12 purchases worth 1,150 USD" in text
    assert "There is no source of customer records" in text
    assert "149 of 23,570" in text
    assert publish.pages_intact("cdnow", JUNE)
    assert not list(paths.lab("cdnow", JUNE).glob("customer_card-*"))
    assert not list(paths.reports().rglob("02941*"))
    status = command(cdnow_copy, "status").stdout.splitlines()
    assert [line for line in status if "1998-06" in line and line.endswith("published")]


def test_the_same_customer_gives_the_same_page(cdnow_copy, monkeypatch):
    monkeypatch.setenv("ANALYSIS_ROOT", str(cdnow_copy))
    page = paths.customer_pages("cdnow", JUNE) / "02941.html"
    before = page.read_bytes()
    assert command(cdnow_copy, "customer", "02941").returncode == 0  # the latest month
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("2941",), 'no customer "2941" in cdnow. The nearest ids are: 02941'),
        (("02941", "--month", "1998-04"), "1998-04 of cdnow is not published. Published: 1998-05"),
        (("02941", "--month", "June"), 'month = "June" is not a month'),
        (("02941", "--config", "config/none.toml"), "There is no settings file"),
    ],
)
def test_a_mistake_ends_with_one_message_before_any_notebook_runs(cdnow_root, words, told):
    done = command(cdnow_root, "customer", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_page_holds_no_name_phone_mail_or_address_and_no_id_that_is_hidden(publish_month, root):
    folder = publish_month(SHOP, "[privacy]\nhash_ids = true")
    done = command(root, "customer", "zcrm_9", "--config", "config/shop.toml")
    assert (done.returncode, done.stderr) == (0, "")
    pages = list((folder / "export" / "customers").iterdir())
    shown = hashed(SHOP["customers"]["customer_id"], "shop")[0]
    assert [page.name for page in pages] == [f"{shown}.html"]
    html = pages[0].read_text()
    for hidden in ("KH1", "zcrm_9", "Ann Example", "49151", "ann@example", "Main Street", "Lin "):
        assert hidden not in html, hidden
    assert shown in html
    assert breaches(pages[0]) == []
    assert gates.check_pages(pages[0].parent, load("config/shop.toml"), folder) == []


def test_an_id_of_slashes_and_tags_gets_a_page_that_shows_it_as_text(publish_month, root):
    frames = purchases(**{ODD: {"2024-01-05": 10.0, "2024-03-05": 12.0}})
    folder = publish_month(frames | {"profiles": table("profiles", profile(ODD, gender="male"))})
    done = command(root, "customer", ODD, "--month", "2024-06", "--config", "config/shop.toml")
    assert (done.returncode, done.stderr) == (0, "")
    page = folder / "export" / "customers" / file_name(ODD)
    assert root / done.stdout.strip() == page
    assert breaches(page) == []
    soup = Page.read(page).soup
    assert ODD in soup.find(class_="where").get_text()
    assert "<i>" not in page.read_text()


def small_notebook(root: Path, source: str) -> None:
    """Put a notebook of one section in the place of the real one."""
    content = json.loads((paths.CHECKOUT / "notebooks" / f"{paths.CARD}.ipynb").read_text())
    title, parameters = content["cells"][:2]
    heading = title | {"id": "a", "source": "## Is it right?"}
    content["cells"] = [title, parameters, heading, parameters | {"id": "b", "source": source}]
    content["cells"][-1]["metadata"] = {}
    (root / "notebooks").mkdir()
    (root / "notebooks" / f"{paths.CARD}.ipynb").write_text(json.dumps(content))


def test_a_page_that_breaks_a_rule_is_not_written(publish_month, root):
    folder = publish_month(SHOP)
    small_notebook(root, "print('Ask Ann at ann@example.com')")
    done = command(root, "customer", "KH1", "--config", "config/shop.toml")
    assert done.returncode == 4
    assert "The page about KH1 was not written" in done.stderr
    assert "an e-mail address" in done.stderr
    assert not (folder / "export").exists()


def test_a_notebook_that_fails_is_kept_with_its_log(publish_month, root):
    folder = publish_month(SHOP)
    small_notebook(root, "1 / 0")
    done = command(root, "customer", "KH1", "--config", "config/shop.toml")
    assert done.returncode == 3
    assert "customer_card failed, cell 4 (Is it right?): ZeroDivisionError" in done.stderr
    kept = next(paths.lab("shop", Month(2024, 6)).glob("customer_card-*"))
    assert {path.name for path in kept.iterdir()} == {f"{paths.CARD}.ipynb", paths.LOG}
    assert not (folder / "export").exists()


def test_a_month_that_vanished_meanwhile_is_not_made_anew(publish_month, monkeypatch):
    folder = publish_month(SHOP)

    def while_the_month_is_exchanged(*_) -> NotebookNode:
        folder.rename(folder.with_name(".2024-06.old"))
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Who?")])

    monkeypatch.setattr(page_module, "_executed", while_the_month_is_exchanged)
    monkeypatch.setattr(page_module.publish, "read_manifest", lambda *_: MANIFEST)
    with pytest.raises(UserError, match="published anew while the page was made"):
        page_module.customer_page("config/shop.toml", "KH1", "2024-06")
    assert not folder.exists()
