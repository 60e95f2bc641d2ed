"""How large an effect an audience can show, told before it is used.

For a rate, two-sided at 5 % and with a power of 80 %, the least difference between two arms that is found
is (z_0.975 + z_0.80) sqrt(p (1 - p) (1 / n_treat + 1 / n_control)) with p the rate without action
(Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 6, in its normal form).
"""

import math

import polars as pl

from analysis.actions.audiences import CONTROL, STANDING, TREAT, is_service
from analysis.effects.estimates import detectable
from analysis.run.settings import Settings

LEAST_PER_ARM = 20  # below it the normal form does not hold, and no effect is told
NO_CONTROL, UNKNOWN, NOTHING = "no_control", "unknown", "nothing"
TOO_SMALL, ENOUGH = "too_small", "enough"
_COUNTS = ("customers", TREAT, CONTROL, STANDING)
_SCHEMA = {"campaign": pl.String, "action": pl.String, **dict.fromkeys(_COUNTS, pl.Int64)}
_SCHEMA |= {"base_rate": pl.Float64, "detectable": pl.Float64, "wanted": pl.Float64}
_SCHEMA |= {"needed": pl.Int64, "verdict": pl.String}


def minimum_detectable(treat: int, control: int, base_rate: float | None) -> float | None:
    """The least effect on a rate that these arms can show.

    Args:
        treat, control: customers in each arm.
        base_rate: share that would be active without action, above 0 and below 1.

    Returns:
        A difference of shares (0.127: 12.7 points); None where an arm is empty, or the rate is not
        known or leaves nothing to vary.
    """
    if not treat or not control or base_rate is None or not 0 < base_rate < 1:
        return None
    return detectable(math.sqrt(base_rate * (1 - base_rate)), treat, control)


def needed_audience(
    effect: float, base_rate: float | None, control_share: float, standing_share: float = 0
) -> int | None:
    """How many customers an audience needs to show an effect.

    Args:
        effect: on the rate, as a difference of shares above 0.
        base_rate: share that would be active without action, above 0 and below 1.
        control_share: of those who are not in the standing group, from 0 to below 1.
        standing_share: of the standing control group, from 0 to below 1; they show nothing about one
            campaign.

    Returns:
        Customers before the draw, so many that each arm has at least 20; None where no audience
        would do.
    """
    if base_rate is None or not 0 < base_rate < 1 or not 0 < control_share < 1:
        return None
    one_in_each = detectable(math.sqrt(base_rate * (1 - base_rate)), 1, 1) / math.sqrt(2)
    shares = 1 / control_share + 1 / (1 - control_share)
    drawn = math.ceil(one_in_each**2 * shares / effect**2)
    while not _shows(drawn, effect, base_rate, control_share):  # arms are whole customers
        drawn += 1
    return math.ceil(round(drawn / (1 - standing_share), 9))


def of_campaigns(assigned: pl.DataFrame, churn: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """What each campaign of a plan can show.

    The rate without action is the mean chance of a purchase within the horizon of `[churn]`, as the
    table `churn` has it for these customers: effects looked at in a shorter window have a smaller rate.

    Args:
        assigned: as `audiences.assign` returns it.
        churn: the table `churn`.
        settings: `[actions] wanted_effect` and the shares of controls.

    Returns:
        One row per campaign, sorted: `campaign`, `action`, `customers`, `treat`, `control`,
        `standing`, `base_rate`, `detectable` and `wanted` (differences of shares), `needed` (customers
        for the wanted effect), `verdict`: `no_control`, `unknown` (no rate), `nothing` (an arm has
        fewer than 20 customers, or only more than the rate can grow would show), `too_small` (for the
        wanted effect), `enough`.
    """
    chance = churn.select("customer_id", active=1 - pl.col("probability_no_purchase"))
    joined = assigned.join(chance, on="customer_id", how="left", maintain_order="left")
    arms = {name: (pl.col("arm") == name).sum() for name in (TREAT, CONTROL, STANDING)}
    table = joined.group_by("campaign", "action").agg(
        customers=pl.len(),
        **arms,
        base_rate=pl.col("active").sort_by("customer_id").mean(),
        service=is_service().first(),
    )
    rows = [row | _told(row, settings) for row in table.sort("campaign").to_dicts()]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _shows(drawn: int, effect: float, base_rate: float, control_share: float) -> bool:
    """Whether so many customers, split by the share, show the effect."""
    control = math.floor(round(drawn * control_share, 9) + 0.5)
    found = minimum_detectable(drawn - control, control, base_rate)
    enough = min(control, drawn - control) >= LEAST_PER_ARM
    return enough and found is not None and found <= effect


def _told(row: dict, settings: Settings) -> dict:
    """What one campaign can show."""
    given, rate = settings.actions, row["base_rate"]
    found = minimum_detectable(row[TREAT], row[CONTROL], rate)
    needed = None
    if row["service"] or not row[CONTROL] or not row[TREAT]:
        verdict = NO_CONTROL
    elif found is None:
        verdict = UNKNOWN
    elif found > 1 - rate or min(row[TREAT], row[CONTROL]) < LEAST_PER_ARM:
        verdict = NOTHING
    else:
        verdict = TOO_SMALL if found > given.wanted_effect else ENOUGH
    if not row["service"]:
        shares = given.campaign_control, given.standing_control
        needed = needed_audience(given.wanted_effect, rate, *shares)
    return {
        "detectable": found,
        "wanted": given.wanted_effect,
        "needed": needed,
        "verdict": verdict,
    }
