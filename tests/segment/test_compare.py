"""What customers did next, class by class: rates, the order that names promise, and the axes compared."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from analysis import intervals, tables
from analysis.customers import summarise_customers
from analysis.labels import group
from analysis.report.show import Picture, Prose, Sentence
from analysis.run.settings import Settings
from analysis.segment import compare, compare_figures, compare_names, compare_scores, rfm
from analysis.segment import compare_words as words

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
CUT_OFF = date(2024, 3, 31)


def said(values: dict) -> str:
    """A sentence as the report prints it."""
    rest = {name: value for name, value in values.items() if name != "key"}
    return str(Prose(values["key"], rest, SHOP))


def rates_of(axis: str, **classes: tuple) -> pl.DataFrame:
    """A table of rates: class = (customers, active, revenue per customer, its standard error)."""
    rows = [
        (axis, name, rank + 1, customers, active, active / customers, 0.0, 1.0, revenue, error)
        for rank, (name, (customers, active, revenue, error)) in enumerate(classes.items())
    ]
    names = tables.CONTRACTS["class_rates"].column_names()
    return tables.conform("class_rates", pl.DataFrame(rows, schema=names, orient="row"))


def base(customers: int, seed: int = 1, rate=None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Facts of customers and what they did next, the likelier to buy the shorter they were silent."""
    random = np.random.default_rng(seed)
    idle = random.integers(0, 400, customers).astype(float)
    chance = 0.1 + 0.6 * (idle < 100) if rate is None else np.full(customers, rate)
    active = random.random(customers) < chance
    ids = [f"{number:05d}" for number in range(customers)]
    facts = pl.DataFrame(
        {
            "customer_id": ids,
            "idle_days": idle,
            "frequency": random.poisson(2, customers),
            "T": idle + random.integers(0, 300, customers),
            "mean_spend": random.gamma(2, 30, customers).round(2),
        }
    )
    revenue = np.where(active, random.gamma(2, 30, customers).round(2), 0.0)
    return facts, pl.DataFrame({"customer_id": ids, "active": active, "revenue": revenue})


def on_axis(axis: str, facts: pl.DataFrame, classes) -> pl.DataFrame:
    return facts.select("customer_id", pl.lit(axis).alias("axis"), pl.Series("class", classes))


def by_lot(facts: pl.DataFrame, classes: int, seed: int = 2) -> pl.DataFrame:
    drawn = np.random.default_rng(seed).integers(classes, size=facts.height)
    return on_axis("region", facts, [f"place {number:02d}" for number in drawn])


def by_silence(facts: pl.DataFrame) -> pl.DataFrame:
    return on_axis(
        "activity", facts, facts.select(pl.col("idle_days") < 100).to_series().cast(pl.String)
    )


def row(comparison: pl.DataFrame, axis: str) -> dict:
    return comparison.row(by_predicate=pl.col("axis") == axis, named=True)


class TestOutcomes:
    def test_the_window_starts_after_the_cut_off_and_holds_its_last_day(self):
        days = [
            ("on the day", CUT_OFF),
            ("first day", CUT_OFF + timedelta(days=1)),
            ("last day", CUT_OFF + timedelta(days=91)),
            ("too late", CUT_OFF + timedelta(days=92)),
            ("unknown then", CUT_OFF + timedelta(days=5)),
            ("twice", CUT_OFF + timedelta(days=2)),
            ("twice", CUT_OFF + timedelta(days=3)),
            ("for nothing", CUT_OFF + timedelta(days=4)),
        ]
        occasions = pl.DataFrame(days, schema=["customer_id", "purchase_day"], orient="row")
        free = pl.col("customer_id") == "for nothing"
        occasions = occasions.with_columns(
            amount=pl.when(free).then(pl.lit("0")).otherwise(pl.lit("10.10")).cast(tables.MONEY)
        )
        known = occasions.select("customer_id").unique().filter(pl.col("customer_id") != days[4][0])
        found = compare.outcomes(occasions, CUT_OFF, 91, known)
        expected = [
            ("first day", True, 10.1),
            ("for nothing", True, 0.0),
            ("last day", True, 10.1),
            ("on the day", False, 0.0),
            ("too late", False, 0.0),
            ("twice", True, 20.2),
        ]
        schema = {"customer_id": pl.String, "active": pl.Boolean, "revenue": pl.Float64}
        assert_frame_equal(found, pl.DataFrame(expected, schema=schema, orient="row"))


class TestRates:
    def test_each_class_has_the_rate_at_which_its_members_bought(self):
        ids = [f"{number:02d}" for number in range(13)]
        classes = pl.DataFrame(
            {
                "customer_id": [*ids, "prospect"],
                "axis": ["activity"] * 14,
                "class": ["silent"] * 10 + ["active"] * 2 + ["slowing"] + ["silent"],
            }
        )
        outcomes = pl.DataFrame(
            {
                "customer_id": ids,
                "active": [True] + [False] * 9 + [True, True, False],
                "revenue": [5.0] + [0.0] * 9 + [10.0, 20.0, 0.0],
            }
        )
        found = compare.class_rates(classes, outcomes)
        columns = ["class", "rank", "customers", "active", "rate", "revenue_per_customer"]
        rows = [
            ("active", 1, 2, 2, 1.0, 15.0),
            ("silent", 2, 10, 1, 0.1, 0.5),
            ("slowing", 3, 1, 0, 0.0, 0.0),
        ]
        expected = pl.DataFrame(rows, schema=columns, orient="row")
        assert_frame_equal(found.select(columns), expected)
        # Wilson's interval of 1 in 10, and the standard errors of (10, 20), of one 5 among ten, of one.
        assert found.row(1, named=True)["low"] == pytest.approx(0.0179, abs=1e-4)
        assert found.row(1, named=True)["high"] == pytest.approx(0.4042, abs=1e-4)
        assert found["revenue_error"].to_list() == [5.0, 0.5, None]
        tables.conform("class_rates", found)

    def test_the_table_for_readers_has_five_columns_in_words(self):
        rates = rates_of("activity", active=(10, 5, 12.5, 1.0), silent=(10, 1, 1.0, 0.1))
        shown = words.readable_rates(rates, "activity", SHOP)
        assert shown.columns == [
            "class",
            "customers",
            "bought in the next period",
            "95% interval",
            "revenue per customer (EUR)",
        ]
        assert shown.row(0) == ("active", "10", "50.0%", "0.0% to 100.0%", "12.50")


class TestNames:
    def test_the_difference_of_two_rates_has_the_limits_of_the_textbook(self):
        # Newcombe (1998), Statistics in Medicine 17, example (a): 56/70 - 48/80, method 10.
        rates, counts = np.array([56 / 70, 48 / 80]), np.array([70, 80])
        low, high = intervals.wilson(rates, counts)
        first, second = zip(rates, low, high, strict=True)
        limits = intervals.of_difference(first, second)
        assert limits == pytest.approx((0.0524, 0.3339), abs=1e-4)

    def test_a_name_that_promises_more_than_it_keeps_is_told(self):
        order = compare_names.name_order(
            rates_of("activity", silent=(70, 56, 8.0, 1.0), active=(80, 48, 9.0, 1.0))
        )
        expected = {
            "axis": "activity",
            "higher": "active",
            "lower": "silent",
            "measure": "rate",
            "why": "rhythm",
            "higher_value": 0.6,
            "lower_value": 0.8,
            "difference": pytest.approx(-0.2),
            "low": pytest.approx(-0.3339, abs=1e-4),
            "high": pytest.approx(-0.0524, abs=1e-4),
            "verdict": "broken",
        }
        assert order.to_dicts() == [expected]
        assert said(words.order(order, "activity")) == (
            "The names on the axis “activity” do not keep their order in 1 of 1 pairs, beyond what "
            "chance does. Promising more than they keep: Active. The clearest case: of “Active” 60.0% "
            "bought, of “Silent” 80.0%."
        )
        assert words.readable_order(order, SHOP).row(0)[1:3] == ("Active: 60.0%", "Silent: 80.0%")

    def test_a_pair_reversed_by_chance_is_no_breach(self):
        order = compare_names.name_order(
            rates_of("activity", silent=(7, 5, 8.0, 1.0), active=(8, 5, 9.0, 1.0))
        )
        assert order["verdict"].to_list() == ["within_chance"]
        assert "none beyond what chance does" in said(words.order(order, "activity"))

    def test_the_more_pairs_are_looked_at_the_more_it_takes_to_call_one_broken(self):
        alone = rates_of("life_cycle", loyal=(100, 40, 1.0, 0.1), repeat=(100, 55, 1.0, 0.1))
        among = rates_of(
            "life_cycle",
            loyal=(100, 40, 1.0, 0.1),
            repeat=(100, 55, 1.0, 0.1),
            first_purchase=(100, 1, 1.0, 0.1),
        )
        verdicts = [
            compare_names.name_order(rates).row(0, named=True)["verdict"]
            for rates in (alone, among)
        ]
        assert verdicts == ["broken", "within_chance"]

    def test_rfm_names_in_their_order_keep_all_promises(self):
        names = list(rfm.CELLS)  # the best first
        classes = {name: (500, 480 - 40 * place, 1.0, 0.1) for place, name in enumerate(names)}
        order = compare_names.name_order(rates_of("rfm", **classes))
        assert order["verdict"].to_list() == ["kept"] * 44
        assert "in all 44 pairs" in said(words.order(order, "rfm"))

    def test_at_risk_who_buy_more_than_the_promising_break_the_order(self):
        names = {"promising": (900, 300, 1.0, 0.1), "at_risk": (900, 400, 1.0, 0.1)}
        order = compare_names.name_order(rates_of("rfm", **names))
        assert order.select("higher", "lower", "verdict").rows() == [
            ("promising", "at_risk", "broken")
        ]

    def test_tiers_of_value_are_held_to_their_revenue_not_to_their_rate(self):
        kept = {"high_value": (90, 30, 50.0, 2.0), "low_value": (90, 60, 9.0, 1.0)}
        broken = {"high_value": (90, 60, 5.0, 0.1), "low_value": (90, 30, 8.0, 0.1)}
        orders = [
            compare_names.name_order(rates_of("value_revenue", **one)) for one in (kept, broken)
        ]
        assert [order["verdict"].to_list() for order in orders] == [["kept"], ["broken"]]
        # 1.96 standard errors of a difference of two means, each known to 0.1.
        assert orders[1]["high"][0] == pytest.approx(-3 + 1.96 * 0.1 * 2**0.5, abs=1e-3)
        assert said(words.order(orders[1], "value_revenue")).endswith(
            "a customer of “High value” brought 5.00 EUR on average, one of “Low value” 8.00 EUR."
        )

    def test_a_class_of_one_customer_breaks_no_promise_of_revenue(self):
        rates = rates_of("value_revenue", high_value=(1, 0, 0.0, None), low_value=(90, 9, 9.0, 1.0))
        order = compare_names.name_order(rates)
        assert order.select("low", "high", "verdict").row(0) == (None, None, "within_chance")

    @pytest.mark.parametrize("active", [0, 10], ids=["nobody", "everybody"])
    def test_where_all_did_the_same_no_order_can_be_told(self, active):
        names = {"active": (10, active, 1.0, 0.1), "silent": (10, active, 1.0, 0.1)}
        order = compare_names.name_order(rates_of("activity", **names))
        assert order.is_empty()
        assert "cannot be told" in said(words.order(order, "activity"))

    def test_no_pair_is_promised_twice_or_both_ways_and_every_word_is_known(self):
        pairs = compare_names.promised_pairs()
        both = pairs.select("axis", one="higher", other="lower")
        assert both.n_unique() == pairs.height
        turned = both.select("axis", one="other", other="one")
        assert both.join(turned, on=both.columns).is_empty()
        ranked = pairs.filter(pl.col("axis") == "rfm")
        assert set(ranked["higher"]) | set(ranked["lower"]) == set(rfm.CELLS)
        assert set(pairs["higher"]) | set(pairs["lower"]) <= set(group("class"))
        assert set(pairs["why"]) == set(group("compare.why"))
        leaving = {"at_risk", "cannot_lose", "hibernating"}
        assert not {(a, b) for a in leaving for b in leaving} & set(
            pairs.select("higher", "lower").iter_rows()
        )


class TestScores:
    def test_the_area_is_that_within_the_folds_and_its_variance_is_delongs(self):
        random = np.random.default_rng(5)
        active = np.arange(200) % 4 == 0
        signal = np.outer([1, 0.5], active)
        two = np.round(random.normal(size=(2, 200)) + signal, 1)  # with ties
        fold = compare_scores.folds(active, seed=1)
        found = compare_scores.separation(two, active, fold)
        areas = [
            [roc_auc_score(active[fold == part], one[fold == part]) for part in range(5)]
            for one in two
        ]
        assert found.auc == pytest.approx(np.mean(areas, axis=1))  # all folds weigh alike here
        variance = 0
        for part in range(5):
            yes, no = (two[:, (fold == part) & (active == kind)] for kind in (True, False))
            wins = (yes[:, :, None] > no[:, None, :]) + (yes[:, :, None] == no[:, None, :]) / 2
            variance += np.cov(wins.mean(axis=2)) / yes.shape[1]
            variance += np.cov(wins.mean(axis=1)) / no.shape[1]
        assert found.covariance == pytest.approx(variance / 25 * 2.25)

    def test_folds_hold_the_same_number_of_buyers(self):
        active = np.arange(103) < 52
        fold = compare_scores.folds(active, seed=3)
        bought = np.bincount(fold[active])
        assert sorted(bought) == [10, 10, 10, 11, 11]
        assert sorted(np.bincount(fold[~active])) == [10, 10, 10, 10, 11]

    def test_classes_drawn_by_lot_are_called_a_coin_nineteen_times_of_twenty(self):
        within = 0
        for seed in range(200):
            random = np.random.default_rng(seed)
            active = np.sort(random.random(800) < 0.3)
            codes = random.integers(10, size=800)
            fold = compare_scores.folds(active, seed)
            learnt = compare_scores.of_classes(codes, active.astype(float), fold)
            found = compare_scores.separation(np.array([learnt, 0 * learnt]), active, fold)
            low, high = found.interval(0)[1:]
            within += low <= 0.5 <= high
        assert within >= 184  # 190 expected; fewer by chance once in fifty trials

    def test_a_class_that_the_other_folds_lack_gets_the_mean_of_all(self):
        outcome = np.array([1.0, 0, 0, 0] * 10)
        codes = np.array([1] + [0] * 39)
        scores = compare_scores.of_classes(codes, outcome, np.arange(40) % 5)
        assert scores[0] == pytest.approx(outcome[np.arange(40) % 5 != 0].mean())


class TestComparison:
    def test_fifty_classes_by_lot_win_nothing_by_chance(self):
        facts, outcomes = base(2_000)
        comparison = compare.axis_comparison(by_lot(facts, 50), facts, outcomes, seed=1)
        found = row(comparison, "region")
        assert found["auc_low"] < 0.5 < found["auc_high"]
        assert found["explained"] <= 0.01
        assert found["verdict"] == "chance"
        # Without the folds the same classes would seem to tell something.
        joined = by_lot(facts, 50).join(outcomes, on="customer_id")
        remembered = joined.select("active", pl.col("active").mean().over("class").alias("rate"))
        assert roc_auc_score(remembered["active"], remembered["rate"]) > 0.55
        assert compare.recommended(comparison) is None
        assert said(words.recommendation(comparison)).startswith("No axis told better than a coin")
        assert "coin at telling who would buy: region." in said(words.no_help(comparison))

    def test_the_planted_axis_wins_and_the_score_lies_ahead_of_it_or_level(self):
        facts, outcomes = base(3_000)
        classes = pl.concat([by_lot(facts, 5), by_silence(facts)])
        comparison = tables.conform(
            "axis_comparison", compare.axis_comparison(classes, facts, outcomes, seed=1)
        )
        assert compare.recommended(comparison) == "activity"
        # The truth: of buyers and of others, the shares silent for less than 100 of 400 days.
        bought, not_bought = 0.7 / (0.7 + 0.3), 0.3 / (0.3 + 2.7)
        planted = row(comparison, "activity")
        assert planted["auc"] == pytest.approx((1 + bought - not_bought) / 2, abs=0.02)
        assert planted["explained"] == pytest.approx(0.33, abs=0.05)
        assert row(comparison, "no_classes")["auc"] == 0.5
        assert planted["behind"] == pytest.approx(
            row(comparison, "continuous_score")["auc"] - planted["auc"], abs=1e-6
        )
        sentence = said(words.recommendation(comparison))
        assert sentence.startswith(
            "The classes of the axis “activity” told best who would buy: AUC 0."
        )
        assert "not tested, for want of an earlier month" in sentence
        assert "“activity” foretold most" in said(words.revenue(comparison))

    def test_the_finding_does_not_depend_on_rows_or_ids(self):
        facts, outcomes = base(1_000)
        classes = pl.concat([by_lot(facts, 5), by_silence(facts)])
        first = compare.axis_comparison(classes, facts, outcomes, classes, seed=1)
        for seed in range(3):
            renamed = pl.Series(facts["customer_id"]).sample(fraction=1, shuffle=True, seed=seed)
            new = dict(zip(facts["customer_id"], renamed, strict=True))
            again = [
                frame.with_columns(pl.col("customer_id").replace_strict(new)).sample(
                    fraction=1, shuffle=True, seed=seed
                )
                for frame in (classes, facts, outcomes)
            ]
            assert_frame_equal(compare.axis_comparison(*again, again[0], seed=1), first)
            assert_frame_equal(
                compare.class_rates(again[0], again[2]), compare.class_rates(classes, outcomes)
            )

    def test_an_axis_that_moves_those_who_did_nothing_is_not_recommended(self):
        facts, outcomes = base(2_000)
        classes = pl.concat(
            [
                by_silence(facts),
                on_axis("rfm", facts, facts["idle_days"] < 250).with_columns(
                    pl.col("class").cast(pl.String)
                ),
            ]
        )
        every_second = pl.col("customer_id").str.tail(1).is_in(["1", "3", "5", "7", "9"])
        earlier = classes.with_columns(
            pl.when((pl.col("axis") == "activity") & every_second)
            .then(pl.lit("another"))
            .otherwise("class")
            .alias("class")
        )
        comparison = compare.axis_comparison(classes, facts, outcomes, earlier, seed=1)
        assert row(comparison, "activity")["verdict"] == "unstable"
        assert row(comparison, "activity")["stability"] == pytest.approx(0.5, abs=0.03)
        assert compare.recommended(comparison) == "rfm"
        alone = compare.axis_comparison(by_silence(facts), facts, outcomes, earlier, seed=1)
        assert compare.recommended(alone) is None
        assert said(words.recommendation(alone)).startswith("No axis is recommended")

    def test_stability_counts_those_who_bought_nothing_in_between(self):
        facts = pl.DataFrame(
            {"customer_id": ["a", "b", "c", "d", "e"], "idle_days": [31.0, 40.0, 90.0, 30.0, 99.0]}
        )
        now = on_axis("rfm", facts, ["lost", "lost", "at_risk", "champions", "lost"])
        before = on_axis("rfm", facts, ["lost", "at_risk", "at_risk", "new", "lost"])
        before = before.filter(pl.col("customer_id") != "e")  # not a customer then
        found = compare.stability(now, before, facts)
        assert found.rows() == [("rfm", 3, pytest.approx(2 / 3))]

    def test_of_very_many_customers_a_lot_is_compared(self, monkeypatch):
        monkeypatch.setattr(compare, "MOST_CUSTOMERS", 1_000)
        facts, outcomes = base(3_000)
        comparison = compare.axis_comparison(by_silence(facts), facts, outcomes, seed=1)
        assert comparison["customers"].unique().to_list() == [1_000]
        assert compare.recommended(comparison) == "activity"

    def test_on_cdnow_a_score_is_a_little_ahead_of_rfm(self, tenth):
        cut_off = date(1998, 3, 31)
        customers = summarise_customers(tenth.lazy(), cut_off).collect()
        facts = customers.with_columns(
            idle_days=pl.col("T") - pl.col("recency"),
            mean_spend=pl.col("spend") / pl.col("purchases"),
        )
        scored = rfm.score(facts, rfm.fit_cut_points(facts))
        outcomes = compare.outcomes(tenth, cut_off, 91, facts)
        classes = on_axis("rfm", scored, scored["class"])
        comparison = compare.axis_comparison(classes, facts, outcomes, seed=1)
        assert 0.80 < row(comparison, "continuous_score")["auc"] < 0.87
        assert 0 < row(comparison, "rfm")["behind"] < 0.05


class TestBadCases:
    @pytest.mark.parametrize(
        ("customers", "rate"),
        [(1, 1.0), (40, None), (1_000, 0.0), (1_000, 1.0)],
        ids=["one customer", "forty", "nobody bought", "everybody bought"],
    )
    def test_too_little_to_compare_is_said_in_a_line(self, customers, rate):
        facts, outcomes = base(customers, rate=rate)
        classes = pl.concat([by_lot(facts, 5), by_silence(facts)])
        comparison = compare.axis_comparison(classes, facts, outcomes, classes, seed=1)
        tables.conform("axis_comparison", comparison)
        rates = tables.conform("class_rates", compare.class_rates(classes, outcomes))
        assert rates["customers"].sum() == 2 * customers
        assert set(comparison["auc"]) == {None}
        assert compare.recommended(comparison) is None
        for sentence in (words.recommendation, words.against_score, words.no_help):
            assert said(sentence(comparison)).startswith("Too few customers bought")
        assert isinstance(compare_figures.axes_compared(comparison), Sentence)
        assert words.readable_comparison(comparison).height == 4
        assert said(words.window(outcomes, CUT_OFF, 91)).startswith(f"The {customers:,} customers")

    def test_where_everybody_bought_revenue_can_still_be_foretold(self):
        facts, outcomes = base(1_000, rate=1.0)
        spenders = outcomes.with_columns(
            revenue=pl.when(facts["idle_days"] < 100).then(pl.lit(90.0)).otherwise(pl.lit(10.0))
        )
        comparison = compare.axis_comparison(by_silence(facts), facts, spenders, seed=1)
        assert row(comparison, "activity")["explained"] > 0.95
        nobody = spenders.with_columns(active=False, revenue=0.0)
        comparison = compare.axis_comparison(by_silence(facts), facts, nobody, seed=1)
        assert said(words.revenue(comparison)).startswith("Next-period revenue did not vary")

    def test_an_axis_of_one_class_is_no_axis(self):
        facts, outcomes = base(1_000)
        one = on_axis("rfm", facts, ["too_little_data"] * 1_000)
        comparison = compare.axis_comparison(one, facts, outcomes, seed=1)
        assert row(comparison, "rfm")["verdict"] == "one_class"
        assert row(comparison, "rfm")["auc"] == 0.5
        assert isinstance(compare_figures.axes_compared(comparison), Sentence)
        assert said(words.recommendation(comparison)).startswith("Too few customers bought")

    def test_without_a_closed_window_the_tables_are_empty_and_every_line_says_so(self):
        rates, comparison = tables.empty("class_rates"), tables.empty("axis_comparison")
        order = compare_names.name_order(rates)
        assert said(words.window(None)).startswith("No window after an earlier day")
        assert "cannot be told" in said(words.order(order, "rfm"))
        assert said(words.recommendation(comparison)).startswith("Too few customers")
        assert said(words.revenue(comparison)).startswith("Next-period revenue did not vary")
        assert isinstance(compare_figures.axes_compared(comparison), Sentence)
        assert words.readable_order(order, SHOP).is_empty()
        assert words.readable_rates(rates, "rfm", SHOP).is_empty()
        assert words.readable_comparison(comparison).is_empty()


class TestFigure:
    def test_the_alt_text_names_the_winner_and_the_gap_to_the_score(self):
        facts, outcomes = base(3_000)
        classes = pl.concat([by_lot(facts, 5), by_silence(facts)])
        comparison = compare.axis_comparison(classes, facts, outcomes, seed=1)
        picture = compare_figures.axes_compared(comparison)
        assert isinstance(picture, Picture)
        found = row(comparison, "activity")
        assert (
            f"“activity” is recommended; it told who would buy at AUC {found['auc']:.3f}"
            in picture.alt
        )
        assert picture.alt.endswith(f"a gap of {found['behind']:+.3f}.")
        names = [tick.get_text() for tick in picture.figure.axes[0].get_yticklabels()]
        assert names == ["region", "activity"]  # from below
        picture._repr_mimebundle_()

    def test_the_table_for_readers_says_what_the_figure_shows(self):
        facts, outcomes = base(3_000)
        classes = pl.concat([by_lot(facts, 5), by_silence(facts)])
        shown = words.readable_comparison(
            compare.axis_comparison(classes, facts, outcomes, classes, seed=1)
        )
        assert len(shown.columns) == 6
        verdicts = dict(shown.select("axis", "verdict").iter_rows())
        assert verdicts == {
            "activity (2 classes)": "recommended",
            "continuous score": "for comparison",
            "region (5 classes)": "no better than a coin",
            "no classes": "for comparison",
        }


@pytest.mark.parametrize(
    ("lead", "key"), [(0.02, "score_ahead"), (0.0, "score_level"), (-0.02, "score_behind")]
)
def test_what_is_said_of_the_score_follows_the_interval(lead, key):
    rows = [
        {
            "axis": "rfm",
            "classes": 11,
            "auc": 0.8,
            "auc_low": 0.79,
            "auc_high": 0.81,
            "behind": lead,
            "behind_low": lead - 0.01,
            "behind_high": lead + 0.01,
            "verdict": "best",
        },
        {"axis": "continuous_score", "auc": 0.8 + lead, "verdict": "reference"},
    ]
    schema = tables.empty("axis_comparison").schema
    comparison = pl.DataFrame(rows, schema=schema).with_columns(customers=1_000)
    assert words.against_score(comparison)["key"] == f"compare.{key}"


def test_equally_good_axes_are_named_beside_the_recommended_one():
    facts, outcomes = base(2_000)
    same = by_silence(facts).with_columns(axis=pl.lit("life_cycle"))
    classes = pl.concat([by_silence(facts), same])
    comparison = compare.axis_comparison(classes, facts, outcomes, classes, seed=1)
    assert compare.recommended(comparison) == "activity"
    assert row(comparison, "life_cycle")["verdict"] == "as_good"
    assert said(words.recommendation(comparison)).endswith(
        "100.0% of those who bought nothing in the month before kept their class. "
        "Not distinguishable from it: life cycle."
    )


def test_an_axis_a_little_worse_than_the_best_is_not_called_worse_where_chance_could_do_it():
    facts, outcomes = base(2_000)
    blurred = {
        axis: on_axis(axis, facts, (facts["idle_days"] < days).cast(pl.String))
        for axis, days in (("life_cycle", 102), ("rfm", 200))
    }
    classes = pl.concat([by_silence(facts), *blurred.values()])
    comparison = compare.axis_comparison(classes, facts, outcomes, seed=1)
    assert row(comparison, "activity")["auc"] - row(comparison, "life_cycle")["auc"] > 0.001
    verdicts = [row(comparison, axis)["verdict"] for axis in ("activity", "life_cycle", "rfm")]
    assert verdicts == ["best", "as_good", "behind"]
