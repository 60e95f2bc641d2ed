"""Whom to wish well next month: birthdays and festivals, of customers who agreed to be written to."""

import calendar
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

from analysis.run.months import Month

BIRTHDAY, FESTIVAL = "birthday", "festival"
_DETAILS = ("customer_name", "phone", "email")
_LIST = {"customer_id": pl.String, "on": pl.Date}
_FESTIVALS = {"customer_id": pl.String, "festival": pl.String, "on": pl.Date}
_PEOPLE = {"customer_id": pl.String, "consent": pl.Boolean, "said": pl.Boolean, "birthday": pl.Date}


def people(profiles: pl.DataFrame) -> pl.DataFrame:
    """One row per person of the customer records, with what care needs to know.

    A person with several records agrees only where one of them says so and none says no. Of several
    birthdays the earliest stands, so that equal input gives equal lists.

    Args:
        profiles: the table `profiles`; columns that it lacks count as empty.

    Returns:
        One row per person, sorted: `customer_id`, `consent` (true only where given; missing is no),
        `said` (whether any record says yes or no), `birthday` (null where not known).
    """
    if "customer_id" not in profiles.columns:
        return pl.DataFrame(schema=_PEOPLE)
    consent = _column(profiles, "consent_marketing", pl.Boolean)
    rows = profiles.select(
        customer_id=pl.coalesce(_column(profiles, "person_id", pl.String), "customer_id"),
        yes=consent,
        birthday=_column(profiles, "birthday", pl.Date),
    )
    return (
        rows.group_by("customer_id")
        .agg(
            consent=pl.col("yes").fill_null(False).any() & ~(~pl.col("yes")).fill_null(False).any(),
            said=pl.col("yes").is_not_null().any(),
            birthday=pl.col("birthday").min(),
        )
        .sort("customer_id")
        .cast(_PEOPLE)
    )


def birthdays(profiles: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Customers who agreed and have their birthday in the month after as_of.

    Who was born on 29 February is wished well on the 28th where the year has no 29th.

    Args:
        profiles: the table `profiles`.
        as_of: the last day of the month of the report.

    Returns:
        One row per customer, by day: `customer_id`, `on` (the day to wish well).
    """
    due = _due(profiles, as_of).filter("consent")
    return due.select(*_LIST).sort("on", "customer_id")


def festivals(as_of: date) -> pl.DataFrame:
    """The festivals of the month after as_of.

    Returns:
        One row per festival, by day: `festival` (key below `festival` of the catalogue), `on`. Empty
        where there is none, or the table of days (festivals.toml, 2022 to 2030) does not reach so far.
    """
    month = Month.of(as_of).plus(1)
    rows = [
        (name, day)
        for name, days in _days().items()
        for day in days
        if (day.year, day.month) == (month.year, month.number)
    ]
    schema = {"festival": pl.String, "on": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("on", "festival")


def festivals_known(as_of: date) -> bool:
    """Whether the table of festivals reaches the month after as_of."""
    years = {day.year for days in _days().values() for day in days}
    return Month.of(as_of).plus(1).year in years


def festival_list(profiles: pl.DataFrame, customers: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Customers who agreed and have bought by as_of, once for each festival of the next month.

    Args:
        profiles: the table `profiles`.
        customers: the table `customers` (whoever has bought); others get no greeting.
        as_of: the last day of the month of the report.

    Returns:
        One row per customer and festival, by day: `customer_id`, `festival`, `on`.
    """
    agreed = _buyers(profiles, customers).filter("consent").select("customer_id")
    listed = agreed.join(festivals(as_of), how="cross").select(*_FESTIVALS)
    return listed.sort("on", "festival", "customer_id")


def left_out(profiles: pl.DataFrame, customers: pl.DataFrame, as_of: date) -> dict[str, int]:
    """How many customers are not on the lists for want of consent or of a birthday.

    Returns:
        `birthday_refused`, `birthday_not_asked`: with a birthday next month who said no, or of whom
        nothing is known; `festival_refused`, `festival_not_asked`: buyers, in the same way (0 in a
        month without festival); `no_birthday`: persons whose birthday is not known.
    """
    due, buyers = _due(profiles, as_of), _buyers(profiles, customers)
    if festivals(as_of).is_empty():
        buyers = buyers.clear()
    counts = {}
    for name, rows in ((BIRTHDAY, due), (FESTIVAL, buyers)):
        without = rows.filter(~pl.col("consent"))
        counts[f"{name}_refused"] = without.filter("said").height
        counts[f"{name}_not_asked"] = without.filter(~pl.col("said")).height
    return counts | {"no_birthday": people(profiles)["birthday"].null_count()}


def with_contact_details(listed: pl.DataFrame, profiles: pl.DataFrame) -> pl.DataFrame:
    """A list with name, phone and e-mail, for the workbook alone: no page may show them.

    Of several records of a person the one that gives the person its id is asked first, then the
    others in the order of their ids.

    Args:
        listed: with a column `customer_id`.
        profiles: the table `profiles`.

    Returns:
        The same rows in the same order, with `customer_name`, `phone`, `email` (null where not known)
        behind `customer_id`.
    """
    details = profiles.select(
        record="customer_id",
        customer_id=pl.coalesce(_column(profiles, "person_id", pl.String), "customer_id"),
        **{name: _column(profiles, name, pl.String) for name in _DETAILS},
    )
    known = (
        details.sort(pl.col("record") != pl.col("customer_id"), "record")
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col(name).drop_nulls().first() for name in _DETAILS)
    )
    others = [name for name in listed.columns if name != "customer_id"]
    joined = listed.join(known, on="customer_id", how="left", maintain_order="left")
    return joined.select("customer_id", *_DETAILS, *others)


def _due(profiles: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Persons with a birthday in the next month, and the day on which it is kept."""
    month = Month.of(as_of).plus(1)
    last = calendar.monthrange(month.year, month.number)[1]
    born = pl.col("birthday")
    kept = pl.date(month.year, month.number, born.dt.day().clip(upper_bound=last))
    inside = (born.dt.month() == month.number) & (born <= as_of)
    return people(profiles).filter(inside).with_columns(on=kept)


def _buyers(profiles: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    return people(profiles).join(customers.select("customer_id"), on="customer_id", how="semi")


def _column(table: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    there = name in table.columns
    return (pl.col(name) if there else pl.lit(None)).cast(kind)


@cache
def _days() -> dict[str, tuple[date, ...]]:
    """Every festival with its days."""
    text = (files("analysis.feedback") / "festivals.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)["days"]
    return {name: tuple(map(date.fromisoformat, days)) for name, days in content.items()}
