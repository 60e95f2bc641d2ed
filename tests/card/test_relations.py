"""The map adds up and names nobody; the graph of one customer's relations, by hand."""

import polars as pl
import pytest
from card.small import profile, table
from polars.testing import assert_frame_equal

from analysis import tables
from analysis.card import figures, relations
from analysis.report.show import Picture, Sentence

CLASSES = {"A": "loyal", "B": "loyal", "C": "one_time", "D": "one_time"}
SPEND = {"A": 100.0, "B": 50.0, "C": 10.0, "D": 5.0}
FACTS = pl.DataFrame({"customer_id": list(SPEND), "spend": list(SPEND.values())})
SEGMENTS = table(
    "segments",
    *({"customer_id": one, "axis": "cluster", "class": name} for one, name in CLASSES.items()),
    *({"customer_id": one, "axis": "rfm", "class": "lost"} for one in CLASSES),
)
PROFILES = table(
    "profiles",
    profile("A", owner="1001"),
    profile("B", owner="Lin Xiaowen"),
    profile("C", owner="Zhao Qian"),
    profile("D", parent_id="b-old"),
    profile("b-old", person_id="B", referrer_id="A"),
)
STAFF = table("staff", {"staff_id": "1001", "name": "Lin Xiaowen"})
RELATIONS = table("relations", {"from_id": "A", "to_id": "C", "kind": "referral"})
LINES = table(
    "order_lines",
    *(
        {
            "order_id": "1",
            "customer_id": who,
            "product_id": what,
            "line_amount": money,
            "is_fee": fee,
        }
        for who, what, money, fee in [
            ("A", "p1", 60.0, False),
            ("A", "p2", 30.0, False),
            ("B", "p1", 20.0, False),
            ("C", "p3", 8.0, False),
            ("C", "post", 4.0, True),
        ]
    ),
)
PRODUCTS = table(
    "products",
    {"product_id": "p1", "product_name": "kettle", "category": "home"},
    {"product_id": "p2", "product_name": "fan", "category": "home"},
    {"product_id": "p3", "product_name": "tea", "category": "food"},
)
EVERYTHING = (SEGMENTS, FACTS, PROFILES, RELATIONS, LINES, PRODUCTS)
NOBODY, NOTHING = tables.empty("profiles"), tables.empty("relations")
BARE = (SEGMENTS, FACTS, NOBODY, NOTHING, tables.empty("order_lines"), tables.empty("products"))


def rows(frame: pl.DataFrame, kind: str) -> set[tuple]:
    return set(frame.filter(pl.col("kind") == kind).drop("kind").rows())


def test_the_map_of_four_customers():
    nodes, edges = relations.graph(*EVERYTHING, staff=STAFF, salt="shop")
    hashed = relations.hashed(pl.Series(["Zhao Qian"]), "shop")[0]
    assert rows(nodes, "class") == {
        ("class:loyal", "Loyal", 2, 150.0),
        ("class:one_time", "One-time buyers", 2, 15.0),
    }
    assert rows(nodes, "owner") == {
        ("owner:1001", "1001", 2, 150.0),
        (f"owner:{hashed}", hashed, 1, 10.0),
        ("owner:", "without an owner", 1, 5.0),
    }
    assert rows(nodes, "category") == {
        ("category:home", "home", 2, 110.0),
        ("category:food", "food", 1, 8.0),
    }
    assert rows(edges, "owner_class") == {
        ("owner:1001", "class:loyal", 2, 150.0),
        (f"owner:{hashed}", "class:one_time", 1, 10.0),
        ("owner:", "class:one_time", 1, 5.0),
    }
    assert rows(edges, "class_category") == {
        ("class:loyal", "category:home", 2, 110.0),
        ("class:one_time", "category:food", 1, 8.0),
    }
    assert rows(edges, "category_product") == {
        ("category:home", "product:p1", 2, 80.0),
        ("category:home", "product:p2", 1, 30.0),
        ("category:food", "product:p3", 1, 8.0),
    }
    assert rows(edges, "referral") == {
        ("class:loyal", "class:one_time", 1, 10.0),
        ("class:loyal", "class:loyal", 1, 50.0),
    }
    assert rows(edges, "parent") == {("class:one_time", "class:loyal", 1, 50.0)}


def test_nodes_and_edges_add_up_and_keep_their_contracts():
    nodes, edges = relations.graph(*EVERYTHING, staff=STAFF, salt="shop")
    for kind in ("class", "owner"):
        own = nodes.filter(pl.col("kind") == kind)
        assert (own["customers"].sum(), own["spend"].sum()) == (4, 165.0)
    owned = edges.filter(pl.col("kind") == "owner_class")
    assert (owned["customers"].sum(), owned["spend"].sum()) == (4, 165.0)
    known = set(tables.conform("map_nodes", nodes)["node_id"])
    ends = tables.conform("map_edges", edges)
    assert set(ends["source"]) | set(ends["target"]) <= known


def test_the_map_does_not_depend_on_the_order_of_rows():
    first = relations.graph(*EVERYTHING, staff=STAFF)
    shuffled = [one.sample(fraction=1, shuffle=True, seed=7) for one in EVERYTHING]
    for one, again in zip(first, relations.graph(*shuffled, staff=STAFF), strict=True):
        assert_frame_equal(one, again)


def test_without_categories_classes_lead_to_products():
    nodes, edges = relations.graph(*EVERYTHING[:5], tables.empty("products"))
    assert set(nodes["kind"]) == {"class", "owner", "product"}
    assert rows(edges, "class_product") == {
        ("class:loyal", "product:p1", 2, 80.0),
        ("class:loyal", "product:p2", 1, 30.0),
        ("class:one_time", "product:p3", 1, 8.0),
    }
    assert isinstance(figures.relations_map(nodes, edges), Picture)


def test_orders_alone_give_classes_without_a_line_to_anything():
    nodes, edges = relations.graph(*BARE)
    assert (nodes["kind"].to_list(), edges.height) == (["class", "class"], 0)
    assert isinstance(figures.relations_map(nodes, edges), Sentence)


OWNERS = {
    "1001": True,
    "KH00123": True,
    "zcrm_4876512345": True,
    "Lin Xiaowen": False,
    "林晓雯": False,
    "anna2": False,
    "ann@example.com": False,
    "13800138000": False,
    "+8613800138000": False,
    "FSUID": False,
}


@pytest.mark.parametrize("received", OWNERS)
def test_an_owner_is_shown_only_if_it_is_no_name(received):
    shown = relations.shown_owners(pl.Series([received, None]), None, "shop")
    assert (shown[0] == received) is OWNERS[received]
    assert shown[1] is None


def test_an_id_of_the_staff_is_shown_however_it_looks_and_two_of_one_name_are_hashed():
    staff = table(
        "staff",
        {"staff_id": "FSUID", "name": "Li"},
        {"staff_id": "7", "name": "Wang"},
        {"staff_id": "8", "name": "Wang"},
    )
    shown = relations.shown_owners(pl.Series(["FSUID", "Li", "Wang"]), staff, "shop").to_list()
    assert shown[:2] == ["FSUID", "FSUID"]
    assert shown[2] not in ("Wang", "7", "8")


def test_the_figure_folds_what_is_too_much_and_names_its_broadest_line():
    many = table("profiles", *(profile(one, owner=str(10 + n)) for n, one in enumerate("ABCDEFGH")))
    facts = pl.DataFrame({"customer_id": list("ABCDEFGH"), "spend": [float(n) for n in range(8)]})
    segments = table(
        "segments",
        *({"customer_id": one, "axis": "cluster", "class": "loyal"} for one in "ABCDEFGH"),
    )
    nodes, edges = relations.graph(segments, facts, many, *BARE[3:])
    picture = figures.relations_map(nodes, edges)
    assert picture.alt == (
        "Map of owners (6), classes (1), joined by customers; the broadest line, 3 customers, leads "
        "from 3 others to Loyal."
    )


def test_relations_come_from_the_table_and_from_the_records():
    assert relations.links(RELATIONS, PROFILES).rows() == [
        ("A", "B", "referral"),
        ("A", "C", "referral"),
        ("D", "B", "parent"),
    ]


def test_the_graph_of_a_customer_reaches_two_steps():
    nodes, edges = relations.ego("C", RELATIONS, PROFILES, SEGMENTS, FACTS)
    assert nodes.rows() == [
        ("C", 0, "one_time", 10.0, 4),
        ("A", 1, "loyal", 100.0, 4),
        ("B", 2, "loyal", 50.0, 4),
    ]
    assert edges.rows() == [("A", "B", "referral"), ("A", "C", "referral")]
    assert relations.neighbours(nodes, edges).rows() == [("recommended it", "A", "loyal", 100.0)]
    picture = figures.ego_graph(nodes, edges)
    assert picture.alt == (
        "Graph of relations. Customers joined to this one directly: 1; within 2 steps: 2; drawn: 2."
    )


def test_one_who_is_related_in_two_ways_is_told_twice():
    both = table(
        "relations",
        {"from_id": "A", "to_id": "C", "kind": "referral"},
        {"from_id": "C", "to_id": "A", "kind": "partner"},
        {"from_id": "C", "to_id": "C", "kind": "contact"},
    )
    nodes, edges = relations.ego("C", both, NOBODY, SEGMENTS, FACTS)
    words = relations.neighbours(nodes, edges)["relation"].to_list()
    assert words == ["partner", "recommended it"]


def test_a_customer_without_relations_is_alone():
    nodes, edges = relations.ego("Z", RELATIONS, PROFILES, SEGMENTS, FACTS)
    assert nodes.rows() == [("Z", 0, None, None, 1)]
    assert relations.neighbours(nodes, edges).is_empty()
    assert repr(figures.ego_graph(nodes, edges)) == "No relation to another customer is known."


def test_of_many_neighbours_those_of_most_spend_are_drawn():
    star = table(
        "relations",
        *({"from_id": "A", "to_id": f"n{n:02d}", "kind": "referral"} for n in range(30)),
    )
    nodes, edges = relations.ego("A", star, NOBODY, SEGMENTS, FACTS)
    assert nodes.height == 31
    assert figures.ego_graph(nodes, edges).alt.endswith("within 2 steps: 30; drawn: 13.")
