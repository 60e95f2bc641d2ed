"""The optional tables of a month together: cleaned, set aside, accounted for."""

from dataclasses import dataclass

import polars as pl

from analysis import model
from analysis.clean import ledger, records
from analysis.clean.orders import is_fee
from analysis.run.settings import Settings


@dataclass(frozen=True)
class Others:
    """The optional tables of a month."""

    tables: dict[str, pl.DataFrame]  # clean, by name
    aside: pl.DataFrame  # rows set aside, in the columns of `quarantine`
    fates: pl.DataFrame  # as `ledger.record_fates`


def clean_others(
    raw: dict[str, pl.DataFrame], orders: pl.DataFrame, people: pl.DataFrame, settings: Settings
) -> Others:
    """Clean every optional table but the records of customers.

    Args:
        raw: table = rows as received, empty where there is no source.
        orders: the table `orders`.
        people: `customer_id`, `person_id`; empty where there are no records of customers.
        settings: of the data set.

    Returns:
        Customer ids of the clean tables are those of the persons.
    """
    known = None
    if people.height:
        known = pl.concat([people["customer_id"], orders["customer_id_received"]]).unique()
    tables, aside, fates = {}, [], []
    for table in model.tables():
        if table in ("orders", "customers"):
            continue
        if table == settings.money_table:
            rows = raw[table].join(orders.select("file", "row"), on=["file", "row"], how="semi")
            clean = rows.select("file", "row", "system", *model.columns(table))
        else:
            clean, bad = records.clean_records(table, raw[table], known)
            aside.append(ledger.with_table(bad, table))
            fates.append(ledger.record_fates(table, raw[table], clean, bad))
        if table == "order_lines":
            clean = clean.with_columns(is_fee=is_fee())
        tables[table] = with_persons(clean, people)
    return Others(tables, pl.concat(aside), pl.concat(fates))


def with_persons(frame: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The frame with the id of the person in place of each customer id."""
    names = [one for one in ("customer_id", "from_id", "to_id") if one in frame.columns]
    if people.is_empty() or not names:
        return frame
    ids = people.filter(pl.col("customer_id") != pl.col("person_id"))
    swap = [pl.col(one).replace(ids["customer_id"], ids["person_id"]) for one in names]
    return frame.with_columns(swap)
