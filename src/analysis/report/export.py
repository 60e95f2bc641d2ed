"""A published month as one self-contained file to mail."""

from pathlib import Path

from bs4 import BeautifulSoup

from analysis.labels import label
from analysis.report.html import render_page
from analysis.run import paths, publish
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.steps import STEPS


def export_month(dataset: str, month: Month, target: Path | None = None) -> Path:
    """Join the pages of a published month into one file, the summary first.

    Args:
        target: where to write; `reports/<dataset>/<dataset>-<month>.html` if not given.

    Raises:
        UserError: if the month is not published.
    """
    manifest = publish.read_manifest(dataset, month)
    if not manifest or not publish.pages_intact(dataset, month):
        raise UserError(
            f"{month} of {dataset} is not published. Run it first: analysis run {month}"
        )
    names = [STEPS[-1].name, *(step.name for step in STEPS[:-1])]
    folder = paths.report(dataset, month)
    parts = [_part(folder / f"{name}.html", name, names) for name in names]
    banner, footer = _frame(folder / f"{names[0]}.html")
    title = label("export.title", dataset=dataset, month=month.label)
    page = render_page(
        body=f"<h1>{title}</h1>" + "\n".join(parts),
        title=title,
        subtitle=label("page.subtitle", dataset=dataset, month=month.label),
        links=[],
        banner=banner,
        footer=footer,
    )
    target = target or paths.reports() / dataset / f"{dataset}-{month}.html"
    partial = target.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(target)
    return target


def _part(path: Path, name: str, names: list[str]) -> str:
    """One page's main part: headings one level down, ids of its own, links between pages as anchors."""
    main = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").main
    for contents in main.select(".contents"):
        contents.decompose()
    for heading in main.find_all(["h1", "h2", "h3", "h4"]):
        heading.name = f"h{int(heading.name[1]) + 1}"
        heading.attrs.pop("id", None)
    for tag in main.find_all(id=True):
        tag["id"] = f"{name}-{tag['id']}"
    for link in main.find_all("a", href=True):
        page = link["href"].split("#")[0].removesuffix(".html")
        if page in names:
            link["href"] = f"#{page}"
        elif not link["href"].startswith("#"):
            link.unwrap()
    main.name = "article"
    main["id"] = name
    return str(main)


def _frame(path: Path) -> tuple[str | None, str]:
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    banner = soup.select_one(".banner")
    return banner and banner.get_text(), soup.footer.decode_contents()
