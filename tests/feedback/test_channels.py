"""Channels, coverage and contacts that are due, on tables worked by hand and on the shop."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from analysis.feedback import channels, service_figures, service_words
from analysis.feedback.contacts import contacts
from analysis.run.sections import CONTACT_EVERY_DAYS, Service

AS_OF, RULES = date(2024, 6, 30), Service()
TIMES = ("sent_at", "opened_at", "clicked_at", "converted_at")
RESPONSES = dict.fromkeys(("campaign_id", "customer_id", "assigned_group"), pl.String)
RESPONSES |= dict.fromkeys(TIMES, pl.Datetime("us"))
TALKS = {"customer_id": pl.String, "at": pl.Datetime("us"), "channel": pl.String}
TALKS |= {"direction": pl.String}
CAMPAIGNS = pl.DataFrame({"campaign_id": ["1", "2"], "channel": ["短信", "Billboard"]})


def on(month: int, day: int) -> datetime:
    return datetime(2024, month, day, 12)


def sent(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(
        [row + (None,) * (7 - len(row)) for row in rows], schema=RESPONSES, orient="row"
    )


def talks(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TALKS, orient="row")


def of_class(**classes: str) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": list(classes), "class": list(classes.values())})


def test_answers_to_messages_and_contacts():
    responses = sent(
        ("1", "a", "treat", on(3, 1), on(3, 2)),
        ("1", "b", "treat", on(3, 1), on(7, 2)),  # opened after as_of
        ("1", "c", "control"),
        ("2", "a", "treat", on(6, 25), on(6, 25)),  # too recent to count
        ("1", "d", "treat", on(7, 1)),
    )
    said = talks(
        ("a", on(5, 1), "phone", "out"),
        ("a", on(5, 10), "phone", "in"),
        ("b", on(5, 1), "phone", "out"),
        ("b", on(5, 20), "phone", "in"),  # more than 14 days
        ("c", on(5, 1), "phone", "out"),
        ("c", on(5, 2), "email", "in"),  # another channel
        ("d", on(5, 1), "phone", None),
    )
    found = contacts(responses, CAMPAIGNS, said, AS_OF)
    assert found.select("customer_id", "channel", "answered").filter(~found["inbound"]).rows() == [
        ("a", "sms", True),
        ("b", "sms", False),
        ("a", "phone", True),
        ("b", "phone", False),
        ("c", "phone", False),
        ("d", "phone", None),
        ("a", "billboard", None),
    ]
    assert found["inbound"].sum() == 3


def test_moments_and_shrinkage_by_hand():
    # Shares 80 and 20 of 100: mean .5; between (2 * 100 * .09 - .25) / (200 - 100) = .1775.
    mean, strength = channels.moments(np.array([80.0, 20.0]), np.array([100.0, 100.0]))
    assert (mean, strength) == (
        0.5,
        pytest.approx(0.25 / 0.1775 - 1, abs=1e-9) if 0.25 / 0.1775 - 1 > 1 else 1,
    )
    # No more scatter than chance: all trials together.
    assert channels.moments(np.array([50.0, 50.0]), np.array([100.0, 100.0])) == (0.5, 200)
    assert channels.moments(np.array([0.0]), np.array([3.0])) == (0, 3)


def answered(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """Customer, channel, how many answered, of how many."""
    full = [
        (who, channel, on(1, 5), "campaign", False, n < k)
        for who, channel, k, of in rows
        for n in range(of)
    ]
    schema = ["customer_id", "channel", "at", "source", "inbound", "answered"]
    return pl.DataFrame(full, schema=schema, orient="row")


def test_small_classes_are_drawn_towards_all():
    said = answered(("a", "sms", 60, 100), ("b", "sms", 40, 100), ("c", "sms", 2, 2))
    found = channels.by_class(said, of_class(a="new", b="lost", c="loyal"))
    rate = dict(found.select("class", "rate").rows())
    assert 0.4 < rate["lost"] < 0.5 < rate["new"] < 0.6
    assert 0.5 < rate["loyal"] < 0.7  # and not 1
    assert (found["low"] < found["rate"]).all() and (found["rate"] < found["high"]).all()
    assert service_figures.answers(found).alt.startswith("Share answered")


def test_preferred_channel_and_how_sure():
    said = answered(
        ("a", "sms", 45, 50), ("a", "email", 5, 50), ("b", "sms", 10, 50), ("b", "email", 40, 50)
    )
    who = of_class(a="new", b="new", c="new")
    found = channels.preferred(said, who, channels.by_class(said, who))
    assert found["customer_id"].to_list() == ["a", "b", "c"]
    assert found["preferred_channel"].to_list()[:2] == ["sms", "email"]
    assert found["sure"][0] > 0.99 and found["sure"][1] > 0.99
    assert 0.5 <= found["sure"][2] < 0.9
    assert found["contacts"].to_list() == [100, 100, 0]
    one = channels.preferred(said.filter(channel="sms"), who, channels.by_class(said, who))
    assert one["sure"].null_count() == 3 and one["next_channel"].null_count() == 3


def test_coverage_and_too_many_contacts():
    often = [("a", on(6, day), "phone", "out") for day in range(10, 15)]
    said = talks(*often, ("b", on(5, 1), "phone", None), ("c", on(6, 1), "phone", "in"))
    said = pl.concat([said, talks(("d", on(1, 1), "phone", "out"))])
    found = contacts(sent(), CAMPAIGNS, said, AS_OF)
    table = channels.coverage(found, of_class(a="new", b="new", c="new", d="lost"), AS_OF, RULES)
    assert table.select("class", "customers", "contacted", "contacts", "too_often").rows() == [
        ("lost", 1, 0, 0, 0),
        ("new", 3, 2, 6, 1),
    ]
    lax = Service(max_contacts_30_days=5)
    assert channels.coverage(found, of_class(a="new"), AS_OF, lax)["too_often"].to_list() == [0]


def test_who_is_due():
    said = talks(
        ("a", on(6, 1), "phone", "in"),
        ("b", on(6, 20), "phone", "out"),
        ("e", on(7, 1), "sms", "in"),
    )
    who = of_class(a="new", b="new", c="lost", d="something else", e="loyal")
    found = channels.due(contacts(sent(), CAMPAIGNS, said, AS_OF), who, AS_OF, RULES)
    assert found.select("customer_id", "days_since", "every_days", "overdue_days").rows() == [
        ("a", 29, 14, 15),
        ("e", None, 30, None),
        ("c", None, 180, None),
    ]
    never = Service(contact_every_days={"new": 60})
    assert (
        "a"
        not in channels.due(contacts(sent(), CAMPAIGNS, said, AS_OF), who, AS_OF, never)[
            "customer_id"
        ]
    )


def test_settings_name_classes_and_keep_the_rest():
    assert Service(contact_every_days={"new": 7}).contact_every_days == CONTACT_EVERY_DAYS | {
        "new": 7
    }
    for wrong in ({"champion": 3}, {"new": 0}):
        with pytest.raises(ValidationError):
            Service(contact_every_days=wrong)


def test_empty_tables_break_nothing():
    none = contacts(sent(), CAMPAIGNS.clear(), talks(), AS_OF)
    who = of_class(a="new")
    rates = channels.by_class(none, who)
    assert none.is_empty() and rates.is_empty()
    assert channels.preferred(none, who, rates).is_empty()
    assert channels.coverage(none, who, AS_OF, RULES)["share"].to_list() == [0]
    assert channels.coverage(none, who.clear(), AS_OF, RULES).is_empty()
    assert service_words.answers(none, rates) == [{"key": "answer_channel.no_answers"}]
    assert service_words.due(channels.due(none, who.clear(), AS_OF, RULES))["key"].endswith(
        "nobody_due"
    )


def test_channels_of_the_shop(shop_root):
    folder = shop_root / "data" / "processed" / "shop" / "2024-06"
    names = ("responses", "campaigns", "interactions", "segments")
    responses, campaigns, said, segments = (pl.read_parquet(folder / f"{n}.parquet") for n in names)
    found, who = contacts(responses, campaigns, said, AS_OF), channels.classes(segments)
    rates = channels.by_class(found, who)
    assert set(rates["channel"]) == {"sms", "social"}  # the channels of both campaigns
    assert rates["contacts"].sum() == responses["sent_at"].count()
    best = channels.preferred(found, who, rates)
    assert best.height == who.height
    assert best["sure"].is_between(0.5, 1).all()
    again = channels.preferred(found.sample(fraction=1, shuffle=True, seed=1), who, rates)
    assert again.equals(best)
