"""What of a customer may be seen in a report."""

import hashlib
import re

import polars as pl

from analysis.run.settings import Settings

E_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"
PHONE = r"(?<![\d.])(?:\+\d{8,15}|1[3-9]\d{9})(?![\d.])"
# Names of id columns that hold a person, not a number of ours.
PERSONAL_HEADER = re.compile(
    r"name|nick|phone|mobile|mail|昵称|姓名|名称|手机|电话|邮箱", re.IGNORECASE
)


def ids_must_be_hashed(ids: pl.Series, settings: Settings) -> bool:
    """Whether ids may not be shown: by setting, by their column's name, or by how they look."""
    if settings.privacy.hash_ids:
        return True
    headers = [source.columns.get("customer_id", "") for source in settings.sources]
    if any(PERSONAL_HEADER.search(header) for header in headers):
        return True
    return bool(
        ids.cast(pl.String).str.contains(rf"^(?:{E_MAIL}|(?:\+\d{{8,15}}|1[3-9]\d{{9}}))$").any()
    )


def shown_ids(ids: pl.Series, settings: Settings) -> pl.Series:
    """Customer ids as reports may show them: as they are, or a short salted hash."""
    if not ids_must_be_hashed(ids, settings):
        return ids
    salt = f"{settings.name}:"
    return pl.Series(
        ids.name, [hashlib.sha256((salt + one).encode()).hexdigest()[:10] for one in ids]
    )
