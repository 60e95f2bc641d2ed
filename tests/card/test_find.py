"""A customer is found by any id that a system or a report gives it, or told what is near."""

import polars as pl
import pytest
from card.small import profile, purchases, table

from analysis.card import find
from analysis.card.find import Ids
from analysis.run.errors import UserError
from analysis.run.settings import load

BOUGHT = {"2024-01-05": 10.0}


def ids(publish_month, frames, settings=""):
    folder = publish_month(frames, settings)
    return Ids.of(folder, load("config/shop.toml"))


def test_a_merged_record_leads_to_its_person(publish_month):
    frames = purchases(KH1=BOUGHT)
    merged = profile("zcrm_9", person_id="KH1")
    frames["profiles"] = table("profiles", profile("KH1"), merged, profile("KH2"))
    known = ids(publish_month, frames)
    assert [known.person(asked) for asked in ("KH1", "zcrm_9", " KH2 ")] == ["KH1", "KH1", "KH2"]


def test_an_id_of_orders_only_is_known(publish_month):
    frames = purchases(KH1=BOUGHT)
    received = pl.lit("old-1").alias("customer_id_received")
    frames["orders"] = frames["orders"].with_columns(received)
    assert ids(publish_month, frames).person("old-1") == "KH1"


def test_an_unknown_id_is_answered_with_the_nearest(publish_month):
    known = ids(publish_month, purchases(**dict.fromkeys(["KH00162", "KH01162", "ZX900"], BOUGHT)))
    with pytest.raises(UserError, match=r'no customer "KH0162" in shop.*KH00162, KH01162\.'):
        known.person("KH0162")
    for asked in ("?", "", " " * 3, "9" * 1000):
        with pytest.raises(UserError, match=r"look like: KH00162, KH01162, ZX900\."):
            known.person(asked)


@pytest.mark.parametrize(
    ("asked", "first"),
    [("421", "00421"), ("kh7", "KH7"), ("0o421", "00421"), ("KH70", "KH7")],
)
def test_ids_that_differ_in_case_zeros_or_one_sign_are_near(asked, first):
    assert find.nearest(asked, pl.Series(["00421", "KH7", "99999", "KX"]))[0] == first


def test_hidden_ids_are_found_by_their_hash_and_none_is_named(publish_month):
    frames = purchases(KH00162=BOUGHT)
    known = ids(publish_month, frames, "[privacy]\nhash_ids = true")
    shown = known.shown_one("KH00162")
    assert len(shown) == 10
    assert known.person(shown) == known.person("KH00162") == "KH00162"
    with pytest.raises(UserError) as told:
        known.person("KH0016")
    assert "KH00162" not in str(told.value)


def test_one_id_that_looks_like_a_phone_hides_them_all(publish_month):
    known = ids(publish_month, purchases(**{"KH1": BOUGHT, "13800138000": BOUGHT}))
    assert known.hidden
    assert known.shown_one("KH1") != "KH1"


ODD = ["a/b", "a_b", "../../x", "<b>", "a=b", "王伟", "", " ", ".", "x" * 300, "x" * 301, "A~1"]


def test_names_of_pages_are_safe_and_differ_for_different_ids():
    names = [find.file_name(one) for one in ODD]
    assert len(set(names)) == len(ODD)
    assert find.file_name("00421") == "00421.html"
    for name in names:
        assert len(name) < 80
        assert not set(name) & set('/\\:*?"<>|=& ')
        assert not name.startswith(".")
