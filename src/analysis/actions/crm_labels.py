"""What each customer's records in the CRM are to say, and what of it changed since last month."""

import polars as pl

from analysis.labels import group
from analysis.report.workbook import neutralise
from analysis.run.sections_crm import LABELS, Crm

NONE = "none"
SEPARATOR = ","  # between tags; all three systems part values of one cell by it
_NO_TAGS = ("unknown", "unclear", "too_little_data")
_RISKS = ("low", "middle", "high")


def labels(
    segments: pl.DataFrame,
    churn: pl.DataFrame,
    channels: pl.DataFrame | None,
    actions: pl.DataFrame | None,
    crm: Crm,
) -> pl.DataFrame:
    """The labels of every customer with a class, prospects included.

    A label always has a value, `none` in words where there is nothing to say: imports skip empty cells,
    so an action that has ended could not be taken back by one.

    Args:
        segments, churn: the tables of these names.
        channels: the table `preferred_channels`; None where there is none.
        actions: as `planned` returns it; None where there is none.
        crm: language of the values, bands of risk, axes that become tags.

    Returns:
        One row per customer: `customer_id` and the labels: `customer_class` (rfm; of prospects the
        life cycle), `value_class`, `churn_risk` (band of the chance of no purchase), `next_action`,
        `channel`, `tags` (parted by commas, in the order of the axes). No cell begins like a formula.
    """
    words = group(f"crm.{crm.language}")
    named = segments.with_columns(name=_names(segments, crm))
    people = named.select("customer_id").unique()
    parts = {
        "customer_class": _on_axis(named, "rfm", "life_cycle"),
        "value_class": _on_axis(named, "value_revenue"),
        "churn_risk": churn.select("customer_id", value=_risk(crm).replace_strict(words)),
        "next_action": _words_of(actions, "action", {}),
        "channel": _words_of(channels, "preferred_channel", words),
        "tags": _tags(named, crm),
    }
    for label, part in parts.items():
        one = part.select("customer_id", pl.col("value").alias(label))
        people = people.join(one, on="customer_id", how="left", validate="1:1")
    return neutralise(
        people.with_columns(_one_line(pl.col(*LABELS)).fill_null(words[NONE]))
        .select("customer_id", *LABELS)
        .sort("customer_id")
    )


def planned(plan: pl.DataFrame, crm: Crm) -> pl.DataFrame:
    """The planned actions as `labels` takes them: of those who are to be contacted, and of no others.

    Controls get no word of an action: whoever works with the CRM would act on it, and nothing could be
    measured any more.

    Args:
        plan: the table `action_plan`.
        crm: language of the words.

    Returns:
        One row per customer to be contacted, by customer: `customer_id`, `action`.
    """
    words = group(f"crm.{crm.language}")
    names = {
        key: words.get(f"action_{key}", key) for key in plan["action"].cast(pl.String).unique()
    }
    name = pl.col("action").cast(pl.String).replace_strict(names, return_dtype=pl.String)
    return (
        plan.filter(pl.col("arm") == "treat")
        .select(
            "customer_id", action=pl.concat_str([name, "what"], separator=": ", ignore_nulls=True)
        )
        .sort("customer_id")
    )


def crm_labels(
    labels: pl.DataFrame, records: pl.DataFrame, previous: pl.DataFrame | None
) -> pl.DataFrame:
    """The labels of every record of every CRM beside those of last month: the table `crm_labels`.

    Args:
        labels: as `labels` returns it.
        records: as `crm_records.records` returns it; those of persons without labels are left out.
        previous: the table `crm_labels` of the latest earlier month; None where there is none.

    Returns:
        One row per system, record and label, by these: `system`, `record_id`, `field`, `customer_id`,
        `key`, `api_id`, `value`, `previous` (null: not labelled then), `changed`.
    """
    ids = ["system", "record_id", "key", "api_id", "customer_id"]
    long = (
        records.select(ids)
        .join(labels, on="customer_id", validate="m:1")
        .unpivot(list(LABELS), index=ids, variable_name="field", value_name="value")
    )
    on = ["system", "record_id", "field"]
    if previous is None:
        long = long.with_columns(previous=pl.lit(None, pl.String))
    else:
        before = previous.select(*on, previous="value")
        long = long.join(before, on=on, how="left", validate="1:1")
    return long.select(
        *on,
        *("customer_id", "key", "api_id", "value", "previous"),
        changed=pl.col("value").ne_missing(pl.col("previous")),
    ).sort(on)


def counts(table: pl.DataFrame) -> pl.DataFrame:
    """How much of each system changed: `system`, `records`, `changed_records`, `changed_labels`."""
    changed = pl.col("changed")
    return (
        table.group_by("system")
        .agg(
            records=pl.col("record_id").n_unique().cast(pl.Int64),
            changed_records=pl.col("record_id").filter(changed).n_unique().cast(pl.Int64),
            changed_labels=changed.sum().cast(pl.Int64),
        )
        .sort("system")
    )


def _names(segments: pl.DataFrame, crm: Crm) -> pl.Expr:
    if crm.language == "zh":
        return pl.col("class_zh")
    known = group("class")
    names = {one: known.get(one, {}).get("en", one) for one in segments["class"].unique()}
    return pl.col("class").replace_strict(names, return_dtype=pl.String)


def _on_axis(named: pl.DataFrame, axis: str, otherwise: str | None = None) -> pl.DataFrame:
    """The class on an axis; of those without one, that on another."""
    wanted = [axis] if otherwise is None else [axis, otherwise]
    found = named.filter(pl.col("axis").is_in(wanted))
    first = found.with_columns(place=pl.col("axis") != axis).sort("customer_id", "place")
    return first.unique("customer_id", keep="first").select("customer_id", value="name")


def _risk(crm: Crm) -> pl.Expr:
    chance = pl.col("probability_no_purchase")
    low, middle, high = (pl.lit(f"risk_{name}") for name in _RISKS)
    above = pl.when(chance >= crm.high_risk_from).then(high)
    return above.when(chance >= crm.middle_risk_from).then(middle).otherwise(low)


def _words_of(table: pl.DataFrame | None, column: str, words: dict[str, str]) -> pl.DataFrame:
    if table is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "value": pl.String})
    keys = {name: f"channel_{name}" for name in table[column].drop_nulls().unique()}
    named = {name: words[key] for name, key in keys.items() if key in words}
    return table.select("customer_id", value=pl.col(column).cast(pl.String).replace(named))


def _tags(named: pl.DataFrame, crm: Crm) -> pl.DataFrame:
    """The classes on the axes that become tags, joined; what is not known is no tag."""
    order = {axis: place for place, axis in enumerate(crm.tag_axes)}
    told = named.filter(pl.col("axis").is_in(list(order)) & ~pl.col("class").is_in(_NO_TAGS))
    placed = told.select(
        "customer_id",
        place=pl.col("axis").replace_strict(order, return_dtype=pl.Int64),
        tag=_one_line(pl.col("name")).str.replace_all(SEPARATOR, " ", literal=True),
    )
    return (
        placed.sort("customer_id", "place")
        .unique(["customer_id", "tag"], keep="first", maintain_order=True)
        .group_by("customer_id", maintain_order=True)
        .agg(value=pl.col("tag").str.join(SEPARATOR))
    )


def _one_line(text: pl.Expr) -> pl.Expr:
    """A text without breaks, tabs and outer blanks; null where nothing is left."""
    plain = text.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(plain != "").then(plain)
