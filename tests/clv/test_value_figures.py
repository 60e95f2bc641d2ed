"""Figures of net value state their finding, whatever the base looks like."""

import polars as pl
import pytest
from clv.small import money
from matplotlib import pyplot

from analysis.clv import contribution, value_figures
from analysis.report.show import Picture, Sentence

PARTS = ["start", "left", "new_customers", "purchases", "ageing", "model", "end"]


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    pyplot.close("all")


def curve(*amounts: str) -> pl.DataFrame:
    return contribution.pareto(pl.DataFrame({"past_net": money(*amounts)}))


def test_the_curve_states_what_the_best_fifth_hold():
    found = value_figures.pareto(curve("60", "10", "10", "10", "10"))
    assert isinstance(found, Picture)
    assert found.alt == (
        "Pareto curve: the best 20% of the customers hold 60% of the net value to date."
    )


def test_the_curve_says_when_it_goes_above_the_whole():
    assert "rises to 125.0%" in value_figures.pareto(curve("5", "-1")).alt


def test_without_a_total_there_is_a_sentence_in_place_of_a_curve():
    assert isinstance(value_figures.pareto(curve("-1", "0")), Sentence)
    assert isinstance(value_figures.pareto(curve("4")), Picture)


@pytest.mark.parametrize(
    ("amounts", "largest"),
    [
        (("1000", "0", "50", "200", "-300", "-10", "940"), "time without purchase, -300"),
        (("0", "0", "50", "0", "0", "0", "50"), "new customers, +50"),
        (("100000", "-10", "50", "0", "0", "0", "100040"), "new customers, +50"),
        (("0", "0", "0", "0", "0", "0", "0"), "no longer there, +0"),
        (("10", "0", "0", "0", "-30", "0", "-20"), "time without purchase, -30"),
    ],
)
def test_the_waterfall_states_its_largest_part(amounts, largest):
    parts = pl.DataFrame({"part": PARTS, "amount": money(*amounts)})
    found = value_figures.waterfall(parts, "USD")
    if "+0" not in largest:
        assert largest in found.alt
    cut = found.figure.axes[0].get_xlim()[0] > 0
    assert cut == ("does not begin at zero" in found.alt)


def test_cost_to_serve_names_the_class_where_the_shares_differ_most():
    rows = pl.DataFrame(
        {
            "axis": "rfm",
            "class": ["champions", "loyal", "lost"],
            "share_of_margin": [0.7, 0.2, 0.1],
            "share_of_cost": [0.3, 0.25, 0.45],
            "served": ["less", "more", "more"],
        }
    )
    found = value_figures.cost_to_serve(rows, "rfm")
    assert found.alt.endswith("They differ most for Champions: 30% of the cost, 70% of the margin.")
    assert isinstance(value_figures.cost_to_serve(rows, "cluster"), Sentence)
