"""Settings and months: every problem in one message, with the nearest name."""

from datetime import date

import pytest
from helpers import settings_text

from analysis.run.errors import UserError
from analysis.run.months import Month, month_range
from analysis.run.settings import load
from analysis.run.steps import find_step, with_dependents


def loaded(root, text: str):
    (root / "config" / "shop.toml").write_text(text, encoding="utf-8")
    return load("config/shop.toml")


def test_only_four_things_are_required(root):
    found = loaded(root, settings_text())
    assert (found.clv.horizon_days, found.churn.horizon_days) == (365, 90)
    assert found.clv.discount_rate_annual == 0.10
    assert found.minor_digits == 2


MISTAKES = {
    'currncy = "EUR"\n' + settings_text(): 'did you mean "currency"',
    settings_text(currency='"euro"'): "currency = 'euro'",
    settings_text(currency='"EUX"'): "no currency of ISO 4217",
    settings_text(time_zone='"Asia/Shanghi"'): 'did you mean "Asia/Shanghai"',
    settings_text(name='"my shop"'): "name = 'my shop'",
    settings_text(name='"../up"'): "name = '../up'",
    settings_text(name='"_failed"'): "underscore",
    settings_text() + "[clv]\nhorizon_day = 30\n": 'did you mean "horizon_days"',
    settings_text() + "[clv]\nhorizon_days = 0\n": "clv.horizon_days = 0",
    settings_text() + 'columns = { cust = "x" }\n': 'did you mean "customer_id"',
    settings_text() + 'columns = { amount = "x", quantity = "x" }\n': "given to two of ours",
    settings_text().replace('"orders"', '"feedback"'): "a source of orders is required",
    settings_text() + 'encoding = "gb1803"\n': "is not an encoding",
    settings_text() + 'seperator = ";"\n': 'did you mean "separator"',
    settings_text().replace('path = "data/raw/shop/*.csv"\n', ""): "either `path` (files) or `url`",
    "name = shop": "not valid TOML",
    "": '"name" is required',
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_what_is_allowed(root, text):
    with pytest.raises(UserError) as problem:
        loaded(root, text)
    assert MISTAKES[text] in str(problem.value)
    assert "shop.toml" in str(problem.value)


def test_all_problems_are_told_at_once(root):
    with pytest.raises(UserError) as problem:
        loaded(root, settings_text(currency='"euro"', time_zone='"Mars"', nme='"x"'))
    assert str(problem.value).count("\n  - ") == 3


def test_a_missing_file_lists_those_that_exist(root):
    (root / "config" / "mine.toml").write_text("")
    with pytest.raises(UserError, match=r"no settings file config/other.toml.*mine\.toml"):
        load("config/other.toml")


def test_a_month_knows_its_days_and_its_neighbours():
    month = Month.parse("2024-02")
    assert (month.first_day, month.last_day) == (date(2024, 2, 1), date(2024, 2, 29))
    assert str(month.previous), str(month.year_ago) == ("2024-01", "2023-02")
    assert month.label == "February 2024"
    assert month.as_of.isoformat() == "2024-02-29T23:59:59.999999"
    assert str(Month(2024, 12).plus(1)) == "2025-01"


@pytest.mark.parametrize(
    "text", ["1998-13", "1998-6", "199806", "", "June 1998", "0000-01", "１９９８-06"]
)
def test_what_is_no_month_is_refused(text):
    with pytest.raises(UserError, match="YYYY-MM"):
        Month.parse(text)


def test_a_range_runs_forward():
    assert len(month_range(Month(1997, 4), Month(1998, 6))) == 15
    with pytest.raises(UserError, match="after"):
        month_range(Month(1998, 6), Month(1997, 4))


def test_steps_are_found_by_number_and_bring_their_dependents():
    assert find_step("04").name == "04_clv"
    assert with_dependents(find_step("04")) == {
        "04_clv",
        "05_churn",
        "06_feedback",
        "07_actions",
        "08_effects",
        "09_summary",
    }
    with pytest.raises(UserError, match="06_nothing"):
        find_step("06_nothing")
