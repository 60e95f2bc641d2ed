"""Rows that equal an earlier row in every column, found without holding all columns at once."""

import polars as pl

PLACE = "place"  # of a row in its table, from 0
_CONTENT = pl.exclude("file", "row", PLACE)


def repeated_rows(rows: pl.LazyFrame, among: pl.Expr) -> pl.DataFrame:
    """Rows equal to an earlier one in every column but file and row.

    Args:
        rows: a table with `file` and `row`.
        among: which of its rows to compare.

    Returns:
        One row per repeat: `place`.
    """
    placed = rows.with_row_index(PLACE).filter(among)
    hashed = placed.select(PLACE, hash=pl.struct(_CONTENT).hash()).collect(engine="streaming")
    alike = hashed.filter(pl.col("hash").is_duplicated()).select(PLACE)
    if alike.is_empty():
        return alike
    # Unequal rows may share a hash: the few that are alike are compared in full.
    compared = placed.join(alike.lazy(), on=PLACE, how="semi").collect(engine="streaming")
    return compared.sort(PLACE).filter(~pl.struct(_CONTENT).is_first_distinct()).select(PLACE)
