"""Tables of `09_summary`."""

import dataframely as dy


class Kpis(dy.Schema):
    """One row per figure of the month; null where an earlier month cannot give it."""

    kpi = dy.String(primary_key=True)
    unit = dy.Enum(["count", "money", "share"])
    value = dy.Float64(nullable=True)
    previous_month = dy.Float64(nullable=True)
    year_ago = dy.Float64(nullable=True)


TABLES = {
    "kpis": Kpis,
}
