"""What a card says of a customer, each figure by hand."""

from datetime import date, datetime

import polars as pl
import pytest
from card.small import profile, purchases, table

import analysis
from analysis import tables
from analysis.card import card, figures, habits, service, timeline, value, words
from analysis.labels import label
from analysis.report.show import Prose

# Mondays but the last, a Tuesday; gaps of 14, 7 and 15 days; the month ends on 2024-06-30.
KH1 = {"2024-01-01": 10.0, "2024-01-15": 30.0, "2024-01-22": 20.0, "2024-02-06": 40.0}
BOUGHT = purchases(KH1=KH1, KH2={"2023-05-01": 500.0}, KH3={"2024-06-01": 100.0})
RECORDS = table(
    "profiles",
    profile(
        "KH1",
        customer_name="Ann Example",
        phone="+4915112345678",
        email="ann@example.com",
        address="Main Street 7",
        city="Berlin",
        province="Berlin",
        birthday=date(1990, 7, 1),
        gender="female",
        owner="Lin Xiaowen",
        created_at=datetime(2023, 3, 1),
        updated_at=datetime(2024, 1, 1),
    ),
    profile(
        "zcrm_9",
        person_id="KH1",
        gender="male",
        member_tier="gold",
        consent_marketing=False,
        created_at=datetime(2022, 2, 2),
        updated_at=datetime(2023, 1, 1),
    ),
    profile("KH9", created_at=datetime(2024, 5, 5)),
)
MERGES = table(
    "identity_merges",
    {"customer_id": "zcrm_9", "merged_into": "KH1", "rule": "same_phone", "probability": 1.0},
)
CLASSES = table(
    "segments",
    {"customer_id": "KH1", "axis": "cluster", "class": "loyal", "previous_class": "occasional"},
    {"customer_id": "KH1", "axis": "rfm", "class": "champions"},
    {"customer_id": "KH2", "axis": "rfm", "class": "lost"},
)
FEEDBACK = table(
    "feedback",
    *(
        {
            "feedback_id": number,
            "customer_id": "KH1",
            "at": datetime(2024, *at),
            "kind": kind,
            "category": "product",
            "closed_at": closed,
            "text": "call me, Ann Example, +4915112345678",
        }
        for number, at, kind, closed in [
            ("F1", (2, 1), "complaint", datetime(2024, 2, 9)),
            ("F2", (6, 1), "complaint", datetime(2024, 7, 1, 9)),  # closed after the month
            ("F3", (6, 30, 18), "complaint", None),
            ("F4", (3, 1), "praise", None),
        ]
    ),
)
CONTACTS = table(
    "interactions",
    {"customer_id": "KH1", "at": datetime(2024, 6, 30, 14), "channel": "social"},
    {"customer_id": "KH1", "at": datetime(2023, 7, 2, 9), "channel": "phone"},
    {"customer_id": "KH1", "at": datetime(2023, 7, 1, 9), "channel": "phone"},
    {"customer_id": "KH2", "at": datetime(2024, 6, 2, 9), "channel": "visit"},
)
LINES = table(
    "order_lines",
    *(
        {
            "order_id": order,
            "product_id": product,
            "quantity": 2.0,
            "unit_price": money / 2,
            "line_amount": money,
            "is_fee": product == "post",
        }
        for order, product, money in [
            ("KH1-2024-01-01", "kettle", 6.0),
            ("KH1-2024-01-01", "tea", 4.0),
            ("KH1-2024-01-15", "kettle", 30.0),
            ("KH1-2024-01-15", "post", 5.0),
            ("KH2-2023-05-01", "tea", 60.0),
            ("unknown", "kettle", 99.0),
        ]
    ),
)
PRODUCTS = table(
    "products",
    {"product_id": "kettle", "category": "home", "list_price": 15.0, "unit_cost": 4.0},
    {"product_id": "tea", "category": "food", "list_price": 2.0},
)
SHOP = BOUGHT | {
    "profiles": RECORDS,
    "identity_merges": MERGES,
    "segments": CLASSES,
    "feedback": FEEDBACK,
    "interactions": CONTACTS,
    "order_lines": LINES,
    "products": PRODUCTS,
}


def said(sentence: dict, one: card.Card) -> str:
    key = sentence.pop("key")
    return Prose(key, sentence, one.settings).text


def test_the_newest_known_value_of_each_field_counts_and_no_name_is_among_them(open_card):
    one = open_card("zcrm_9", SHOP)
    described = dict(card.described(one).rows())
    owner = described.pop("owner")
    assert described == {
        "on record since": "2022-02-02",
        "place": "Berlin",
        "age": "25–34",
        "agrees to marketing": "no",
        "gender": "female",
        "member tier": "gold",
    }
    assert len(owner) == 10
    assert "Lin" not in owner
    assert card.merged_records(one).rows() == [("zcrm_9", "same phone")]
    left = "city tier, type, income, industry, company size, level in the CRM"
    assert said(words.record(one), one) == f"The record does not say: {left}."


@pytest.mark.parametrize(
    ("age", "band"),
    [(17, "under 18"), (18, "18–24"), (24, "18–24"), (64, "55–64"), (65, "65 and over")],
)
def test_an_age_lies_in_the_band_whose_bounds_hold_it(age, band):
    assert card.age_band(age, card.AGE_BANDS) == band


def test_a_birthday_later_in_the_year_has_not_come_yet(open_card):
    day_after = RECORDS.with_columns(birthday=pl.lit(date(1989, 7, 1)))
    assert dict(card.described(open_card("KH1", SHOP | {"profiles": day_after})).rows())["age"] == (
        "25–34"
    )
    same_day = RECORDS.with_columns(birthday=pl.lit(date(1989, 6, 30)))
    assert dict(card.described(open_card("KH1", SHOP | {"profiles": same_day})).rows())["age"] == (
        "35–44"
    )


def test_classes_stand_beside_those_of_last_month(open_card):
    assert card.classes(open_card("KH1", SHOP)).rows() == [
        ("cluster", "loyal", "occasional", "x"),
        ("rfm", "champions", None, "x"),
    ]


def test_classes_of_a_newer_month_carry_their_rule_and_who_set_them(open_card):
    one = open_card("KH1", SHOP)
    newer = CLASSES.with_columns(
        rule=pl.lit("bought four times or more"), by_hand=pl.col("axis") == "rfm"
    )
    one.tables["segments"] = newer
    assert card.classes(one).rows() == [
        ("cluster", "loyal", "occasional", "bought four times or more"),
        ("rfm", "champions", None, "set by hand"),
    ]


def test_the_timeline_holds_every_purchase_and_complaint_up_to_the_end_of_the_month(open_card):
    one = open_card("KH1", SHOP)
    events = timeline.events(one)
    bought = events.filter(pl.col("event") == "purchase")
    assert bought.select("day", "detail", "amount").rows() == [
        (date.fromisoformat(day), "web", amount) for day, amount in KH1.items()
    ]
    complaints = events.filter("complaint").select("day", "detail", "open").rows()
    assert complaints == [
        (date(2024, 2, 1), "complaint: product", False),
        (date(2024, 6, 1), "complaint: product", True),
        (date(2024, 6, 30), "complaint: product", True),
    ]
    assert timeline.latest(events).head(2).rows() == [
        (date(2024, 6, 30), "complaint: product (open)", None),
        (date(2024, 6, 30), "contact, social media", None),
    ]
    assert figures.timeline(events, one.as_of).alt == (
        "Timeline from 2023-07-01 to 2024-06-30: 4 purchases, 3 contacts, 4 times feedback, of it 3 "
        "complaints (2 still open)."
    )


def test_open_complaints_come_first_the_oldest_on_top(open_card):
    one = open_card("KH1", SHOP)
    assert service.open_complaints(one).rows() == [
        ("F2", date(2024, 6, 1), "product"),
        ("F3", date(2024, 6, 30), "product"),
    ]
    assert said(words.complaints(one), one) == "Open complaints: 2, the oldest since 2024-06-01."
    assert words.next_step(one, card.strategies(one)) == {"key": "card.complaint_first"}


def test_where_no_source_says_when_complaints_closed_none_is_called_open(open_card):
    never = FEEDBACK.with_columns(closed_at=pl.lit(None, pl.Datetime("us")))
    one = open_card("KH1", SHOP | {"feedback": never})
    assert service.open_complaints(one).is_empty()
    assert words.complaints(one) == {"key": "card.cannot_tell_open", "complaints": 3}


def test_contacts_are_counted_by_channel(open_card):
    one = open_card("KH1", SHOP)
    assert service.contacts(one).rows() == [
        ("phone", 2, 1, date(2023, 7, 2)),
        ("social media", 1, 1, date(2024, 6, 30)),
    ]
    told = said(words.last_contact(one), one)
    assert told == "The last contact was on 2024-06-30; channel: social media."


def test_habits_stand_beside_those_of_all_customers(open_card):
    assert habits.habits(open_card("KH1", SHOP)).rows() == [
        ("spend per purchase", "25.00 EUR", "100.00 EUR"),
        ("days between purchases", "14", "14"),
        ("lines per order", "1.50", "1.25"),
        ("lines below list price", "33.3%", "16.7%"),
        ("weekday", "Monday (3 of 4)", "66.7%"),
        ("time of day", "evening (4 of 4)", "100.0%"),
        ("channel", "web (4 of 4)", "100.0%"),
    ]


def test_money_goes_to_categories_of_trusted_orders_without_postage(open_card):
    liked = habits.favourites(open_card("KH1", SHOP))
    assert liked.with_columns(pl.selectors.float().round(4)).rows() == [
        ("home", 36.0, 0.9, 0.36),
        ("food", 4.0, 0.1, 0.64),
    ]


def test_orders_at_midnight_show_no_time_of_day(open_card):
    dated = BOUGHT["orders"].with_columns(pl.col("ordered_at").dt.truncate("1d"))
    shown = habits.habits(open_card("KH1", SHOP | {"orders": dated}))["habit"].to_list()
    assert "time of day" not in shown
    assert "weekday" in shown


def test_value_is_told_with_its_share_place_and_margin(open_card):
    clv = table(
        "clv",
        {
            "customer_id": "KH1",
            "horizon_days": 365,
            "expected_purchases": 2.0,
            "expected_spend_per_purchase": 20.0,
            "probability_active": 0.5,
            "probability_alive": 0.6,
            "clv_revenue": 40.0,
            "clv": 38.5,
            "clv_low": 0.0,
            "clv_high": 90.0,
            "potential": "grow",
        },
    )
    one = open_card("KH1", SHOP | {"clv": clv})
    assert dict(value.figures(one).rows()) == {
        "spend to date": "100.00 EUR",
        "place by spend to date": "2 of 3",
        "spend of the last 365 days": "100.00 EUR",
        "share of all spend of these days": "50.00%",
        "margin of order lines to date": "20.00 EUR",
        "share of these lines whose cost is known": "90.0%",
        "expected value over the horizon": "38.50 EUR",
        "nine outcomes of ten": "0.00 to 90.00",
        "purchases expected": "2",
        "expected per purchase": "20.00 EUR",
        "potential": "grow: low past, high future",
    }


def test_the_chance_of_no_purchase_is_told_with_its_signs(open_card):
    signs = ["pause_beyond_own_rhythm", "silent_for_long", None]
    rows = [("KH1", 0.9, signs), ("KH2", 0.95, [None] * 3), ("KH3", 0.1, [None] * 3)]
    churn = table(
        "churn",
        *(
            {
                "customer_id": who,
                "horizon_days": 90,
                "idle_days": 1,
                "probability_no_purchase": chance,
                "value_at_stake": 12.5,
                "expected_profit": 0.25,
                "method": "idle_time",
                **{f"reason_{place}": reason for place, reason in enumerate(reasons, 1)},
            }
            for who, chance, reasons in rows
        ),
    )
    one = open_card("KH1", SHOP | {"churn": churn})
    assert said(words.chance(one), one) == (
        "Chance of no purchase in the next 90 days: 90.0%, higher than for 33.3% of all customers. "
        "Value at stake: 12.50 EUR. What speaks for leaving: pause over twice their "
        "own gap; silent longer than the window."
    )
    low = open_card("KH3", SHOP | {"churn": churn})
    assert "10.0%, lower than for 66.7%" in said(words.chance(low), low)
    assert "Nothing makes this customer likelier to leave" in said(words.chance(low), low)


def test_a_customer_without_a_second_order_has_no_rhythm(open_card):
    one = open_card("KH2", SHOP)
    assert said(words.headline(one), one) == (
        "One purchase, worth 500.00 EUR, on 2023-05-01. Days of silence by the end of June 2024: 426."
    )
    assert said(words.rhythm(one), one).startswith("Fewer than 3 purchases")
    shown = {habit: own for habit, own, _ in habits.habits(one).rows()}
    assert shown == {
        "spend per purchase": "500.00 EUR",
        "lines per order": "1",
        "lines below list price": "0.0%",
    }
    assert said(words.worth(one), one) == "This customer spent nothing in the last 365 days."
    assert words.record(one) == {"key": "card.no_record"}


def test_a_prospect_has_a_card_without_a_purchase(open_card):
    one = open_card("KH9", SHOP)
    events = timeline.events(one)
    assert said(words.headline(one), one) == (
        "No purchase by the end of June 2024. On record since 2024-05-05."
    )
    assert words.rhythm(one) == {"key": "card.no_habits"}
    assert words.worth(one) == {"key": "card.no_value"}
    assert words.chance(one) == {"key": "card.no_chance"}
    assert words.agreement(one, events) == {"key": "card.agrees_none"}
    for shown in (habits.habits(one), habits.favourites(one), value.figures(one), events):
        assert shown.is_empty()
    assert repr(figures.timeline(events, one.as_of)) == label("card.nothing_happened")


def test_orders_that_were_all_refunded_are_no_purchase(open_card):
    gone = {name: BOUGHT[name].filter(pl.col("customer_id") != "KH3") for name in BOUGHT}
    one = open_card("KH3", SHOP | gone | {"orders": BOUGHT["orders"]})
    assert words.headline(one)["key"] == "card.headline_refunded"


def test_a_month_of_orders_alone_says_in_one_line_each_what_is_not_known(open_card):
    one = open_card("KH1", BOUGHT)
    nodes, edges = one.ego()
    assert [
        words.record(one)["key"],
        words.favourite(one)["key"],
        words.complaints(one)["key"],
        words.last_contact(one)["key"],
        words.chance(one)["key"],
        words.related(one, nodes)["key"],
        words.next_step(one, card.strategies(one))["key"],
    ] == [
        "card.no_records",
        "card.no_lines",
        "card.no_feedback_source",
        "card.no_contact_source",
        "card.no_chance",
        "relations.no_source",
        "card.no_strategy",
    ]
    assert edges.is_empty()


def test_tables_that_contradict_each_other_are_not_shown_as_agreeing(open_card):
    one = open_card("KH1", SHOP)
    events = timeline.events(one)
    assert words.agreement(one, events)["purchases"] == 4
    with pytest.raises(ValueError, match=r"3 purchases worth 90\.0, the table of customers 4"):
        words.agreement(one, events.filter(pl.col("amount").ne_missing(10.0)))


def test_ids_of_relations_are_hidden_where_ids_are(open_card):
    relations = table("relations", {"from_id": "KH1", "to_id": "KH2", "kind": "referral"})
    one = open_card("KH1", SHOP | {"relations": relations}, "[privacy]\nhash_ids = true")
    nodes, edges = one.ego()
    shown = {*nodes["customer_id"], *edges["source"], *edges["target"]}
    assert shown == {one.ids.shown_one("KH1"), one.ids.shown_one("KH2")}
    assert all(len(one) == 10 for one in shown)


def test_a_planned_strategy_is_told_for_the_classes_that_the_customer_is_in(open_card):
    from types import SimpleNamespace

    plan = {"owner": "account manager", "kpi": "second order"}
    plans = [
        SimpleNamespace(axis="cluster", class_="loyal", actions=["thank", "ask"], **plan),
        SimpleNamespace(axis="rfm", class_="lost", actions=["let go"], owner=None, kpi=None),
    ]
    one = open_card("KH1", SHOP)
    settings = SimpleNamespace(strategies=plans)
    planned = card.strategies(card.Card("KH1", one.ids, settings, one.as_of, one.tables))
    assert planned.rows() == [
        ("loyal", "thank", "account manager", "second order"),
        ("loyal", "ask", "account manager", "second order"),
    ]


def test_an_unpublished_month_and_an_unknown_customer_are_told(publish_month):
    publish_month(SHOP)
    month = analysis.open_month("config/shop.toml", "2024-06")
    with pytest.raises(analysis.UserError, match="nearest ids are: KH1"):
        card.open_card(month, "KH12")
    with pytest.raises(analysis.UserError, match="analysis run 2024-05"):
        card.open_card(analysis.open_month("config/shop.toml", "2024-05"), "KH1")


def test_every_table_that_the_card_reads_has_a_contract():
    assert set(card.READS) <= set(tables.CONTRACTS)


VOICE = {
    "surveys": table(
        "surveys",
        *(
            {"customer_id": "KH1", "at": at, "item": "NPS", "score": score, "scale_max": 10.0}
            for at, score in [
                (datetime(2023, 5, 1), 9.0),
                (datetime(2024, 5, 1), 4.0),
                (datetime(2024, 7, 1), 10.0),  # after the month
            ]
        ),
    ),
    "feedback_texts": table(
        "feedback_texts",
        {
            "table": "feedback",
            "customer_id": "KH1",
            "day": date(2024, 6, 1),
            "language": "en",
            "theme": "delivery",
            "tone": -0.5,
            "tone_label": "negative",
        },
    ),
    "preferred_channels": table(
        "preferred_channels",
        {
            "customer_id": "KH1",
            "class": "champions",
            "preferred_channel": "sms",
            "rate": 0.4,
            "contacts": 2,
        },
    ),
}


def test_it_tells_the_last_score_the_last_words_and_the_likeliest_channel(open_card):
    one = open_card("KH1", SHOP | VOICE)
    lines = [said(sentence, one) for sentence in words.voice(one)]
    assert lines[0] == "Last answer of “NPS”, on 2024-05-01: 4 of 10."
    assert "2024-06-01, sounds negative; its theme: delivery" in lines[1]
    assert "text message" in lines[2]
    assert "40.0%" in lines[2]


def test_it_says_where_no_survey_or_no_score_is_known(open_card):
    assert [one["key"] for one in words.voice(open_card("KH1", SHOP))] == ["card.no_survey_source"]
    assert [one["key"] for one in words.voice(open_card("KH2", SHOP | VOICE))] == ["card.no_score"]


def plan_of(**fields) -> dict:
    row = {"customer_id": "KH1", "rank": 1, "action": "retention", "cost": 1.0, "stratum": "x"}
    return {"action_plan": table("action_plan", row | {"campaign": "2024-06-retention"} | fields)}


def test_it_tells_the_planned_action_with_its_reasons(open_card):
    one = open_card("KH1", SHOP | plan_of(arm="treat", reason_1="open_complaint"))
    assert said(words.planned_action(one)[0], one) == (
        "Planned for next month: Retention. Reasons: open complaint."
    )


def test_a_month_without_a_plan_says_nothing_of_it(open_card):
    assert words.planned_action(open_card("KH1", SHOP)) == []


def test_whom_the_draw_leaves_alone_gets_no_action_and_others_neither(open_card):
    one = open_card("KH1", SHOP | plan_of(arm="control"))
    assert words.planned_action(one) == [{"key": "card.action_control"}]
    two = open_card("KH2", SHOP | plan_of(arm="control"))
    assert words.planned_action(two) == [{"key": "card.no_action"}]


def test_it_shows_the_first_products_of_each_list(open_card):
    rows = [
        {
            "customer_id": "KH1",
            "list": name,
            "rank": rank,
            "product_id": f"P{rank}",
            "times": 0,
            "score": 1.0,
            "why": "popular",
        }
        for name in ("try_next", "due_again")
        for rank in range(1, 6)
    ]
    one = open_card("KH1", SHOP | {"offers": table("offers", *rows)})
    found = card.offers(one)
    assert found["list"].to_list() == ["due again"] * 3 + ["try next"] * 3
    assert found["product"].to_list() == ["P1", "P2", "P3"] * 2
    assert card.offers(open_card("KH2", SHOP)).is_empty()
