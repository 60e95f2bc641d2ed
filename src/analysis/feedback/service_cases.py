"""Complaints as cases at a day: when answered, when closed, what came after; nothing later is read."""

from datetime import date, datetime, time, timedelta

import polars as pl

MIXED = "several"
HOUR, DAY = 3_600, 86_400  # seconds
YEAR_DAYS = 365
_TEXTS = ("feedback_id", "category", "dept", "order_id", "product_id")
_TIMES = ("first_response_at", "closed_at")


def cases(
    feedback: pl.DataFrame,
    as_of: date,
    products: pl.DataFrame | None = None,
    order_lines: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every complaint made by as_of, as it stood at the end of that day.

    What was answered or closed later was open then. A case closed without a recorded response counts
    as answered when it was closed. Where the table never says when a case was closed (or answered),
    none is called open (or waiting). A time before the complaint itself is wrong: the case counts,
    its durations do not.

    Args:
        feedback: the table `feedback`; of its columns only `customer_id`, `at` and `kind` are required.
        as_of: the last day that counts.
        products, order_lines: tables from which the category of the product complained about comes: by
            `product_id`, or else that of the order if all its lines have one, or else `several`.

    Returns:
        One row per complaint, by time: `feedback_id`, `customer_id`, `at`, `day`, `category`, `dept`,
        `product_category`, `answered`, `closed` (whether by as_of), `response_hours`, `close_days`
        (until then, or until the end of as_of; null where not known), `same_day` (closed on the day of
        the first response), `followed_up`, `open`, `age_days`, `again_days` (to the next complaint of
        the customer, null without), `wrong` (a time before the complaint).
    """
    end = datetime.combine(as_of, time()) + timedelta(days=1)
    known = {name: name in feedback.columns and feedback[name].count() > 0 for name in _TIMES}
    rows = _complete(feedback).filter((pl.col("kind") == "complaint") & (pl.col("at") < end))
    by_then = [pl.when(pl.col(name) < end).then(name).alias(name) for name in _TIMES]
    rows = rows.sort("at", "customer_id", "feedback_id").with_columns(by_then)
    told, done = pl.col("at"), pl.col("closed_at")
    answer = pl.coalesce("first_response_at", "closed_at")
    wrong = ((answer < told) | (done < told)).fill_null(False)
    following = told.shift(-1).over("customer_id", order_by=["at", "feedback_id"])
    measured = rows.with_columns(
        wrong=wrong,
        answered=answer.is_not_null(),
        closed=done.is_not_null(),
        response_hours=_until(answer, end, HOUR, any(known.values()), wrong),
        close_days=_until(done, end, DAY, known["closed_at"], wrong),
        same_day=(answer.dt.date() == done.dt.date()).fill_null(False) & known["closed_at"],
        open=done.is_null() & known["closed_at"],
        day=told.dt.date(),
        age_days=(pl.lit(as_of) - told.dt.date()).dt.total_days(),
        again_days=(following.dt.date() - told.dt.date()).dt.total_days(),
    )
    return _with_product(measured, products, order_lines).select(
        *("feedback_id", "customer_id", "at", "day", "category", "dept", "product_category"),
        *("answered", "closed", "response_hours", "close_days", "same_day", "followed_up"),
        *("open", "age_days", "again_days", "wrong"),
    )


def within(rows: pl.DataFrame, as_of: date, days: int) -> pl.DataFrame:
    """Cases of the last so many days, as_of included."""
    return rows.filter(pl.col("day") > as_of - timedelta(days=days))


def a_year_before(as_of: date) -> date:
    """The first of the 365 days that end with as_of."""
    return as_of - timedelta(days=YEAR_DAYS - 1)


def _until(when: pl.Expr, end: datetime, unit: int, known: bool, wrong: pl.Expr) -> pl.Expr:
    """Time from the complaint to an event, or to the end of what is seen."""
    seconds = (when.fill_null(end) - pl.col("at")).dt.total_seconds()
    return pl.when(~wrong & known).then(seconds / unit)


def _complete(feedback: pl.DataFrame) -> pl.DataFrame:
    """The columns that cases need, empty where the table lacks them."""
    kinds = dict.fromkeys(_TEXTS, pl.String) | dict.fromkeys(_TIMES, pl.Datetime("us"))
    kinds |= {"followed_up": pl.Boolean}
    optional = [
        (pl.col(name) if name in feedback.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in kinds.items()
    ]
    fixed = [pl.col("customer_id", "kind").cast(pl.String), pl.col("at").cast(pl.Datetime("us"))]
    return feedback.select(*fixed, *optional)


def _with_product(
    rows: pl.DataFrame, products: pl.DataFrame | None, lines: pl.DataFrame | None
) -> pl.DataFrame:
    """The category of the product, or of the order's lines where these agree."""
    one = pl.col("category").drop_nulls()
    agreed = pl.when(one.n_unique() == 1).then(one.first())
    agreed = agreed.otherwise(pl.when(one.n_unique() > 1).then(pl.lit(MIXED)))
    if lines is not None and {"order_id", "product_id"} <= set(lines.columns):
        lines = _with_own_category(lines, products)
    found = rows
    for table, key, name in (
        (products, "product_id", "of_product"),
        (lines, "order_id", "of_order"),
    ):
        if table is None or not {key, "category"} <= set(table.columns):
            found = found.with_columns(pl.lit(None, pl.String).alias(name))
            continue
        named = table.drop_nulls(key).group_by(key).agg(agreed.cast(pl.String).alias(name))
        found = found.join(named, on=key, how="left", maintain_order="left")
    return found.with_columns(product_category=pl.coalesce("of_product", "of_order"))


def _with_own_category(lines: pl.DataFrame, products: pl.DataFrame | None) -> pl.DataFrame:
    """Order lines with the category of their product where the line names none."""
    own = "category" if "category" in lines.columns else pl.lit(None, pl.String)
    named = lines.select("order_id", "product_id", line_category=own)
    if products is None or not {"product_id", "category"} <= set(products.columns):
        return named.rename({"line_category": "category"})
    listed = products.drop_nulls(["product_id", "category"]).sort("product_id", "category")
    known = listed.select("product_id", "category").unique("product_id", keep="first")
    joined = named.join(known, on="product_id", how="left", maintain_order="left")
    return joined.with_columns(category=pl.coalesce("line_category", "category"))
