"""Tables of service, its meaning, channels and care for readers, figures with their intervals."""

import polars as pl

from analysis.labels import group
from analysis.report.show import percent

SHARES = ("repeat", "first_contact", "followed_up")
_KEYS = {"kpi": "service_figure", "standard": "service_standard", "verdict": "service_verdict"}
_KEYS |= {"period": "service_period", "what": "service_effect", "festival": "festival"}
_KEYS |= {"channel": "card.channel", "preferred_channel": "card.channel"}
_KEYS |= {"next_channel": "card.channel", "by": "service_group", "category": "service_category"}


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Any frame of this part with the keys of its columns replaced by words, for `run.table`."""
    names = [name for name in _KEYS if name in frame.columns]
    return frame.with_columns(
        pl.col(name).cast(pl.String).replace(group(_KEYS[name])) for name in names
    )


def readable_kpis(kpis: pl.DataFrame) -> pl.DataFrame:
    """`service.kpis` for readers: values and limits as text, shares as percentages."""

    def text(row: dict, name: str) -> str | None:
        value = row[name]
        share = row["kpi"] in SHARES or row["kpi"].endswith("in_time")
        return None if value is None else percent(value) if share else f"{value:.2f}"

    rows = kpis.to_dicts()
    shown = {name: [text(row, name) for row in rows] for name in ("value", "low", "high")}
    columns = [pl.Series(name, values, pl.String) for name, values in shown.items()]
    return readable(kpis.with_columns(columns))


def group_rows(groups: pl.DataFrame) -> pl.DataFrame:
    """Complaints by group with the figures that tell groups apart, each with its 95 % interval.

    Args:
        groups: as `service.by_group` returns it.
    """
    categories = group("service_category")
    shown = groups.with_columns(
        about=pl.col("group").replace(categories),
        repeat=_with_interval("repeat", 100, "%"),
        first_contact=_with_interval("first_contact", 100, "%"),
        close_median=_with_interval("close_median", 1, ""),
    )
    names = ("by", "about", "complaints", "open", "repeat", "first_contact", "close_median")
    return readable(shown.select(names))


def staff_rows(team: pl.DataFrame) -> pl.DataFrame:
    """Contacts of members of staff, by number.

    Args:
        team: as `service_standards.by_staff` returns it.
    """
    shown = team.with_columns(
        taken_in_time=_interval("connected_in_time", "low", "high", 100, "%"),
        handle_median=_with_interval("handle_median", 1, "", ends="handle"),
    )
    return shown.select("staff", "team", "contacts", "taken_in_time", "handle_median")


def fact(kpis: pl.DataFrame, kpi: str, column: str = "value") -> float | str:
    """One figure of the last 365 days, for the checked cell.

    Args:
        kpis: as `service.kpis` returns it.
    """
    value = kpis.filter(period="year", kpi=kpi)[column][0]
    return "–" if value is None else value


def _with_interval(name: str, times: int, unit: str, ends: str | None = None) -> pl.Expr:
    ends = ends or name
    return _interval(name, f"{ends}_low", f"{ends}_high", times, unit)


def _interval(value: str, low: str, high: str, times: int, unit: str) -> pl.Expr:
    """The value with its interval as text; null where the value is not known."""
    digits = 0 if unit or value == "handle_median" else 1
    parts = [
        (times * pl.col(name)).round(digits).cast(pl.Int64 if not digits else pl.Float64)
        for name in (value, low, high)
    ]
    some = pl.format(f"{{}}{unit} ({{}}–{{}})", *parts)
    return pl.when(pl.col(value).is_not_null()).then(pl.coalesce(some, pl.format("{}", parts[0])))
