"""Clusters: as many as the data bear, a verdict that is earned, and the same whatever the rows' order."""

import warnings

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from analysis.segment import cluster_model, cluster_tests, clusters
from analysis.segment.cluster_model import Candidate, ClusterModel, Reference, Scale

BASIC = clusters.BASIC


def frame(points: np.ndarray, names: list[str] = BASIC) -> pl.DataFrame:
    """Features of customers c0000, c0001, …"""
    ids = [f"c{row:04d}" for row in range(len(points))]
    return pl.DataFrame(points, schema=names, orient="row").select(
        pl.Series("customer_id", ids, dtype=pl.String), *names
    )


def blobs(centres: list[tuple], size: int, seed: int = 0, spread: float = 0.4) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.vstack([np.array(one) + random.normal(0, spread, (size, 3)) for one in centres])


FOUR = [(1, 2, 3), (1, 5, 6), (3, 2, 6), (3, 5, 3)]
TWO_PAIRS = [(0, 0, 0), (0, 3, 0), (30, 0, 30), (30, 3, 30)]


def shop(customers: int, seed: int = 0, **columns: list) -> pl.DataFrame:
    """Facts of a made-up shop with ties, as real ones have them."""
    random = np.random.default_rng(seed)
    purchases = random.geometric(0.35, customers)
    return pl.DataFrame(
        {
            "customer_id": [f"c{row:04d}" for row in range(customers)],
            "frequency": purchases - 1,
            "purchases": purchases,
            "idle_days": random.integers(0, 300, customers).astype(float),
            "mean_spend": random.lognormal(4, 0.6, customers).round(),
            **columns,
        }
    )


def model_of_two(**changes) -> ClusterModel:
    """Two clusters on two features: at mean 10 and standard deviation 5, centres at -1 and 1."""
    two = (0.0, 0.0)
    found = Candidate(
        k=2,
        silhouette=0.7,
        null_mean=0.3,
        p=0.01,
        draws=99,
        between=0.1,
        least_jaccard=0.9,
        smallest_share=0.4,
        validity=None,
    )
    parts = {
        "features": ("a", "b"),
        "scale": Scale(lowest=two, highest=(20.0, 20.0), means=(10.0, 10.0), deviations=(5.0, 5.0)),
        "centres": ((1.0, 1.0), (-1.0, -1.0)),
        "names": ("high", "low"),
        "tested": (found,),
        "verdict": "natural",
        "mixture_agreement": 1.0,
        "reference": Reference(edges=((), ()), bins=((1.0,), (1.0,)), classes=(0.5, 0.5)),
        "rows": 100,
    }
    return ClusterModel(**parts | changes)


class TestFeatures:
    def test_they_are_logs_and_shares_of_repeat_buyers(self):
        facts = pl.DataFrame(
            {
                "customer_id": ["b", "a", "once", "c"],
                "frequency": [3, 1, 0, 1],
                "purchases": [4, 2, 1, 2],
                "idle_days": [9.0, 0.0, 50.0, 99.0],
                "mean_spend": [99.0, 0.0, 10.0, -5.0],
                "discount_share": [0.5, 0.0, 1.0, 0.25],
                "complaints_365": [1, 0, 7, 0],
                "channel": ["shop", "web", "shop", "web"],
            }
        )
        expected = pl.DataFrame(
            {
                "customer_id": ["a", "c", "b"],
                "log_purchases": [np.log(2), np.log(2), np.log(4)],
                "log_idle_days": [0.0, np.log(100), np.log(10)],
                "log_mean_spend": [0.0, 0.0, np.log(100)],
                "discount_share": [0.0, 0.25, 0.5],
                "log_complaints": [0.0, 0.0, np.log(2)],
                "usual_channel": [1.0, 1.0, 0.0],
            }
        )
        assert_frame_equal(clusters.cluster_features(facts), expected, abs_tol=1e-8)

    def test_what_is_known_of_few_or_does_not_vary_is_left_out_and_gaps_are_the_median(self):
        facts = shop(
            200,
            discount_share=[None if row % 5 == 0 else row / 200 for row in range(200)],
            service_share=[0.0] * 200,
            main_category_share=[None if row % 20 == 0 else row / 200 for row in range(200)],
            complaints_365=pl.Series([None] * 200, dtype=pl.Int64),
        )
        features = clusters.cluster_features(facts)
        assert features.columns == ["customer_id", *BASIC, "main_category_share"]
        repeat = facts.filter(pl.col("frequency") > 0)
        unknown = repeat.filter(pl.col("main_category_share").is_null())["customer_id"]
        filled = features.filter(pl.col("customer_id").is_in(unknown.implode()))
        assert filled["main_category_share"].unique().to_list() == pytest.approx(
            [repeat["main_category_share"].median()]
        )

    def test_a_base_without_repeat_buyers_has_none(self):
        facts = shop(5, channel=["web"] * 5).with_columns(frequency=pl.lit(0))
        assert clusters.cluster_features(facts).height == 0


class TestVerdict:
    def test_four_separated_blobs_are_four_natural_clusters(self):
        features = frame(blobs(FOUR, 60))
        model = clusters.fit(features, seed=1)
        assert (len(model.names), model.verdict) == (4, "natural")
        found = clusters.predict(model, features)["class"]
        assert adjusted_rand_score(found, np.repeat(range(4), 60)) == 1
        assert model.reference.classes == (0.25, 0.25, 0.25, 0.25)
        assert model.mixture_agreement == 1

    def test_one_gaussian_is_hardly_ever_called_natural(self):
        natural = 0
        for seed in range(100):
            cloud = np.random.default_rng(seed).normal(size=(110, 3))
            natural += clusters.fit(frame(cloud), seed).verdict == "natural"
        assert natural <= 5

    @pytest.mark.parametrize("shape", ["exponential", "lognormal", "uniform"])
    def test_a_shapeless_cloud_of_another_form_is_not_natural(self, shape):
        cloud = getattr(np.random.default_rng(1), shape)(size=(900, 3))
        model = clusters.fit(frame(cloud), seed=1)
        assert max(one.silhouette - one.null_mean for one in model.tested) > 0.05
        assert not any(one.natural for one in model.tested)

    def test_raw_scales_with_outliers_give_no_sliver(self):
        facts = shop(1_200, seed=2).with_columns(
            mean_spend=pl.when(pl.int_range(pl.len()) % 200 == 0)
            .then(2e6)
            .otherwise(pl.col("mean_spend"))
        )
        repeat = facts.filter(pl.col("frequency") > 0)
        raw = repeat.select("purchases", "idle_days", "mean_spend").to_numpy()
        naive = KMeans(2, n_init=10, random_state=1).fit(raw / raw.std(axis=0))
        assert np.bincount(naive.labels_).min() < 0.01 * len(raw)
        for columns in (
            clusters.cluster_features(facts),
            frame(raw, ["purchases", "idle_days", "mean_spend"]),
        ):
            model = clusters.fit(columns, seed=1)
            shares = clusters.predict(model, columns)["class"].value_counts(normalize=True)
            assert shares["proportion"].min() >= 0.03

    def test_clusters_that_pass_no_check_are_constructed_and_the_most_stable_number(
        self, monkeypatch
    ):
        monkeypatch.setattr(cluster_model, "LEAST_JACCARD", 1.01)
        model = clusters.fit(frame(blobs(FOUR, 30)), seed=1)
        assert model.verdict == "constructed"
        assert model.kept.least_jaccard == max(one.least_jaccard for one in model.tested)

    @pytest.mark.parametrize("rows", [0, 1, 20])
    def test_few_rows_give_no_model(self, rows):
        cloud = np.random.default_rng(1).normal(size=(rows, 3))
        assert clusters.fit(frame(cloud), seed=1) is None

    def test_rows_that_are_nearly_all_alike_give_no_warning_and_no_sliver(self):
        points = np.zeros((140, 3))
        points[:20] = np.arange(60).reshape(20, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = clusters.fit(frame(points), seed=1)
        assert model is None or min(model.reference.classes) >= 0.03

    def test_identical_rows_give_no_model(self):
        assert clusters.fit(frame(np.ones((500, 3))), seed=1) is None


class TestNumber:
    def test_without_a_next_period_the_largest_that_passes_is_kept(self):
        cloud = np.random.default_rng(1).normal(size=(900, 3)) * [1, 2, 4]
        stretched = cloud @ [[1, 0.9, 0.9], [0, 1, 0.5], [0, 0, 1]]
        model = clusters.fit(frame(stretched), seed=1)
        passing = [one.k for one in model.tested if one.passes]
        assert len(passing) > 1
        assert len(model.names) == passing[-1]

    def test_natural_clusters_are_not_cut_further_even_where_the_cut_is_stable_enough(self):
        flat = [(0, 0, 0), (0, 3, 0), (30, 0, 0), (30, 3, 0)]  # the third feature tells nothing
        model = clusters.fit(frame(blobs(flat, 50, spread=0.3)), seed=1)
        assert [one.k for one in model.tested if one.passes] == [4, 5]
        assert len(model.names) == 4

    def test_the_next_period_decides_where_there_is_one(self):
        features = frame(blobs(TWO_PAIRS, 30, spread=0.3))
        random = np.random.default_rng(5)
        by_pair = pl.Series("revenue", np.repeat([100, 0], 60) + random.uniform(0, 60, 120))
        by_blob = pl.Series(
            "revenue", np.repeat([10, 1000, 10, 1000], 30) * random.uniform(0.9, 1.1, 120)
        )
        kept = [
            clusters.fit(features, 1, features.select("customer_id", revenue)).kept
            for revenue in (by_pair, by_blob)
        ]
        assert [one.k for one in kept] == [2, 4]
        assert kept[1].validity == pytest.approx(1, abs=0.01)

    def test_the_next_period_is_told_from_the_features_at_its_beginning(self):
        features = frame(blobs(TWO_PAIRS, 30, spread=0.3))
        elsewhere = features["customer_id"].sample(fraction=1, shuffle=True, seed=1)
        at_cut_off = features.with_columns(customer_id=elsewhere)
        revenue = pl.Series("revenue", np.repeat([1, 10, 100, 1000], 30))
        outcomes = at_cut_off.select("customer_id", revenue)
        now = clusters.fit(features, 1, outcomes).kept
        then = clusters.fit(features, 1, outcomes, at_cut_off=at_cut_off).kept
        assert now.validity < 0.1
        assert then.validity == pytest.approx(1)

    def test_outcomes_that_do_not_vary_count_as_none(self):
        features = frame(blobs(FOUR, 30))
        outcomes = features.select("customer_id", revenue=pl.lit(0.0))
        assert clusters.fit(features, 1, outcomes).kept.validity is None


class TestSameNumbers:
    def test_shuffled_rows_change_no_label(self):
        facts = shop(170, channel=["web", "shop"] * 85)
        outcomes = facts.select("customer_id", revenue=pl.col("purchases") * 1.0)
        features = clusters.cluster_features(facts)
        first = clusters.fit(features, 1, outcomes)
        labels = clusters.predict(first, features)
        for seed in range(20):
            mixed = facts.sample(fraction=1, shuffle=True, seed=seed)
            again = clusters.fit(clusters.cluster_features(mixed), 1, outcomes)
            assert again == first
            assert_frame_equal(clusters.predict(again, clusters.cluster_features(mixed)), labels)
        assert clusters.fit(features.sample(fraction=1, shuffle=True, seed=1), 1, outcomes) == first

    def test_other_ids_change_no_label(self):
        facts = shop(170)
        outcomes = facts.select("customer_id", revenue=pl.col("purchases") * 1.0)
        first = clusters.fit(clusters.cluster_features(facts), 1, outcomes)
        new_ids = {f"c{row:04d}": f"x{(row * 77) % 170:03d}" for row in range(170)}
        other = pl.col("customer_id").replace_strict(new_ids)
        renamed = clusters.cluster_features(facts.with_columns(other))
        again = clusters.fit(renamed, 1, outcomes.with_columns(other))
        assert again == first
        labels = clusters.predict(first, clusters.cluster_features(facts)).with_columns(other)
        assert_frame_equal(
            clusters.predict(again, renamed).sort("customer_id"), labels.sort("customer_id")
        )

    def test_a_model_is_plain_json_and_classes_alike_after_it(self):
        features = frame(blobs(FOUR, 30))
        model = clusters.fit(features, seed=1)
        again = ClusterModel.model_validate_json(model.model_dump_json())
        assert again == model
        assert_frame_equal(clusters.predict(again, features), clusters.predict(model, features))

    def test_names_stand_in_the_order_of_spend_per_customer(self):
        features = frame(blobs(FOUR, 30))
        model = clusters.fit(features, seed=1)
        spend = pl.col("log_purchases").exp() * pl.col("log_mean_spend").exp().sub(1)
        each = features.join(clusters.predict(model, features), on="customer_id")
        means = each.group_by("class").agg(spend=spend.mean()).sort("spend", descending=True)
        assert means["class"].to_list() == list(model.names)

    def test_a_namer_of_ones_own_names_the_clusters(self):
        answers = frame(blobs([(1, 1, 5), (5, 5, 1)], 60), ["price", "speed", "quality"])
        model = clusters.fit(
            answers, 1, namer=lambda names, centres: [f"{names[0]}{len(centres)}"] * 2
        )
        assert model.names == ("price2", "price2")


class TestPredict:
    def test_a_customer_is_in_the_class_of_the_nearest_centre_and_rows_keep_their_order(self):
        features = pl.DataFrame(
            {"b": [14.0, 4.0, 10.0], "customer_id": ["z", "a", "m"], "a": [16.0, 9.0, 10.0]}
        )
        expected = pl.DataFrame({"customer_id": ["z", "a", "m"], "class": ["high", "low", "high"]})
        assert_frame_equal(clusters.predict(model_of_two(), features), expected)

    def test_a_feature_that_is_absent_or_null_counts_as_the_mean(self):
        features = pl.DataFrame({"customer_id": ["x", "y"], "a": [None, 2.0]})
        found = clusters.predict(model_of_two(centres=((0.1, 0.0), (-1.0, 0.0))), features)
        assert found["class"].to_list() == ["high", "low"]

    def test_values_beyond_the_bounds_count_as_the_bounds(self):
        model = model_of_two(centres=((2.0, 0.0), (9.0, 0.0)))
        assert clusters.predict(
            model, pl.DataFrame({"customer_id": ["x"], "a": [1e9], "b": [10.0]})
        )["class"].to_list() == ["high"]

    def test_blocks_of_rows_give_the_same_classes(self, monkeypatch):
        features = frame(np.random.default_rng(1).normal(10, 5, (100, 2)), ["a", "b"])
        whole = clusters.predict(model_of_two(), features)
        monkeypatch.setattr(cluster_model, "PREDICTED_ROWS", 7)
        assert_frame_equal(clusters.predict(model_of_two(), features), whole)

    def test_no_rows_give_no_classes(self):
        none = frame(np.zeros((0, 2)), ["a", "b"])
        assert clusters.predict(model_of_two(), none).schema == {
            "customer_id": pl.String,
            "class": pl.String,
        }


class TestMeasures:
    def test_jaccard_coefficients_and_shares_by_hand(self):
        first, second = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
        assert cluster_tests.jaccard(first, second, 2, 2).tolist() == [[2 / 3, 1 / 5], [0, 2 / 3]]
        assert cluster_tests.shares_within(first, second, 2, 2).tolist() == [[2 / 3, 1 / 3], [0, 1]]

    def test_validity_is_the_adjusted_share_of_variance_between_classes(self):
        labels, outcome = np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 5.0, 7.0])
        # Total 20 on 3 degrees of freedom, within 4 on 2: 1 - (4 / 2) / (20 / 3).
        assert cluster_tests.validity(labels, outcome) == pytest.approx(0.7)
        assert cluster_tests.validity(labels, np.ones(4)) == 0

    def test_silhouettes_agree_with_the_textbook_form(self):
        points = blobs(FOUR, 20, spread=1.5)
        labels = [np.repeat(range(4), 20), np.arange(80) % 3]
        expected = [silhouette_score(points, one) for one in labels]
        assert cluster_tests.silhouettes(points, labels) == pytest.approx(expected)

    def test_a_cluster_cut_through_a_blob_is_unstable_and_a_blob_is_stable(self):
        points = blobs([(0, 0, 0), (9, 0, 0)], 80)
        two = cluster_tests.nearest(points, cluster_tests.k_means(points, 2, 1))
        three = cluster_tests.nearest(points, cluster_tests.k_means(points, 3, 1))
        assert cluster_tests.least_jaccard(points, two, 2, 1) == 1
        assert cluster_tests.least_jaccard(points, three, 3, 1) < 0.75

    def test_customers_between_clusters_by_hand(self):
        # Centres 0 and 6: midway is 2 to 4, about a centre is within 1 of it.
        points = np.array([[0.0], [0.5], [0.9], [2.5], [3.5], [5.5], [6.0]])
        labels = np.array([0, 0, 0, 0, 1, 1, 1])
        assert cluster_tests.between(points, labels, np.array([[0.0], [6.0]])) == 2 / 2

    def test_draws_stop_as_soon_as_nothing_can_be_natural(self):
        points = blobs(FOUR, 40)
        labels = {4: cluster_tests.nearest(points, cluster_tests.k_means(points, 4, 1))}
        cut = {4: np.arange(160) % 4}  # labels at random are beaten by any draw
        draws = [
            cluster_tests.against_null(points, labels, 1, [True]).draws,
            cluster_tests.against_null(points, labels, 1, [False]).draws,
            cluster_tests.against_null(points, cut, 1, [True]).draws,
        ]
        assert draws == [cluster_tests.NULL_DRAWS] + 2 * [cluster_tests.FIRST_DRAWS]

    def test_a_feature_that_does_not_vary_is_in_nobodys_way(self):
        scale = Scale.of(np.column_stack([np.full(100, 0.1), np.arange(100.0)]))
        assert scale.deviations[0] == 1
        assert scale.standardised(np.array([[0.1, 0.0], [0.3, 0.0]]))[:, 0].tolist() == [0, 0]

    def test_a_feature_of_two_values_counts_half(self):
        scale = Scale.of(np.column_stack([np.arange(100.0), np.arange(100) % 2]))
        standard = scale.standardised(np.array([[49.5, 0.0], [49.5, 1.0]]))
        assert standard[1, 1] - standard[0, 1] == pytest.approx(np.sqrt(2))
        assert standard[0, 0] == pytest.approx(0, abs=1e-9)
