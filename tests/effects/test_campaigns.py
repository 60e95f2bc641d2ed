"""Which lists can be measured, which are refused, and what is said of the others."""

from datetime import date, timedelta

import polars as pl
import pytest
from effects.small import (
    AS_OF,
    BEGIN,
    SENT,
    assignments,
    campaign,
    from_tables,
    history,
    ids,
    judged,
    purchases,
    responses,
)

from analysis.contracts.actions import TABLES as ASSIGNMENTS
from analysis.contracts.effects import TABLES
from analysis.effects import campaigns, checks, measured
from analysis.effects.lists import Rules, no_lists
from analysis.run.errors import UserError

TREAT, CONTROL = ids(40), ids(40, 40)
NONE = responses([], [])
INSIDE = BEGIN + timedelta(days=3)


def verdict(found: dict) -> tuple:
    return found["verdict"], found["reason"]


def test_outcomes_are_those_of_the_window_and_of_everybody_assigned():
    bought = pl.concat(
        [
            history(TREAT + CONTROL),
            purchases((TREAT[:20], INSIDE, 50), (CONTROL[:10], INSIDE, 50)),
            purchases((TREAT[20:30], BEGIN + timedelta(days=30), 50)),  # the day after the last one
        ]
    )
    found, effects = from_tables(TREAT, CONTROL, bought)
    assert verdict(found) == ("measurable", None)
    assert (found["last_day"], found["contacted"], found["leaked"]) == (date(2024, 3, 30), 40, 0)
    active, spend = effects.iter_rows(named=True)
    assert (active["value_treat"], active["value_control"]) == (0.5, 0.25)
    assert (active["difference"], active["assigned"], active["controls"]) == (0.25, 80, 40)
    assert active["verdict"] == "better"
    assert spend["difference"] == pytest.approx(12.5, abs=2)  # 25 - 12.50, but for the adjustment
    assert spend["low"] < spend["difference"] < spend["high"]
    TABLES["effects"].validate(effects, cast=True)


def test_only_treated_customers_are_not_measurable():
    """Staff chose whom to treat, and nobody wrote down who could have been treated as well."""
    found, effects = from_tables(TREAT, [], history(TREAT))
    assert verdict(found) == ("not_measurable", "no_controls")
    assert effects["difference"].to_list() == [None, None]
    assert effects["verdict"].to_list() == ["not_measurable"] * 2


def test_customers_chosen_by_staff_are_refused_though_the_others_are_called_controls():
    rested = purchases((TREAT, BEGIN - timedelta(days=2), 90), (CONTROL, date(2023, 6, 1), 20))
    found, _ = from_tables(TREAT, CONTROL, rested)
    assert verdict(found) == ("refused", "not_random")


def test_contaminated_controls_are_refused():
    bought = history(TREAT + CONTROL)
    found, effects = from_tables(TREAT, CONTROL, bought, leaked=CONTROL[:3])
    assert verdict(found) == ("refused", "contaminated")  # 3 of 40 are more than 5 %
    assert effects["difference"].null_count() == 2
    found, _ = from_tables(TREAT, CONTROL, bought, leaked=CONTROL[:2])
    assert (*verdict(found), found["leaked"]) == ("measurable", None, 2)
    listed = campaigns.from_responses(
        campaign(), responses(TREAT, TREAT), AS_OF
    )  # the treated are the controls, as in a known notebook
    assert verdict(judged(listed, bought)[0]) == ("refused", "in_both")


def test_a_few_customers_in_both_arms_are_set_aside():
    found, effects = from_tables([*TREAT, CONTROL[0]], CONTROL, history(TREAT + CONTROL))
    assert (found["in_both"], found["treated"], found["controls"]) == (1, 40, 39)
    assert effects["assigned"].to_list() == [79, 79]


def test_an_audience_of_three():
    found, _ = from_tables(TREAT[:2], CONTROL[:1], history(TREAT + CONTROL))
    assert verdict(found) == ("not_measurable", "too_few")


def test_arms_without_the_planned_sizes():
    plan = Rules(planned_control_share={"A": 0.2})
    found, _ = from_tables(TREAT, CONTROL, history(TREAT + CONTROL), rules=plan)
    assert verdict(found) == ("refused", "sample_ratio")
    right = Rules(planned_control_share={"A": 0.5})
    found, _ = from_tables(TREAT, CONTROL, history(TREAT + CONTROL), rules=right)
    assert (*verdict(found), found["ratio_p"]) == ("measurable", None, 1)


def test_an_open_window_says_nothing():
    bought = pl.concat([history(TREAT + CONTROL), purchases((TREAT, INSIDE, 50))])
    found, effects = from_tables(TREAT, CONTROL, bought, as_of=date(2024, 3, 29))
    assert verdict(found) == ("open", "open")
    assert effects["difference"].null_count() == 2
    assert (
        verdict(from_tables(TREAT, CONTROL, bought, as_of=date(2024, 3, 30))[0])[0] == "measurable"
    )


def test_campaigns_without_day_rows_or_treated():
    nowhere = campaigns.from_responses(campaign(), NONE, AS_OF)
    assert verdict(judged(nowhere, history(TREAT))[0]) == ("not_measurable", "no_list")
    only = campaigns.from_responses(campaign(), responses([], CONTROL), AS_OF)
    assert verdict(judged(only, history(CONTROL))[0]) == ("not_measurable", "no_treated")
    unsent = responses(TREAT, CONTROL).with_columns(sent_at=pl.lit(None, pl.Datetime("us")))
    undated = campaigns.from_responses(campaign(begin=None), unsent, AS_OF)
    assert verdict(judged(undated, history(TREAT))[0]) == ("not_measurable", "no_day")
    dated = campaigns.from_responses(campaign(begin=None), responses(TREAT, CONTROL), AS_OF)
    assert judged(dated, history(TREAT + CONTROL))[0]["begins_on"] == SENT.date()
    later = campaigns.from_responses(campaign(begin=date(2024, 7, 1)), NONE, AS_OF)
    assert later.campaigns.is_empty()


def test_no_tables_at_all():
    listed = campaigns.from_responses(pl.DataFrame(), pl.DataFrame(), AS_OF)
    checked = checks.check(listed, history(TREAT), AS_OF)
    assert checked.is_empty()
    assert measured.effects(no_lists(), checked, history(TREAT)).is_empty()


def test_the_window_of_the_ledger_begins_on_the_day_after_it_was_drawn():
    bought = pl.concat(
        [history(TREAT + CONTROL), purchases((TREAT, BEGIN - timedelta(days=1), 50))]
    )
    listed = campaigns.from_ledger(assignments(TREAT, CONTROL), NONE, AS_OF)
    assert listed.campaigns["begins_on"].to_list() == [BEGIN]
    found, effects = judged(listed, history(TREAT + CONTROL))
    assert (*verdict(found), found["action"]) == ("measurable", None, "win_back")
    assert found["ratio_p"] == 1
    assert effects["value_treat"][0] == 0
    assert judged(listed, bought)[0]["reason"] == "not_random"  # history, and not an outcome


@pytest.mark.parametrize(
    ("problem", "kept", "lost", "reason"),
    [
        ("rows_lost", 79, 1, "list_lost"),
        ("lost", None, 80, "list_lost"),
        ("changed", 80, 0, "list_changed"),
    ],
)
def test_a_ledger_that_is_not_as_it_was_written(problem, kept, lost, reason):
    name = "2024-02-win_back"
    written = pl.DataFrame({"campaign": [name], "assigned_on": [date(2024, 2, 29)], "rows": [80]})
    problems = pl.DataFrame(
        {"campaign": [name], "problem": [problem], "rows_found": [kept]},
        schema_overrides={"rows_found": pl.Int64},
    )
    none = assignments([], [])
    listed = campaigns.from_ledger(none, NONE, AS_OF, written=written, problems=problems)
    found, effects = judged(listed, history(TREAT))
    assert (*verdict(found), found["lost"]) == ("not_measurable", reason, lost)
    assert effects["reason"].to_list() == [reason] * 2


def test_a_row_less_than_was_written_and_a_contact_off_the_list():
    name, drawn = "2024-02-win_back", assignments(TREAT, CONTROL)
    written = pl.DataFrame({"campaign": [name], "rows": [81]})
    short = campaigns.from_ledger(drawn, NONE, AS_OF, written=written)
    found = judged(short, history(TREAT + CONTROL))[0]
    assert (*verdict(found), found["lost"]) == ("not_measurable", "list_lost", 1)
    sent = responses([*TREAT, "stranger"], [], name)
    off = judged(campaigns.from_ledger(drawn, sent, AS_OF), history(TREAT + CONTROL))[0]
    assert (*verdict(off), off["off_list"]) == ("not_measurable", "list_lost", 1)


def test_what_is_owed_has_no_controls():
    drawn = assignments(TREAT, [], share=None)
    found, _ = judged(campaigns.from_ledger(drawn, NONE, AS_OF), history(TREAT))
    assert verdict(found) == ("not_measurable", "owed")


def test_the_standing_group_stands_in_where_a_campaign_has_no_controls():
    with_own = assignments(TREAT, CONTROL, ids(40, 80))
    own, _ = judged(campaigns.from_ledger(with_own, NONE, AS_OF), history(ids(120)))
    assert (own["control_kind"], own["controls"], own["assigned"]) == ("campaign", 40, 80)
    without = assignments(TREAT, [], CONTROL)
    found, _ = judged(campaigns.from_ledger(without, NONE, AS_OF), history(TREAT + CONTROL))
    assert (found["control_kind"], found["controls"]) == ("standing", 40)
    assert verdict(found) == ("measurable", None)


def test_a_ledger_written_by_hand():
    odd = assignments(TREAT, CONTROL).with_columns(arm=pl.lit("A"))
    with pytest.raises(UserError, match=r'the arm "A".*treat, control, standing'):
        campaigns.from_ledger(odd, NONE, AS_OF)
    with pytest.raises(UserError, match="lacks the column arm"):
        campaigns.from_ledger(odd.drop("arm"), NONE, AS_OF)
    lost = assignments(TREAT, CONTROL).with_columns(
        arm=pl.when(pl.col("customer_id") != "00003").then("arm")
    )
    found, _ = judged(campaigns.from_ledger(lost, NONE, AS_OF), history(TREAT + CONTROL))
    assert (*verdict(found), found["lost"]) == ("not_measurable", "list_lost", 1)


def test_a_customer_in_two_campaigns_is_counted_while_windows_overlap():
    tables = pl.concat(
        [
            campaign("A"),
            campaign("B", begin=date(2024, 3, 30)),
            campaign("C", begin=date(2024, 5, 1)),
        ]
    )
    both = pl.concat(
        [
            responses(TREAT, CONTROL, "A"),
            responses(TREAT[:5], [], "B"),
            responses(TREAT[:7], [], "C"),
        ]
    )
    listed = campaigns.from_responses(tables, both, AS_OF)
    checked = checks.check(listed, history(TREAT + CONTROL), AS_OF)
    assert checked.select("campaign", "in_others").rows() == [("A", 5), ("B", 5), ("C", 0)]
    TABLES["effects_campaigns"].validate(checked, cast=True)


def test_the_ledger_counts_where_the_responses_hold_the_same_campaign():
    name = "2024-02-win_back"
    ours = campaigns.from_ledger(assignments(TREAT, CONTROL), NONE, AS_OF)
    theirs = campaigns.from_responses(campaign(), responses(TREAT, [], name), AS_OF)
    listed = campaigns.together(ours, theirs)
    assert listed.campaigns.select("campaign", "source").rows() == [
        (name, "ledger"),
        ("A", "responses"),
    ]
    assert listed.of(name).height == 80


def test_nobody_bought():
    _, effects = from_tables(TREAT, CONTROL, history(TREAT + CONTROL))
    active, spend = effects.iter_rows(named=True)
    assert (active["difference"], active["p"]) == (0, 1)
    assert active["low"] < 0 < active["high"]
    assert (spend["verdict"], spend["reason"]) == ("not_measurable", "no_purchases")


def test_spend_without_history_is_not_printed_as_a_test():
    bought = purchases((TREAT[:30], INSIDE, 50), (CONTROL[:10], INSIDE, 50))
    _, effects = from_tables(TREAT, CONTROL, bought)
    assert effects["verdict"].to_list() == ["better", "not_measurable"]
    assert effects["reason"][1] == "no_history"


def test_refunds_beyond_purchases_stay_negative():
    bought = pl.concat(
        [history(TREAT + CONTROL), purchases((TREAT[:20], INSIDE, -5), (CONTROL[:20], INSIDE, 5))]
    )
    _, effects = from_tables(TREAT, CONTROL, bought)
    active, spend = effects.iter_rows(named=True)
    assert active["difference"] == 0  # they did buy
    assert spend["difference"] == pytest.approx(-5, abs=0.5)
    assert spend["tail_share"] is None


def test_the_order_of_rows_changes_nothing():
    bought = pl.concat([history(TREAT + CONTROL), purchases((TREAT[:20], INSIDE, 50))])
    rows = responses(TREAT, CONTROL)
    listed = campaigns.from_responses(campaign(), rows, AS_OF)
    again = campaigns.from_responses(
        campaign(), rows.sample(fraction=1, shuffle=True, seed=4), AS_OF
    )
    shuffled = bought.sample(fraction=1, shuffle=True, seed=5)
    assert judged(listed, bought)[1].equals(judged(again, shuffled)[1])


def test_arms_that_are_kept_are_judged_by_what_came_before_the_first_of_them():
    begins = {"A": BEGIN, "B": date(2024, 4, 1), "C": date(2024, 5, 1)}
    tables = pl.concat([campaign(name, begin=begin) for name, begin in begins.items()])
    drawn_anew = [*TREAT[::2], *CONTROL[::2]], [*TREAT[1::2], *CONTROL[1::2]]
    rows = [responses(TREAT, CONTROL, name) for name in ("A", "B")]
    rows.append(responses(*drawn_anew, "C"))
    bought = pl.concat([history(TREAT + CONTROL), purchases((TREAT, INSIDE, 500))])
    listed = campaigns.from_responses(tables, pl.concat(rows), AS_OF)
    checked = checks.check(listed, bought, AS_OF)
    assert checked["verdict"].to_list() == ["measurable"] * 3
    assert checked["arms_since"].to_list() == [BEGIN, BEGIN, date(2024, 5, 1)]


def test_the_ledger_is_read_as_its_contract_has_it():
    empty = ASSIGNMENTS["assignments"].create_empty()
    assert campaigns.from_ledger(empty, NONE, AS_OF).campaigns.is_empty()
    kept = assignments(TREAT, CONTROL)
    typed = kept.cast({name: empty.schema[name] for name in kept.columns})
    listed = campaigns.from_ledger(typed, NONE, AS_OF)
    assert listed.assigned.equals(campaigns.from_ledger(kept, NONE, AS_OF).assigned)
    assert listed.campaigns["planned_share"].to_list() == [0.5]
    assert campaigns.from_ledger(typed, NONE, date(2024, 2, 28)).campaigns.is_empty()
