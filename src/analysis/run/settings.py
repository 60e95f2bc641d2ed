"""The settings file of a data set: read, checked strictly, every problem told at once."""

import codecs
import difflib
import hashlib
import json
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from babel.numbers import get_currency_precision, list_currencies
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from analysis import model
from analysis.run import paths
from analysis.run.errors import UserError

# Countries that have a currency for themselves.
_COUNTRY_OF = {"CNY": "CN", "USD": "US", "GBP": "GB", "JPY": "JP", "KRW": "KR", "INR": "IN"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Source(_Strict):
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
                raise ValueError(f'"{name}" is not a column of {self.table}{_nearest(name, known)}')
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


class Clv(_Strict):
    """Customer lifetime value."""

    horizon_days: int = Field(default=365, ge=1, le=3650)
    discount_rate_annual: float = Field(default=0.10, ge=0, le=1)
    gross_margin: float = Field(default=1.0, gt=0, le=1, description="share of revenue kept")


class Churn(_Strict):
    """Churn: no purchase in the next `horizon_days`."""

    horizon_days: int = Field(default=90, ge=1, le=3650)


class Segment(_Strict):
    """The least data for which segments are named."""

    minimum_customers: int = Field(default=500, ge=2)
    minimum_days: int = Field(default=180, ge=1, description="days since the first purchase")


class Identity(_Strict):
    """Records that are one person."""

    merge: bool = Field(default=True, description="false where the company's ids are clean")
    keep_apart: str | None = Field(default=None, description="CSV of pairs that are two persons")


class Privacy(_Strict):
    """What reports may show of a customer."""

    hash_ids: bool = False


class Settings(_Strict):
    """One data set. Only name, currency, time_zone and one source are required."""

    name: str = Field(pattern="^[A-Za-z0-9_-]+$")
    currency: str = Field(pattern="^[A-Z]{3}$")
    time_zone: str
    sources: Annotated[list[Source], Field(min_length=1)]
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    zero_price_is_purchase: bool = True
    max_quarantined_share: float = Field(default=0.2, ge=0, le=1)
    clv: Clv = Clv()
    churn: Churn = Churn()
    segment: Segment = Segment()
    identity: Identity = Identity()
    privacy: Privacy = Privacy()
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$", description="of phone numbers")
    city_tiers: str | None = Field(default=None, description="CSV of cities and their tiers")

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str) -> str:
        if currency not in list_currencies():
            raise ValueError(f'"{currency}" is no currency of ISO 4217, e.g. EUR, USD, CNY')
        return currency

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f'"{zone}" is not a time zone{_nearest(zone, available_timezones())}')
        return zone

    @model_validator(mode="after")
    def _reserved_name(self) -> "Settings":
        if self.name.startswith("_"):
            raise ValueError("name must not begin with an underscore: those folders are ours")
        return self

    @model_validator(mode="after")
    def _orders_known(self) -> "Settings":
        if not any(source.table in ("orders", "order_lines") for source in self.sources):
            raise ValueError(
                "a source of orders is required (or of order_lines with customer and time)"
            )
        return self

    @property
    def phone_country(self) -> str | None:
        """Where phone numbers without a country code are from; None where nothing says so."""
        return self.country or _COUNTRY_OF.get(self.currency)

    @property
    def money_table(self) -> str:
        """The table whose rows carry the money: orders, or where there are none, order_lines."""
        return "orders" if self.of("orders") else "order_lines"

    def of(self, table: str) -> list[Source]:
        """The sources of a table."""
        return [source for source in self.sources if source.table == table]

    @property
    def minor_digits(self) -> int:
        """Decimal places of the currency's smallest unit."""
        return get_currency_precision(self.currency)

    @property
    def cent(self) -> Decimal:
        """The currency's smallest unit."""
        return Decimal(1).scaleb(-self.minor_digits)

    def digest(self) -> str:
        """A hash of every setting; part of the run key."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def find_config(config: str | Path) -> Path:
    """Locate a settings file: below the root, as given from here, or in the project itself."""
    given = Path(config).expanduser()
    for candidate in (paths.from_root(given), given, paths.CHECKOUT / given):
        if candidate.is_file():
            return candidate.resolve()
    known = [one.name for one in paths.configs()]
    hint = f"config/ holds: {', '.join(known)}." if known else "config/ holds no .toml file."
    raise UserError(f"There is no settings file {config}. {hint}")


def load(config: str | Path) -> Settings:
    """Read and check a settings file.

    Raises:
        UserError: with every problem of the file in one message.
    """
    path = find_config(config)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise UserError(
            f"{paths.display(path)} is not UTF-8 (byte {problem.start + 1:,}). Save it as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as problem:
        raise UserError(f"{paths.display(path)} is not valid TOML: {problem}.") from None
    try:
        return Settings.model_validate(content)
    except ValidationError as problems:
        lines = "\n".join(f"  - {_explain(problem)}" for problem in problems.errors())
        raise UserError(
            f"{paths.display(path)} has settings that cannot be used:\n{lines}"
        ) from None


def _explain(problem: dict[str, Any]) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in problem["loc"])
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        name = str(problem["loc"][-1])
        return f'"{where}" is not a setting{_nearest(name, _fields_at(problem["loc"][:-1]))}'
    if kind == "missing":
        return f'"{where}" is required and missing'
    value = f" = {problem['input']!r}" if not isinstance(problem["input"], (dict, list)) else ""
    prefix = f"{where}{value}: " if where else ""
    return f"{prefix}{message}"


def _fields_at(location: tuple) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, str):
            model = {
                "sources": Source,
                "clv": Clv,
                "churn": Churn,
                "segment": Segment,
                "identity": Identity,
            }.get(part, Privacy)
    return list(model.model_fields)


def _nearest(name: str, allowed) -> str:
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    listed = sorted(allowed)
    return f"; allowed: {', '.join(listed)}" if len(listed) <= 20 else ""
