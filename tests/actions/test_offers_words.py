"""What is said and drawn of offers: chosen by the numbers, complete also where there is nothing."""

import polars as pl
import pytest
from actions.offers_small import day, line, order, order_lines, orders, products, tastes

from analysis import tables
from analysis.actions import offers_backtest as backtest
from analysis.actions import offers_figures, offers_words
from analysis.actions.offers import Offers, offers
from analysis.labels import group
from analysis.report.show import Picture, Prose, Sentence
from analysis.run.settings import Settings

EMPTY = {name: tables.empty(name) for name in ("order_lines", "products")}
SETTINGS = Settings(
    name="shop",
    currency="EUR",
    time_zone="Europe/Berlin",
    sources=[{"table": "orders", "path": "orders.csv"}],
)


def said(result: Offers, has_products: bool = False) -> str:
    sentences = [
        *offers_words.counted(result.baskets, has_products),
        *offers_words.tried(result.backtest, result.baskets.has_categories),
        *offers_words.offered(result.offers),
        *offers_words.paired(result.pairs),
        *offers_words.needed(result.needs, result.backtest),
    ]
    text = "\n".join(
        repr(Prose(one["key"], {name: one[name] for name in one if name != "key"}, SETTINGS))
        for one in sentences
    )
    assert "None" not in text and "nan" not in text and "{" not in text
    return text


@pytest.fixture(scope="module")
def shop() -> Offers:
    return offers(tastes(150), **EMPTY, as_of=day(366))


def test_a_shop_with_tastes_is_told_what_is_shown_and_why(shop):
    text = said(shop)
    assert "The list due again is shown: it hit" in text
    assert "The list try next is shown: it hit" in text
    assert "does not change the order" in text
    assert "There is no table of products" in text
    assert "No product has a category" in text
    assert "latent need is" not in text


def test_no_lines_at_all_are_told_in_one_line_each():
    text = said(offers(orders(), **EMPTY, as_of=day(9)))
    assert "No order of this data set names a product" in text
    assert "The list due again could not be tried" in text
    assert "No pair of products goes together" in text


def test_one_basket_each_cannot_be_tried():
    rows = [order(n, f"c{n}", n, 5, product_id="a") for n in range(1, 9)]
    text = said(offers(orders(*rows), **EMPTY, as_of=day(20)))
    assert "The list due again could not be tried: in the last 12 months no customer" in text
    assert "8 products in 8 baskets of 8 customers count" in text


def test_nothing_new_to_guess_is_told_apart_from_nobody_to_test():
    rows = [order(n, f"c{n % 9}", 40 * (n // 9) + 1, 5, product_id="a") for n in range(1, 36)]
    text = said(offers(orders(*rows), **EMPTY, as_of=day(200)))
    assert "The list try next could not be tried: no last basket" in text
    assert "The list due again is not shown: it hit 100.0%" in text


def test_what_does_not_count_is_listed_in_words():
    goods = products(("a", "Apple", "fruit", 2, False), ("s", "Repair", "service", 9, True))
    lines = order_lines(
        line(1, "O1", "a"), line(2, "O1", "s"), line(3, "O1", "P", is_fee=True), line(4, "O7", "a")
    )
    result = offers(orders(order(1, "x", 1, 5)), lines, goods, day(9))
    text = said(result, has_products=True)
    assert (
        "Lines that do not count: 1 of orders that were set aside, or of no known customer; "
        "1 postage, fees and manual entries; 1 services." in text
    )


def test_a_win_by_due_ness_is_said_so():
    rows = [
        (f"c{n:02}", day(1), "due_again", name, n < hits, float(n < hits))
        for name, hits in
        (("due_again", 60), ("due_again_by_due", 90), ("own_top", 50), ("popular", 20))
        for n in range(100)
    ]  # fmt: skip
    tested = backtest.summary(pl.DataFrame(rows, schema=backtest.OUTCOME, orient="row"))
    keys = [one["key"] for one in offers_words.tried(tested)]
    assert keys[:3] == ["offer_page.won", "offer_page.due_wins", "offer_page.own_alone"]


def test_rows_for_readers_name_products_and_reasons(shop):
    rows = offers_words.offer_rows(shop.offers, shop.baskets.catalogue)
    assert rows.height == shop.offers.height
    assert set(rows["list"]) == {"due again", "try next"}
    first = rows.filter((pl.col("list") == "due again") & (pl.col("rank") == 1))
    assert first["reason"].str.contains(r"^bought (?:once|\d+ times)$").all()
    new = rows.filter(pl.col("list") == "try next")
    assert new["reason"].str.contains(r"^(?:goes with p\d\d|popular, fills the list)$").all()
    assert rows["product"].null_count() == 0


def test_a_list_to_load_elsewhere_has_one_row_per_customer(shop):
    wide = offers_words.per_customer(shop.offers, "due_again")
    assert wide["customer_id"].is_unique().all()
    assert wide.columns[:3] == ["customer_id", "product_1", "product_name_1"]
    assert wide.width == 21
    assert offers_words.per_customer(shop.offers.clear(), "due_again").is_empty()


def test_pairs_for_readers_are_those_that_show_again(shop):
    rows = offers_words.pair_rows(shop.pairs)
    assert rows.height == shop.pairs["confirmed"].sum()


def test_the_figure_states_its_rates_and_knows_when_there_are_none(shop):
    drawn = offers_figures.hit_rates(shop.backtest)
    assert isinstance(drawn, Picture)
    assert drawn.alt.count("%") >= 6
    assert "try next, goes with what was bought" in drawn.alt
    none = offers_figures.hit_rates(shop.backtest.with_columns(customers=0))
    assert isinstance(none, Sentence)


def test_every_key_has_its_words():
    for name, methods in backtest.LISTS.items():
        assert group("offer_list")[name] and group("offer_aim")[name]
        for method in methods:
            assert group("offer_method")[method]
