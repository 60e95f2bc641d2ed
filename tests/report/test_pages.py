"""The published report of the full sample."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from analysis.report import gates
from analysis.report.gates import Page
from analysis.run.steps import STEPS

NAMES = [step.name for step in STEPS]


@pytest.fixture(scope="module")
def pages(cdnow_root: Path) -> dict[str, Page]:
    folder = cdnow_root / "reports" / "cdnow" / "1998-06"
    return {path.stem: Page.read(path) for path in folder.glob("*.html")}


def test_every_page_passes_every_gate(pages):
    assert sorted(pages) == NAMES
    for page in pages.values():
        assert [line for gate in gates.GATES for line in gate(page)] == [], page.name
        assert gates.personal_data(page, set()) == [], page.name


def test_the_index_pages_pass_the_gates_too(cdnow_root):
    for path in (cdnow_root / "reports").glob("**/index.html"):
        page = Page.read(path)
        assert [line for gate in gates.GATES for line in gate(page)] == [], path


def test_a_page_leads_back_and_to_the_index_and_the_index_leads_forward(pages, cdnow_root):
    for name, page in pages.items():
        links = {link["href"] for link in page.soup.header.find_all("a")}
        assert {f"../1998-05/{name}.html", "../index.html"} <= links
        assert {f"{other}.html" for other in NAMES if other != name} <= links
    index = (cdnow_root / "reports" / "cdnow" / "index.html").read_text()
    assert "1998-06/09_summary.html" in index
    assert "1998-05/09_summary.html" in index


def test_code_is_folded_and_contents_are_listed(pages):
    for page in pages.values():
        assert not [pre for pre in page.soup.select(".highlight") if not pre.find_parent("details")]
        targets = [link["href"] for link in page.soup.select(".contents a")]
        assert len(targets) == len(page.soup.find_all("h2"))


def test_the_time_of_generation_stands_in_the_footer_only(pages):
    for page in pages.values():
        stamp = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", page.html)[0]
        assert page.html.count(stamp) == 1
        assert stamp in page.soup.footer.get_text()


def test_the_footer_says_where_the_page_comes_from(pages):
    footer = pages["04_clv"].soup.footer.get_text()
    for part in (
        "Run key",
        "CDNOW_master.txt: 69,659 rows",
        "month = 1998-06",
        "polars",
        "1998-05",
    ):
        assert part in footer


def test_the_summary_tells_the_month_and_how_sure_it_is(pages):
    text = pages["09_summary"].reading.get_text(" ")
    assert "1,506 customers bought 1,955 times for 76,109 USD" in text
    assert "How sure are we?" in text
    assert "AUC 0.840" in text
    assert "better" in text


def test_alt_texts_state_findings(pages):
    alts = [image["alt"] for page in pages.values() for image in page.soup.find_all("img")]
    assert len(alts) >= 12
    assert all(re.search(r"\d", alt) for alt in alts)
    assert len(set(alts)) == len(alts)


def test_a_partial_month_is_marked_on_every_page(root):
    from helpers import command, write_shop

    days = [f"a{n},2024-01-{day:02},1" for n in range(3) for day in range(1, 11)]
    config = write_shop(root, "customer_id,ordered_at,amount\n" + "\n".join(days) + "\n")
    refused = command(root, "run", "2024-01", "--config", config)
    assert refused.returncode == 2
    assert "--allow-partial" in refused.stderr
    done = command(root, "run", "2024-01", "--allow-partial", "--config", config)
    assert done.returncode == 0, done.stderr
    for path in (root / "reports" / "shop" / "2024-01").glob("*.html"):
        banner = BeautifulSoup(path.read_text(), "html.parser").select_one(".banner")
        assert "2024-01-10" in banner.get_text()
    assert "incomplete data" in (root / "reports" / "shop" / "index.html").read_text()
