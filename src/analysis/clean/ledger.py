"""Where every row and every cent went; the proof that nothing is lost."""

import polars as pl

from analysis.run.errors import AnalysisError


def source_ledger(
    files: pl.DataFrame, raw: pl.DataFrame, orders: pl.DataFrame, quarantine: pl.DataFrame
) -> pl.DataFrame:
    """Account for the rows and the money of every file.

    Args:
        files: the table `source_files`.
        raw: the table `raw_orders`.
        orders: the table `orders`.
        quarantine: rows set aside, with `file`, `row`.

    Returns:
        One row per file, in the columns of the table `source_ledger`.

    Raises:
        AnalysisError: if read is not kept + merged + set aside, for rows or to the cent.
    """
    fate = orders.select(
        "file", "row", fate=pl.when("merged").then(pl.lit("merged")).otherwise(pl.lit("kept"))
    ).vstack(quarantine.select("file", "row", fate=pl.lit("quarantined")))
    followed = raw.join(fate, on=["file", "row"], how="left", validate="1:1")
    sums = []
    for name in ("kept", "merged", "quarantined"):
        mine = pl.col("fate") == name
        sums += [
            mine.sum().cast(pl.Int64).alias(f"rows_{name}"),
            pl.col("amount").filter(mine).sum().alias(f"money_{name}"),
        ]
    counted = followed.group_by("file").agg(
        pl.len().cast(pl.Int64).alias("rows_read"),
        pl.col("amount").sum().alias("money_read"),
        *sums,
    )
    _assert_adds_up(counted, raw.height, orders.height + quarantine.height)
    accounted = files.select("table", "file", "sha256", "rows_later").join(
        counted, on="file", how="left"
    )
    return accounted.with_columns(pl.exclude("table", "file", "sha256").fill_null(0)).with_columns(
        pl.col("^money_.*$").cast(pl.Float64)
    )


def _assert_adds_up(counted: pl.DataFrame, raw_rows: int, followed_rows: int) -> None:
    for what in ("rows", "money"):
        parts = pl.sum_horizontal(f"{what}_kept", f"{what}_merged", f"{what}_quarantined")
        wrong = counted.filter(pl.col(f"{what}_read") != parts)
        if wrong.height:
            raise AnalysisError(f"The {what} of {wrong['file'].to_list()} do not add up.")
    if raw_rows != followed_rows:
        raise AnalysisError(f"{raw_rows:,} rows came in, {followed_rows:,} were accounted for.")


def with_table(quarantine: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """The rows set aside with the table that their file belongs to."""
    return quarantine.join(files.select("file", "table"), on="file", how="left")


def waterfall(ledger: pl.DataFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """The way from rows read to purchase occasions, one row per stage.

    Returns:
        `stage` (`read`, each reason, `merged`, `kept`), `rows` (signed), `money` (signed).
    """
    total = ledger.sum()
    reasons = (
        quarantine.group_by(stage="reason")
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
