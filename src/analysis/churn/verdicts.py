"""What was measured about leaving, against what, with which verdict: the table that ends the page."""

import polars as pl

from analysis.churn import check, hindsight
from analysis.churn.backtest import EARLIER
from analysis.churn.causes import Association
from analysis.churn.check import BASE_RATE
from analysis.churn.measures import verdict
from analysis.churn.predictors import BTYD_CHANCE, IDLE_TIME
from analysis.labels import label

LUCK = 2.0  # times the error that luck alone makes, from which a level counts as off


def measured(
    churn_fit: pl.DataFrame,
    closed: list[hindsight.Window],
    association: Association | None,
) -> pl.DataFrame:
    """Every statement of the page that can be wrong.

    Args:
        churn_fit: the table of that name.
        closed: the windows in which lists are judged.
        association: of complaints with leaving, if there are any.

    Returns:
        One row per statement: `subject`, `measured`, `interval` (95 %), `compared_with`, `verdict`
        (texts). Empty where no window is closed.
    """
    values = check.values(churn_fit)
    rows = [
        *_of_ranking(values),
        *_of_level(values),
        *_of_lists(closed),
        *_of_complaints(association),
    ]
    names = ["subject", "measured", "interval", "compared_with", "verdict"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return table


def _of_ranking(values: dict) -> list[tuple]:
    auc = values.get(("model", "auc"))
    if auc is None:
        return []
    rows = []
    for rival in (IDLE_TIME, BTYD_CHANCE, EARLIER):
        gain = [values.get((rival, name)) for name in ("gain", "gain_low", "gain_high")]
        if gain[0] is None:  # the one in use itself, or not there
            continue
        against = label(
            "verdict.auc_of", score=label(f"score.{rival}"), auc=f"{values[rival, 'auc']:.3f}"
        )
        rows.append(_row("ranking", f"AUC {auc:.3f}", _span(*gain, "{:+.3f}"), against, *gain[1:]))
    brier = values["model", "brier"]
    gain = [values[BASE_RATE, name] for name in ("gain", "gain_low", "gain_high")]
    against = label("verdict.brier_of_rate", brier=f"{values[BASE_RATE, 'brier']:.4f}")
    rows.append(_row("chances", f"Brier {brier:.4f}", _span(*gain, "{:+.4f}"), against, *gain[1:]))
    return rows


def _of_level(values: dict) -> list[tuple]:
    error, luck = (values.get(("model", f"calibration_{name}")) for name in ("error", "noise"))
    if error is None:
        return []
    off = error > LUCK * luck
    return [
        (
            label("verdict.level"),
            label("verdict.points", points=f"{error:.1%}"),
            label("verdict.none"),
            label("verdict.luck", points=f"{luck:.1%}"),
            label("honesty.worse" if off else "honesty.equal"),
        )
    ]


def _of_lists(closed: list[hindsight.Window]) -> list[tuple]:
    rows = []
    for rival in (*hindsight.RANKED_BY, hindsight.RANDOM):
        found = None if rival == "profit" else hindsight.caught_more(closed, rival)
        if found is None:
            continue
        totals = dict(
            hindsight.together(hindsight.lists(closed)).select("list", "lost_share").rows()
        )
        against = label(
            "verdict.list_of", list=label(f"list.{rival}"), share=f"{totals[rival]:.1%}"
        )
        said = label("verdict.caught", share=f"{totals['profit']:.1%}")
        rows.append(_row("list", said, _span(*found, "{:+.1%}"), against, *found[1:]))
    return rows


def _of_complaints(association: Association | None) -> list[tuple]:
    if association is None:
        return []
    found = (association.difference, association.low, association.high)
    key = verdict(*found[1:])
    word = {"good": "more_leave", "worse": "fewer_leave", "equal": "no_difference"}[key]
    return [
        (
            label("verdict.complaints"),
            label("verdict.difference", points=f"{100 * found[0]:+.1f}"),
            f"{100 * found[1]:+.1f} … {100 * found[2]:+.1f}",
            label("verdict.alike"),
            label(f"verdict.{word}"),
        )
    ]


def _row(subject: str, said: str, span: str, against: str, low: float, high: float) -> tuple:
    verdict_text = label(f"honesty.{verdict(low, high)}")
    return label(f"verdict.{subject}"), said, span, against, verdict_text


def _span(value: float, low: float, high: float, form: str) -> str:
    return f"{form.format(value)} ({form.format(low)} … {form.format(high)})"
