"""Which customer is meant by an id, and how pages may name one."""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analysis import tables
from analysis.report.privacy import customer_headings, hashed, ids_must_be_hashed
from analysis.run.errors import UserError
from analysis.run.settings import Settings

MOST_NEAR = 3
LEAST_ALIKE = 0.6  # share of the signs that must agree at the beginning and the end of an id
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,60}")
_SLUG_SIGNS = 40
_MOST_SIGNS = 100  # of an unknown id that are compared


@dataclass(frozen=True)
class Ids:
    """Every id of a customer that a month knows.

    Whether ids are hidden is decided over all of them, so that one page never shows what another
    must hide.
    """

    known: pl.DataFrame  # customer_id, person_id: one row per id, sorted
    hidden: bool
    settings: Settings

    @classmethod
    def of(cls, folder: Path, settings: Settings) -> "Ids":
        """The ids in the tables of a published month.

        Args:
            folder: where the tables lie.
            settings: of the data set.
        """
        known = _known(folder)
        headings = customer_headings(folder)
        return cls(known, ids_must_be_hashed(known["customer_id"], settings, headings), settings)

    def person(self, asked: str) -> str:
        """The person's id for an id as the company's systems write it, or as reports show it.

        Raises:
            UserError: for an id that the month does not know, naming the nearest.
        """
        asked = asked.strip()
        found = self.known.filter(pl.col("customer_id") == asked)
        if found.is_empty() and self.hidden:
            found = self.known.filter(self.shown(self.known["customer_id"]) == asked)
        if found.is_empty():
            raise UserError(
                f'There is no customer "{asked}" in {self.settings.name}. {self._hint(asked)}'
            )
        return found["person_id"][0]

    def shown(self, ids: pl.Series) -> pl.Series:
        """Ids as pages may show them."""
        return hashed(ids, self.settings.name) if self.hidden else ids

    def shown_one(self, customer_id: str) -> str:
        """One id as pages may show it."""
        return self.shown(pl.Series([customer_id]))[0]

    def _hint(self, asked: str) -> str:
        if self.hidden:
            return (
                "Write the id as the company's systems do, or the hash that the reports show. "
                "Ids of this data set are hidden, so none is named here."
            )
        near = nearest(asked, self.known["customer_id"])
        if near:
            return f"The nearest ids are: {', '.join(near)}."
        examples = self.known["customer_id"].head(MOST_NEAR)
        return f"Ids of this data set look like: {', '.join(examples)}."


def _known(folder: Path) -> pl.DataFrame:
    """`customer_id`, `person_id` of records, orders and purchases."""
    sources = {
        "profiles": ("customer_id", "person_id"),
        "orders": ("customer_id_received", "customer_id"),
        "customers": ("customer_id", "customer_id"),
    }
    found = []
    for table, (received, person) in sources.items():
        frame = tables.read_columns(table, list({received, person}), folder)
        if frame is not None:
            found.append(frame.select(customer_id=pl.col(received), person_id=pl.col(person)))
    return (
        pl.concat(found)
        .unique("customer_id", keep="first", maintain_order=True)
        .sort("customer_id")
    )


def nearest(asked: str, known: pl.Series) -> list[str]:
    """The ids most like an unknown one, those first that differ in case or leading zeros only.

    Alike is how many signs agree at the beginning and at the end: one wrong, missing or doubled sign
    leaves all the others in place. Whole columns are compared, no id by itself.
    """
    asked = asked[:_MOST_SIGNS]
    if not asked:
        return []
    folded, plain = _folded(pl.col("id")), asked.casefold().lstrip("0")
    length = pl.col("id").str.len_chars().cast(pl.Int64)
    places = range(1, len(asked) + 1)
    agreeing = pl.sum_horizontal(
        *(pl.col("id").str.starts_with(asked[:place]) for place in places),
        *(pl.col("id").str.ends_with(asked[-place:]) for place in places),
    ).cast(pl.Int64)
    longer = pl.max_horizontal(length, pl.lit(len(asked)))
    alike = pl.min_horizontal(agreeing, pl.min_horizontal(length, pl.lit(len(asked)))) / longer
    ranked = (
        known.unique()
        .rename("id")
        .to_frame()
        .with_columns(alike=pl.when(folded == plain).then(1.0).otherwise(alike))
        .filter(pl.col("alike") >= LEAST_ALIKE)
        .sort(["alike", "id"], descending=[True, False])
    )
    return ranked["id"].head(MOST_NEAR).to_list()


def _folded(ids: pl.Expr) -> pl.Expr:
    return ids.str.to_lowercase().str.strip_chars_start("0")


def file_name(shown: str) -> str:
    """The name of a customer's page: the id where every file system takes it, else a slug and a hash."""
    if _SAFE.fullmatch(shown):
        return f"{shown}.html"
    slug = re.sub(r"[^A-Za-z0-9_-]+", "_", shown)[:_SLUG_SIGNS].strip("_")
    return f"{slug}~{hashed(pl.Series([shown]), '')[0]}.html"
