"""Where rows come from: each file, sheet of a workbook, member of an archive, or query of a source."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Settings, Source
from analysis.tables import file_sha256

ROW = "__row__"  # our own column beside those of the input: its data row, counted from 1
CONTINUES = "__continues__"  # of a workbook: the row belongs to a merged cell begun above
_FORMATS = {
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_WORKBOOKS = (b"PK", b"\xd0\xcf\x11\xe0", b"<", b"\xef\xbb\xbf<")


@dataclass(frozen=True)
class Input:
    """One rectangle of rows: a whole file, or one part of it."""

    source: Source
    path: Path  # the file; of a query, its snapshot
    part: str | None = None  # sheet of a workbook or member of an archive
    label: str | None = None  # of a query, what stands for the file name

    @property
    def name(self) -> str:
        """What reports call it."""
        name = self.label or paths.display(self.path)
        return f"{name}#{self.part}" if self.part else name

    @property
    def format(self) -> str:
        """`csv`, `xlsx`, `parquet`, `json` or `sql`."""
        if self.source.url:
            return "sql"
        suffixes = [suffix.lower() for suffix in self.path.suffixes if suffix.lower() != ".gz"]
        suffix = suffixes[-1] if suffixes else ""
        if suffix == ".xls":  # many systems give this name to text, to web pages and to .xlsx
            return self.source.format or ("xlsx" if _is_workbook(self.path) else "csv")
        return self.source.format or _FORMATS.get(suffix, "csv")


def find_inputs(source: Source, settings: Settings, fetch: bool = False) -> list[Input]:
    """The inputs of a source, sorted by name.

    Args:
        source: files, or a query.
        settings: of the data set, which names the folder of the query's snapshot.
        fetch: run the query again even where its snapshot exists.

    Raises:
        UserError: if there is no file, or one cannot be opened.
    """
    if source.url:
        return [_query(source, settings, fetch)]
    return [one for path in find_files(source) for one in _parts(path, source)]


def find_files(source: Source) -> list[Path]:
    """The files of a source, sorted by name; raises UserError if there is none."""
    try:
        pattern = paths.from_root(source.path)
        relative = pattern.relative_to(pattern.anchor).as_posix()
        found = sorted(path for path in Path(pattern.anchor).glob(relative) if path.is_file())
    except (ValueError, IndexError, RuntimeError, NotImplementedError) as problem:
        raise UserError(
            f'"{source.path}" cannot be used as `path` of a source: {problem}. Write a file or a '
            "glob, relative to the project or absolute, e.g. data/raw/shop/*.csv."
        ) from None
    files = [path for path in found if not _is_byproduct(path.name)]
    if not files:
        folder = paths.display(pattern.parent)
        raise UserError(
            f"No file matches {source.path} (table {source.table}). Put the export into {folder}/, "
            "or correct `path` in the settings. The samples are written by: analysis sample cdnow, "
            "analysis sample shop"
        )
    return files


def _is_byproduct(name: str) -> bool:
    """Whether a file was left by a program beside the real ones: hidden, or a spreadsheet's lock."""
    return name.startswith((".", "~$", "__MACOSX/")) or "/." in name


def _is_workbook(path: Path) -> bool:
    """Whether a file is, or passes for, a workbook: packed, of the old kind, or a web page."""
    with path.open("rb") as file:
        return file.read(512).lstrip().startswith(_WORKBOOKS)


def check_whole(one: Input) -> str:
    """Check that a file is not empty and is the one that the settings pin; returns its SHA-256.

    Raises:
        UserError: if it is empty, or differs from the hash that the settings pin.
    """
    if one.path.stat().st_size == 0:
        raise UserError(f"{one.name} is empty (0 bytes). Export it again.")
    digest, pinned = file_sha256(one.path), one.source.sha256
    if pinned and digest != pinned:
        raise UserError(
            f"{one.name} is not the file that the settings pin: its SHA-256 begins {digest[:12]}, "
            f"expected {pinned[:12]}. It was altered or cut. Restore it, or remove `sha256` "
            "from the source if the new content is meant."
        )
    return digest


def _query(source: Source, settings: Settings, fetch: bool) -> Input:
    from analysis.collect import read_sql

    folder = paths.snapshots(settings.name)
    path = read_sql.snapshot_path(source, folder)
    if fetch or not path.is_file():
        path = read_sql.snapshot(source, folder)
    return Input(source, path, label=read_sql.describe(source))


def _parts(path: Path, source: Source) -> list[Input]:
    whole = Input(source, path)
    if whole.format == "xlsx":
        from analysis.collect.read_workbook import sheet_names

        return [Input(source, path, sheet) for sheet in source.sheets or sheet_names(path)]
    if path.suffix.lower() != ".zip":
        return [whole]
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(
                name
                for name in archive.namelist()
                if name.lower().endswith(_TEXT_SUFFIXES) and not _is_byproduct(name)
            )
    except zipfile.BadZipFile:
        raise UserError(f"{whole.name} is no whole zip archive. Fetch it again.") from None
    if not names:
        raise UserError(f"{whole.name} holds no file that ends with {', '.join(_TEXT_SUFFIXES)}.")
    return [Input(source, path, name) for name in names]
