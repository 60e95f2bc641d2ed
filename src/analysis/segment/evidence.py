"""What is known of the customers up to a day: the clean tables, cut where the day ends.

A class of last month is looked at again from this month's end, and a classification is tested on what
came after a cut-off. Both need the tables as they stood on an earlier day, so every table is cut by
its own time.
"""

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from analysis import model
from analysis.customers import purchase_occasions

TABLES = ("orders", "order_lines", "products", "profiles")
TIMED = ("interactions", "feedback", "surveys", "costs")


@dataclass(frozen=True)
class Evidence:
    """The clean tables that classes are made from; a table without a source is empty."""

    occasions: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    zero_price_is_purchase: bool = True

    @classmethod
    def read(cls, run) -> "Evidence":
        """The evidence of a month, from a notebook's `run`."""
        tables = {name: run.read(name) for name in (*TABLES, *TIMED)}
        return cls(run.read("occasions"), tables, run.settings.zero_price_is_purchase)

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    def until(self, day: date) -> "Evidence":
        """What was known when a day ended; refunds that came later are not known yet."""
        orders = self["orders"].filter(pl.col("ordered_at").dt.date() <= day)
        occasions = purchase_occasions(orders.lazy(), self.zero_price_is_purchase).collect()
        created = pl.col("created_at").dt.date()
        cut = {
            "orders": orders,
            "order_lines": self["order_lines"].filter(
                (pl.col("ordered_at").dt.date() <= day).fill_null(True)
            ),
            "profiles": self["profiles"].filter((created <= day).fill_null(True)),
        }
        for name in TIMED:
            time = pl.col(model.time_column(name)).cast(pl.Date)
            cut[name] = self[name].filter(time <= day)
        occasions = occasions.sort("customer_id", "purchase_day")
        return replace(self, occasions=occasions, tables=self.tables | cut)
