"""Whether the import files do what they should: read back, and applied as the CRM's import would."""

from pathlib import Path

import polars as pl

from analysis.actions.crm_files import NAME_HEADING, import_table
from analysis.actions.crm_records import id_headings
from analysis.collect.inputs import CONTINUES, ROW, find_inputs
from analysis.collect.sources import received, scan
from analysis.run.errors import UserError
from analysis.run.settings import Settings

_CHECKED = {"system": pl.String, "rows": pl.Int64}
_CHECKED |= dict.fromkeys(("not_found", "wrong_records", "other_cells"), pl.Int64)


def check_files(
    table: pl.DataFrame, records: pl.DataFrame, settings: Settings, folder: Path
) -> pl.DataFrame:
    """Apply the files of changes to the exports that they came from, labelled as they were last month.

    Args:
        table: the table `crm_labels`.
        records: as `crm_records.records` returns it.
        settings: whose sources are the exports.
        folder: with the files that `crm_files.write_files` wrote.

    Returns:
        One row per system, by system: `system`, `rows` (of the files), `not_found` (rows without a
        record), `wrong_records` (records whose labels are not the new ones afterwards), `other_cells`
        (cells of the export that changed). All but `rows` are 0 where the files are right.
    """
    found = [
        _check(table, records, settings, folder, system)
        for system in table["system"].unique().sort()
    ]
    return pl.DataFrame(found, schema=_CHECKED, orient="row")


def read_file(path: Path) -> pl.DataFrame:
    """A file as an import reads it: every cell as text; raises UserError for a formula or lost digits."""
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False)
    cells = pl.read_excel(path, infer_schema_length=0, raise_if_empty=False)
    numbers = [name for name, kind in cells.schema.items() if kind not in (pl.String, pl.Null)]
    if numbers:
        raise UserError(f"{path.name} holds numbers in {', '.join(numbers)}, not text.")
    return cells.cast(pl.String)


def apply_import(before: pl.DataFrame, imported: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """What a CRM holds after an import that updates: rows found by their keys get the other cells.

    Args:
        before: what the CRM holds, one row per record.
        imported: the file; an empty cell leaves the field as it is.
        keys: headings that both have and that must agree; they are never written.

    Returns:
        The rows and columns of `before`, in its order; fields that it lacks are added.

    Raises:
        UserError: if two rows of the file have the same keys.
    """
    if imported.select(keys).is_duplicated().any():
        raise UserError("Two rows of the import have the same key.")
    fields = [name for name in imported.columns if name not in keys]
    absent = [pl.lit(None, pl.String).alias(name) for name in fields if name not in before.columns]
    new = imported.select(*keys, *(pl.col(name).alias(f"new {name}") for name in fields))
    joined = before.with_columns(absent).join(
        new, on=keys, how="left", validate="m:1", maintain_order="left", nulls_equal=True
    )
    empty = pl.lit("")
    return joined.with_columns(
        pl.when(pl.col(f"new {name}").fill_null(empty) != empty)
        .then(pl.col(f"new {name}"))
        .otherwise(pl.col(name))
        .alias(name)
        for name in fields
    ).drop(f"new {name}" for name in fields)


def _check(
    table: pl.DataFrame, records: pl.DataFrame, settings: Settings, folder: Path, system: str
) -> tuple:
    crm, own = settings.crm, table.filter(pl.col("system") == system)
    key = own["key"][0]
    keys = [key, NAME_HEADING] if system == "fxiaoke" else [key]
    export = _export(settings, system, keys)
    last_month = own.with_columns(value="previous")
    before, expected = (
        _labelled(export, import_table(state, records, system, crm, False), keys)
        for state in (last_month, own)
    )
    files = sorted(folder.glob(f"crm_{system}_changes*.[xc][ls][sv]*"))
    imported = pl.concat([read_file(path) for path in files])
    after = apply_import(before, imported, keys)
    labels = list(getattr(crm, system).fields.values())
    wrong = pl.any_horizontal(
        after[name].fill_null("").ne(expected[name].fill_null("")).alias(name) for name in labels
    )
    others = [name for name in export.columns if name not in labels]  # no file may write these
    changed = sum(int(after[name].ne_missing(export[name]).sum()) for name in others)
    missing = imported.join(export, on=keys, how="anti", nulls_equal=True).height
    return system, imported.height, missing, int(after.select(wrong).to_series().sum()), changed


def _export(settings: Settings, system: str, keys: list[str]) -> pl.DataFrame:
    """What the CRM exported, all cells as text, its keys under the headings of the import."""
    parts = []
    for source in settings.of("customers"):
        if source.preset != system:
            continue
        for one in find_inputs(source, settings):
            ids = id_headings(one)
            at = (
                ids["record_id"] if ids["key"] == keys[0] else ids["number"],
                ids["customer_name"],
            )
            named = {name: received(heading) for name, heading in zip(keys, at, strict=False)}
            cells = scan(one).drop(ROW, CONTINUES, strict=False)
            parts.append(cells.with_columns(**named).collect())
    return pl.concat(parts, how="diagonal")


def _labelled(export: pl.DataFrame, state: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The export with the labels of a state in place of those that it may hold."""
    labels = [name for name in state.columns if name not in keys]
    return export.drop(labels, strict=False).join(
        state, on=keys, how="left", validate="m:1", maintain_order="left", nulls_equal=True
    )
