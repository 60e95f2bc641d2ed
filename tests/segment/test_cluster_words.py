"""What reports say and draw about clusters is chosen by the figures."""

from types import SimpleNamespace

import polars as pl
import pytest
from matplotlib import pyplot

from analysis.labels import label
from analysis.report.show import Prose, Sentence
from analysis.segment import cluster_figures, cluster_words, drift
from analysis.segment.cluster_model import Candidate, ClusterModel, Reference, Scale

SETTINGS = SimpleNamespace(currency="EUR", minor_digits=2)
NO_TENTHS = Reference(edges=((), ()), bins=((1.0,), (1.0,)), classes=(0.4, 0.6))


def candidate(k: int = 2, **changes) -> Candidate:
    found = {
        "silhouette": 0.7,
        "null_mean": 0.3,
        "p": 0.01,
        "draws": 99,
        "between": 0.1,
        "least_jaccard": 0.9,
        "smallest_share": 0.4,
        "validity": None,
    }
    return Candidate(k=k, **found | changes)


def model(verdict: str = "natural", *tested: Candidate, **changes) -> ClusterModel:
    zero, one = (0.0, 0.0), (1.0, 1.0)
    parts = {
        "features": ("log_purchases", "心理：价格优先"),
        "scale": Scale(lowest=zero, highest=one, means=zero, deviations=one),
        "centres": ((1.2, -0.2), (-0.5, 0.45)),
        "names": ("loyal", "价格优先"),
        "tested": tested or (candidate(),),
        "verdict": verdict,
        "mixture_agreement": 0.8,
        "reference": NO_TENTHS,
        "rows": 500,
    }
    return ClusterModel(**parts | changes)


def said(sentence: dict) -> str:
    """The sentence as the report shows it; fails where a value is missing."""
    values = dict(sentence)
    return repr(Prose(values.pop("key"), values, SETTINGS))


class TestVerdict:
    def test_natural_clusters_are_called_so_with_their_figures(self):
        found = said(cluster_words.verdict(model()))
        assert found.startswith("Natural: gaps part the 2 clusters (midway")
        assert "at most 0.1 customers" in found
        assert "0.70, against 0.30" in found

    @pytest.mark.parametrize(
        ("p", "between", "words"),
        [
            (0.05, 1.2, "no gap parts them: midway between two of them there are 1.2 customers"),
            (0.3, 1.2, "may be chance"),
            (0.05, 0.2, "may be chance"),
        ],
    )
    def test_reproducible_clusters_say_what_they_lack(self, p, between, words):
        tested = candidate(p=p, between=between)
        found = said(cluster_words.verdict(model("reproducible", tested)))
        assert found.startswith("Reproducible, not natural")
        assert words in found

    def test_constructed_clusters_are_called_so(self):
        weak = candidate(least_jaccard=0.5)
        assert "coefficient of 0.50" in said(cluster_words.verdict(model("constructed", weak)))

    def test_no_model_is_too_little_data(self):
        for say in (cluster_words.verdict, cluster_words.kept, cluster_words.mixture):
            assert say(None) == {"key": "clusters.too_little"}

    @pytest.mark.parametrize(
        ("verdict", "tested", "key"),
        [
            ("natural", candidate(), "kept_natural"),
            ("reproducible", candidate(silhouette=0.4), "kept_largest"),
            ("reproducible", candidate(validity=0.2), "kept_by_validity"),
            ("constructed", candidate(least_jaccard=0.5), "kept_least_bad"),
        ],
    )
    def test_why_this_number_was_kept(self, verdict, tested, key):
        sentence = cluster_words.kept(model(verdict, tested, candidate(3, least_jaccard=0.6)))
        assert sentence["key"] == f"clusters.{key}"
        assert "2" in said(sentence)

    def test_whether_a_mixture_agrees(self):
        assert "much the same" in said(cluster_words.mixture(model()))
        assert "other lines" in said(cluster_words.mixture(model(mixture_agreement=0.3)))


class TestNames:
    columns = ("class", "median_purchases", "median_idle_days", "median_spend")

    def say(self, *rows: tuple) -> str:
        return said(
            cluster_words.names(pl.DataFrame(rows, schema=list(self.columns), orient="row"))
        )

    def test_names_that_hold_and_names_that_do_not(self):
        assert self.say(("loyal", 9, 5, 90), ("quiet", 2, 99, 20)).startswith("The names fit")
        wrong = self.say(("loyal", 1, 5, 90), ("quiet", 2, 99, 20))
        assert "“Loyal”" in wrong
        assert "“Quiet" not in wrong

    def test_names_that_claim_nothing_are_not_called_true(self):
        assert "no claim" in self.say(("价格优先", 1, 5, 90))
        assert "Too few" in self.say(("too_little_data", 1, 5, 90))


class TestRefit:
    @pytest.mark.parametrize(
        ("decision", "words"),
        [
            ((False, "clusters.keep_few_rows", {"rows": 20}), "20 repeat buyers"),
            ((False, "clusters.keep_unknown", {}), "is known this month"),
            (
                (False, "clusters.keep_no_drift", {"feature": "log_idle_days", "psi": 0.1}),
                "most: days of silence, stability index 0.10; above 0.25",
            ),
            (
                (
                    False,
                    "clusters.keep_same_classes",
                    {"feature": "log_purchases", "psi": 0.3, "agreement": 0.9},
                ),
                "purchases has moved (stability index 0.30, above 0.25)",
            ),
            (
                (True, "clusters.refit_drifted", {"feature": "x_y", "psi": 0.3, "agreement": 0.5}),
                "Jaccard coefficient 0.50, below 0.75",
            ),
            (
                (True, "clusters.refit_emptied", {"class": "quiet_large", "share": 0.004}),
                "“Quiet, large purchases” holds 0.4% of the repeat buyers, less than 1.0%",
            ),
        ],
    )
    def test_the_reason_is_told_with_its_values(self, decision, words):
        assert words in said(cluster_words.trigger(decision))

    def test_every_event_has_its_sentence(self):
        happened = pl.DataFrame(
            [
                ("survived", "loyal", "loyal", 0.8),
                ("survived", "quiet", "fresh", 0.4),
                ("split", "quiet", "regular", 0.35),
                ("merged", "bargain", "regular", 0.9),
                ("disappeared", "one_category", None, None),
                ("emerged", None, "价格优先", None),
            ],
            schema=["event", "old", "new", "overlap"],
            orient="row",
        )
        sentences = [said(one) for one in cluster_words.events(happened)]
        assert sentences[0] == "“Loyal” lives on: old and new members overlap by 80.0%."
        assert "has become “Recently active”" in sentences[1]
        assert "35.0% of its members are now in “Regular”" in sentences[2]
        assert "merged into “Regular”" in sentences[3]
        assert "“One-category buyers” has disappeared" in sentences[4]
        assert "“价格优先” has emerged" in sentences[5]

    def test_features_that_are_not_known_this_month_are_named(self):
        moved = pl.DataFrame({"feature": ["log_purchases", "log_complaints"], "psi": [0.1, None]})
        assert said(cluster_words.absent(moved)).endswith("counted as the mean: complaints.")
        assert "Every feature" in said(cluster_words.absent(moved.head(1)))

    def test_thresholds_in_the_sentences_are_those_of_the_rule(self):
        sentence = cluster_words.trigger(
            (True, "clusters.refit_emptied", {"class": "x", "share": 0})
        )
        assert sentence["least"] == drift.LEAST_CLASS


class TestFigures:
    def test_the_grid_says_in_words_what_each_class_is_like(self):
        picture = cluster_figures.centres(model())
        cells = [one.get_text() for one in picture.figure.axes[0].texts]
        assert cells == ["far above", "below", "usual", "above"]
        assert picture.alt.endswith("furthest from the usual: Loyal, far above in purchases.")
        pyplot.close(picture.figure)

    def test_the_curve_marks_the_number_that_was_kept(self):
        picture = cluster_figures.tested(model("natural", candidate(), candidate(3)))
        assert len(picture.figure.axes) == 2
        assert "With 2 clusters the silhouette is 0.70, against 0.30" in picture.alt
        pyplot.close(picture.figure)

    def test_without_a_model_there_is_a_sentence(self):
        for draw in (cluster_figures.centres, cluster_figures.tested):
            assert isinstance(draw(None), Sentence)
            assert repr(draw(None)) == label("segment.nothing_to_draw")
