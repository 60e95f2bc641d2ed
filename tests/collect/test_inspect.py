"""Drafting a settings file from exports: real ones, the shop's, and small ones for each doubt."""

import io
import json
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from helpers import command, make_root, shared_data
from polars.testing import assert_frame_equal

from analysis.clean.orders import clean_orders
from analysis.collect import sources
from analysis.collect.draft import count_marks, messages, write_draft
from analysis.collect.inspect import Findings, inspect_files
from analysis.customers import purchase_occasions, summarise_customers
from analysis.labels import group
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.settings import Settings, load
from analysis.samples import shop, write_sample

HEAD = "customer_id,ordered_at,amount\n"
KNOWN = "客户编号,下单时间,订单金额"


def lines(count: int, row) -> str:
    """A text of rows, each made from its number."""
    return "".join(f"{row(number)}\n" for number in range(count))


def day(number: int) -> str:
    return f"2024-01-{number % 28 + 1:02}"


ORDERS = HEAD + lines(40, lambda n: f"c{n % 7},{day(n)},{n}.50")


def put(root: Path, content: str | bytes, name: str = "export.csv") -> str:
    path = root / "data" / "raw" / "mine" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def book(**sheets: list[list]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return buffer.getvalue()


def draft(*files: str) -> str:
    return write_draft(inspect_files(files))


def settings_of(text: str) -> Settings:
    """The settings that a draft makes, saved and loaded as a person would."""
    path = paths.root() / "config" / "draft.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def orders_named(text: str) -> str:
    """A draft without orders, the comment signs taken from the place that it has for them."""
    place = re.compile(r'^# (\[\[sources\]\]\n)# (table = "orders"\n)# (path = .*\n)', re.MULTILINE)
    named, count = place.subn(r"\1\2\3", text)
    assert count == 1
    return named


def doubts(text: str) -> list[str]:
    """The sentences marked UNSURE, each on one line."""
    found = re.findall(r"^# UNSURE: (.*(?:\n# (?![\w.]+ = |\[|UNSURE).*)*)", text, re.MULTILINE)
    return [one.replace("\n# ", " ") for one in found]


def bought(settings: Settings, month: Month) -> pl.DataFrame:
    """The trusted rows of a month, collected and cleaned."""
    return clean_orders(sources.raw_tables(settings, month)["raw_orders"])[0]


REAL = ("online_retail_slice.csv.gz", "orders_cn_gbk.csv", "cdnow_sample.txt", "apparel_trans.csv")


@pytest.mark.parametrize("name", REAL)
def test_the_draft_for_a_real_export_is_a_settings_file(root, name):
    text = draft(str(shared_data(name)))
    assert settings_of(text).name == name.partition(".")[0]
    assert count_marks(text) == len(doubts(text))
    assert f"Doubts: {count_marks(text)}" in text.splitlines()[0]


def test_the_draft_for_invoice_lines_gives_the_published_totals(root):
    found = inspect_files([str(shared_data("online_retail_slice.csv.gz"))])
    settings = settings_of(write_draft(found))
    assert [one.table for one in settings.sources] == ["order_lines"]
    assert found.month == Month(2011, 11)
    sales = bought(settings, Month(2011, 12)).filter(pl.col("amount") > 0)
    assert (sales.height, sales["customer_id"].n_unique()) == (78_752, 857)
    assert float(sales["amount"].sum()) == pytest.approx(2_023_839.07, abs=0.005)


def test_the_draft_for_invoice_lines_tells_what_is_in_them(root):
    text = " ".join(draft(str(shared_data("online_retail_slice.csv.gz"))).replace("# ", "").split())
    assert "27,298 of 107,867 rows have no customer" in text
    assert "only their order numbers begin with C: cancellations" in text
    assert "1,155 of 107,867 rows repeat another" in text
    assert "Not used: Country." in text


def test_the_draft_for_chinese_orders_needs_no_hand(root):
    found = inspect_files([str(shared_data("orders_cn_gbk.csv"))])
    text = write_draft(found)
    settings = settings_of(text)
    assert (settings.currency, settings.time_zone) == ("CNY", "Asia/Shanghai")
    assert settings.sources[0].sale_status == ["交易成功"]
    assert (
        'Values of "订单状态": 交易成功 27,793; 付款以后用户退款成功，交易自动关闭 1,040.' in text
    )
    assert "reports will show a" in text
    assert found.month == Month(2019, 6)
    occasions = purchase_occasions(bought(settings, found.month).lazy())
    customers = summarise_customers(occasions, found.month.last_day).collect()
    assert customers.height == 25_420


def test_a_file_without_headings_has_its_columns_numbered(root):
    settings = settings_of(draft(str(shared_data("cdnow_sample.txt"))))
    assert settings.sources[0].headings == [f"column_{place}" for place in range(1, 6)]
    assert settings.sources[0].columns == {
        "customer_id": "column_1",
        "ordered_at": "column_3",
        "amount": "column_5",
    }
    rows = sources.order_rows(settings).collect()
    assert (rows.height, rows["customer_id"].n_unique()) == (6_919, 2_357)
    assert float(rows["amount"].sum()) == pytest.approx(244_091.94, abs=0.005)


def test_columns_are_guessed_where_no_heading_is_known(root):
    settings = settings_of(draft(str(shared_data("apparel_trans.csv"))))
    rows = sources.order_rows(settings).collect()
    assert rows["customer_id"].n_unique() == 600
    assert float(rows["amount"].sum()) == pytest.approx(124_356.90, abs=0.005)


OTHERS = {
    "telco_churn.csv": ('table = "customers"', "Orders are still needed"),
    "febrl_dataset1.csv": ('columns.customer_id = "rec_id"', "Orders are still needed"),
    "apparel_static_cov.csv": ('"Gender" cannot be read as one of our choices', "e.g. 0"),
    "nps_retail_bank.csv": ("looks like surveys, but nothing is found for item", "# [[sources]]"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_real_files_without_orders_are_drafted_with_a_place_for_them(root, name):
    found = inspect_files([str(shared_data(name))])
    text = write_draft(found)
    unwrapped = text.replace("\n# ", " ")
    assert all(words in text or words in unwrapped for words in OTHERS[name])
    assert settings_of(orders_named(text)).of("orders")
    assert "No orders were found" in messages(found, text)[0]


@pytest.fixture(scope="module")
def shop_root(tmp_path_factory) -> Path:
    folder = make_root(tmp_path_factory.mktemp("shop"))
    shop.write(folder / "data" / "raw" / "shop")
    return folder


SHOP = (
    *("campaigns.csv", "costs.csv", "feedback_gbk.csv", "fxiaoke_accounts.json"),
    *("fxiaoke_orders.json", "jiandaoyun_customers.xlsx", "jiandaoyun_orders.xlsx", "loyalty.csv"),
    *("products.csv", "relations.csv", "responses.csv", "staff.csv", "surveys_gbk.csv"),
    *("zoho_contacts.csv", "zoho_interactions.csv"),
)


def by_table(settings: Settings) -> list[str]:
    return sorted(one.model_dump_json(exclude_defaults=True) for one in settings.sources)


def test_one_draft_for_the_three_crms_is_the_settings_file_written_by_hand(shop_root, monkeypatch):
    monkeypatch.setenv("ANALYSIS_ROOT", str(shop_root))
    found = inspect_files([str(shop_root / "data" / "raw" / "shop" / "*")])
    drafted, by_hand = settings_of(write_draft(found)), load("config/shop.toml")
    assert len(found.files) == len(SHOP)
    assert by_table(drafted) == by_table(by_hand)
    # What only the company knows is no part of a draft.
    written = {"sources", "strategies", "actions", "loyalty", "flow", "plan"}
    assert drafted.model_dump(exclude=written) == by_hand.model_dump(exclude=written)
    assert found.month == Month(2024, 6)
    rows = [bought(one, found.month).sort("file", "row") for one in (drafted, by_hand)]
    assert_frame_equal(*rows)
    assert messages(found, write_draft(found)) == [
        "Left out: data/raw/shop/truth (a folder).",
        "Nothing in this draft is UNSURE; look it over all the same.",
    ]


@pytest.mark.parametrize("name", SHOP)
def test_the_draft_for_each_file_of_the_shop_is_its_source(shop_root, monkeypatch, name):
    monkeypatch.setenv("ANALYSIS_ROOT", str(shop_root))
    text = draft(str(shop_root / "data" / "raw" / "shop" / name))
    settings = settings_of(text if "orders" in name else orders_named(text))
    mine = {one for one in by_table(settings) if name in one}
    assert mine == {one for one in by_table(load("config/shop.toml")) if name in one}


def test_the_draft_for_cdnow_reads_what_the_settings_by_hand_read(root):
    settings = settings_of(draft(str(write_sample("cdnow"))))
    columns = ["customer_id", "ordered_at", "amount"]
    read, expected = (
        sources.order_rows(one).select(columns).collect()
        for one in (settings, load("config/cdnow.toml"))
    )
    assert_frame_equal(read, expected)
    assert settings.name == "cdnow"


def status(values: list[str], heading: str = "order_status") -> str:
    rows = lines(60, lambda n: f"c{n % 7},{day(n)},{n},{values[n % len(values)]}")
    return f"customer_id,ordered_at,amount,{heading}\n{rows}"


CODES = lines(40, lambda n: f"c{n % 7},{day(n)},{n},{'EUR' if n % 5 else 'CHF'}")
# Key of the sentence = a file that is doubted so, what the sentence holds, and a line of the draft.
DOUBTS = {
    "currency_unknown": (ORDERS, "nothing in the files says which", 'currency = "XXX"'),
    "zone_unknown": (ORDERS, "where the shop is", 'time_zone = "UTC"'),
    "currency_by_shared_sign": (
        HEAD + lines(40, lambda n: f"c{n % 7},{day(n)},$1{n}.00"),
        "by amounts such as $1",
        'currency = "USD"',
    ),
    "currency_by_shared_heading": (
        ORDERS.replace("amount", "total_dollars"),
        'by the heading "total_dollars", but',
        'currency = "USD"',
    ),
    "currencies": (
        "customer_id,ordered_at,amount,currency\n" + CODES,
        "holds several (EUR 32, CHF 8)",
        'currency = "EUR"',
    ),
    "table": ("客户编号,姓名,工号\n1,张三,7\n", "it could be staff as well", 'table = "customers"'),
    "one_row_each": (
        HEAD + lines(30, lambda n: f"c{n},{day(n)},1"),
        "no customer has a second row",
        'table = "orders"',
    ),
    "repeated_totals": (
        HEAD + lines(40, lambda n: f"c{n // 2 % 9},{day(n // 2)} 10:00,{n // 2 + 1}"),
        "20 of 40 rows have customer, time and amount of another",
        'table = "orders"',
    ),
    "encoding": (
        ORDERS.replace("c1,", "Müller,").encode("cp1252"),
        "neither UTF-8 nor Chinese",
        'encoding = "cp1252"',
    ),
    "no_headings": (
        ORDERS.partition("\n")[2],
        "the first row holds data (c0, 2024-01-01",
        "column_1",
    ),
    "by_values": (ORDERS.partition("\n")[2], '"column_2" was taken for its values.', "column_2"),
    "by_values_first": (
        lines(40, lambda n: f"c{n % 7},s{n % 9},{day(n)},{n}.50"),
        '"column_1" was taken for its values, but',
        '# columns.customer_id = "column_2"',
    ),
    "guessed": (
        ORDERS.replace("amount", "revenue"),
        '"revenue" was taken for its name',
        'columns.amount = "revenue"',
    ),
    "guessed_first": (
        HEAD.replace("ordered_at", "sale date,invoice day")
        + lines(40, lambda n: f"c{n % 7},{day(n)},{day(n + 1)},{n}"),
        "but another could be meant",
        '# columns.ordered_at = "sale date"',
    ),
    "price_alone": (
        ORDERS.replace("amount", "Price"),
        'there is no quantity, so "Price"',
        'columns.amount = "Price"',
    ),
    "two_claims": (
        "客户编号,下单时间,订单金额,实付金额\n"
        + lines(30, lambda n: f"{n % 7},{day(n)},{n + 2},{n}"),
        '"实付金额" was taken',
        '# columns.amount = "订单金额"',
    ),
    "ambiguous": (
        "客户编号,客户类型\n1,A级\n2,B级\n",
        '"客户类型" means different things',
        '# columns.level_in_crm = "客户类型"',
    ),
    "unclear_statuses": (
        status(["paid", "refunded", "Processing"]),
        "is an order in one of these a sale? Processing",
        'sale_status = ["paid"]',
    ),
    "many_statuses": (
        status([f"step {number}" for number in range(50)]),
        "too many values for a status",
        'table = "orders"',
    ),
    "date_order": (
        HEAD + lines(30, lambda n: f"c{n % 7},0{n % 9 + 1}/04/2024 10:30,{n}"),
        "can be day/month or month/day; no value settles it",
        '# date_format = "%d/%m/%Y %H:%M"',
    ),
    "unreadable": (
        HEAD + lines(40, lambda n: f"c{n % 7},{day(n)},{'free' if n % 9 == 0 else n}"),
        '5 of 40 values of "amount" cannot be read as amounts, e.g. free',
        'table = "orders"',
    ),
    "unreadable_choice": (
        "客户编号,性别\n1,0\n2,1\n",
        "Known are: female, male",
        'table = "customers"',
    ),
    "empty": (
        HEAD + lines(40, lambda n: f"{'c1' if n % 3 == 0 else ''},{day(n)},{n}"),
        "26 of 40 rows have no customer",
        'table = "orders"',
    ),
    "repeats": (
        ORDERS + "c0,2024-01-01,0.50\n",
        "1 of 41 rows repeat another",
        "# drop_exact_repeats = true",
    ),
    "incomplete": (
        "客户编号,反馈时间,反馈内容\n1,2024-01-05,好\n",
        "looks like feedback, but nothing is found for kind",
        '# columns.kind = "?"',
    ),
}


@pytest.mark.parametrize("key", DOUBTS)
def test_each_doubt_is_marked_and_has_its_line(root, key):
    content, words, line = DOUBTS[key]
    text = draft(put(root, content))
    assert any(words in one for one in doubts(text)), text
    assert line in text
    assert count_marks(text) == len(doubts(text))
    settings_of(orders_named(text) if "Orders are still needed" in text else text)


def test_the_cases_above_are_all_the_doubts_there_are():
    folder = paths.CHECKOUT / "src" / "analysis" / "collect"
    code = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    texts = group("inspect")
    named = {key for key in texts if f'"{key}"' in code or f"inspect.{key}" in code}
    assert texts.keys() - named == {"guessed_first", "by_values_first"}  # made from the others
    after_the_mark = {key for key, text in texts.items() if str(text)[0].islower()}
    assert after_the_mark - {"no_value"} <= DOUBTS.keys()


def test_what_was_asked_can_be_answered_by_removing_a_comment_sign(root):
    text = draft(put(root, DOUBTS["date_order"][0]))
    settings = settings_of(text.replace('# date_format = "%m', 'date_format = "%m'))
    days = sources.order_rows(settings).collect()["ordered_at"].dt.strftime("%d.%m. %H:%M")
    assert days[0] == "04.01. 10:30"


def test_dates_that_one_value_settles_are_no_doubt(root):
    rows = lines(30, lambda n: f"c{n % 7},{n % 28 + 1:02}/04/2024,{n}")
    assert not any("day/month" in one for one in doubts(draft(put(root, HEAD + rows))))


def test_dates_that_may_begin_with_the_year_are_asked_about(root):
    rows = lines(30, lambda n: f"c{n % 7},24-07-{n % 18 + 13},{n}")
    text = draft(put(root, HEAD + rows))
    assert any("can begin with the day or with the year" in one for one in doubts(text))
    settings = settings_of(text.replace('# date_format = "%y-%m-%d"', 'date_format = "%y-%m-%d"'))
    assert str(sources.order_rows(settings).collect()["ordered_at"].dt.date()[0]) == "2024-07-13"


def test_a_decimal_comma_is_read_and_is_no_doubt(root):
    head = "customer_id;ordered_at;revenue\n"
    text = draft(put(root, head + lines(40, lambda n: f"c{n % 7};{day(n)};1.00{n % 10},50")))
    assert 'columns.amount = "revenue"' in text
    assert not any("cannot be read" in one for one in doubts(text))
    rows = sources.order_rows(settings_of(text)).collect()
    assert float(rows["amount"].sum()) == 40 * 1_004.5 + 40 * 0.5


def test_an_amount_with_a_comma_beside_points_is_a_doubt(root):
    rows = lines(
        40, lambda n: f"c{n % 7};{day(n)};{n},50" if n % 9 == 0 else f"c{n % 7};{day(n)};{n}.50"
    )
    text = draft(put(root, HEAD.replace(",", ";") + rows))
    assert any('5 of 40 values of "amount" cannot be read' in one for one in doubts(text))


def test_with_a_decimal_comma_too_a_column_of_products_is_the_amount_of_a_line(root):
    head = "order_no;customer_id;order_date;SKU;qty;price;worth\n"
    row = lines(60, lambda n: f"o{n // 2};c{n % 7};{day(n // 2)};p{n};2;{n % 9},25;{n % 9 * 2},50")
    settings = settings_of(draft(put(root, head + row)))
    assert settings.sources[0].columns == {"line_amount": "worth"}


SIGNS = {
    "CNY": (f"{KNOWN}\n" + lines(9, lambda n: f"{n % 3},{day(n)},1{n}"), "Asia/Shanghai"),
    "GBP": (HEAD + lines(9, lambda n: f"c{n % 3},{day(n)},£1{n}.00"), "Europe/London"),
    "EUR": (HEAD + lines(9, lambda n: f'c{n % 3},{day(n)},"1{n},50 €"'), "UTC"),
    "JPY": (HEAD + lines(9, lambda n: f"c{n % 3},{day(n)},1{n}円"), "Asia/Tokyo"),
    "CHF": (HEAD.replace("amount", "amount,currency") + "c,2024-01-05,1,CHF\n", "UTC"),
    "KRW": (ORDERS.replace("amount", "amount_krw"), "Asia/Seoul"),
}


@pytest.mark.parametrize("currency", SIGNS)
def test_the_currency_is_known_by_signs_headings_codes_and_language(root, currency):
    content, zone = SIGNS[currency]
    found = inspect_files([put(root, content)])
    assert (found.currency, found.time_zone) == (currency, zone)
    assert not found.notes[0].unsure


def test_a_file_without_customers_is_refused_with_the_reason(root):
    till = put(root, "date,store,amount\n" + lines(30, lambda n: f"{day(n)},S{n % 3},{n}"))
    with pytest.raises(UserError) as problem:
        inspect_files([till])
    for words in (
        "data/raw/mine/export.csv: this report cannot be made of it, since no column says who bought",
        "Its columns are: date, store, amount",
        "buyer",
        'columns = { customer_id = "its heading" }',
    ):
        assert words in str(problem.value)


def test_lines_without_customers_need_the_orders_beside_them(root):
    rows = "order_no,SKU,qty,price\n" + lines(30, lambda n: f"o{n // 2},p{n},2,1.5")
    inside = put(root, rows, "lines.csv")
    with pytest.raises(UserError, match="name both files"):
        inspect_files([inside])
    orders = "order_no,buyer,order_date,total\n" + lines(15, lambda n: f"o{n},b{n % 4},{day(n)},6")
    settings = settings_of(draft(inside, put(root, orders, "orders.csv")))
    assert [one.table for one in settings.sources] == ["orders", "order_lines"]
    assert settings.money_table == "orders"


def test_a_file_of_no_use_beside_orders_is_left_out_and_told(root):
    found = inspect_files([put(root, ORDERS), put(root, "hello\nworld\n", "readme.txt")])
    told = "Left out: data/raw/mine/readme.txt (no table that we know, and no column of customers)."
    assert messages(found, write_draft(found))[0] == told
    assert [one.source.table for one in found.sources] == ["orders"]


def test_the_total_of_an_order_on_each_of_its_lines_counts_once(root):
    head = "order_no,customer_id,order_date,SKU,qty,price,订单金额\n"
    row = lines(60, lambda n: f"o{n // 2},c{n // 2 % 7},{day(n // 2)},p{n},2,1.5,6")
    settings = settings_of(draft(put(root, head + row)))
    assert settings.sources[0].ignore == ["订单金额"]
    assert sources.order_rows(settings).collect()["amount"].sum() == 60 * 3


def test_a_column_of_products_is_the_amount_of_a_line(root):
    head = "order_no,customer_id,order_date,SKU,qty,price,worth\n"
    row = lines(60, lambda n: f"o{n // 2},c{n % 7},{day(n // 2)},p{n},{n % 4},1.5,{n % 4 * 1.5}")
    settings = settings_of(draft(put(root, head + row)))
    assert settings.sources[0].columns == {"line_amount": "worth"}


def test_an_order_exported_twice_is_dropped_where_its_number_shows_it(root):
    rows = lines(40, lambda n: f"o{n},c{n % 7},{day(n)},{n}")
    text = draft(put(root, f"order_no,{HEAD}{rows}o3,c3,{day(3)},3\n"))
    assert settings_of(text).sources[0].drop_exact_repeats
    assert "1 of 41 rows repeat another in every column, the order number included" in text


def test_alike_files_of_a_folder_are_one_source(root):
    files = [put(root, HEAD + f"a,2024-0{n}-15,1\n", f"orders-2024-0{n}.csv") for n in (1, 2, 3)]
    (source,) = settings_of(draft(*files)).sources
    assert source.path == "data/raw/mine/orders-*.csv"
    assert sources.order_rows(settings_of(draft(*files))).collect().height == 3


def test_no_glob_takes_in_a_file_that_was_not_named(root):
    files = [put(root, HEAD + f"a,2024-0{n}-15,1\n", f"orders-2024-0{n}.csv") for n in (1, 2, 3)]
    found = settings_of(draft(*files[:2])).sources
    assert [one.path for one in found] == [f"data/raw/mine/orders-2024-0{n}.csv" for n in (1, 2)]


def test_what_a_spreadsheet_locks_is_no_file_of_its_own(root):
    files = [put(root, b"x", "~$shop.xlsx"), put(root, book(订单=TITLE + ROWS), "shop.xlsx")]
    assert [path.name for path in inspect_files(files).files] == ["shop.xlsx"]


def test_a_quoted_glob_is_expanded_from_the_root_too(root, monkeypatch, tmp_path):
    put(root, ORDERS, "a[1].csv")
    monkeypatch.chdir(root / "config")
    (source,) = settings_of(draft("data/raw/*/*.csv")).sources
    assert source.path == "data/raw/mine/a[[]1].csv"
    assert sources.order_rows(settings_of(draft("data/raw/*/*.csv"))).collect().height == 40


TITLE = [["2024年1月"], [], KNOWN.split(",")]
ROWS = [[f"c{n % 5}", day(n), n + 0.5] for n in range(30)]


def test_sheets_become_sources_and_those_without_rows_are_left_out(root):
    customers = [["客户编号", "姓名"], ["c1", "张三"]]
    path = put(
        root, book(订单=TITLE + ROWS, Sheet2=[["备注"]], Sheet3=[], 客户=customers), "shop.xlsx"
    )
    text = draft(path)
    orders, people = settings_of(text).sources
    assert (orders.table, orders.sheets, orders.header_row) == ("orders", ["订单"], 3)
    assert (people.table, people.sheets) == ("customers", ["客户"])
    assert "Sheet2: a heading but no data row" in text
    assert "Sheet3" not in text
    assert sources.order_rows(settings_of(text)).collect().height == 30


def test_headings_below_a_title_are_found_in_text_too(root):
    (source,) = settings_of(draft(put(root, "Orders of January\n\n" + ORDERS))).sources
    assert (source.header_row, source.separator, source.headings) == (3, None, None)


def test_merged_orders_bring_their_lines(root):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["订单编号", "客户编号", "下单时间", "订单金额", "产品编码", "数量"])
        for order in range(12):
            top = 2 * order + 1
            for at, text in enumerate([f"D{order}", f"c{order % 5}", day(order), 22]):
                sheet.merge_range(top, at, top + 1, at, text)
            sheet.write_row(top, 4, ["P1", 1])
            sheet.write_row(top + 1, 4, ["P2", 1])
    settings = settings_of(draft(put(root, buffer.getvalue(), "merged.xlsx")))
    assert [one.table for one in settings.sources] == ["orders", "order_lines"]
    assert sources.order_rows(settings).collect()["amount"].sum() == 12 * 22
    assert sources.table_rows("order_lines", settings).collect().height == 24


def records() -> list[dict]:
    return [{"buyer": f"b{n % 5}", "date": day(n), "total": n} for n in range(30)]


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(records()).write_parquet(buffer)
    return buffer.getvalue()


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    return buffer.getvalue()


TEXT = "buyer,date,total\n" + lines(30, lambda n: f"b{n % 5},{day(n)},{n}")
FORMS = {
    "orders.tsv": TEXT.replace(",", "\t"),
    "orders.txt": TEXT.replace(",", "  "),
    "utf16.csv": TEXT.encode("utf-16"),
    "orders.json": json.dumps({"data": records()}),
    "orders.dat": json.dumps(records()),
    "orders.parquet": parquet(),
    "orders.zip": zipped(one=TEXT),
    "workbook.csv": book(
        sheet=[["buyer", "date", "total"], *([*one.values()] for one in records())]
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_file_is_drafted_as_it_is_read(root, name):
    rows = sources.order_rows(settings_of(draft(put(root, FORMS[name], name)))).collect()
    assert (rows.height, rows["customer_id"].n_unique(), rows["amount"].sum()) == (30, 5, 435)


BAD = {
    "is empty": ("a.csv", b""),
    "a heading but no data row": ("a.csv", HEAD.encode()),
    "is not a text file": ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    "line 2 cannot be read: 5 fields, but 3 headings": (
        "a.csv",
        (HEAD + "a,2024-01-05,1,2,3\n").encode(),
    ),
    "two columns of one name": ("a.csv", b"customer_id,date,amount,amount\na,2024-01-05,1,1\n"),
    "no whole zip archive": ("a.zip", b"PK"),
    "files with different headings": ("a.zip", zipped(one=TEXT, two=HEAD + "a,2024-01-05,1\n")),
    "it was cut": ("a.json", b'[{"buyer": "a"'),
    "an empty sheet": ("a.xlsx", book(one=[], two=[])),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_is_one_clear_error(root, words):
    name, content = BAD[words]
    with pytest.raises(UserError, match=words) as problem:
        draft(put(root, content, name))
    assert name in str(problem.value)


def test_what_is_no_file_is_told_in_words(root):
    put(root, ORDERS, "orders.csv")
    folder = root / "data" / "raw" / "mine"
    with pytest.raises(UserError, match=r'no file .*odrers\.csv\. Did you mean "orders\.csv"'):
        inspect_files([str(folder / "odrers.csv")])
    with pytest.raises(UserError, match="no folder"):
        inspect_files([str(root / "nowhere" / "orders.csv")])
    with pytest.raises(
        UserError, match=r"is a folder. Name its files: analysis inspect data/raw/mine/"
    ):
        inspect_files([str(folder)])


def test_a_name_that_no_folder_can_have_is_replaced(root):
    (root / "订单 2024.csv").write_text(ORDERS, encoding="utf-8")
    assert re.fullmatch(
        r"[A-Za-z0-9][A-Za-z0-9_-]*", inspect_files([str(root / "订单 2024.csv")]).name
    )


def test_headings_that_would_break_a_comment_or_a_text_do_not(root):
    odd = [one | {'re"venue\\ in\nall': 1, "no\x7fte\r": 2} for one in records()]
    for one in odd:
        del one["total"]
    settings = settings_of(draft(put(root, json.dumps(odd), "odd.json")))
    assert settings.sources[0].columns == {"amount": 're"venue\\ in\nall'}


def test_a_date_far_beyond_the_others_does_not_make_the_month(root):
    rows = lines(120, lambda n: f"c{n % 7},2024-0{n % 3 + 1}-{n % 28 + 1:02},{n}")
    found = inspect_files([put(root, HEAD + rows + "c1,2024-09-01,1\n")])
    assert found.month in (Month(2024, 2), Month(2024, 3))


def test_the_command_prints_settings_and_talks_beside_them(tmp_path):
    root = make_root(tmp_path)
    put(root, ORDERS, "orders.csv")
    done = command(root, "inspect", "data/raw/mine/orders.csv", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Drafted by `analysis inspect` from data/raw/mine/orders.csv")
    assert "> config/mine.toml" in done.stdout
    assert done.stderr.startswith("Doubts in this draft: ")
    put(root, "date,amount\n2024-01-05,1\n", "till.csv")
    done = command(root, "inspect", "data/raw/mine/till.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: data/raw/mine/till.csv: this report cannot be made of it")


def test_findings_say_whether_a_report_can_be_made(root):
    assert isinstance(inspect_files([put(root, ORDERS)]), Findings)
    assert inspect_files([put(root, ORDERS)]).has_orders
    assert not inspect_files([put(root, "客户编号,姓名\n1,张三\n", "people.csv")]).has_orders
