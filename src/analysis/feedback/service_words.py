"""Computed sentences about service, its meaning, channels and care, as arguments for `run.say`."""

from datetime import date

import polars as pl

from analysis.feedback import care
from analysis.feedback.service_tables import SHARES, readable
from analysis.feedback.service_times import FEW
from analysis.labels import label
from analysis.report.show import Money, Share, percent, worded
from analysis.run.sections import Service

_UNITS = {"first_response": "hours", "close": "days", "connect": "seconds"}


def no_table(table: str) -> dict:
    """That a table is missing or empty."""
    return {"key": "service_page.no_table", "table": table}


def figures(kpis: pl.DataFrame) -> list[dict]:
    """The figures of complaints in sentences.

    Args:
        kpis: as `service.kpis` returns it.
    """
    rows = {(row["period"], row["kpi"]): row for row in kpis.to_dicts()}
    year, month = rows["year", "rate"], rows["month", "rate"]
    if not year["cases"]:
        return [{"key": "service_page.no_complaints"}]
    said = [_rate(year, "service_page.rate"), _rate(month, "service_page.rate_month")]
    for name in (*SHARES, "response_median", "close_median"):
        said.append(_figure(rows["year", name]))
    return said


def ageing(bands: pl.DataFrame) -> dict:
    """How many complaints are open, and for how long.

    Args:
        bands: as `service.ageing` returns it.
    """
    total = int(bands["complaints"].sum())
    if not total:
        return {"key": "service_page.none_open"}
    counts = {"open": total, "customers": int(bands["customers"].sum())}
    return {"key": "service_page.open", **counts, "oldest": int(bands["oldest_days"].max())}


def standards(verdicts: pl.DataFrame) -> list[dict]:
    """Which standards were kept.

    Args:
        verdicts: as `service_standards.standards` returns it.
    """
    said = []
    for row in verdicts.to_dicts():
        limit = label(f"service_page.{_UNITS[row['standard']]}", count=f"{row['limit']:g}")
        shown = {
            name: Share(row[name]) for name in ("share", "low", "high") if row[name] is not None
        }
        said.append(
            {
                "key": f"service_page.standard_{row['verdict']}",
                "standard": label(f"service_standard.{row['standard']}"),
                "limit": limit,
                "required": Share(row["required"]),
                "cases": row["cases"],
                **shown,
            }
        )
    small = verdicts.filter(pl.col("small") & (pl.col("cases") > 0)).height
    return [*said, {"key": "service_page.few", "few": FEW}] if small else said


def chart(months: pl.DataFrame) -> dict:
    """Whether a month had more or fewer complaints than chance explains.

    Args:
        months: as `service.control_chart` returns it.
    """
    if months.is_empty():
        return {"key": "service_page.chart_none"}
    outside = months.drop_nulls("outside")
    facts = {"months": months["rate"].count(), "mean": f"{months['mean'][0]:.1f}"}
    if outside.is_empty():
        return {"key": "service_page.chart_inside", **facts}
    listed = ", ".join(f"{day:%Y-%m}" for day in outside["month"])
    key = "service_page.chart_outside"
    return {"key": key, "outside": outside.height, "listed": listed, **facts}


def effects(found: pl.DataFrame) -> list[dict]:
    """What complaints and dissatisfaction have to do with staying away.

    Args:
        found: as `meaning.effects` returns it.
    """
    said = []
    for row in found.to_dicts():
        end = "apart" if row["low"] > 0 else "apart_less" if row["high"] < 0 else "equal"
        points = {"points": row["difference"], "low": row["low"], "high": row["high"]}
        said.append(
            {
                "key": f"service_page.effect_{end}",
                "what": label(f"service_effect.{row['what']}"),
                "customers": row["customers_with"],
                **{name: f"{value * 100:+.1f}" for name, value in points.items()},
            }
        )
    return said or [{"key": "service_page.no_effect"}]


def costliest(costs: pl.DataFrame) -> list[dict]:
    """Which category of complaints goes with most expected value.

    Args:
        costs: as `meaning.costs` returns it.
    """
    if costs.is_empty():
        return [{"key": "service_page.no_costs"}]
    top = costs.row(0, named=True)
    sure = top["cost_low"] > 0
    said = {
        "key": "service_page.costliest" if sure else "service_page.costliest_unsure",
        "category": top["category"].replace("_", " "),
        "customers": top["customers"],
        **{name: Money(top[f"cost{end}"]) for name, end in _ENDS.items()},
    }
    share = top["largest_share"]
    one = {"key": "service_page.costliest_one", "share": Share(share or 0)}
    return [said, one] if share is not None and share > 0.25 else [said]


_ENDS = {"cost": "", "low": "_low", "high": "_high"}


def called(calls: pl.DataFrame) -> dict:
    """How many customers to call back, and what is at stake.

    Args:
        calls: as `meaning.call_back` returns it.
    """
    if calls.is_empty():
        return {"key": "service_page.nobody_to_call"}
    stake = Money(calls["value_at_stake"].fill_null(0).sum())
    return {"key": "service_page.call_back", "customers": calls.height, "stake": stake}


def answers(contacts: pl.DataFrame, rates: pl.DataFrame) -> list[dict]:
    """On which channel customers answer.

    Args:
        contacts, rates: as `contacts.contacts` and `channels.by_class` return them.
    """
    said = []
    if rates.is_empty():
        said.append({"key": "answer_channel.no_answers"})
    else:
        totals = rates.group_by("channel").agg(pl.col("answered", "contacts").sum())
        share = pl.col("answered") / pl.col("contacts")
        ranked = readable(totals.with_columns(share=share).sort(-pl.col("share"), "channel"))
        words = [
            label("answer_channel.one", channel=name, share=percent(value))
            for name, value in ranked.select("channel", "share").iter_rows()
        ]
        said.append({"key": "answer_channel.best", "listed": ", ".join(words)})
        if rates.select(
            (pl.col("strength") >= pl.col("contacts").sum().over("channel")).all()
        ).item():
            said.append({"key": "answer_channel.equal"})
    talks = contacts.filter(pl.col("source") == "contact")
    old = talks.filter(~pl.col("inbound") & pl.col("answered").is_null())
    if old.height:
        counts = {"contacts": old.height, "all": talks.height}
        said.append({"key": "answer_channel.direction_missing", **counts})
    return said


def covered(coverage: pl.DataFrame, service: Service) -> list[dict]:
    """Who was contacted, and who too often.

    Args:
        coverage: as `channels.coverage` returns it.
    """
    if coverage.is_empty():
        return [{"key": "answer_channel.no_classes"}]
    least = coverage.sort("share", "class").row(0, named=True)
    name = worded(coverage.sort("share", "class").select("class"))["class"][0]
    share = coverage["contacted"].sum() / coverage["customers"].sum()
    often = int(coverage["too_often"].sum())
    shares = {"share": Share(share), "least": Share(least["share"])}
    return [
        {"key": "answer_channel.coverage", "name": name, **shares},
        {
            "key": "answer_channel.too_often",
            "most": service.max_contacts_30_days,
            "customers": often,
        },
    ]


def due(listed: pl.DataFrame) -> dict:
    """How many customers are due for a contact.

    Args:
        listed: as `channels.due` returns it.
    """
    if listed.is_empty():
        return {"key": "answer_channel.nobody_due"}
    never = listed["last_contact"].null_count()
    return {"key": "answer_channel.due", "customers": listed.height, "never": never}


def cared(profiles: pl.DataFrame, customers: pl.DataFrame, as_of: date) -> list[dict]:
    """Birthdays and festivals of the next month, and who was left out."""
    out = care.left_out(profiles, customers, as_of)
    birthdays = care.birthdays(profiles, as_of).height
    counts = {end: out[f"birthday_{end}"] for end in ("refused", "not_asked")}
    said = [{"key": "care.birthdays", "customers": birthdays, **counts}]
    said.append({"key": "care.no_birthday", "customers": out["no_birthday"]})
    coming = care.festivals(as_of)
    if coming.is_empty():
        known = care.festivals_known(as_of)
        return [*said, {"key": "care.no_festival" if known else "care.beyond"}]
    names = ", ".join(label(f"festival.{name}") for name in coming["festival"])
    people = care.festival_list(profiles, customers, as_of)["customer_id"].n_unique()
    counts = {end: out[f"festival_{end}"] for end in ("refused", "not_asked")}
    return [*said, {"key": "care.festivals", "festivals": names, "customers": people, **counts}]


def _rate(row: dict, key: str) -> dict:
    if row["value"] is None:
        return {"key": "service_page.no_orders"}
    shown = {"rate": row["value"], "low": row["low"], "high": row["high"]}
    texts = {name: f"{value:.1f}" for name, value in shown.items()}
    return {"key": key, "complaints": row["cases"], **texts}


def _figure(row: dict) -> dict:
    counts = {"cases": row["cases"], "left_out": row["left_out"]}
    if None in (row["value"], row["low"], row["high"]):
        figure = label(f"service_figure.{row['kpi']}")
        return {"key": "service_page.cannot_tell", "figure": figure, **counts}
    key, values = f"service_page.{row['kpi']}", (row["value"], row["low"], row["high"])
    if row["kpi"] in SHARES:
        return {
            "key": key,
            **dict(zip(("share", "low", "high"), map(Share, values), strict=True)),
            **counts,
        }
    texts = [f"{value:.1f}" for value in values]
    return {"key": key, **dict(zip(("median", "low", "high"), texts, strict=True))}
