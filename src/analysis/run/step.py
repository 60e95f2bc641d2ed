"""Run one notebook of a month in a process of its own, and keep its outputs only if it is whole."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.run import paths, publish, session
from analysis.run.errors import StepFailed, UserError
from analysis.run.execute import run_notebook
from analysis.run.steps import STEPS, Step
from analysis.tables import file_sha256

if TYPE_CHECKING:
    from analysis.run.pipeline import Plan

PAPERMILL_TAGS = {"injected-parameters", "papermill-error-cell-tag"}
DISK_FULL = ("No space left on device", "os error 28", "Disk quota exceeded")


@dataclass(frozen=True)
class StepRun:
    """One step of one month's plan."""

    step: Step
    number: int
    key: str
    plan: "Plan"

    @property
    def work(self) -> Path:
        """Where the notebook writes; what a killed run left here is never used."""
        return self.plan.staging / paths.WORK

    @property
    def tables(self) -> Path:
        return self.plan.staging / paths.TABLES

    @property
    def record(self) -> Path:
        """Written last: its presence says that the step's outputs are whole."""
        return self.plan.staging / paths.RECORDS / f"{self.step.name}.json"

    def is_whole(self) -> bool:
        """Whether an earlier run left this step's outputs, complete and under the same key."""
        if not self.record.is_file():
            return False
        record = publish.read_json(self.record)
        return record["key"] == self.key and publish.files_intact(self.tables, record["files"])


def run_step(state: StepRun) -> None:
    """Execute the notebook and move its outputs into staging.

    Raises:
        UserError: if the notebook found the settings or data wrong, or the disk is full.
        StepFailed: if it failed in any other way; notebook and log are kept.
    """
    started = time.monotonic()
    shutil.rmtree(state.work, ignore_errors=True)
    state.work.mkdir(parents=True)
    executed = state.work / f"{state.step.name}.ipynb"
    code = _execute(state, executed)
    failure = _failure(state, executed, code)
    if failure:
        raise failure
    seconds = time.monotonic() - started
    _keep(state, executed, seconds)
    name = f"{state.number}/{len(STEPS)}  {state.step.name}"
    state.plan.order.say(f"  {state.plan.month}  {name:<20} {seconds:5.1f} s")


def _execute(state: StepRun, executed: Path) -> int:
    plan = state.plan
    source = paths.notebooks() / f"{state.step.name}.ipynb"
    parameters = {"config": plan.config, "month": str(plan.month)}
    folders = {session.STAGING: str(plan.staging), session.WORK: str(state.work)}
    return run_notebook(source, executed, parameters, plan.staging / paths.LOG, **folders)


def _failure(state: StepRun, executed: Path, code: int) -> UserError | StepFailed | None:
    """The error to tell, or None if the notebook came to its end with the asked parameters."""
    plan = state.plan
    failure = notebook_failure(executed, code, plan.staging / paths.LOG, _mark_agrees(state))
    if not isinstance(failure, StepFailed):
        return failure
    from analysis.run.pipeline import keep_failure

    kept = keep_failure(plan, executed)
    return StepFailed(
        f"{failure}\n"
        f"The published {plan.month} is as it was. Notebook and log: {paths.display(kept)}/\n"
        f"Resume with: analysis run {plan.month} --config {plan.config}"
    )


def notebook_failure(
    executed: Path, code: int, log: Path, handed_over: bool = True
) -> UserError | StepFailed | None:
    """What went wrong in an executed notebook; None if it came to its end.

    Args:
        executed: as papermill wrote it.
        code: exit code of the process that ran it.
        log: what that process wrote.
        handed_over: whether it left what it had to leave.
    """
    content = _read_notebook(executed)
    cell, output = _first_error(content)
    if output and output["ename"] == "UserError":
        return UserError(output["evalue"])
    if code == 0 and output is None and _is_complete(content) and handed_over:
        return None
    written = log.read_text(encoding="utf-8", errors="replace")
    error = f"{output['ename']}: {output['evalue']}" if output else _last_line(written, code)
    if any(sign in error for sign in DISK_FULL):
        return UserError(f"The disk is full ({error}). Make room and run the month again.")
    where = f", cell {cell + 1} ({_heading_above(content, cell)})" if output else ""
    return StepFailed(f"{executed.stem} failed{where}: {error.splitlines()[0]}")


def _read_notebook(path: Path) -> dict:
    try:
        content = publish.read_json(path)
    except (OSError, json.JSONDecodeError):
        return {"cells": []}
    own = [cell for cell in content["cells"] if not _is_papermills(cell)]
    return content | {"cells": own}


def _is_papermills(cell: dict) -> bool:
    """Whether papermill put the cell there; without these, cells count as in the source."""
    return bool(PAPERMILL_TAGS & set(cell["metadata"].get("tags", [])))


def _first_error(content: dict) -> tuple[int, dict | None]:
    for position, cell in enumerate(content["cells"]):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return position, output
    return -1, None


def _is_complete(content: dict) -> bool:
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    done = all(cell["metadata"].get("papermill", {}).get("status") == "completed" for cell in code)
    return bool(code) and done


def _mark_agrees(state: StepRun) -> bool:
    """Whether the notebook finished, with the parameters that the runner asked for."""
    path = state.work / paths.MARK
    if not path.is_file():
        return False
    mark, plan = publish.read_json(path), state.plan
    outputs = {*state.step.writes, *state.step.documents}
    asked = (state.step.name, str(plan.month), plan.settings.digest(), outputs)
    return asked == (mark["step"], mark["month"], mark["settings"], set(mark["tables"]))


def _heading_above(content: dict, position: int) -> str:
    for cell in reversed(content["cells"][:position]):
        for line in "".join(cell["source"]).splitlines():
            if cell["cell_type"] == "markdown" and line.startswith("#"):
                return line.lstrip("# ")
    return "at the top"


def _last_line(log: str, code: int) -> str:
    if code < 0:
        return f"the process was ended by signal {-code} (out of memory, or stopped from outside)"
    lines = [line for line in log.splitlines() if line.strip() and "WARNING" not in line]
    return lines[-1] if lines else "the kernel died without a word"


def _keep(state: StepRun, executed: Path, seconds: float) -> None:
    """Move tables, lists and the notebook into staging; write the record last."""
    mark = publish.read_json(state.work / paths.MARK)
    produced = {f"{paths.NOTEBOOKS}/{executed.name}": executed}
    produced |= {path.name: path for path in (state.work / paths.TABLES).glob("*.*")}
    produced |= {
        f"{paths.EXPORT}/{path.name}": path for path in (state.work / paths.EXPORT).glob("*")
    }
    hashes = {}
    for name, path in sorted(produced.items()):
        target = state.tables / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        hashes[name] = file_sha256(target)
    record = {"key": state.key, "files": hashes, "seconds": round(seconds, 1)}
    publish.write_json(state.record, record | {"tables": mark["tables"], "facts": mark["facts"]})
    shutil.rmtree(state.work)
