"""Computed sentences about net value, as arguments for `run.say` and `run.say_all`."""

from decimal import Decimal

import polars as pl

from analysis.clv import contribution
from analysis.clv.costs import KINDS, RECURRING, Sources
from analysis.clv.loyalty import PARTS
from analysis.clv.newcomers import OTHER, UNKNOWN
from analysis.labels import label, text
from analysis.report.show import Cents, Money, Share, worded

LARGE_SHARE = 0.25  # of all net value, in the hands of one customer


def net_of(sources: Sources) -> list[dict]:
    """What net value, past and expected, is net of."""
    goods = sources.settings.clv.gross_margin < 1
    known = sources.kinds
    if not goods and not known:
        return [{"key": "value.net_of_nothing"}]
    everything = {"cost_of_goods": goods, **{f"{kind}_cost": kind in known for kind in KINDS}}
    taken, missing = (
        [label(f"component.{name}") for name, is_known in everything.items() if is_known == wanted]
        for wanted in (True, False)
    )
    said = [{"key": "value.net_of", "parts": _listed(taken)}]
    if "acquisition" in known:
        said.append({"key": "value.won_once"})
    if missing:
        said.append({"key": "value.not_known", "parts": _listed(missing)})
    for kind, key in (("service", "value.per_contact"), ("logistics", "value.per_order")):
        rate = sources.rate_of(kind)
        if rate is not None:
            said.append({"key": key, "rate": Cents(rate)})
    if not goods and not set(known) & set(RECURRING):
        said.append({"key": "value.future_gross"})
    return said


def past(values: pl.DataFrame, without: pl.DataFrame) -> list[dict]:
    """What customers brought, what was left, and what belongs to none of them.

    Args:
        values: as `net.past_value` returns it.
        without: as `costs.without_customer` returns it.
    """
    revenue, left, back = (values[name].sum() for name in ("revenue", "past_net", "returns"))
    said = [
        {
            "key": "value.past" if revenue > 0 else "value.past_no_revenue",
            "revenue": Money(revenue),
            "net": Money(left),
            "share": Share(left / revenue if revenue > 0 else 0),
        }
    ]
    if back:
        said.append({"key": "value.returns", "amount": Money(back)})
    losing = values.filter(pl.col("past_net") < 0)
    if losing.height:
        lost = Money(-losing["past_net"].sum())
        said.append({"key": "value.losing", "customers": losing.height, "amount": lost})
    if without.height:
        said.append(
            {
                "key": "value.without_customer",
                "amount": Cents(without["amount"].sum()),
                "kinds": _listed(label(f"component.{kind}_cost") for kind in without["cost_kind"]),
            }
        )
    return said


def future(values: pl.DataFrame, horizon_days: int) -> dict:
    """What is expected of all customers, and what serving them will take of it.

    Args:
        values: the table `customer_value`.
    """
    margin, cost, left = (
        float(values[f"future_{name}"].sum()) for name in ("margin", "cost", "net")
    )
    facts = {"days": horizon_days, "net": Money(left), "margin": Money(margin), "cost": Money(cost)}
    if not cost:
        return {"key": "value.future_no_cost", **facts}
    losing = int((values["future_net"] < 0).sum())
    return {"key": "value.future", "customers": losing, **facts}


def shares(values: pl.DataFrame) -> list[dict]:
    """How uneven contributions are.

    Args:
        values: one row per customer with `past_net`.
    """
    tenth, fifth = (contribution.top_share(values, top) for top in contribution.TOP_SHARES)
    uneven = contribution.gini(values)
    said = []
    if tenth is None:
        said.append({"key": "value.no_total"})
    else:
        said.append({"key": "value.top", "tenth": Share(tenth), "fifth": Share(fifth)})
        largest = contribution.pareto(values)["share_of_net"][1]
        if largest > LARGE_SHARE and values.height > 1:
            said.append({"key": "value.one_customer", "share": Share(largest)})
    losing = values.filter(pl.col("past_net") < 0).height
    if uneven is not None:
        said.append({"key": "value.gini", "gini": f"{uneven:.2f}"})
        if losing:
            said.append({"key": "value.gini_negative", "customers": losing})
    peak = contribution.pareto(values)["share_of_net"].max()
    if peak is not None and peak > 1.0005:
        said.append({"key": "value.above_all", "peak": Share(peak), "customers": losing})
    return said


def loyal(values: pl.DataFrame) -> dict:
    """The middle of the loyalty index, and the parts it could be made of.

    Args:
        values: the table `customer_value`.
    """
    known = [name for name in PARTS if values[name].count()]
    return {
        "key": "value.loyal" if len(known) == len(PARTS) else "value.loyal_in_part",
        "median": f"{values['loyalty_index'].median():.0f}",
        "parts": _listed(text(name) for name in known),
        "missing": _listed(text(name) for name in PARTS if name not in known),
    }


def new_customers(groups: pl.DataFrame) -> list[dict]:
    """Which source brings the customers worth most, and what is not known.

    Args:
        groups: as `newcomers.newcomers` returns it.
    """
    months = groups.filter(pl.col("by") == "month")
    if months.is_empty():
        return [{"key": "value.nobody_new"}]
    said = []
    if not months["acquisition_cost"].count():
        said.append({"key": "value.acquisition_not_known"})
    sources = groups.filter(pl.col("by") == "source")
    if sources.is_empty():
        return [*said, {"key": "value.no_source"}]
    named = sources.filter(~pl.col("group").is_in([OTHER, UNKNOWN])).sort("value")
    if named.height > 1:
        worst, best = named.row(0, named=True), named.row(-1, named=True)
        said.append(
            {
                "key": "value.best_source",
                "best": best["group"],
                "most": Money(best["value"]),
                "worst": worst["group"],
                "least": Money(worst["value"]),
            }
        )
    return said


def change(parts: pl.DataFrame | None) -> dict:
    """Why the expected value of the base changed, or that there is no month to compare with.

    Args:
        parts: as `waterfall.waterfall` returns it; None without an earlier month.
    """
    if parts is None:
        return {"key": "value.no_month_before"}
    amounts = dict(parts.iter_rows())
    start, end = amounts.pop("start"), amounts.pop("end")
    largest = max(amounts, key=lambda part: abs(amounts[part]))
    key = "value.rose" if end > start else "value.fell" if end < start else "value.same"
    return {
        "key": key,
        "change": Money(abs(end - start)),
        "end": Money(end),
        "part": label(f"part.{largest}"),
        "amount": f"{amounts[largest]:+,.0f}",
    }


def served(classes: pl.DataFrame, axis: str) -> list[dict]:
    """Which classes of an axis take more, and which less, of the cost to serve than they bring.

    Empty where no cost of serving is known; the figure in its place says so.

    Args:
        classes: as `serving.by_class` returns it.
    """
    rows = classes.filter((pl.col("axis") == axis) & pl.col("served").is_not_null())
    if rows.is_empty():
        return []
    said = []
    for verdict in ("more", "less"):
        some = rows.filter(pl.col("served") == verdict)
        if some.height:
            names = _listed(worded(some.select("class"))["class"])
            said.append({"key": f"value.served_{verdict}", "classes": names})
    return said or [{"key": "value.served_evenly"}]


def totals(values: pl.DataFrame, parts: pl.DataFrame, orders_total: Decimal) -> dict:
    """Whether customers sum to the totals of the components, and revenue to that of the orders.

    Args:
        values: the table `customer_value`.
        parts: as `net.components` returns it.
        orders_total: sum of all purchases net of refunds, from the table `occasions`.
    """
    listed = dict(parts.select("component", "amount").iter_rows())
    costs = sum(
        amount
        for name, amount in listed.items()
        if name not in ("revenue", "past_net", "without_customer", "net_of_all")
    )
    net = values["past_net"].sum()
    right = listed["revenue"] == orders_total and listed["revenue"] + costs == net
    return {
        "key": "value.adds_up" if right else "value.does_not_add_up",
        "revenue": Cents(orders_total),
        "costs": Cents(-costs),
        "net": Cents(net),
    }


def _listed(words) -> str:
    *others, last = list(words) or [""]
    parted = "; " if any("," in word for word in [*others, last]) else ", "
    return label("value.and", others=parted.join(others), last=last) if others else last
