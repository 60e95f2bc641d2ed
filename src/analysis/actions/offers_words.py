"""Computed sentences and readable rows about offers, as arguments for `run.say` and `run.table`."""

import polars as pl

from analysis.actions import offers_backtest as backtest
from analysis.actions.baskets import Baskets
from analysis.actions.pairs import MOST_PAIRS, confirmation
from analysis.labels import group, label
from analysis.report.show import Share, percent

_KEYS = {"list": "offer_list", "method": "offer_method", "against": "offer_method"}
_KEYS |= {"reason": "offer_left_out", "kind": "pair_kind", "level": "pair_level"}


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Any frame of this part with the keys of its columns replaced by words, for `run.table`."""
    names = [name for name in _KEYS if name in frame.columns]
    return frame.with_columns(
        pl.col(name).cast(pl.String).replace(group(_KEYS[name])) for name in names
    )


def offer_rows(offers: pl.DataFrame, catalogue: pl.DataFrame) -> pl.DataFrame:
    """Lists for readers, one row per customer, list and rank.

    Args:
        offers: the table `offers`, or some of its rows.
        catalogue: as `baskets` returns it.

    Returns:
        `customer_id`, `list`, `rank`, `product` (its name, else its id), `reason` (in words), `due`
        (1.0: as many days as usually pass between two), `last_price`.
    """
    name = pl.coalesce("product_name", "product_id")
    names = catalogue.select(because="product_id", because_name=name)
    words = group("offer_why")
    once = pl.col("times") == 1
    own = pl.format(words["own"].replace("{times}", "{}"), "times")
    similar = pl.format(words["similar"].replace("{because}", "{}"), "because_name")
    reason = (
        pl.when(pl.col("why") == "similar")
        .then(similar)
        .when(pl.col("why") == "popular")
        .then(pl.lit(words["popular"]))
        .when(once)
        .then(pl.lit(words["own_once"]))
        .otherwise(own)
    )
    rows = offers.join(names, on="because", how="left", maintain_order="left")
    columns = ("customer_id", "list", "rank")
    return readable(
        rows.select(*columns, "due", "last_price", product=name, reason_text=reason)
    ).select(*columns, "product", "due", "last_price", reason="reason_text")


def per_customer(offers: pl.DataFrame, name: str) -> pl.DataFrame:
    """A list as people load it elsewhere: one row per customer.

    Args:
        offers: the table `offers`.
        name: of the list: due_again or try_next.

    Returns:
        `customer_id` and, for each rank, `product_1`, `product_name_1` and so on; by customer.
    """
    rows = offers.filter(pl.col("list").cast(pl.String) == name)
    ranks = range(1, (rows["rank"].max() or 0) + 1)
    names = ("product_id", "product_name")
    columns = [
        pl.col(one).filter(pl.col("rank") == rank).first().alias(f"{one.replace('_id', '')}_{rank}")
        for rank in ranks
        for one in names
    ]
    return rows.group_by("customer_id").agg(columns).sort("customer_id")


def pair_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs that the later half confirmed, for readers, those furthest beyond chance first.

    Args:
        pairs: as `product_pairs` returns it.

    Returns:
        `kind`, `level`, `antecedent`, `consequent` (names, else ids), `together`, `confidence`, `lift`,
        `later_lift`.
    """
    ends = {end: pl.coalesce(f"{end}_name", end).alias(end) for end in ("antecedent", "consequent")}
    some = pairs.filter(pl.col("confirmed").fill_null(False))
    order = [pl.col("by_chance") - pl.col("together"), pl.col("antecedent"), pl.col("consequent")]
    measures = ("together", "confidence", "lift", "later_lift")
    return readable(some.sort(order).select("kind", "level", *ends.values(), *measures))


def counted(found: Baskets, has_products: bool) -> list[dict]:
    """What the lists rest on, and which lines do not count.

    Args:
        found: as `baskets` returns it.
        has_products: whether there is a table of products.
    """
    lines = found.lines
    if lines.is_empty():
        return [{"key": "offer_page.no_lines"}]
    counts = {"lines": lines.height, "customers": lines["customer_id"].n_unique()}
    days = lines.select("customer_id", "day").n_unique()
    said = [{"key": "offer_page.counted", "baskets": days, **counts}]
    words = [
        label("offer_page.left_out_one", lines=f"{count:,}", reason=reason)
        for reason, count in readable(found.left_out).iter_rows()
    ]
    if words:
        said.append({"key": "offer_page.left_out", "listed": "; ".join(words)})
    else:
        said.append({"key": "offer_page.none_left_out"})
    if not has_products:
        said.append({"key": "offer_page.no_products"})
    return said if found.has_categories else [*said, {"key": "offer_page.no_categories"}]


def tried(tested: pl.DataFrame, has_categories: bool = True) -> list[dict]:
    """Which lists are shown, and why not the others.

    Args:
        tested: the table `offer_backtest`.
        has_categories: without categories nothing is said of latent needs.
    """
    rows = {row["method"]: row for row in tested.to_dicts()}
    said = []
    for name in backtest.LISTS:
        if name == backtest.LATENT_NEED and not has_categories:
            continue
        said.append(_won(rows[name], rows))
    due, own = rows[backtest.BY_DUE], rows[backtest.OWN_TOP]
    if due["customers"]:
        key = "offer_page.due_wins" if due["difference_low"] > 0 else "offer_page.due_loses"
        said.insert(1, {"key": key, **_points(due)})
        said.insert(2, {"key": "offer_page.own_alone", "rate": Share(own["hit_rate"])})
    return said


def offered(offers: pl.DataFrame) -> list[dict]:
    """For how many customers there are lists, and what they hold.

    Args:
        offers: the table `offers`.
    """
    said = []
    for name, kind in ((backtest.DUE_AGAIN, "own"), (backtest.TRY_NEXT, "similar")):
        rows = offers.filter(pl.col("list").cast(pl.String) == name)
        if rows.height:
            said.append(
                {
                    "key": "offer_page.offered",
                    "name": label(f"offer_list.{name}"),
                    "customers": rows["customer_id"].n_unique(),
                    "share": Share((rows["why"].cast(pl.String) == kind).mean()),
                    "kind": label(f"offer_page.{kind}_kind"),
                }
            )
    return said


def paired(pairs: pl.DataFrame) -> list[dict]:
    """How many pairs were found, and how many the later half confirms.

    Args:
        pairs: as `product_pairs` returns it.
    """
    said = []
    for row in readable(confirmation(pairs)).to_dicts():
        found = f"{row['pairs']:,}"
        if row["pairs"] == MOST_PAIRS:
            found = label("offer_page.pairs_kept", pairs=found)
        names = {"kind": row["kind"].capitalize(), "level": row["level"], "pairs": found}
        if not row["tried"]:
            said.append({"key": "offer_page.pairs_untried", **names})
            continue
        rates = {name: Share(row[name]) for name in ("share", "low", "high")}
        counts = {name: row[name] for name in ("tried", "confirmed")}
        said.append({"key": "offer_page.pairs", **names, **counts, **rates})
    return said or [{"key": "offer_page.no_pairs"}]


def needed(needs: pl.DataFrame, tested: pl.DataFrame) -> list[dict]:
    """How many customers lack a category that their look-alikes buy; nothing where that did not win.

    Args:
        needs: the table `latent_needs`.
        tested: the table `offer_backtest`.
    """
    if not tested.filter(pl.col("method") == backtest.LATENT_NEED)["shown"].any():
        return []
    if needs.is_empty():
        return [{"key": "offer_page.no_needs"}]
    common = (
        needs.group_by("category").len("count").sort(-pl.col("count").cast(pl.Int64), "category")
    )
    category, count = common.row(0)
    facts = {"customers": needs["customer_id"].n_unique(), "category": category, "count": count}
    return [{"key": "offer_page.needs", **facts}]


def _won(row: dict, rows: dict[str, dict]) -> dict:
    """Whether a list won over what it must beat."""
    name = label(f"offer_list.{row['list']}")
    if not row["customers"]:
        first = row["list"] == backtest.DUE_AGAIN or not rows[backtest.DUE_AGAIN]["customers"]
        key = "offer_page.untested" if first else "offer_page.untested_new"
        return {"key": key, "name": name, "months": backtest.MONTHS}
    other = rows[row["against"]]
    shares = {"rate": Share(row["hit_rate"]), "low": Share(row["low"]), "high": Share(row["high"])}
    facts = {
        "name": name,
        "customers": row["customers"],
        "what": label(f"offer_aim.{row['list']}"),
        "method": label(f"offer_method.{row['against']}"),
        "other": Share(other["hit_rate"]),
        **shares,
        **_points(row),
    }
    if row["difference_low"] > 0:
        return {"key": "offer_page.won", "hits": row["hits"], **facts}
    return {"key": "offer_page.not_won", **facts}


def _points(row: dict) -> dict:
    names = ("difference", "difference_low", "difference_high")
    return {name: f"{row[name] * 100:+.1f}" for name in names}


def rate_words(row: dict) -> str:
    """A method and its hit rate, for the text beside a figure."""
    words = readable(pl.DataFrame([{name: row[name] for name in ("list", "method")}]))
    name, method = words.row(0)
    return label("offer_page.hit_alt_one", name=name, method=method, rate=percent(row["hit_rate"]))
