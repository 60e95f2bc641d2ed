"""The workbooks of 简道云: orders whose lines stand below merged cells, and customers."""

from datetime import datetime
from pathlib import Path

import polars as pl
import xlsxwriter

from analysis.samples.shop.dirt import impossible_time, write_amount, write_time

CREATED = datetime(2024, 7, 1, 9, 0)  # of every workbook, so that equal content is equal bytes
PARENTS = ("订单编号", "客户编号", "下单时间", "订单状态", "实付金额", "销售渠道")
SUBFORM = "订单明细"
_LINES = ("产品编码", "产品名称", "数量", "单价", "小计")


def write_orders(path: Path, rows: pl.DataFrame, lines: pl.DataFrame) -> None:
    """Write the orders of 简道云, each with its lines.

    Args:
        path: of the workbook.
        rows: order rows in the order of the file.
        lines: of all order rows, by `key`.
    """
    of_key = lines.partition_by("key", as_dict=True, include_key=False)
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet("订单")
        sheet.write_row(0, 0, [*PARENTS, *(f"{SUBFORM}.{name}" for name in _LINES)])
        at = 1
        for row in rows.iter_rows(named=True):
            own = of_key[(row["key"],)]
            for column, value in enumerate(_parents(row)):
                if own.height > 1:
                    sheet.merge_range(at, column, at + own.height - 1, column, value)
                else:
                    sheet.write(at, column, value)
            for line in own.iter_rows(named=True):
                sheet.write_row(at, len(PARENTS), _line(line, row))
                at += 1


def write_customers(path: Path, customers: pl.DataFrame) -> None:
    """Write a table of text as a workbook with one heading row; empty where a value is missing."""
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet("客户")
        sheet.write_row(0, 0, customers.columns)
        for at, row in enumerate(customers.iter_rows(), start=1):
            sheet.write_row(at, 0, row)


def _parents(row: dict) -> list:
    reason = row["reason"]
    time = write_time(row["at"], row["date_form"])
    amount = write_amount(row["amount"], row["amount_form"])
    times = {
        "date_missing": "",
        "date_unreadable": row["no_date"],
        "date_impossible": impossible_time(),
    }
    amounts = {"amount_missing": "", "amount_unreadable": row["no_amount"]}
    customer = row["no_customer"] if row["customer_id"] is None else row["customer_id"]
    return [
        row["number"],
        customer,
        times.get(reason, time),
        row["status"],
        amounts.get(reason, amount),
        row["channel"],
    ]


def _line(line: dict, row: dict) -> list:
    """The cells of a line; where an order lacks its amount, its lines lack their prices."""
    prices = [line["unit_price"] / 100, line["quantity"] * line["unit_price"] / 100]
    if row["reason"] in ("amount_missing", "amount_unreadable"):
        prices = ["", ""]
    return [line["product_id"], line["product_name"], line["quantity"], *prices]
