"""The optional tables of a month together: cleaned, set aside, accounted for."""

from dataclasses import dataclass

import polars as pl

from analysis import model
from analysis.clean import ledger, records
from analysis.clean.orders import is_fee
from analysis.run.settings import Settings
from analysis.tables import Frame


@dataclass(frozen=True)
class Others:
    """The optional tables of a month."""

    tables: dict[str, Frame]  # clean, by name; that of the order lines is read where it is used
    aside: pl.DataFrame  # rows set aside, in the columns of `quarantine`
    fates: pl.DataFrame  # as `ledger.record_fates`


def clean_others(
    raw: dict[str, Frame], orders: pl.DataFrame, people: pl.DataFrame, settings: Settings
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
            trusted = orders.lazy().select("file", "row")
            rows = (
                raw[table]
                .lazy()
                .join(trusted, on=["file", "row"], how="semi", maintain_order="left")
            )
            clean = rows.select("file", "row", "system", *model.columns(table))
        else:
            clean, bad = records.clean_records(table, raw[table], known)
            aside.append(ledger.with_table(bad, table))
            fates.append(ledger.record_fates(table, raw[table], clean, bad))
        if table == "order_lines":
            clean = clean.with_columns(is_fee=is_fee())
        tables[table] = with_persons(clean, people)
    return Others(tables, pl.concat(aside), pl.concat(fates))


def with_persons(frame: Frame, people: pl.DataFrame) -> Frame:
    """The frame with the id of the person in place of each customer id."""
    columns = frame.lazy().collect_schema().names()
    names = [one for one in ("customer_id", "from_id", "to_id") if one in columns]
    if people.is_empty() or not names:
        return frame
    ids = people.filter(pl.col("customer_id") != pl.col("person_id"))
    swap = [pl.col(one).replace(ids["customer_id"], ids["person_id"]) for one in names]
    return frame.with_columns(swap)
