"""A kept model gives way only when it no longer fits, and its names pass on to the new one."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.segment import clusters, drift
from analysis.segment.cluster_model import ClusterModel, Reference, Scale

AS_IS = Scale(lowest=(-99.0,), highest=(99.0,), means=(0.0,), deviations=(1.0,))
TENTHS = Reference(
    edges=(tuple(float(one) for one in range(1, 10)),), bins=((0.1,) * 10,), classes=(0.5, 0.5)
)


def model(names: list[str], centres: list[float], reference: Reference = TENTHS) -> ClusterModel:
    """Clusters on one feature x, without any scaling."""
    return ClusterModel(
        features=("x",),
        scale=AS_IS,
        centres=[(one,) for one in centres],
        names=names,
        tested=(),
        verdict="reproducible",
        mixture_agreement=0.5,
        reference=reference,
        rows=1000,
    )


def customers(values) -> pl.DataFrame:
    ids = [f"c{row:04d}" for row in range(len(values))]
    return pl.DataFrame({"customer_id": ids, "x": np.asarray(values, dtype=float)})


class TestDrift:
    def test_the_index_is_zero_where_nothing_moved(self):
        now = customers(np.repeat(np.arange(0.5, 10), 100))
        assert drift.drift(model(["a", "b"], [2, 8]), now)["psi"].to_list() == [pytest.approx(0)]

    def test_the_index_by_hand(self):
        # Two tenths: then half and half of 1,000; now 750 and 250.
        halves = Reference(edges=((5.0,),), bins=((0.5, 0.5),), classes=(0.5, 0.5))
        now = customers([1] * 750 + [9] * 250)
        psi = drift.drift(model(["a", "b"], [2, 8], halves), now)["psi"].item()
        assert psi == pytest.approx(0.25 * np.log(3), abs=0.002)

    def test_an_empty_tenth_is_not_infinite(self):
        psi = drift.drift(model(["a", "b"], [2, 8]), customers([0.5] * 1000))["psi"].item()
        assert 1 < psi < 20

    def test_a_feature_that_is_not_known_this_month_has_no_index(self):
        moved = drift.drift(model(["a", "b"], [2, 8]), customers([1, 2]).drop("x"))
        assert moved.rows() == [("x", None)]


class TestRefit:
    uniform = customers(np.linspace(0, 10, 1000))

    def test_the_month_of_the_fit_asks_for_none(self):
        need, key, values = drift.needs_refit(model(["a", "b"], [2.5, 7.5]), self.uniform, 1)
        assert (need, key, values["feature"]) == (False, "clusters.keep_no_drift", "x")
        assert values["psi"] < 0.01

    def test_drift_that_moves_the_clusters_asks_for_one(self):
        moved = self.uniform.with_columns(pl.col("x") * 0.7)
        need, key, values = drift.needs_refit(model(["a", "b"], [2.5, 7.5]), moved, 1)
        assert (need, key) == (True, "clusters.refit_drifted")
        assert values["psi"] > drift.MOST_PSI
        # Values up to 7 are parted at 5, and would be at 3.5: 2 of 3.5 are above either line.
        assert values["agreement"] == pytest.approx(2 / 3.5, abs=0.01)

    def test_drift_that_leaves_the_classes_alone_asks_for_none(self):
        apart = customers([1.0, 1.2] * 400 + [9.0, 9.2] * 100)
        need, key, values = drift.needs_refit(model(["a", "b"], [1.1, 9.1]), apart, 1)
        assert (need, key, values["agreement"]) == (False, "clusters.keep_same_classes", 1)

    def test_a_class_that_has_all_but_emptied_asks_for_one(self):
        need, key, values = drift.needs_refit(
            model(["a", "b"], [5, 40]), customers([5.0] * 995 + [40.0] * 5), 1
        )
        assert (need, key, values) == (
            True,
            "clusters.refit_emptied",
            {"class": "b", "share": 0.005},
        )

    def test_few_customers_are_no_reason(self):
        found = drift.needs_refit(model(["a", "b"], [5, 40]), customers([5.0] * 99), 1)
        assert found == (False, "clusters.keep_few_rows", {"rows": 99})

    def test_a_feature_that_is_not_known_this_month_does_not_stop_the_comparison(self):
        random = np.random.default_rng(1)
        then = customers(random.normal(size=300)).with_columns(y=pl.Series(random.normal(size=300)))
        now = then.with_columns(pl.col("x") + 1).drop("y")
        need, _, values = drift.needs_refit(clusters.fit(then, seed=1), now, seed=1)
        assert (need, values["feature"]) == (True, "x")

    def test_features_that_are_not_known_are_no_reason(self):
        unknown = customers([5.0] * 200).drop("x")
        found = drift.needs_refit(model(["a"], [5]), unknown, 1)
        assert found == (False, "clusters.keep_unknown", {})


def events(old: ClusterModel, new: ClusterModel, rows: int = 30) -> tuple[tuple, list[tuple]]:
    """Names and events where customers stand at 0, 1, 2, …; what matches nothing is `other`."""
    renamed, happened = drift.match(old, new, customers(range(rows)), lambda *_: ["other"])
    return renamed.names, happened.with_columns(pl.col("overlap").round(2)).rows()


class TestMatch:
    def test_a_new_cluster_takes_the_name_of_the_old_one_whose_members_it_has(self):
        old = model(["a", "b", "c"], [5, 15, 25])
        names, happened = events(old, model(["c", "x", "a"], [5, 15, 25]))
        assert names == ("a", "b", "c")
        assert happened == [("survived", one, one, 1.0) for one in "abc"]

    def test_a_split_is_told_with_the_share_of_each_part(self):
        # Old b holds 16 to 29; of the new ones the second holds 12 to 22, the third 23 to 29.
        names, happened = events(model(["a", "b"], [5, 25]), model(["a", "m", "n"], [5, 17, 27]))
        assert names == ("a", "other", "b")
        assert happened == [
            ("survived", "a", "a", 0.75),
            ("survived", "b", "b", 0.5),
            ("split", "b", "other", 0.5),
        ]

    def test_a_merger_is_told_with_the_share_that_was_taken_in(self):
        # Old b holds 13 to 24, c 25 to 29; the second new one holds 14 to 29.
        names, happened = events(model(["a", "b", "c"], [5, 20, 28]), model(["x", "y"], [5, 22]))
        assert names == ("a", "b")
        assert happened == [
            ("survived", "a", "a", 0.93),
            ("survived", "b", "b", 0.65),
            ("merged", "c", "b", 1.0),
        ]

    def test_a_cluster_that_only_grew_much_lives_on_under_another_name(self):
        # Old b holds 40 to 49 of 90, the middle one of the new 29 to 60.
        old, new = (
            model(["a", "b", "c"], [34.5, 44.5, 54.5]),
            model(list("xyz"), [12.5, 44.5, 76.5]),
        )
        names, happened = events(old, new, rows=90)
        assert names == ("a", "other", "c")
        assert happened == [
            ("survived", "a", "a", 0.72),
            ("survived", "b", "other", 0.31),
            ("survived", "c", "c", 0.72),
        ]

    def test_what_disappears_and_what_emerges_is_told(self):
        names, happened = events(model(["a", "gone"], [15, 500]), model(["x", "y"], [15, 900]))
        assert names == ("a", "other")
        assert happened == [
            ("survived", "a", "a", 1.0),
            ("disappeared", "gone", None, None),
            ("emerged", None, "other", None),
        ]

    def test_any_order_of_the_new_clusters_gives_every_customer_the_old_name(self):
        features = customers(np.random.default_rng(4).normal(0, 5, 400))
        old = clusters.fit(features, seed=1)
        order = list(np.random.default_rng(1).permutation(len(old.names)))
        mixed = old.model_copy(
            update={"centres": tuple(old.centres[i] for i in order), "names": old.names}
        )
        renamed, _ = drift.match(old, mixed, features)
        assert_frame_equal(clusters.predict(renamed, features), clusters.predict(old, features))
