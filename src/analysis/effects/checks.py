"""Whether a campaign can be measured at all: without a clean list of who was assigned, nothing can."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import binomtest, chi2

from analysis.effects.beside import beside_others, compared, control_arm
from analysis.effects.estimates import basis
from analysis.effects.lists import Lists, Rules
from analysis.effects.outcomes import covariates, outcomes

_GONE = ("lost", "unreadable", "rows_lost")  # as the ledger calls them
ALARM = 0.001  # a chance so small that the assignment was not what it is said to be
CHECKED = {
    "campaign": pl.String,
    "name": pl.String,
    "source": pl.String,
    "action": pl.String,
    "begins_on": pl.Date,
    "window_days": pl.Int64,
    "last_day": pl.Date,
    "arms_since": pl.Date,
    "assigned": pl.Int64,
    "treated": pl.Int64,
    "controls": pl.Int64,
    "control_kind": pl.String,
    "contacted": pl.Int64,
    "traced": pl.Boolean,
    "leaked": pl.Int64,
    "in_both": pl.Int64,
    "in_others": pl.Int64,
    "off_list": pl.Int64,
    "lost": pl.Int64,
    "problem": pl.String,
    "planned_share": pl.Float64,
    "ratio_p": pl.Float64,
    "balance_p": pl.Float64,
    "verdict": pl.String,
    "reason": pl.String,
}


def check(
    lists: Lists, occasions: pl.DataFrame, as_of: date, rules: Rules | None = None
) -> pl.DataFrame:
    """What each campaign's list is worth.

    The first reason that applies counts, in this order. Not measurable: without a day (`no_day`), with
    rows lost (`list_lost`), with a ledger that was altered (`list_changed`), without any row (`no_list`).
    Refused: customers in both arms above the limit (`in_both`). Not measurable: without controls
    (`owed` where the ledger planned none, else `no_controls`) or treated (`no_treated`). Refused:
    controls contacted above the limit (`contaminated`), arms without the planned sizes
    (`sample_ratio`) or different before the campaign (`not_random`), both at p < 0.001. Not measurable:
    too few in an arm (`too_few`). Open: the last day of the window has not passed (`open`).

    Args:
        lists: the assigned customers.
        occasions: the table `occasions`.
        as_of: the last day that counts.
        rules: of measuring.

    Returns:
        One row per campaign, by day: `campaign`, `name`, `source`, `action`, `begins_on`, `window_days`,
        `last_day` (of the window), `arms_since` (first day of the earliest campaign whose arms these
        are, mostly `begins_on`), `assigned`, `treated`, `controls`, `control_kind` (`campaign`; or
        `standing` where only the standing group can be compared with), `contacted` (of the treated),
        `traced` (whether that is recorded; else all treated count as contacted),
        `leaked` (controls contacted), `in_both` (in both arms, set aside), `in_others` (assigned to
        another campaign whose window overlaps, too), `off_list` (contacted, not on the list), `lost`
        (rows of the list), `problem` (of the ledger), `planned_share`, `ratio_p`, `balance_p`, `verdict`
        (`measurable`, `open`, `not_measurable`, `refused`), `reason` (null if measurable).
    """
    rules = rules or Rules()
    rows = []
    for one in lists.campaigns.iter_rows(named=True):
        beside = beside_others(lists, one["campaign"])
        rows.append(_check_one(one | beside, lists.of(one["campaign"]), occasions, as_of, rules))
    return pl.DataFrame(rows, schema=CHECKED)


def balance(known: np.ndarray, treated: np.ndarray) -> np.ndarray | float:
    """The chance that arms drawn at random differ as much in what was known before.

    The share of the assignment that the covariates explain, times n - 1, is chi-square with as many
    degrees of freedom as covariates (Hansen and Bowers 2008, Statistical Science 23).

    Args:
        known: one row per customer, one column per covariate.
        treated: one row per customer; one column per assignment, or one only.
    """
    arms = np.asarray(treated, float)
    centred = arms - arms.mean(axis=0)
    axes = basis(known)[:, 1:]
    total = (centred**2).sum(axis=0)
    if not axes.shape[1] or not np.all(total):
        return np.ones(arms.shape[1:]) if arms.ndim > 1 else 1.0
    explained = ((axes.T @ centred) ** 2).sum(axis=0) / total
    return chi2.sf((len(arms) - 1) * explained, axes.shape[1])


def _check_one(
    one: dict, rows: pl.DataFrame, occasions: pl.DataFrame, as_of: date, rules: Rules
) -> dict:
    members = compared(rows)
    treated = int(members["treated"].sum())
    controls = members.height - treated
    kind = control_arm(rows)
    leaked = members.filter(~pl.col("treated") & pl.col("contacted")).height
    both = rows.filter(pl.col("arm").is_in(["treat", kind]))["customer_id"].n_unique()
    plan = one["planned_share"] if kind == "control" else None
    day = one["begins_on"]
    last = None if day is None else day + timedelta(days=one["window_days"] - 1)
    found = {
        "campaign": one["campaign"],
        "name": one["name"],
        "source": one["source"],
        "action": one["action"],
        "begins_on": day,
        "window_days": one["window_days"],
        "last_day": last,
        "arms_since": one["arms_since"],
        "assigned": both,
        "treated": treated,
        "controls": controls,
        "control_kind": "campaign" if kind == "control" else "standing",
        "contacted": members.filter(pl.col("treated") & pl.col("contacted")).height,
        "traced": one["traced"],
        "leaked": leaked,
        "in_both": both - members.height,
        "in_others": one["in_others"],
        "off_list": one["off_list"],
        "lost": one["lost"],
        "problem": one["problem"],
        "planned_share": plan,
        "ratio_p": None,
        "balance_p": None,
    }
    if plan is not None and members.height:
        found["ratio_p"] = float(binomtest(controls, members.height, plan).pvalue)
    if day is not None and treated and controls:
        drawn = members.drop("stratum")
        before = outcomes(drawn, occasions, day, one["window_days"], one["arms_since"])
        found["balance_p"] = float(balance(covariates(before), before["treated"].to_numpy()))
    return found | _verdict(found, as_of, rules)


def _verdict(found: dict, as_of: date, rules: Rules) -> dict:
    """The first reason that applies."""
    smaller = min(found["treated"], found["controls"])
    owed = found["source"] == "ledger" and found["planned_share"] is None
    wrong = {
        "no_day": found["begins_on"] is None,
        "list_lost": found["lost"] > 0 or found["off_list"] > 0 or found["problem"] in _GONE,
        "list_changed": found["problem"] is not None,
        "no_list": found["assigned"] == 0,
        "in_both": found["in_both"] > rules.max_leakage * smaller,
        "owed": found["controls"] == 0 and owed,
        "no_controls": found["controls"] == 0,
        "no_treated": found["treated"] == 0,
        "contaminated": found["leaked"] > rules.max_leakage * found["controls"],
        "sample_ratio": found["ratio_p"] is not None and found["ratio_p"] < ALARM,
        "not_random": found["balance_p"] is not None and found["balance_p"] < ALARM,
        "too_few": smaller < rules.least_per_arm,
        "open": found["last_day"] is not None and found["last_day"] > as_of,
    }
    reason = next((name for name, applies in wrong.items() if applies), None)
    verdict = {
        None: "measurable",
        "open": "open",
        **dict.fromkeys(("in_both", "contaminated", "sample_ratio", "not_random"), "refused"),
    }.get(reason, "not_measurable")
    return {"verdict": verdict, "reason": reason}
