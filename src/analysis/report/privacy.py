"""What of a customer may be seen in a report."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from analysis import tables
from analysis.run.settings import Settings

E_MAIL = r"[\w.%+-]+@(?:[\w-]+\.)+\w{2,}"
_MOBILE = r"(?:00)?(?:86)?1[3-9]\d{9}"  # as China's numbers are written, without separators
PHONE = rf"(?<![\d.])(?:\+\d{{8,15}}|{_MOBILE}|1[3-9]\d-\d{{4}}-\d{{4}})(?!\.?\d)"
PERSONAL_COLUMNS = ("customer_name", "phone", "email", "address")
# Names of id columns that hold a person, not a number of ours.
PERSONAL_HEADER = re.compile(
    r"name|nick|phone|mobile|mail|wechat|\btel|\bcell|contact"
    r"|昵称|姓名|名称|会员名|用户名|旺旺|微信|收货人|联系|账号|手机|电话|邮箱",
    re.IGNORECASE,
)


def ids_must_be_hashed(ids: pl.Series, settings: Settings, headings: Iterable[str]) -> bool:
    """Whether ids may not be shown: by setting, by their column's heading, or by how they look.

    Args:
        ids: of customers.
        settings: of the data set.
        headings: what the files call the column of the ids.
    """
    if settings.privacy.hash_ids:
        return True
    if any(PERSONAL_HEADER.search(heading) for heading in headings):
        return True
    plain = ids.cast(pl.String).str.replace_all(r"[\s().-]", "")
    return bool(plain.str.contains(rf"@|^\+\d{{8,15}}$|(?:^|\D){_MOBILE}(?:\D|$)").any())


def customer_headings(tables_folder: Path) -> list[str]:
    """What the files of a month call the column of the customer ids."""
    files = tables.read_columns("source_files", ["customer_heading"], tables_folder)
    return [] if files is None else files["customer_heading"].to_list()


def shown_ids(ids: pl.Series, settings: Settings, headings: Iterable[str]) -> pl.Series:
    """Customer ids as reports may show them: as they are, or a short salted hash."""
    return hashed(ids, settings.name) if ids_must_be_hashed(ids, settings, headings) else ids


def hashed(values: pl.Series, salt: str) -> pl.Series:
    """Short salted hashes in place of what may not be shown; missing values stay missing.

    Args:
        values: texts.
        salt: the name of the data set, so that hashes of two data sets cannot be joined.
    """
    texts = [None if one is None else f"{salt}:{one}" for one in values]
    hashes = [one and hashlib.sha256(one.encode()).hexdigest()[:10] for one in texts]
    return pl.Series(values.name, hashes, dtype=pl.String)
