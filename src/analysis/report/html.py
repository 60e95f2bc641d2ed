"""Executed notebooks to pages: self-contained, code folded, with contents list and provenance."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis import tables
from analysis.collect.arrivals import Completeness
from analysis.labels import group, label
from analysis.run import paths, provenance
from analysis.run.steps import STEPS

if TYPE_CHECKING:
    from analysis.run.pipeline import Plan

TEMPLATES = Path(__file__).with_name("templates")


def describe(plan: "Plan", partial: Completeness | None) -> dict:
    """The manifest of a month whose notebooks have all run; `pages` and `published_at` follow."""
    records = plan.records()
    kpis = tables.read("kpis", plan.staging / paths.TABLES)
    return {
        "dataset": plan.settings.name,
        "month": str(plan.month),
        "currency": plan.settings.currency,
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "run_key": plan.run_key(),
        "git_commit": provenance.git_commit(),
        "source": provenance.source_hash(),
        "settings": plan.settings.digest(),
        "parameters": {"config": plan.config, "month": str(plan.month)},
        "partial": partial and {"last_day": str(partial.last_day), "days": partial.silent_days},
        "inputs": [
            {name: one[name] for name in ("table", "file", "sha256", "bytes", "rows", "rows_later")}
            for one in plan.files
        ],
        "taken": plan.taken,
        "versions": provenance.versions(),
        "steps": records,
        "tables": {k: v for record in records.values() for k, v in record["tables"].items()},
        "kpis": dict(kpis.select("kpi", "value").iter_rows()),
    }


def write_pages(plan: "Plan", manifest: dict, folder: Path) -> dict[str, str]:
    """Render every notebook of a month into a folder; returns page name = SHA-256."""
    folder.mkdir(parents=True)
    notebooks = {
        step.name: nbformat.read(
            plan.staging / paths.TABLES / paths.NOTEBOOKS / f"{step.name}.ipynb", as_version=4
        )
        for step in STEPS
    }
    for name, notebook in notebooks.items():
        page = notebook_page(notebook, _subtitle(plan), _links(plan, name), manifest)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {path.name: tables.file_sha256(path) for path in sorted(folder.glob("*.html"))}


def notebook_page(
    notebook: nbformat.NotebookNode, subtitle: str, links: list[dict], manifest: dict
) -> str:
    """One executed notebook as a page, with the provenance of its month at its foot.

    Args:
        subtitle: what stands above the title.
        links: `text`, `href`, `here` of each entry of the navigation.
        manifest: of the month, as `describe` returns it.
    """
    return render_page(
        body=notebook_body(notebook),
        title=_title(notebook),
        subtitle=subtitle,
        links=links,
        banner=_banner(manifest),
        footer=_template("footer.html.j2").render(manifest=manifest, labels=group("page")),
    )


def notebook_body(notebook: nbformat.NotebookNode) -> str:
    """The inner HTML of one executed notebook."""
    notebook = nbformat.from_dict(notebook | {"cells": _join_silent_cells(notebook.cells)})
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position + 1}"  # papermill gives its own cell a random one
    body, _ = _exporter().from_notebook_node(notebook, resources={"code_label": label("page.code")})
    return body


def _join_silent_cells(cells: list) -> list:
    """One fold of code instead of several where cells that show nothing follow each other."""
    joined: list = []
    for cell in cells:
        silent = cell.cell_type == "code" and not cell.outputs
        if silent and joined and joined[-1].cell_type == "code" and not joined[-1].outputs:
            source = f"{joined[-1].source}\n\n{cell.source}"
            joined[-1] = nbformat.from_dict(joined[-1] | {"source": source})
        else:
            joined.append(cell)
    return joined


def render_page(
    body: str,
    title: str,
    subtitle: str,
    links: list[dict],
    banner: str | None = None,
    footer: str = "",
) -> str:
    """Put a frame around a page's body: head, navigation, contents list, footer.

    Args:
        body: HTML with one h1; its h2 become the contents list.
        links: `text`, `href`, `here` of each entry of the navigation.
    """
    soup = BeautifulSoup(body, "html.parser")
    contents = []
    for number, heading in enumerate(soup.find_all("h2"), 1):
        heading["id"] = f"section-{number}"
        contents.append({"id": heading["id"], "text": heading.get_text()})
    for heading in soup.find_all(["h1", "h3"]):
        heading.attrs.pop("id", None)
    first = soup.find("h1")
    head = str(first.extract()) if first else ""
    return _template("page.html.j2").render(
        body=str(soup),
        head=head,
        title=title,
        subtitle=subtitle,
        links=links,
        banner=banner,
        footer=footer,
        contents=contents,
        labels=group("page"),
        css=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
    )


def _title(notebook: nbformat.NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].lstrip("# ")


def _subtitle(plan: "Plan") -> str:
    return label("page.subtitle", dataset=plan.settings.name, month=plan.month.label)


def _links(plan: "Plan", here: str) -> list[dict]:
    """The summary first, then the other notebooks, the month before, and the list of all months."""
    pages = [STEPS[-1], *STEPS[:-1]]
    links = [
        {
            "text": label(f"page_name.{step.name}"),
            "href": f"{step.name}.html",
            "here": step.name == here,
        }
        for step in pages
    ]
    previous = plan.month.previous
    if (paths.report(plan.settings.name, previous) / f"{here}.html").is_file():
        name = label("page.previous", month=previous.label)
        links.append({"text": name, "href": f"../{previous}/{here}.html", "here": False})
    links.append({"text": label("page.all_months"), "href": "../index.html", "here": False})
    return links


def _banner(manifest: dict) -> str | None:
    partial = manifest["partial"]
    return label("page.partial", **partial) if partial else None


@cache
def _exporter():
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="analysis",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )


def _template(name: str):
    return _environment().get_template(name)
