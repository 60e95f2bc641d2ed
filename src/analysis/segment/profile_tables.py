"""The profiles as tables for readers: at most six columns, keys as words."""

import polars as pl

from analysis.labels import label
from analysis.report.show import percent
from analysis.segment.cluster_words import class_word
from analysis.segment.profile_words import change_in_words, time_in_words
from analysis.segment.timing import ALL, PARTS
from analysis.segment.traits import BACKGROUND, notable

MOST_OVER, MOST_UNDER = 3, 2  # traits of a class that a reader takes in
MOST_GROWTH = 9.0  # tenfold; an interval that goes on says nothing more


def readable_traits(traits: pl.DataFrame, axis: str) -> pl.DataFrame:
    """What stands out in the classes of an axis, the most different first within each class.

    Returns:
        One row per class and value, of a class at most MOST_OVER that it has more than others, then
        MOST_UNDER that it has less: `class`, `trait`, `value`, `share_in_class`, `share_in_others`,
        `lift`.
    """
    told = notable(traits).filter(pl.col("axis") == axis)
    over = pl.col("share_in_class") > pl.col("share_in_others")
    place = pl.int_range(pl.len()).over("class", over)
    most = pl.when(over).then(MOST_OVER).otherwise(MOST_UNDER)
    rows = told.filter(place < most).sort("class", ~over, maintain_order=True)
    words = [
        class_word(value) if trait in BACKGROUND else value
        for trait, value in rows.select("trait", "value").iter_rows()
    ]
    names = [label(f"profile.trait.{trait}") for trait in rows["trait"]]
    return rows.select(
        "class",
        trait=pl.Series(names, dtype=pl.String),
        value=pl.Series(words, dtype=pl.String),
        share_in_class="share_in_class",
        share_in_others="share_in_others",
        lift="lift",
    )


def readable_timing(timing: pl.DataFrame) -> pl.DataFrame:
    """The best day and hours of each category in words, the most purchases first.

    Returns:
        One row per category: `category`, `purchases`, `best_weekday`, `best_hours`.
    """
    rows = timing.sort("category", "part")
    told = rows.select("category", "part", "purchases").with_columns(
        words=pl.Series([_time(row) for row in rows.iter_rows(named=True)], dtype=pl.String)
    )
    wide = told.group_by("category").agg(
        pl.col("purchases").max(),
        *(
            pl.col("words").filter(pl.col("part") == part).first().alias(f"best_{part}")
            for part in PARTS
        ),
    )
    every = label("profile.all_purchases")
    words = [every if name == ALL else name for name in wide["category"]]
    return wide.with_columns(pl.Series("category", words, dtype=pl.String)).sort(
        "purchases", "category", descending=[True, False]
    )


def readable_growth(growth: pl.DataFrame, axis: str) -> pl.DataFrame:
    """Growth of the classes of an axis, the greatest change of spend first.

    Returns:
        One row per class: `class`, `customers`, `spend_now`, `growth` and `interval` in words,
        `outlook`.
    """
    rows = growth.filter(pl.col("axis") == axis)
    changes = rows.select("growth", "low", "high").rows()
    return rows.select(
        "class",
        "customers",
        "spend_now",
        growth=pl.Series([_change(change) for change, _, _ in changes], dtype=pl.String),
        interval=pl.Series([_interval(low, high) for _, low, high in changes], dtype=pl.String),
        outlook=pl.Series(
            [label(f"profile.outlook.{one}") for one in rows["outlook"]], dtype=pl.String
        ),
    )


def readable_cards(cards: pl.DataFrame, axis: str) -> pl.DataFrame:
    """The strategy cards of an axis.

    Returns:
        One row per class: `class`, `customers`, `actions` (one text), `owner`, `kpi`, `budget`.
    """
    rows = cards.filter(pl.col("axis") == axis)
    return rows.select(
        "class", "customers", pl.col("actions").list.join("; "), "owner", "kpi", "budget"
    )


def _time(row: dict) -> str:
    part = row["part"]
    if row["best"] is None:
        dates_only = part == "hours" and not row["purchases"]
        return label("profile.no_times" if dates_only else "profile.too_few")
    shares = {name: percent(row[name]) for name in ("share", "low", "high")}
    key = "profile.clearly" if row["clear"] else "profile.perhaps"
    return label(key, best=time_in_words(part, row["best"]), **shares)


def _change(change: float | None) -> str | None:
    return None if change is None else change_in_words(change)


def _interval(low: float | None, high: float | None) -> str | None:
    if low is None:
        return None
    most = change_in_words(min(high, MOST_GROWTH), 0) + ("…" if high > MOST_GROWTH else "")
    return label("profile.interval", low=change_in_words(low, 0), high=most)
