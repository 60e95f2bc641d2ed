"""Under which ids each CRM keeps the customers: read from its own exports, where alone they stand."""

from collections.abc import Iterable

import polars as pl

from analysis.collect import mapping
from analysis.collect.inputs import ROW, Input, find_inputs
from analysis.collect.sources import received, scan
from analysis.report.workbook import FORMULA_START
from analysis.run.errors import UserError
from analysis.run.settings import Settings

# Headings of the id by which the interface finds a record, and of the one by which an import does.
_API_IDS = {
    "jiandaoyun": ("data_id", "_id", "数据ID", "数据id"),
    "fxiaoke": ("_id",),
    "zoho": ("Record Id", "id"),
}
_KEYS = _API_IDS | {"fxiaoke": ("客户编号", "account_no")}
# The headings of the import files, whatever the export calls them.
_HEADINGS = {"jiandaoyun": "data_id", "fxiaoke": "客户编号", "zoho": "Record Id"}
_TEXTS = ("system", "record_id", "key", "api_id", "customer_name", "own_tags", "customer_id")


def records(profiles: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The records of all customers in each CRM, under the ids that it knows.

    A person may have several records, in one system or in more. Where an export of 简道云 holds no data
    id, the customer number stands for it: imports can match by it, and a push looks the ids up.

    Args:
        profiles: the table of this name.
        settings: whose sources of customers with a `preset` are the CRMs.

    Returns:
        One row per system and record, by both: `system`, `record_id`, `key` (heading of `record_id` in
        an import file), `api_id` (null: not in the export), `customer_name`, `own_tags` (both as the
        export has them, null where it has none), `customer_id` (of the person).

    Raises:
        UserError: if an export is missing or holds no id, or an id begins like a formula.
    """
    people = profiles.select("file", "row", person="person_id")
    found = [
        _of_input(one, one.source.preset)
        for source in settings.of("customers")
        if source.preset
        for one in find_inputs(source, settings)
    ]
    if not found:
        return pl.DataFrame(schema=dict.fromkeys(_TEXTS, pl.String))
    table = pl.concat(_same_key(found)).join(people, on=["file", "row"], validate="1:1")
    _refuse_formulas(table)
    return (
        table.sort("system", "record_id", "file", "row")
        .unique(["system", "record_id"], keep="last", maintain_order=True)
        .select(*_TEXTS[:-1], customer_id="person")
    )


def id_headings(one: Input) -> dict[str, str | None]:
    """Which columns of an export hold the ids: heading in the export, null where there is none.

    Args:
        one: an export of customers, of a source with a `preset`.

    Returns:
        `record_id`, `api_id`, `number`, `customer_name`, `own_tags`; and `key`, the heading that the
        record id has in an import file.

    Raises:
        UserError: if there is no id at all.
    """
    system, headings = one.source.preset, scan(one).collect_schema().names()
    known = mapping.find_columns(headings, one)
    api_id, record_id = (_first(names[system], headings) for names in (_API_IDS, _KEYS))
    number = known.get("customer_id")
    if record_id is None and number is None:
        raise UserError(
            f"{one.name} holds no id of its records ({', '.join(_KEYS[system])}), so labels cannot go "
            f"back to {system}. Export that column too."
        )
    return {
        "record_id": record_id or number,
        "api_id": api_id,
        "number": number,
        "customer_name": known.get("customer_name"),
        "own_tags": known.get("tags_in_crm"),
        "key": _HEADINGS[system] if record_id else number,
    }


def _of_input(one: Input, system: str) -> pl.DataFrame:
    """The ids, names and tags of one export, by row."""
    columns = id_headings(one)
    key = columns.pop("key")
    texts = {
        name: pl.lit(None, pl.String) if at is None else received(at)
        for name, at in columns.items()
    }
    rows = scan(one).select(row=pl.col(ROW).cast(pl.Int64), **texts)
    told = {"file": pl.lit(one.name), "system": pl.lit(system), "key": pl.lit(key)}
    return rows.filter(pl.col("record_id").is_not_null()).with_columns(**told).collect()


def _first(names: Iterable[str], headings: list[str]) -> str | None:
    return next((name for name in names if name in headings), None)


def _same_key(found: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """The exports of each system under one key: the customer number where one of them lacks the id."""
    keys = {}
    for one in found:
        if one.height:
            keys.setdefault(one["system"][0], set()).add(one["key"][0])
    mixed = {system for system, names in keys.items() if len(names) > 1}
    by_number = {
        system: next(name for name in sorted(keys[system]) if name != _HEADINGS[system])
        for system in mixed
    }
    return [
        one
        if one.is_empty() or one["system"][0] not in mixed
        else one.with_columns(record_id="number", key=pl.lit(by_number[one["system"][0]]))
        for one in found
    ]


def _refuse_formulas(table: pl.DataFrame) -> None:
    wrong = table.filter(pl.col("record_id").str.contains(FORMULA_START))
    if wrong.height:
        file, row, system = wrong.select("file", "row", "system").row(0)
        raise UserError(
            f"{file}, row {row:,}: the id of the record begins like a formula, as {wrong.height:,} ids "
            f"of {system} do. No system numbers its records so; is it the right column? Correct "
            "`columns` in the settings, or the export."
        )
