"""Run the notebooks of a month: check first, work in staging, pass the gates, publish.

Each step has a key: a hash of all that can change its result. A step whose outputs are whole under
its key is not run again, neither after a kill nor in a month already published.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from analysis import tables
from analysis.actions import ledger
from analysis.collect.arrivals import Completeness, Survey, survey
from analysis.run import paths, provenance, publish
from analysis.run.errors import GateFailed
from analysis.run.months import Month
from analysis.run.preflight import check_folders, check_month, check_room, folder_error
from analysis.run.settings import Settings, find_config, load
from analysis.run.step import StepRun, run_step
from analysis.run.steps import STEPS, Step, find_step, with_dependents


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    config: str
    month: Month
    force: bool = False
    only: str | None = None
    allow_partial: bool = False
    fetch: bool = True  # ask databases again
    say: Callable[[str], None] = lambda line: None


@dataclass
class Result:
    """What came of it."""

    month: Month
    page: Path
    up_to_date: bool
    seconds: float = 0.0
    ran: list[str] = field(default_factory=list)


def run_month(order: Order, wait_for_previous: Callable[[], None] = lambda: None) -> Result:
    """Bring a month up to date.

    Args:
        order: what is asked for.
        wait_for_previous: returns once the month before may be read.

    Raises:
        UserError: before anything is published, if parameters, settings, data or folders are wrong.
        StepFailed: if a notebook failed; the published month stays as it was.
        GateFailed: if a page broke a rule of publication; likewise.
    """
    settings = load(order.config)
    try:
        result = _run_checked(order, settings, wait_for_previous)
    except OSError as problem:
        raise folder_error(problem) from None
    state = "up to date" if result.up_to_date else f"published in {result.seconds:.0f} s"
    order.say(f"{result.month}  {state}")
    return result


def _run_checked(order: Order, settings: Settings, wait_for_previous) -> Result:
    started = time.monotonic()
    if order.only:
        find_step(order.only)
    config = paths.display(find_config(order.config))
    found, completeness = _check_data(order, settings)
    files = found.files
    partial = None if completeness.complete else completeness
    check_folders(settings)
    check_room(settings, files["bytes"].sum())
    with publish.month_lock(settings.name, order.month):
        publish.roll_forward(settings.name, order.month)
        plan = Plan(order, settings, config, files.to_dicts(), partial is not None)
        steps = plan.carry_out(wait_for_previous)
        page = paths.report(settings.name, order.month) / f"{STEPS[-1].name}.html"
        if not steps:
            shutil.rmtree(plan.staging, ignore_errors=True)
            shutil.rmtree(paths.failed(settings.name, order.month), ignore_errors=True)
            return Result(order.month, page, up_to_date=True)
        _publish(plan, partial)
        seconds = time.monotonic() - started
        return Result(order.month, page, up_to_date=False, seconds=seconds, ran=steps)


def _check_data(order: Order, settings: Settings) -> tuple[Survey, Completeness]:
    """What arrived, and whether the month is complete; raises UserError if it cannot be run."""
    found = survey(settings, order.month, order.fetch)
    return found, check_month(found, order.month, order.allow_partial)


@dataclass
class Plan:
    """One month's steps with their keys, and which of them must run."""

    order: Order
    settings: Settings
    config: str
    files: list[dict]
    partial: bool
    keys: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)

    @property
    def month(self) -> Month:
        return self.order.month

    @property
    def staging(self) -> Path:
        return paths.staging(self.settings.name, self.month)

    def carry_out(self, wait_for_previous) -> list[str]:
        """Run what must run, in order; returns the names of the steps run (empty: up to date)."""
        manifest = publish.read_manifest(self.settings.name, self.month) or {}
        intact = not self.order.force and publish.pages_intact(self.settings.name, self.month)
        published = manifest.get("steps", {}) if intact else {}
        again = with_dependents(find_step(self.order.only)) if self.order.only else set()
        if self.order.force:
            shutil.rmtree(self.staging, ignore_errors=True)
        ran, reused = [], []
        for number, step in enumerate(STEPS, 1):
            if step.takes:
                wait_for_previous()
            self.keys[step.name] = self._key(step)
            if step.name not in again and self._is_published(step, published):
                reused.append(step)
                continue
            if not ran:
                self._bring_from_published(reused, published)
            state = StepRun(step, number, self.keys[step.name], self)
            if step.name in again or not state.is_whole():
                run_step(state)
            ran.append(step.name)
        return ran

    def _key(self, step: Step) -> str:
        """A hash of everything that can change what a step writes."""
        upstream = [
            self.keys[earlier.name]
            for earlier in STEPS[: STEPS.index(step)]
            if set(earlier.writes) & set(step.reads)
        ]
        taken = provenance.taken_tables(step, self.settings.name, self.month)
        self.taken |= taken
        return provenance.digest(
            str(self.month),
            self.settings.digest(),
            [(one["file"], one["sha256"], one["rows_in_future"]) for one in self.files],
            self.partial,
            provenance.source_hash(),
            provenance.versions(),
            provenance.notebook_hash(paths.notebooks() / f"{step.name}.ipynb"),
            upstream,
            taken,
        )

    def _is_published(self, step: Step, published: dict) -> bool:
        record = published.get(step.name)
        folder = paths.tables(self.settings.name, self.month)
        return (
            record is not None
            and record["key"] == self.keys[step.name]
            and publish.files_intact(folder, record["files"])
        )

    def _bring_from_published(self, steps: list[Step], published: dict) -> None:
        """Copy what earlier steps published into staging, so that later ones can read it."""
        folder = paths.tables(self.settings.name, self.month)
        for step in steps:
            for name in published[step.name]["files"]:
                target = self.staging / paths.TABLES / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / name, target)
            record = self.staging / paths.RECORDS / f"{step.name}.json"
            publish.write_json(record, published[step.name])

    def records(self) -> dict[str, dict]:
        """What each step left in staging: its key, files, tables, facts and duration."""
        folder = self.staging / paths.RECORDS
        return {s.name: publish.read_json(folder / f"{s.name}.json") for s in STEPS}

    def run_key(self) -> str:
        """One hash for the month: that of all its steps' keys."""
        return provenance.digest(sorted(self.keys.items()))


def _publish(plan: Plan, partial: Completeness | None) -> None:
    """Render the staged notebooks, pass the gates, exchange the folders, rebuild the index."""
    from analysis.report import gates, html, index

    plan.order.say(f"  {plan.month}  pages and gates")
    manifest = html.describe(plan, partial)
    _drop_leftovers(plan)
    folder = paths.report_staging(plan.settings.name, plan.month)
    shutil.rmtree(folder, ignore_errors=True)
    manifest["pages"] = html.write_pages(plan, manifest, folder)
    problems = gates.check_pages(folder, plan.settings, plan.staging / paths.TABLES)
    if problems:
        kept = keep_failure(plan, folder)
        shutil.rmtree(folder)
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise GateFailed(
            f"{plan.month} of {plan.settings.name} was not published, the report breaks rules:\n"
            f"{listed}\nThe pages are kept in {paths.display(kept)}."
        )
    if partial is None:
        _keep_draw(plan)
    manifest["published_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    publish.publish(plan.settings.name, plan.month, manifest)
    shutil.rmtree(paths.failed(plan.settings.name, plan.month), ignore_errors=True)
    index.rebuild()


def _keep_draw(plan: Plan) -> None:
    """Add the month's draw to the ledger, before anything can be sent.

    The same content again changes nothing, so a kill after it is harmless. A month whose data stop
    before its end is not kept: it is drawn when it is whole, and a month is drawn once.
    """
    assigned = tables.read(ledger.TABLE, plan.staging / paths.TABLES)
    ledger.append(plan.settings.name, assigned)


def _drop_leftovers(plan: Plan) -> None:
    """Remove staged files of an earlier attempt that no step of this one wrote."""
    written = {name for record in plan.records().values() for name in record["files"]}
    folder = plan.staging / paths.TABLES
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in written:
            path.unlink()


def keep_failure(plan: Plan, *more: Path) -> Path:
    """Copy the log and whatever else tells why a run failed to where readers never look."""
    kept = paths.failed(plan.settings.name, plan.month)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for path in (plan.staging / paths.LOG, *more):
        if path.is_dir():
            shutil.copytree(path, kept / path.name.lstrip("."))
        elif path.exists():
            shutil.copy2(path, kept / path.name)
    return kept


def run_range(order: Order, months: list[Month], jobs: int = 1) -> list[Result]:
    """Run several months; each reads the month before only once that is published.

    With more than one job, months run side by side as far as they do not wait for each other.
    The first failure ends the run; months published by then stay.
    """
    if len(months) > 1:  # a range fails before its first month if its last cannot be run
        _check_data(replace(order, month=months[-1]), load(order.config))
        order = replace(order, fetch=False)  # all months of a range see a database as of one moment
    if jobs == 1 or len(months) == 1:
        return [run_month(replace(order, month=month)) for month in months]
    from concurrent.futures import ThreadPoolExecutor

    futures: dict[Month, object] = {}

    def one(month: Month) -> Result:
        before = futures.get(month.previous)
        wait = before.result if before else (lambda: None)
        return run_month(replace(order, month=month), wait)

    with ThreadPoolExecutor(jobs) as pool:
        for month in months:
            futures[month] = pool.submit(one, month)
        return [future.result() for future in futures.values()]
