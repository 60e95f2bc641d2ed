"""The flow of work: counts, waiting and the narrowest step, on tables worked by hand; its drawings."""

import re
from datetime import date, datetime, timedelta
from xml.etree import ElementTree

import polars as pl
import pytest
from pydantic import ValidationError

from analysis import tables
from analysis.contracts import effects as contracts
from analysis.effects import flow, flow_figure, flow_words
from analysis.effects.flow_times import of_assignments, of_feedback, of_steps
from analysis.report.gates import Page, external_references
from analysis.report.show import Prose
from analysis.run.months import Month
from analysis.run.sections import Service
from analysis.run.sections_effects import STAGES, FlowStep
from analysis.run.settings import Settings

MONTH, AS_OF = Month(2024, 6), date(2024, 6, 30)
SETTINGS = Settings(
    name="shop",
    currency="CNY",
    time_zone="Asia/Shanghai",
    sources=[{"table": "orders", "path": "x"}],
)
TIMES = dict.fromkeys(("started_at", "due_at", "done_at"), pl.Datetime("us"))
STEPS = dict.fromkeys(("case_id", "customer_id", "step", "role", "owner"), pl.String) | TIMES


def at(day: int, hour: int = 0, month: int = 6) -> datetime:
    return datetime(2024, month, day, hour)


def step(name: str, started, done=None, due=None, who: str = "a") -> dict:
    return {"step": name, "customer_id": who, "started_at": started, "done_at": done, "due_at": due}


def steps(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=STEPS)


def entry(name: str, stage: str = "apply", **more) -> FlowStep:
    return FlowStep(step=name, stage=stage, **more)


def drawn(found: dict, *entries: FlowStep) -> pl.DataFrame:
    table = flow.process_flow(found, list(entries), MONTH, Service())
    contracts.ProcessFlow.validate(table, cast=True)
    return table


def row_of(table: pl.DataFrame, name: str) -> dict:
    return table.filter(step=name).row(0, named=True)


def many(name: str, days: float, count: int = 25, late: int = 0) -> list[dict]:
    """Cases that took so many days each, and some that are open beyond their due day."""
    begun = at(1, month=5)
    done = [step(name, begun, begun + timedelta(days=days)) for _ in range(count - late)]
    return done + [step(name, begun, due=at(1)) for _ in range(late)]


# Waiting --------------------------------------------------------------------------------------------


def test_open_cases_count_as_long_as_they_have_waited():
    rows = steps(
        step("x", at(1), at(2)),
        step("x", at(1), at(3)),
        step("x", at(1), at(4), due=at(2)),
        step("x", at(10), due=at(20)),
        step("x", at(11), due=at(1, month=7)),  # due at the very end of the month
        step("x", at(12), done=datetime(2024, 7, 5)),  # done later, so open then
        step("x", at(1, month=7)),  # not begun by then
        step("x", at(9), at(8)),  # done before it was begun
    )
    wait = of_steps(rows, AS_OF, None)
    assert (wait.timed, wait.open, wait.overdue) == (6, 3, 1)
    # Kaplan-Meier by hand: 5/6, 4/6, 3/6 after 1, 2 and 3 days.
    assert wait.median == pytest.approx(3.0)
    # Without a due day of its own a case is late after the days of the settings.
    assert of_steps(rows.with_columns(due_at=None).cast(STEPS), AS_OF, 20).overdue == 1
    assert of_steps(rows.with_columns(due_at=None).cast(STEPS), AS_OF, None).overdue is None


def test_cases_older_than_a_year_are_open_but_do_not_time_the_step():
    rows = steps(step("x", datetime(2022, 1, 1)), step("x", at(1), at(2)))
    wait = of_steps(rows, AS_OF, 3)
    assert (wait.timed, wait.open, wait.overdue, wait.median) == (1, 1, 1, 1.0)


def complaints(*rows: tuple) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "at": pl.Datetime("us"), "kind": pl.String}
    schema |= {"closed_at": pl.Datetime("us")}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def test_complaints_wait_until_they_are_closed():
    told = complaints(
        ("a", at(1), "complaint", at(3)),
        ("b", at(1), "complaint", at(5)),
        ("c", at(2), "complaint", None),
        ("d", at(2), "praise", None),
    )
    wait = of_feedback(told, AS_OF, 7)
    assert (wait.timed, wait.open, wait.overdue, wait.median) == (3, 1, 1, 4.0)
    never = told.with_columns(closed_at=pl.lit(None, pl.Datetime("us")))
    assert of_feedback(never, AS_OF, 7) is None  # the table never says when one was closed


def test_the_assigned_wait_until_they_are_contacted_and_controls_do_not():
    rows = [("c", "a", "treat"), ("c", "b", "treat"), ("c", "d", "control"), ("e", "f", "treat")]
    assigned = pl.DataFrame(rows, schema=["campaign", "customer_id", "arm"], orient="row")
    assigned = assigned.with_columns(assigned_on=pl.lit(date(2024, 5, 31)))
    sent = pl.DataFrame(
        {"campaign_id": ["c", "c"], "customer_id": ["a", "d"], "sent_at": [at(3), at(4)]}
    ).cast({"sent_at": pl.Datetime("us")})
    wait = of_assignments(assigned, sent, AS_OF, 10)
    # a was assigned by the end of 31 May and contacted on 3 June; of e nothing is known.
    assert (wait.timed, wait.open, wait.overdue, wait.median) == (2, 1, 1, 2.0)
    assert of_assignments(assigned, None, AS_OF, 10) is None
    assert of_assignments(assigned, sent.clear(), AS_OF, 10) is None


# The table ------------------------------------------------------------------------------------------


def test_a_month_without_any_table_draws_every_step_without_data():
    table = drawn({})
    assert table["step"].to_list() == list(flow.OWN_STEPS)
    assert table["stage"].unique(maintain_order=True).to_list() == list(STAGES)
    assert not table["has_data"].any()
    assert not table["narrowest"].any()
    text = flow_figure.mermaid(table, SETTINGS)
    assert text.count("No data: this month has no table") == len(flow.OWN_STEPS)


def test_counts_and_money_come_from_the_tables():
    found = {
        "customers": pl.DataFrame({"customer_id": ["a", "b"], "spend": [0.1, 0.2]}),
        "segments": pl.DataFrame(
            {
                "customer_id": ["a", "b", "a"],
                "axis": ["rfm", "rfm", "need"],
                "changed": [True, None, True],
            }
        ),
        "interactions": pl.DataFrame(
            {"customer_id": ["a", "a", "b"], "at": [at(1), at(30, 23), at(1, month=7)]}
        ),
        "action_plan": pl.DataFrame(
            {
                "customer_id": ["a", "b"],
                "arm": ["treat", "control"],
                "expected_profit": [5.0, 9.0],
            }
        ),
        "effects": pl.DataFrame({"campaign": ["c", "c", "d"], "measure": ["x", "y", "x"]}),
        "early_warning": pl.DataFrame({"customer_id": ["a"], "value_at_stake": [7.5]}),
    }
    table = drawn(found)
    names = ("cases", "customers", "money", "money_of")
    shown = {name: tuple(row_of(table, name)[one] for one in names) for name in found}
    assert shown == {
        "customers": (2, 2, 0.3, "spend"),
        "segments": (1, 2, None, None),
        "interactions": (2, 1, None, None),
        "action_plan": (1, 1, 5.0, "expected_profit"),
        "effects": (2, None, None, None),
        "early_warning": (1, 1, 7.5, "value_at_stake"),
    }
    backwards = {name: one.reverse() for name, one in found.items()}
    assert drawn(backwards).equals(table)


def test_settings_place_steps_name_owners_and_say_when_a_case_is_late():
    rows = steps(step("call", at(1), at(2)), step("other", at(1)))
    entries = (
        entry("call", "communicate", owner="Li", decision="Escalate?", due_days=2),
        entry("feedback", "analyse", owner="Wang"),
    )
    table = drawn({"steps": rows}, *entries)
    call, told = row_of(table, "call"), row_of(table, "feedback")
    assert (call["stage"], call["owner"], call["due_days"]) == ("communicate", "Li", 2.0)
    assert (call["cases"], call["timed"], call["median_days"]) == (1, 1, 1.0)
    assert (told["stage"], told["owner"], told["due_days"]) == ("analyse", "Wang", 7.0)
    assert "other" not in table["step"]
    assert flow.unplaced(rows, list(entries)) == ["other"]
    assert flow.unplaced(None, []) == []
    place = [STAGES.index(one) for one in table["stage"]]
    assert place == sorted(place)


def test_a_step_is_placed_once():
    base = {"name": "shop", "currency": "CNY", "time_zone": "Asia/Shanghai"}
    base |= {"sources": [{"table": "orders", "path": "x"}]}
    placed = {"step": "x", "stage": "apply"}
    assert Settings(**base, flow=[placed]).flow == [FlowStep(**placed)]
    with pytest.raises(ValidationError, match="keep one"):
        Settings(**base, flow=[placed, placed])


# The narrowest step -----------------------------------------------------------------------------------


def narrowest(*rows: dict) -> list[str]:
    names = sorted({one["step"] for one in rows})
    table = drawn({"steps": steps(*rows)}, *(entry(name) for name in names))
    return table.filter("narrowest")["step"].to_list()


def test_the_largest_share_of_late_cases_is_narrowest():
    assert narrowest(*many("a", 9), *many("b", 1, late=2), *many("c", 1, late=5)) == ["c"]
    # Of cases, not of counts: 5 of 100 are less than 3 of 25.
    assert narrowest(*many("a", 1, 100, late=5), *many("b", 1, 25, late=3)) == ["b"]


def test_where_nothing_is_late_the_longest_median_is_narrowest():
    assert narrowest(*many("a", 2), *many("b", 5), *many("c", 1)) == ["b"]
    waiting = [step("c", at(29)) for _ in range(25)]  # none is done, so half are not
    assert narrowest(*many("a", 2), *many("b", 5), *waiting) == ["c"]


def test_few_cases_and_a_single_timed_step_say_nothing():
    assert narrowest(*many("a", 2), *many("b", 50, 19)) == []
    assert narrowest(*many("a", 2, late=5)) == []
    table = drawn({})
    assert flow_words.narrowest(table)["key"] == "flow_page.narrowest_none"


# Drawings ---------------------------------------------------------------------------------------------

WICKED = 'a "b" <script>alert(1)</script> & #1; `x` ] } --> end\nnext $x^2$'


def chart() -> tuple[pl.DataFrame, flow_figure.Flowchart]:
    rows = [*many("回访", 2), *many(WICKED, 5, late=2)]
    entries = (entry("回访", owner="客服部", decision="是否升级"), entry(WICKED, decision=WICKED))
    table = drawn({"steps": steps(*rows)}, *entries)
    return table, flow_figure.flowchart(table, SETTINGS)


def test_the_svg_is_whole_the_same_each_time_and_needs_nothing_from_outside():
    table, first = chart()
    assert first.svg == flow_figure.flowchart(table, SETTINGS).svg
    root = ElementTree.fromstring(first.svg)
    assert root.tag.endswith("svg")
    width, height = (float(root.get(name).removesuffix("pt")) for name in ("width", "height"))
    assert height > 2 * width  # from top to bottom, so that a phone shows it
    targets = re.findall(r'href="([^"]*)"', first.svg)
    assert all(one.startswith("#") for one in targets)
    assert len(first.svg) < 400_000
    assert "<script" not in first.svg


def test_the_page_shows_an_image_with_its_finding_and_the_text_escaped(tmp_path):
    _, found = chart()
    page = Page("x", tmp_path, f"<html><body>{found._repr_html_()}</body></html>")
    assert external_references(page) == []
    assert page.soup.find("script") is None
    assert "2 of 25 cases are late" in page.soup.find("img")["alt"]
    assert page.soup.find("pre").get_text() == found.mermaid


def test_mermaid_labels_are_escaped():
    _, found = chart()
    lines = found.mermaid.splitlines()
    wicked = [line for line in lines if "alert(1)" in line]
    assert len(wicked) == 2  # its box and its decision
    for line in wicked:
        inside = line[line.index('"') + 1 : line.rindex('"')]
        assert not re.search(r'["`<>]', inside.replace("<br/>", ""))
        assert "#quot;b#quot; #lt;script#gt;alert(1)#lt;/script#gt; #amp; #35;1;" in inside
    assert lines[0] == "flowchart TB"
    assert sum(" --> " in line and "alert" not in line for line in lines) == 12
    assert sum(line.strip().startswith("style ") for line in lines) == 1


def test_lines_are_wrapped_by_the_width_of_their_signs():
    text = "一" * 40 + " and a tail of words"
    found = flow_figure.wrapped(text, 58)
    assert [len(line) for line in found[:1]] == [29]
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert flow_figure.wrapped("one two", 5) == ["one", "two"]
    assert flow_figure.wrapped("", 5) == [""]


def test_a_wait_without_an_upper_limit_says_so():
    rows = [*many("x", 2, 11), *[step("x", at(1, month=5)) for _ in range(10)]]
    row = row_of(drawn({"steps": steps(*rows)}, entry("x")), "x")
    assert (row["median_days"], row["high"], row["overdue"]) == (2.0, None, None)
    text = " ".join(flow_words.box(row, SETTINGS))
    assert "half in 2.0 days (95 %: 2.0 or more); 10 open, no limit set" in text


def test_every_step_has_its_words():
    for name in flow.OWN_STEPS:
        assert flow_words.step_name(name) != name
    table, _ = chart()
    said = flow_words.sentences(table, ["x"])
    for one in said:
        assert str(Prose(one.pop("key"), one, SETTINGS))


def test_the_shop_waits_for_complaints(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    names = ("customers", "segments", "interactions", "feedback", "customer_value", "steps")
    found = {name: tables.read(name, folder) for name in (*names, "early_warning")}
    table = drawn(found, entry("回访"))
    told = row_of(table, "feedback")
    kpis = dict(tables.read("kpis", folder).select("kpi", "value").iter_rows())
    assert told["cases"] == kpis["complaints"]
    assert row_of(table, "interactions")["cases"] == kpis["contacts"]
    assert told["low"] <= told["median_days"] <= told["high"]
    assert not row_of(table, "回访")["has_data"]
    assert flow_figure.flowchart(table, SETTINGS).alt
