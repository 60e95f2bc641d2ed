"""What records in the CRM are to say, and what of it changed."""

import polars as pl
import pytest

from analysis.actions import crm_labels, crm_words
from analysis.actions.crm_records import records
from analysis.contracts.actions import PLANNED_ACTIONS, CrmLabels
from analysis.labels import group
from analysis.run import paths, settings
from analysis.run.errors import UserError
from analysis.run.sections_crm import Crm
from analysis.run.settings import Settings

CRM = Crm()
SEGMENTS = [
    ("a", "rfm", "champions", "冠军客户"),
    ("a", "value_revenue", "high_value", "高价值客户"),
    ("a", "need", "service", "服务型客户"),
    ("a", "life_cycle", "loyal", "忠诚客户"),
    ("a", "activity", "active", "活跃客户"),
    ("b", "rfm", "at_risk", "流失风险客户"),
    ("b", "value_revenue", "low_value", "低价值客户"),
    ("b", "need", "unclear", "需求未明"),
    ("b", "life_cycle", "repeat", "重复购买客户"),
    ("c", "life_cycle", "prospect", "潜在客户"),
]


def segments(*rows: tuple) -> pl.DataFrame:
    names = ["customer_id", "axis", "class", "class_zh"]
    return pl.DataFrame(rows or SEGMENTS, schema=names, orient="row")


def churn(**chances: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": list(chances), "probability_no_purchase": list(chances.values())},
        schema={"customer_id": pl.String, "probability_no_purchase": pl.Float64},
    )


def frame(column: str, **values: str | None) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": list(values), column: list(values.values())})


def test_every_customer_gets_every_label():
    found = crm_labels.labels(
        segments(),
        churn(a=0.2, b=0.66),
        frame("preferred_channel", a="phone", b="fax"),
        frame("action", b="寄送优惠券"),
        CRM,
    )
    assert found.rows() == [
        ("a", "冠军客户", "高价值客户", "低", "无", "电话", "忠诚客户,服务型客户,活跃客户"),
        ("b", "流失风险客户", "低价值客户", "高", "寄送优惠券", "fax", "重复购买客户"),
        ("c", "潜在客户", "无", "无", "无", "无", "潜在客户"),
    ]


def test_only_those_who_are_to_be_contacted_get_a_word_of_the_action():
    rows = [
        ("a", "retention", "Give each a named contact", "treat"),
        ("b", "retention", "Give each a named contact", "control"),
        ("c", "care", None, "treat"),
        ("d", "win_back", None, "standing"),
    ]
    plan = pl.DataFrame(rows, schema=["customer_id", "action", "what", "arm"], orient="row")
    found = crm_labels.planned(plan, CRM)
    assert found.rows() == [("a", "挽留: Give each a named contact"), ("c", "客户关怀")]
    labels = crm_labels.labels(segments(), churn(), None, found, CRM)
    assert labels["next_action"].to_list() == ["挽留: Give each a named contact", "无", "客户关怀"]


def test_every_planned_action_has_its_words():
    for language in ("zh", "en"):
        assert {f"action_{one}" for one in PLANNED_ACTIONS} <= group(f"crm.{language}").keys()


def test_labels_in_english():
    found = crm_labels.labels(segments(), churn(a=0.5), None, None, Crm(language="en"))
    first = ("a", "Champions", "High value", "middle", "none", "none", "Loyal,Service,Active")
    assert [text.lower() for text in found.row(0)] == [text.lower() for text in first]


def test_no_label_begins_like_a_formula_or_breaks_a_cell():
    own = segments(
        ("a", "rfm", "x", "=1+1"), ("a", "need", "y", "-a,b"), ("a", "activity", "z", " ")
    )
    found = crm_labels.labels(own, churn(), None, frame("action", a="@sum\nof\tall"), CRM)
    assert found.row(0) == ("a", "'=1+1", "无", "无", "'@sum of all", "无", "'-a b")


def test_bands_of_risk_are_the_companys():
    crm = Crm(middle_risk_from=0.5, high_risk_from=0.9)
    found = crm_labels.labels(segments(), churn(a=0.5, b=0.8999), None, None, crm)
    assert found["churn_risk"].to_list() == ["中", "中", "无"]


RECORDS = pl.DataFrame(
    {
        "system": ["jiandaoyun", "jiandaoyun", "zoho", "zoho"],
        "record_id": ["000001", "000009", "zcrm_1", "zcrm_2"],
        "key": ["data_id", "data_id", "Record Id", "Record Id"],
        "api_id": ["000001", "000009", "zcrm_1", "zcrm_2"],
        "customer_id": ["a", "a", "a", "stranger"],
    }
)


def test_all_records_of_a_person_say_the_same_in_every_system():
    labels = crm_labels.labels(segments(), churn(a=0.2), None, None, CRM)
    table = CrmLabels.validate(crm_labels.crm_labels(labels, RECORDS, None))
    assert table.height == 3 * 6
    assert table["changed"].all()
    risk = table.filter(field="churn_risk").select("system", "record_id", "value", "previous")
    assert risk.rows() == [
        ("jiandaoyun", "000001", "低", None),
        ("jiandaoyun", "000009", "低", None),
        ("zoho", "zcrm_1", "低", None),
    ]


def test_only_what_differs_from_last_month_has_changed():
    before = crm_labels.labels(segments(), churn(a=0.2), None, frame("action", a="致电"), CRM)
    now = crm_labels.labels(segments(), churn(a=0.7), None, None, CRM)
    first = crm_labels.crm_labels(before, RECORDS.filter(record_id="000001"), None)
    table = CrmLabels.validate(crm_labels.crm_labels(now, RECORDS, first))
    changed = table.filter("changed", record_id="000001").select("field", "value", "previous")
    assert changed.rows() == [("churn_risk", "高", "低"), ("next_action", "无", "致电")]
    assert table.filter(record_id="000009")["changed"].all()  # a new record
    assert crm_labels.counts(table).rows() == [("jiandaoyun", 2, 2, 8), ("zoho", 1, 1, 6)]
    said = crm_words.changes(crm_labels.counts(table), table)
    assert [one["key"] for one in said] == ["crm_page.changed", "crm_page.first"]


def source(path: str, preset: str | None, **more) -> dict:
    return {"table": "customers", "path": f"data/raw/shop/{path}", "preset": preset} | more


def shop(*sources: dict) -> Settings:
    orders = {"table": "orders", "path": "orders.csv"}
    return Settings(
        name="shop", currency="CNY", time_zone="Asia/Shanghai", sources=[orders, *sources]
    )


def people(*rows: tuple) -> pl.DataFrame:
    """Profiles: file, row and person of each."""
    named = [(f"data/raw/shop/{file}", row, person) for file, row, person in rows]
    return pl.DataFrame(named, schema=["file", "row", "person_id"], orient="row")


def write(root, name: str, text: str) -> None:
    folder = paths.raw("shop")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_ids_are_those_of_the_systems_themselves(root):
    write(root, "jdy.csv", "数据ID,客户编号,姓名\n0065f0000000000000000001,000007,=SUM(1)\n")
    write(root, "fx.json", '[{"_id":"66a1","account_no":"KH01","name":"陈玲"}]')
    write(root, "zoho.csv", "Record Id,Full Name,Tag\n487651234500012345,王芳,VIP; 老客户\n")
    settings = shop(
        source("jdy.csv", "jiandaoyun", id_prefix="J"),
        source("fx.json", "fxiaoke"),
        source("zoho.csv", "zoho"),
        source("other.csv", None),
    )
    profiles = people(("jdy.csv", 1, "p"), ("fx.json", 1, "p"), ("zoho.csv", 1, "q"))
    found = records(profiles, settings)
    fx = ("fxiaoke", "KH01", "客户编号", "66a1", "陈玲", None, "p")
    jdy_id = "0065f0000000000000000001"
    jdy = ("jiandaoyun", jdy_id, "data_id", jdy_id, "=SUM(1)", None, "p")
    number = "487651234500012345"
    zoho = ("zoho", number, "Record Id", number, "王芳", "VIP; 老客户", "q")
    assert found.rows() == [fx, jdy, zoho]


def test_the_customer_number_stands_for_a_data_id_that_no_export_tells(root):
    write(root, "a.csv", "data_id,客户编号,姓名\nd1,000007,陈玲\n")
    write(root, "b.csv", "客户编号,姓名\n000008,王芳\n")
    settings = shop(source("a.csv", "jiandaoyun"), source("b.csv", "jiandaoyun"))
    found = records(people(("a.csv", 1, "p"), ("b.csv", 1, "q")), settings)
    assert found.select("record_id", "key", "api_id").rows() == [
        ("000007", "客户编号", "d1"),
        ("000008", "客户编号", None),
    ]


def test_an_id_that_is_a_formula_is_no_id(root):
    write(root, "zoho.csv", "Record Id,Full Name\n1,王芳\n=A1,陈玲\n")
    profiles = people(("zoho.csv", 1, "p"), ("zoho.csv", 2, "q"))
    with pytest.raises(
        UserError, match=r"zoho.csv, row 2: the id of the record begins like a formula"
    ):
        records(profiles, shop(source("zoho.csv", "zoho")))


def test_without_a_crm_there_are_no_labels():
    empty = records(people(), shop())
    labels = crm_labels.labels(segments(), churn(), None, None, CRM)
    table = crm_labels.crm_labels(labels, empty, None)
    assert table.is_empty()
    said = crm_words.changes(crm_labels.counts(table), table)
    assert said == [{"key": "crm_page.no_system"}]


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('[crm.zoho]\nmodule = "Leads"', "crm.zoho: no source of customers has `preset` zoho"),
        ('[crm.fxiaoke]\nfields = { tags = "标签" }', '"标签" must end with __c'),
        ('[crm.fxiaoke]\nfields = { tag = "标签__c" }', 'not a label; did you mean "tags"'),
        ('[crm.fxiaoke]\nfields = { tags = "客户分级__c" }', "is given to 2 labels"),
        ("[crm]\nhigh_risk_from = 0.2", "middle_risk_from must be less than high_risk_from"),
        ('[crm.fxiaoke]\nurl = "open.fxiaoke.com/x"', "crm.fxiaoke.url"),
        ('[crm.fxiaoke]\nobject = "x"', 'did you mean "object_name"'),
    ],
)
def test_settings_that_cannot_be_meant_are_told(root, section, says):
    text = (
        'name = "shop"\ncurrency = "CNY"\ntime_zone = "Asia/Shanghai"\n'
        '[[sources]]\ntable = "orders"\npath = "o.csv"\n'
        '[[sources]]\ntable = "customers"\npath = "c.csv"\npreset = "fxiaoke"\n'
    )
    (root / "config" / "shop.toml").write_text(f"{text}{section}\n", encoding="utf-8")
    with pytest.raises(UserError) as problem:
        settings.load("config/shop.toml")
    assert says in str(problem.value)
