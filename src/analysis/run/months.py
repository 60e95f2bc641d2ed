"""The calendar month a run is for; every other date is derived from it."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time

from analysis.run.errors import UserError

DAYS_PER_MONTH = 365.25 / 12
DAYS_PER_WEEK = 7


@dataclass(frozen=True, order=True)
class Month:
    """One calendar month, written `YYYY-MM`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read `YYYY-MM`; raises UserError for anything else."""
        match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", str(text))
        if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1900:
            raise UserError(
                f'month = "{text}" is not a month. Write year and month as YYYY-MM, e.g. 1998-06.'
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month a day lies in."""
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def label(self) -> str:
        """For readers: `June 1998`."""
        return f"{calendar.month_name[self.number]} {self.year}"

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    @property
    def as_of(self) -> datetime:
        """The month's last instant, in the data set's time zone; nothing later may be read."""
        return datetime.combine(self.last_day, time.max)

    def plus(self, months: int) -> "Month":
        """The month that many months later (earlier if negative)."""
        index = self.year * 12 + self.number - 1 + months
        return Month(index // 12, index % 12 + 1)

    @property
    def previous(self) -> "Month":
        return self.plus(-1)

    @property
    def year_ago(self) -> "Month":
        return self.plus(-12)


def month_range(first: Month, last: Month) -> list[Month]:
    """All months from first to last, both included; raises UserError if they are the wrong way round."""
    if last < first:
        raise UserError(f"--from {first} is after --to {last}. Give the earlier month to --from.")
    count = (last.year - first.year) * 12 + last.number - first.number
    return [first.plus(offset) for offset in range(count + 1)]
