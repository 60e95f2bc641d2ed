"""Reading JSON: records, answers of the CRMs, sub-forms; numbers as written, odd files told."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.collect.inputs import ROW, Input
from analysis.collect.read_json import read_records, subforms
from analysis.run.errors import UserError
from analysis.run.settings import Source


def read(tmp_path: Path, content: str | bytes, name: str = "a.json", **settings) -> pl.DataFrame:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_records(Input(Source(table="orders", path=str(path), **settings), path))


def message(tmp_path: Path, content: str | bytes, **settings) -> str:
    with pytest.raises(UserError) as told:
        read(tmp_path, content, **settings)
    return str(told.value)


TWO = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(TWO),
        json.dumps(TWO, indent=2),
        "\ufeff" + json.dumps(TWO) + "\n\n",
        json.dumps({"data": TWO}),
        json.dumps({"data": TWO, "info": {"more_records": False, "page": 1}}),
        json.dumps({"errorCode": 0, "errorMessage": "OK", "data": {"dataList": TWO, "total": 2}}),
        json.dumps({"code": 0, "msg": "success", "data": TWO}),
        json.dumps([{"data": TWO[:1]}, {"data": []}, {"data": TWO[1:]}]),
        json.dumps({"data": TWO[:1]}) + json.dumps({"data": TWO[1:]}),
        json.dumps(TWO[:1]) + "\n" + json.dumps(TWO[1:]),
        "\n".join(json.dumps(record) for record in TWO) + "\n",
        "\r\n\r\n".join(json.dumps(record) for record in TWO),
    ],
)
def test_records_are_found_however_they_are_wrapped(tmp_path, content):
    expected = pl.DataFrame({"id": ["1", "2"], "name": ["a", "b"], ROW: [1, 2]})
    assert_frame_equal(read(tmp_path, content), expected)
    assert_frame_equal(read(tmp_path, gzip.compress(content.encode()), "a.json.gz"), expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("13800138000", "13800138000"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("19.90", "19.90"),
        ("-0.10", "-0.10"),
        ("1E5", "1E5"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ('"007"', "007"),
        ('" a "', " a "),
        ('"\\u5ba2\\ud83d\\ude00"', "客😀"),
        ('"cut \\ud83d"', "cut �"),
        ("true", "true"),
        ("false", "false"),
        ("null", None),
        ('""', None),
        ("[]", None),
        ('["a", 1, true, null, "b"]', "a,1,true,b"),
        ('[{"name": "VIP", "id": "1"}, {"name": "新"}]', "VIP,新"),
        ('[["a"], "b"]', '[["a"], "b"]'),
        ('"' + "x" * 5_000_000 + '"', "x" * 5_000_000),
    ],
)
def test_each_value_keeps_its_text(tmp_path, value, text):
    found = read(tmp_path, f'[{{"id": "1", "value": {value}}}]')
    assert found["value"].to_list() == [text]
    assert found["value"].dtype == pl.String


def test_nested_objects_are_named_with_dots_and_missing_fields_are_null(tmp_path):
    content = """
        {"id": 1, "address": {"province": "陕西", "at": {"x": 1}}}
        {"id": 2, "address": null, "city": "Xi'an"}
        {"id": 3, "address": {}, "address.city": "Wuhan"}
    """
    expected = pl.DataFrame(
        {
            "id": ["1", "2", "3"],
            "address.province": ["陕西", None, None],
            "address.at.x": ["1", None, None],
            "address": pl.Series([None, None, None], dtype=pl.String),
            "city": [None, "Xi'an", None],
            "address.city": [None, None, "Wuhan"],
            ROW: [1, 2, 3],
        }
    )
    assert_frame_equal(read(tmp_path, content), expected)


ORDERS = [
    {
        "id": "S1",
        "amount": 30,
        "lines": [{"sku": "p1", "n": 1}, {"sku": "p2", "spec": {"色": "红"}}],
    },
    {"id": "S2", "amount": 5, "lines": []},
    {
        "id": "S3",
        "amount": 7,
        "lines": [{"sku": "p1", "n": 4}],
        "notes": [{"name": "Li", "text": "x"}],
    },
]


def test_each_row_of_the_sub_form_is_a_row_with_the_fields_of_its_record(tmp_path):
    found = read(tmp_path, json.dumps(ORDERS), subform="lines")
    expected = pl.DataFrame(
        {
            "id": ["S1", "S1", "S3"],
            "amount": ["30", "30", "7"],
            "lines.sku": ["p1", "p2", "p1"],
            "lines.n": ["1", None, "4"],
            "lines.spec.色": [None, "红", None],
            ROW: [1, 2, 3],
        }
    )
    assert_frame_equal(found, expected)


def test_without_a_sub_form_a_record_is_one_row_and_lists_of_objects_are_left_out(tmp_path):
    found = read(tmp_path, json.dumps(ORDERS[:1] + ORDERS[2:]))
    assert_frame_equal(
        found, pl.DataFrame({"id": ["S1", "S3"], "amount": ["30", "7"], ROW: [1, 2]})
    )


def test_a_sub_form_may_be_called_data(tmp_path):
    found = read(tmp_path, '[{"id": "S1", "data": [{"sku": "p1"}]}]', subform="data")
    assert found.rows() == [("S1", "p1", 1)]


def test_a_sub_form_that_is_not_there_is_told_with_the_lists_that_are(tmp_path):
    said = message(tmp_path, json.dumps(ORDERS), subform="Lines")
    assert 'no sub-form "Lines". Its lists are: lines, notes.' in said
    assert "is no sub-form" in message(tmp_path, '[{"lines": ["a"]}]', subform="lines")


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 8303, "msg": "请求超出频率限制"},
        {"errorCode": 20016, "errorMessage": "token expired", "traceId": "E-1", "data": None},
        {"code": "INVALID_TOKEN", "details": {}, "message": "invalid token", "status": "error"},
        [{"data": TWO}, {"code": 8303, "msg": "请求超出频率限制"}],
        {"errorCode": "1", "errorMessage": "partly", "data": {"dataList": TWO}, "limit": 2},
    ],
)
def test_an_answer_that_tells_a_failure_is_no_data(tmp_path, answer):
    said = message(tmp_path, json.dumps(answer))
    refused = answer[-1] if isinstance(answer, list) else answer
    assert "the answer of a request that failed" in said
    assert str(refused.get("code") or refused["errorCode"]) in said


def test_records_with_a_code_and_a_status_of_their_own_are_records(tmp_path):
    records = (
        '[{"code": "p1", "message": "x", "id": 1}, {"id": 2, "status": "error", "errorCode": 5}]'
    )
    assert read(tmp_path, records).height == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[\n{"id": 1},\n{"id" 2}\n]', "line 3, column 7: Expecting ':'"),
        ('{"id": 1}\n{"id": x}\n', "line 2, column 8: Expecting value"),
        ('{"id": 1},\n{"id": 2}', "line 1, column 10: Expecting value"),
        ('[{"id": 1}, {"id": "ab', "ends in the middle of a record (line 1, column 20)"),
        ('[{"id": 1},\n {"id": 2', "ends in the middle of a record (line 2, column 10)"),
        ('{"id": 1}\n{"id":', "ends in the middle"),
        ('{"id": 1, "a": {"b": 1, "b": 2}}', 'an object holds the name "b" twice'),
        ('{"id": 1}\n{"id": 1, "id": 2}', "begins in line 2"),
        ('{"a": {"b": 1}, "a.b": 2}', 'both called "a.b"'),
        ("[1, 2]", 'holds "1" where a record'),
        ("[[{}]]", "holds [{}] where a record"),
        ("[]", "holds no records"),
        ('{"data": []}', "holds no records"),
        ("  ", "holds no records"),
        ('[{"id": "' + "a\nb" + '"}]', "Invalid control character"),
        ('[{"id": 1}]'.encode("utf-16"), "byte 4 is zero"),
        (b'[{"id": 1}]\0', "byte 12 is zero"),
        ('[{"名": 1}]'.encode("gb18030"), "not UTF-8: byte 4 cannot be decoded"),
        (b"\xef\xbb\xbf" + '[{"名": 1}]'.encode("gb18030"), "byte 7 cannot be decoded"),
        (gzip.compress(b'[{"id": 1}]')[:-9], "packed file is cut or damaged"),
        ("[" * 100_000, "too deep"),
        ('{"id": 1, "a": ' + "[" * 100_000 + "]" * 100_000 + "}", "too deep"),
    ],
)
def test_broken_files_are_told_with_their_place(tmp_path, content, words):
    assert words in message(tmp_path, content)


@pytest.mark.parametrize("opening", ['{"a": ', "["])
def test_deep_nesting_is_read(tmp_path, opening):
    closing = "}" if opening.startswith("{") else "]"
    deep = opening * 300 + '"x"' + closing * 300
    found = read(tmp_path, f'[{{"id": 1, "deep": {deep}}}]')
    assert found.height == 1
    assert "x" in found.row(0)[1]


def test_a_cut_file_never_reads_as_fewer_records(tmp_path):
    """Wherever the file is cut, it is told, or it holds all the records that it held."""
    content = json.dumps(ORDERS, ensure_ascii=False).encode()
    for size in range(1, len(content)):
        message(tmp_path, content[:size])


def test_a_sub_form_of_rows_without_any_is_told(tmp_path):
    assert "holds no records" in message(tmp_path, '[{"id": 1, "lines": []}]', subform="lines")


def test_sub_forms_are_the_lists_of_objects_with_columns_of_their_own(tmp_path):
    records = [{"tags": [{"name": "a"}], "lines": []}, {"lines": [{"qty": 1}], "ids": ["a", "b"]}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(records))
    assert subforms(Input(Source(table="orders", path=str(path)), path)) == ["lines"]
