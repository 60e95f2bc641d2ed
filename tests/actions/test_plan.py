"""What could be done for whom, and what is planned: one action each, within consent, money and hands."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from actions.plan_small import (
    ACTIONS,
    AS_OF,
    NOBODY,
    contacts,
    many,
    planned,
    possible,
    records,
    shop,
    willing,
)
from hypothesis import given, settings
from hypothesis import strategies as some
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.actions import audiences, plan_figures, plan_words
from analysis.actions import candidates as found
from analysis.actions.plan import counts, plan
from analysis.report.show import Prose, Sentence

NO_CONTROLS = {"standing_control": 0, "campaign_control": 0}


def reasons(made) -> dict:
    rows = made.left_out.select("customer_id", "action", "reason").iter_rows()
    return {(customer, action): reason for customer, action, reason in rows}


def test_a_call_back_comes_first_then_profit_and_one_customer_gets_one_action():
    rows = possible(
        ("a", "retention", 4.0),
        ("a", "care"),
        ("b", "retention", 9.0),
        ("b", "call_back", None, 1, None, 2),
        ("c", "call_back", None, 1, None, 1),
        ("d", "strategy"),
        ("e", "win_back", 5.0),
        ("f", "second_order", -0.5),
        ("f", "care"),
        ("g", "retention", 0.0),
    )
    made = planned(rows, shop(**NO_CONTROLS))
    assert made.chosen.select("rank", "customer_id", "action").rows() == [
        (1, "c", "call_back"),
        (2, "b", "call_back"),
        (3, "e", "win_back"),
        (4, "a", "retention"),
        (5, "f", "care"),  # of unknown profit, greetings before strategies
        (6, "d", "strategy"),
    ]
    assert reasons(made) == {
        ("a", "care"): "other_action",
        ("b", "retention"): "other_action",
        ("f", "second_order"): "not_worth_it",
        ("g", "retention"): "not_worth_it",
    }


def test_consent_quiet_days_and_a_wish_not_to_be_contacted():
    rows = possible(
        *((name, "retention", 4.0) for name in "abcdefg"),
        *((name, "call_back", None, 1, None, 1) for name in "bdg"),
    )
    profiles = records(a=True, b=False, c=None, d=True, e=True, g=True).with_columns(
        tags_in_crm=pl.when(pl.col("customer_id") == "g").then(pl.lit("VIP, 请勿联系"))
    )
    last = contacts(a=date(2024, 6, 23), d=date(2024, 6, 24), e=date(2024, 6, 30))
    made = plan(rows, profiles, last, shop(**NO_CONTROLS), AS_OF)
    assert dict(made.chosen.select("customer_id", "action").iter_rows()) == {
        "a": "retention",  # contacted seven days before the month ends: quiet for long enough
        "b": "call_back",  # a call-back is service: it asks for no consent
        "d": "call_back",  # nor does it wait for quiet days
    }
    assert reasons(made) == {
        ("b", "retention"): "no_consent",
        ("c", "retention"): "no_consent",  # nothing is recorded, which counts as no
        ("d", "retention"): "recent_contact",
        ("e", "retention"): "recent_contact",
        ("f", "retention"): "no_consent",  # no record at all
        ("g", "retention"): "do_not_contact",
        ("g", "call_back"): "do_not_contact",
    }
    said = plan_words.consent(made, profiles, shop())
    assert said == {"key": "plan.no_consent", "refused": 1, "unknown": 2}


def test_a_call_from_the_customer_is_no_contact_of_ours():
    rows = possible(("a", "retention", 4.0))
    called = contacts(a=AS_OF).with_columns(inbound=pl.lit(True))
    assert plan(rows, willing(rows), called, shop(**NO_CONTROLS), AS_OF).chosen.height == 1


def test_money_and_contacts_end_the_line():
    rows = possible(
        ("a", "call_back", None, 2, None, 1),
        ("b", "retention", 9.0, 3),
        ("b", "care", None, 0),
        ("c", "retention", 8.0, 3),
        ("c", "strategy", None, 1),
        ("d", "care", None, 0),
    )
    made = planned(rows, shop(budget="5", **NO_CONTROLS))
    # Greetings cost nothing, so no budget stops them.
    assert made.chosen["customer_id"].to_list() == ["a", "b", "d"]
    assert reasons(made) == {
        ("b", "care"): "other_action",
        ("c", "retention"): "over_budget",
        ("c", "strategy"): "over_budget",
    }
    made = planned(rows, shop(budget="8", contact_capacity=2, **NO_CONTROLS))
    assert made.chosen["customer_id"].to_list() == ["a", "b"]
    assert reasons(made)["d", "care"] == "over_capacity"
    made = planned(rows, shop(contact_capacity=0, **NO_CONTROLS))
    assert made.chosen.is_empty()
    assert {"key": "plan.calls_wait", "customers": 1} in plan_words.left_out(made)


def test_the_card_of_a_class_has_a_budget_of_its_own():
    card = {"axis": "rfm", "class": "loyal", "actions": ["Write"], "budget": "5"}
    rows = possible(
        *((name, "retention", 9.0, 3, "loyal") for name in "ab"),
        ("c", "retention", 1.0, 3, "at_risk"),
        ("d", "call_back", None, 9, "loyal", 1),  # service is not paid from it
    )
    made = planned(rows, shop([card], **NO_CONTROLS))
    assert made.chosen["class"].to_list() == ["loyal", "loyal", "at_risk"]
    assert list(reasons(made).values()) == ["over_budget"]


def test_without_a_capacity_of_its_own_the_plan_takes_that_of_churn():
    rows = possible(*((f"c{n:03}", "retention", 1.0) for n in range(300)))
    made = planned(rows, shop(**NO_CONTROLS))
    assert made.chosen.height == 200
    equal = planned(rows, shop(salt="another", **NO_CONTROLS))
    # Among equals the draw decides, not the id.
    assert set(equal.chosen["customer_id"]) != set(made.chosen["customer_id"])


def test_the_full_capacity_is_used_by_those_who_are_contacted():
    rows = possible(
        *((f"c{n:03}", "retention", float(n + 1), 3) for n in range(200)),
        *((f"w{n:03}", "win_back", float(n + 1), 3) for n in range(200)),
    )
    chosen = planned(rows, shop(contact_capacity=100)).chosen
    assigned = audiences.assign(chosen, shop(contact_capacity=100))
    assert assigned.filter(arm="treat").height == 100
    assert assigned.height > 120
    paid = shop(contact_capacity=400, budget="150")
    assigned = audiences.assign(planned(rows, paid).chosen, paid)
    kept = audiences.assignments(assigned, paid, AS_OF)
    assert kept["cost"].sum() == Decimal(150)


@settings(max_examples=60, deadline=None)
@given(
    many(),
    some.integers(0, 20),
    some.none() | some.integers(0, 40),
    some.sampled_from([0, 0.2, 0.5]),
    some.randoms(use_true_random=False),
)
def test_every_candidate_is_planned_or_left_out_whatever_the_order(
    rows, capacity, budget, share, chance
):
    own = shop(
        contact_capacity=capacity, budget=budget, campaign_control=share, standing_control=0.1
    )
    names = rows["customer_id"].unique().sort().to_list()
    profiles = records(**{name: chance.choice([True, True, False, None]) for name in names})
    made = plan(rows, profiles, NOBODY, own, AS_OF)
    keys = ["customer_id", "action"]
    together = pl.concat([made.chosen.select(keys), made.left_out.select(keys)]).sort(keys)
    assert_frame_equal(together, rows.select(keys).sort(keys))
    assert counts(made)["candidates"].sum() == rows.height
    assert made.chosen["customer_id"].is_unique().all()
    # Nobody is contacted beyond hands and money, and nobody who did not agree.
    assigned = tables.conform("action_plan", audiences.assign(made.chosen, own))
    treated = assigned.filter(pl.col("arm") == "treat")
    assert treated.height <= capacity
    assert budget is None or treated["cost"].sum() <= budget
    agreed = profiles.filter("consent_marketing")["customer_id"].to_list()
    marketing = assigned.filter(pl.col("action") != "call_back")
    assert set(marketing["customer_id"]) <= set(agreed)
    tables.conform("plan_left_out", made.left_out)
    places = list(range(rows.height))
    chance.shuffle(places)
    again = plan(rows[places], profiles[::-1], NOBODY, own, AS_OF)
    assert_frame_equal(again.chosen, made.chosen)
    assert_frame_equal(again.left_out, made.left_out)


CUSTOMERS = pl.DataFrame({"customer_id": list("abcdef"), "frequency": [3, 0, 2, 1, 5, 0]})
CHURN = pl.DataFrame(
    {
        "customer_id": list("abcde"),
        "expected_profit": [4.126, 2.0, -0.5, 0.004, 3.0],
        "reason_1": ["rhythm", None, "spend", None, None],
        "reason_2": [None, None, "rhythm", None, None],
        "reason_3": pl.Series([None] * 5, dtype=pl.String),
    }
)
SEGMENTS = pl.DataFrame(
    {
        "customer_id": list("abcdea"),
        "axis": ["rfm"] * 5 + ["cluster"],
        "class": ["at_risk", "promising", "lost", "new", "group_x", "quiet"],
    }
)
PROFILE = pl.DataFrame(
    {
        "axis": ["rfm"] * 4,
        "class": ["at_risk", "promising", "lost", "new"],
        "rank": [1, 2, 3, 4],
        "customers": [1] * 4,
        "spend_365": [1.0] * 4,
    }
)
PROFILES = records(a=True, b=False, c=None, p=True).with_columns(
    birthday=pl.Series([date(1990, 7, 3), date(1980, 7, 4), None, None]),
    owner=pl.Series(["Li", None, None, "Wu"]),
    file=pl.lit("f"),
    row=pl.int_range(pl.len()),
)
CALLS = pl.DataFrame(
    {
        "customer_id": ["p", "a"],
        "priority": [2, 1],
        "high_value": [None, True],
        "rising": [None, True],
    },
    schema_overrides={"priority": pl.Int64, "high_value": pl.Boolean, "rising": pl.Boolean},
)
CHANNELS = pl.DataFrame({"customer_id": ["a", "b"], "preferred_channel": ["sms", "email"]})


def all_candidates(**changes) -> pl.DataFrame:
    given = {"churn": CHURN, "segments": SEGMENTS, "profiles": PROFILES, "call_back": CALLS}
    given |= changes
    own = shop().model_copy(
        update={
            "churn": shop().churn.model_copy(
                update={"contact_cost": Decimal(2), "offer_cost": Decimal(5)}
            )
        }
    )
    return found.candidates(
        given["churn"],
        CUSTOMERS,
        given["segments"],
        PROFILE,
        given["profiles"],
        given["call_back"],
        CHANNELS,
        own,
        AS_OF,
    )


def test_candidates_of_a_hand_worked_shop():
    rows = all_candidates()
    shown = rows.select("customer_id", "action", "expected_profit", "cost", "reason_1", "owner")
    owners = {row["customer_id"]: row["owner"] for row in rows.to_dicts()}
    assert owners["a"] == "Li"  # of the record; of the class's card where no record names one
    assert owners["b"] == "marketing"
    assert shown.drop("owner").rows() == [
        ("a", "call_back", None, Decimal(2), "open_complaint"),
        ("a", "care", None, Decimal(2), "birthday"),
        ("a", "retention", 4.13, Decimal(7), "rhythm"),
        ("a", "strategy", None, Decimal(2), "strategy_of_class"),
        ("b", "care", None, Decimal(2), "birthday"),  # whether b agreed, the plan asks
        ("b", "second_order", 2.0, Decimal(7), "no_second_order"),
        ("b", "strategy", None, Decimal(2), "strategy_of_class"),
        ("c", "strategy", None, Decimal(2), "strategy_of_class"),
        ("c", "win_back", -0.5, Decimal(7), "long_silent"),
        ("d", "second_order", 0.0, Decimal(7), "no_second_order"),
        ("d", "strategy", None, Decimal(2), "strategy_of_class"),
        ("e", "retention", 3.0, Decimal(7), "contact_pays"),  # its class has no card
        ("f", "second_order", None, Decimal(7), "no_second_order"),  # not in the table churn
        ("p", "call_back", None, Decimal(2), "open_complaint"),  # never bought
    ]
    by = {(row["customer_id"], row["action"]): row for row in rows.to_dicts()}
    assert (by["a", "call_back"]["reason_2"], by["a", "call_back"]["reason_3"]) == (
        "high_value_customer",
        "chance_rising",
    )
    assert (by["c", "win_back"]["reason_2"], by["c", "win_back"]["reason_3"]) == ("spend", "rhythm")
    assert by["a", "call_back"]["channel"] == "phone"
    assert by["a", "care"]["channel"] == "sms"
    assert by["a", "care"]["due_on"] == date(2024, 7, 3)
    assert by["a", "retention"]["what"] and by["a", "care"]["what"] is None


def test_a_shop_of_orders_alone_has_candidates_and_a_plan_of_nobody():
    bare = all_candidates(
        churn=CHURN.clear(),
        segments=SEGMENTS.clear(),
        profiles=tables.empty("profiles"),
        call_back=tables.empty("call_back"),
    )
    assert bare["expected_profit"].null_count() == bare.height == CUSTOMERS.height
    made = plan(bare, tables.empty("profiles"), NOBODY, shop(), AS_OF)
    assert made.chosen.is_empty()
    assert set(made.left_out["reason"]) == {"no_consent"}
    assert plan_words.planned(made, audiences.assign(made.chosen, shop()), shop()) == [
        {"key": "plan.nothing", "candidates": 6}
    ]
    nothing = plan(found.empty(), tables.empty("profiles"), NOBODY, shop(), AS_OF)
    assert counts(nothing).is_empty()
    assert isinstance(plan_figures.outcomes(nothing), Sentence)


@pytest.mark.parametrize("budget", [None, "30"])
def test_every_sentence_and_figure_is_found_in_the_catalogue(budget):
    rows = possible(*((f"c{n:02}", ACTIONS[n % 6], None, 1, "loyal", n) for n in range(60)))
    own = shop(budget=budget)
    made = planned(rows, own)
    assigned = audiences.assign(made.chosen, own)
    lines = [
        *plan_words.planned(made, assigned, own),
        plan_words.assumptions(own),
        *plan_words.left_out(made),
        plan_words.consent(made, willing(rows), own),
        plan_words.standing(rows, own),
    ]
    for line in lines:
        values = {name: value for name, value in line.items() if name != "key"}
        text = repr(Prose(line["key"], values, own))
        assert text and "{" not in text and "None" not in text
    table = plan_words.by_action(made)
    assert table["candidates"].to_list() == [10] * 6
    assert "Call back" in table["action"].to_list()
    assert "of 10 planned" in plan_figures.outcomes(made).alt
    shown = plan_words.readable(all_candidates())
    words = shown.filter(pl.col("customer_id") == "a").sort("action")["reason_1"].to_list()
    assert words[0] == "open complaint"
    assert "rhythm" not in words


def test_where_consent_is_kept_elsewhere_only_a_refusal_counts_as_no():
    rows = possible(
        *((name, "retention", 2.0, 1, "loyal") for name in ("yes", "no", "open", "new"))
    )
    own = shop(consent_kept_elsewhere=True)
    made = plan(rows, records(yes=True, no=False, open=None), NOBODY, own, AS_OF)
    assert sorted(made.chosen["customer_id"]) == ["new", "open", "yes"]
    assert made.left_out.select("customer_id", "reason").rows() == [("no", "no_consent")]
    assert plan_words.consent(made, records(), own)["key"] == "plan.consent_elsewhere"
