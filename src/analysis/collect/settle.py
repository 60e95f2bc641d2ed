"""What only a whole column can settle: day or month first, day or year first, comma or point.

A few rows tell whether a column has such values at all; only then are all of them looked at.
"""

from functools import cached_property

import polars as pl

from analysis.collect import values
from analysis.collect.inputs import Input
from analysis.run.errors import UserError

SAMPLE_ROWS = 1_000


class Columns:
    """The text columns of an input.

    Args:
        texts: its columns under our names.
        one: the input.
        numbers: names of the columns that hold amounts and numbers.
    """

    def __init__(self, texts: pl.LazyFrame, one: Input, numbers: list[str]):
        self._texts, self._one, self._numbers = texts, one, numbers
        self._sample = texts.head(SAMPLE_ROWS).collect()

    def decimal_comma(self, name: str) -> bool:
        """Whether a comma parts the decimals of a column.

        It does where the source says so, where a value can be read in no other way and none speaks
        against it, and where no value shows anything but another column of the file has the comma.
        """
        if self._one.source.decimal:
            return self._one.source.decimal == ","
        if (shown := self._shows_comma[name]) is not None:
            return shown
        return any(self._shows_comma.values())

    @cached_property
    def _shows_comma(self) -> dict[str, bool | None]:
        """Column = whether its values show a decimal comma; null where they show nothing."""
        found = {}
        for name in self._numbers:
            comma, point = values.signs_of_decimals(pl.col(name))
            seen = self._sample.select(comma.any().alias("comma"), point.any().alias("point")).row(
                0
            )
            if not any(seen):
                found[name] = None
            else:
                found[name] = bool(seen[0]) and not self._look_at_all(point.any())[0]
        return found

    def day_first(self, name: str, heading: str) -> bool | None:
        """What dates such as `03/04/2024` mean in a column.

        Args:
            name: of the column, ours.
            heading: of the column in the file, for the error.

        Returns:
            None where the first rows hold no such date; a later one then cannot be read.

        Raises:
            UserError: if no value settles it, or values contradict each other.
        """
        self._refuse_short_years(name, heading)
        first, second = values.numbers_of_dates(pl.col(name))
        if not self._sample.select(first.is_not_null().any()).item():
            return None
        day_seen, month_seen, sample = self._look_at_all(
            (first > 12).any(), (second > 12).any(), _one_of(name, first)
        )
        if bool(day_seen) != bool(month_seen):
            return bool(day_seen)
        why = (
            "in some rows the day comes first, in others the month"
            if day_seen
            else "no value settles it"
        )
        raise UserError(
            f'{self._one.name}, column "{heading}": dates such as {sample} can be day/month or '
            f"month/day; {why}. Set `date_format` in the settings, e.g. %d/%m/%Y or %m/%d/%Y."
        )

    def _refuse_short_years(self, name: str, heading: str) -> None:
        """Raise UserError where 24-07-09 may begin with its year, since no value shows a day there."""
        first = values.first_of_short_dates(pl.col(name))
        if (self._sample.select(first.min()).item() or 0) <= 12:
            return
        lowest, sample = self._look_at_all(first.min(), _one_of(name, first))
        if lowest > 12:
            raise UserError(
                f'{self._one.name}, column "{heading}": dates such as {sample} can begin with the day '
                "or with the year. Set `date_format` in the settings, e.g. %d-%m-%y or %y-%m-%d."
            )

    def _look_at_all(self, *asked: pl.Expr) -> tuple:
        return (
            self._texts.select(*(one.alias(str(n)) for n, one in enumerate(asked))).collect().row(0)
        )


def _one_of(name: str, number: pl.Expr) -> pl.Expr:
    return pl.col(name).filter(number.is_not_null()).first()
