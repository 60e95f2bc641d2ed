"""Computed sentences of `02_clean`, as arguments for `run.say`."""

import polars as pl

from analysis.clean.profiles import People, Records
from analysis.clean.quality import DIMENSIONS
from analysis.report.show import Cents, Money, Share, percent
from analysis.tables import Frame


def records(found: Records) -> dict:
    """How many records there are, and in how many a value was altered or filled in."""
    if found.profiles.is_empty():
        return {"key": "clean.no_records"}
    return {
        "key": "clean.records",
        "records": found.profiles.height,
        "altered": found.profiles.filter(pl.col("altered") != "").height,
        "imputed": found.profiles.filter(pl.col("imputed") != "").height,
        "problems": found.problems["customer_id"].n_unique(),
        "tests": int(found.profiles["is_test"].sum()),
    }


def people(found: People) -> dict:
    """How many records were merged, and how many pairs somebody should look at."""
    if found.people.is_empty():
        return {"key": "clean.no_people"}
    return {
        "key": "clean.people",
        "records": found.people.height,
        "persons": found.people["person_id"].n_unique(),
        "merged": found.merges.height,
        "review": found.review.height,
    }


def merge_effect(orders: pl.DataFrame, found: pl.DataFrame) -> dict:
    """What merging did to the share of one-time buyers and to the mean number of purchases."""
    if found.filter(pl.col("customer_id") != pl.col("person_id")).is_empty():
        return {"key": "clean.no_merge_effect"}
    days = orders.select(customer_id="customer_id_received", purchase_day="purchase_day").unique()
    from analysis.clean.identity import merge_effect as effect

    rows = effect(days, found).rows_by_key("when", named=True, unique=True)
    return {
        "key": "clean.merge_effect",
        "once_before": Share(rows["before"]["one_time_share"]),
        "once_after": Share(rows["after"]["one_time_share"]),
        "mean_before": f"{rows['before']['mean_purchases']:.3f}",
        "mean_after": f"{rows['after']['mean_purchases']:.3f}",
    }


def flags(orders: pl.DataFrame, lines: Frame) -> dict:
    """What was noted of trusted rows, and of order lines, without setting them aside."""
    of_lines = lines.lazy().select(pl.col("is_fee").sum()).collect(engine="streaming").item()
    return {
        "key": "clean.flags",
        "fees": int(max(orders["is_fee"].sum(), of_lines)),
        "outliers": int(orders["is_outlier"].sum()),
        "early": int(orders["before_signup"].sum()),
    }


def readable_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """Scores as percentages, one row per table, one column per dimension."""
    shown = scores.with_columns(
        score=pl.col("score").map_elements(percent, return_dtype=pl.String),
        dimension=pl.col("dimension").cast(pl.String),
    )
    wide = shown.pivot("dimension", index="table", values="score")
    order = [name for name in DIMENSIONS if name in wide.columns]
    return wide.select("table", *(pl.col(name).fill_null("–") for name in order))


def zeros(checks: pl.DataFrame) -> dict:
    """Whether joins between tables fail by leading zeros that one export lost."""
    lost = checks.filter((pl.col("check") == "zeros_kept") & (pl.col("failed") > 0))
    if lost.is_empty():
        return {"key": "clean.zeros_kept"}
    return {
        "key": "clean.zeros_lost",
        "columns": ", ".join(
            f"{table} ({column})" for table, column in lost.select("table", "column").rows()
        ),
        "ids": int(lost["failed"].sum()),
    }


def clashes(checks: pl.DataFrame) -> dict:
    """Whether systems number their customers alike."""
    found = int(checks.filter(check="one_person")["failed"].sum())
    return {"key": "clean.ids_clash", "ids": found} if found else {"key": "clean.ids_apart"}


def to_mend(mend: pl.DataFrame) -> dict:
    """How much there is to mend, and for how many owners."""
    if mend.is_empty():
        return {"key": "clean.nothing_to_mend"}
    owners = mend["owner"].drop_nulls().n_unique()
    return {"key": "clean.to_mend", "lines": mend.height, "owners": owners}


def set_aside(quarantine: pl.DataFrame) -> dict:
    """How many rows were set aside."""
    if quarantine.is_empty():
        return {"key": "clean.nothing_aside"}
    bad = quarantine.filter(pl.col("kind") == "bad").height
    return {
        "key": "clean.some_aside",
        "rows": quarantine.height,
        "money": Money(quarantine["amount"].sum()),
        "bad": bad,
        "not_usable": quarantine.height - bad,
    }


def repeats(count: int, rows: int) -> dict:
    """How many rows repeat an earlier one."""
    if count == 0:
        return {"key": "clean.no_repeats"}
    return {"key": "clean.repeats", "repeats": count, "share": Share(count / rows)}


def adds_up(ledger: pl.DataFrame) -> dict:
    """Read = kept + merged + set aside."""
    total = ledger.select(pl.col("^(rows|money)_.*$").sum()).row(0, named=True)
    money = {f"money_{part}": Cents(total[f"money_{part}"]) for part in ("read", "kept", "merged")}
    return {
        "key": "clean.adds_up",
        "read": total["rows_read"],
        "kept": total["rows_kept"],
        "merged": total["rows_merged"],
        "aside": total["rows_quarantined"],
        "money_aside": Cents(total["money_quarantined"]),
        **money,
    }


def net(occasions: pl.DataFrame, ledger: pl.DataFrame) -> dict:
    """What the occasions are worth, and how many days were refunded away."""
    void = int(ledger["rows_kept"].sum()) - occasions.height
    return {"key": "clean.net", "money": Money(occasions["amount"].sum()), "void": void}


def one_time(customers: pl.DataFrame) -> dict:
    """How many customers have bought once only."""
    return {"key": "clean.once", "share": Share((customers["frequency"] == 0).mean())}


def zero_price(occasions: pl.DataFrame, customers: pl.DataFrame) -> dict:
    """How many occasions are worth nothing."""
    return {
        "key": "clean.zero",
        "zero": occasions.filter(pl.col("amount") == 0).height,
        "customers": customers.filter(pl.col("monetary_value") == 0).height,
    }
