"""The settings file of a data set: read, checked strictly, every problem told at once."""

import hashlib
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from babel.numbers import get_currency_precision, list_currencies
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.sections import (
    Actions,
    Churn,
    Clv,
    Identity,
    Privacy,
    Segment,
    Service,
    Source,
    Strategy,
    Strict,
    nearest,
)
from analysis.run.sections_crm import Crm, Fxiaoke, Jiandaoyun, Zoho
from analysis.run.sections_effects import Effects, Flow, FlowStep, Loyalty, Plan
from analysis.segment import strategies

# Countries that have a currency for themselves.
_COUNTRY_OF = {"CNY": "CN", "USD": "US", "GBP": "GB", "JPY": "JP", "KRW": "KR", "INR": "IN"}


class Settings(Strict):
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
    service: Service = Service()
    actions: Actions = Actions()
    effects: Effects = Effects()
    loyalty: Loyalty = Loyalty()
    flow: Flow = Field(default=[], description="steps of the month's work")
    plan: Plan = Plan()
    crm: Crm = Crm()
    identity: Identity = Identity()
    privacy: Privacy = Privacy()
    strategies: list[Strategy] = Field(default=[], description="cards of classes")
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
            raise ValueError(f'"{zone}" is not a time zone{nearest(zone, available_timezones())}')
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

    @model_validator(mode="after")
    def _crm_is_a_source(self) -> "Settings":
        known = self.crm_systems
        for name in ("jiandaoyun", "fxiaoke", "zoho"):
            if name in self.crm.model_fields_set and name not in known:
                raise ValueError(
                    f"crm.{name}: no source of customers has `preset` {name}, so no record of it "
                    f"can be labelled; systems with customers: {', '.join(known) or 'none'}"
                )
        return self

    @model_validator(mode="after")
    def _known_classes(self) -> "Settings":
        problems = strategies.check(self.strategies)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def phone_country(self) -> str | None:
        """Where phone numbers without a country code are from; None where nothing says so."""
        return self.country or _COUNTRY_OF.get(self.currency)

    @property
    def money_table(self) -> str:
        """The table whose rows carry the money: orders, or where there are none, order_lines."""
        return "orders" if self.of("orders") else "order_lines"

    @property
    def crm_systems(self) -> list[str]:
        """The CRMs from which customers come, by name."""
        return sorted({one.preset for one in self.of("customers") if one.preset})

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

    @property
    def files(self) -> list[str]:
        """Files of the company, other than data, that the settings name."""
        named = (self.identity.keep_apart, self.city_tiers, self.segment.overrides)
        return [one for one in named if one]

    def digest(self) -> str:
        """A hash of every setting and of the files that they name; part of the run key."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        digest = hashlib.sha256(text.encode())
        for name in self.files:
            path = paths.from_root(name)
            digest.update(path.read_bytes() if path.is_file() else b"missing")
        return digest.hexdigest()


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
        return f'"{where}" is not a setting{nearest(name, _fields_at(problem["loc"][:-1]))}'
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
                "service": Service,
                "actions": Actions,
                "loyalty": Loyalty,
                "flow": FlowStep,
                "plan": Plan,
                "crm": Crm,
                "jiandaoyun": Jiandaoyun,
                "fxiaoke": Fxiaoke,
                "zoho": Zoho,
                "identity": Identity,
                "strategies": Strategy,
            }.get(part, Privacy)
    return list(model.model_fields)
