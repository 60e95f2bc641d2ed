"""Planted personal data leave no trace in the masked text; ordinary numbers stay as they are."""

import unicodedata

import polars as pl
import pytest
from feedback.planted import shop_sentences

from analysis.feedback import masking
from analysis.labels import label

# Nobody's: every number and name is made up, check digits of cards and identity numbers included.
PLANTED = {
    "phone": [
        ("请回电{}，谢谢", "13812345678"),
        ("请回电{}，谢谢", "138 1234 5678"),
        ("请回电{}，谢谢", "138-1234-5678"),
        ("请回电{}，谢谢", "138.1234.5678"),
        ("请回电{}，谢谢", "138—1234—5678"),
        ("请回电{}，谢谢", "138－1234－5678"),
        ("我的号是{}", "１３８１２３４５６７８"),
        ("我的号是{}", "１３８ １２３４ ５６７８"),
        ("我的号是{}", "１３８－１２３４－５６７８"),
        ("我的号是{}", "138　1234　5678"),
        ("{}打给我", "+8613812345678"),
        ("{}打给我", "+86 13812345678"),
        ("{}打给我", "+86 138 1234 5678"),
        ("{}打给我", "+86-138-1234-5678"),
        ("{}打给我", "＋８６１３８１２３４５６７８"),
        ("{}打给我", "(+86)13812345678"),
        ("{}打给我", "（+86）138 1234 5678"),
        ("{}打给我", "008613812345678"),
        ("{}打给我", "0086 138 1234 5678"),
        ("{}打给我", "0086-13812345678"),
        ("{}打给我", "8613812345678"),
        ("{}打给我", "86 19912345678"),
        ("电话：{}没人接", "1381234 5678"),
        ("电话：{}没人接", "13812 345678"),
        ("电话：{}没人接", "138 12345678"),
        ("电话：{}没人接", "138 12 34 56 78"),
        ("电话：{}没人接", "1 3 8 1 2 3 4 5 6 7 8"),
        ("电话：{}没人接", "1-3-8-1-2-3-4-5-6-7-8"),
        ("手机{}一直打不通", "一三八一二三四五六七八"),
        ("手机{}一直打不通", "幺三八幺二三四五六七八"),
        ("手机{}一直打不通", "138/1234/5678"),
        ("手机{}一直打不通", "138_1234_5678"),
        ("手机{}一直打不通", "138·1234·5678"),
        ("座机{}，白天在", "010-87654321"),
        ("座机{}，白天在", "01087654321"),
        ("座机{}，白天在", "(010)87654321"),
        ("座机{}，白天在", "（021）8765 4321"),
        ("座机{}，白天在", "0755 8765 4321"),
        ("座机{}，白天在", "0571-8765432"),
        ("座机{}，白天在", "010-87654321转802"),
        ("座机{}，白天在", "010-87654321-802"),
        ("座机{}，白天在", "+86 10 8765 4321"),
        ("座机{}，白天在", "+86-755-87654321"),
        ("座机{}，白天在", "０１０－８７６５４３２１"),
        ("请打公司电话{}", "87654321"),
        ("请打公司电话{}", "8765-4321"),
        ("call me at {} please", "+1 (415) 555-0132"),
        ("call me at {} please", "+44 20 7946 0958"),
        ("call me at {} please", "(415) 555-0132"),
        ("call me at {} please", "415-555-0132"),
        ("号码是{}", "138****5678"),
        ("我们热线是{}", "400-812-3456"),
        ("电话13812345678或{}", "13987654321"),
        ("电话13812345678/{}", "13987654322"),
        ("电话13812345678，{}都是我的", "13987654325"),
        ("13812345678 {}", "13987654326"),
    ],
    "email": [
        ("写信到{}", "li.wei@example.com"),
        ("写信到{}", "li_wei+jia@post.example.com.cn"),
        ("写信到{}", "liwei＠example.com"),
        ("写信到{}", "liwei @ example.com"),
        ("写信到{}", "liwei(at)example.com"),
        ("写信到{}", "liwei[at]example.com"),
        ("写信到{}", "ｌｉｗｅｉ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("my mail is {}, thanks", "Jane-Doe99@example.co.uk"),
        ("邮箱{}收不到发票", "138123@example.com"),
        ("<a href='mailto:{}'>me</a>", "jane@example.org"),
    ],
    "id": [
        ("身份证{}", "11010519900307123X"),
        ("身份证{}", "11010519900307123x"),
        ("身份证号：{}。", "110105199003071234"),
        ("身份证号：{}。", "110105 19900307 1234"),
        ("身份证号：{}。", "110105-19900307-123X"),
        ("身份证号：{}。", "110105 1990 0307 123X"),
        ("身份证号：{}。", "１１０１０５１９９００３０７１２３Ｘ"),
        ("旧证{}也行吗", "110105900307123"),
        ("旧证{}也行吗", "110105 900307 123"),
        ("证件是{}号", "440305200112310028"),
    ],
    "plate": [
        ("车{}进不去", "京A12345"),
        ("车{}进不去", "京A·12345"),
        ("车{}进不去", "京A 12345"),
        ("车{}进不去", "京A-12345"),
        ("车{}进不去", "粤B1234学"),
        ("车{}进不去", "沪A1B2C3"),
        ("车牌{}，送货车", "粤BD12345"),
        ("车牌{}，送货车", "京AF12345"),
        ("车牌{}，送货车", "浙A12345D"),
        ("车牌{}，送货车", "苏e88888"),
        ("车牌{}，送货车", "京ＡＤ１２３４５"),
        ("车牌{}，送货车", "粤Z1234港"),
    ],
    "card": [
        ("退到{}", "6222021234567890128"),
        ("退到{}", "6222 0212 3456 7890 128"),
        ("退到{}", "6222-0212-3456-7890"),
        ("退到{}", "4111 1111 1111 1111"),
        ("退到{}", "4111111111111111"),
        ("退到{}", "5500 0000 0000 0004"),
        ("退到{}", "3782 822463 10005"),
        ("退到{}", "378282246310005"),
        ("退到{}", "６２２２ ０２１２ ３４５６ ７８９０"),
        ("退到{}", "622202 1234567890128"),
    ],
    "name": [
        ("姓名：{}，请查", "王小明"),
        ("姓名:{}", "欧阳丽华"),
        ("姓 名：{}", "李雷"),
        ("姓名 {} 电话没人接", "张伟"),
        ("姓名是{}", "陈静"),
        ("我叫{}，买了两件", "刘德胜"),
        ("我叫{}。", "司马一诺"),
        ("我叫{}", "阿依古丽"),
        ("我叫{}，", "买买提·艾山"),
        ("我名字叫{}，在你们家买过", "赵雪"),
        ("名字叫{}", "孙子涵"),
        ("我的名字是{}。", "周瑜"),
        ("我是{}，上周下的单", "吴可馨"),
        ("本人{}，要求退款", "郑泽宇"),
        ("联系人：{}", "何佳怡"),
        ("收货人{}写错了", "高强"),
        ("我叫{}, 退货", "Jane Doe"),
        ("my name is {}, I bought two", "Jane Doe"),
        ("My name is {}.", "jane doe"),
        ("Name: {}", "Li Wei"),
        ("my name's {}", "O'Brien"),
        ("Regards, {}", "Mary Ann Smith"),
        ("this is Mr. {} again", "Smith"),
        ("{}先生说会回电", "王小明"),
        ("{}女士接的电话", "李"),
        ("我姓{}", "欧阳"),
        ("会员名：{}", "钱多多"),
        ("户名{}", "冯俊杰"),
        ("您好我叫{}我要投诉", "王小明"),
        ("姓名：{}", "王 小明"),
        ("姓名：{}", "ＷＡＮＧ Ｌｉ"),
        ("姓名（{}）", "王小明"),
        ("姓名【{}】", "王小明"),
        ("姓名：<b>{}</b>", "王小明"),
        ("我叫“{}”", "王小明"),
        ("我叫{}我很生气", "小红"),
        ("叫我{}就行", "小王"),
        ("我是{}的妈妈", "黄小明"),
        ("my name is {}", "王小明"),
        ("姓名\n{}", "王小明"),
    ],
    "account": [
        ("微信号{}", "liwei_1990"),
        ("加我微信：{}", "wxid_abc123"),
        ("QQ：{}", "123456789"),
        ("qq {}", "987654321"),
        ("vx:{}", "liwei1990"),
        ("wechat id: {}", "jane_doe"),
    ],
    "address": [
        ("送到{}", "朝阳区建国路88号"),
        ("送到{}", "杭州市西湖区文三路１２３号"),
        ("住{}", "3栋2单元501室"),
        ("deliver to {}", "12 Baker Street"),
    ],
}
ORDINARY = [
    "花了1299.00元，不值",
    "原价¥12,800，现价¥9,999.50",
    "2024年6月30日下单，7月2日才到",
    "2024-06-30 12:30:45 打开就坏了",
    "2024/6/30 14:05 到现在没发货",
    "2024.06.30 买的",
    "20240630买的",
    "买了3件，坏了2件，第4次了",
    "已下单12次，一共15件",
    "订单号SO20240630000123还没发货",
    "订单 DD202406300001 呢",
    "订单号202406301234567没发",
    "等了48小时，一共打了12次",
    "尺寸是120 x 80 x 45",
    "型号是AB-1234，容量5000mAh",
    "评分9.5，打8折",
    "1000 2000 3000 三档价格",
    "I paid 1,299.00 on 2024-06-30 for 2 items",
    "order 1234567 is late by 10 days",
    "降价了100-200元",
    "快递单号SF1234567890123",
    "在A座等了30分钟",
    "电话打了3次没人接",
    "客服电话太难打",
    "我叫了三次客服都不来",
    "我是老客户了",
    "我是黄金会员，也是金卡会员",
    "我是高级会员",
    "我叫了客服，没人理。",
    "我姓什么不重要",
    "客服小姐姐真好，感谢您",
    "本人非常失望",
    "运单号 773012345678901",
    "京东A12345",
    "我是在六月买的",
    "名字起得好",
    "高质量，价格也便宜",
    "the product name is on the box",
    "3点半到9点都可以",
    "满200减30，满500减100",
]


def plain(text: str) -> str:
    """Signs that can name somebody, without width, case and what people put between them."""
    wide = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in wide if one.isalnum() or one == "@")


def trace(secret: str, masked: str, kind: str) -> bool:
    """Whether four signs in a row of it, or two of a Chinese name or address, can still be read."""
    known, left = plain(secret), plain(masked)
    length = min(4 if known.isascii() or kind not in ("name", "address") else 2, len(known))
    return any(known[at : at + length] in left for at in range(len(known) - length + 1))


CASES = [
    pytest.param(kind, text, secret, id=f"{kind}-{secret}")
    for kind, rows in PLANTED.items()
    for text, secret in rows
]


def masked(*texts: str | None) -> list[str | None]:
    return masking.mask(pl.Series("text", texts, dtype=pl.String)).to_list()


def test_there_are_a_hundred_planted_forms():
    assert len({(text, secret) for rows in PLANTED.values() for text, secret in rows}) >= 100


@pytest.mark.parametrize(("kind", "text", "secret"), CASES)
def test_no_planted_form_is_left(kind, text, secret):
    (found,) = masked(text.format(secret))
    assert not trace(secret, found, kind), found
    assert label(f"mask.{kind}") in found
    if kind not in ("address", "phone"):  # an address may begin earlier, a phone be behind another
        assert found.startswith(text.split("{}")[0][:3])  # what stands around it stays


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_numbers_and_words_stay(text):
    assert masked(text) == [text]


def test_what_the_shop_plants_stays():
    texts = shop_sentences("complaint", "praise", "suggestion", "inquiry")["text"]
    assert masking.mask(texts).equals(texts)


def test_all_in_one_text_and_in_one_series():
    texts = [text.format(secret) for rows in PLANTED.values() for text, secret in rows]
    joined = masked("。\n".join(texts))[0]
    secrets = [(kind, secret) for kind, rows in PLANTED.items() for _, secret in rows]
    assert [one for one in secrets if trace(one[1], joined, one[0]) and len(one[1]) > 1] == []
    both = masked(*texts, *ORDINARY)
    assert both[len(texts) :] == ORDINARY
    assert both[: len(texts)] == [masked(one)[0] for one in texts]


def test_missing_texts_name_and_marks_stay():
    found = masking.mask(pl.Series("text", [None, "", "好", "电话13812345678", "电话13812345678"]))
    assert found.name == "text"
    assert found.to_list() == [None, "", "好", "电话[phone]", "电话[phone]"]
    assert masking.mask(found).equals(found)  # a masked text masked again
    assert masking.mask(pl.Series("text", [], dtype=pl.String)).is_empty()
    assert masking.mask(pl.Series("text", [None])).to_list() == [None]


def test_long_and_wild_texts_take_no_more_than_their_share():
    wild = ["1" * 1_000_000, "1 " * 500_000, "a@" * 300_000, "王" * 1_000_000, "<b>" * 300_000]
    wild += ["姓名" * 400_000, "+86-" * 250_000, "京A" * 500_000, "路1" * 400_000, "😀" * 250_000]
    assert len(masked(*wild)) == len(wild)
