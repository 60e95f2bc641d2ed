"""Personal data in what customers write, replaced by marks such as [phone].

A form that may be personal is masked rather than kept: a mark too many costs a word, one too few
shows somebody. Patterns without look-around run in linear time inside polars; those that need it see only
runs of digits, and every repetition in them is bounded.
"""

import re
from functools import cache

import polars as pl

from analysis.labels import group, label

# The commonest surnames and the double ones; a name without a heading must begin with one of them.
_SINGLE = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜"
)
_DOUBLE = "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|令狐|慕容"
_SURNAME = rf"(?:{_DOUBLE}|[{_SINGLE}])"
# Signs that begin the next word more often than they end a name of three signs.
_AFTER_NAME = r"在是的电手说要今昨前住买来和跟与及也有已从就把被给对想我你他她它了因于，"
_GIVEN = rf"[\p{{Han}}&&[^{_AFTER_NAME}]][\p{{Han}}&&[^{_AFTER_NAME}]]?"
# 黄金会员, 高级会员, 金卡 and 白金卡 are no names.
_PERSON = (
    rf"(?:[黄高金白][\p{{Han}}&&[^金级卡端档{_AFTER_NAME}]]\p{{Han}}?"
    rf"|(?:{_DOUBLE}|[{_SINGLE}&&[^黄高金白]]){_GIVEN})"
)
_OPEN = r"(?:[“”\"'‘「『《<（(【\[]|<[a-z]{1,9}>)"
_GIVEN_ENGLISH = r"[\p{Lu}][\p{L}'’-]{1,20}(?: [\p{Lu}][\p{L}'’-]{0,20}){0,2}"
_TITLE = r"(?:先生|女士|小姐|太太|老师|经理|阿姨|大爷|同学)"
_HEADING = (
    r"(?:姓\s?名|真名|实名|名字|联系人|收货人|收件人|寄件人|投诉人"
    r"|客户名称?|会员名|称呼|户名|持卡人|联络人)"
)

# Each is a kind of personal data (its mark in `[mask]`) and a pattern; what the group `keep` holds stays.
_IN_TEXT = [
    (
        "email",
        r"[A-Za-z0-9Ａ-Ｚａ-ｚ０-９._%+\-]{1,64}(?:\s?[@＠]\s?|\s?[\(\[（]at[\)\]）]\s?)"
        r"(?:[A-Za-z0-9Ａ-Ｚａ-ｚ０-９\-]{1,63}[.．]){1,4}[A-Za-zａ-ｚ]{2,24}",
    ),
    (
        "account",
        r"(?i)(?P<keep>(?:微\s?信|薇信|威信|v信|we\s?chat|weixin|\bvx|\bwx|qq|扣扣)"
        r"(?:[号码群]|\s?(?:id|account|number))?\s?(?:是|为|is|[:：=＝])\s*)[a-z0-9０-９_\-]{5,20}",
    ),
    (
        "account",
        r"(?i)(?P<keep>(?:微\s?信|薇信|威信|v信|we\s?chat|weixin|\bvx|\bwx|qq|扣扣)"
        r"(?:[号码群]|\s?(?:id|account|number))?\s{0,2})"
        r"(?:[0-9０-９]{5,12}|[a-z_\-]{1,19}[0-9０-９][a-z0-9_\-]{0,19})",
    ),
    ("account", r"(?P<keep>微信(?:号码?|ID|id)\s{0,2})[A-Za-z][A-Za-z0-9_\-]{5,19}"),
    (
        "name",
        rf"(?P<keep>{_HEADING}\s{{0,2}}(?:[:：是为叫]{{1,2}}{_OPEN}?|{_OPEN})\s{{0,3}})"
        rf"(?:{_SURNAME}[ \u3000]{{0,2}}{_GIVEN}|\p{{Han}}{{1,4}}(?:·\p{{Han}}{{1,6}})?"
        rf"|{_GIVEN_ENGLISH})",
    ),
    ("name", rf"(?P<keep>{_HEADING}\s{{0,3}}){_SURNAME}{_GIVEN}"),
    (
        "name",
        rf"(?P<keep>(?:[我叫名]叫|叫做)\s{{0,2}}[:：]?{_OPEN}?){_SURNAME}{_GIVEN}{_TITLE}?",
    ),
    ("name", rf"(?P<keep>(?:本人|我是)\s{{0,2}}[:：]?{_OPEN}?){_PERSON}{_TITLE}?"),
    (
        "name",
        rf"(?P<keep>我姓)(?:{_SURNAME})[，, ]?(?:名字?)?叫?\p{{Han}}{{1,2}}"
        r"(?P<rest>[，,。.！!；;、\s]|$)",
    ),
    ("name", rf"(?P<keep>(?:我|名)叫(?:做)?\s{{0,2}}[:：]?){_GIVEN_ENGLISH}"),
    ("name", r"(?P<keep>[我名]叫(?:做)?\s{0,2}[:：]?)\p{Han}{1,6}·\p{Han}{1,6}"),
    (
        "name",
        r"(?P<keep>我叫\s{0,2})[\p{Han}&&[^了过你他她它您]]\p{Han}{1,3}(?P<rest>[，,。.！!；;、\s]|$)",
    ),
    ("name", rf"(?P<keep>(?:我叫|叫我)\s?)[小老阿](?:{_SURNAME}|\p{{Han}})"),
    ("name", rf"(?P<keep>我\s?姓\s{{0,2}}){_SURNAME}"),
    ("name", rf"{_SURNAME}\p{{Han}}{{0,2}}(?:先生|女士)"),
    ("name", rf"{_SURNAME}(?:小姐|太太|经理|阿姨|大爷)"),
    (
        "name",
        r"(?i)(?P<keep>\bmy (?:full )?name(?: is|['’]s|:)\s{0,2})(?-i:"
        rf"{_GIVEN_ENGLISH}|[\p{{L}}'’-]{{2,20}}(?: [\p{{L}}'’-]{{2,20}})?)",
    ),
    (
        "name",
        r"(?i)(?P<keep>\b(?:name(?: is|['’]s|:)|contact(?: person)?:|called|sincerely,|regards,)\s{0,3})"
        rf"(?-i:{_GIVEN_ENGLISH})",
    ),
    ("name", rf"(?P<keep>\b(?:Mr|Mrs|Ms|Miss|Dr)\.? ){_GIVEN_ENGLISH}"),
    (
        "address",
        r"(?:\p{Han}{2,7}?(?:省|市|区|县|镇|乡)){0,4}\p{Han}{2,5}(?:路|街|大道|巷|弄|胡同)"
        r"[\s第]?[0-9０-９]{1,5}\s?(?:号|弄)(?:[0-9A-Za-z０-９\-]{1,6}(?:号楼|栋|幢|座|单元|楼|层|室|房)){0,4}",
    ),
    (
        "address",
        r"[0-9A-Za-z０-９]{1,4}\s?(?:号楼|栋|幢|座)\s?(?:[0-9０-９]{1,3}\s?(?:单元|门))?\s?"
        r"[0-9０-９]{1,5}\s?(?:室|号|房)",
    ),
    (
        "address",
        r"(?i)\b[0-9]{1,5} (?:[A-Z][a-z]{1,20} ){1,3}(?-i:Street|Road|Avenue|Lane|Rd|St|Ave)\b",
    ),
    ("phone", r"1[3-9][0-9][*＊·•xX]{3,6}[0-9]{2,4}"),
    ("phone", r"[一幺][三四五六七八九][零〇一幺二两三四五六七八九]{9}"),
]
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]\s?[A-HJ-NP-Za-hj-np-z][\s·•・.\-]?"
    r"(?=[A-Za-z]{0,2}[0-9])(?:[A-HJ-NP-Za-hj-np-z0-9]{6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[A-HJ-NP-Za-hj-np-z0-9挂学警港澳])"
    r"(?![A-Za-z0-9])"
)
_MAY_BE_PLATE = r"\p{Han}\s?[A-Za-zＡ-Ｚａ-ｚ][\s·•・.\-－]?[A-Za-zＡ-Ｚａ-ｚ]{0,2}[0-9０-９]"

# A run of digits with what people put between them; full-width signs are read as their plain twins.
_RUN = re.compile(r"[+＋(（]{0,2}\d[\d \u3000\-－—–()（）.·_/xXｘＸ转]{5,}")
_MAY_BE_NUMBER = r"\d[\d \u3000\-－—–()（）.·_/]{5}"
_PLAIN = str.maketrans("０１２３４５６７８９＋（）－—–　·_ｘＸ", "0123456789+()--- --xX")
_WIDE = str.maketrans({wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)})
_DAY = r"(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])"
_IN_RUN = [
    (
        "id",
        re.compile(
            rf"(?<!\d)[1-9]\d{{5}}[ -]?(?:18|19|20)\d{{2}}[ -]?{_DAY}[ -]?\d{{3}}[\dXx](?!\d)"
        ),
    ),
    ("id", re.compile(rf"(?<!\d)[1-9]\d{{5}}[ -]?\d{{2}}{_DAY}[ -]?\d{{3}}(?!\d)")),
    ("card", re.compile(r"(?<!\d)\d{4}([ -]{1,2})\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?(?!\d)")),
    ("card", re.compile(r"(?<!\d)62\d{4}[ -]\d{10,13}(?!\d)")),
    ("card", re.compile(r"(?<!\d)62\d{14}(?:\d{3})?(?!\d)")),
    ("card", re.compile(r"(?<!\d)3[47]\d{2}([ -])\d{6}\1\d{5}(?!\d)")),
    (
        "phone",
        re.compile(
            r"(?<!\d)\(?(?:(?:\+|00)?86)?\)?[ -]{0,2}"
            r"(?:1[3-9]\d([ ./-]{0,3})\d{4}\1\d{4}|1[3-9]\d([ .-])\d{3}\2\d{5}"
            r"|1[3-9]\d{2}([ .-])\d{3}\3\d{4}"
            r"|1[3-9]\d{3}[ -]\d{6}|1[3-9]\d[ -]\d{8}|1[3-9]\d{5}[ -]\d{4}|1([ .-])[3-9](?:\4\d){9}"
            r"|1[3-9]\d([ .-])\d{2}(?:\5\d{2}){3})(?!\d)"
        ),
    ),
    (
        "phone",
        re.compile(
            r"(?<![\d.])\(?(?:(?:\+|00)86[ -]?)?\(?0\d{2,3}\)?[ -]{0,3}"
            r"\d{3,4}[ -]?\d{4}(?:[-转 x]{1,2}\d{1,6})?(?!\d)"
        ),
    ),
    ("phone", re.compile(r"(?<!\d)\+\(?\d(?:[ ().-]{0,2}\d){7,14}(?!\d)")),
    ("phone", re.compile(r"(?<!\d)(?:\(\d{3}\)[ -]?|\d{3}-)\d{3}-\d{4}(?!\d)")),
    ("phone", re.compile(r"(?<!\d)[48]00[ -]?\d{3}[ -]?\d{4}(?!\d)")),
]
_LONG_NUMBER = re.compile(r"(?<!\d)\d{13,19}(?!\d)")
_LONGEST_SHORT_PHONE = (
    r"(?i)(?P<keep>(?:电话|手机|座机|号码|致电|回电|\btel|\bphone|\bcall|\bmobile)[^0-9０-９\n]{0,6})"
    r"[0-9０-９][0-9０-９ \-]{5,16}[0-9０-９]"
)


def mask(texts: pl.Series) -> pl.Series:
    """The texts with personal data replaced by marks; missing texts stay missing.

    Phone numbers, e-mail addresses, identity numbers, plates, bank cards, names behind a heading such as
    姓名 or 我叫 or before 先生, accounts of WeChat and QQ, and addresses with a house number. Amounts,
    dates and order numbers stay. Card numbers without groups are known by Luhn's check digit.

    Args:
        texts: what customers wrote, one per row.

    Returns:
        A series of the same name and length.
    """
    asked = texts.cast(pl.String)
    distinct = asked.drop_nulls().unique().sort()
    if distinct.is_empty():
        return asked
    masked = distinct
    for kind, pattern in _IN_TEXT:
        masked = masked.str.replace_all(pattern, _kept(pattern, label(f"mask.{kind}")))
    masked = _by_text(masked, _MAY_BE_PLATE, _mask_plates)
    masked = _by_text(masked, _MAY_BE_NUMBER, lambda text: _RUN.sub(_mask_run, text))
    short = _kept(_LONGEST_SHORT_PHONE, label("mask.phone"))
    masked = masked.str.replace_all(_LONGEST_SHORT_PHONE, short)
    return asked.replace_strict(distinct, masked, default=None).rename(texts.name)


@cache
def marks() -> tuple[str, ...]:
    """The marks that stand for personal data, such as [phone]."""
    return tuple(group("mask").values())


def _kept(pattern: str, mark: str) -> str:
    """The replacement of a pattern: its mark between what the pattern keeps."""
    before = "${keep}" if "(?P<keep>" in pattern else ""
    return before + mark + ("${rest}" if "(?P<rest>" in pattern else "")


def _by_text(texts: pl.Series, may_match: str, work) -> pl.Series:
    """Only the texts that may hold the form go through Python."""
    found = texts.str.contains(may_match)
    changed = pl.Series([work(one) for one in texts.filter(found)], dtype=pl.String)
    return texts.scatter(found.arg_true(), changed) if found.any() else texts


def _mask_plates(text: str) -> str:
    """Plates are found in the plain twins of full-width signs, each of which is one sign as well."""
    parts, place = [], 0
    for match in _PLATE.finditer(text.translate(_WIDE)):
        parts += [text[place : match.start()], label("mask.plate")]
        place = match.end()
    return "".join([*parts, text[place:]])


def _mask_run(match: re.Match) -> str:
    """One run of digits: masked where a form of personal data is in it, else as it was."""
    plain = match[0].translate(_PLAIN)
    masked = plain
    for kind, pattern in _IN_RUN:
        masked = pattern.sub(label(f"mask.{kind}"), masked)
    masked = _LONG_NUMBER.sub(_mask_card, masked)
    return match[0] if masked == plain else masked


def _mask_card(match: re.Match) -> str:
    digits = match[0]
    long_enough = len(digits) >= 16 or (len(digits) == 15 and digits[:2] in ("34", "37"))
    return label("mask.card") if long_enough and _passes_luhn(digits) else digits


def _passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = [int(one) * (1 + place % 2) for place, one in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0
