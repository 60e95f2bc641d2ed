"""The scorecard and the verdicts on class strategies, on tables worked by hand and on the shop."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.contracts import effects as contracts
from analysis.effects import scorecard, scorecard_lists, scorecard_rows, scorecard_words
from analysis.effects.strategy_verdicts import of_spend, strategy_verdicts, targets_of
from analysis.intervals import wilson
from analysis.report.show import Prose
from analysis.run.months import Month
from analysis.run.sections_effects import Plan
from analysis.run.settings import Settings
from analysis.tables import MONEY

MADE_ON, AS_OF, MONTH = date(2024, 5, 31), date(2024, 6, 30), Month(2024, 6)
SETTINGS = Settings(
    name="shop",
    currency="CNY",
    time_zone="Asia/Shanghai",
    sources=[{"table": "orders", "path": "x"}],
)
CLASSES = {"axis": pl.String, "class": pl.String}


def bought(*rows: tuple[str, date, float]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "purchase_day": pl.Date, "amount": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
        pl.col("amount").cast(MONEY)
    )


def idle(**days: int) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": list(days), "idle_days": list(days.values())})


def rows_of(frame: pl.DataFrame) -> dict[tuple[str, str], dict]:
    """Rows by measure and reference, once the contract has been kept."""
    contracts.Scorecard.validate(frame, cast=True)
    return {(row["measure"], row["against"]): row for row in frame.to_dicts()}


def said(sentences: list[dict]) -> str:
    """All sentences as a reader sees them."""
    words = [{name: value for name, value in one.items() if name != "key"} for one in sentences]
    return "\n".join(
        repr(Prose(one["key"], values, SETTINGS))
        for one, values in zip(sentences, words, strict=True)
    )


# Early warning ----------------------------------------------------------------------------------


def four() -> pl.DataFrame:
    """Four repeat buyers; a and c buy again in June, and e bought once only."""
    before = [
        (who, date(2024, month, 1), spent)
        for who, spent in (("a", 50.0), ("b", 100.0), ("c", 10.0), ("d", 40.0))
        for month in (1, 2)
    ]
    june = [("a", date(2024, 6, 5), 9.0), ("c", date(2024, 6, 6), 9.0)]
    return bought(*before, *june, ("e", date(2024, 1, 1), 500.0))


def test_the_published_list_is_scored_against_lists_as_long():
    listed = pl.DataFrame({"customer_id": ["a", "b"]})
    then = idle(a=10, b=20, c=30, d=40, e=99)
    found = rows_of(
        scorecard_lists.early_warning(listed, then, four(), MADE_ON, AS_OF, horizon_days=90)
    )
    left, loss = found["bought_nothing", "hiatus"], found["loss_caught", "hiatus"]
    # Of a and b only b left; of the longest silent, c and d, only d; of all four, two.
    assert (left["value"], left["reference"], left["difference"]) == (0.5, 0.5, 0.0)
    assert (left["cases"], left["window_open"], left["verdict"]) == (2, True, "cannot_tell")
    low, high = wilson(np.array([0.5]), np.array([2]))
    assert (left["low"], left["high"]) == pytest.approx((low[0], high[0]))
    assert found["bought_nothing", "random"]["reference"] == 0.5
    # b had spent 200, cut to the 99th percentile of four (100), and d 80.
    assert loss["value"] == pytest.approx(100 / 180)
    assert loss["reference"] == pytest.approx(1 - loss["value"])
    assert loss["difference"] == pytest.approx(2 * loss["value"] - 1)
    assert loss["difference_low"] < loss["difference"] < loss["difference_high"]
    assert found["loss_caught", "random"]["reference"] == 0.5


def test_what_happened_after_the_horizon_does_not_count():
    listed, then = pl.DataFrame({"customer_id": ["a"]}), idle(a=10, b=20)
    found = rows_of(scorecard_lists.early_warning(listed, then, four(), MADE_ON, AS_OF, 3))
    row = found["bought_nothing", "random"]
    assert (row["value"], row["window_open"], row["until"]) == (1.0, False, date(2024, 6, 3))


def test_a_list_of_all_equals_every_other_list():
    listed = pl.DataFrame({"customer_id": ["a", "b", "c", "d"]})
    then = idle(a=10, b=20, c=30, d=40)
    for row in rows_of(
        scorecard_lists.early_warning(listed, then, four(), MADE_ON, AS_OF, 90)
    ).values():
        assert row["difference"] == pytest.approx(0)
        assert row["verdict"] == "cannot_tell"


def test_one_customer_is_scored_without_a_claim():
    past = bought(*(("a", date(2024, month, 1), 5.0) for month in (1, 2)))
    listed = pl.DataFrame({"customer_id": ["a"]})
    found = rows_of(scorecard_lists.early_warning(listed, idle(a=9), past, MADE_ON, AS_OF, 90))
    assert {row["verdict"] for row in found.values()} == {"cannot_tell"}
    assert found["loss_caught", "hiatus"]["value"] == 1.0
    once = past.head(1)  # listed, but no repeat buyer by then
    found = scorecard_lists.early_warning(listed, idle(a=9), once, MADE_ON, AS_OF, 90)
    assert found["verdict"].to_list() == ["no_data"]


def test_the_first_month_has_no_list_to_score():
    found = scorecard_lists.early_warning(None, None, four(), MADE_ON, AS_OF, 90)
    assert found["verdict"].to_list() == ["no_data"]
    assert "nothing can be scored" in said(scorecard_words.sentences(found, SETTINGS))
    nobody = pl.DataFrame(schema={"customer_id": pl.String})
    found = scorecard_lists.early_warning(nobody, idle(a=1), four(), MADE_ON, AS_OF, 90)
    assert found["verdict"].to_list() == ["no_data"]


# Recommendations ----------------------------------------------------------------------------------


def lines(*rows: tuple) -> pl.DataFrame:
    names = ("customer_id", "product_id", "ordered_at", "quantity", "line_amount")
    frame = pl.DataFrame(
        [(*row[:2], row[2], *(row[3:] or (1.0, 5.0))) for row in rows],
        schema=dict(
            zip(
                names,
                (pl.String, pl.String, pl.Date, pl.Float64, pl.Float64),
                strict=True,
            )
        ),
        orient="row",
    )
    off = pl.lit(False)
    return frame.with_columns(pl.col("ordered_at").cast(pl.Datetime), is_fee=off, is_service=off)


NO_PRODUCTS = pl.DataFrame(schema={"product_id": pl.String, "is_service": pl.Boolean})
MAY, JUNE = date(2024, 5, 1), date(2024, 6, 10)


def history() -> list[tuple]:
    """p is bought by four, q by three, r by two, so they are popular in that order."""
    owners = {"p": "abcd", "q": "abc", "r": "ab", "s": "a"}
    return [(who, product, MAY) for product, people in owners.items() for who in people]


def offers(*rows: tuple[str, str, str]) -> pl.DataFrame:
    schema = ["customer_id", "list", "product_id"]
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(rank=pl.lit(1))


def test_offers_are_scored_on_the_buyers_against_as_many_popular_products():
    june = [("a", "s", JUNE), ("b", "p", JUNE), ("c", "r", JUNE)]
    given = offers(("a", "due_again", "s"), ("b", "due_again", "q"), ("d", "due_again", "p"))
    found = rows_of(
        scorecard_lists.recommendations(
            given, lines(*history(), *june), NO_PRODUCTS, MADE_ON, AS_OF
        )
    )
    row = found["due_again", "popularity"]
    # d bought nothing and c was offered nothing: a and b count. One hit each; popularity offers p.
    assert (row["cases"], row["value"], row["reference"], row["difference"]) == (2, 0.5, 0.5, 0.0)
    assert row["verdict"] == "cannot_tell"


def test_new_products_stand_against_the_most_popular_that_are_new_to_the_customer():
    june = [("c", "r", JUNE), ("d", "q", JUNE), ("a", "p", JUNE)]
    given = offers(("c", "try_next", "s"), ("d", "try_next", "s"), ("a", "try_next", "z"))
    found = rows_of(
        scorecard_lists.recommendations(
            given, lines(*history(), *june), NO_PRODUCTS, MADE_ON, AS_OF
        )
    )
    row = found["try_next", "popularity"]
    # New to c is r first, to d it is q: both were bought. a bought only what was not new.
    assert (row["cases"], row["value"], row["reference"]) == (3, 0.0, pytest.approx(2 / 3))


def test_many_pairs_tell_a_better_list():
    people = [f"c{n}" for n in range(60)]
    past = [(who, "old", MAY) for who in people]
    june = [(who, "mine", JUNE) for who in people[:40]] + [
        (who, "old", JUNE) for who in people[40:]
    ]
    given = offers(*((who, "due_again", "mine") for who in people))
    row = rows_of(
        scorecard_lists.recommendations(given, lines(*past, *june), NO_PRODUCTS, MADE_ON, AS_OF)
    )["due_again", "popularity"]
    # Bonett and Price by hand: (41 - 21) / 62, and the standard error of the two shares of 62.
    middle, error = 20 / 62, np.sqrt((62 / 62 - (20 / 62) ** 2) / 62)
    assert row["difference"] == pytest.approx(20 / 60)
    assert row["difference_low"] == pytest.approx(middle - 1.959964 * error)
    assert row["verdict"] == "better"


def test_returned_lines_and_services_are_no_purchase_and_later_lines_are_not_read():
    june = [("a", "s", JUNE, -1.0, -5.0), ("b", "v", JUNE), ("c", "q", date(2024, 7, 1))]
    services = pl.DataFrame({"product_id": ["v"], "is_service": [True]})
    given = offers(("a", "due_again", "s"), ("b", "due_again", "v"), ("c", "due_again", "q"))
    found = scorecard_lists.recommendations(
        given, lines(*history(), *june), services, MADE_ON, AS_OF
    )
    assert found["verdict"].to_list() == ["no_data"]
    assert found["cases"].to_list() == [0]


def test_without_offers_there_is_nothing_to_score():
    for none in (None, offers().clear()):
        found = scorecard_lists.recommendations(none, lines(), NO_PRODUCTS, MADE_ON, AS_OF)
        assert found["verdict"].to_list() == ["no_data"]


# Forecast, satisfaction, churn, sales ---------------------------------------------------------------


def test_the_latest_forecast_of_each_horizon_is_held_or_missed():
    outcomes = pl.DataFrame(
        {
            "made_on": [date(2024, 4, 30), MADE_ON, date(2024, 3, 31)],
            "horizon_days": [30, 30, 91],
            "expected_purchases": [100.0, 120.0, 300.0],
            "low": [80.0, 100.0, 250.0],
            "high": [120.0, 140.0, 350.0],
            "actual": [10, 130, 400],
            "hit": [False, True, False],
        }
    )
    found = scorecard.forecast(outcomes, AS_OF)
    contracts.Scorecard.validate(found, cast=True)
    assert found["measure"].to_list() == ["purchases_30", "purchases_91"]
    assert found["verdict"].to_list() == ["held", "missed"]
    assert found["difference"].to_list() == [10.0, 100.0]
    assert found.select("difference_low", "difference_high").row(0) == (-10.0, 30.0)
    assert scorecard.forecast(outcomes.clear(), AS_OF)["verdict"].to_list() == ["no_data"]


def level(value: float, low: float, high: float, item: str = "recommend") -> pl.DataFrame:
    row = {"measure": "nps", "item": item, "by": "all", "class": "all", "answers": 200}
    return pl.DataFrame([row | {"value": value, "low": low, "high": high, "headline": True}])


def test_satisfaction_is_compared_with_the_month_before():
    now, before = level(40.0, 36.0, 44.0), level(30.0, 27.0, 33.0)
    row = scorecard.satisfaction(now, before, MADE_ON, AS_OF).row(0, named=True)
    assert (row["value"], row["reference"], row["difference"]) == (40.0, 30.0, 10.0)
    assert (row["difference_low"], row["difference_high"]) == (5.0, 15.0)  # 3, 4, 5
    assert row["verdict"] == "better"
    first = scorecard.satisfaction(now, None, MADE_ON, AS_OF)
    assert first["verdict"].to_list() == ["cannot_tell"]
    assert "nothing to compare with" in said(scorecard_words.sentences(first, SETTINGS))
    none = scorecard.satisfaction(None, None, MADE_ON, AS_OF)
    assert none["verdict"].to_list() == ["no_data"]


def test_churn_counts_the_active_who_then_bought_nothing():
    stay = [
        (f"s{n}", day, 1.0) for n in range(60) for day in (date(2024, 5, 10), date(2024, 6, 10))
    ]
    gone = [(f"g{n}", date(2024, 5, 10), 1.0) for n in range(40)]
    early = [
        (f"e{n}", day, 1.0) for n in range(90) for day in (date(2024, 4, 10), date(2024, 5, 9))
    ]
    late = [(f"l{n}", date(2024, 4, 10), 1.0) for n in range(10)]
    found = rows_of(scorecard.churn(bought(*stay, *gone, *early, *late), MONTH, 30))
    row = found["lost_active", "month_before"]
    # Active in the 30 days up to 31 May: 60 + 40 + 90, of whom 60 came in June.
    assert (row["cases"], row["value"]) == (190, pytest.approx(130 / 190))
    assert row["reference"] is None  # the data begin on 10 April, after the window before began
    assert found["lost_active", "year_before"]["verdict"] == "cannot_tell"
    known = bought(*stay, *gone, *early, *late, ("z", date(2024, 1, 1), 1.0))
    row = rows_of(scorecard.churn(known, MONTH, 30))["lost_active", "month_before"]
    # Active in the 30 days up to 1 May: 90 + 10, of whom 90 came in May.
    assert (row["reference"], row["verdict"]) == (pytest.approx(0.1), "worse")


def test_sales_stand_against_plan_month_and_year():
    days = [date(2024, 6, 3), date(2024, 5, 3), date(2023, 6, 3)]
    amounts = [(30.0, 40.0), (60.0, 80.0), (3.0, 4.0)]
    rows = [
        (f"c{n}", day, x)
        for day, pair in zip(days, amounts, strict=True)
        for n, x in enumerate(pair)
    ]
    found = rows_of(
        scorecard.sales(
            bought(*rows, ("z", date(2023, 1, 1), 1.0)), MONTH, Plan(sales={"2024-06": "70"})
        )
    )
    plan, month = found["revenue", "plan"], found["revenue", "month_before"]
    assert (plan["value"], plan["reference"], plan["verdict"]) == (70.0, 70.0, "reached")
    # Compound Poisson: 50 is the root of 30² + 40², and 100 that of 60² + 80².
    assert plan["high"] == pytest.approx(70 + 1.959964 * 50)
    assert (month["difference"], month["verdict"]) == (-70.0, "cannot_tell")
    assert month["difference_high"] == pytest.approx(-70 + 1.959964 * np.hypot(50, 100))
    assert found["revenue", "year_before"]["difference"] == 63.0


def test_sales_of_a_month_before_the_data_are_no_reference():
    alone = scorecard.sales(bought(("a", date(2024, 6, 3), 10.0)), MONTH, Plan())
    assert alone.select("against", "value", "verdict").row(0) == ("nothing", 10.0, "cannot_tell")
    assert scorecard.sales(bought(), MONTH, Plan())["verdict"].to_list() == ["no_data"]


def test_a_short_plan_is_said_with_the_play_of_chance():
    found = scorecard.sales(
        bought(("a", date(2024, 6, 3), 10.0)), MONTH, Plan(sales={"2024-06": "12"})
    )
    text = said(scorecard_words.sentences(found, SETTINGS))
    assert "against a plan of 12.00 CNY, -2.00 CNY: not reached" in text


def test_parts_are_joined_in_the_order_of_the_items():
    parts = (
        scorecard.sales(bought(), MONTH, Plan()),
        scorecard.churn(bought(), MONTH, 30),
        scorecard_rows.no_data("early_warning", "bought_nothing", "share", AS_OF),
    )
    found = scorecard.scorecard(*parts)
    assert found["item"].to_list() == ["early_warning", "churn", "sales"]
    shown = scorecard_words.readable(found, SETTINGS)
    assert shown["verdict"].to_list() == ["no data"] * 3
    assert shown.null_count().sum_horizontal().item() == 0


# Verdicts on strategies -----------------------------------------------------------------------------


def cards(*names: str) -> pl.DataFrame:
    schema = CLASSES | {"owner": pl.String, "customers": pl.Int64}
    return pl.DataFrame([("rfm", name, None, 50) for name in names], schema=schema, orient="row")


def measured(*rows: tuple) -> pl.DataFrame:
    names = ("campaign", "action", "difference", "low", "high", "break_even")
    types = (pl.String, pl.String, *[pl.Float64] * 4)
    return pl.DataFrame(list(rows), schema=dict(zip(names, types, strict=True)), orient="row")


def judge(effects: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Verdicts where each campaign was for the class of its own name."""
    targets = effects.select("campaign", axis=pl.lit("rfm")).with_columns(
        pl.col("campaign").str.split("_").list.first().alias("class")
    )
    rates = tables.empty("class_rates")
    found = strategy_verdicts(cards(*names), effects, targets, rates, tables.empty("migration"))
    contracts.StrategyVerdicts.validate(found, cast=True)
    return found


@pytest.mark.parametrize(
    ("low", "high", "break_even", "verdict", "reason"),
    [
        (6.0, 9.0, 5.0, "keep", "above"),
        (-9.0, 4.0, 5.0, "stop", "below"),
        (1.0, 4.0, 5.0, "change", "small"),
        (4.0, 9.0, 5.0, "cannot_tell", "overlaps"),
        (5.0, 9.0, 5.0, "cannot_tell", "overlaps"),
        (6.0, 9.0, None, "cannot_tell", "no_cost"),
        (-9.0, -6.0, None, "stop", "below"),
        (None, None, 5.0, "cannot_tell", "not_measurable"),
    ],
)
def test_only_an_interval_wholly_on_one_side_of_break_even_decides(
    low, high, break_even, verdict, reason
):
    middle = None if low is None else (low + high) / 2
    found = judge(measured(("loyal", "care", middle, low, high, break_even)), "loyal", "new")
    assert found.select("class", "action", "verdict", "reason").rows() == [
        ("loyal", "care", verdict, reason),
        ("new", "none", "cannot_tell", "nothing_measured"),
    ]


def test_campaigns_are_joined_by_their_precision():
    found = judge(
        measured(
            ("loyal_1", "care", 10.0, 10 - 1.959964, 10 + 1.959964, 0.0),
            ("loyal_2", "care", 4.0, 4 - 3.919928, 4 + 3.919928, 5.0),
            ("loyal_3", "care", None, None, None, None),
        ),
        "loyal",
    )
    row = found.row(0, named=True)
    # Weights 1 and 1/4: (10 + 4 / 4) / 1.25, and break-even (0 + 5 / 4) / 1.25.
    assert (row["difference"], row["break_even"]) == (pytest.approx(8.8), pytest.approx(1.0))
    assert row["high"] - row["difference"] == pytest.approx(1.959964 / np.sqrt(1.25))
    assert (row["campaigns"], row["verdict"], row["own_class"]) == (2, "keep", False)


def test_an_effect_within_the_class_stands_before_that_of_the_whole_campaign():
    effects = measured(
        ("c", "care", 9.0, 8.0, 10.0, 5.0), ("c", "care", 0.0, -1.0, 1.0, 5.0)
    ).with_columns(
        axis=pl.Series([None, "rfm"], dtype=pl.String),
        **{"class": pl.Series([None, "new"], dtype=pl.String)},
    )
    both = [("c", "rfm", "new"), ("c", "rfm", "loyal")]
    targets = pl.DataFrame(both, schema=["campaign", "axis", "class"], orient="row")
    rates = pl.DataFrame(
        {"axis": ["rfm"], "class": ["new"], "rate": [0.4], "low": [0.3], "high": [0.5]}
    )
    moves = pl.DataFrame(
        {
            "axis": ["rfm"] * 2,
            "previous_class": ["new"] * 2,
            "class": ["new", "lost"],
            "customers": [3, 1],
        }
    )
    found = strategy_verdicts(cards("new", "loyal"), effects, targets, rates, moves)
    assert found.select("class", "verdict", "own_class").rows() == [
        ("new", "stop", True),
        ("loyal", "keep", False),
    ]
    assert found.select("rate", "left_class").row(0) == (0.4, 0.25)
    text = said(scorecard_words.strategies(found, SETTINGS))
    assert "1 to keep, 0 to change, 1 to stop; of 0 nothing can be told" in text
    assert "taken to be alike in all classes" in text
    shown = scorecard_words.readable_strategies(found, SETTINGS)
    assert shown["verdict"].to_list() == ["stop", "keep"]
    assert said(scorecard_words.strategies(found.clear(), SETTINGS)) == "No class has a strategy."


def test_effects_on_spend_stand_beside_what_would_pay():
    effects = pl.DataFrame(
        {
            "campaign": ["c", "c", "d"],
            "measure": ["active", "spend", "spend"],
            "action": ["care", "care", None],
            **{name: [0.1, 8.0, None] for name in ("difference", "low", "high")},
        }
    )
    pays = pl.DataFrame({"campaign": ["c", "d"], "break_even": [5.0, None]})
    assert of_spend(effects, pays).rows() == [
        ("c", "care", 8.0, 8.0, 8.0, 5.0),
        ("d", "none", None, None, None, None),
    ]
    plans = pl.DataFrame({"campaign": ["c"] * 25, "class": ["new"] * 20 + ["lost"] * 4 + [None]})
    assert targets_of([plans, None]).rows() == [("c", "rfm", "new")]


# The shop -------------------------------------------------------------------------------------------


def test_the_shop_is_scored(shop_root):
    root = shop_root / "data" / "processed" / "shop"
    now, before = root / "2024-06", root / "2024-05"
    occasions = tables.read("occasions", now)
    found = scorecard.scorecard(
        scorecard_lists.early_warning(
            tables.read("early_warning", before),
            tables.read("churn", before),
            occasions,
            MADE_ON,
            AS_OF,
            90,
        ),
        scorecard.forecast(tables.read("forecast_outcomes", now), AS_OF),
        scorecard.churn(occasions, MONTH, 90),
        scorecard.sales(occasions, MONTH, Plan()),
    )
    rows = {(row["item"], row["measure"], row["against"]): row for row in found.to_dicts()}
    contracts.Scorecard.validate(found, cast=True)
    listed = rows["early_warning", "loss_caught", "random"]
    assert listed["cases"] == tables.read("early_warning", before).height
    assert listed["verdict"] == "better"
    revenue = dict(tables.read("kpis", now).select("kpi", "value").iter_rows())["revenue"]
    assert rows["sales", "revenue", "month_before"]["value"] == pytest.approx(revenue)
    assert said(scorecard_words.sentences(found, SETTINGS))
