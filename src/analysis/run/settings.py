"""The settings file of a data set: read, checked strictly, every problem told at once."""

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

from analysis.run import paths
from analysis.run.errors import UserError

COLUMNS = (
    "order_id",
    "customer_id",
    "ordered_at",
    "amount",
    "quantity",
    "unit_price",
    "status",
)
REQUIRED_COLUMNS = ("customer_id", "ordered_at")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Source(_Strict):
    """Where one table comes from, and what its columns are called there."""

    table: Literal["orders", "order_lines"]
    path: str = Field(min_length=1, description="file or glob, relative to the project or absolute")
    columns: dict[str, str] = Field(default={}, description="our column name = name in the file")
    separator: Literal[",", ";", "\t", "|", "whitespace"] = ","
    headings: list[str] | None = Field(default=None, description="for a file without heading line")
    date_format: str | None = Field(default=None, description="e.g. %d/%m/%Y; guessed if absent")
    sale_status: list[str] | None = Field(default=None, description="statuses that are sales")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="pins the file")

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in COLUMNS:
                raise ValueError(f'"{name}" is not one of our columns{_nearest(name, COLUMNS)}')
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
    privacy: Privacy = Privacy()

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
    def _one_grain(self) -> "Settings":
        if len({source.table for source in self.sources}) > 1:
            raise ValueError(
                "sources of both orders and order_lines would count the same money twice; name one"
            )
        return self

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
    """Locate a settings file: as given from here, below the root, or in the project itself."""
    given = Path(config).expanduser()
    for candidate in (given, paths.from_root(given), paths.CHECKOUT / given):
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
            model = {"sources": Source, "clv": Clv, "churn": Churn, "segment": Segment}.get(
                part, Privacy
            )
    return list(model.model_fields)


def _nearest(name: str, allowed) -> str:
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    if near:
        return f'; did you mean "{near[0]}"?'
    listed = sorted(allowed)
    return f"; allowed: {', '.join(listed)}" if len(listed) <= 20 else ""
