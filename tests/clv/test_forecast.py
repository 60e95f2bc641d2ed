"""Forecasts of totals: intervals hold what happens, corrections never make it worse."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analysis import tables
from analysis.clv import fit, forecast
from analysis.clv.choose import choose
from analysis.clv.models import Models

LEAST_HELD = 0.80


def test_at_least_eighty_percent_of_the_intervals_hold_the_outcome(
    cdnow_past, shop_past, retail_past, capsys
):
    hits, lines = [], []
    for name, past in {"CDNOW": cdnow_past, "shop": shop_past, "retail": retail_past}.items():
        model = choose(past, past.as_of).model
        for days in forecast.HORIZONS:
            found = forecast.rolling_hits(past, model, days)
            held, count = int(found["hit"].sum()), found.height
            low, high = forecast.hit_interval(held, count)
            lines.append(f"{name}, {days} days: {held} of {count} ({low:.0%} to {high:.0%})")
            hits += found["hit"].to_list()
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert len(hits) >= 30
    assert np.mean(hits) >= LEAST_HELD


def test_no_interval_was_made_with_what_came_later(sample_past):
    cut_off = date(1997, 12, 31)
    seen = forecast.outlook(sample_past, "bg_nbd", 30, until=cut_off)
    assert seen.checked.height
    assert all(one + timedelta(days=30) <= cut_off for one in seen.checked["cut_off"])


@pytest.mark.parametrize("days", forecast.HORIZONS)
def test_correcting_totals_never_makes_the_mean_error_over_the_origins_worse(
    days, cdnow_past, shop_past, retail_past
):
    for past in (cdnow_past, shop_past, retail_past):
        model = choose(past, past.as_of).model
        found = forecast.rolling_hits(past, model, days)
        plain = forecast.checked_forecasts(past, model, days)
        corrected_bias = (found["expected"] / found["actual"] - 1).abs().mean()
        plain_bias = (plain["expected"] / plain["actual"] - 1).abs().mean()
        assert corrected_bias <= plain_bias + 1e-12


def checked(*errors: float) -> pl.DataFrame:
    ends = [date(2024, month, 28) for month in range(1, len(errors) + 1)]
    return pl.DataFrame(
        {"cut_off": ends, "error": list(errors)}, schema_overrides={"error": pl.Float64}
    )


def test_totals_are_corrected_only_where_errors_agree_and_it_helped():
    assert forecast._level(checked(0.2, 0.2, -0.1, 0.2, 0.2), 20) == 1.0
    assert forecast._level(checked(0.2, 0.2), 20) == 1.0
    assert forecast._level(checked(0.05, 0.05, 0.05, 0.05, 0.05), 20) == 1.0  # too small to act on
    assert forecast._level(checked(0.3, 0.3, 0.3, 0.001, 0.001), 20) == 1.0  # would have hurt
    agreed = forecast._level(checked(0.2, 0.2, 0.2, 0.2, 0.2), 20)
    assert agreed == pytest.approx(np.exp(0.1))  # half-way


def test_the_width_grows_with_the_errors_seen():
    calm = forecast.Outlook(30, checked(0.01, -0.01, 0.02), 30, 1.0)
    wild = forecast.Outlook(30, checked(0.3, -0.3, 0.2), 30, 1.0)
    unseen = forecast.Outlook(30, checked(), 30, 1.0)
    one, chance = np.array([1000.0]), np.array([1000.0])
    widths = [np.ptp(seen.interval(one, chance)) for seen in (calm, wild, unseen)]
    assert widths[0] < widths[1] < widths[2]
    assert unseen.spread == pytest.approx(forecast.PRIOR)


def test_the_interval_of_hits_is_that_of_clopper_and_pearson():
    assert forecast.hit_interval(9, 10) == pytest.approx((0.5550, 0.9975), abs=1e-4)
    assert forecast.hit_interval(0, 10)[0] == 0.0
    assert forecast.hit_interval(10, 10)[1] == 1.0


def test_a_forecast_has_every_horizon_for_each_segment_and_the_base(sample_past):
    known = sample_past.at(sample_past.as_of).customers
    choice = choose(sample_past, sample_past.as_of)
    models = Models.of(known, fit.fit_purchases(known, choice.model), fit.fit_gamma_gamma(known))
    outlooks = [forecast.outlook(sample_past, choice.model, days) for days in (30, 91, 365)]
    repeat = pl.when(pl.col("frequency") > 0).then(pl.lit("repeat")).otherwise(pl.lit("one_time"))
    members = known.select("customer_id", segment=repeat)
    table = forecast.forecast_table(known, members, models, choice, outlooks)
    found = tables.conform("clv_forecast", table)
    assert sorted(found["horizon_days"].unique()) == [30, 91, 365]
    assert (found["low"] <= found["expected_purchases"]).all()
    assert (found["expected_purchases"] <= found["high"]).all()
    whole = found.filter(pl.col("segment") == "all").sort("horizon_days")
    parts = (
        found.filter(pl.col("segment") != "all")
        .group_by("horizon_days")
        .agg(pl.col("expected_purchases").sum())
    )
    assert parts.sort("horizon_days")["expected_purchases"].to_list() == pytest.approx(
        whole["expected_purchases"].to_list()
    )
    assert outlooks[2].checked_days <= 365


def test_months_sum_to_the_forecast_of_the_horizon(sample_past):
    known = sample_past.at(date(1997, 9, 30)).customers
    models = sample_past.at(date(1997, 9, 30)).models("mbg_nbd")
    factor = np.full(known.height, 1.1)
    found = forecast.by_month(known, models, factor, date(1997, 9, 30), 100)
    expected = 1.1 * models.expected_purchases(known, 100)
    assert found["until"].to_list() == [
        date(1997, 10, 30),
        date(1997, 11, 30),
        date(1997, 12, 30),
        date(1998, 1, 8),
    ]
    assert found["expected_purchases"].sum() == pytest.approx(expected.sum())
    assert found["expected_revenue"].sum() == pytest.approx(expected @ models.expected_spend(known))


def test_chance_varies_purchases_at_least_as_a_poisson_process_does(sample_past):
    known = sample_past.at(date(1997, 9, 30)).customers
    models = sample_past.at(date(1997, 9, 30)).models("bg_nbd")
    expected = models.expected_purchases(known, 91)
    assert (forecast.chance_variance(models, known, expected) >= expected - 1e-9).all()
