"""The labels as files in each CRM's own import form: what changed, and all of them beside it."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import xlsxwriter

from analysis.actions.crm_labels import NONE, SEPARATOR
from analysis.labels import group
from analysis.report.workbook import neutralise
from analysis.run.sections_crm import LABELS, Crm
from analysis.run.settings import Settings

NAME_HEADING = (
    "客户名称"  # beside the number, so that a person sees whom 纷享销客 is about to change
)
BATCH = 100  # records that one call may change
_MOST_ROWS = {"jiandaoyun": 50_000, "fxiaoke": 50_000, "zoho": 25_000}  # of one import
_WRITTEN = datetime(2000, 1, 1)  # so that equal labels are equal bytes
_WIDTH, _TEXT = 22, 49  # the form `@`


def write_files(
    table: pl.DataFrame, records: pl.DataFrame, settings: Settings, folder: Path
) -> list[Path]:
    """Write the import files of every CRM: `crm_<system>_changes` and `crm_<system>_all`.

    简道云 and 纷享销客 get workbooks, Zoho CSV (UTF-8 with a mark); files longer than one import allows
    are cut. For 简道云 the changed labels stand once more as JSON, as its interface takes them.

    Args:
        table: the table `crm_labels`.
        records: as `crm_records.records` returns it.
        settings: names of the fields.
        folder: is made; files of an earlier run in it are replaced.

    Returns:
        The files written, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for system in table["system"].unique().sort():
        for old in folder.glob(f"crm_{system}_*"):
            old.unlink()
        for name, only_changed in (("changes", True), ("all", False)):
            content = import_table(table, records, system, settings.crm, only_changed)
            written += _write_parts(content, system, folder / f"crm_{system}_{name}")
        if system == "jiandaoyun":
            path = folder / f"crm_{system}_changes.json"
            bodies = list(batches(table, settings.crm))
            path.write_text(json.dumps(bodies, ensure_ascii=False, indent=1), encoding="utf-8")
            written.append(path)
    return sorted(written)


def import_table(
    table: pl.DataFrame, records: pl.DataFrame, system: str, crm: Crm, only_changed: bool
) -> pl.DataFrame:
    """The rows of an import: a record each, all its labels in it, so that no cell is empty.

    Args:
        table: the table `crm_labels`.
        records: as `crm_records.records` returns it.
        system: whose import.
        crm: names of the fields.
        only_changed: leave out records of which nothing changed.

    Returns:
        One row per record, by key: the key under its heading, for 纷享销客 the name, and the labels under
        the headings of the settings. Tags in Zoho stand with those that are the company's own.
    """
    own = table.filter(pl.col("system") == system)
    headings = getattr(crm, system).fields
    key = own["key"][0] if own.height else "record_id"
    if only_changed:
        own = own.filter(pl.col("changed").any().over("record_id"))
    wide = (
        own.pivot(on="field", on_columns=list(LABELS), index="record_id", values="value")
        .join(_received(own, records, system), on="record_id", how="left", validate="1:1")
        .sort("record_id")
    )
    if system == "zoho":
        none = group(f"crm.{crm.language}")[NONE]
        wide = wide.with_columns(tags=_with_own_tags(none))
    names = [NAME_HEADING] if system == "fxiaoke" else []
    return wide.select(
        pl.col("record_id").alias(key),
        *(pl.col("customer_name").alias(name) for name in names),
        *(pl.col(label).alias(headings[label]) for label in LABELS),
    )


def batches(table: pl.DataFrame, crm: Crm) -> Iterator[dict]:
    """The changed labels of 简道云 as bodies of its `batch_update`: equal changes together, 100 ids each.

    Args:
        table: the table `crm_labels`.
        crm: names of the fields, and the form.

    Yields:
        Bodies with `app_id`, `entry_id`, `data_ids`, `data`; where the export has no data ids,
        `customer_numbers` in their place, which a push replaces.
    """
    form = crm.jiandaoyun
    own = table.filter((pl.col("system") == "jiandaoyun") & pl.col("changed"))
    whole = own["api_id"].null_count() == 0
    ids, id_column = ("data_ids", "api_id") if whole else ("customer_numbers", "record_id")
    for changes, members in same_changes(own, id_column):
        data = {form.api_name(label): {"value": value} for label, value in changes.items()}
        for part in parts(members):
            yield {"app_id": form.app_id, "entry_id": form.entry_id, ids: part, "data": data}


def same_changes(changed: pl.DataFrame, id_column: str) -> list[tuple[dict[str, str], list[str]]]:
    """Records whose changed labels are the same, together.

    Args:
        changed: rows of the table `crm_labels`.
        id_column: the ids to return.

    Returns:
        Label = value, and the ids of the records that are to have them; the largest group first.
    """
    sets = (
        changed.sort("record_id", "field")
        .group_by("record_id", maintain_order=True)
        .agg("field", "value", pl.col(id_column).first().alias("id"))
        .group_by("field", "value", maintain_order=True)
        .agg("id")
        .sort(pl.col("id").list.len(), pl.col("id").list.first(), descending=[True, False])
    )
    return [
        (dict(zip(row["field"], row["value"], strict=True)), row["id"])
        for row in sets.iter_rows(named=True)
    ]


def parts(ids: list, most: int = BATCH) -> list[list]:
    """A list cut into parts of at most so many."""
    return [ids[at : at + most] for at in range(0, len(ids), most)]


def _received(own: pl.DataFrame, records: pl.DataFrame, system: str) -> pl.DataFrame:
    """Name and own tags of each record, and our tags of last month."""
    tags = own.filter(pl.col("field") == "tags").select("record_id", tags_before="previous")
    told = records.filter(pl.col("system") == system)
    return told.select("record_id", "customer_name", "own_tags").join(
        tags, on="record_id", how="left", validate="1:1"
    )


def _with_own_tags(none: str) -> pl.Expr:
    """Our tags, then those of the company's own; last month's that hold no more are left out.

    Ours come first: they never begin like a formula, the company's may.
    """
    ours, before, theirs = (_split(pl.col(name)) for name in ("tags", "tags_before", "own_tags"))
    kept = theirs.list.set_difference(before).list.set_difference(ours).list.sort()
    listed = pl.when(pl.col("tags") == none).then(kept).otherwise(pl.concat_list(ours, kept))
    return listed.list.join(SEPARATOR)


def _split(text: pl.Expr) -> pl.Expr:
    """The tags of a cell, without blanks around them."""
    plain = text.fill_null("").str.replace_all(r"\s*[,;，；]\s*", SEPARATOR).str.strip_chars(", ")
    return plain.str.split(SEPARATOR).list.filter(pl.element() != "")


def _write_parts(content: pl.DataFrame, system: str, stem: Path) -> list[Path]:
    """Write a table in as many files as its import asks for; a single one has no number."""
    most, ending = _MOST_ROWS[system], ".csv" if system == "zoho" else ".xlsx"
    starts = range(0, max(content.height, 1), most)
    written = []
    for number, start in enumerate(starts, start=1):
        name = stem.name if len(starts) == 1 else f"{stem.name}_{number}"
        path, part = stem.with_name(name + ending), content.slice(start, most)
        if ending == ".csv":
            neutralise(part).write_csv(path, include_bom=True, line_terminator="\r\n")
        else:
            _write_workbook(part, path)
        written.append(path)
    return written


def _write_workbook(content: pl.DataFrame, path: Path) -> None:
    """Write every cell as text that a spreadsheet never computes: its own mark of text stands before it.

    The mark is no part of the value, so a name that begins with `=` or `-` arrives as it is.
    """
    options = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    with xlsxwriter.Workbook(path, options) as book:
        book.set_properties({"created": _WRITTEN})
        sheet = book.add_worksheet()
        text = book.add_format({"num_format": _TEXT, "quote_prefix": True})
        heading = book.add_format({"num_format": _TEXT, "bold": True})
        sheet.set_column(0, content.width - 1, _WIDTH, text)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(content.columns):
            sheet.write_string(0, column, name, heading)
            for row, value in enumerate(content[name].to_list(), start=1):
                if value is not None:
                    sheet.write_string(row, column, value, text)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{content.height + 1}"})
