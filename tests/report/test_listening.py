"""What the summary says of what customers told, and whom to turn to first."""

import polars as pl

from analysis import tables
from analysis.labels import label
from analysis.report import advice, words

NO_VOICE = {name: tables.empty(name) for name in ("feedback", "surveys")}
HEARD = ("satisfaction", "complaint_kpis", "themes", "call_back")
UNHEARD = {name: tables.empty(name) for name in HEARD}


def test_without_surveys_and_feedback_it_says_so_in_a_line_each():
    said = words.listening(NO_VOICE, UNHEARD)
    assert [one["key"] for one in said] == ["satisfaction.no_table", "summary.no_feedback"]


def test_it_names_the_level_the_rate_the_open_cases_and_the_rising_theme():
    level = {"measure": "nps", "item": "Q", "by": "all", "class": "all", "answers": 100}
    level |= {"value": 12.0, "low": 1.0, "high": 23.0, "headline": True}
    rate = {"kpi": "rate", "value": 5.0, "low": 4.0, "high": 6.0, "cases": 50}
    rows = [
        {"period": period, "kpi": kpi} | {name: one for name, one in rate.items() if name != "kpi"}
        for period in ("year", "month")
        for kpi in (
            "rate",
            "repeat",
            "first_contact",
            "followed_up",
            "response_median",
            "close_median",
        )
    ]
    figures = pl.DataFrame(rows).with_columns(left_out=0, small=False)
    theme = {"theme": "delivery", "share_before": 0.1, "share_recent": 0.3, "is_rising": True}
    calls = pl.DataFrame({"customer_id": ["1"], "value_at_stake": [10.0]})
    heard = {"satisfaction": pl.DataFrame([level]), "complaint_kpis": figures}
    heard |= {"themes": pl.DataFrame([theme]), "call_back": calls}
    voices = {name: pl.DataFrame({"score": [1.0]}) for name in ("feedback", "surveys")}
    said = words.listening(voices, heard)
    keys = [one["key"] for one in said]
    assert keys[0] == "satisfaction.nps"
    assert keys[1:3] == ["service_page.rate", "service_page.rate_month"]
    assert keys[3:] == ["service_page.call_back", "themes.rising"]
    assert "delivery" in label(**said[-1])


def test_whoever_waits_for_an_answer_is_in_no_other_group():
    names = ["a", "b", "c", "d"]
    frame = pl.DataFrame({"customer_id": names})
    customers = frame.with_columns(frequency=pl.Series([0, 2, 2, 2]))
    clv = frame.with_columns(clv=10.0, potential=pl.lit("keep"))
    churn = frame.with_columns(probability_no_purchase=0.1, value_at_stake=1.0, idle_days=pl.lit(1))
    found = advice.first_actions(clv, churn, customers, frame[1:3], frame[:2])
    counts = dict(found.select("action", "customers").iter_rows())
    assert counts == {
        label("advice.call_back"): 2,
        label("advice.at_risk"): 1,
        label("advice.keep"): 1,
    }


def test_the_plan_and_the_latest_measured_campaign_are_named():
    plan = pl.DataFrame({"arm": ["treat", "treat", "control", "standing"]})
    said = words.acted(plan, tables.empty("effects"))
    assert said[0] == {"key": "summary.planned", "contacted": 2, "alone": 2}
    assert said[1] == {"key": "effects.none_measured"}
    assert words.acted(plan.clear(), tables.empty("effects"))[0] == {"key": "summary.unplanned"}
