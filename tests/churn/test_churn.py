"""The check on a closed window, the score of every customer, and the cohort triangle."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.churn import check, explain, predictors, retention, scores
from analysis.churn.backtest import EARLIER
from analysis.churn.features import Sources
from analysis.churn.snapshots import Snapshots
from analysis.customers import summarise_customers
from analysis.run.months import Month
from analysis.run.settings import Settings

SHOP = Settings(
    name="s", currency="USD", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
SPRING = date(1998, 3, 31)


@pytest.fixture(scope="module")
def checked(cdnow_snapshots) -> check.Check:
    return check.last_closed(cdnow_snapshots)


@pytest.fixture(scope="module")
def churn_fit(checked) -> pl.DataFrame:
    found = check.fit_table(checked, date(1998, 6, 30), 91)
    return tables.conform("churn_fit", found)


def test_the_last_closed_window_is_judged_with_the_score_that_would_have_served(checked):
    # 91 days after the end of March are the thirtieth of June.
    assert checked.cut_off == SPRING
    assert checked.served == predictors.LOGISTIC
    assert checked.left.mean() == pytest.approx(1 - 0.141, abs=5e-4)


def test_the_score_in_use_has_no_lead_over_itself_and_one_over_every_other(churn_fit):
    values = check.values(churn_fit)
    assert ("logistic", "gain") not in values
    others = {score for score, _ in values} - {"logistic", "model", "base_rate"}
    assert others >= {"idle_time", "btyd", "three_signals", "boosting", "not_alive", EARLIER}
    for score in others:
        lead = values["model", "auc"] - values[score, "auc"]
        assert values[score, "gain"] == pytest.approx(lead, abs=1e-12)
        assert values[score, "gain_low"] <= lead <= values[score, "gain_high"]
    assert values["idle_time", "gain_low"] > 0
    assert values["model", "auc_low"] < values["model", "auc"] < values["model", "auc_high"]


def test_being_alive_is_shown_and_never_served(checked, churn_fit):
    assert check.NOT_ALIVE not in checked.probabilities
    alone = churn_fit.filter(score=check.NOT_ALIVE)
    assert set(alone["metric"]) == {"auc", "gain", "gain_low", "gain_high"}


def test_reliability_holds_everybody_in_ten_groups_of_equal_size(checked):
    bins = check.reliability(checked)
    assert bins["customers"].sum() == checked.scored.height
    assert bins["customers"].max() - bins["customers"].min() <= 1
    assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
    assert bins["predicted"].is_sorted()


def test_too_short_a_history_is_not_checked(tenth):
    snapshots = Snapshots(Sources(tenth), date(1997, 4, 30), 90)
    assert check.last_closed(snapshots) is None
    unchecked = tables.conform("churn_fit", check.fit_table(None, date(1997, 4, 30), 90))
    assert unchecked["value"].to_list() == [None]
    assert check.fact(unchecked, "model", "auc") == "untested"
    compared = check.readable(check.scores_compared(unchecked))
    assert compared.row(0) == ("logistic", None, None, None, None)


@pytest.fixture(scope="module")
def explained(cdnow_snapshots) -> explain.Explained:
    found = predictors.score(cdnow_snapshots, date(1998, 6, 30), predictors.LOGISTIC)
    return explain.explain(cdnow_snapshots, date(1998, 6, 30), found)


@pytest.fixture(scope="module")
def churn(cdnow_snapshots, explained) -> pl.DataFrame:
    found = predictors.score(cdnow_snapshots, date(1998, 6, 30), predictors.LOGISTIC)
    snapshot = cdnow_snapshots.at(date(1998, 6, 30))
    clv = snapshot.customers.select("customer_id", clv=pl.col("spend") / 10)
    table = scores.churn_table(snapshot, found, explained.reasons, clv, SHOP)
    return tables.conform("churn", table)


def test_every_customer_has_a_chance_and_what_hangs_on_it(churn, cdnow_snapshots):
    customers = cdnow_snapshots.at(date(1998, 6, 30)).customers
    assert churn["customer_id"].to_list() == customers["customer_id"].to_list()
    stake = churn["probability_no_purchase"] * customers["spend"] / 10
    assert np.abs(churn["value_at_stake"] - stake).max() < 1e-9
    idle = (customers["T"] - customers["recency"]).cast(pl.Int64)
    assert churn["idle_days"].equals(idle.rename("idle_days"))


def test_contributions_of_the_table_sum_to_the_logit_of_the_chance(churn, explained):
    found = tables.conform("churn_reasons", explained.contributions)
    chance = churn["probability_no_purchase"].to_numpy()
    logit = found["logit"].to_numpy()
    assert np.abs(1 / (1 + np.exp(-logit)) - chance).max() < 1e-9
    assert found.drop("customer_id").null_count().sum_horizontal().item() == 0


def test_reasons_are_groups_that_raise_the_chance_the_largest_first(explained):
    joined = explained.contributions.join(explained.reasons, on="customer_id")
    assert explained.shown == ["rhythm", "frequency", "spend"]
    for row in joined.head(500).iter_rows(named=True):
        named = [row[f"reason_{n}"] for n in (1, 2, 3) if row[f"reason_{n}"]]
        values = [row[name] for name in named]
        assert values == sorted(values, reverse=True)
        assert all(value > 0 for value in values)
        assert set(named) == {name for name in explained.shown if row[name] > 0}


def test_silence_since_last_month_is_what_rose(cdnow_snapshots):
    """Whoever bought nothing in June has been silent for longer, and nothing else has changed."""
    found = predictors.score(cdnow_snapshots, date(1998, 6, 30), predictors.LOGISTIC)
    risen = explain.risen(cdnow_snapshots, date(1998, 6, 30), found)
    idle = cdnow_snapshots.at(date(1998, 6, 30)).features.select("customer_id", "idle_days")
    long_gone = risen.join(idle.filter(pl.col("idle_days") > 300), on="customer_id")
    assert long_gone.height > 1_000
    assert set(long_gone["risen"].drop_nulls()) <= {"rhythm"}
    just_bought = risen.join(idle.filter(pl.col("idle_days") < 5), on="customer_id")
    assert just_bought["risen"].is_null().mean() > 0.9


def test_cohort_plots_count_every_customer_once_for_each_kind_and_group(cdnow_snapshots):
    found = predictors.score(cdnow_snapshots, date(1998, 6, 30), predictors.LOGISTIC)
    plots = explain.cohort_plots(cdnow_snapshots, date(1998, 6, 30), found)
    sizes = plots.group_by("who", "group").agg(pl.col("customers").sum())
    purchases = cdnow_snapshots.at(SPRING).features["purchases"]
    known = {explain.ONCE: int((purchases == 1).sum()), explain.REPEAT: int((purchases > 1).sum())}
    assert all(size == known[who] for who, _, size in sizes.iter_rows())
    again = plots.filter(who=explain.REPEAT, group="rhythm").sort("part")
    assert again["observed"].is_sorted()
    assert (plots["low"] <= plots["observed"]).all()


def few(leavers: int) -> Snapshots:
    """Customers who buy monthly in 2023; the last of them stop in June."""
    rows = [
        (f"c{number:03}", date(2023, month, 1 + number % 28), 10)
        for number in range(60)
        for month in range(1, 7 if number >= 60 - leavers else 13)
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "purchase_day", "amount"], orient="row")
    frame = frame.cast({"amount": pl.Decimal(38, 4)})
    return Snapshots(Sources(frame), date(2023, 9, 30), 60)


def test_under_a_rule_reasons_are_plain_signs_and_contributions_empty():
    snapshots = few(10)
    found = predictors.score(snapshots, date(2023, 9, 30), predictors.IDLE_TIME)
    told = explain.explain(snapshots, date(2023, 9, 30), found)
    assert tables.conform("churn_reasons", told.contributions).is_empty()
    gone = told.reasons.tail(10)
    assert gone["reason_1"].unique().to_list() == ["pause_beyond_own_rhythm"]
    assert gone["reason_2"].unique().to_list() == ["silent_for_long"]
    assert told.reasons.head(50)["reason_1"].is_null().all()
    assert explain.risen(snapshots, date(2023, 9, 30), found).is_empty()
    assert explain.cohort_plots(snapshots, date(2023, 9, 30), found).is_empty()


def test_the_cohort_triangle_of_a_hand_worked_case():
    occasions = pl.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "purchase_day": [date(2024, m, 3) for m in (1, 3, 1, 2)],
            "amount": [1, 1, 1, 1],
        }
    )
    found = tables.conform("retention", retention.retention(occasions, Month(2024, 3)))
    assert found.rows() == [
        ("2024-01", 0, 2, 2),
        ("2024-01", 1, 2, 0),
        ("2024-01", 2, 2, 1),
        ("2024-02", 0, 1, 1),
        ("2024-02", 1, 1, 0),
    ]


def test_cohorts_hold_every_customer_once(tenth):
    found = retention.retention(tenth, Month(1998, 6))
    first = found.filter(pl.col("months_since") == 0)
    assert first["customers"].sum() == 2357
    assert first["active"].equals(first["customers"].rename("active"))
    buyers = summarise_customers(tenth.lazy(), date(1998, 6, 30)).collect()
    assert buyers.height == first["customers"].sum()
