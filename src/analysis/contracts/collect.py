"""Tables of `01_collect`."""

import dataframely as dy


class RawOrders(dy.Schema):
    """One row per data row that carries a purchase or refund, dated up to as_of (or not readable)."""

    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    system = dy.String()  # where it comes from, as the settings name it
    order_id = dy.String(nullable=True)
    line_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    ordered_at = dy.Datetime(nullable=True, time_unit="us")
    amount = dy.Decimal(38, 4, nullable=True)  # net of refund_amount
    refund_amount = dy.Decimal(38, 4, nullable=True)
    quantity = dy.Float64(nullable=True)
    product_id = dy.String(nullable=True)
    product_name = dy.String(nullable=True)
    discount = dy.Decimal(38, 4, nullable=True)  # `amount` is what was asked after it
    paid_amount = dy.Decimal(38, 4, nullable=True)
    channel = dy.String(nullable=True)
    store = dy.String(nullable=True)
    order_type = dy.String(nullable=True)
    coupon_code = dy.String(nullable=True)
    is_sale = dy.Bool(nullable=False)
    drop_repeats = dy.Bool(nullable=False)  # the settings say that exact repeats are mistakes
    in_future = dy.Bool(nullable=False)  # dated after the day on which the file was written
    unreadable = dy.String()  # columns that hold what cannot be read, parted by commas


class SourceFiles(dy.Schema):
    """One row per table and input: a file, a sheet of a workbook, a query."""

    table = dy.String(primary_key=True)
    file = dy.String(primary_key=True)
    part = dy.String()  # sheet or member of an archive
    system = dy.String()
    sha256 = dy.String(regex="^[0-9a-f]{64}$")
    bytes = dy.Int64(min=1)
    modified_on = dy.Date()
    carries_money = dy.Bool()  # its rows are the purchases themselves
    customer_heading = dy.String()  # what the file calls the id of a customer; empty without one
    rows = dy.Int64(min=0)
    rows_later = dy.Int64(min=0)  # dated after as_of; not read any further
    rows_in_future = dy.Int64(min=0)  # dated after modified_on, up to as_of
    first_row = dy.Date(nullable=True)  # up to as_of
    last_row = dy.Date(nullable=True)
    ends_whole = dy.Bool()  # the last line has its line end, so it was not cut


TABLES = {
    "raw_orders": RawOrders,
    "source_files": SourceFiles,
}
