"""Which column of a file is which of ours."""

import pytest
from helpers import settings_text

from analysis import model
from analysis.collect.inputs import Input
from analysis.collect.mapping import claims, find_columns, presets
from analysis.run.errors import UserError
from analysis.run.settings import Source


def one(table: str = "customers", **changes: object) -> Input:
    from pathlib import Path

    return Input(Source(table=table, path="x.csv", **changes), Path("x.csv"))


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["customer_id", "phone"], {"customer_id": "customer_id", "phone": "phone"}),
        (["Customer ID", "PHONE "], {"customer_id": "Customer ID", "phone": "PHONE "}),
        (["客户编号", "手机号"], {"customer_id": "客户编号", "phone": "手机号"}),
        (["会员号", "ｅｍａｉｌ"], {"customer_id": "会员号", "email": "ｅｍａｉｌ"}),
        (["客户编号", "备注"], {"customer_id": "客户编号"}),
    ],
)
def test_names_are_found_exactly_folded_or_by_known_headings(headings, expected):
    assert find_columns(headings, one()) == expected


def test_our_own_name_comes_before_a_known_heading():
    found = find_columns(["客户编号", "phone", "手机号"], one())
    assert found["phone"] == "phone"


def test_the_settings_override_everything():
    found = find_columns(["id", "customer_id"], one(columns={"customer_id": "id"}))
    assert found["customer_id"] == "id"


def test_a_preset_comes_before_known_headings():
    headings = ["Record Id", "Full Name", "Phone", "Mobile"]
    found = find_columns(headings, one(preset="zoho"))
    assert found["phone"] == "Mobile"
    assert find_columns(headings[1:], one(columns={"customer_id": "Full Name"}))["phone"] == "Phone"


def test_two_headings_that_claim_one_column_are_settled_in_the_settings():
    headings = ["客户编号", "电话", "手机"]
    with pytest.raises(UserError, match=r'columns = \{ phone = "电话" \}'):
        find_columns(headings, one())
    assert find_columns(headings, one(columns={"phone": "手机"}))["phone"] == "手机"
    assert find_columns(headings, one(ignore=["电话"]))["phone"] == "手机"


def test_all_claims_can_be_asked_for_without_an_error():
    headings = ["客户编号", "电话", "手机", "备注"]
    expected = {"customer_id": ["客户编号"], "phone": ["电话", "手机"]}
    assert claims(headings, one().source) == expected
    assert claims(headings, one(columns={"phone": "手机"}).source)["phone"] == ["手机"]


def test_an_ambiguous_label_must_be_settled():
    headings = ["客户编号", "客户类型"]
    with pytest.raises(UserError, match="different things in different companies"):
        find_columns(headings, one())
    assert "customer_type" not in find_columns(headings, one(ignore=["客户类型"]))
    found = find_columns(headings, one(columns={"level_in_crm": "客户类型"}))
    assert found["level_in_crm"] == "客户类型"


def test_headings_of_a_sub_form_are_known_with_and_without_its_name():
    headings = ["订单编号", "数量", "订单明细.数量", "订单明细.产品编码"]
    found = find_columns(headings, one("order_lines", subform="订单明细"))
    assert found["quantity"] == "订单明细.数量"
    assert found["product_id"] == "订单明细.产品编码"


def test_what_is_missing_is_named_with_what_there_is():
    with pytest.raises(
        UserError, match=r"kind \(table feedback\).*Its columns are: 客户编号, 反馈时间"
    ):
        find_columns(["客户编号", "反馈时间"], one("feedback"))


@pytest.mark.parametrize("preset", presets())
def test_presets_name_tables_and_columns_of_the_model(preset):
    for table, columns in presets()[preset].items():
        assert columns.keys() <= model.columns(table).keys()


def test_no_heading_is_known_for_two_columns_of_one_table():
    from analysis.collect.mapping import fold, headings_of

    for table in model.tables():
        known: dict[str, str] = {}
        for name, column in model.columns(table).items():
            for heading in {fold(one) for one in (name, *headings_of(column))}:
                assert known.setdefault(heading, name) == name, (table, heading)


def test_every_table_of_the_model_may_be_a_source():
    for table in model.tables():
        assert one(table).source.table == table
    assert "table" in settings_text()
