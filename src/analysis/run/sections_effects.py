"""Sections of a settings file about acting and its effects: points, the flow of work, the plan."""

from collections import Counter
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from analysis.run.errors import UserError
from analysis.run.months import Month
from analysis.run.sections import Strict

STAGES = ("classify", "communicate", "analyse", "apply")


class Effects(Strict):
    """What it takes to measure a campaign."""

    window_days: int = Field(
        default=30, ge=1, le=365, description="of a campaign whose end is not known"
    )
    max_leakage: float = Field(
        default=0.05, ge=0, lt=1, description="of controls contacted; more is a refusal"
    )
    least_per_arm: int = Field(default=20, ge=2, description="customers")
    planned_control_share: dict[str, float] = Field(
        default={}, description="campaign = share of controls, where the ledger does not know it"
    )

    @field_validator("planned_control_share")
    @classmethod
    def _shares(cls, shares: dict[str, float]) -> dict[str, float]:
        for campaign, share in shares.items():
            if not 0 < share < 1:
                raise ValueError(f'the share of "{campaign}" must lie between 0 and 1')
        return shares


class Loyalty(Strict):
    """The programme of loyalty points: what a point is worth, its tiers, and when points lapse."""

    point_value: Decimal | None = Field(
        default=None, ge=0, decimal_places=6, description="in the currency; null: points only"
    )
    tiers: dict[str, float] = Field(
        default={}, description="tier = points earned in the last 365 days from which on it holds"
    )
    expiry_days: int | None = Field(
        default=None, ge=1, le=3650, description="days after which points lapse; null: never"
    )

    @field_validator("tiers")
    @classmethod
    def _steps(cls, tiers: dict[str, float]) -> dict[str, float]:
        for name, least in tiers.items():
            if not name.strip():
                raise ValueError("a tier needs a name")
            if least < 0:
                raise ValueError(f'the tier "{name}" must begin at 0 points or more')
        if len(set(tiers.values())) < len(tiers):
            raise ValueError("two tiers begin at the same number of points")
        return tiers


class FlowStep(Strict):
    """A step of the month's work: one that the tables show, or one of the table `steps`."""

    step: str = Field(min_length=1, description="a step of ours, or as the table steps names it")
    stage: Literal[STAGES]
    owner: str | None = None
    decision: str | None = Field(default=None, description="what is decided here, in words")
    due_days: float | None = Field(default=None, gt=0, le=3650, description="until it is late")


def _each_once(entries: list[FlowStep]) -> list[FlowStep]:
    for name, times in Counter(one.step for one in entries).items():
        if times > 1:
            raise ValueError(f'the step "{name}" has {times} entries; keep one')
    return entries


Flow = Annotated[list[FlowStep], AfterValidator(_each_once)]


class Plan(Strict):
    """What the company planned."""

    sales: dict[str, Decimal] = Field(
        default={}, description="YYYY-MM = sales planned for the month, in the currency"
    )

    @field_validator("sales")
    @classmethod
    def _months(cls, sales: dict[str, Decimal]) -> dict[str, Decimal]:
        for month, amount in sales.items():
            try:
                Month.parse(month)
            except UserError:
                raise ValueError(f'"{month}" is not a month; write it as YYYY-MM') from None
            if amount < 0:
                raise ValueError(f"the plan of {month} must be 0 or more")
        return sales
