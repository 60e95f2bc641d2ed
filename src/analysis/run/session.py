"""What a notebook holds in its hands: the month, its settings, the tables it may read and write."""

import json
import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from analysis import tables
from analysis.run import paths, provenance, publish
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings, find_config, load
from analysis.run.steps import LATEST, Step, find_step

if TYPE_CHECKING:
    from analysis.actions.ledger import Ledger
    from analysis.report.show import Paragraphs, Prose, Table

STAGING = "ANALYSIS_STAGING"  # set by the runner: the month's staging folder
WORK = "ANALYSIS_WORK"  # set by the runner: where this one notebook writes


def start(step: str, config: str, month: str) -> "Run":
    """Begin a notebook of the monthly run; the same line stands in every setup cell.

    Args:
        step: the notebook's name, e.g. `03_segment`.
        config: a settings file, relative to the project or absolute.
        month: `YYYY-MM`.

    Raises:
        UserError: if a parameter or setting is wrong.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    return Run(find_step(step), config, Month.parse(month))


def open_month(config: str, month: str) -> "Run":
    """Open a published month to read its tables, from a notebook of your own.

    Example: `analysis.open_month("config/cdnow.toml", "1998-06").read("clv")`.
    """
    everything = tuple(tables.CONTRACTS)
    return Run(Step("your notebook", reads=everything, writes=()), config, Month.parse(month))


class Run:
    """One notebook's view of one month of one data set."""

    def __init__(self, step: Step, config: str, month: Month):
        self.step, self.config, self.month = step, config, month
        self.settings: Settings = load(config)
        self._facts: dict[str, object] = {}
        self._kept: dict[str, dict] = {}
        staging = os.environ.get(STAGING)
        published = paths.tables(self.settings.name, month)
        self._in = Path(staging) / paths.TABLES if staging else published
        self._out = Path(os.environ[WORK]) if staging else paths.lab(self.settings.name, month)

    @property
    def as_of(self) -> date:
        """The last day that the month sees, up to its last instant."""
        return self.month.last_day

    @property
    def currency(self) -> str:
        return self.settings.currency

    def read(self, table: str) -> pl.DataFrame:
        """A table that an earlier notebook of the month wrote.

        Raises:
            UserError: if the step does not declare that it reads it, or the month has not been run.
        """
        self._may_read(table)
        return tables.read(table, self._in)

    def scan(self, table: str) -> pl.LazyFrame:
        """A table as `read` gives it, but read column by column where it is used.

        Raises:
            UserError: as `read`.
        """
        self._may_read(table)
        return tables.scan(table, self._in)

    def _may_read(self, table: str) -> None:
        if table not in self.step.reads:
            raise UserError(
                f"{self.step.name} does not declare that it reads {table}. "
                f"It reads: {', '.join(self.step.reads) or 'no table'} (src/analysis/run/steps.py)."
            )
        if not tables.table_path(table, self._in).is_file():
            raise UserError(
                f"{self.month} of {self.settings.name} has no table {table} yet. "
                f"Run the month first: analysis run {self.month} --config {self.config}"
            )

    def read_earlier(self, table: str, months_back: int = 1) -> pl.DataFrame | None:
        """A table of an earlier month (LATEST: of the latest published), if there is one; else None."""
        folder = self._earlier(table, months_back)
        return folder and tables.read(table, folder)

    def read_earlier_document(self, name: str) -> dict | None:
        """A document of the latest earlier month that is published, if there is one; else None."""
        folder = self._earlier(name, LATEST)
        return folder and tables.read_document(name, folder)

    @property
    def ledger(self) -> "Ledger":
        """Who was assigned to the campaigns of earlier months.

        Raises:
            UserError: if the step does not declare that it reads the ledger.
        """
        return self._ledger(self.month.previous)

    @property
    def drawn_before(self) -> pl.DataFrame:
        """Who was assigned to the campaigns of this month when it was drawn before; else no rows.

        Raises:
            UserError: if the step does not declare that it reads the ledger.
        """
        kept = self._ledger(self.month).assignments
        return kept.filter(pl.col("month") == str(self.month))

    def _ledger(self, month: Month) -> "Ledger":
        if not self.step.ledger:
            raise UserError(
                f"{self.step.name} does not declare that it reads the ledger of campaigns "
                "(src/analysis/run/steps.py)."
            )
        from analysis.actions import ledger

        return ledger.read(self.settings.name, month)

    @property
    def export_folder(self) -> Path:
        """Where the notebook puts files of another form than a workbook's; made if it is not there."""
        folder = self._out / paths.EXPORT
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def latest_month(self) -> Month | None:
        """The latest earlier month that is published: what this one is compared with."""
        return provenance.earlier_month(self.settings.name, self.month, LATEST)

    def _earlier(self, name: str, months_back: int) -> Path | None:
        """The folder of the earlier month that holds a table or document, if it is published."""
        if (name, months_back) not in self.step.takes:
            raise UserError(
                f"{self.step.name} does not declare that it takes {name} of {months_back} months "
                "back (src/analysis/run/steps.py)."
            )
        dataset = self.settings.name
        month = provenance.earlier_month(dataset, self.month, months_back)
        manifest = month and publish.read_manifest(dataset, month)
        holds = manifest and name in manifest["tables"]
        return paths.tables(dataset, month) if holds else None

    def facts(self, **values: object) -> None:
        """Print the figures a reader would quote; nbval compares them, the manifest keeps them."""
        self._facts |= values
        for name, value in values.items():
            print(f"{name.replace('_', ' ')}: {_fact(value)}")

    def table(self, frame: pl.DataFrame, caption: str, **kinds: str) -> "Table":
        """A frame as an escaped, captioned table for readers; see `report.show.Table`."""
        from analysis.report.show import Table

        return Table(frame, caption, self.settings, kinds)

    def table_if_any(self, frame: pl.DataFrame, caption: str, **kinds: str) -> "Table | None":
        """The same, or nothing where a sentence beside it already says that there are no rows."""
        return self.table(frame, caption, **kinds) if frame.height else None

    def say(self, key: str, **values: object) -> "Prose":
        """A sentence of the catalogue with computed values, as a paragraph of the report."""
        from analysis.report.show import Prose

        return Prose(key, values, self.settings)

    def say_all(self, sentences: list[dict]) -> "Paragraphs | None":
        """Several sentences of the catalogue, a paragraph each; nothing where there are none."""
        from analysis.report.show import Paragraphs

        return Paragraphs([self.say(**one) for one in sentences]) if sentences else None

    def hash_ids(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with customer ids as reports may show them."""
        from analysis.report.privacy import customer_headings, shown_ids

        ids = shown_ids(frame["customer_id"], self.settings, customer_headings(self._in))
        return frame.with_columns(customer_id=ids)

    def keep(self, outputs: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
        """Write tables before the notebook ends, so that the rest of it reads them from there.

        Args:
            outputs: tables that the step writes, by name, however large.

        Returns:
            The same tables as written, read column by column where they are used.

        Raises:
            ValueError: if a table is undeclared or breaks its contract.
        """
        self._kept |= self._write(outputs)
        return {name: tables.scan(name, self._tables) for name in outputs}

    def finish(
        self,
        outputs: dict[str, pl.DataFrame | pl.LazyFrame],
        lists: dict[str, pl.DataFrame | dict[str, pl.DataFrame]] | None = None,
        documents: dict[str, dict] | None = None,
    ) -> None:
        """Write the notebook's tables and documents, and the lists that people act on as workbooks.

        Args:
            outputs: every table that the step writes and has not kept yet, by name.
            lists: workbooks for `export/`, by file name without ending; each a list, or several by the
                name of their sheet.
            documents: every document that the step writes, by name.

        Raises:
            ValueError: if a table or document is missing, undeclared, or breaks its contract.
        """
        documents = documents or {}
        given = {*outputs, *self._kept, *documents}
        declared = {*self.step.writes, *self.step.documents}
        if given != declared:
            raise ValueError(f"{self.step.name} writes {sorted(declared)}, not {sorted(given)}")
        written = self._kept | self._write(outputs)
        for name, content in documents.items():
            written[name] = tables.write_document(name, content, self._tables)
        for name, content in (lists or {}).items():
            from analysis.report.show import worded
            from analysis.report.workbook import write_workbook

            sheets = content if isinstance(content, dict) else {"list": content}
            readable = {sheet: worded(frame) for sheet, frame in sheets.items()}
            write_workbook(readable, self._out / paths.EXPORT / f"{name}.xlsx")
        if os.environ.get(STAGING):
            self._write_mark(written)

    def _write(self, outputs: dict) -> dict:
        undeclared = sorted(set(outputs) - set(self.step.writes))
        if undeclared:
            raise ValueError(f"{self.step.name} does not declare that it writes {undeclared}")
        return {name: tables.write(name, frame, self._tables) for name, frame in outputs.items()}

    @property
    def _tables(self) -> Path:
        return self._out / paths.TABLES if os.environ.get(STAGING) else self._out

    def _write_mark(self, written: dict) -> None:
        """Leave the mark that this notebook came to its end, with the parameters it really used."""
        mark = {
            "step": self.step.name,
            "config": str(find_config(self.config)),
            "month": str(self.month),
            "settings": self.settings.digest(),
            "tables": written,
            "facts": {name: _fact(value) for name, value in self._facts.items()},
        }
        (self._out / paths.MARK).write_text(json.dumps(mark, indent=1), encoding="utf-8")


def _fact(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
