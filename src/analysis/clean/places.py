"""Places of customers: provinces, cities and districts by their standard names, and city tiers.

A place is never guessed. 朝阳区 alone is a district of 北京 and of 长春, so it is counted as ambiguous;
南京东路 is a street and says nothing of 南京. Columns and address are taken together, and where they
contradict each other nothing is kept. The names are in `places.csv`.

Tiers come from a commercial list that changes every year; the state has none. `city_tiers.csv` holds
the memberships we have a source for (first and new first tier, Yicai 2025); all other cities are
`other`, which therefore does not mean a small city. `load_tiers` reads a list of the user's own.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Set
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from analysis.run.errors import UserError

COLUMNS = ("province", "city", "district", "address")
PROBLEMS = ("unknown_place", "ambiguous_place", "contradicting_place")
TIERS = ("first", "new_first", "second", "third", "fourth", "fifth", "other")
TIERS_ZH = ("一线", "新一线", "二线", "三线", "四线", "五线", "其他")

Place = tuple[str | None, str | None, str | None]  # province, city, district
Places = Set[Place]  # all that a text may mean

_ANYWHERE: Places = frozenset({(None, None, None)})
_NOWHERE: Places = frozenset()
_ARE_CITIES = ("北京", "天津", "上海", "重庆", "香港", "澳门")
_TIER_COLUMNS = ("province", "city", "tier", "list_name", "list_year")

# Where a word of a column is looked for, in this order: people mix up the levels.
_LEVELS = {
    "province": ("province", "city", "district", "stem"),
    "city": ("city", "province", "district", "stem"),
    "district": ("district", "stem", "city", "province"),
    "address": (),
}
_NOTHING = re.compile(
    r"[-—/.?\s]*|未知|不详|其他|其它|无|空|保密|中国|china|n/?a|nan|null|none|unknown|other"
    r"|市辖区|市辖县|县|市区|(?:省|自治区)?直辖县(?:级行政(?:区划|单位))?"
)
_KIND = re.compile(r"(?:新区|[区县市旗])$")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN_KIND = re.compile(
    "province|sheng|city|shi|municipality|county|prefecture|autonomous|region|zizhiqu|zhuang|hui|uygur"
    "|uyghur|special|administrative|sar|china|prc"
)
# District names that are also words for any part of a town: beside another city they prove nothing.
_ANY_TOWN = re.compile("[东西南北郊矿]区|[新老]?城区|新市区|港口区")
_HEAD = re.compile(r"^(?:[\s\d,:]|中华人民共和国|中国|收货地址|详细地址|地址)+")
_BETWEEN = re.compile(
    r"^(?:[^0-9A-Za-z\u4e00-\u9fff]|市辖区|(?:省|自治区)?直辖县级行政(?:区划|单位))+"
)
_STREET = re.compile(
    r"\s*[东南西北中内外上下环一二三四五六七八九十]{0,2}(?:大道|大街|路|街|道|巷|弄|胡同)"
)
_TRADITIONAL = str.maketrans(
    "臺灣廣東蘇遼寧龍貴雲慶門區縣陝義園蓮蘭連馬無錫陽漢長濟島廈興紹溫煙鄭開衛榮欽賓黃岡鹽揚鎮許諸瀋鐵錦營",
    "台湾广东苏辽宁龙贵云庆门区县陕义园莲兰连马无锡阳汉长济岛厦兴绍温烟郑开卫荣钦宾黄冈盐扬镇许诸沈铁锦营",
)


def clean_places(frame: pl.DataFrame, tiers: pl.DataFrame | None = None) -> pl.DataFrame:
    """Find the province, city and district that each row means.

    Args:
        frame: text columns `province`, `city`, `district`, `address`; any value may be null.
        tiers: as `load_tiers` returns it; without it the list that comes with the package.

    Returns:
        One row per row of the frame, in its order: `province` and `city` by their short names (a
        municipality is its own city, a county that a province administers is a city), `district` by
        its official name, `city_tier` (of `TIERS`, null without a city), `place_problem` (null or one
        of `PROBLEMS`). An ambiguous or unknown place keeps the levels that are sure; a district
        unknown beside a known city is null and no problem.
    """
    tiers = load_tiers() if tiers is None else tiers
    tier_of = {(province, city): tier for province, city, tier, *_ in tiers.iter_rows()}
    asked = frame.select(pl.col(COLUMNS).cast(pl.String).name.prefix("asked_"))
    distinct = asked.unique(maintain_order=True)
    answers = []
    for row in distinct.iter_rows():
        province, city, district, problem = _find(dict(zip(COLUMNS, row, strict=True)))
        tier = tier_of.get((province, city), "other") if city else None
        answers.append((province, city, district, tier, problem))
    schema = dict.fromkeys((*COLUMNS[:3], "city_tier", "place_problem"), pl.String)
    known = distinct.hstack(pl.DataFrame(answers, schema=schema, orient="row"))
    return asked.join(
        known, on=asked.columns, how="left", nulls_equal=True, maintain_order="left"
    ).select(*schema)


def load_tiers(path: Path | None = None) -> pl.DataFrame:
    """Read a list of city tiers.

    Args:
        path: a CSV file in UTF-8 with the columns of `city_tiers.csv`, lines from `#` being comments;
            without it the list that comes with the package.

    Returns:
        One row per city: `province`, `city` (short), `tier` (of `TIERS`), `list_name`, `list_year`.

    Raises:
        UserError: if the file cannot be read, or a row of it is not to be used.
    """
    source = path or files("analysis.clean") / "city_tiers.csv"
    try:
        listed = pl.read_csv(source.read_bytes(), comment_prefix="#", infer_schema=False)
        rows = listed.select(_TIER_COLUMNS).rows(named=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{source}: the city tiers cannot be read ({error}). Needed is a CSV file in UTF-8 with "
            f"the columns {', '.join(_TIER_COLUMNS)}."
        ) from error
    read = [_read_tier(row, f"{source}, data row {number}") for number, row in enumerate(rows, 1)]
    schema = dict.fromkeys(_TIER_COLUMNS, pl.String) | {"list_year": pl.Int64}
    tiers = pl.DataFrame(read, schema=schema, orient="row")
    twice = tiers.filter(pl.struct("province", "city").is_duplicated())["city"].unique()
    if twice.len():
        raise UserError(f"{source}: {', '.join(twice)} stand in it twice. Keep one row of each.")
    return tiers


def _read_tier(row: dict[str, str | None], where: str) -> tuple[str, str, str, str, int]:
    province, city, district, problem = _find({name: row[name] for name in COLUMNS[:2]})
    if problem or district or not city:
        asked = f"{row['province']}, {row['city']}"
        raise UserError(f"{where}: {asked} is no known city. Write it as in 江苏, 苏州.")
    tier = dict(zip(TIERS + TIERS_ZH, TIERS * 2, strict=True)).get((row["tier"] or "").strip())
    if not tier:
        allowed = ", ".join(TIERS + TIERS_ZH)
        raise UserError(f"{where}: {row['tier']!r} is no tier. Allowed are {allowed}.")
    if not row["list_name"] or not re.fullmatch(r"20\d\d", row["list_year"] or ""):
        raise UserError(f"{where}: list_name and list_year must name a list and its year (2025).")
    return province, city, tier, row["list_name"], int(row["list_year"])


@cache
def _gazetteer() -> dict[str, dict[str, Places]]:
    """For each level, what each name may mean; `open` are the cities without a list of districts."""
    index = defaultdict(lambda: defaultdict(set))

    def name(level: str, words: set[str], place: Place) -> None:
        for word in words:
            index[level][word].add(place)

    table = (files("analysis.clean") / "places.csv").read_bytes()
    for row in pl.read_csv(table, comment_prefix="#", infer_schema=False).iter_rows():
        province, city, official, latin, districts = row
        level, short = ("city", city) if city else ("province", province)
        kinds = (official[-1],) if city else ("省", "自治区", "特区")
        called = {short, *(latin or "").split()}
        whole = {official, *(one + kind for one in called for kind in kinds)}
        place = (province, city or (province if province in _ARE_CITIES else None), None)
        name(level, whole | called, place)
        name("whole", whole, place)
        name("short", called, place)
        name("open", {city} if city and not districts else set(), place)
        for entry in (districts or "").split():
            district = entry.replace("/", "")
            usual = entry.partition("/")[0] + district[-1] if "/" in entry else district
            stem = _KIND.sub("", usual)
            place = (province, city, district)
            name("district", {district, usual}, place)
            name("whole", {district, usual}, place)
            if len(stem) > 1:
                name("stem", {stem}, place)
                name("short", {stem} if usual.endswith("市") else set(), place)
    for stem in index["city"].keys() & index["stem"].keys():  # 朝阳 is in 辽宁, or else of 北京
        index["city"][stem] |= {place for place in index["stem"][stem] if place[0] in _ARE_CITIES}
    return {level: dict(words) for level, words in index.items()}


def _find(values: dict[str, str | None]) -> tuple[str | None, ...]:
    """Province, city, district and problem of one row."""
    texts = [(column, _plain(value)) for column, value in values.items()]
    readings = {column: _readings(column, text) for column, text in texts if text}
    places = _agreeing({column: read for column, read in readings.items() if read})
    if not places:
        return None, None, None, "contradicting_place"
    levels = [set(level) for level in zip(*places, strict=True)]
    province, city, district = (level.pop() if len(level) == 1 else None for level in levels)
    if len({place[:2] for place in places}) > 1:
        return province, city, district, "ambiguous_place"
    unread = [column for column, read in readings.items() if not read]
    # An address that names streets only is wrong in nothing, as long as another column says where.
    lost = not city and (unread if not province else set(unread) - {"address"})
    return province, city, district, "unknown_place" if lost else None


def _plain(text: str | None) -> str:
    """Text in one width and script; empty where it says nothing."""
    text = unicodedata.normalize("NFKC", text or "").strip().translate(_TRADITIONAL)
    return "" if _NOTHING.fullmatch(text.lower()) else text


def _agreeing(readings: dict[str, tuple[Places, ...]], places: Places = _ANYWHERE) -> Places:
    """The places that every column can mean, by its first reading that goes with the others."""
    if not readings:
        return places
    (column, first), *others = readings.items()
    for reading in first:
        narrowed = _narrow(places, reading)
        if narrowed and (found := _agreeing(dict(others), narrowed)):
            return found
    # Where we know no districts, as in 台北, a district of the same name elsewhere proves nothing.
    unlisted = all(city in _gazetteer()["open"] for _, city, _ in places)
    return _agreeing(dict(others), places) if column == "district" and unlisted else _NOWHERE


def _narrow(places: Places, others: Places) -> Places:
    """What both may mean: the pairs that differ in no level, put together."""
    if not others:
        return _NOWHERE
    return frozenset(
        tuple(one or other for one, other in zip(place, another, strict=True))
        for place in places
        for another in others
        if all(not a or not b or a == b for a, b in zip(place, another, strict=True))
    )


@lru_cache(maxsize=100_000)
def _readings(column: str, text: str) -> tuple[Places, ...]:
    """What the value of a column may mean, most likely first."""
    index = _gazetteer()
    han = "".join(_HAN.findall(text))
    levels = () if han else _LEVELS[column]
    read = [found for level in levels if (found := _read_latin(level, text))]
    for word in (han, _KIND.sub("", han)):  # 富阳市 is a district now
        read = read or [index[level][word] for level in _LEVELS[column] if word in index[level]]
    if not read and (found := _read_address(text)):
        read = [found]
    return (*read, _ANYWHERE) if _ANY_TOWN.fullmatch(han) else tuple(read)


def _read_latin(level: str, text: str) -> Places:
    """A name in Latin letters, with or without accents, apostrophes and the kind behind it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z]+", re.sub(r"['`.]", "", plain))
    names = _gazetteer().get(level, {})
    while words:
        name = "".join(words)
        for spelling in (name, name.removesuffix("shi"), name.removesuffix("sheng")):
            if spelling in names:
                return names[spelling]
        if not _LATIN_KIND.fullmatch(words.pop()):
            break
    return _NOWHERE


def _read_address(text: str) -> Places:
    """The places that an address begins with, or in Latin letters names between its commas."""
    places = _ANYWHERE
    if _HAN.search(text):
        rest = _BETWEEN.sub("", _HEAD.sub("", text))
        while step := _next_name(rest, places):
            places, rest = step[0], _BETWEEN.sub("", step[1])
    else:
        parts = enumerate(re.split(r"[,;/|\n]+|\s-\s", text))
        read = {at: [_read_latin(level, part) for level in _LEVELS["city"]] for at, part in parts}
        places = _agreeing({at: levels for at, levels in read.items() if any(levels)})
    return places if places != _ANYWHERE else _NOWHERE


def _next_name(text: str, places: Places) -> tuple[Places, str] | None:
    """The longest name at the beginning of a text that goes with the places, and the rest.

    A name without its kind (广东, 中山) may be part of another, as in 中山路 and 中山大学. It counts
    only at the end, before a blank or comma, or before the name of a place within it.
    """
    index = _gazetteer()
    heads = [(text[:length], text[length:]) for length in range(min(len(text), 15), 1, -1)]
    for head, rest in heads:
        if places == _ANYWHERE and (len(head) == 2 or _ANY_TOWN.fullmatch(head)):
            continue  # 城区 and 易县 alone are too likely to be part of something else
        found = _narrow(places, index["whole"].get(head, _NOWHERE))
        if found and not rest.startswith("场"):  # 中山市 is not meant by 中山市场
            return found, rest
    for head, rest in heads:
        found = _narrow(places, index["short"].get(head, _NOWHERE))
        if found and _stands_for_itself(found, rest):
            return found, rest
    return None


def _stands_for_itself(places: Places, rest: str) -> bool:
    """Whether what follows the name of the places shows that it is a name by itself."""
    if _next_name(rest, places):
        return True
    stems = _gazetteer()["stem"]
    parts = {rest[n:] for n in (4, 3, 2) if _narrow(places, stems.get(rest[:n], _NOWHERE))}
    ends = not rest or not rest[0].isalnum()
    return not _STREET.match(rest) and (ends or any(not _STREET.match(part) for part in parts))
