"""Rules that every page must keep before it is published; each is a function that lists breaches."""

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from bs4 import BeautifulSoup

from analysis import tables
from analysis.report.privacy import (
    E_MAIL,
    PERSONAL_COLUMNS,
    PHONE,
    customer_headings,
    ids_must_be_hashed,
)
from analysis.run.settings import Settings

MOST_BYTES = 3_000_000
LEAST_ALT_LENGTH = 16
LEAST_LATIN, LEAST_CHINESE = 5, 2  # shorter values are words of the page too
_EXTERNAL = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//|^\s*https?:", re.IGNORECASE)
_CSS_REFERENCE = re.compile(r"url\((?!\s*['\"]?data:)|@import|\bimport\(", re.IGNORECASE)
_NO_ALT = "No description has been provided"


@dataclass(frozen=True)
class Page:
    """One rendered page."""

    name: str
    folder: Path
    html: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        return cls(path.name, path.parent, path.read_text(encoding="utf-8"))

    @cached_property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.html, "html.parser")

    @cached_property
    def reading(self) -> BeautifulSoup:
        """The page as a stakeholder reads it: without code, styles and provenance."""
        soup = BeautifulSoup(self.html, "html.parser")
        for part in soup.select("details.code, style, footer"):
            part.decompose()
        return soup

    @cached_property
    def values(self) -> BeautifulSoup:
        """The reading without what other people name: customers, files, data sets."""
        soup = BeautifulSoup(str(self.reading), "html.parser")
        for part in soup.select("title, .id, .file, .where"):
            part.decompose()
        return soup


def check_pages(folder: Path, settings: Settings, tables_folder: Path) -> list[str]:
    """Every breach of every page of a folder, as `page: what`."""
    hidden, personal = hidden_ids(settings, tables_folder), personal_values(tables_folder)
    problems = []
    for path in sorted(folder.glob("*.html")):
        page = Page.read(path)
        found = [line for gate in GATES for line in gate(page)]
        found += personal_data(page, hidden, personal)
        problems += [f"{page.name}: {line}" for line in found]
    return problems


def external_references(page: Page) -> list[str]:
    """Anything that a browser would fetch from elsewhere; plain links to read on are links too."""
    found = []
    for tag in page.soup.find_all(True):
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            if name in tag.attrs and _EXTERNAL.match(str(tag[name])):
                found.append(f"external reference <{tag.name} {name}={str(tag[name])[:60]!r}>")
    styles = [tag.get_text() for tag in page.soup.find_all("style")]
    styles += [tag["style"] for tag in page.soup.find_all(style=True)]
    if any(_CSS_REFERENCE.search(style) for style in styles):
        found.append("external reference in a style")
    if page.soup.find("script"):
        found.append("a script")
    return found


def missing_alts(page: Page) -> list[str]:
    """Images without a text that says what they show."""
    return [
        f"image without a telling alt text: {image.get('alt', '')!r}"
        for image in page.soup.find_all("img")
        if len(image.get("alt", "")) < LEAST_ALT_LENGTH or _NO_ALT in image["alt"]
    ]


def heading_order(page: Page) -> list[str]:
    """One h1, no level skipped."""
    levels = [int(tag.name[1]) for tag in page.soup.find_all(re.compile("^h[1-6]$"))]
    found = [] if levels.count(1) == 1 else [f"{levels.count(1)} h1 headings instead of one"]
    skips = [b for a, b in pairwise(levels) if b > a + 1]
    return found + [f"a heading h{level} skips a level" for level in skips]


def failures_shown(page: Page) -> list[str]:
    """Tracebacks and warnings that reached the page."""
    found = ["output on stderr"] if page.soup.select(".stderr, .output_stderr") else []
    if page.soup.select(".traceback, .output_error") or "Traceback (most recent" in page.html:
        found.append("a traceback")
    return found


def missing_values_shown(page: Page) -> list[str]:
    """`nan` anywhere in the reading, or `None` standing as a value; ids and file names may be so."""
    found = []
    if re.search(r"(?<![\w-])(?:nan|NaN|inf)(?![\w-])", page.values.get_text(" ")):
        found.append("nan or inf in the text")
    values = page.values.select("td, th, .computed, pre")
    if any(re.search(r"(?<!\w)(?:None|null|NaT)(?!\w)", value.get_text()) for value in values):
        found.append("None standing as a value")
    return found


def size(page: Page) -> list[str]:
    """Pages too large to mail or to open on a phone."""
    count = len(page.html.encode())
    return [f"{count / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f}"] if count > MOST_BYTES else []


def links_resolve(page: Page) -> list[str]:
    """Relative links whose page or place does not exist (the index is built after the pages)."""
    found = []
    for link in page.soup.find_all("a", href=True):
        target, _, anchor = link["href"].partition("#")
        if _EXTERNAL.match(target) or target.endswith("index.html"):
            continue
        if target and not (page.folder / target).resolve().is_file():
            found.append(f"a link to {target}, which does not exist")
        if not target and anchor and not page.soup.find(id=anchor):
            found.append(f"a link to #{anchor}, which does not exist")
    return found


GATES = (
    external_references,
    missing_alts,
    heading_order,
    failures_shown,
    missing_values_shown,
    size,
    links_resolve,
)


def personal_data(page: Page, hidden: set[str], personal: Set[str] = frozenset()) -> list[str]:
    """E-mail addresses, phone numbers, ids that must not be shown, and what records say of people.

    Args:
        hidden: the customer ids that no page may hold.
        personal: the known names, addresses and the like.
    """
    reading = BeautifulSoup(str(page.reading), "html.parser")
    shown = hidden & {cell.get_text().strip() for cell in reading.select(".id")}
    for cell in reading.select(".id"):
        cell.decompose()
    outside_ids = reading.get_text(" ")
    words = set(re.split(r"[\s,;:()<>\"']+", outside_ids))
    telling = {one for one in hidden if _is_telling(one)}
    shown |= telling & words | {one for one in telling if not one.isascii() and one in outside_ids}
    found = ["a customer id that must be hashed"] if shown else []
    cells = {cell.get_text().strip() for cell in reading.select("td, th")}
    if personal & (words | cells):
        found.append("a name or another personal value of a customer's record")
    if re.search(E_MAIL, outside_ids):
        found.append("an e-mail address")
    if re.search(PHONE, outside_ids):
        found.append("a phone number")
    return found


def _is_telling(value: str) -> bool:
    """Whether an id cannot be mistaken for a figure or a common word of the page."""
    return not value.isascii() or (len(value) > 5 and any(sign.isdigit() for sign in value))


def personal_values(tables_folder: Path) -> set[str]:
    """The known values of the personal columns of customers' records, too short ones left out."""
    columns = tables.read_columns("profiles", [*PERSONAL_COLUMNS], tables_folder)
    if columns is None:
        return set()
    values = {one for name in columns.columns for one in columns[name].drop_nulls()}
    return {one for one in values if len(one) >= (LEAST_LATIN if one.isascii() else LEAST_CHINESE)}


def hidden_ids(settings: Settings, tables_folder: Path) -> set[str]:
    """The customer ids that no page may hold; empty where ids may be shown."""
    customers = tables.read_columns("customers", ["customer_id"], tables_folder)
    if customers is None:
        return set()
    ids, headings = customers["customer_id"], customer_headings(tables_folder)
    return set(ids) if ids_must_be_hashed(ids, settings, headings) else set()
