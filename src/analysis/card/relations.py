"""Whom customers belong to: the map of classes, owners and products, and one customer's relations."""

import networkx
import polars as pl

from analysis.card.lines import known_lines
from analysis.labels import label
from analysis.report.privacy import hashed
from analysis.report.show import worded

RADIUS = 2
MOST_PRODUCTS = 10
_PHONE = r"^\+?(?:86)?1[3-9]\d{9}$|^\+\d{8,15}$"
_NODE = ["node_id", "kind", "label", "customers", "spend"]
_EDGE = ["source", "target", "kind", "customers", "spend"]


def graph(
    segments: pl.DataFrame,
    facts: pl.DataFrame,
    profiles: pl.DataFrame,
    relations: pl.DataFrame,
    order_lines: pl.DataFrame,
    products: pl.DataFrame,
    axis: str = "cluster",
    *,
    orders: pl.DataFrame | None = None,
    staff: pl.DataFrame | None = None,
    salt: str = "",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The map for readers: classes joined with their owners and with what they buy, added up.

    Args:
        segments: the table `segments`.
        facts: `customer_id`, `spend` (to date) of each customer with a purchase.
        profiles, relations, products: the tables of these names; each may be without rows.
        order_lines: the table `order_lines`; may be without rows.
        orders: the table `orders`, for the customers of lines that name none.
        axis: whose classes are drawn.
        staff: the table `staff`; an owner written as a name is known by its id there.
        salt: name of the data set, for hashes of owners.

    Returns:
        Nodes, one row per class, owner, category and best-selling product: `node_id`, `kind`,
        `label`, `customers`, `spend` (of customers to date; of categories and products the money of
        their lines). The customers of all classes are all customers, and so are those of all owners
        where any is known.
        Edges, one row per pair and kind: `source`, `target`, `kind` (`owner_class`,
        `class_category`, `category_product`, or `class_product` where no category is known; and the
        kinds of relations, from class to class), `customers`, `spend`.
    """
    members = _members(segments, facts, profiles, axis, staff, salt)
    lines = known_lines(order_lines, products, orders)
    bought = lines.join(members.select("customer_id", "class_node"), on="customer_id")
    parts = [_owners(members), _goods(bought)]
    classes = _node(members, "class_node", "class", pl.col("class_label").first())
    between = _between_classes(members, links(relations, profiles))
    nodes = pl.concat([classes, *(one for one, _ in parts)])
    edges = pl.concat([between, *(one for _, one in parts)])
    return nodes.sort("kind", "node_id"), edges.sort(*_EDGE[:3])


def _owners(members: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Owners, and how many customers of each class each of them has."""
    owned = members.filter(pl.col("owner_node").is_not_null())
    return (
        _node(owned, "owner_node", "owner", pl.col("owner_label").first()),
        _edge(owned, "owner_node", "class_node", "owner_class"),
    )


def _goods(bought: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Categories and the best-selling products, and which class buys them."""
    bought = bought.with_columns(
        category_node="category:" + pl.col("category"),
        product_node="product:" + pl.col("product_id"),
    )
    known = bought.filter(pl.col("category").is_not_null())
    named = bought.filter(pl.col("product_id").is_not_null())
    products = _node(named, "product_node", "product", pl.col("product").min())
    best = products.sort(["spend", "node_id"], descending=[True, False]).head(MOST_PRODUCTS)
    of_best = bought.join(best.select(product_node="node_id"), on="product_node", how="semi")
    in_categories = of_best.filter(pl.col("category").is_not_null())
    edges = [
        _edge(known, "class_node", "category_node", "class_category"),
        _edge(in_categories, "category_node", "product_node", "category_product"),
    ]
    if known.is_empty():
        edges.append(_edge(of_best, "class_node", "product_node", "class_product"))
    categories = _node(known, "category_node", "category", pl.col("category").first())
    return pl.concat([categories, best]), pl.concat(edges)


def _members(segments, facts, profiles, axis, staff, salt) -> pl.DataFrame:
    """One row per customer of the axis: its class and owner as nodes, its spend to date."""
    own = segments.filter(pl.col("axis") == axis).select("customer_id", "class")
    spend = facts.select("customer_id", amount=pl.col("spend"))
    joined = own.join(spend, on="customer_id", how="left").join(
        owners(profiles, staff, salt), on="customer_id", how="left"
    )
    known = joined["owner"].null_count() < joined.height
    words = worded(joined.select("class")).rename({"class": "class_label"})
    owner = pl.col("owner").fill_null("") if known else pl.lit(None, pl.String)
    return joined.with_columns(
        words["class_label"],
        amount=pl.col("amount").fill_null(0),
        class_node="class:" + pl.col("class"),
        owner_node="owner:" + owner,
        owner_label=pl.col("owner").fill_null(label("relations.no_owner")),
    ).sort("customer_id")


def _node(rows: pl.DataFrame, node: str, kind: str, name: pl.Expr) -> pl.DataFrame:
    return (
        rows.group_by(node_id=node)
        .agg(label=name, **_weights())
        .select("node_id", "label", "customers", "spend", kind=pl.lit(kind))
        .select(_NODE)
    )


def _edge(rows: pl.DataFrame, source: str, target: str, kind: str) -> pl.DataFrame:
    added = rows.group_by(source=source, target=target).agg(**_weights())
    return added.with_columns(kind=pl.lit(kind)).select(_EDGE)


def _weights() -> dict[str, pl.Expr]:
    return {
        "customers": pl.col("customer_id").n_unique().cast(pl.Int64),
        "spend": pl.col("amount").sum().cast(pl.Float64).round(4),
    }


def _between_classes(members: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Relations added up from class to class; the weight is that of the customers they lead to."""
    source = members.select(source="customer_id", source_node="class_node")
    target = members.select("customer_id", "amount", target_node="class_node")
    joined = found.join(source, on="source").join(target, left_on="target", right_on="customer_id")
    each = joined.rename({"target": "customer_id"}).unique(
        ["source_node", "target_node", "kind", "customer_id"]
    )
    added = each.group_by("source_node", "target_node", "kind").agg(**_weights())
    return added.rename({"source_node": "source", "target_node": "target"}).select(_EDGE)


def owners(profiles: pl.DataFrame, staff: pl.DataFrame | None, salt: str) -> pl.DataFrame:
    """Who looks after each person, as pages may show it: `customer_id`, `owner`.

    Of a person's records the newest that names an owner counts.
    """
    named = profiles.filter(pl.col("owner").is_not_null()).sort(
        "updated_at", "customer_id", descending=[True, False], nulls_last=True
    )
    newest = named.unique("person_id", keep="first", maintain_order=True)
    shown = shown_owners(newest["owner"], staff, salt)
    return newest.select(customer_id="person_id").with_columns(owner=shown)


def shown_owners(received: pl.Series, staff: pl.DataFrame | None, salt: str) -> pl.Series:
    """Owners as pages may show them: the id of the staff; a name that has none is hashed.

    Systems write the owner of a record now as an id, now as a name. What is neither an id of the
    staff nor mostly digits is taken for a name, and so is what could be a phone number.

    Args:
        received: owners as the records have them.
        staff: the table `staff`, or None.
        salt: name of the data set.
    """
    ids, names = pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String)
    if staff is not None:
        ids, names = staff["staff_id"], staff["name"].drop_nulls()
        known = staff.filter(pl.col("name").is_not_null()).unique("name", keep="none")
        received = received.replace(known["name"], known["staff_id"])
    digits = received.str.count_matches(r"[0-9]")
    plain = received.str.contains(r"^[!-?A-~]+$") & (2 * digits >= received.str.len_chars())
    listed = received.is_in(ids.implode()) & ~received.is_in(names.implode())
    is_id = (plain | listed) & ~received.str.contains(_PHONE)
    return hashed(received, salt).zip_with(~is_id, received)


def links(relations: pl.DataFrame, profiles: pl.DataFrame) -> pl.DataFrame:
    """Who is joined to whom, from the table of relations and from the customers' records.

    Args:
        relations: the table `relations`: `to_id` is the parent, partner or contact of `from_id`, or
            was recommended by it.
        profiles: the table `profiles`; its `parent_id` and `referrer_id` say the same of a record.

    Returns:
        One row per pair and kind: `source`, `target` (persons), `kind`. A referral leads from who
        recommended to who came; a parent is the target.
    """
    person = pl.col("other").replace(profiles["customer_id"], profiles["person_id"])
    listed = relations.select(source="from_id", target="to_id", kind="kind")
    parents = profiles.select("person_id", other="parent_id").drop_nulls()
    referrers = profiles.select("person_id", other="referrer_id").drop_nulls()
    found = [
        listed,
        parents.select(source="person_id", target=person, kind=pl.lit("parent")),
        referrers.select(source=person, target="person_id", kind=pl.lit("referral")),
    ]
    apart = pl.col("source") != pl.col("target")
    return pl.concat(found).filter(apart).unique().sort("source", "target", "kind")


def ego(
    customer_id: str,
    relations: pl.DataFrame,
    profiles: pl.DataFrame,
    segments: pl.DataFrame,
    facts: pl.DataFrame,
    radius: int = RADIUS,
    axis: str = "cluster",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The customers within some steps of one, by referrals, parent companies, contacts, partners.

    Args:
        customer_id: of the person in the middle.
        relations, profiles, segments: the tables of these names.
        facts: `customer_id`, `spend` of each customer with a purchase.
        radius: most steps from the middle.
        axis: whose class is named.

    Returns:
        Nodes, one row per customer, the nearest first: `customer_id`, `distance` (steps; 0 the one
        in the middle), `class`, `spend` (null without a purchase), `group_size` (customers joined to
        the middle by any number of steps, itself included).
        Edges: as `links`, between these nodes.
    """
    found = links(relations, profiles)
    whole = networkx.Graph()
    whole.add_node(customer_id)
    whole.add_edges_from(found.select("source", "target").iter_rows())
    distance = networkx.single_source_shortest_path_length(whole, customer_id, cutoff=radius)
    group_size = len(networkx.node_connected_component(whole, customer_id))
    near = pl.DataFrame(
        {"customer_id": list(distance), "distance": list(distance.values())},
        schema={"customer_id": pl.String, "distance": pl.Int64},
    )
    classes = segments.filter(pl.col("axis") == axis).select("customer_id", "class")
    nodes = (
        near.join(classes, on="customer_id", how="left")
        .join(facts.select("customer_id", "spend"), on="customer_id", how="left")
        .with_columns(group_size=pl.lit(group_size, pl.Int64))
        .sort("distance", "customer_id")
    )
    inside = pl.col("source").is_in(list(distance)) & pl.col("target").is_in(list(distance))
    return nodes, found.filter(inside)


def neighbours(nodes: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Those joined to the middle directly, as seen from there, the most spend first.

    Args:
        nodes, edges: as `ego` returns them.

    Returns:
        One row per relation: `relation` (in words), `customer_id`, `class`, `spend`.
    """
    middle = nodes.filter(pl.col("distance") == 0)["customer_id"][0]
    sides = [("source", "target", "to"), ("target", "source", "from")]
    rows = pl.concat(
        edges.filter(pl.col(here) == middle).select("kind", customer_id=there, side=pl.lit(side))
        for here, there, side in sides
    )
    seen = rows.select("kind", "side").iter_rows()
    words = [label(f"relations.seen.{kind}_{side}") for kind, side in seen]
    return (
        rows.with_columns(relation=pl.Series(words, dtype=pl.String))
        .join(nodes, on="customer_id")
        .sort(
            ["spend", "customer_id", "relation"], descending=[True, False, False], nulls_last=True
        )
        .select("relation", "customer_id", "class", "spend")
    )
