"""Each gate lets a good page pass and names what a bad one breaks."""

import polars as pl
import pytest

from analysis.report import gates
from analysis.report.gates import Page
from analysis.report.privacy import ids_must_be_hashed
from analysis.run.settings import Settings

GOOD = (
    '<html><body><main><h1>T</h1><h2 id="a">A</h2><p>Two buyers.</p>'
    '<img src="data:image/png;base64,AA" alt="Bar chart: two buyers in June.">'
    '<a href="#a">A</a><table><tr><td class="id">13800138000</td></tr></table>'
    '<details class="code"><pre>x = None</pre></details></main></body></html>'
)


def page(tmp_path, html: str) -> Page:
    return Page("p.html", tmp_path, html)


def breaches(one: Page, hidden: frozenset = frozenset()) -> list[str]:
    return [line for gate in gates.GATES for line in gate(one)] + gates.personal_data(
        one, set(hidden)
    )


def test_a_good_page_passes_every_gate(tmp_path):
    assert breaches(page(tmp_path, GOOD)) == []


BREACHES = {
    '<img src="https://cdn.example/x.png" alt="A picture from elsewhere.">': "external reference",
    '<link href="//cdn.example/x.css">': "external reference",
    "<style>p { background: url(x.png) }</style>": "external reference in a style",
    "<script>alert(1)</script>": "a script",
    '<img src="data:image/png;base64,AA">': "alt text",
    '<img src="data:," alt="No description has been provided for this image">': "alt text",
    "<h1>Again</h1>": "2 h1",
    "<h4>Deep</h4>": "skips a level",
    '<pre class="traceback">ValueError</pre>': "a traceback",
    '<pre class="stderr">careful</pre>': "stderr",
    "<p>a mean of nan</p>": "nan",
    "<table><tr><td>None</td></tr></table>": "None standing as a value",
    '<a href="gone.html">x</a>': "gone.html",
    '<a href="#gone">x</a>': "#gone",
    "<p>write to ann@example.com</p>": "e-mail",
    "<p>call 13800138000</p>": "phone number",
    "<p>call +8613800138000</p>": "phone number",
    "<p>call 8613800138000.</p>": "phone number",
    "<p>call 138-0013-8000</p>": "phone number",
    "<p>write to ann@mail.example.co.uk</p>": "e-mail",
}


@pytest.mark.parametrize("addition", BREACHES)
def test_a_breach_is_named(tmp_path, addition):
    found = breaches(page(tmp_path, GOOD.replace("</main>", addition + "</main>")))
    assert any(BREACHES[addition] in line for line in found), found


def test_prose_may_say_none_and_nancy(tmp_path):
    text = "<p>None of the 12,345,678,901 rows named Nancy; finance is fine.</p>"
    assert breaches(page(tmp_path, GOOD.replace("</main>", text + "</main>"))) == []


def test_a_page_too_large_is_refused(tmp_path):
    assert gates.size(page(tmp_path, "x" * 3_000_001))


def test_an_id_that_must_be_hashed_is_found_even_in_an_id_column(tmp_path):
    assert breaches(page(tmp_path, GOOD), frozenset({"13800138000"}))


@pytest.mark.parametrize(
    ("hidden", "addition", "breach"),
    [
        ("5", "<p>5 buyers</p>", False),
        ("5", '<table><tr><td class="id">5</td></tr></table>', True),
        ("C-00042", "<pre>C-00042  3</pre>", True),
        ("C-00042", "<p>C-000421</p>", False),
        ("王伟", "<p>王伟来了</p>", True),
    ],
)
def test_a_hidden_id_is_found_where_it_can_be_told_from_a_figure(
    tmp_path, hidden, addition, breach
):
    one = page(tmp_path, GOOD.replace("</main>", addition + "</main>"))
    assert bool(gates.personal_data(one, {hidden})) is breach


def test_customers_and_files_may_be_called_none_or_nan(tmp_path):
    row = '<table><tr><td class="id">None</td><td class="file">nan.csv</td></tr></table>'
    assert breaches(page(tmp_path, GOOD.replace("</main>", row + "</main>"))) == []


def test_a_name_of_a_record_is_found_wherever_it_stands(tmp_path):
    row = "<table><tr><td>王小明</td></tr></table>"
    one = page(tmp_path, GOOD.replace("</main>", row + "</main>"))
    assert gates.personal_data(one, set(), {"王小明"})
    assert not gates.personal_data(one, set(), {"王小"})


LOOKS_PERSONAL = ["ann@mail.example.co.uk", "138 0013 8000", "+86-138-0013-8000", "wx_13800138000"]


@pytest.mark.parametrize("value", LOOKS_PERSONAL)
def test_ids_that_look_like_a_person_are_hashed(value):
    source = {"table": "orders", "path": "p"}
    shop = Settings(name="s", currency="EUR", time_zone="UTC", sources=[source])
    assert ids_must_be_hashed(pl.Series(["7", value]), shop, ["id"])
    assert not ids_must_be_hashed(pl.Series(["C7", "20240101123456789012"]), shop, ["id"])


def test_hidden_ids_are_those_that_look_like_a_person(tmp_path):
    source = {"table": "orders", "path": "p"}
    shop = Settings(name="s", currency="EUR", time_zone="UTC", sources=[source])
    pl.DataFrame({"customer_id": ["13800138000"]}).write_parquet(tmp_path / "customers.parquet")
    assert gates.hidden_ids(shop, tmp_path) == {"13800138000"}
    pl.DataFrame({"customer_id": ["00042"]}).write_parquet(tmp_path / "customers.parquet")
    assert gates.hidden_ids(shop, tmp_path) == set()
