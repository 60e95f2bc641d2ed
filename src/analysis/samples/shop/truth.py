"""What is true of the simulated retailer, for tests only: no settings file ever names these tables."""

import json
from dataclasses import asdict
from pathlib import Path

import polars as pl

from analysis.samples.shop.accounts import MEMBER_SHARE
from analysis.samples.shop.exports import FIRST_STAFF
from analysis.samples.shop.orders import SALE_STATUS, trusted
from analysis.samples.shop.parameters import (
    CAMPAIGNS,
    CLASSES,
    DROPOUT_FACTOR,
    END,
    START,
    TIME_ZONE,
    to_date,
    yuan,
)
from analysis.samples.shop.purchases import dropouts
from analysis.samples.shop.records import DETERMINISTIC
from analysis.samples.shop.service import COMPLAINT_CATEGORIES
from analysis.samples.shop.surveys import COMPLAINT_COSTS
from analysis.samples.shop.world import World

_INTERNAL = ("nu", "latin", "person", "system", "first")


def write_truth(folder: Path, world: World, seed: int) -> None:
    """Write truth.json and the truth tables (CSV).

    Args:
        folder: to write into.
        world: the retailer.
        seed: that it was made from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in truth_tables(world).items():
        (folder / f"{name}.csv").write_text(frame.write_csv(), encoding="utf-8", newline="\n")
    text = json.dumps(planted(world, seed), ensure_ascii=False, indent=1)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def truth_tables(world: World) -> dict[str, pl.DataFrame]:
    """The tables of truth.

    Returns:
        `persons` (one row per person), `customer_ids` (per record), `duplicates` (per person with
        two records), `purchases` (per order that truly is one, amounts in yuan), `refunds` (per
        refunded order), `bad_rows` (per order row that no analysis may count), `campaign_members`.
    """
    persons = world.people.select("person", "person_id")
    rows = world.orders.rows.join(persons, on="person", how="left", maintain_order="left")
    return {
        "persons": _persons(world),
        "customer_ids": _customer_ids(world),
        "duplicates": _duplicates(world),
        "purchases": _purchases(world),
        "refunds": _refunds(rows),
        "bad_rows": rows.filter(pl.col("reason").is_not_null()).select(
            "file", "reason", "person_id", "customer_id", order_id="number"
        ),
        "campaign_members": world.responses.join(
            persons, on="person", maintain_order="left"
        ).select(
            "campaign_id",
            "person_id",
            "customer_id",
            "treated",
            "active",
            pl.col("uplift").round(6),
            extra_purchase_on=to_date(pl.col("extra_on")),
        ),
    }


def planted(world: World, seed: int) -> dict:
    """Everything that is a number or a name: parameters, effects, counts."""
    return {
        "seed": seed,
        "start": START.isoformat(),
        "end": END.isoformat(),
        "time_zone": TIME_ZONE,
        "sale_status": list(SALE_STATUS),
        "persons": world.people.height,
        "prospects": int(world.people["is_prospect"].sum()),
        "classes": {one.name: _class(one, world) for one in CLASSES},
        "complaints": _complaints(world),
        "campaigns": {one.campaign_id: _campaign(one, world) for one in CAMPAIGNS},
        "duplicates": _counts(world.records.filter(pl.col("place") == 2)["shared"]),
        "loyalty_member_share": MEMBER_SHARE,
        "orders": _order_dirt(world),
        "customers": _customer_dirt(world),
        "feedback": _counts(world.feedback["reason"]),
        "complaint_categories": COMPLAINT_CATEGORIES,
        "nps_points_lost_by_complaint": COMPLAINT_COSTS,
        "outlier": _outlier(world),
    }


def _class(one, world: World) -> dict:
    members = world.people.filter(pl.col("class") == one.name)
    return asdict(one) | {
        "mean_order_value": one.mean_order_value,
        "persons": members.height,
        "buyers": members.filter(~pl.col("is_prospect")).height,
    }


def _complaints(world: World) -> dict:
    repeats = world.purchases.filter(pl.col("repeat") > 0)
    return {
        "dropout_factor": DROPOUT_FACTOR,
        "complaints": world.purchases["complained_on"].count(),
        "persons": world.purchases.drop_nulls("complained_on")["person"].n_unique(),
        "repeat_purchases_after": int(repeats["raised"].sum()),
        "repeat_purchases_without": int((~repeats["raised"]).sum()),
        "dropouts_after": int((repeats["raised"] & repeats["dropped"]).sum()),
        "dropouts_without": int((~repeats["raised"] & repeats["dropped"]).sum()),
    }


def _campaign(one, world: World) -> dict:
    members = world.members.filter(pl.col("campaign_id") == one.campaign_id)
    return {
        "sent_on": one.sent_on.isoformat(),
        "window_days": one.window_days,
        "treated": int(members["treated"].sum()),
        "control": int((~members["treated"]).sum()),
        "uplift_if_active": one.uplift,
        "expected_uplift": round(members["uplift"].mean(), 6),
        "extra_purchases": members["extra_on"].count(),
    }


def _order_dirt(world: World) -> dict:
    rows = world.orders.rows
    created = world.records.select("customer_id", "created")
    known = rows.filter(pl.col("reason").is_null()).join(created, on="customer_id")
    fees = world.orders.lines.filter(pl.col("category").is_null()).join(rows, on="key")
    return {
        "rows": _counts(rows["file"]),
        "reasons": {
            file: _counts(rows.filter(pl.col("file") == file)["reason"])
            for file in ("jiandaoyun", "fxiaoke")
        },
        "refunded_in_full": rows.filter(pl.col("origin") == "refunded").height,
        "refunded_in_part": rows.filter(
            pl.col("reason").is_null()
            & (pl.col("origin") == "process")
            & pl.col("refund").is_between(1, pl.col("amount") - 1)
        ).height,
        "refund_rows": rows.filter(pl.col("origin") == "refund").height,
        "before_signup": known.filter(pl.col("day") < pl.col("created")).height,
        "fee_lines": _counts(fees["product_name"]),
        "amount_forms": _counts(rows["amount_form"]),
        "date_forms": _counts(rows["date_form"]),
    }


def _customer_dirt(world: World) -> dict:
    records = world.records
    return {
        "records": _counts(records["system"]),
        "test_accounts": records["test_name"].count(),
        "created_after_first_order": int(records["early"].sum()),
        **{
            name: _counts(records[name])
            for name in ("phone_form", "email_form", "birthday_form", "city_form")
        },
    }


def _outlier(world: World) -> dict:
    row = world.orders.rows.filter("is_outlier").row(0, named=True)
    return {
        "order_id": row["number"],
        "written": row["amount"] / 100,
        "meant": row["true_amount"] / 100,
    }


def _persons(world: World) -> pl.DataFrame:
    bought = world.purchases.group_by("person").agg(
        pl.col("complained_on").min(), first_purchase=pl.col("day").min()
    )
    known = world.people.join(bought, on="person", how="left", maintain_order="left").join(
        dropouts(world.purchases), on="person", how="left", maintain_order="left"
    )
    return known.with_columns(
        pl.col("rate", "dropout").round(9),
        owner=(pl.col("owner") + FIRST_STAFF).cast(pl.String),
        signup=to_date(pl.col("signup")),
        mean_order_value=_mean_order_value().round(4),
        first_purchase=to_date(pl.col("first_purchase")),
        complained_on=to_date(pl.col("complained_on")),
        dropped_out_on=to_date(pl.col("left_on")),
    ).drop(*_INTERNAL, "left_on")


def _mean_order_value() -> pl.Expr:
    """What the orders of a person are worth on average: p / nu, in yuan."""
    shape = pl.col("class").replace_strict({one.name: float(one.p) for one in CLASSES})
    return shape / pl.col("nu")


def _customer_ids(world: World) -> pl.DataFrame:
    return world.records.select(
        "customer_id",
        "person_id",
        "system",
        "place",
        "early",
        "phone_form",
        "email_form",
        "birthday_form",
        "city_form",
        is_test=pl.col("test_name").is_not_null(),
    ).sort("customer_id")


def _duplicates(world: World) -> pl.DataFrame:
    twice = world.records.filter(pl.col("shared").is_not_null())
    first = twice.filter(pl.col("place") == 1).select("person_id", "shared", first_id="customer_id")
    second = twice.filter(pl.col("place") == 2).select("person_id", second_id="customer_id")
    pairs = first.join(second, on="person_id").sort("person_id")
    return pairs.with_columns(deterministic=pl.col("shared").is_in(DETERMINISTIC))


def _purchases(world: World) -> pl.DataFrame:
    coins = world.purchases.with_row_index("purchase").select(
        pl.col("purchase").cast(pl.Int64), "repeat", "raised", "dropped", "complained_on"
    )
    bought = trusted(world.orders).join(
        world.people.select("person", "person_id"), on="person", maintain_order="left"
    )
    known = bought.join(coins, on="purchase", how="left", maintain_order="left")
    return known.select(
        "person_id",
        "customer_id",
        order_id="number",
        ordered_on=to_date(pl.col("day")),
        amount=yuan(pl.col("amount")),
        refunded=yuan(pl.col("amount") - pl.col("net")),
        net=yuan(pl.col("net")),
        origin="origin",
        repeat="repeat",
        raised="raised",
        dropped="dropped",
        complained_on=to_date(pl.col("complained_on")),
    ).sort("person_id", "ordered_on", "order_id")


def _refunds(rows: pl.DataFrame) -> pl.DataFrame:
    refunded = rows.filter((pl.col("refund") > 0) & (pl.col("origin") != "refund"))
    return refunded.select(
        "file",
        "person_id",
        order_id="number",
        amount=yuan(pl.col("amount")),
        refunded=yuan(pl.col("refund")),
        kind=pl.when(pl.col("refund") > pl.col("amount"))
        .then(pl.lit("beyond"))
        .when(pl.col("refund") == pl.col("amount"))
        .then(pl.lit("full"))
        .otherwise(pl.lit("partial")),
    ).sort("order_id")


def _counts(column: pl.Series) -> dict[str, int]:
    counted = column.drop_nulls().value_counts(name="count").sort(column.name)
    return dict(counted.rows())
