"""Every method on one closed window: what it said at the cut-off, and what came."""

from datetime import date

import numpy as np
import polars as pl

from analysis.churn.measures import measure
from analysis.churn.predictors import (
    BOOSTING,
    COMPETING,
    LEARNING,
    LOGISTIC,
    MOST_TRAINING,
    Scores,
    enough,
    score,
)
from analysis.churn.snapshots import Snapshots

EARLIER = "logistic_of_last_month"


def backtest(snapshots: Snapshots, cut_off: date) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Measures of every method that could score at a cut-off, boosting for comparison.

    Args:
        cut_off: of a closed window.

    Returns:
        One row per method and measure of `measures.measure`: `method`, `metric`, `value` (null where
        undefined); and the chances of each method, aligned with the snapshot's features.

    Raises:
        ValueError: if the window is open.
    """
    snapshot = snapshots.at(cut_off)
    if snapshot.no_purchase is None:
        raise ValueError(f"the window after {cut_off} is not closed")
    found = chances(snapshots, cut_off)
    rows = [
        (name, metric, value)
        for name, chance in found.items()
        for metric, value in measure(snapshot.no_purchase, chance).items()
    ]
    schema = {"method": pl.String, "metric": pl.String, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row"), found


def chances(snapshots: Snapshots, cut_off: date) -> dict[str, np.ndarray]:
    """What every method that could score at a cut-off says, aligned with the snapshot's features."""
    able = enough(snapshots.closed(cut_off, MOST_TRAINING))
    methods = [name for name in (*COMPETING, BOOSTING) if able or name not in LEARNING]
    return {name: score(snapshots, cut_off, name).chance for name in methods}


def last_months_model(snapshots: Snapshots, cut_off: date, before: date) -> Scores | None:
    """The logistic model as it stood at an earlier cut-off, scored at a later one.

    Its level is the earlier one's, so the measures show ageing in full.

    Returns:
        None where there were too few events to learn from by then, or the later snapshot lacks a
        feature of the earlier model.
    """
    if not enough(snapshots.closed(before, MOST_TRAINING)):
        return None
    model = score(snapshots, before, LOGISTIC).model
    table = snapshots.at(cut_off).features
    if not set(model.columns) <= set(table.columns):
        return None
    return Scores(EARLIER, model.probability(table), model)
