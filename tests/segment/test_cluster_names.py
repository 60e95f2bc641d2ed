"""Names of clusters say what is true, each once, and fit the same kind of customer every month."""

import numpy as np
import polars as pl
import pytest

from analysis.segment.cluster_names import (
    DESCRIPTIONS,
    name_attitudes,
    name_clusters,
    names_hold,
)

BASIC = ["log_purchases", "log_idle_days", "log_mean_spend"]
ALL = [*BASIC, "main_category_share", "discount_share", "service_share", "log_complaints"]
ON_BASIC = [name for name, said in DESCRIPTIONS.items() if said.keys() <= set(BASIC)]


def described(names: list[str], features: list[str]) -> np.ndarray:
    return np.array([[DESCRIPTIONS[one].get(feature, 0) for feature in features] for one in names])


def profile(**classes: tuple) -> pl.DataFrame:
    """Class = median purchases, idle days, spend to date."""
    rows = [(name, *medians) for name, medians in classes.items()]
    columns = ["class", "median_purchases", "median_idle_days", "median_spend"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_a_cluster_as_described_gets_its_name_however_the_clusters_are_ordered():
    for names, features in ((ON_BASIC, BASIC), (list(DESCRIPTIONS), ALL)):
        shuffled = list(np.random.default_rng(1).permutation(names))
        assert name_clusters(features, described(shuffled, features)) == shuffled


def test_there_are_more_names_than_clusters_even_on_the_basic_features():
    assert len(ON_BASIC) >= 9


def test_names_of_features_that_are_not_there_are_not_given():
    centres = described(["bargain", "service_buyers"], ALL)[:, :3]
    assert set(name_clusters(BASIC, centres)) <= set(ON_BASIC)


def test_no_name_says_the_opposite_of_its_cluster():
    # Nearest to the description of `quiet_small`, but the purchases are not small.
    centre = np.array([[-0.5, 0.6, 0.3], [-0.5, 0.6, -1.0]])
    assert name_clusters(BASIC, centre, taken=("quiet",))[1] == "quiet_small"
    assert name_clusters(BASIC, centre[:1], taken=("quiet", "quiet_large")) == ["occasional"]


def test_names_that_are_taken_are_not_given_again():
    centres = described(["loyal"], BASIC)
    assert name_clusters(BASIC, centres) == ["loyal"]
    assert name_clusters(BASIC, centres, taken=("loyal",)) == ["loyal_large"]


def test_clusters_beyond_the_names_are_numbered():
    assert name_clusters(["a"], np.zeros((2, 1)), taken=(*DESCRIPTIONS, "group_1")) == [
        "group_2",
        "group_3",
    ]


def test_attitudes_are_named_by_the_item_on_which_a_cluster_stands_highest_above_the_others():
    items = ["心理：价格优先", "心理：看重服务", "心理：重视品质"]
    centres = np.array([[0.9, 0.8, 0.1], [1.0, -0.5, 0.2], [-0.9, 0.1, 0.3]])
    assert name_attitudes(items, centres) == ["看重服务", "价格优先", "重视品质"]


def test_attitudes_in_latin_script_become_stable_keys_each_once():
    items = ["attitude: Price first!", "Price first", "quality"]
    assert name_attitudes(items, np.eye(3)) == [
        "leans_price_first",
        "leans_price_first_2",
        "leans_quality",
    ]
    assert name_attitudes(items[2:], np.ones((2, 1))) == ["leans_quality", "group_1"]
    assert name_attitudes(items, np.eye(3)[2:], taken=("leans_quality",)) != ["leans_quality"]


GOOD = {
    "loyal": (9, 10, 900),
    "quiet_large": (2, 200, 600),
    "occasional": (3, 60, 300),
    "quiet_small": (2, 210, 60),
    "one_time": (1, 400, 50),
}


def test_names_hold_where_the_medians_bear_them_out():
    assert names_hold(profile(**GOOD)) == []


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"loyal": (3, 10, 900)}, ["loyal"]),
        ({"loyal": (9, 70, 900)}, ["loyal"]),
        ({"quiet_small": (2, 50, 60)}, ["quiet_small"]),
        ({"quiet_small": (2, 210, 700)}, ["quiet_large", "quiet_small"]),
        ({"one_time": (10, 5, 9000)}, []),
    ],
    ids=["buys no more", "silent longer", "not quiet", "not smaller", "not a cluster"],
)
def test_names_that_the_medians_belie_are_returned(changed, wrong):
    assert names_hold(profile(**GOOD | changed)) == wrong


def test_claims_about_shares_are_checked_where_the_medians_are_known():
    frame = profile(loyal=(9, 10, 900), bargain=(2, 60, 50))
    assert names_hold(frame) == []
    assert names_hold(frame.with_columns(median_discount_share=pl.Series([0.1, 0.6]))) == []
    assert names_hold(frame.with_columns(median_discount_share=pl.Series([0.6, 0.1]))) == [
        "bargain"
    ]
