"""On which channel customers answer, who hears from the company, too often or not often enough."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import beta, norm

from analysis.intervals import CONFIDENCE, wilson
from analysis.run.sections import Service

COVERED_DAYS, OFTEN_DAYS = 90, 30
NO_CLASS = "unknown"
_RATE = {"class": pl.String, "channel": pl.String, "contacts": pl.Int64, "answered": pl.Int64}
_RATE |= dict.fromkeys(("raw", "rate", "low", "high", "strength"), pl.Float64)
_PREFERRED = {"customer_id": pl.String, "class": pl.String, "preferred_channel": pl.String}
_PREFERRED |= {"rate": pl.Float64, "sure": pl.Float64, "next_channel": pl.String}
_PREFERRED |= {"contacts": pl.Int64}
_DUE = {"customer_id": pl.String, "class": pl.String, "last_contact": pl.Date}
_DUE |= dict.fromkeys(("days_since", "every_days", "overdue_days"), pl.Int64)


def classes(segments: pl.DataFrame, axis: str = "rfm") -> pl.DataFrame:
    """The class of every customer on an axis: `customer_id`, `class`, by customer."""
    found = segments.filter(pl.col("axis") == axis).select(
        "customer_id", pl.col("class").cast(pl.String)
    )
    return found.unique("customer_id", keep="first").sort("customer_id")


def by_class(contacts: pl.DataFrame, classes: pl.DataFrame) -> pl.DataFrame:
    """How each class answers each channel, drawn towards what all classes do.

    Beta-binomial, empirical Bayes: classes scatter around the rate of all as the moments say (Kleinman
    1973, JASA 68); the fewer contacts a class has, the more it takes from all. Where classes scatter no
    more than chance would, they take as much as all contacts together weigh. The interval does not
    count that the scatter itself is estimated.

    Args:
        contacts: as `contacts.contacts` returns it.
        classes: as `classes` returns it.

    Returns:
        One row per class and channel with contacts, by class and channel: `class`, `channel`,
        `contacts`, `answered`, `raw` (share), `rate` (drawn towards all), `low`, `high` (95 %),
        `strength` (contacts that all classes together stand for).
    """
    known = contacts.drop_nulls("answered").join(classes, on="customer_id", how="left")
    counts = (
        known.with_columns(pl.col("class").fill_null(NO_CLASS))
        .group_by("class", "channel")
        .agg(contacts=pl.len().cast(pl.Int64), answered=pl.col("answered").sum().cast(pl.Int64))
        .sort("channel", "class")
    )
    parts = [pl.DataFrame(schema=_RATE)]
    for one in counts.partition_by("channel", maintain_order=True):
        n, k = (one[name].to_numpy().astype(float) for name in ("contacts", "answered"))
        mean, strength = moments(k, n)
        a, b = _prior(mean, strength)
        limits = [beta.ppf(tail, a + k, b + n - k) for tail in _TAILS]
        parts.append(
            one.with_columns(
                raw=pl.Series(k / n),
                rate=pl.Series((a + k) / (a + b + n)),
                low=pl.Series(limits[0]),
                high=pl.Series(limits[1]),
                strength=pl.lit(strength),
            ).select(*_RATE)
        )
    return pl.concat(parts).sort("class", "channel")


def moments(k: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Mean and strength (a + b) of the beta distribution behind shares k of n, by moments.

    Source: Kleinman (1973), JASA 68, with weights n. The strength lies between 1 and all trials; it is
    all trials where the shares scatter no more than chance.
    """
    total = n.sum()
    mean = k.sum() / total
    chance = mean * (1 - mean)
    room = total - (n**2).sum() / total
    if len(n) < 2 or chance <= 0 or room <= 0:
        return float(mean), float(max(total, 1))
    between = ((n * (k / n - mean) ** 2).sum() - (len(n) - 1) * chance) / room
    strength = chance / between - 1 if between > 0 else total
    return float(mean), float(np.clip(strength, 1, max(total, 1)))


def preferred(contacts: pl.DataFrame, classes: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The channel on which each customer is likeliest to answer, and how sure that is.

    A customer's own answers are drawn towards the class as classes are towards all (`by_class`); whoever
    was never contacted takes the rate of the class, a class without contacts that of all.

    Args:
        contacts, classes, rates: as `contacts`, `classes` and `by_class` return them.

    Returns:
        One row per customer with a class, by customer: `customer_id`, `class`, `preferred_channel`,
        `rate` (expected share answered), `sure` (chance from 0.5 to 1 that it beats `next_channel`, by
        normal approximation; null with one channel), `next_channel`, `contacts` (on which it rests).
        Empty where no answer is known.
    """
    own = (
        contacts.drop_nulls("answered")
        .group_by("customer_id", "channel")
        .agg(n=pl.len().cast(pl.Float64), k=pl.col("answered").sum().cast(pl.Float64))
        .sort("channel", "customer_id")
    )
    if own.is_empty():
        return pl.DataFrame(schema=_PREFERRED)
    table = _ranked(own, classes, rates)
    first, second = (
        {
            name: pl.col(name).list.get(place, null_on_oob=True)
            for name in ("channel", "rate", "variance")
        }
        for place in (0, 1)
    )
    apart = (first["rate"] - second["rate"]) / (first["variance"] + second["variance"]).sqrt()
    sure = norm.cdf(table.select(apart.fill_null(np.nan)).to_series().to_numpy())
    return table.select(
        "customer_id",
        pl.col("class").list.first(),
        preferred_channel=first["channel"],
        rate=first["rate"],
        sure=pl.Series(sure).fill_nan(None),
        next_channel=second["channel"],
        contacts="contacts",
    ).cast(_PREFERRED)


def _ranked(own: pl.DataFrame, classes: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Both best channels of every customer: rate and variance of the beta distribution of each.

    Args:
        own: `customer_id`, `channel`, `n` (contacts), `k` (answered).
    """
    overall = [
        (one["channel"][0], *moments(one["k"].to_numpy(), one["n"].to_numpy()))
        for one in own.partition_by("channel", maintain_order=True)
    ]
    channels = pl.DataFrame(overall, schema=["channel", "mean", "weight"], orient="row")
    a = pl.col("prior") * pl.col("weight") + pl.col("k")
    b = (1 - pl.col("prior")) * pl.col("weight") + pl.col("n") - pl.col("k")
    return (
        classes.join(channels, how="cross")
        .join(rates.select("class", "channel", prior="rate"), on=["class", "channel"], how="left")
        .join(own, on=["customer_id", "channel"], how="left")
        .with_columns(pl.col("prior").fill_null(pl.col("mean")), pl.col("n", "k").fill_null(0.0))
        .with_columns(rate=a / (a + b), variance=a * b / ((a + b) ** 2 * (a + b + 1)))
        .sort("customer_id", -pl.col("rate"), "channel")
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("class", "channel", "rate", "variance").head(2),
            contacts=pl.col("n").sum().cast(pl.Int64),
        )
    )


def coverage(
    contacts: pl.DataFrame, classes: pl.DataFrame, as_of: date, service: Service
) -> pl.DataFrame:
    """Which share of each class the company contacted, and whom too often.

    Returns:
        One row per class, by class: `class`, `customers`, `contacted` (by the company in the 90 days up
        to as_of; inbound contacts do not count, those of unknown direction do), `share`, `low`, `high`
        (95 %, Wilson), `contacts`, `too_often` (customers with more than `max_contacts_30_days` contacts
        in the 30 days up to as_of).
    """
    joined = classes.join(often(contacts, as_of), on="customer_id", how="left")
    table = (
        joined.with_columns(pl.col("contacts_90_days", "contacts_30_days").fill_null(0))
        .group_by("class")
        .agg(
            customers=pl.len().cast(pl.Int64),
            contacted=(pl.col("contacts_90_days") > 0).sum().cast(pl.Int64),
            contacts=pl.col("contacts_90_days").sum(),
            too_often=(pl.col("contacts_30_days") > service.max_contacts_30_days)
            .sum()
            .cast(pl.Int64),
        )
        .sort("class")
        .with_columns(share=pl.col("contacted") / pl.col("customers"))
    )
    low, high = wilson(table["share"].to_numpy(), table["customers"].to_numpy())
    limits = {"low": pl.Series(low).clip(0, 1), "high": pl.Series(high).clip(0, 1)}
    names = ("class", "customers", "contacted", "share", "low", "high", "contacts", "too_often")
    return table.with_columns(**limits).select(names)


def often(contacts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Contacts by the company: `customer_id`, `contacts_90_days`, `contacts_30_days`, most first."""
    day = pl.col("at").dt.date()
    some = contacts.filter(~pl.col("inbound") & (day > as_of - timedelta(days=COVERED_DAYS)))
    recent = (day > as_of - timedelta(days=OFTEN_DAYS)).sum().cast(pl.Int64)
    counts = some.group_by("customer_id").agg(
        contacts_90_days=pl.len().cast(pl.Int64), contacts_30_days=recent
    )
    return counts.sort(-pl.col("contacts_30_days"), -pl.col("contacts_90_days"), "customer_id")


def due(
    contacts: pl.DataFrame, classes: pl.DataFrame, as_of: date, service: Service
) -> pl.DataFrame:
    """Customers who should have heard from the company by now, by the cadence of their class.

    Any contact counts, the customer's own too. Classes without a cadence in the settings are left out.

    Returns:
        One row per customer, the longest overdue first, those never contacted last: `customer_id`,
        `class`, `last_contact` (day; null if never), `days_since`, `every_days`, `overdue_days`.
    """
    last = contacts.group_by("customer_id").agg(last_contact=pl.col("at").max().dt.date())
    every = pl.col("class").replace_strict(
        service.contact_every_days, default=None, return_dtype=pl.Int64
    )
    since = (pl.lit(as_of) - pl.col("last_contact")).dt.total_days()
    table = classes.join(last, on="customer_id", how="left").with_columns(
        days_since=since, every_days=every, overdue_days=since - every
    )
    late = pl.col("overdue_days").is_null() | (pl.col("overdue_days") > 0)
    found = table.filter(late & pl.col("every_days").is_not_null())
    order = [-pl.col("overdue_days"), pl.col("every_days"), pl.col("customer_id")]
    return found.sort(order, nulls_last=True).select(*_DUE).cast(_DUE)


def nobody_due() -> pl.DataFrame:
    """As `due`, of nobody: where no contact is recorded, nobody can be said to have had too few."""
    return pl.DataFrame(schema=_DUE)


_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def _prior(mean: float, strength: float) -> tuple[float, float]:
    """Both parameters; neither 0, so that a limit exists where nobody or everybody answered."""
    return max(mean * strength, 0.5), max((1 - mean) * strength, 0.5)
