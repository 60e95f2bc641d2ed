"""Computed sentences of `02_clean`, as arguments for `run.say`."""

import polars as pl

from analysis.report.show import Money, Share


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
    money = {f"money_{part}": Money(total[f"money_{part}"]) for part in ("read", "kept", "merged")}
    return {
        "key": "clean.adds_up",
        "read": total["rows_read"],
        "kept": total["rows_kept"],
        "merged": total["rows_merged"],
        "aside": total["rows_quarantined"],
        "money_aside": Money(total["money_quarantined"]),
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
