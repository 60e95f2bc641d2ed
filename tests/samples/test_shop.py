"""The simulated retailer: its files hold what its truth says, read again by plain code of our own."""

import csv
import io
import json
import math
import re
import time
import unicodedata
import zipfile
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import fastexcel
import phonenumbers
import pytest

from analysis.run import paths, settings
from analysis.samples.shop import write
from analysis.samples.shop.parameters import CLASSES
from analysis.samples.shop.people import make_people
from analysis.samples.shop.purchases import simulate_purchases

SALES = ("已完成", "已发货")
FILES = {"jiandaoyun": "jiandaoyun_orders.xlsx", "fxiaoke": "fxiaoke_orders.json"}
BUYER_CLASSES = {one.name: one for one in CLASSES}
CHANCE = 4  # standard errors within which a planted number has to show
ENCODINGS = {"feedback_gbk.csv": "gbk", "surveys_gbk.csv": "gbk"}
ENCODINGS |= {"zoho_contacts.csv": "utf-8-sig", "zoho_interactions.csv": "utf-8-sig"}
# File = its columns that hold ids of customers.
REFERENCES = {
    "zoho_interactions.csv": ["Contact Name.id"],
    "surveys_gbk.csv": ["客户编号"],
    "responses.csv": ["客户编号"],
    "costs.csv": ["客户编号"],
    "loyalty.csv": ["客户编号"],
    "relations.csv": ["客户编号", "关联客户"],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    begun = time.perf_counter()
    write(folder)
    assert time.perf_counter() - begun < 30
    return folder


@pytest.fixture(scope="module")
def truth(shop) -> dict:
    return json.loads((shop / "truth" / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def orders(shop) -> dict[str, list[dict]]:
    return {"jiandaoyun": workbook_orders(shop), "fxiaoke": api_orders(shop)}


@pytest.fixture(scope="module")
def purchases(shop) -> list[dict]:
    """True purchases with the class of their person."""
    persons = {one["person_id"]: one for one in rows(shop / "truth" / "persons.csv")}
    bought = rows(shop / "truth" / "purchases.csv")
    return [one | {"person": persons[one["person_id"]]} for one in bought]


def rows(path: Path) -> list[dict]:
    text = path.read_bytes().decode(ENCODINGS.get(path.name, "utf-8"))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def records(path: Path) -> list[dict]:
    answer = json.loads(path.read_text(encoding="utf-8"))
    assert (answer["errorCode"], answer["errorMessage"]) == (0, "OK")
    return answer["data"]["dataList"]


def sheet(path: Path) -> list[dict]:
    frame = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    return frame.rows(named=True)


def workbook_orders(shop: Path) -> list[dict]:
    """Orders of 简道云: a row with an order number begins one, rows without continue it."""
    found = []
    for row in sheet(shop / FILES["jiandaoyun"]):
        line = {name: row[f"订单明细.{name}"] for name in ("产品编码", "产品名称", "数量", "小计")}
        if row["订单编号"] is None:
            found[-1]["lines"].append(line)
            continue
        parents = {name: value for name, value in row.items() if "." not in name}
        found.append({"whole": parents, "lines": [line]})
    return [
        {
            "number": one["whole"]["订单编号"],
            "customer": one["whole"]["客户编号"],
            "time": one["whole"]["下单时间"],
            "status": one["whole"]["订单状态"],
            "amount": one["whole"]["实付金额"],
            "refund": Decimal(0),
            "whole": repr(one),
            "lines": [
                (line["产品编码"], line["数量"], line["小计"], line["产品名称"])
                for line in one["lines"]
            ],
        }
        for one in found
    ]


def api_orders(shop: Path) -> list[dict]:
    return [
        {
            "number": one["name"],
            "customer": one["account_id"],
            "time": one["order_time"],
            "status": one["order_status"],
            "amount": one["order_amount"],
            "refund": Decimal(str(one["refund_amount"])),
            "whole": repr(one),
            "lines": [
                (line["product_id"], line["quantity"], line["subtotal"], line["product_id"])
                for line in one["order_products"]
            ],
        }
        for one in records(shop / FILES["fxiaoke"])
    ]


def customers(shop: Path) -> dict[str, dict]:
    """Every customer record by its id, as name, phone, email, city and day of creation."""
    form = {
        one["客户编号"]: (
            *(one["姓名"], one["手机"], one["邮箱"], one["城市"]),
            one["生日"],
            one["创建时间"][:10],
        )
        for one in sheet(shop / "jiandaoyun_customers.xlsx")
    }
    objects = {
        one["account_no"]: (
            *(one["name"], one["tel"], one["email"], one["city"]),
            one["birthday__c"],
            local(one["create_time"]).date().isoformat(),
        )
        for one in records(shop / "fxiaoke_accounts.json")
    }
    contacts = {
        one["Record Id"]: (
            *(one["Full Name"], one["Mobile"], one["Email"], one["Mailing City"]),
            None,
            one["Created Time"][:10],
        )
        for one in rows(shop / "zoho_contacts.csv")
    }
    keys = ("name", "phone", "email", "city", "birthday", "created")
    everybody = {**form, **objects, **contacts}
    assert len(everybody) == len(form) + len(objects) + len(contacts)
    return {one: dict(zip(keys, fields, strict=True)) for one, fields in everybody.items()}


def local(milliseconds: int) -> datetime:
    """Time in Shanghai, eight hours before UTC all year."""
    return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds, hours=8)


def read_amount(text: str | float | None) -> Decimal | None:
    plain = unicodedata.normalize("NFKC", str(text)).strip().strip("¥元").replace(",", "")
    factor = 10_000 if plain.endswith("万") else 1
    try:
        return (Decimal(plain.removesuffix("万")) * factor).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None


def read_day(text: str | int | None) -> date | None:
    if isinstance(text, int):
        return local(text).date()
    if re.fullmatch(r"\d{5}(\.\d+)?", text or ""):
        return date(1899, 12, 30) + timedelta(days=int(float(text)))
    parts = re.match(r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})", text or "")
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def phone_digits(fields: dict) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", fields["phone"] or ""))[-11:]


def is_test(name: str) -> bool:
    return name.startswith("测试") or name.lower().startswith("test")


def judged(orders: list[dict], shop: Path) -> list[tuple[dict, str | None]]:
    """Each order row with what is wrong with it, by rules written down here once more."""
    tests = {one for one, fields in customers(shop).items() if is_test(fields["name"])}
    values = {
        one["number"]: read_amount(one["amount"])
        for one in orders
        if (read_amount(one["amount"]) or 0) > 0
    }
    seen, found = set(), []
    for one in orders:
        found.append((one, reason_of(one, tests, values, one["whole"] in seen)))
        seen.add(one["whole"])
    return found


def reason_of(one: dict, tests: set, values: dict, again: bool) -> str | None:
    amount, day = read_amount(one["amount"]), read_day(one["time"])
    checks = {
        "repeated_row": again,
        "not_a_sale": one["status"] == "已取消",
        "no_customer": one["customer"] in (None, "无", "-"),
        "test_account": one["customer"] in tests,
        "date_missing": one["time"] is None,
        "date_unreadable": day is None,
        "date_impossible": day is not None and day.year < 1970,
        "amount_missing": one["amount"] is None,
        "amount_unreadable": amount is None,
        "refund_beyond_purchase": one["refund"] > max(amount or 0, 0)
        or (amount or 0) < -values.get(one["number"], Decimal(10**9)),
        "refund_without_purchase": (amount or 0) < 0 and one["number"] not in values,
    }
    return next((reason for reason, broken in checks.items() if broken), None)


def near(observed: float, planted: float, error: float) -> bool:
    return abs(observed - planted) < CHANCE * error


def share_error(share: float, size: int) -> float:
    return math.sqrt(share * (1 - share) / size)


def test_two_writes_of_one_seed_are_equal_byte_for_byte(shop, tmp_path):
    write(tmp_path)
    files = {path.relative_to(shop) for path in shop.rglob("*.*")}
    assert len(files) == 15 + 8
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")} == files
    for file in files:
        assert (tmp_path / file).read_bytes() == (shop / file).read_bytes(), file


def test_another_seed_gives_another_retailer():
    one, two = (simulate_purchases(make_people(seed), seed) for seed in (1, 2))
    assert not one.equals(two)


def test_the_settings_name_every_file_and_never_the_truth(shop):
    loaded = settings.load(paths.CHECKOUT / "config" / "shop.toml")
    named = {Path(source.path) for source in loaded.sources}
    assert {path.parent.as_posix() for path in named} == {"data/raw/shop"}
    assert {path.name for path in named} == {one.name for one in shop.iterdir() if one.is_file()}
    assert (loaded.currency, loaded.time_zone) == ("CNY", "Asia/Shanghai")
    for source in loaded.of("orders"):
        assert tuple(source.sale_status) == SALES


@pytest.mark.parametrize("name", ["feedback_gbk.csv", "surveys_gbk.csv"])
def test_spreadsheet_files_are_gbk_with_windows_line_ends(shop, name):
    content = (shop / name).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    assert "客户编号" in content.decode("gbk").splitlines()[0]
    assert content.count(b"\r\n") == content.count(b"\n") > 1_000


@pytest.mark.parametrize("name", ["zoho_contacts.csv", "zoho_interactions.csv"])
def test_zoho_files_are_utf8_with_a_mark(shop, name):
    content = (shop / name).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfRecord Id,")
    assert content.decode("utf-8-sig").isascii() is False
    assert b"\r" not in content


@pytest.mark.parametrize("name", ["products.csv", "campaigns.csv", "costs.csv", "staff.csv"])
def test_plain_files_are_utf8_without_a_mark(shop, name):
    content = (shop / name).read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8").isascii() is False


def test_ids_of_one_system_begin_with_zeros_and_are_text(shop):
    ids = [one["客户编号"] for one in sheet(shop / "jiandaoyun_customers.xlsx")]
    assert all(re.fullmatch(r"0\d{5}", one) for one in ids)
    with zipfile.ZipFile(shop / "jiandaoyun_customers.xlsx") as book:
        page = book.read("xl/worksheets/sheet1.xml").decode()
    assert page.count('t="s"') > 8 * len(ids)
    assert not re.search(r'<c r="A\d+"><v>', page)


def test_orders_with_several_lines_have_merged_parent_cells(shop, orders):
    with zipfile.ZipFile(shop / FILES["jiandaoyun"]) as book:
        page = book.read("xl/worksheets/sheet1.xml").decode()
    several = sum(len(one["lines"]) > 1 for one in orders["jiandaoyun"])
    assert several > 1_000
    assert page.count("<mergeCell ") == 6 * several


@pytest.mark.parametrize("file", FILES)
def test_every_bad_order_row_is_counted_in_the_truth(shop, orders, truth, file):
    found = Counter(reason for _, reason in judged(orders[file], shop))
    assert found.pop(None) > 5_000
    assert found == truth["orders"]["reasons"][file]
    assert len(orders[file]) == truth["orders"]["rows"][file]
    listed = rows(shop / "truth" / "bad_rows.csv")
    assert Counter(one["reason"] for one in listed if one["file"] == file) == found


def test_the_rows_to_trust_add_up_to_the_true_purchases_to_the_cent(shop, orders, purchases):
    net = defaultdict(Decimal)
    for file in FILES:
        for one, reason in judged(orders[file], shop):
            if reason is None:
                net[one["number"]] += read_amount(one["amount"]) - one["refund"]
    found = {number: amount for number, amount in net.items() if amount}
    assert found == {one["order_id"]: read_amount(one["net"]) for one in purchases}


def test_refunds_are_counted_in_the_truth(shop, orders, truth):
    listed = rows(shop / "truth" / "refunds.csv")
    kinds = Counter(one["kind"] for one in listed)
    assert kinds == {"full": 150, "partial": 160, "beyond": 6}
    assert kinds["full"] == truth["orders"]["refunded_in_full"]
    assert kinds["partial"] == truth["orders"]["refunded_in_part"]
    refunded = {one["order_id"]: Decimal(one["refunded"]) for one in listed}
    found = {one["number"]: one["refund"] for one in orders["fxiaoke"] if one["refund"]}
    own_rows = [one for one in orders["jiandaoyun"] if one["status"] == "退款"]
    with_order = {
        one["number"]: -read_amount(one["amount"]) for one in own_rows if one["number"] in refunded
    }
    assert len(own_rows) - len(with_order) == 5
    assert len(with_order) == truth["orders"]["refund_rows"]
    assert found | with_order == refunded


@pytest.mark.parametrize(
    "form, pattern",
    [
        ("currency_sign", r"¥[\d,]+\.\d\d"),
        ("full_width", r"[０-９．]+"),
        ("ten_thousands", r"[\d.]+万"),
        ("yuan_word", r"[\d.]+元"),
        ("blanks", r"  [\d.]+ "),
        ("thousands", r"\d[\d,]*,\d{3}\.\d\d"),
    ],
)
def test_amounts_are_written_in_as_many_forms_as_the_truth_counts(orders, truth, form, pattern):
    texts = [str(one["amount"]) for file in FILES for one in orders[file]]
    written = sum(re.fullmatch(pattern, text) is not None for text in texts)
    assert written == truth["orders"]["amount_forms"][form] > 0


@pytest.mark.parametrize(
    "form, pattern",
    [
        ("slashes", r"\d{4}/\d+/\d+ \d\d:\d\d"),
        ("chinese", r"\d{4}年\d+月\d+日"),
        ("serial", r"4[45]\d{3}\.\d+"),
    ],
)
def test_dates_are_written_in_as_many_forms_as_the_truth_counts(orders, truth, form, pattern):
    written = sum(
        re.fullmatch(pattern, one["time"] or "") is not None for one in orders["jiandaoyun"]
    )
    assert written == truth["orders"]["date_forms"][form] > 50


def test_lines_add_up_to_their_order_but_for_refunds_and_the_absurd_amount(orders, truth):
    differing = []
    for file in FILES:
        for one in orders[file]:
            amount, parts = (
                read_amount(one["amount"]),
                [read_amount(line[2]) for line in one["lines"]],
            )
            assert len({line[0] for line in one["lines"]}) == len(one["lines"]), "a product twice"
            if amount is None:
                assert parts == [None] * len(parts)
            elif sum(parts) != amount:
                differing.append((file, one["number"], one["status"]))
    beyond = [one for one in differing if one[2] == "退款"]
    assert len(beyond) == truth["orders"]["reasons"]["jiandaoyun"]["refund_beyond_purchase"]
    assert [one[1] for one in differing if one not in beyond] == [truth["outlier"]["order_id"]]


def test_lines_that_are_no_product_are_counted(shop, orders, truth):
    known = {one["产品编码"]: one for one in rows(shop / "products.csv")}
    assert len(known) == 60
    assert len({one["品类"] for one in known.values()}) == 6
    lines = [line for file in FILES for one in orders[file] for line in one["lines"]]
    fees = Counter(line[0] for line in lines if line[0] not in known)
    counted = truth["orders"]["fee_lines"]
    assert fees == {"SHIPPING": counted["运费"], "FEE": counted["补差价"]}


def test_every_customer_id_stands_in_a_record_of_customers(shop, orders, truth):
    known = set(customers(shop))
    assert Counter(truth["customers"]["records"]).total() == len(known)
    for file in FILES:
        assert {one["customer"] for one in orders[file]} <= known | {None, "无", "-"}
    for file, columns in REFERENCES.items():
        assert {one[column] for one in rows(shop / file) for column in columns} <= known, file
    parents = {one["parent_account_id"] for one in records(shop / "fxiaoke_accounts.json")}
    assert {None} < parents <= known | {None}
    told = [one["客户编号"] for one in rows(shop / "feedback_gbk.csv")]
    unknown = [one for one in told if one not in known]
    assert len(unknown) == truth["feedback"]["unknown_customer"]
    assert {one["customer_id"] for one in rows(shop / "truth" / "customer_ids.csv")} == known


def test_feedback_of_1900_is_counted_and_the_rest_lies_within_the_data(shop, truth):
    days = [read_day(one["反馈时间"]) for one in rows(shop / "feedback_gbk.csv")]
    old = [day for day in days if day == date(1900, 1, 1)]
    assert len(old) == truth["feedback"]["date_impossible"]
    rest = set(days) - set(old)
    assert date(2022, 1, 1) <= min(rest) <= max(rest) <= date(2024, 6, 30)


def test_nothing_happens_after_the_last_day(shop, orders):
    last = "2024-06-30"
    for file in FILES:
        days = [day for one in orders[file] if (day := read_day(one["time"]))]
        assert max(days).isoformat() == last
    for file, column in {
        "zoho_interactions.csv": "Start DateTime",
        "loyalty.csv": "变动时间",
        "costs.csv": "月份",
        "responses.csv": "转化时间",
        "relations.csv": "开始日期",
    }.items():
        assert max(one[column][:10] for one in rows(shop / file)) <= last, file
    assert max(one["created"] for one in customers(shop).values()) <= last


def test_only_the_counted_orders_come_before_their_customer_signed_up(shop, orders, truth):
    known = customers(shop)
    early = [
        one
        for file in FILES
        for one, reason in judged(orders[file], shop)
        if reason is None and read_day(one["time"]).isoformat() < known[one["customer"]]["created"]
    ]
    assert len(early) == truth["orders"]["before_signup"] >= 20
    assert (
        len({one["customer"] for one in early}) == truth["customers"]["created_after_first_order"]
    )


def test_records_share_a_phone_or_email_only_where_the_truth_says_so(shop, truth):
    known = customers(shop)
    pairs = rows(shop / "truth" / "duplicates.csv")
    assert len(pairs) == 120 == Counter(truth["duplicates"]).total()
    sharing = defaultdict(set)
    for one, fields in known.items():
        digits = phone_digits(fields)
        if len(digits) == 11 and phonenumbers.is_valid_number(phonenumbers.parse(f"+86{digits}")):
            sharing[digits].add(one)
        if re.fullmatch(r"[^@#]+@[^@]+\.[a-z]+", (fields["email"] or "").lower()):
            sharing[fields["email"].lower()].add(one)
    found = {frozenset(ids) for ids in sharing.values() if len(ids) > 1}
    certain = {
        frozenset((one["first_id"], one["second_id"]))
        for one in pairs
        if one["deterministic"] == "true"
    }
    assert len(certain) == 60
    assert found == certain


def test_certain_duplicates_share_one_thing_written_differently(shop):
    known = customers(shop)
    for one in rows(shop / "truth" / "duplicates.csv"):
        first, second = known[one["first_id"]], known[one["second_id"]]
        if one["deterministic"] == "true":
            assert first[one["shared"]] != second[one["shared"]]
            assert phone_digits(first) != phone_digits(second) or one["shared"] == "phone"


def test_uncertain_duplicates_still_share_what_the_truth_says(shop):
    known = customers(shop)
    mistyped_names = 0
    for one in rows(shop / "truth" / "duplicates.csv"):
        first, second = known[one["first_id"]], known[one["second_id"]]
        if "birthday" in one["shared"]:
            assert read_day(first["birthday"]) == read_day(second["birthday"]) is not None
        if one["shared"] in ("name_birthday_city", "name_city_phone"):
            assert first["name"] == second["name"]
            assert first["city"] and second["city"]
        if one["shared"] == "name_birthday_phone":
            mistyped_names += first["name"] != second["name"]
            assert first["name"][:-1] == second["name"][:-1]
    assert mistyped_names > 5


def test_orders_of_a_person_with_two_records_are_split_between_them(shop, purchases):
    used = defaultdict(set)
    for one in purchases:
        used[one["person_id"]].add(one["customer_id"])
    pairs = rows(shop / "truth" / "duplicates.csv")
    split = [one for one in pairs if used[one["person_id"]] == {one["first_id"], one["second_id"]}]
    assert len(split) > 40
    assert all(len(ids) <= 2 for ids in used.values())


def test_a_person_signs_up_before_the_first_purchase(purchases):
    assert all(one["person"]["signup"] < one["ordered_on"] for one in purchases)


@pytest.mark.parametrize(
    "form, pattern",
    [
        ("plain", r"1\d{10}"),
        ("blanks", r"1\d\d \d{4} \d{4}"),
        ("hyphens", r"1\d\d-\d{4}-\d{4}"),
        ("plus_86", r"\+86-1\d{10}"),
        ("zeros_86", r"0086 1\d{10}"),
        ("outer_blanks", r" 1\d{10} "),
        ("full_width", r"[０-９]{11}"),
    ],
)
def test_phones_are_written_in_as_many_forms_as_the_truth_counts(shop, truth, form, pattern):
    phones = [fields["phone"] or "" for fields in customers(shop).values()]
    written = [one for one in phones if re.fullmatch(pattern, one, re.ASCII)]
    if form == "full_width":
        written = [one for one in written if not one.isascii()]
    assert len(written) == truth["customers"]["phone_form"][form] > 100


def test_phones_that_are_none_are_counted(shop, truth):
    phones = [fields["phone"] for fields in customers(shop).values()]
    assert sum(not one for one in phones) == truth["customers"]["phone_form"]["missing"]
    invalid = 0
    for one in filter(None, phones):
        try:
            number = phonenumbers.parse(unicodedata.normalize("NFKC", one).strip(), "CN")
            invalid += not phonenumbers.is_valid_number(number)
        except phonenumbers.NumberParseException:
            invalid += 1
    assert invalid == truth["customers"]["phone_form"]["invalid"] == 40


def test_impossible_birthdays_and_bare_districts_are_counted(shop, truth):
    known = customers(shop)
    years = Counter(day.year for one in known.values() if (day := read_day(one["birthday"])))
    counted = truth["customers"]
    assert years[1900] == counted["birthday_form"]["year_1900"] == 18
    future = sum(count for year, count in years.items() if year > 2024)
    assert future == counted["birthday_form"]["in_future"] == 7
    form = sheet(shop / "jiandaoyun_customers.xlsx")
    bare = [one["区县"] for one in form if one["区县"] and not one["城市"]]
    bare += [
        one["district"]
        for one in records(shop / "fxiaoke_accounts.json")
        if one["district"] and not one["city"]
    ]
    assert len(bare) == counted["city_form"]["district_alone"] == 25
    assert set(bare) <= {"朝阳区", "鼓楼区", "西湖区", "和平区"}
    latin = [one for one in known.values() if (one["city"] or "").isascii() and one["city"]]
    assert len(latin) == counted["city_form"]["latin"] > 100


def test_test_accounts_are_counted(shop, truth):
    named = [one for one in customers(shop).values() if is_test(one["name"])]
    assert len(named) == truth["customers"]["test_accounts"] == 6


def test_prospects_never_buy(shop, purchases, truth):
    persons = rows(shop / "truth" / "persons.csv")
    prospects = {one["person_id"] for one in persons if one["is_prospect"] == "true"}
    assert len(persons) == truth["persons"] == 3_000
    assert len(prospects) == truth["prospects"]
    assert 0.06 < len(prospects) / len(persons) < 0.10
    assert not prospects & {one["person_id"] for one in purchases}


@pytest.mark.parametrize("name", BUYER_CLASSES)
def test_repeat_purchases_come_at_the_rate_of_their_class(purchases, name):
    """Chance of a repeat purchase within s days: 1 - (alpha / (alpha + s)) ^ r (gamma mixture)."""
    days, planted = 60, BUYER_CLASSES[name]
    first, second = (
        {
            one["person_id"]: date.fromisoformat(one["ordered_on"])
            for one in purchases
            if one["person"]["class"] == name and one["repeat"] == number
        }
        for number in ("0", "1")
    )
    long_enough = [one for one, day in first.items() if day <= date(2024, 6, 30) - timedelta(days)]
    again = [one for one in long_enough if one in second and (second[one] - first[one]).days < days]
    expected = 1 - (planted.alpha_days / (planted.alpha_days + days)) ** planted.r
    error = share_error(expected, len(long_enough))
    assert near(len(again) / len(long_enough), expected, error)
    assert error < 0.02


@pytest.mark.parametrize("name", BUYER_CLASSES)
def test_customers_drop_out_at_the_chance_of_their_class(purchases, name):
    planted = BUYER_CLASSES[name]
    coins = [
        one["dropped"] == "true"
        for one in purchases
        if one["person"]["class"] == name and one["repeat"] == "1" and one["raised"] == "false"
    ]
    expected = planted.a / (planted.a + planted.b)
    assert near(sum(coins) / len(coins), expected, share_error(expected, len(coins)))
    assert len(coins) > 400


@pytest.mark.parametrize("name", BUYER_CLASSES)
def test_first_orders_are_worth_what_their_class_spends(purchases, truth, name):
    values = [
        float(one["amount"])
        for one in purchases
        if one["person"]["class"] == name
        and one["repeat"] == "0"
        and one["order_id"] != truth["outlier"]["order_id"]
    ]
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    planted = truth["classes"][name]["mean_order_value"]
    assert planted == {"price_sensitive": 90, "service": 360, "product": 250}[name]
    assert near(mean, planted, deviation / math.sqrt(len(values)))


def test_a_complaint_multiplies_the_chance_to_drop_out(purchases, truth):
    """Under the planted factor as many leave as expected, and without it far more than expected."""
    factor = truth["complaints"]["dropout_factor"]
    coins = {"true": [], "false": []}
    for one in purchases:
        if one["repeat"] not in ("", "0"):
            chance = float(one["person"]["dropout"])
            coins[one["raised"]].append((chance, one["dropped"] == "true"))
    for raised, multiplied in (("true", factor), ("false", 1)):
        chances = [min(1, multiplied * chance) for chance, _ in coins[raised]]
        left = sum(dropped for _, dropped in coins[raised])
        error = math.sqrt(sum(chance * (1 - chance) for chance in chances))
        assert near(left, sum(chances), error)
    plain = [chance for chance, _ in coins["true"]]
    left = sum(dropped for _, dropped in coins["true"])
    assert left - sum(plain) > CHANCE * math.sqrt(sum(one * (1 - one) for one in plain))


def test_complaints_stand_with_the_purchase_they_are_about(shop, purchases, truth):
    complained = {
        one["order_id"]: one["complained_on"] for one in purchases if one["complained_on"]
    }
    told = {
        one["订单编号"]: read_day(one["反馈时间"]).isoformat()
        for one in rows(shop / "feedback_gbk.csv")
        if one["反馈类型"] == "投诉" and one["订单编号"]
        if read_day(one["反馈时间"]).year > 1900
    }
    assert told == complained
    assert len(told) == truth["complaints"]["complaints"] > 500


@pytest.mark.parametrize("campaign, works", [("C1", True), ("C2", False)])
def test_campaigns_raise_the_chance_to_buy_by_what_was_planted(
    shop, purchases, truth, campaign, works
):
    planted = truth["campaigns"][campaign]
    sent = date.fromisoformat(planted["sent_on"])
    last = sent + timedelta(days=planted["window_days"] - 1)
    buyers = {
        one["person_id"]
        for one in purchases
        if sent <= date.fromisoformat(one["ordered_on"]) <= last
    }
    groups = defaultdict(list)
    for one in rows(shop / "truth" / "campaign_members.csv"):
        if one["campaign_id"] == campaign:
            groups[one["treated"]].append(one["person_id"] in buyers)
    assert (len(groups["true"]), len(groups["false"])) == (planted["treated"], planted["control"])
    shares = {group: sum(bought) / len(bought) for group, bought in groups.items()}
    error = math.hypot(*(share_error(shares[one], len(groups[one])) for one in groups))
    uplift = shares["true"] - shares["false"]
    assert near(uplift, planted["expected_uplift"], error)
    assert (uplift > CHANCE * error) == works


def test_responses_hold_both_groups_and_nothing_was_sent_to_the_control_group(shop, truth):
    groups = Counter()
    for one in rows(shop / "responses.csv"):
        groups[one["活动编号"], one["分组"]] += 1
        assert bool(one["发送时间"]) == (one["分组"] == "实验组")
        assert not one["转化时间"] or one["点击时间"] < one["转化时间"]
    for campaign, planted in truth["campaigns"].items():
        assert groups[campaign, "实验组"] == planted["treated"]
        assert groups[campaign, "对照组"] == planted["control"]


def test_classes_show_in_what_their_customers_buy_and_how_often_they_write(
    shop, orders, purchases, truth
):
    known = {one["产品编码"]: one for one in rows(shop / "products.csv")}
    names = {one["order_id"]: one["person"]["class"] for one in purchases}
    lines, reduced, services = Counter(), Counter(), Counter()
    for one in (one for file in FILES for one in orders[file]):
        for product, quantity, subtotal, _ in one["lines"]:
            name, amount = names.get(one["number"]), read_amount(subtotal)
            if name and product in known and amount and amount > 0:
                lines[name] += 1
                reduced[name] += amount < Decimal(known[product]["标价"]) * int(quantity)
                services[name] += known[product]["是否服务"] == "是"
    for name, planted in truth["classes"].items():
        assert abs(reduced[name] / lines[name] - planted["discounted_lines"]) < 0.03
        assert abs(services[name] / lines[name] - planted["service_lines"]) < 0.05
    persons = {one["person_id"]: one["class"] for one in rows(shop / "truth" / "persons.csv")}
    person_of = {
        one["customer_id"]: one["person_id"] for one in rows(shop / "truth" / "customer_ids.csv")
    }
    contacts = Counter(
        persons[person_of[one["Contact Name.id"]]] for one in rows(shop / "zoho_interactions.csv")
    )
    per_person = {name: contacts[name] / truth["classes"][name]["persons"] for name in contacts}
    assert per_person["service"] > 3 * max(per_person["product"], per_person["price_sensitive"])


def test_three_in_ten_answered_a_survey_and_complaints_cost_points(shop, purchases):
    person_of = {
        one["customer_id"]: one["person_id"] for one in rows(shop / "truth" / "customer_ids.csv")
    }
    complained = {one["person_id"] for one in purchases if one["complained_on"]}
    scores, answered = defaultdict(list), set()
    for one in rows(shop / "surveys_gbk.csv"):
        if one["得分"]:
            person = person_of[one["客户编号"]]
            answered.add(person)
            assert 0 <= int(one["得分"]) <= int(one["满分"])
            if one["题目"] == "NPS推荐意愿":
                scores[person in complained].append(int(one["得分"]))
    assert 0.27 < len(answered) / 3_000 < 0.34
    means = {key: sum(values) / len(values) for key, values in scores.items()}
    assert means[False] - means[True] > 0.5


def test_points_never_fall_below_zero(shop):
    balance = Counter()
    for one in rows(shop / "loyalty.csv"):
        balance[one["客户编号"]] += int(one["积分"])
        assert balance[one["客户编号"]] >= 0
    assert len(balance) > 1_000


def test_who_was_recommended_signed_up_on_that_day(shop):
    known = customers(shop)
    found = rows(shop / "relations.csv")
    assert len(found) == 180
    early = {
        one["customer_id"]
        for one in rows(shop / "truth" / "customer_ids.csv")
        if one["early"] == "true"
    }
    for one in found:
        assert one["客户编号"] != one["关联客户"]
        if one["关联客户"] not in early:
            assert known[one["关联客户"]]["created"] == one["开始日期"]


def test_only_one_amount_is_absurd(orders, truth):
    amounts = {one["number"]: read_amount(one["amount"]) for file in FILES for one in orders[file]}
    absurd = {number: amount for number, amount in amounts.items() if amount and amount > 20_000}
    assert absurd == {truth["outlier"]["order_id"]: Decimal("8888888.00")}
