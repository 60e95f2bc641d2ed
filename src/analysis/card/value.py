"""What a customer brought, is expected to bring, and what is at stake."""

from datetime import timedelta

import polars as pl

from analysis.card.card import Card
from analysis.labels import group, label
from analysis.report.show import form

YEAR_DAYS = 365


def figures(one: Card) -> pl.DataFrame:
    """Past and expected value, in words.

    Returns:
        One row per figure that is known: `figure`, `value`; no row for a customer without purchase.
    """
    customer, clv = one.row("customers"), one.row("clv")
    rows = (_past(one, customer) if customer else {}) | (_future(one, clv) if clv else {})
    words = group("card.value")
    named = [(words[name].format(days=YEAR_DAYS), value) for name, value in rows.items()]
    return pl.DataFrame(named, schema={"figure": pl.String, "value": pl.String}, orient="row")


def recent_spend(one: Card) -> tuple[float, float]:
    """Net spend of the last 365 days: the customer's, and that of all customers."""
    since = one.as_of - timedelta(days=YEAR_DAYS)
    recent = one.tables["occasions"].filter(pl.col("purchase_day") > since)
    own = recent.filter(pl.col("customer_id") == one.customer_id)
    return float(own["amount"].sum()), float(recent["amount"].sum())


def place(one: Card) -> int:
    """The customer's place by spend to date; equal spenders share the best."""
    spend = one.row("customers")["spend"]
    return one.tables["customers"].filter(pl.col("spend") > spend).height + 1


def margin(one: Card) -> tuple[float, float] | None:
    """Margin of the customer's order lines to date, and the share of their money whose cost is known.

    Returns:
        None where no cost is known.
    """
    own = one.lines.filter(pl.col("customer_id") == one.customer_id)
    known = own.filter(pl.col("cost").is_not_null())
    money = float(own["amount"].sum())
    if known.is_empty() or money <= 0:
        return None
    covered = float(known["amount"].sum())
    return covered - float(known["cost"].sum()), min(covered / money, 1.0)


def _past(one: Card, customer: dict) -> dict[str, str]:
    own, everybody = recent_spend(one)
    rows = {
        "spend": _money(one, customer["spend"]),
        "place": label(
            "card.of", place=f"{place(one):,}", all=f"{one.tables['customers'].height:,}"
        ),
        "spend_365": _money(one, own),
    }
    if everybody > 0:
        rows["share_365"] = f"{own / everybody:.2%}"
    known = margin(one)
    if known:
        rows["margin"] = _money(one, known[0])
        rows["margin_known"] = form(known[1], "share", one.settings)
    costs = one.rows("costs")
    if costs.height:
        rows["costs"] = _money(one, float(costs["amount"].sum()))
    return rows


def _future(one: Card, clv: dict) -> dict[str, str]:
    low, high = (form(clv[name], "money", one.settings) for name in ("clv_low", "clv_high"))
    return {
        "clv": _money(one, clv["clv"]),
        "interval": label("card.from_to", low=low, high=high),
        "expected_purchases": form(clv["expected_purchases"], "number", one.settings),
        "per_purchase": _money(one, clv["expected_spend_per_purchase"]),
        "potential": group("potential")[clv["potential"]],
    }


def _money(one: Card, amount: float) -> str:
    return f"{form(amount, 'money', one.settings)} {one.settings.currency}"


def others_chance(one: Card) -> tuple[float, float]:
    """Shares of all customers whose chance of no purchase is lower, and higher, than this one's."""
    chance = one.row("churn")["probability_no_purchase"]
    others = one.tables["churn"]["probability_no_purchase"]
    return float((others < chance).mean()), float((others > chance).mean())


def reasons(one: Card) -> list[str]:
    """What makes the customer likelier to leave, in words."""
    churn = one.row("churn") or {}
    found = [churn.get(f"reason_{number}") for number in (1, 2, 3)]
    return [group("reason").get(reason, reason.replace("_", " ")) for reason in found if reason]
