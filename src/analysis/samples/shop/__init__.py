"""shop: a simulated Chinese retailer whose truth is known, as exports of three CRMs and plain files.

About 3,000 customers over 30 months. What they are like, when they buy and leave, which campaigns
work and which records are wrong is planted (parameters.py, dirt.py), so that an analysis of the files
can be judged.
"""

from pathlib import Path

import polars as pl

from analysis.samples.shop import exports, spreadsheets, workbooks
from analysis.samples.shop.truth import write_truth
from analysis.samples.shop.world import World, simulate

__all__ = ["World", "simulate", "write"]


def write(folder: Path, seed: int = 1) -> None:
    """Write the exports below a folder, and what is true of them into its folder `truth`.

    Args:
        folder: is made if it does not exist; files in it are overwritten.
        seed: of all random numbers; equal seeds give equal bytes.
    """
    world = simulate(seed)
    folder.mkdir(parents=True, exist_ok=True)
    _write_orders(folder, world)
    _write_customers(folder, world)
    _write_service(folder, world)
    _write_spreadsheets(folder, world)
    write_truth(folder / "truth", world, seed)


def _write_orders(folder: Path, world: World) -> None:
    rows = world.orders.rows.with_columns(at=exports.at("day", "second"))
    lines = world.orders.lines
    rows = rows.sort("copy", "at", "key")
    home = pl.col("file") == "jiandaoyun"
    workbooks.write_orders(folder / "jiandaoyun_orders.xlsx", rows.filter(home), lines)
    orders = exports.sales_orders(rows.filter(~home), lines)
    exports.write_api(folder / "fxiaoke_orders.json", orders)


def _write_customers(folder: Path, world: World) -> None:
    by_system = {
        system: world.records.filter(pl.col("system") == system).sort("customer_id")
        for system in ("jiandaoyun", "fxiaoke", "zoho")
    }
    form = exports.jiandaoyun_customers(by_system["jiandaoyun"])
    workbooks.write_customers(folder / "jiandaoyun_customers.xlsx", form)
    exports.write_api(folder / "fxiaoke_accounts.json", exports.accounts(by_system["fxiaoke"]))
    contacts = exports.zoho_contacts(by_system["zoho"])
    exports.write_csv(folder / "zoho_contacts.csv", contacts, "utf-8-sig")


def _write_service(folder: Path, world: World) -> None:
    activities = exports.zoho_interactions(world.interactions)
    exports.write_csv(folder / "zoho_interactions.csv", activities, "utf-8-sig")
    gbk = {
        "feedback_gbk.csv": spreadsheets.feedback_file(world.feedback),
        "surveys_gbk.csv": spreadsheets.survey_file(world.surveys),
    }
    for name, frame in gbk.items():
        exports.write_csv(folder / name, frame, "gbk", "\r\n")


def _write_spreadsheets(folder: Path, world: World) -> None:
    plain = {
        "products.csv": spreadsheets.product_file(),
        "campaigns.csv": spreadsheets.campaign_file(),
        "responses.csv": spreadsheets.response_file(world.responses),
        "costs.csv": spreadsheets.cost_file(world.costs),
        "loyalty.csv": spreadsheets.loyalty_file(world.loyalty),
        "relations.csv": spreadsheets.relation_file(world.relations),
        "staff.csv": spreadsheets.staff_file(),
    }
    for name, frame in plain.items():
        exports.write_csv(folder / name, frame)
