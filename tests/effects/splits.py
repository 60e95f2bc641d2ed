"""Random splits where nothing was done, and simulated campaigns whose effect is known."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from helpers import read_retail

from analysis.customers import purchase_occasions
from analysis.effects.estimates import Difference, adjusted_difference
from analysis.effects.outcomes import covariates, outcomes, winsorised

CUT_OFFS = (date(2011, 8, 31), date(2011, 9, 30), date(2011, 10, 31))
SPLITS, DAYS, CONTROLS = 2_000, 30, 0.2


def retail_occasions() -> pl.DataFrame:
    """Purchase occasions of the slice of Online Retail."""
    return purchase_occasions(read_retail()[1].lazy()).collect()


def after(occasions: pl.DataFrame, cut_off: date, days: int = DAYS) -> pl.DataFrame:
    """Outcomes of everybody who had bought by the cut-off, in the days after it."""
    known = occasions.filter(pl.col("purchase_day") <= cut_off)
    customers = known.select(pl.col("customer_id").unique().sort())
    return outcomes(customers, occasions, cut_off + timedelta(days=1), days)


def splits(customers: int, seed: int, times: int = SPLITS, share: float = CONTROLS) -> np.ndarray:
    """Assignments at random, one column each: 1 treated, 0 control."""
    rng = np.random.default_rng(seed)
    order = rng.random((customers, times)).argsort(axis=0)
    return (order.argsort(axis=0) >= round(share * customers)).astype(float)


def splits_within(stratum: np.ndarray, seed: int, times: int = SPLITS) -> np.ndarray:
    """As `splits`, the controls' share kept within each stratum and, to the customer, over all."""
    rng = np.random.default_rng(seed)
    columns = []
    for _ in range(times):
        draw = rng.random(len(stratum))
        order = np.lexsort((draw, stratum))
        # Every fifth along the strata, from a random start.
        arms = np.ones(len(stratum))
        every = round(1 / CONTROLS)
        arms[order[rng.integers(every) :: every]] = 0
        columns.append(arms)
    return np.column_stack(columns)


def spends(found: pl.DataFrame, treated: np.ndarray) -> Difference:
    """The adjusted difference of winsorised spend of each assignment."""
    return adjusted_difference(winsorised(found["spend"].to_numpy()), covariates(found), treated)
