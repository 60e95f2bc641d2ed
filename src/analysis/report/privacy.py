"""What of a customer may be seen in a report."""

import hashlib
import re

import polars as pl

from analysis.run.settings import Settings

E_MAIL = r"[\w.%+-]+@(?:[\w-]+\.)+\w{2,}"
_MOBILE = r"(?:00)?(?:86)?1[3-9]\d{9}"  # as China's numbers are written, without separators
PHONE = rf"(?<![\d.])(?:\+\d{{8,15}}|{_MOBILE}|1[3-9]\d-\d{{4}}-\d{{4}})(?!\.?\d)"
# Names of id columns that hold a person, not a number of ours.
PERSONAL_HEADER = re.compile(
    r"name|nick|phone|mobile|mail|wechat|\btel|\bcell|contact"
    r"|昵称|姓名|名称|会员名|用户名|旺旺|微信|收货人|联系|账号|手机|电话|邮箱",
    re.IGNORECASE,
)


def ids_must_be_hashed(ids: pl.Series, settings: Settings) -> bool:
    """Whether ids may not be shown: by setting, by their column's name, or by how they look."""
    if settings.privacy.hash_ids:
        return True
    headers = [source.columns.get("customer_id", "") for source in settings.sources]
    if any(PERSONAL_HEADER.search(header) for header in headers):
        return True
    plain = ids.cast(pl.String).str.replace_all(r"[\s().-]", "")
    return bool(plain.str.contains(rf"@|^\+\d{{8,15}}$|(?:^|\D){_MOBILE}(?:\D|$)").any())


def shown_ids(ids: pl.Series, settings: Settings) -> pl.Series:
    """Customer ids as reports may show them: as they are, or a short salted hash."""
    if not ids_must_be_hashed(ids, settings):
        return ids
    salt = f"{settings.name}:"
    return pl.Series(
        ids.name, [hashlib.sha256((salt + one).encode()).hexdigest()[:10] for one in ids]
    )
