"""Computed sentences about labels in the CRM: for the report, and for the command that sends them."""

import json
from collections import Counter

import polars as pl

from analysis.actions.crm_push import Pushed
from analysis.labels import group, label


def changes(counts: pl.DataFrame, table: pl.DataFrame) -> list[dict]:
    """What of the labels changed in each system, as arguments for `run.say`.

    Args:
        counts: as `crm_labels.counts` returns it.
        table: the table `crm_labels`.
    """
    if counts.is_empty():
        return [{"key": "crm_page.no_system"}]
    names, said = group("crm_page.system"), []
    for row in counts.to_dicts():
        first = table.filter(pl.col("system") == row["system"])["previous"].is_null().all()
        key = "crm_page.first" if first else "crm_page.changed"
        said.append({"key": key, **row, "system": names[row["system"]]})
    by_number = table.filter((pl.col("system") == "jiandaoyun") & pl.col("api_id").is_null())
    if by_number.height:
        said.append({"key": "crm_page.no_data_id", "heading": by_number["key"][0]})
    return said


def checked(check: pl.DataFrame) -> list[dict]:
    """Whether the files give the new labels, as arguments for `run.say`.

    Args:
        check: as `crm_read_back.check_files` returns it.
    """
    names = group("crm_page.system")
    wrong = check.filter(pl.any_horizontal(pl.col("not_found", "wrong_records", "other_cells") > 0))
    if wrong.is_empty():
        return [{"key": "crm_page.right", "rows": int(check["rows"].sum())}]
    return [
        {"key": "crm_page.wrong", **row, "system": names[row["system"]]} for row in wrong.to_dicts()
    ]


def push_lines(pushed: list[Pushed]) -> list[str]:
    """What a push did or would do, line by line: the calls of a dry run, and one line per system."""
    names, said = group("crm_page.system"), []
    for one in pushed:
        facts = {"system": names[one.system], "records": f"{one.records:,}"}
        facts["calls"] = f"{len(one.calls):,}"
        if not one.records:
            said.append(label("crm_push.nothing", **facts))
        elif not one.sent:
            said += [
                f"{method} {url} {json.dumps(body, ensure_ascii=False)}"
                for method, url, body in one.calls
            ]
            said.append(label("crm_push.would", **facts))
        else:
            said.append(label("crm_push.sent", **facts, done=f"{one.done:,}"))
            if one.known:
                said.append(label("crm_push.known", known=f"{one.known:,}"))
            said += [
                label("crm_push.left", records=f"{times:,}", code=code)
                for code, times in sorted(Counter(one.left.values()).items())
            ]
    return said
