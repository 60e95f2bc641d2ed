"""An alarm for scores that are too good to be true: something of the window itself was read.

On purchases without contract, honest scores rank with an AUC of about 0.75 to 0.85; what was computed
after the cut-off reaches 1.000. Above 0.95 a leak is by far the likelier explanation.
"""

import numpy as np
import polars as pl

from analysis.churn.measures import rank
from analysis.churn.snapshots import Snapshot

TOO_GOOD = 0.95


def alarms(snapshot: Snapshot, scores: dict[str, np.ndarray] | None = None) -> pl.DataFrame:
    """What ranks the outcome of a closed window too well, in either direction.

    Args:
        scores: by name, aligned with the snapshot's features; tested beside each single feature.

    Returns:
        One row per alarm, the worst first: `name`, `auc` (0.5 to 1), `threshold`. Empty where all is
        well, or all customers did the same.

    Raises:
        ValueError: if the window is open.
    """
    if snapshot.no_purchase is None:
        raise ValueError(f"the window after {snapshot.cut_off} is not closed")
    table = snapshot.features
    tested = {name: table[name].to_numpy() for name in table.columns if name != "customer_id"}
    rows = []
    for name, values in (tested | (scores or {})).items():
        found = rank(snapshot.no_purchase, values)
        if found is not None and max(found, 1 - found) > TOO_GOOD:
            rows.append((name, max(found, 1 - found), TOO_GOOD))
    schema = {"name": pl.String, "auc": pl.Float64, "threshold": pl.Float64}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return found.sort("auc", "name", descending=[True, False])
