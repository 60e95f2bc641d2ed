"""The simulated shop without effects of complaints and campaigns: planted parameters come back."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from analysis.clv.fit import fit_purchases
from analysis.customers import summarise_customers
from analysis.samples.shop import parameters, people, purchases

SEEDS = range(1, 5)
MOST_ERRORS = 3  # standard errors
LEAST_WITHIN = 0.95


def deviations(seed: int, planted: parameters.BuyerClass) -> list[float]:
    """How many standard errors the parameters of a class lie from what was planted."""
    everybody = people.make_people(seed)
    members = everybody.filter(pl.col("class") == planted.name)["person"].implode()
    made = purchases.simulate_purchases(everybody, seed).filter(pl.col("person").is_in(members))
    occasions = made.select(
        customer_id=pl.col("person").cast(pl.String),
        purchase_day=pl.lit(parameters.START) + pl.duration(days="day"),
        amount=pl.lit(1).cast(pl.Decimal(38, 4)),
    ).unique()
    last = parameters.START + timedelta(days=parameters.DAYS - 1)
    found = fit_purchases(summarise_customers(occasions.lazy(), last).collect())
    assert found.usable
    truth = np.log([planted.r, planted.alpha_days, planted.a, planted.b])
    errors = np.sqrt(np.diag(found.covariance))
    return list((np.log(found.values()) - truth) / errors)


def test_planted_parameters_of_each_class_are_within_three_standard_errors(monkeypatch):
    monkeypatch.setattr(purchases, "DROPOUT_FACTOR", 1.0)  # campaigns are laid over these purchases
    found = [
        one for seed in SEEDS for planted in parameters.CLASSES for one in deviations(seed, planted)
    ]
    assert len(found) == 4 * len(SEEDS) * len(parameters.CLASSES)
    assert np.mean(np.abs(found) < MOST_ERRORS) >= LEAST_WITHIN
    assert np.std(found) == pytest.approx(1, abs=0.5)
