"""Values obey their identities; outcomes of known customers fall into their intervals."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from clv.known import WEEK, fit_of, live, spend

from analysis import tables
from analysis.clv import fit, value
from analysis.clv.models import Models
from analysis.clv.simulate import simulate_purchases, value_interval
from analysis.customers import summarise_customers
from analysis.run.settings import Settings

SHOP = Settings(
    name="s", currency="USD", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
IN_MONEY = ("clv", "clv_low", "clv_high")


def with_clv(**changes) -> Settings:
    return SHOP.model_copy(update={"clv": SHOP.clv.model_copy(update=changes)})


def fitted(customers: pl.DataFrame, model: str = "bg_nbd") -> Models:
    both = fit.fit_purchases(customers, model, False), fit.fit_gamma_gamma(customers)
    return Models.of(customers, *both)


@pytest.fixture(scope="module")
def models(calibration) -> Models:
    return fitted(calibration)


@pytest.fixture(scope="module")
def spent(tenth) -> pl.DataFrame:
    past = tenth.filter(pl.col("purchase_day") <= date(1997, 9, 30))
    return value.recent_spend(past, date(1997, 9, 30), 365)


@pytest.fixture(scope="module")
def values(calibration, spent, models) -> pl.DataFrame:
    return value.customer_values(calibration, spent, models, SHOP)


def close(found: pl.Series, expected: pl.Series | np.ndarray, rel: float = 1e-9) -> bool:
    return found.to_numpy() == pytest.approx(np.asarray(expected), rel=rel, abs=1e-9)


def test_the_table_keeps_its_contract(values, calibration):
    found = tables.conform("clv", values)
    assert found["customer_id"].to_list() == calibration["customer_id"].to_list()
    assert found.null_count().sum_horizontal().item() == 0
    assert (found["clv_low"] <= found["clv_high"]).all()


def test_without_discount_value_is_purchases_times_spend(calibration, spent, models):
    found = value.customer_values(calibration, spent, models, with_clv(discount_rate_annual=0.0))
    assert close(found["discount"], np.ones(found.height))
    product = found["expected_purchases"] * found["expected_spend_per_purchase"]
    assert close(found["clv_revenue"], product)


def test_a_discount_takes_less_than_its_rate_off_a_year(values, calibration, spent, models):
    found = value.customer_values(calibration, spent, models, with_clv(discount_rate_annual=0.2))
    assert ((found["discount"] > 1 / 1.2) & (found["discount"] < 1)).all()
    assert close(found["expected_purchases"], values["expected_purchases"])
    product = found["expected_purchases"] * found["expected_spend_per_purchase"]
    assert close(found["clv_revenue"], product * found["discount"])


def test_a_margin_scales_value_and_its_interval(values, calibration, spent, models):
    net = value.customer_values(calibration, spent, models, with_clv(gross_margin=0.4))
    assert net["clv_revenue"].equals(values["clv_revenue"])
    assert close(net["clv"], 0.4 * net["clv_revenue"])
    for name in IN_MONEY:
        assert close(net[name], 0.4 * values[name])


def test_the_cost_of_serving_is_taken_off_value_and_its_interval(values):
    cost = values.head(3).select("customer_id", future_cost=pl.Series([1.0, 2.5, 1000.0]))
    net = value.less_cost(values, cost)
    taken = np.zeros(values.height)
    taken[:3] = 1.0, 2.5, 1000.0
    for name in IN_MONEY:
        assert close(net[name], values[name].to_numpy() - taken)
    assert net["customer_id"].equals(values["customer_id"])
    assert net["clv_revenue"].equals(values["clv_revenue"])


def test_customers_sum_to_the_total(values, calibration, models):
    by_customer = models.expected_purchases(calibration, 365) * models.expected_spend(calibration)
    discounted = by_customer * values["discount"].to_numpy()
    assert values["clv"].sum() == pytest.approx(discounted.sum())
    net = value.expected_net(models, SHOP, calibration)
    assert values["clv"].sum() == pytest.approx(net.sum())


def test_a_factor_scales_purchases_and_value(values, calibration, spent, models):
    factor = np.where(calibration["frequency"] > 0, 1.5, 0.5)
    found = value.customer_values(calibration, spent, models, SHOP, factor)
    for name in ("expected_purchases", "clv_revenue", "clv"):
        assert close(found[name], factor * values[name].to_numpy())
    more = factor > 1
    assert found["clv_high"].filter(more).sum() > values["clv_high"].filter(more).sum()
    assert found["clv_high"].filter(~more).sum() < values["clv_high"].filter(~more).sum()


def test_a_factor_of_one_changes_nothing(values, calibration, spent, models):
    ones = np.ones(calibration.height)
    assert value.customer_values(calibration, spent, models, SHOP, ones).equals(values)


def test_no_days_are_worth_nothing(calibration, models):
    settings = with_clv(horizon_days=0)
    assert (value.discounted_purchases(calibration, models, settings) == 0).all()


@pytest.mark.parametrize(("freq", "unit", "month"), [("D", 1, 30), ("W", WEEK, 4.345 * WEEK)])
def test_twelve_months_are_discounted_as_lifetimes_does(calibration, models, freq, unit, month):
    """There a month has 30 days or 4.345 weeks, and the rate is one per month."""
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import _customer_lifetime_value

    found = models.purchases.parameters
    theirs = BetaGeoFitter()
    theirs.params_ = found | {"alpha": found["alpha"] / unit}
    theirs.predict = theirs.conditional_expected_number_of_purchases_up_to_time
    frame = calibration.select(fit.HISTORY).to_pandas()
    frame[["recency", "T"]] /= unit
    columns = (frame[name] for name in fit.HISTORY)
    clv = _customer_lifetime_value(theirs, *columns, 1.0, 12, 1.15 ** (1 / 12) - 1, freq)
    settings = with_clv(horizon_days=12 * month, discount_rate_annual=0.15)
    ours = value.discounted_purchases(calibration, models, settings, month)
    assert ours == pytest.approx(clv.to_numpy(), abs=1e-6, rel=1e-6)


def test_simulated_purchases_have_the_expected_mean(calibration, models):
    rows = calibration.head(300)
    for model in ("bg_nbd", "mbg_nbd", "pareto_nbd", "nbd"):
        both = fitted(calibration, model)
        random = np.random.default_rng(7)
        worlds = np.tile(both.purchases.values(), (4000, 1))
        draws = simulate_purchases(rows, both.purchases, 365, random, worlds)
        expected = both.expected_purchases(rows, 365)
        assert draws.mean(axis=0).sum() == pytest.approx(expected.sum(), rel=0.02)


def test_the_interval_does_not_depend_on_the_number_of_runs(calibration, models):
    first, second = (value_interval(calibration, models, 365, 42) for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("model", ["bg_nbd", "mbg_nbd", "pareto_nbd"])
def test_outcomes_of_known_customers_fall_into_their_intervals(model):
    """Two thousand customers up to a year old, their next 180 days; fitted and true parameters."""
    random = np.random.default_rng(17)
    truth, money = fit_of(model), fit_of("gamma_gamma")
    people = spend(money, live(truth, random.uniform(90, 365, 2000), 180, random), random)
    true, found = Models.of(people, truth, money), fitted(people, model)
    low, high = value_interval(people, found, 180, seed=3)
    least, most = value_interval(people, true, 180, seed=3)
    actual = people["later_spend"].to_numpy()
    assert ((actual >= low) & (actual <= high)).mean() >= 0.88
    repeat = people["frequency"].to_numpy() > 0
    assert ((actual >= low) & (actual <= high))[repeat].mean() >= 0.88
    assert (high - low).mean() <= 1.10 * (most - least).mean()


def test_the_fit_comes_back_from_its_table(calibration, models):
    day = date(1997, 9, 30)
    table = value.fit_table([("month", day, models.purchases), ("month", day, models.spend)])
    again = value.models_from_table(calibration, tables.conform("clv_fit", table))
    assert again.purchases.parameters == models.purchases.parameters
    assert again.spend.parameters == models.spend.parameters


NO_FITS = {
    "one customer": (pl.col("customer_id") == "00004", "few_repeat_buyers"),
    "nobody bought again": (pl.col("frequency") == 0, "nobody_bought_again"),
}


@pytest.mark.parametrize("base", NO_FITS)
def test_where_nothing_can_be_fitted_the_base_rate_stands_in(calibration, spent, base):
    chosen, problem = NO_FITS[base]
    few = calibration.filter(chosen)
    models = fitted(few)
    assert models.purchases.problem == problem
    assert models.spend.problem == "few_repeat_buyers"
    found = tables.conform("clv", value.customer_values(few, spent, models, SHOP))
    assert found.height == few.height
    rate = few["frequency"].sum() / few["T"].sum()
    assert close(found["expected_purchases"], np.full(few.height, 365 * rate))
    table = tables.conform(
        "clv_fit", value.fit_table([("month", date(1998, 1, 1), models.purchases)])
    )
    assert set(table["note"]) == {problem}


def test_summaries_up_to_a_cut_off_and_to_the_end_share_their_customers(tenth):
    early, late = (
        summarise_customers(tenth.lazy(), end).collect()["customer_id"]
        for end in (date(1997, 3, 31), date(1998, 6, 30))
    )
    assert set(early) <= set(late)
