"""Customers whose true model is known, and fits as plain as their parameters."""

import numpy as np
import polars as pl

from analysis.clv.fit import Fit
from analysis.clv.likelihood import PARAMETERS

WEEK = 7
# True to life, times in days.
TRUTH = {
    "bg_nbd": (0.6, 30.0, 0.8, 2.4),
    "mbg_nbd": (0.7, 40.0, 0.8, 1.6),
    "pareto_nbd": (0.7, 60.0, 0.6, 80.0),
    "nbd": (0.6, 80.0),
    "gamma_gamma": (6.25, 3.74, 15.44),
}


def fit_of(model: str, *values: float) -> Fit:
    """A fit with these parameters and no doubt about them; the true ones by default."""
    values = values or TRUTH[model]
    return Fit(model, dict(zip(PARAMETERS[model], map(float, values), strict=True)))


def live(fit: Fit, ages: np.ndarray, days: float, random: np.random.Generator) -> pl.DataFrame:
    """Customers of these ages who live by a model, step by step, and what they do afterwards.

    Returns:
        One row per customer: `customer_id`, `frequency`, `recency`, `T`, `purchases`, and
        `later`, the purchases of the next `days`.
    """
    first, second, *others = fit.values()
    count, end = len(ages), ages + days
    rate = random.gamma(first, 1 / second, count)
    last, most = np.full(count, np.inf), np.full(count, np.inf)
    if fit.model == "pareto_nbd":
        last = random.exponential(1 / random.gamma(others[0], 1 / others[1], count))
    elif others:
        most = random.geometric(np.clip(random.beta(*others, count), 1e-12, 1)).astype(float)
        most -= fit.model == "mbg_nbd"  # the first purchase may be the last one
    bought = random.poisson(rate * end)
    who = np.repeat(np.arange(count), bought)
    when = random.random(len(who)) * end[who]
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    place = np.arange(len(who)) - np.repeat(np.cumsum(bought) - bought, bought)
    happens = (place < most[who]) & (when < last[who])
    who, when = who[happens], when[happens]
    early = when <= ages[who]
    recency = np.zeros(count)
    np.maximum.at(recency, who[early], when[early])
    frequency = np.bincount(who[early], minlength=count)
    return pl.DataFrame(
        {
            "customer_id": [f"{one:06}" for one in range(count)],
            "frequency": frequency,
            "recency": recency,
            "T": ages.astype(float),
            "purchases": frequency + 1,
            "later": np.bincount(who[~early], minlength=count),
        }
    )


def spend(fit: Fit, people: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """What those customers pay by a Gamma-Gamma model.

    Returns:
        The rows with `monetary_value` (null without repeat purchases), `spend` and `later_spend`.
    """
    p, q, v = fit.values()
    rate = random.gamma(q, 1 / v, people.height)
    x, later = people["frequency"].to_numpy(), people["later"].to_numpy()
    paid = [random.gamma(np.maximum(p * n, 1e-9)) / rate * (n > 0) for n in (1 + 0 * x, x, later)]
    repeat = pl.col("frequency") > 0
    return people.with_columns(
        monetary_value=pl.when(repeat).then(pl.Series(paid[1] / np.maximum(x, 1))),
        spend=pl.Series(paid[0] + paid[1]),
        later_spend=pl.Series(paid[2]),
    )
