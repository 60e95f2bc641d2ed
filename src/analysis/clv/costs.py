"""Costs as they fall on customers: booked to one, shared by all, or of nobody who ever bought.

All amounts are exact. Nothing is lost: what the table of costs holds up to as_of is the sum of what the
customers carry and of what stands in the line without customer.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

from analysis.run.settings import Settings
from analysis.tables import MONEY, Frame

KINDS = ("acquisition", "service", "campaign", "logistics", "other")
RECURRING = KINDS[1:]  # what serving a customer costs; winning one is paid once
EVERYBODY = "*"
_SCHEMA = {"customer_id": pl.String, "kind": pl.String, "amount": MONEY}
_PLACES = 4  # decimals of exact money


@dataclass(frozen=True)
class Sources:
    """What says something about costs, up to as_of.

    `costs` and `interactions` are the tables of these names, empty without a source; the settings say
    what a contact or a purchase costs where `costs` has no row of service or logistics.
    """

    customers: pl.DataFrame
    occasions: Frame
    costs: pl.DataFrame
    interactions: Frame
    settings: Settings
    as_of: date

    @property
    def booked(self) -> pl.DataFrame:
        """Rows of the table of costs up to as_of."""
        return self.costs.filter(pl.col("month") <= self.as_of)

    def rate_of(self, kind: str) -> Decimal | None:
        """What the settings say for one contact (service) or purchase (logistics), where it is used."""
        rule = self.settings.clv
        rate = {"service": rule.service_cost_per_contact, "logistics": rule.cost_per_order}.get(
            kind
        )
        return None if rate is None or (self.booked["kind"] == kind).any() else rate

    @property
    def kinds(self) -> list[str]:
        """The kinds of cost of which anything is known."""
        seen = set(self.booked["kind"])
        return [kind for kind in KINDS if kind in seen or self.rate_of(kind) is not None]


def by_customer(sources: Sources, since: date | None = None) -> pl.DataFrame:
    """What each customer has cost, by kind.

    Args:
        sources: of the month.
        since: first day that counts; None for all the time before as_of.

    Returns:
        One row per customer: `customer_id` and `<kind>_cost` of every kind, exact money.
    """
    known = sources.customers.lazy().select("customer_id")
    parts = pl.concat([_own(sources, since), _shared(sources, since)[0]])
    sums = parts.lazy().group_by("customer_id").agg(_sum_of(kind) for kind in KINDS)
    return (
        known.join(sums, on="customer_id", how="left")
        .with_columns(pl.col(f"{kind}_cost").fill_null(Decimal(0)) for kind in KINDS)
        .sort("customer_id")
        .collect()
    )


def without_customer(sources: Sources) -> pl.DataFrame:
    """Costs that fall on no customer: of people who never bought, or of a month before anybody had.

    Returns:
        One row per kind with such costs: `cost_kind`, `amount` (exact money).
    """
    own = _own(sources, None).join(sources.customers, on="customer_id", how="anti")
    parts = pl.concat([own.drop("customer_id"), _shared(sources, None)[1]])
    grouped = parts.group_by(cost_kind="kind").agg(pl.col("amount").sum())
    return grouped.filter(pl.col("amount") != 0).sort("cost_kind")


def _sum_of(kind: str) -> pl.Expr:
    amount = pl.col("amount").filter(pl.col("kind") == kind).sum()
    return amount.cast(MONEY).alias(f"{kind}_cost")


def _own(sources: Sources, since: date | None) -> pl.DataFrame:
    """Costs booked to one customer, or following from what he or she did; also of who never bought."""
    rows = sources.booked.filter(pl.col("customer_id") != EVERYBODY)
    if since:
        rows = rows.filter(pl.col("month") >= since)
    parts = [rows.select(*_SCHEMA)]
    for kind, events, day in (
        ("service", sources.interactions, pl.col("at").dt.date()),
        ("logistics", sources.occasions, pl.col("purchase_day")),
    ):
        rate = sources.rate_of(kind)
        if rate is not None:
            within = (day <= sources.as_of) & (day >= (since or date.min))
            counted = events.lazy().filter(within).group_by("customer_id").agg(n=pl.len())
            amount = (pl.col("n").cast(MONEY) * pl.lit(rate, MONEY)).cast(MONEY)
            parts.append(counted.select("customer_id", kind=pl.lit(kind), amount=amount).collect())
    return pl.concat(parts)


def _shared(sources: Sources, since: date | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Costs of all customers, shared out evenly among who had bought by the end of their month.

    Each kind and month is dealt in the smallest unit of the currency; what is left after even
    shares goes, one unit each, to who bought first (ties by id), and a fraction of a unit to the first.

    Returns:
        `customer_id`, `kind`, `amount`, one row per customer and kind; and `kind`, `amount` of the
        months in which nobody had bought yet.
    """
    rows = sources.booked.filter(pl.col("customer_id") == EVERYBODY)
    if since:
        rows = rows.filter(pl.col("month") >= since)
    monthly = rows.group_by("kind", "month").agg(pl.col("amount").sum()).sort("kind", "month")
    line = sources.customers.select("customer_id", "first_purchase").sort(
        "first_purchase", "customer_id"
    )
    ends = monthly["month"].dt.month_end().to_numpy()
    sharers = np.searchsorted(line["first_purchase"].to_numpy(), ends, side="right")
    monthly = monthly.with_columns(sharers=pl.Series(sharers, dtype=pl.Int64))
    unit = 10 ** (_PLACES - sources.settings.minor_digits)
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for kind in monthly["kind"].unique().sort():
        some = monthly.filter((pl.col("kind") == kind) & (pl.col("sharers") > 0))
        dealt = pl.DataFrame({"dealt": _deal(some, line.height, unit)})
        amount = pl.col("dealt").cast(MONEY) / 10**_PLACES
        shares = line.hstack(dealt).filter(pl.col("dealt") != 0)
        parts.append(shares.select("customer_id", kind=pl.lit(kind), amount=amount.cast(MONEY)))
    return pl.concat(parts), monthly.filter(pl.col("sharers") == 0).select("kind", "amount")


def _deal(monthly: pl.DataFrame, people: int, unit: int) -> np.ndarray:
    """Deal each month's amount to the first `sharers` of a line of people.

    Args:
        monthly: `amount` (exact money), `sharers` (at least 1).
        people: length of the line.
        unit: smallest unit of the currency, in ten-thousandths.

    Returns:
        What each of the line gets, in ten-thousandths.
    """
    amounts = (monthly["amount"] * 10**_PLACES).cast(pl.Int64).to_numpy()
    sharers, sign = monthly["sharers"].to_numpy(), np.sign(amounts)
    units, fraction = np.divmod(np.abs(amounts), unit)
    even, left = np.divmod(units, sharers)
    until = np.zeros(people, dtype=np.int64)  # what everybody up to a place gets
    np.add.at(until, sharers - 1, sign * even * unit)
    some = left > 0
    np.add.at(until, left[some] - 1, (sign * unit)[some])
    dealt = until[::-1].cumsum()[::-1]
    dealt[:1] += (sign * fraction).sum()
    return dealt
