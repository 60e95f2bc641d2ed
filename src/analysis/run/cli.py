"""The command line: `analysis inspect`, `run`, `status`, `check`, `sample`, `export`, `push` …"""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from analysis.run import paths
from analysis.run.errors import AnalysisError, UserError
from analysis.run.months import Month, month_range

CONFIG = "config/cdnow.toml"
INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Monthly customer reports from a company's own exports.",
)
Config = Annotated[str, typer.Option("--config", help="Settings file of the data set.")]


@app.command()
def inspect(
    files: Annotated[list[str], typer.Argument(help="Exports, of orders and others; or globs.")],
) -> None:
    """Draft a settings file from exports: their tables, columns, dates, amounts, statuses."""
    from analysis.collect import draft
    from analysis.collect.inspect import inspect_files

    found = inspect_files(files)
    text = draft.write_draft(found)
    sys.stdout.reconfigure(encoding="utf-8")  # a settings file is UTF-8, whatever the terminal is
    print(text, end="")
    for line in draft.messages(found, text):
        _progress(line)


@app.command()
def run(
    month: Annotated[str | None, typer.Argument(help="Month to run, YYYY-MM.")] = None,
    config: Config = CONFIG,
    first: Annotated[str | None, typer.Option("--from", help="First month of several.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month of several.")] = None,
    only: Annotated[
        str | None,
        typer.Option(help="Run this step again, and those that read what it writes: 04, 04_clv."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run even what is up to date.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Months run side by side.")] = 1,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Run a month whose data stop before its end.")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the report when done.")] = False,
) -> None:
    """Bring one month, or several in order, up to date, and publish what passes the gates."""
    from analysis.run import pipeline

    months = _months(month, first, last)
    order = pipeline.Order(config, months[0], force, only, allow_partial, say=_progress)
    results = pipeline.run_range(order, months, jobs)
    for result in results:
        print(paths.display(result.page))
    print(f"index: {paths.reports() / 'index.html'}")
    if open_page:
        typer.launch(results[-1].page.as_uri())


@app.command()
def status() -> None:
    """List every month with its state."""
    from analysis.run import publish
    from analysis.run.status import month_states

    publish.roll_all_forward()
    states = month_states()
    if not states:
        print("No month has been run yet. Begin with: make report")
    for one in states:
        print(f"{one.dataset:<12} {one.month}  {one.published_at:<25}  {one.state}".rstrip())


@app.command()
def index() -> None:
    """Rebuild the pages that list the months, from the manifests."""
    from analysis.report import index as pages
    from analysis.run import publish

    publish.roll_all_forward()
    pages.rebuild()
    print(paths.reports() / "index.html")


@app.command()
def check() -> None:
    """Check the installed versions, the settings files and the raw files that they name."""
    from analysis.run.status import config_problems, environment_problems

    problems = environment_problems() + config_problems()
    if problems:
        raise UserError("\n".join(problems))
    print("Environment, settings and raw files are in order.")


@app.command()
def sample(name: Annotated[str, typer.Argument(help="Name of the sample: cdnow, shop.")]) -> None:
    """Write a sample's raw files below data/raw/."""
    from analysis.samples import write_sample

    print(paths.display(write_sample(name)))


@app.command()
def export(
    month: Annotated[str, typer.Argument(help="Published month, YYYY-MM.")],
    config: Config = CONFIG,
    output: Annotated[Path | None, typer.Option("--output", help="File to write.")] = None,
) -> None:
    """Write a published month as one self-contained file to mail."""
    from analysis.report.export import export_month
    from analysis.run.settings import load

    print(paths.display(export_month(load(config).name, Month.parse(month), output)))


@app.command()
def customer(
    customer_id: Annotated[
        str, typer.Argument(metavar="ID", help="As the company's systems write it.")
    ],
    month: Annotated[
        str | None, typer.Option("--month", help="Published month, YYYY-MM; else the latest.")
    ] = None,
    config: Config = CONFIG,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page when done.")] = False,
) -> None:
    """Write one page about one customer, from a published month."""
    from analysis.card.page import customer_page
    from analysis.run import publish

    publish.roll_all_forward()
    page = customer_page(config, customer_id, month)
    print(paths.display(page))
    if open_page:
        typer.launch(page.as_uri())


@app.command()
def push(
    month: Annotated[str, typer.Argument(help="Published month, YYYY-MM.")],
    config: Config = CONFIG,
    system: Annotated[
        str | None, typer.Option(help="One CRM: jiandaoyun, fxiaoke, zoho; else all sources.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Really write; without it the calls are only shown.")
    ] = False,
) -> None:
    """Write the changed labels of a published month into the CRMs, or show the calls that would."""
    from analysis.actions import crm_push, crm_words
    from analysis.run import publish
    from analysis.run.settings import load

    publish.roll_all_forward()
    pushed = crm_push.push(load(config), Month.parse(month), system, send)
    sys.stdout.reconfigure(encoding="utf-8")
    for line in crm_words.push_lines(pushed):
        print(line)


def _months(month: str | None, first: str | None, last: str | None) -> list[Month]:
    if month and not (first or last):
        return [Month.parse(month)]
    if first and last and not month:
        return month_range(Month.parse(first), Month.parse(last))
    raise UserError("Give one month (analysis run 1998-06), or both --from and --to.")


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run a command; a user's mistake ends with one message and its exit code, never a traceback."""
    try:
        app()
    except AnalysisError as problem:
        _fail(str(problem), problem.exit_code)
    except OSError as problem:
        from analysis.run.preflight import folder_error

        _fail(str(folder_error(problem)), UserError.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _fail(
                "Stopped. What was published is as it was; the same command goes on.", INTERRUPTED
            )
        raise
    except Exception as problem:
        _fail(f"This is our mistake, not yours: {problem!r}. {_keep_traceback()}", 1)


def _keep_traceback() -> str:
    """Write the traceback to a file; returns where it is, or the traceback itself."""
    details = traceback.format_exc()
    log = paths.all_processed() / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(details, encoding="utf-8")
    except OSError:
        return details
    return f"Details: {paths.display(log)}"


def _fail(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
