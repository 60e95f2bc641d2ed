"""The section of a settings file about labels that go back into the CRM."""

from collections import Counter
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from analysis.run.sections import Strict, nearest

# The labels of a customer, each with the heading it has in a CRM unless the settings say otherwise.
LABELS = {
    "customer_class": "客户分级",
    "value_class": "价值等级",
    "churn_risk": "流失风险",
    "next_action": "下一步行动",
    "channel": "首选渠道",
    "tags": "客户标签",
}
_CUSTOM = {name: f"{heading}__c" for name, heading in LABELS.items()}  # fields of a company's own
_ZOHO = LABELS | {"tags": "Tag"}
_TAG_AXES = ("life_cycle", "need", "activity", "value_margin", "psychographic", "region")


class CrmSystem(Strict):
    """What one CRM calls the fields of our labels."""

    fields: dict[str, str] = Field(default=LABELS, description="label = heading in its import file")
    api_names: dict[str, str] = Field(
        default={}, description="label = name in its interface, where it is not the heading"
    )

    @field_validator("fields", "api_names", mode="after")
    @classmethod
    def _known_labels(cls, names: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        for label, name in names.items():
            if label not in LABELS:
                raise ValueError(f'"{label}" is not a label{nearest(label, LABELS)}')
            if not name.strip():
                raise ValueError(f'the label "{label}" needs a name')
        whole = cls.model_fields[info.field_name].default | names
        for name, times in Counter(whole.values()).items():
            if times > 1:
                raise ValueError(f'the field "{name}" is given to {times} labels')
        return whole

    def api_name(self, label: str) -> str:
        """What the interface calls a label."""
        return self.api_names.get(label, self.fields[label])


class Jiandaoyun(CrmSystem):
    """The form of 简道云 that holds the customers."""

    url: str = Field(default="https://api.jiandaoyun.com", pattern="^https?://[^/]+$")
    app_id: str | None = None
    entry_id: str | None = None
    number_field: str = Field(
        default="客户编号", description="field of the customer number, by which data ids are found"
    )


class Fxiaoke(CrmSystem):
    """The customers of 纷享销客; only fields of the company's own (`__c`) can be written."""

    fields: dict[str, str] = Field(default=_CUSTOM, description="label = field, ends with __c")
    url: str = Field(default="https://open.fxiaoke.com", pattern="^https?://[^/]+$")
    object_name: str = "AccountObj"

    @field_validator("fields", "api_names", mode="after")
    @classmethod
    def _own_fields(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names.values():
            if not name.endswith("__c"):
                raise ValueError(f'"{name}" must end with __c: other fields cannot be written')
        return names


class Zoho(CrmSystem):
    """The module of Zoho CRM that holds the customers."""

    fields: dict[str, str] = Field(default=_ZOHO, description="label = heading in its import file")
    url: str = Field(default="https://www.zohoapis.com.cn", pattern="^https?://[^/]+$")
    accounts_url: str = Field(default="https://accounts.zoho.com.cn", pattern="^https?://[^/]+$")
    version: str = Field(default="v8", pattern=r"^v\d+(\.\d+)?$")
    module: str = Field(default="Contacts", pattern="^[A-Za-z0-9_]+$")


class Crm(Strict):
    """Labels that go back into the CRM, and how its interface is called."""

    language: Literal["zh", "en"] = Field(default="zh", description="of the labels' values")
    middle_risk_from: float = Field(default=0.33, gt=0, lt=1, description="chance of no purchase")
    high_risk_from: float = Field(default=0.66, gt=0, lt=1, description="chance of no purchase")
    tag_axes: list[Literal[_TAG_AXES]] = Field(
        default=["life_cycle", "need", "activity"], description="axes whose classes become tags"
    )
    timeout_seconds: float = Field(default=30, gt=0, le=600, description="of one call")
    attempts: int = Field(default=5, ge=2, le=20, description="of one call that is put off or lost")
    jiandaoyun: Jiandaoyun = Jiandaoyun()
    fxiaoke: Fxiaoke = Fxiaoke()
    zoho: Zoho = Zoho()

    @model_validator(mode="after")
    def _bands_in_order(self) -> "Crm":
        if self.middle_risk_from >= self.high_risk_from:
            raise ValueError("middle_risk_from must be less than high_risk_from")
        return self
