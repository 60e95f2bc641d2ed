"""A month is drawn once: whatever is known later, who was assigned stays assigned."""

import polars as pl
from actions.plan_small import AS_OF, NOBODY, possible, shop, willing
from polars.testing import assert_frame_equal

from analysis.actions.draw import draw
from analysis.actions.plan import plan

SHOP = shop(contact_capacity=40)
ROWS = possible(*((f"K{n:03}", "retention", 10.0 + n, 1, "loyal") for n in range(60)))


def made(rows: pl.DataFrame, settings=SHOP):
    return plan(rows, willing(rows), NOBODY, settings, AS_OF)


def first_draw():
    return draw(ROWS, made(ROWS), pl.DataFrame(), SHOP, AS_OF)


def test_the_same_month_again_gives_the_same_plan():
    first = first_draw()
    again = draw(ROWS, made(ROWS), first.assignments, SHOP, AS_OF)
    names = first.assigned.columns
    assert_frame_equal(again.assigned.select(names), first.assigned, check_dtypes=False)
    assert_frame_equal(again.made.left_out, first.made.left_out, check_dtypes=False)


def test_with_other_data_nobody_is_drawn_anew_and_every_candidate_is_accounted_for():
    first = first_draw()
    more = possible(*((f"N{n:03}", "retention", 99.0, 1, "loyal") for n in range(30)))
    later = pl.concat([ROWS, more])
    again = draw(later, made(later), first.assignments, SHOP, AS_OF)
    assert again.assignments.equals(first.assignments)
    reasons = again.made.left_out.filter(pl.col("customer_id").str.starts_with("N"))["reason"]
    assert "drawn_before" in reasons.to_list()
    assert again.made.chosen.height + again.made.left_out.height == later.height
