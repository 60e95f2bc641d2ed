"""Where every row and every cent went; the proof that nothing is lost."""

import polars as pl

from analysis.run.errors import AnalysisError
from analysis.tables import MONEY, Frame

_FATES = ("kept", "merged", "quarantined")
_ROW = ["file", "row"]
_MOST_ROWS = 1 << 40  # of one file


def order_fates(table: str, raw: Frame, orders: pl.DataFrame, aside: pl.DataFrame) -> pl.DataFrame:
    """What became of the rows that carry money.

    Args:
        table: `orders` or `order_lines`.
        raw: the table `raw_orders`.
        orders: the table `orders`.
        aside: rows set aside, with `file`, `row`.

    Returns:
        One row per file and fate (`read` is what came in): `table`, `file`, `fate`, `rows`, `money`
        (exact).

    Raises:
        AnalysisError: if a row that came in is in neither or in both, or one that did not is.
    """
    raw = raw.lazy()
    _assert_followed(table, raw, orders, aside)
    merged = pl.when("merged").then(pl.lit("merged")).otherwise(pl.lit("kept"))
    quarantined = raw.join(aside.lazy().select(_ROW), on=_ROW, how="semi")
    parts = [
        raw.select("file", "amount", fate=pl.lit("read")),
        orders.lazy().select("file", "amount", fate=merged),
        quarantined.select("file", "amount", fate=pl.lit("quarantined")),
    ]
    return _counted(table, parts)


def record_fates(
    table: str, raw: pl.DataFrame, kept: pl.DataFrame, aside: pl.DataFrame
) -> pl.DataFrame:
    """What became of the rows of an optional table; what is neither kept nor aside was merged."""
    fate = kept.select("file", "row", fate=pl.lit("kept")).vstack(
        aside.select("file", "row", fate=pl.lit("quarantined"))
    )
    followed = raw.select("file", "row").join(fate, on=["file", "row"], how="left", validate="1:1")
    no_money = pl.lit(None, MONEY)
    parts = [
        raw.lazy().select("file", amount=no_money, fate=pl.lit("read")),
        followed.lazy().select("file", amount=no_money, fate=pl.col("fate").fill_null("merged")),
    ]
    return _counted(table, parts)


def _counted(table: str, parts: list[pl.LazyFrame]) -> pl.DataFrame:
    counts = [
        part.group_by("file", "fate").agg(
            rows=pl.len().cast(pl.Int64), money=pl.col("amount").sum()
        )
        for part in parts
    ]
    return pl.concat(pl.collect_all(counts, engine="streaming")).select(
        pl.lit(table).alias("table"), "file", "fate", "rows", "money"
    )


def _assert_followed(
    table: str, raw: pl.LazyFrame, orders: pl.DataFrame, aside: pl.DataFrame
) -> None:
    """Every row that came in is a trusted one or set aside, and none is both."""
    files = pl.Enum(raw.select(pl.col("file").unique().sort()).collect().to_series())

    def places(frame: pl.LazyFrame) -> pl.Series:
        """One number for each row: its file in the upper bits, its row in the lower."""
        file = pl.col("file").cast(files).to_physical().cast(pl.Int64)
        return (
            frame.select(file * _MOST_ROWS + pl.col("row")).collect(engine="streaming").to_series()
        )

    came = places(raw).sort()
    followed = pl.concat([places(orders.lazy()), places(aside.lazy())]).sort()
    _assert_same(table, came.len(), followed.len())
    if (came != followed).any():
        raise AnalysisError(f"{table}: the rows accounted for are not those that came in.")


def source_ledger(files: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """Account for the rows and the money of every input.

    Args:
        files: the table `source_files`.
        fates: as `order_fates` and `record_fates` return them, of all tables.

    Returns:
        One row per table and file, in the columns of the table `source_ledger`.

    Raises:
        AnalysisError: if read is not kept + merged + set aside, for rows or to the cent.
    """
    sums = [
        pl.col(what).filter(pl.col("fate") == fate).sum().alias(f"{what}_{fate}")
        for what in ("rows", "money")
        for fate in ("read", *_FATES)
    ]
    counted = fates.group_by("table", "file").agg(sums)
    _assert_adds_up(counted)
    accounted = files.select("table", "file", "sha256", "rows_later").join(
        counted, on=["table", "file"], how="left"
    )
    filled = accounted.with_columns(pl.exclude("table", "file", "sha256").fill_null(0))
    _assert_same("all", counted["rows_read"].sum(), filled["rows_read"].sum())
    return filled.with_columns(pl.col("^money_.*$").cast(pl.Float64))


def _assert_adds_up(counted: pl.DataFrame) -> None:
    for what in ("rows", "money"):
        parts = pl.sum_horizontal(f"{what}_{fate}" for fate in _FATES)
        wrong = counted.filter(pl.col(f"{what}_read") != parts)
        if wrong.height:
            raise AnalysisError(f"The {what} of {wrong['file'].to_list()} do not add up.")


def _assert_same(table: str, came: int, followed: int) -> None:
    if came != followed:
        raise AnalysisError(f"{table}: {came:,} rows came in, {followed:,} were accounted for.")


def with_table(aside: pl.DataFrame, table: str) -> pl.DataFrame:
    """Rows set aside with the table that they belong to."""
    return aside.select(pl.lit(table).alias("table"), pl.all())


def reasons(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Rows and money set aside, the commonest reason first.

    Returns:
        One row per table and reason: `table`, `reason`, `rows`, `money` (null for tables without
        money), `kind`.
    """
    counted = quarantine.group_by("table", "reason", "kind").agg(
        rows=pl.len().cast(pl.Int64),
        money=pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum()),
    )
    ordered = counted.sort(["rows", "table", "reason"], descending=[True, False, False])
    return ordered.select("table", "reason", "rows", "money", "kind")


def waterfall(ledger: pl.DataFrame, aside: pl.DataFrame) -> pl.DataFrame:
    """The way from rows read to purchase occasions, one row per stage.

    Args:
        ledger: rows of `source_ledger` whose table carries the money.
        aside: rows of that table set aside.

    Returns:
        `stage` (`read`, each reason, `merged`, `kept`), `rows` (signed), `money` (signed).
    """
    total = ledger.sum()
    reasons = (
        aside.group_by(stage="reason")
        .agg(rows=-pl.len().cast(pl.Int64), money=-pl.col("amount").sum())
        .sort("rows", "stage")
    )
    ends = pl.DataFrame(
        {
            "stage": ["read", "merged", "kept"],
            "rows": [total["rows_read"][0], -total["rows_merged"][0], total["rows_kept"][0]],
            "money": [total["money_read"][0], -total["money_merged"][0], total["money_kept"][0]],
        }
    )
    return pl.concat([ends[:1], reasons.cast(ends.schema), ends[1:]])
