"""The pages that lead to the months: one per data set, one over all; rebuilt from the manifests."""

import html

from analysis.labels import group, label
from analysis.report.html import render_page
from analysis.report.kpis import KPIS
from analysis.report.show import form
from analysis.run import paths, publish
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.run.steps import STEPS

SHOWN = ("revenue", "buyers", "repeat_share", "expected_value", "customers_at_risk")


def rebuild() -> None:
    """Write `reports/<dataset>/index.html` and `reports/index.html`."""
    known = {name: publish.published_months(name) for name in publish.datasets()}
    known = {name: months for name, months in known.items() if months}
    for name, months in known.items():
        _write(paths.reports() / name / "index.html", dataset_index(name, months))
    _write(paths.reports() / "index.html", overview(known))


def dataset_index(dataset: str, months: list[Month]) -> str:
    """The months of a data set, newest first, with their KPIs and the change on the month before."""
    manifests = {month: publish.read_manifest(dataset, month) for month in months}
    rows = "\n".join(_month_row(month, manifests) for month in reversed(months))
    currency = manifests[months[-1]]["currency"]
    heads = "".join(f'<th scope="col">{html.escape(_heading(kpi, currency))}</th>' for kpi in SHOWN)
    month_head = html.escape(label("column.month"))
    body = (
        f"<h1>{html.escape(label('index.title', dataset=dataset))}</h1>"
        f"<p>{html.escape(label('index.intro'))}</p>"
        f'<div class="table"><table><caption>{html.escape(label("index.caption"))}</caption>'
        f'<thead><tr><th scope="col" class="text">{month_head}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    links = [{"text": label("index.overview"), "href": "../index.html", "here": False}]
    return render_page(body, label("index.title", dataset=dataset), dataset, links)


def overview(known: dict[str, list[Month]]) -> str:
    """All data sets with their newest month."""
    items = "".join(
        f'<li><a href="{name}/index.html">{html.escape(name)}</a>: '
        f'<a href="{name}/{months[-1]}/{STEPS[-1].name}.html">{months[-1].label}</a></li>'
        for name, months in known.items()
    )
    body = f"<h1>{html.escape(label('index.overview'))}</h1><ul>{items}</ul>"
    return render_page(body, label("index.overview"), label("index.all"), [])


def _month_row(month: Month, manifests: dict[Month, dict]) -> str:
    manifest, before = manifests[month], manifests.get(month.previous)
    partial = f" ({label('index.partial')})" if manifest["partial"] else ""
    cells = "".join(_cell(kpi, manifest, before) for kpi in SHOWN)
    return (
        f'<tr><th scope="row" class="text"><a href="{month}/{STEPS[-1].name}.html">'
        f"{html.escape(month.label)}</a>{html.escape(partial)}</th>{cells}</tr>"
    )


def _cell(kpi: str, manifest: dict, before: dict | None) -> str:
    unit = KPIS[kpi][0]
    value = manifest["kpis"].get(kpi)
    earlier = (before or {}).get("kpis", {}).get(kpi)
    settings = Settings.model_construct(currency=manifest["currency"])
    shown = html.escape(form(value, unit, settings))
    if value is None or not earlier:
        return f"<td>{shown}</td>"
    change = (
        f"{100 * (value - earlier):+.1f} pp" if unit == "share" else f"{value / earlier - 1:+.1%}"
    )
    return f"<td>{shown}<br><small>{change}</small></td>"


def _heading(kpi: str, currency: str) -> str:
    name = group("kpi")[kpi]
    return f"{name} ({currency})" if KPIS[kpi][0] == "money" else name


def _write(path, page: str) -> None:
    """Replace a page only if it differs, and never show a part of it."""
    if path.is_file() and path.read_text(encoding="utf-8") == page:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
