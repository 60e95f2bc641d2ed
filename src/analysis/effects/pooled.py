"""All campaigns together: one month of a small company says little, a year of months may."""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.stats import chi2, norm

from analysis.intervals import CONFIDENCE, Z

MEASURED = ("better", "worse", "not_distinguishable")
POOLED = {
    "measure": pl.String,
    "window_days": pl.Int64,
    "campaigns": pl.Int64,
    "campaign": pl.String,
    "begins_on": pl.Date,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "running_low": pl.Float64,
    "running_high": pl.Float64,
    "q": pl.Float64,
    "q_p": pl.Float64,
    "i2": pl.Float64,
    "verdict": pl.String,
}


class Pooled(NamedTuple):
    """A common effect: `difference`, its `error`, 95 % interval and p; Q, its p, and I2 (0 to 1)."""

    difference: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    q_p: np.ndarray
    i2: np.ndarray


def combine(differences: np.ndarray, errors: np.ndarray) -> Pooled:
    """One effect from several, each weighed by the inverse of its variance.

    Sources: fixed effect, Cochran's Q, and I2 of Higgins and Thompson (2002), Statistics in Medicine 21.

    Args:
        differences, errors: one row per campaign (standard errors above 0); further dimensions are
            pooled apart.
    """
    weights = 1 / errors**2
    total = weights.sum(axis=0)
    difference = (weights * differences).sum(axis=0) / total
    error = np.sqrt(1 / total)
    q = (weights * (differences - difference) ** 2).sum(axis=0)
    freedom = len(differences) - 1
    q_p = chi2.sf(q, freedom) if freedom else np.ones_like(q)
    with np.errstate(divide="ignore", invalid="ignore"):
        i2 = np.where(q > freedom, (q - freedom) / q, 0.0)
    p = 2 * norm.sf(np.abs(difference) / error)
    low, high = difference - Z * error, difference + Z * error
    return Pooled(difference, error, low, high, p, q, q_p, i2)


def running_reach(error: np.ndarray, first_error: float) -> np.ndarray:
    """Half an interval that holds at every look at once, however many months are looked at.

    The normal mixture of Robbins (1970), Annals of Mathematical Statistics 41, for a mean known with a
    standard error; its scale is fixed by the first campaign, before anything is seen of later ones.

    Args:
        error: standard errors of the effect pooled so far.
        first_error: standard error of the first campaign alone.
    """
    variance, scale = np.asarray(error) ** 2, first_error**2
    inner = 2 * np.log(1 / (1 - CONFIDENCE)) + np.log((variance + scale) / variance)
    return np.sqrt(variance * (variance + scale) / scale * inner)


def pooled(effects: pl.DataFrame) -> pl.DataFrame:
    """The effect pooled over campaigns of equal windows, after each of them in turn.

    Args:
        effects: as `measured.effects` returns it; only campaigns that were measured count.

    Returns:
        One row per measure, window and number of campaigns pooled, the last row being all of them:
        `measure`, `window_days`, `campaigns`, `campaign` and `begins_on` (of the one added last),
        `difference`, `low`, `high` (95 % in one look), `p`, `running_low`, `running_high` (95 % over all
        looks), `q`, `q_p`, `i2` (heterogeneity), `verdict` (`better`, `worse`, `not_distinguishable`).
    """
    known = effects.filter(pl.col("verdict").is_in(MEASURED) & (pl.col("error") > 0))
    parts = [pl.DataFrame(schema=POOLED)]
    order = ("measure", "window_days", "begins_on", "campaign")
    groups = known.sort(order).partition_by("measure", "window_days", maintain_order=True)
    for rows in groups:
        differences, errors = (rows[name].to_numpy() for name in ("difference", "error"))
        so_far = [combine(differences[:n], errors[:n]) for n in range(1, rows.height + 1)]
        reach = running_reach(np.array([one.error for one in so_far]), errors[0])
        columns = {
            name: pl.Series(name, [float(getattr(one, name)) for one in so_far])
            for name in ("difference", "low", "high", "p", "q", "q_p", "i2")
        }
        parts.append(
            rows.select("measure", "window_days", "campaign", "begins_on")
            .with_columns(**columns, campaigns=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
            .with_columns(
                running_low=pl.col("difference") - reach,
                running_high=pl.col("difference") + reach,
                verdict=verdict(pl.col("low"), pl.col("high")),
            )
            .select(*POOLED)
        )
    return pl.concat(parts)


def verdict(low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """What an interval of a difference says."""
    return (
        pl.when(low > 0)
        .then(pl.lit("better"))
        .when(high < 0)
        .then(pl.lit("worse"))
        .otherwise(pl.lit("not_distinguishable"))
    )
