"""The page about one customer: the notebook run for it, rendered, passed through the gates, written.

It is about one person, so it goes to the month's export folder, never to `reports/`; the next
publication of the month takes it away together with the tables that it was made from.
"""

import shutil
import tempfile
from pathlib import Path

import nbformat

from analysis.card.find import Ids, file_name
from analysis.labels import label
from analysis.report import gates, html
from analysis.run import paths, publish
from analysis.run.errors import GateFailed, StepFailed, UserError
from analysis.run.execute import run_notebook
from analysis.run.months import Month
from analysis.run.settings import Settings, find_config, load
from analysis.run.step import notebook_failure


def customer_page(config: str, customer: str, month: str | None = None) -> Path:
    """Make the page about a customer from a published month.

    Args:
        config: a settings file, relative to the project or absolute.
        customer: an id as the company's systems write it, or as reports show it.
        month: `YYYY-MM`; the latest published month if not given.

    Returns:
        Where the page lies; its name is safe for any id.

    Raises:
        UserError: if the month is not published or does not know the customer.
        StepFailed: if the notebook failed.
        GateFailed: if the page broke a rule of publication.
    """
    settings = load(config)
    chosen = _published(settings, month)
    tables = paths.tables(settings.name, chosen)
    ids = Ids.of(tables, settings)
    shown = ids.shown_one(ids.person(customer))
    work = paths.lab(settings.name, chosen)
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{paths.CARD}-", dir=work))
    notebook = _executed(config, chosen, shown, folder)
    name = file_name(shown)
    (folder / name).write_text(_rendered(notebook, settings, chosen, shown), encoding="utf-8")
    problems = gates.check_pages(folder, settings, tables)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise GateFailed(
            f"The page about {shown} was not written, it breaks rules:\n{listed}\n"
            f"It is kept in {paths.display(folder)}."
        )
    page = _put(folder / name, paths.customer_pages(settings.name, chosen) / name)
    shutil.rmtree(folder)
    return page


def _published(settings: Settings, month: str | None) -> Month:
    """The month to read; raises UserError if it is not published."""
    found = [Month.parse(folder.name) for folder in paths.month_folders(settings.name)]
    known = [one for one in found if publish.read_manifest(settings.name, one)]
    asked = Month.parse(month) if month else max(known, default=None)
    if asked in known:
        return asked
    published = f"Published: {', '.join(map(str, known))}. " if known else ""
    what = f"{asked} of {settings.name} is not" if asked else f"No month of {settings.name} is"
    raise UserError(f"{what} published. {published}Run it first: analysis run YYYY-MM")


def _executed(config: str, month: Month, shown: str, folder: Path) -> nbformat.NotebookNode:
    """The notebook, run for the customer; raises what it failed with and says where it is kept."""
    source, target = paths.notebooks() / f"{paths.CARD}.ipynb", folder / f"{paths.CARD}.ipynb"
    settings_file = paths.display(find_config(config))
    parameters = {"config": settings_file, "month": str(month), "customer": shown}
    code = run_notebook(source, target, parameters, folder / paths.LOG)
    failure = notebook_failure(target, code, folder / paths.LOG)
    if isinstance(failure, StepFailed):
        raise StepFailed(f"{failure}\nNotebook and log: {paths.display(folder)}/")
    if failure:
        shutil.rmtree(folder)
        raise failure
    return nbformat.read(target, as_version=4)


def _rendered(notebook, settings: Settings, month: Month, shown: str) -> str:
    names = {"customer": shown, "dataset": settings.name, "month": month.label}
    manifest = publish.read_manifest(settings.name, month)
    parameters = manifest["parameters"] | {"customer": shown}
    subtitle = label("card.title", **names)
    return html.notebook_page(notebook, subtitle, [], manifest | {"parameters": parameters})


def _put(page: Path, final: Path) -> Path:
    """Move a page into the published month, which is never made anew by it."""
    try:
        final.parent.parent.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise UserError(
            "The month was published anew while the page was made. Run the command again."
        ) from None
    final.parent.mkdir(exist_ok=True)
    page.replace(final)
    return final
