"""Migration: parts that add up in every cell, causes that name the right customers, honest figures."""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.labels import label
from analysis.report.show import Prose, Sentence
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.segment import migration_words as words
from analysis.segment.migration import (
    changes,
    largest_flows,
    migration,
    movers,
    parts,
    unusual_flows,
)
from analysis.segment.migration_figures import alluvial, parts_bar

SHOP = Settings(
    name="s", currency="EUR", time_zone="UTC", sources=[{"table": "orders", "path": "p"}]
)
CHAIN = ["previous_class", "aged_class", "behaved_class", "class"]
BY_RANK = ["champions", "loyal", "at_risk", "lost"]
RANKS = pl.DataFrame({"axis": "rfm", "class": BY_RANK, "rank": [1, 2, 3, 4]})
SIX = [
    ("a", "loyal", "loyal", "loyal", "loyal", 100.0),
    ("b", "loyal", "lost", "loyal", "loyal", 20.0),  # bought in time to stay
    ("c", "loyal", "lost", "lost", "lost", 3.0),  # only time passed
    ("d", "at_risk", "lost", "loyal", "loyal", 40.0),  # came back
    ("e", "at_risk", "at_risk", "loyal", "at_risk", 5.0),  # kept down by the new standard
    ("f", "lost", "lost", "lost", "lost", 0.0),
]
NO_HISTORY = {"expected": None, "residual": None, "unusual": False}


def steps(rows: list[tuple], axis: str = "rfm") -> pl.DataFrame:
    """Rows of customer, the four classes of the chain, and spend."""
    frame = pl.DataFrame(
        rows,
        schema=dict.fromkeys(["customer_id", *CHAIN], pl.String) | {"spend_365": pl.Float64},
        orient="row",
    )
    return frame.with_columns(axis=pl.lit(axis))


def moved_now(counts: dict[tuple[str, str], int]) -> pl.DataFrame:
    """Steps of so many customers per flow, all moved by what they did; each spent one."""
    pairs = [pair for pair, customers in counts.items() for _ in range(customers)]
    return steps(
        [(f"{i:05d}", before, before, now, now, 1.0) for i, (before, now) in enumerate(pairs)]
    )


def earlier(*months: dict[tuple[str, str], int]) -> list[pl.DataFrame]:
    return [migration(moved_now(counts), []) for counts in months]


def of_flow(table: pl.DataFrame, previous: str, name: str) -> dict:
    flow = (pl.col("previous_class") == previous) & (pl.col("class") == name)
    return table.row(by_predicate=flow, named=True)


def told(values: dict) -> str:
    """The sentence as the report prints it."""
    return Prose(values.pop("key"), values, SHOP).text


class TestTheParts:
    def test_six_customers_give_the_flows_worked_by_hand(self):
        columns = ["previous_class", "class", "customers", "ageing", "behaviour", "rescaling"]
        expected = pl.DataFrame(
            [
                ("at_risk", "at_risk", 1, -1, -1, 1, 5.0),
                ("at_risk", "lost", 0, 1, -1, 0, 0.0),
                ("at_risk", "loyal", 1, 0, 2, -1, 40.0),
                ("lost", "lost", 1, 0, 0, 0, 0.0),
                ("loyal", "lost", 1, 2, -1, 0, 3.0),
                ("loyal", "loyal", 2, -2, 1, 0, 120.0),
            ],
            schema=[*columns, "spend"],
            orient="row",
        ).select(
            pl.lit("rfm").alias("axis"),
            pl.all(),
            pl.lit(None, dtype=pl.Float64).alias("expected"),
            pl.lit(None, dtype=pl.Float64).alias("residual"),
            pl.lit(False).alias("unusual"),
        )
        found = migration(steps(SIX), [])
        assert_frame_equal(found, expected)
        assert_frame_equal(tables.conform("migration", found), expected)

    def test_they_sum_to_those_who_moved(self):
        row = parts(migration(steps(SIX), [])).row(0, named=True)
        assert row == {
            "axis": "rfm",
            "known": 6,
            "moved": 2,
            "moved_by_ageing": 3,
            "moved_by_behaviour": 0,
            "moved_by_rescaling": -1,
        }

    @given(
        st.lists(
            st.tuples(*[st.sampled_from("abcd")] * 4, st.sampled_from(["rfm", "cluster"])),
            max_size=60,
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_they_add_up_in_every_cell_and_in_total(self, chains):
        rows = [(f"{i}", *chain[:4], 1.0) for i, chain in enumerate(chains)]
        axes = pl.Series("axis", [chain[4] for chain in chains], dtype=pl.String)
        found = migration(steps(rows).with_columns(axes), [])
        tables.conform("migration", found)
        stages = [
            Counter((chain[4], chain[0], chain[step]) for chain in chains) for step in range(4)
        ]
        for row in found.iter_rows(named=True):
            cell = row["axis"], row["previous_class"], row["class"]
            base, aged, behaved, now = (stage[cell] for stage in stages)
            assert (row["ageing"], row["behaviour"]) == (aged - base, behaved - aged)
            assert (row["rescaling"], row["customers"]) == (now - behaved, now)
        assert set(found.select("axis", "previous_class", "class").rows()) == set().union(*stages)
        for row in parts(found).iter_rows(named=True):
            causes = [row[f"moved_by_{cause}"] for cause in ("ageing", "behaviour", "rescaling")]
            assert sum(causes) == row["moved"]
            assert row["known"] == sum(chain[4] == row["axis"] for chain in chains)

    def test_a_table_whose_parts_do_not_add_up_is_refused(self):
        found = migration(steps(SIX), [])
        wrong = found.with_columns(
            ageing=pl.when(pl.col("class") == "loyal").then(7).otherwise("ageing")
        )
        with pytest.raises(ValueError, match="parts_add_up"):
            tables.conform("migration", wrong)

    def test_order_of_rows_and_names_of_customers_and_classes_do_not_matter(self):
        frame, history = steps(SIX), [migration(steps(SIX), [])] * 3
        found = migration(frame, history)
        shuffled = frame.sample(fraction=1, shuffle=True, seed=4)
        renamed = shuffled.with_columns(customer_id=pl.lit("x") + pl.col("customer_id"))
        assert_frame_equal(migration(renamed, history), found)
        swap = {"loyal": "z", "lost": "y", "at_risk": "x"}

        def swapped(table: pl.DataFrame) -> pl.DataFrame:
            classes = [name for name in CHAIN if name in table.columns]
            return table.with_columns(pl.col(classes).replace_strict(swap))

        other = migration(swapped(frame), [swapped(table) for table in history])
        assert_frame_equal(other, swapped(found).sort("axis", "previous_class", "class"))

    def test_nobody_known_gives_empty_tables(self):
        nobody = steps([])
        found = migration(nobody, [migration(steps(SIX), [])])
        assert tables.conform("migration", found).is_empty()
        assert parts(found).is_empty()
        facts = pl.DataFrame({"customer_id": ["a"], "frequency": [1]})
        assert tables.conform("movers", movers(nobody, facts, RANKS)).is_empty()

    def test_one_customer_is_enough(self):
        found = migration(steps([SIX[2]]), [])
        assert found.select("previous_class", "class", "customers", "ageing").rows() == [
            ("loyal", "lost", 1, 1),
            ("loyal", "loyal", 0, -1),
        ]
        tables.conform("migration", found)


class TestUnusualFlows:
    THREE = earlier(
        {("new", "loyal"): 30, ("new", "new"): 70},
        {("new", "loyal"): 20, ("new", "new"): 80},
        {("new", "loyal"): 10, ("new", "new"): 90},
    )

    def test_a_flow_is_compared_with_its_mean_share_and_its_usual_variation(self):
        found = migration(moved_now({("new", "loyal"): 25, ("new", "new"): 25}), self.THREE)
        flow = of_flow(found, "new", "loyal")
        # p = .2; variance: chance 50 p (1 - p) = 8, error of the mean .0016 / 3, between the months
        # (.01 - .0016) 4/3, both times 50 squared: 37.333 in all.
        assert flow["expected"] == pytest.approx(10)
        assert flow["residual"] == pytest.approx(15 / 37.3333333**0.5, abs=1e-5)
        assert flow["unusual"]
        assert of_flow(found, "new", "new")["residual"] == pytest.approx(-flow["residual"])

    def test_two_earlier_months_give_an_expectation_but_no_verdict(self):
        found = migration(moved_now({("new", "loyal"): 50}), self.THREE[:2])
        flow = of_flow(found, "new", "loyal")
        assert flow["expected"] == pytest.approx(12.5)
        assert (flow["residual"], flow["unusual"]) == (None, False)
        tables.conform("migration", found)

    def test_a_flow_that_stopped_is_marked_too(self):
        found = migration(moved_now({("new", "new"): 1000}), self.THREE[1:2] * 3)
        flow = of_flow(found, "new", "loyal")
        assert (flow["customers"], flow["expected"], flow["unusual"]) == (0, 200, True)
        assert flow["residual"] < -2
        tables.conform("migration", found)

    def test_one_customer_on_a_way_that_nobody_took_before_is_not_marked_but_ten_are(self):
        for customers, unusual in ((1, False), (10, True)):
            now = moved_now({("new", "lost"): customers, ("new", "new"): 90})
            flow = of_flow(migration(now, self.THREE), "new", "lost")
            assert (flow["expected"], flow["unusual"]) == (0, unusual)

    def test_a_class_that_was_empty_in_earlier_months_has_no_expectation(self):
        found = migration(moved_now({("lost", "lost"): 5}), self.THREE)
        assert found.select("expected", "residual").row(0) == (None, None)

    def test_only_the_six_newest_months_count(self):
        old = earlier({("new", "loyal"): 100})
        now = moved_now({("new", "new"): 50})
        assert_frame_equal(migration(now, self.THREE * 2 + old), migration(now, self.THREE * 2))

    def test_months_that_differ_by_chance_only_are_rarely_marked_and_a_planted_flow_always(self):
        random, marked, flows = np.random.default_rng(5), 0, 0
        names, shares = ["a", "b", "c", "d"], [0.7, 0.15, 0.1, 0.05]

        def month() -> dict:
            return {
                ("a", name): int(n)
                for name, n in zip(names, random.multinomial(800, shares), strict=True)
            }

        for _ in range(40):
            history = earlier(*[month() for _ in range(6)])
            found = migration(moved_now(month()), history)
            marked, flows = marked + found["unusual"].sum(), flows + found.height
            planted = month() | {("a", "d"): 120}
            assert of_flow(migration(moved_now(planted), history), "a", "d")["unusual"]
        assert flows == 160
        assert marked <= 0.06 * flows

    def test_lists_leave_stayers_out(self):
        found = migration(moved_now({("new", "loyal"): 25, ("new", "new"): 25}), self.THREE)
        assert unusual_flows(found, "rfm").rows() == [("new", "loyal", 25, 10.0, 2.454951)]
        assert largest_flows(found, "rfm").rows() == [("new", "loyal", 25, 0, 25, 0)]


def class_of(purchases: pl.DataFrame, as_of: int) -> pl.DataFrame:
    """A standard of four classes by idle days and purchases, which no module knows."""
    idle, often = as_of - pl.col("day").max(), pl.len() >= 6
    return purchases.group_by("customer_id").agg(
        pl.when(often & (idle <= 30))
        .then(pl.lit("champions"))
        .when(idle <= 30)
        .then(pl.lit("loyal"))
        .when(idle <= 90)
        .then(pl.lit("at_risk"))
        .otherwise(pl.lit("lost"))
        .alias("class")
    )


@pytest.fixture(scope="module")
def planted() -> tuple[pl.DataFrame, pl.DataFrame, dict[str, set[str]]]:
    """Steps and facts of 300 customers between the days 365 and 395, and who belongs to which group."""
    then, now = 365, 395
    habits = {
        "steady": (100, [*range(180, 361, 30), 385]),
        "buys_more": (40, [200, 300, 350, 370, 380, 390]),
        "silent_champion": (40, list(range(190, 341, 30))),
        "comes_back": (40, [100, 150, 380]),
        "fades": (40, [200, 280]),  # a repeat buyer at risk whom time makes lost
        "fades_after_one": (40, [280]),
    }
    order = np.random.default_rng(2).permutation(sum(count for count, _ in habits.values()))
    groups, rows, ids = {}, [], iter(f"{number:04d}" for number in order)
    for group, (count, days) in habits.items():
        groups[group] = {next(ids) for _ in range(count)}
        rows += [(one, day) for one in groups[group] for day in days]
    purchases = pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")
    known = purchases.filter(pl.col("day") <= then)
    chain = (
        class_of(known, then)
        .rename({"class": "previous_class"})
        .join(class_of(known, now).rename({"class": "aged_class"}), on="customer_id")
        .join(class_of(purchases, now).rename({"class": "behaved_class"}), on="customer_id")
        .with_columns(
            pl.col("behaved_class").alias("class"), axis=pl.lit("rfm"), spend_365=pl.lit(10.0)
        )
    )
    facts = purchases.group_by("customer_id").agg(frequency=pl.len() - 1)
    return chain, facts, groups


class TestMovers:
    def test_planted_movers_are_named_exactly_each_with_its_cause(self, planted):
        chain, facts, groups = planted
        found = tables.conform("movers", movers(chain, facts, RANKS))
        by = {
            key: set(frame["customer_id"])
            for key, frame in found.partition_by("cause", "direction", as_dict=True).items()
        }
        assert by == {
            ("behaviour", "up"): groups["buys_more"] | groups["comes_back"],
            # Silence is the passing of time; it matters for those who fell out of the top class.
            ("ageing", "down"): groups["silent_champion"],
        }

    def test_every_change_has_its_cause_and_those_who_merely_age_do_so_by_ageing(self, planted):
        chain, _, groups = planted
        found = changes(chain, RANKS)
        aged = set(found.filter(pl.col("cause") == "ageing")["customer_id"])
        assert aged == groups["silent_champion"] | groups["fades"] | groups["fades_after_one"]
        assert not groups["steady"] & set(found["customer_id"])

    def test_the_last_step_that_changed_the_class_is_the_cause(self):
        rows = [
            ("a", "loyal", "lost", "lost", "lost", 1.0),
            ("b", "loyal", "lost", "champions", "champions", 2.0),
            ("c", "loyal", "lost", "champions", "at_risk", 3.0),
            ("d", "loyal", "lost", "champions", "loyal", 9.0),
        ]
        found = changes(steps(rows), RANKS).select("customer_id", "direction", "cause", "spend")
        assert found.rows() == [
            ("c", "down", "rescaling", 3.0),
            ("b", "up", "behaviour", 2.0),
            ("a", "down", "ageing", 1.0),
        ]

    def test_other_axes_and_one_time_buyers_are_left_out(self):
        row = ("a", "loyal", "loyal", "champions", "champions", 1.0)
        facts = pl.DataFrame({"customer_id": ["a"], "frequency": [1]})
        assert movers(steps([row]), facts, RANKS).height == 1
        once = facts.with_columns(frequency=pl.lit(0))
        assert movers(steps([row]), once, RANKS).is_empty()
        region = RANKS.with_columns(axis=pl.lit("region"))
        assert movers(steps([row], "region"), facts, region).is_empty()

    def test_a_class_without_a_rank_has_no_direction(self):
        rows = [("a", "emptied", "emptied", "loyal", "loyal", 1.0)]
        facts = pl.DataFrame({"customer_id": ["a"], "frequency": [1]})
        found = tables.conform("movers", movers(steps(rows), facts, RANKS))
        assert found["direction"].to_list() == [None]

    def test_a_mover_whose_class_is_the_same_is_refused(self, planted):
        chain, facts, _ = planted
        wrong = movers(chain, facts, RANKS).with_columns(previous_class="class")
        with pytest.raises(ValueError, match="class_changed"):
            tables.conform("movers", wrong)


class TestSentences:
    def test_the_month_compared_with_is_named_and_those_skipped(self):
        june = Month(1998, 6)
        assert told(words.compared(None, june)) == label("migration.first_month")
        assert told(words.compared(Month(1998, 5), june)) == (
            "Every customer known in May 1998 is compared with June 1998."
        )
        assert told(words.compared(Month(1998, 4), june)).startswith(
            "May 1998 is not published, so June 1998 is compared with April 1998: the changes are "
            "those of two months"
        )
        assert told(words.compared(Month(1997, 12), june)).startswith(
            "January 1998 to May 1998 are not published, so June 1998 is compared with "
            "December 1997: the changes are those of 6 months"
        )

    def test_the_share_that_moved_is_told_with_its_signed_causes(self):
        assert told(words.moved(parts(migration(steps(SIX), [])), "rfm")) == (
            "2 of the 6 customers known before (33.3%) changed class on the axis RFM: time alone "
            "+3, another standard or by hand −1; a minus counts customers who kept a class that "
            "they would have left without it."
        )

    def test_nobody_moved_nobody_comparable_and_causes_that_offset_each_other(self):
        still = parts(migration(steps([SIX[0]]), []))
        assert told(words.moved(still, "rfm")) == (
            "Nobody changed class on the axis RFM (customers known before: 1)."
        )
        assert "No customer had a class before" in told(words.moved(still, "cluster"))
        offset = told(words.moved(parts(migration(steps([SIX[1]]), [])), "rfm"))
        assert "since the causes offset each other: time alone +1, what customers did −1" in offset

    def test_value_is_told_by_direction(self):
        found = migration(steps(SIX), [])
        assert told(words.value_moved(found, RANKS, "rfm")) == (
            "On the axis RFM, those who moved up had spent 40.00 EUR in the last 365 days and "
            "those who moved down 3.00 EUR; 25.6% of the spend of all known customers changed "
            "class."
        )
        still = migration(steps([SIX[0]]), [])
        assert "nobody moved up or down" in told(words.value_moved(still, RANKS, "rfm"))

    def test_unusual_flows_are_named_beside_what_chance_would_mark(self):
        now = moved_now({("new", "loyal"): 25, ("new", "new"): 25})
        assert told(words.unusual(migration(now, TestUnusualFlows.THREE), "rfm")) == (
            "Flows on the axis RFM further than 2 standard errors from what the earlier months "
            "let expect: 1 of 1 (chance alone would mark about 0). The strangest: “New” to "
            "“Loyal”, 25 in place of 10."
        )
        usual = moved_now({("new", "loyal"): 10, ("new", "new"): 40})
        assert "No flow on the axis RFM lies further" in told(
            words.unusual(migration(usual, TestUnusualFlows.THREE), "rfm")
        )
        assert "Fewer than three earlier months" in told(words.unusual(migration(now, []), "rfm"))

    def test_an_emptied_class_is_told_unless_new_customers_fill_it(self):
        found = migration(moved_now({("new", "lost"): 1, ("new", "loyal"): 3}), [])
        profile = pl.DataFrame(
            {"axis": "rfm", "class": ["loyal", "lost", "new"], "customers": [3, 1, 0]}
        )
        assert told(words.emptied(found, profile, "rfm")) == (
            "Caution: nobody is in “New” (members before: 4; now in “Loyal”, all or most of them) "
            "on the axis RFM any more."
        )
        filled = profile.with_columns(customers=pl.lit(2))
        assert "Every class" in told(words.emptied(found, filled, "rfm"))

    def test_a_mover_on_two_axes_is_counted_once(self):
        row = ("a", "loyal", "loyal", "champions", "champions", 50.0)
        twice = pl.concat([steps([row]), steps([row], "cluster")])
        facts = pl.DataFrame({"customer_id": ["a"], "frequency": [4]})
        ranks = pl.concat([RANKS, RANKS.with_columns(axis=pl.lit("cluster"))])
        assert told(words.movers(movers(twice, facts, ranks))) == (
            "Repeat buyers who changed class by what they did, or fell out of the top class: 1, "
            "who spent 50.00 EUR in the last 365 days. Moved up: 1, who spent 50.00 EUR; moved "
            "down: 0, who spent 0.00 EUR."
        )
        assert "No repeat buyer" in told(words.movers(tables.empty("movers")))


class TestFigures:
    def test_the_alt_text_of_the_alluvial_states_the_largest_flow(self):
        found = migration(
            moved_now({("loyal", "loyal"): 6, ("loyal", "lost"): 3, ("lost", "loyal"): 1}), []
        )
        picture = alluvial(found, RANKS)
        assert picture.alt == (
            "Alluvial diagram of classes before and now on the axis RFM: 60.0% of the customers "
            "stayed; the largest flow, 30.0%, leads from “Loyal” to “Lost”."
        )
        legend = [text.get_text() for text in picture.figure.legends[0].get_texts()]
        assert legend == ["stayed", "moved down", "moved up"]

    def test_value_can_weigh_the_bands(self):
        picture = alluvial(migration(steps(SIX), []), RANKS, "spend")
        assert "74.4% of the spend" in picture.alt
        assert "leads from “At risk” to “Loyal”" in picture.alt

    def test_many_classes_are_folded_to_six_whose_names_do_not_meet(self):
        counts = {("a", "a"): 5000} | {(f"c{i}", f"c{i}"): 10 + i for i in range(12)}
        ranks = pl.DataFrame(
            {"axis": "rfm", "class": ["a", *(f"c{i}" for i in range(12))], "rank": range(1, 14)}
        )
        picture = alluvial(migration(moved_now(counts), []), ranks)
        picture.figure.canvas.draw()
        for side in picture.figure.axes:
            names = [text for text in side.get_yticklabels() if text.get_text()]
            assert len(names) == 6
            assert names[0].get_text() == "a 96.4%"
            assert "Other classes" in names[-1].get_text().replace("\n", " ")
            boxes = [text.get_window_extent() for text in names]
            assert all(above.y0 > below.y1 for above, below in pairwise(boxes))
        assert "everybody stayed" in picture.alt

    def test_an_emptied_class_keeps_its_place_on_both_sides(self):
        found = migration(moved_now({("at_risk", "loyal"): 4, ("loyal", "loyal"): 4}), [])
        sides = alluvial(found, RANKS).figure.axes
        shown = [[text.get_text() for text in side.get_yticklabels()] for side in sides]
        assert shown == [["Loyal 50.0%", "At risk 50.0%"], ["Loyal 100.0%", "At risk 0.0%"]]

    def test_hairs_are_not_drawn_and_the_figure_says_so(self):
        found = migration(moved_now({("loyal", "loyal"): 998, ("loyal", "lost"): 2}), [])
        axes = alluvial(found, RANKS).figure.axes[0]
        assert axes.get_xlabel() == "flows below 0.3% not drawn: 0.2% in all"
        assert len(axes.collections) == 1

    def test_negative_parts_lie_left_of_zero_and_the_mark_shows_the_sum(self):
        picture = parts_bar(parts(migration(steps(SIX), [])))
        axes = picture.figure.axes[0]
        ends = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
        assert ends == [(0.0, -1 / 6), (0.0, 0.5), (0.5, 0.5)]
        assert axes.lines[0].get_xdata().tolist() == [pytest.approx(2 / 6)]
        assert "33.3% (+50.0% by time alone, +0.0% by what customers did, −16.7%" in picture.alt

    def test_nothing_to_draw_is_said_in_words(self):
        nothing = migration(steps([]), [])
        assert isinstance(alluvial(nothing, RANKS), Sentence)
        assert isinstance(parts_bar(parts(nothing)), Sentence)
        still = parts(migration(steps([SIX[0]]), []))
        assert parts_bar(still).alt == label("migration.parts_still_alt")

    def test_pictures_are_light(self, planted):
        data, _ = alluvial(migration(planted[0], []), RANKS)._repr_mimebundle_()
        assert len(data["image/png"]) < 200_000
