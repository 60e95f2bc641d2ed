"""Files looked at without settings: what they hold, guessed, for the draft of a settings file.

Known headings and presets decide first; a guess is made only for what a report cannot do without.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from analysis import model
from analysis.collect import mapping
from analysis.collect.arrivals import Survey, check_completeness
from analysis.collect.choices import Reading
from analysis.collect.currency import guess_currency, guess_time_zone
from analysis.collect.guess import read_extract, read_lines
from analysis.collect.inputs import CONTINUES, is_byproduct
from analysis.collect.probe import Note, open_files, open_subforms
from analysis.collect.trial import Trial, try_source
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Privacy, Settings, Source

_FEW = 0.05  # share of a usual month's rows below which a last month is a slip of dates
_ANY_FOLDER = ("data", "raw", "exports", "export", "downloads", "desktop", "documents", "tmp")


@dataclass(frozen=True)
class Findings:
    """What files hold, as far as it can be guessed."""

    name: str
    currency: str
    time_zone: str
    notes: tuple[Note, ...]  # on these three
    sources: tuple[Trial, ...]  # that can be used
    blocked: tuple[Reading, ...]  # that lack a column
    left_out: tuple[tuple[str, str], ...]  # file or folder = the key of the reason
    month: Month | None  # the last complete one
    files: tuple[Path, ...]
    given: tuple[str, ...]  # as the person named them

    @property
    def has_orders(self) -> bool:
        """Whether a report can be made of these files."""
        return any(one.carries_money for one in self.sources)


def inspect_files(given: Iterable[str]) -> Findings:
    """Guess what files hold: tables, columns, forms of dates and amounts, statuses.

    Args:
        given: files or globs.

    Raises:
        UserError: if one cannot be read, or none has a column of customers.
    """
    given = tuple(given)
    files, folders = _find_paths(given)
    extracts = open_files(files)
    currency, currency_note = guess_currency(extracts)
    time_zone, zone_note = guess_time_zone(currency)
    families = [_family(read_extract(one, currency), currency) for one in extracts]
    readings = [one for family in families for one in family]
    _refuse_without_customers(readings)
    usable = [family for family in families if not family[0].missing]
    settings = Settings.model_construct(
        name=_name(files),
        currency=currency,
        time_zone=time_zone,
        privacy=Privacy(),
        sources=[
            Source(table=_money_table(usable), path="*")
        ],  # says which table carries the money
    )
    trials = [trial for family in usable for trial in _try_family(family, settings)]
    order = list(model.tables())
    of_no_use = [one for one in readings if one.missing and not one.has_customers]
    return Findings(
        name=settings.name,
        currency=currency,
        time_zone=time_zone,
        notes=(currency_note, zone_note),
        sources=tuple(sorted(trials, key=lambda one: order.index(one.source.table))),
        blocked=tuple(one for one in readings if one.missing and one.has_customers),
        left_out=(
            *((one.extract.name, "of_no_use") for one in of_no_use),
            *((paths.display(folder), "folder") for folder in folders),
        ),
        month=_last_complete_month([one.days for one in trials if one.days is not None]),
        files=tuple(files),
        given=given,
    )


def _find_paths(given: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """The files that are meant, globs expanded, and the folders that were named beside them.

    Raises:
        UserError: if one does not exist, or only folders were named.
    """
    found: dict[Path, None] = {}
    for one in given:
        there = _matches(Path(), one) or _matches(paths.root(), one)
        if not there:
            raise UserError(f"There is no file {one}.{_what_is_there(Path(one))}")
        found |= dict.fromkeys(there)
    folders = [path for path in found if path.is_dir()]
    there = [path for path in found if not path.is_dir()]
    files = [path for path in there if not is_byproduct(path.name)] or there
    if not files:
        shown = paths.display(folders[0])
        raise UserError(f"{shown} is a folder. Name its files: analysis inspect {shown}/*")
    return files, folders


def _matches(base: Path, given: str) -> list[Path]:
    whole = (base / Path(given).expanduser()).absolute()
    try:
        globbed = sorted(Path(whole.anchor).glob(whole.relative_to(whole.anchor).as_posix()))
    except ValueError:  # no glob, and nothing else
        globbed = []
    found = [whole] if whole.exists() else globbed
    return [path.parent.resolve() / path.name for path in found]


def _what_is_there(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f" There is no folder {folder} either."
    near = difflib.get_close_matches(path.name, [one.name for one in folder.iterdir()], n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def _family(reading: Reading, currency: str) -> list[Reading]:
    """A reading and, where it is of orders, the lines that stand within them."""
    if reading.table != "orders" or reading.missing:
        return [reading]
    extract, preset = reading.extract, reading.source.preset
    within = open_subforms(extract)
    if not within and CONTINUES in extract.sample.columns and extract.sample[CONTINUES].any():
        within = {"": extract}
    lines = {name: read_lines(one, preset, currency) for name, one in within.items()}
    products = {"product_id", "product_name"}
    useful = {
        name: one
        for name, one in lines.items()
        if not one.missing and products & one.claimed.keys()
    }
    if unused := [name for name in lines if name and name not in useful]:
        note = Note("unused_subforms", values={"names": ", ".join(unused)})
        reading = replace(reading, notes=(*reading.notes, note))
    return [reading, *useful.values()]


def _try_family(family: list[Reading], settings: Settings) -> list[Trial]:
    first = try_source(family[0], settings)
    return [first, *(try_source(one, settings, lines_of=first) for one in family[1:])]


def _money_table(families: list[list[Reading]]) -> str:
    """The table that carries the money: lines, where they know customers and no orders are there."""
    readings = [one for family in families for one in family]
    if any(one.table == "orders" for one in readings):
        return "orders"
    lines = [one for one in readings if one.table == "order_lines" and _carries_money(one)]
    return "order_lines" if lines else "orders"


def _carries_money(lines: Reading) -> bool:
    one = replace(lines.extract.inputs[0], source=lines.source)
    try:
        return bool(mapping.find_columns(lines.extract.headings, one, carries_money=True))
    except UserError:
        return False


def _refuse_without_customers(readings: list[Reading]) -> None:
    """Raise UserError where no file knows customers, and one is not of a table without them."""
    lacking = [one for one in readings if one.missing or one.table == "order_lines"]
    if any(one.has_customers for one in readings) or not lacking:
        return
    extract = lacking[0].extract
    known = ", ".join(model.columns("orders")["customer_id"].headings[::3])
    raise UserError(
        f"{extract.name}: this report cannot be made of it, since no column says who bought. Every "
        "figure follows customers from one purchase to the next: who comes back, who is leaving, what "
        f"each is worth. Its columns are: {mapping.listed(extract.headings)}. Looked for was a heading "
        f"such as {known}; a nickname, phone number or e-mail address serves as well, and reports show "
        "a hash of it. If one of these columns is the customer, write the settings by hand and say so: "
        'columns = { customer_id = "its heading" }. If none is, export the orders with their '
        "customers; where these stand in another file, name both files."
    )


def _last_complete_month(days: list[pl.Series]) -> Month | None:
    """The last month whose end the orders reach; single rows dated far beyond the others do not count."""
    if not days or not sum(one.len() for one in days):
        return None
    dates = pl.concat(days).to_frame("day").with_columns(month=pl.col("day").dt.month_start())
    rows = dates.group_by("month").len().sort("month")
    usual = rows.filter(pl.col("len") >= _FEW * rows["len"].median())
    last = Month.of(usual["month"][-1])
    known = dates.filter(pl.col("day") <= last.last_day)["day"].unique().sort()
    complete = check_completeness(Survey(pl.DataFrame(), known, later_orders=0), last).complete
    return last if complete or last.first_day <= known[0] else last.previous


def _name(files: list[Path]) -> str:
    """A name for the data set: its folder below data/raw, else the file's or the folder's."""
    first, raw = files[0], paths.raw("")
    candidates = [first.name.partition(".")[0]] if len(files) == 1 else []
    if first.is_relative_to(raw) and first.parent != raw:
        candidates.insert(0, first.relative_to(raw).parts[0])
    candidates += [one.name for one in first.parents if one.name.lower() not in _ANY_FOLDER]
    plain = (unicodedata.normalize("NFKD", one).encode("ascii", "ignore") for one in candidates)
    names = [re.sub(r"[^A-Za-z0-9_-]+", "-", one.decode()).strip("-_") for one in plain]
    return next((one for one in names if one), "shop")
