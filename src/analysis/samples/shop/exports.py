"""The exports of 纷享销客 and Zoho, and the customers of 简道云, as those systems write them."""

import hashlib
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from analysis.samples.shop.dirt import write_amount
from analysis.samples.shop.parameters import START, TIME_ZONE
from analysis.samples.shop.words import words

FIRST_STAFF = 1_001
_ZONE = ZoneInfo(TIME_ZONE)
_ISO, _PLAIN = "%Y-%m-%dT%H:%M:%S+08:00", "%Y-%m-%d %H:%M:%S"


def at(day: str | pl.Expr, second: str | pl.Expr) -> pl.Expr:
    """Local time from days since the start and seconds of the day."""
    day, second = (pl.col(one) if isinstance(one, str) else one for one in (day, second))
    return pl.lit(START).cast(pl.Datetime("us")) + pl.duration(days=day, seconds=second)


def write_csv(
    path: Path, frame: pl.DataFrame, encoding: str = "utf-8", line_end: str = "\n"
) -> None:
    """Write a table as CSV; `utf-8-sig` begins with a mark."""
    text = frame.write_csv(line_terminator=line_end)
    path.write_bytes(text.encode(encoding))


def write_api(path: Path, records: list[dict]) -> None:
    """Write records as the API of 纷享销客 answers."""
    answer = {"errorCode": 0, "errorMessage": "OK", "data": {"dataList": records}}
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def sales_orders(rows: pl.DataFrame, lines: pl.DataFrame) -> list[dict]:
    """SalesOrderObj records with their products."""
    of_key = lines.partition_by("key", as_dict=True, include_key=False)
    return [
        _sales_order(row, of_key[(row["key"],)].rows(named=True))
        for row in rows.iter_rows(named=True)
    ]


def _sales_order(row: dict, lines: list[dict]) -> dict:
    reason, priced = row["reason"], True
    time = int(row["at"].replace(tzinfo=_ZONE).timestamp() * 1_000)
    amount = write_amount(row["amount"], row["amount_form"])
    if reason in ("date_missing", "date_unreadable"):
        time = None if reason == "date_missing" else row["no_date"]
    if reason in ("amount_missing", "amount_unreadable"):
        amount, priced = None if reason == "amount_missing" else row["no_amount"], False
    return {
        "_id": hashlib.md5(row["number"].encode(), usedforsecurity=False).hexdigest()[:24],
        "name": row["number"],
        "account_id": row["customer_id"],
        "order_time": time,
        "order_amount": amount,
        "refund_amount": row["refund"] / 100,
        "order_status": row["status"],
        "channel__c": row["channel"],
        "owner": [str(FIRST_STAFF + row["owner"])],
        "order_products": [
            {
                "product_id": line["product_id"],
                "quantity": line["quantity"],
                "price": line["unit_price"] / 100 if priced else None,
                "subtotal": line["quantity"] * line["unit_price"] / 100 if priced else None,
            }
            for line in lines
        ],
    }


def accounts(records: pl.DataFrame) -> list[dict]:
    """AccountObj records of 纷享销客; `gender__c` and `birthday__c` are fields of the company."""
    return [
        {
            "_id": hashlib.md5(row["customer_id"].encode(), usedforsecurity=False).hexdigest()[:24],
            "account_no": row["customer_id"],
            "name": row["name"],
            "tel": row["phone"],
            "email": row["email"],
            "gender__c": row["gender"],
            "birthday__c": row["birthday"],
            "province": row["province"],
            "city": row["city"],
            "district": row["district"],
            "owner": [str(FIRST_STAFF + (row["owner"] or 0))],
            "account_source": row["source"],
            "create_time": int(row["created_at"].replace(tzinfo=_ZONE).timestamp() * 1_000),
            "last_modified_time": int(row["updated_at"].replace(tzinfo=_ZONE).timestamp() * 1_000),
            "parent_account_id": row["parent"],
        }
        for row in records.iter_rows(named=True)
    ]


def _staff_name(owner: str = "owner") -> pl.Expr:
    names = dict(enumerate(words()["staff"]["names"]))
    return pl.col(owner).fill_null(0).replace_strict(names, return_dtype=pl.String)


def jiandaoyun_customers(records: pl.DataFrame) -> pl.DataFrame:
    """Customers as a form of 简道云 holds them."""
    return records.select(
        数据ID=pl.Series([_data_id(one) for one in records["customer_id"]], dtype=pl.String),
        客户编号="customer_id",
        姓名="name",
        手机="phone",
        邮箱="email",
        性别="gender",
        生日="birthday",
        省份="province",
        城市="city",
        区县="district",
        创建时间=pl.col("created_at").dt.strftime(_PLAIN),
        客户来源="source",
        负责人=_staff_name(),
    )


def _data_id(customer_id: str) -> str:
    """The id that 简道云 gives a row of a form: 24 hexadecimal signs."""
    return hashlib.sha256(f"jiandaoyun {customer_id}".encode()).hexdigest()[:24]


def zoho_contacts(records: pl.DataFrame) -> pl.DataFrame:
    """Contacts as Zoho exports them."""
    return records.select(
        pl.col("customer_id").alias("Record Id"),
        pl.col("name").alias("Full Name"),
        pl.col("phone").alias("Mobile"),
        pl.col("email").alias("Email"),
        pl.col("city").alias("Mailing City"),
        pl.col("province").alias("Mailing State"),
        pl.col("created_at").dt.strftime(_ISO).alias("Created Time"),
        _staff_name().alias("Contact Owner"),
        pl.col("opted_out").cast(pl.String).alias("Email Opt Out"),
    )


def zoho_interactions(contacts: pl.DataFrame) -> pl.DataFrame:
    """Activities as Zoho exports them."""
    number = 5_100_000_000 + 7 * pl.int_range(pl.len())
    return contacts.select(
        pl.format("zcrm_{}", number).alias("Record Id"),
        pl.col("customer_id").alias("Contact Name.id"),
        pl.col("activity").alias("Activity Type"),
        at("day", "second").dt.strftime(_ISO).alias("Start DateTime"),
        _staff_name().alias("Activity Owner"),
        pl.col("seconds").alias("Call Duration (in seconds)"),
        pl.col("result").alias("Call Result"),
        pl.col("note").alias("Notes"),
    )
