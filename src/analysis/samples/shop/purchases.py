"""When each person buys, complains and leaves; and what an order is meant to be worth."""

import numpy as np
import polars as pl

from analysis.samples.shop.parameters import DAYS, DROPOUT_FACTOR, by_class, generator

_NEVER = np.iinfo(np.int64).max


def simulate_purchases(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The purchases of everybody, by the BG/NBD model (Fader, Hardie and Lee 2005).

    After each repeat purchase a customer drops out with a chance of their own; from the day of their
    first complaint on, that chance is `DROPOUT_FACTOR` times as large, at most 1.

    Args:
        people: the persons.
        seed: of all random numbers.

    Returns:
        One row per purchase: `person`, `day` (since the start), `repeat` (0 is the first), `raised`
        (the chance to drop out was raised), `dropped` (the customer left after it), `complained_on`
        (day of a complaint about it, null without).
    """
    rng = generator(seed, "purchases")
    clock = people["first"].fill_null(np.inf).to_numpy().copy()
    rate, dropout = people["rate"].to_numpy(), people["dropout"].to_numpy()
    complains = by_class(people["class"], "complaints")
    upset_on = np.full(len(clock), _NEVER)
    active, repeat, rounds = np.flatnonzero(np.isfinite(clock)), 0, []
    while active.size:
        day = np.floor(clock[active]).astype(int)
        raised = upset_on[active] <= day
        chance = np.minimum(1, dropout[active] * np.where(raised, DROPOUT_FACTOR, 1))
        dropped = (rng.random(active.size) < chance) & (repeat > 0)
        complaint = day + 1 + np.floor(rng.exponential(2, active.size)).astype(int)
        written = (rng.random(active.size) < complains[active]) & (complaint < DAYS)
        complaint = np.where(written, complaint, _NEVER)
        upset_on[active] = np.minimum(upset_on[active], complaint)
        rounds.append(_round(active, day, repeat, raised, dropped, complaint))
        active, repeat = active[~dropped], repeat + 1
        clock[active] += rng.exponential(1 / rate[active])
        active = active[clock[active] < DAYS]
    return pl.concat(rounds).sort("person", "repeat")


def _round(
    active: np.ndarray,
    day: np.ndarray,
    repeat: int,
    raised: np.ndarray,
    dropped: np.ndarray,
    complaint: np.ndarray,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"person": active, "day": day, "raised": raised, "dropped": dropped, "at": complaint}
    )
    return frame.select(
        "person",
        "day",
        "raised",
        "dropped",
        repeat=pl.lit(repeat),
        complained_on=pl.when(pl.col("at") < DAYS).then(pl.col("at")),
    )


def draw_values(persons: pl.Series, people: pl.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """What the orders of the given persons are meant to be worth, in yuan (gamma-gamma model)."""
    shape = by_class(people["class"], "p")[persons]
    return rng.gamma(shape, 1 / people["nu"].to_numpy()[persons])


def dropouts(purchases: pl.DataFrame) -> pl.DataFrame:
    """One row per customer who left: `person` and the day of their last purchase, `left_on`."""
    return purchases.filter("dropped").select("person", left_on="day")
