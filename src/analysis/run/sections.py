"""The sections of a settings file, each with its defaults and what it allows."""

import codecs
import difflib
from collections import Counter
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analysis import model


def nearest(name: str, allowed) -> str:
    """What a wrong name may have meant: the nearest allowed one, or all of them where they are few."""
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    listed = sorted(allowed)
    return f"; allowed: {', '.join(listed)}" if len(listed) <= 20 else ""


class Strict(BaseModel):
    """A section in which every name must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Source(Strict):
    """Where one table comes from, and what its columns are called there."""

    table: Literal[tuple(model.tables())]
    path: str | None = Field(default=None, min_length=1, description="file or glob")
    url: str | None = Field(
        default=None, description="SQLAlchemy URL; ${NAME} is the environment's"
    )
    query: str | None = Field(default=None, description="a query, or the name of a table, at `url`")
    format: Literal["csv", "xlsx", "parquet", "json"] | None = None
    preset: Literal["zoho", "fxiaoke", "jiandaoyun"] | None = None
    system: str | None = Field(default=None, description="the system it comes from, for readers")
    columns: dict[str, str] = Field(default={}, description="our column name = name in the file")
    ignore: list[str] = Field(default=[], description="columns of the file that are not ours")
    sheets: list[str] = Field(default=[], description="sheets of a workbook; all if absent")
    subform: str | None = Field(default=None, description="the sub-form that holds the lines")
    encoding: str | None = Field(default=None, description="e.g. gb18030; found if absent")
    separator: Literal[",", ";", "\t", "|", "whitespace"] | None = None
    header_row: int = Field(default=1, ge=1, description="the row in which the headings stand")
    headings: list[str] | None = Field(default=None, description="for a file without heading line")
    date_format: str | None = Field(default=None, description="e.g. %d/%m/%Y; found if absent")
    decimal: Literal[".", ","] | None = Field(default=None, description="found if absent")
    sale_status: list[str] | None = Field(default=None, description="statuses that are sales")
    drop_exact_repeats: bool = False
    id_prefix: str = Field(default="", description="before customer ids that other systems use too")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="pins the file")

    @model_validator(mode="after")
    def _one_origin(self) -> "Source":
        if (self.path is None) == (self.url is None):
            raise ValueError(
                "a source has either `path` (files) or `url` with `query` (a database)"
            )
        if (self.url is None) != (self.query is None):
            raise ValueError("`url` and `query` (a query, or a table's name) belong together")
        return self

    @model_validator(mode="after")
    def _known_columns(self) -> "Source":
        known = model.columns(self.table)
        for name in self.columns:
            if name not in known:
                raise ValueError(f'"{name}" is not a column of {self.table}{nearest(name, known)}')
        return self

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            return encoding and codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f'"{encoding}" is not an encoding, e.g. utf-8, gb18030') from None

    @field_validator("columns")
    @classmethod
    def _used_once(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, times in Counter(columns.values()).items():
            if times > 1:
                raise ValueError(f'the column "{name}" of the file is given to two of ours')
        return columns


class Clv(Strict):
    """Customer lifetime value."""

    horizon_days: int = Field(default=365, ge=1, le=3650)
    discount_rate_annual: float = Field(default=0.10, ge=0, le=1)
    gross_margin: float = Field(default=1.0, gt=0, le=1, description="share of revenue kept")
    service_cost_per_contact: Decimal | None = Field(
        default=None, ge=0, decimal_places=4, description="where no costs of service are booked"
    )
    cost_per_order: Decimal | None = Field(
        default=None, ge=0, decimal_places=4, description="where no costs of logistics are booked"
    )


class Churn(Strict):
    """Churn: no purchase in the next `horizon_days`; and what contacting customers costs and keeps."""

    horizon_days: int = Field(default=90, ge=1, le=3650)
    contact_cost: Decimal = Field(default=Decimal(1), ge=0, description="of a contact")
    offer_cost: Decimal = Field(default=Decimal(0), ge=0, description="of an offer that is taken")
    save_share: float = Field(
        default=0.1, gt=0, le=1, description="of leavers whom a contact keeps"
    )
    contact_capacity: int = Field(default=200, ge=1, description="contacts a month")


class Segment(Strict):
    """The company's classification standard: what each class of each axis means."""

    minimum_customers: int = Field(default=500, ge=2)
    minimum_days: int = Field(default=180, ge=1, description="days since the first purchase")
    high_value_share: float = Field(default=0.2, gt=0, lt=1, description="of the customers")
    middle_value_share: float = Field(default=0.3, gt=0, lt=1, description="the next ones")
    loyal_purchases: int = Field(default=4, ge=2, description="purchase days of a loyal customer")
    loyal_idle_days: int = Field(default=365, ge=1, description="longest silence of a loyal one")
    slowing_gaps: float = Field(default=1.5, gt=0, description="own gaps of silence: slowing")
    silent_gaps: float = Field(default=3.0, gt=0, description="own gaps of silence: silent")
    least_lines: int = Field(default=3, ge=1, description="order lines that show a need")
    service_share: float = Field(default=0.34, gt=0, le=1, description="of lines: service class")
    discount_share: float = Field(default=0.5, gt=0, le=1, description="of lines: price-sensitive")
    age_bands: list[int] = Field(default=[18, 25, 35, 45, 55, 65], min_length=1)
    attitude_items: str = Field(default="心理", description="how survey items of attitude begin")
    overrides: str | None = Field(default=None, description="CSV of classes set by hand")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Segment":
        if self.high_value_share + self.middle_value_share >= 1:
            raise ValueError("high_value_share and middle_value_share must sum to less than 1")
        if self.slowing_gaps >= self.silent_gaps:
            raise ValueError("slowing_gaps must be less than silent_gaps")
        if self.age_bands != sorted(set(self.age_bands)) or self.age_bands[0] <= 0:
            raise ValueError("age_bands must be ages above 0, each once, the youngest first")
        return self


# How often a customer of each RFM class is to hear from the company, in days: those about to be lost
# and those just won soonest, those long gone seldom. House defaults; a company names its own.
CONTACT_EVERY_DAYS = {
    "champions": 30,
    "loyal": 30,
    "potential_loyalist": 45,
    "new": 14,
    "promising": 30,
    "need_attention": 30,
    "about_to_sleep": 30,
    "at_risk": 14,
    "cannot_lose": 14,
    "hibernating": 90,
    "lost": 180,
}


class Service(Strict):
    """What service promises its customers, and how often they are to hear from the company."""

    first_response_hours: float = Field(
        default=24, gt=0, description="to the first response to a complaint"
    )
    close_days: float = Field(default=7, gt=0, description="to the end of a complaint")
    connect_seconds: float = Field(default=30, gt=0, description="until a call is taken")
    required_share: float = Field(
        default=0.8, gt=0, lt=1, description="of cases that must keep each of these"
    )
    max_contacts_30_days: int = Field(
        default=4, ge=1, description="contacts of one customer in 30 days; more is too many"
    )
    contact_every_days: dict[str, int] = Field(
        default=CONTACT_EVERY_DAYS,
        description="RFM class = days; classes that are not named keep their default",
    )

    @field_validator("contact_every_days", mode="after")
    @classmethod
    def _known_classes(cls, days: dict[str, int]) -> dict[str, int]:
        for name, often in days.items():
            if name not in CONTACT_EVERY_DAYS:
                known = nearest(name, CONTACT_EVERY_DAYS)
                raise ValueError(f'"{name}" is not a class of the axis rfm{known}')
            if often < 1:
                raise ValueError(f'"{name}" must be at least one day')
        return CONTACT_EVERY_DAYS | days


class Strategy(Strict):
    """What is done for the customers of a class."""

    axis: str
    class_: str = Field(alias="class", min_length=1)
    actions: list[str] = Field(min_length=1)
    owner: str | None = None
    kpi: str | None = None
    budget: Decimal | None = Field(default=None, ge=0, description="in the currency, a month")


class Identity(Strict):
    """Records that are one person."""

    merge: bool = Field(default=True, description="false where the company's ids are clean")
    keep_apart: str | None = Field(default=None, description="CSV of pairs that are two persons")


class Actions(Strict):
    """What is done for customers next month: for how much, for how many, and for whom not."""

    budget: Decimal | None = Field(
        default=None, ge=0, decimal_places=4, description="in the currency, a month; null: no limit"
    )
    contact_capacity: int | None = Field(
        default=None, ge=0, description="contacts a month; null: as many as [churn] says"
    )
    quiet_days: int = Field(
        default=7, ge=0, le=365, description="without another contact after one, but call-backs"
    )
    consent_kept_elsewhere: bool = Field(
        default=False, description="then an answer that the records lack counts as yes, not as no"
    )
    standing_control: float = Field(
        default=0.05, ge=0, le=0.5, description="of all customers: never in a campaign"
    )
    campaign_control: float = Field(
        default=0.2, ge=0, le=0.5, description="of a campaign's audience: left alone this time"
    )
    salt: str | None = Field(
        default=None, min_length=1, description="of the draw of arms; null: the data set's name"
    )
    wanted_effect: float = Field(
        default=0.05, gt=0, lt=1, description="to be seen on the share that buys; 0.05: 5 points"
    )
    do_not_contact: list[str] = Field(
        default=["do not contact", "do_not_contact", "DNC", "请勿联系", "勿扰", "免打扰"],
        description="tags in the CRM of customers who are not even called back",
    )


class Privacy(Strict):
    """What reports may show of a customer."""

    hash_ids: bool = False
