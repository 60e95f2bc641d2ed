"""What happens with no action: by hand, and on the slice of Online Retail."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from effects.small import AS_OF, campaign, history, ids, purchases, responses
from effects.splits import retail_occasions

from analysis.contracts.effects import TABLES
from analysis.effects import campaigns, checks, effects_figures, effects_words, organic
from analysis.effects.outcomes import outcomes

NOTHING = pl.DataFrame(schema=checks.CHECKED)
MARCH = date(2024, 3, 31)


def test_who_counts_as_lapsed_active_and_best():
    bought = purchases(
        ("a", date(2024, 1, 1), 10),  # 90 days before the end of March
        ("b", date(2024, 1, 2), 10),  # 89 days
        ("c", date(2024, 3, 2), 10),  # the first day of the window before
        ("d", date(2024, 3, 31), 40),
        ("a", date(2024, 4, 30), 5),  # the last day of the window after
        ("b", date(2024, 5, 1), 5),
        ("d", date(2024, 4, 1), 10),
    )
    found = organic.base_rates(bought, NOTHING, date(2024, 4, 30))
    rows = {row["group"]: row for row in found.filter(cut_off=MARCH).iter_rows(named=True)}
    assert (rows["lapsed"]["customers"], rows["lapsed"]["rate"]) == (1, 1)
    assert (rows["active"]["customers"], rows["active"]["rate"]) == (2, 0.5)
    assert (rows["best"]["customers"], rows["best"]["rate"]) == (1, 1)
    assert rows["all"]["customers"] == 4
    assert (rows["lapsed"]["spend_before"], rows["lapsed"]["change"]) == (0, None)
    assert rows["active"]["spend_after"] == 10
    assert rows["active"]["change"] == pytest.approx(10 / rows["active"]["spend_before"] - 1)
    assert rows["all"]["quiet"]


def test_one_mistyped_amount_is_no_change():
    people = ids(200)
    days = (date(2024, 2, 10), date(2024, 3, 10), date(2024, 4, 10))
    steady = purchases(*((people, day, 50) for day in days))
    typo = steady.with_columns(
        pl.when((pl.col("customer_id") == "00000") & (pl.col("purchase_day") > MARCH))
        .then(pl.lit(Decimal("8000000")))
        .otherwise("amount")
        .alias("amount")
    )
    found = organic.base_rates(typo, NOTHING, date(2024, 4, 30)).filter(cut_off=MARCH, group="all")
    assert found["change"].to_list() == pytest.approx([0])


def test_month_ends_beside_a_campaign_are_not_quiet():
    bought = pl.concat([history(ids(60)), purchases((ids(60), date(2023, 9, 1), 10))])
    listed = campaigns.from_responses(campaign(), responses(ids(30), ids(30, 30)), AS_OF)
    checked = checks.check(listed, bought, AS_OF)  # 1 to 30 March
    found = organic.base_rates(bought, checked, AS_OF).filter(group="all")
    beside = found.filter(~pl.col("quiet"))["cut_off"].to_list()
    assert beside == [date(2024, 1, 31), date(2024, 2, 29)]
    kind = organic.same_kind_rates(listed, checked, bought)
    assert kind["cut_off"].max() == date(2024, 1, 30 + 1) - timedelta(days=31)
    TABLES["organic_rates"].validate(pl.concat([found, kind]), cast=True)


def test_customers_of_the_kind_have_the_proportions_of_the_audience():
    day = date(2024, 5, 1)
    fresh, old = ids(10), ids(10, 10)
    bought = purchases(
        (fresh, date(2024, 3, 30), 10),
        (old, date(2023, 11, 1), 10),
        (fresh[:5], date(2024, 4, 5), 20),  # half of the fresh, a tenth of the old
        (old[:1], date(2024, 4, 5), 20),
    )
    earlier = outcomes(pl.DataFrame({"customer_id": fresh + old}), bought, date(2024, 4, 1), 30)
    audience = pl.concat([earlier.head(3), earlier.tail(1)])
    found = organic.same_kind(audience, earlier)
    assert found["rate"] == pytest.approx(0.75 * 0.5 + 0.25 * 0.1)
    assert found["customers"] == 20
    assert found["low"] < found["rate"] < found["high"]
    strangers = outcomes(pl.DataFrame({"customer_id": ["new"]}), bought, day, 30)
    assert organic.same_kind(strangers, earlier) is None


def test_nobody_bought_yet_and_no_closed_month():
    assert organic.base_rates(purchases(), NOTHING, AS_OF).is_empty()
    fresh = purchases(("a", date(2024, 6, 15), 10))
    empty = organic.base_rates(fresh, NOTHING, AS_OF)
    assert empty.is_empty()
    assert effects_words.organic(empty) == [{"key": "effects.organic_none"}]
    assert "nothing is known" in repr(effects_figures.organic(empty))


def test_the_lapsed_of_a_gift_shop_come_back_and_its_best_fall_back():
    found = organic.base_rates(retail_occasions(), NOTHING, date(2011, 12, 9))
    late = found.filter(pl.col("cut_off") >= date(2011, 5, 31))
    back = late.filter(group="lapsed")["rate"]
    assert 0.09 < back.min() < back.max() < 0.23
    assert late.filter(group="active")["change"].max() < -0.15
    assert late.filter(group="best")["change"].max() < 0
    words = effects_words.organic(found)
    assert [one["key"] for one in words] == [
        "effects.organic_lapsed",
        "effects.organic_best_less",
        "effects.organic_active_less",
    ]
