"""The range in which a customer's outcome will lie, by simulation.

Two sources of doubt are joined: which parameters are true (each draw takes its own, as far as the
data leave them open) and what chance makes of a customer whose parameters are known.
"""

import numpy as np
import polars as pl

from analysis.clv import predict
from analysis.clv.fit import HISTORY, Fit
from analysis.clv.models import Models, history

FEATURES = [*HISTORY, "monetary_value"]  # what an outcome depends on
DRAWS, DRAWS_SHARED = 400, 200
LOW, HIGH = 0.05, 0.95
_CELLS = 2_000_000  # draws held at a time
LARGEST_EXACT = 50_000  # rows; of larger bases much alike histories share their draws
_ALIKE = 0.1  # relative steps of age, silence and mean value that count as much alike


def value_interval(
    rows: pl.DataFrame, models: Models, days: float, seed: int, factor: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The 5th and 95th percentile of each row's undiscounted spend in the next `days`.

    Args:
        rows: `frequency`, `recency`, `T`, `monetary_value`; sorted, so that equal input draws alike.
        factor: what each row's rate of purchase is multiplied with.
    """
    factor = np.broadcast_to(np.asarray(factor, dtype=float), rows.height)
    random = np.random.default_rng(seed)
    # The same parameters for every part: a draw is one world in which all customers live.
    exact = rows.height <= LARGEST_EXACT
    worlds = _worlds(models, DRAWS if exact else DRAWS_SHARED, random)
    if exact:
        return _intervals(rows, models, worlds, days, factor, random)
    named = _much_alike(rows.with_columns(factor=factor))
    columns = [*FEATURES, "factor"]
    shared = named.select(columns).unique().sort(columns)
    low, high = _intervals(
        shared.drop("factor"), models, worlds, days, shared["factor"].to_numpy(), random
    )
    shared = shared.with_columns(low=low, high=high, typical=models.expected_spend(shared))
    found = named.join(shared, on=columns, how="left", nulls_equal=True, maintain_order="left")
    scale = models.expected_spend(rows) / found["typical"].to_numpy()
    return found["low"].to_numpy() * scale, found["high"].to_numpy() * scale


def _much_alike(rows: pl.DataFrame) -> pl.DataFrame:
    """Histories with age, silence and mean value in steps of a tenth, so that many are equal."""

    def in_steps(value: pl.Expr) -> pl.Expr:
        return (
            pl.when(value > 0)
            .then(((value.log() / _ALIKE).round() * _ALIKE).exp())
            .otherwise(value)
        )

    age, idle = in_steps(pl.col("T")), in_steps(pl.col("T") - pl.col("recency"))
    return rows.with_columns(
        T=age,
        recency=pl.when(pl.col("frequency") > 0).then((age - idle).clip(0)).otherwise(0.0),
        monetary_value=in_steps(pl.col("monetary_value")),
    )


def _intervals(
    rows: pl.DataFrame, models: Models, worlds, days: float, factor, random
) -> tuple[np.ndarray, np.ndarray]:
    """The percentiles, some rows at a time."""
    step = _CELLS // DRAWS
    low, high = np.zeros(rows.height), np.zeros(rows.height)
    for start in range(0, rows.height, step):
        part = slice(start, start + step)
        spend = _spend(rows[part], models, worlds, days, factor[part], random)
        low[part], high[part] = np.quantile(spend, [LOW, HIGH], axis=0)
    return low, high


def simulate_purchases(
    rows: pl.DataFrame,
    fit: Fit,
    days: float,
    random: np.random.Generator,
    worlds: np.ndarray,
    factor: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Draws of each row's purchases in the next `days`; shape (worlds, rows).

    Given that a customer is alive, the rate is Gamma(r + x, alpha + T). Under the BG family the
    chance to drop out at a purchase is Beta(a, b + x) and the purchase that ends all still counts;
    under Pareto/NBD the rate of death is Gamma(s, beta + T).

    Args:
        worlds: parameters of each draw; shape (worlds, parameters).
        factor: what each row's rate of purchase is multiplied with.
    """
    x, t_x, age = history(rows)
    first, second, *others = (column[:, None] for column in worlds.T)
    shape = (len(worlds), rows.height)
    rate = random.gamma(first + x, 1 / (second + age), shape) * factor
    if not others:  # nobody drops out
        return random.poisson(rate * days)
    third, fourth = others
    alive = random.random(shape) < _alive(fit, worlds, x, t_x, age)
    if fit.model == "pareto_nbd":
        death = np.maximum(random.gamma(third, 1 / (fourth + age), shape), 1e-300)
        time = np.minimum(random.exponential(1, shape) / death, days)
        return np.where(alive, random.poisson(rate * time), 0)
    survived = fourth + x + (fit.model == "mbg_nbd")
    chance = np.clip(random.beta(third, survived, shape), 1e-12, 1)
    bought = random.poisson(rate * days)
    return np.where(alive, np.minimum(bought, random.geometric(chance)), 0)


def _worlds(models: Models, draws: int, random) -> tuple[np.ndarray | None, np.ndarray | None]:
    fits = (models.purchases, models.spend)
    return tuple(fit.draws(draws, random) if fit.usable else None for fit in fits)


def _alive(fit: Fit, worlds: np.ndarray, x, t_x, age) -> np.ndarray:
    """P(alive) of each row in each world."""
    if fit.model == "pareto_nbd":  # an integral per row and world: that of the estimate serves all
        return predict.probability_alive(fit, x, t_x, age)
    names = tuple(fit.parameters)
    return np.array(
        [
            predict.probability_alive(
                Fit(fit.model, dict(zip(names, one, strict=True))), x, t_x, age
            )
            for one in worlds
        ]
    )


def _spend(rows: pl.DataFrame, models: Models, worlds, days: float, factor, random) -> np.ndarray:
    """Draws of each row's spend in the next `days`; shape (draws, rows)."""
    of_purchases, of_spend = worlds
    if of_purchases is None:
        draws = DRAWS if of_spend is None else len(of_spend)
        purchases = random.poisson(models.base_rate * days, (draws, rows.height))
    else:
        purchases = simulate_purchases(rows, models.purchases, days, random, of_purchases, factor)
    if of_spend is None:
        return purchases * models.base_spend
    p, q, v = (column[:, None] for column in of_spend.T)
    m = np.nan_to_num(rows["monetary_value"].cast(pl.Float64).fill_null(0).to_numpy())
    x = np.where(m > 0, rows["frequency"].to_numpy(), 0)
    shape = p * x + np.maximum(q, 1e-6)
    rate = random.gamma(shape, 1 / (v + x * m), purchases.shape)
    spend = random.gamma(np.maximum(p * purchases, 1e-9)) / np.maximum(rate, 1e-300)
    return np.where(purchases > 0, spend, 0)
