"""What customers and staff say to each other: interactions, complaints and other feedback."""

import numpy as np
import polars as pl

from analysis.samples.shop.orders import Orders
from analysis.samples.shop.parameters import CONTACTS_LEFT, DAYS, by_class, generator
from analysis.samples.shop.purchases import dropouts
from analysis.samples.shop.records import ids_of
from analysis.samples.shop.words import pick, words

FEEDBACK_DIRT = {"unknown_customer": 12, "date_impossible": 6}
UNKNOWN_CUSTOMERS = ("999901", "999902", "KH99903")
KINDS = {"complaint": "投诉", "praise": "表扬", "suggestion": "建议", "inquiry": "咨询"}
CATEGORIES = {
    "service": "服务",
    "product": "产品",
    "price": "价格",
    "competitor": "竞争对手",
    "other": "其他",
}
COMPLAINT_CATEGORIES = {
    "price_sensitive": [15, 25, 40, 15, 5],
    "service": [60, 20, 8, 7, 5],
    "product": [20, 55, 12, 8, 5],
}
ACTIVITIES = {
    "Call": 40,
    "微信": 30,
    "在线客服": 12,
    "邮件": 6,
    "短信": 5,
    "拜访": 5,
    "会议": 2,
}
_OTHER_FEEDBACK = {"praise": 0.035, "suggestion": 0.015, "inquiry": 0.025}  # per purchase
_PROSPECT_CONTACTS = 1.5  # per year
_YEAR = 365.25


def make_interactions(
    people: pl.DataFrame, purchases: pl.DataFrame, records: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Contacts with customers, fewer once a customer dropped out.

    Returns:
        One row per contact: `person`, `customer_id`, `day`, `second`, `activity`, `owner`, `seconds`
        and `result` (of calls), `note`.
    """
    rng = generator(seed, "interactions")
    known = people.join(dropouts(purchases), on="person", how="left", maintain_order="left")
    begins = np.maximum(known["signup"].to_numpy(), 0) + 1
    ends = known["left_on"].fill_null(DAYS).to_numpy()
    per_year = by_class(known["class"], "contacts_per_year")
    per_year = np.where(known["is_prospect"], _PROSPECT_CONTACTS, per_year)
    before = rng.poisson(per_year * np.maximum(ends - begins, 0) / _YEAR)
    after = rng.poisson(per_year * CONTACTS_LEFT * (DAYS - ends) / _YEAR)
    person = np.concatenate([np.repeat(known["person"], before), np.repeat(known["person"], after)])
    late = np.arange(person.size) >= before.sum()
    start, end = np.where(late, ends[person], begins[person]), np.where(late, DAYS, ends[person])
    activity = np.array(pick(rng, list(ACTIVITIES), person.size, list(ACTIVITIES.values())))
    contacts = pl.DataFrame(
        {
            "person": person,
            "day": np.floor(start + rng.random(person.size) * (end - start)).astype(int),
            "second": rng.integers(9 * 3_600, 18 * 3_600, person.size),
            "activity": activity,
            "owner": known["owner"].to_numpy()[person],
            "seconds": rng.lognormal(4.8, 0.8, person.size).astype(int),
            "result": pick(rng, words()["interactions"]["results"], person.size),
            "note": pick(rng, words()["interactions"]["notes"], person.size),
        }
    )
    customer_id, _ = ids_of(contacts, records, rng)
    return _only_calls(contacts.with_columns(customer_id=customer_id))


def _only_calls(contacts: pl.DataFrame) -> pl.DataFrame:
    """Only calls have a result and a length; those that nobody took last no time."""
    is_call = pl.col("activity") == "Call"
    answered = is_call & (pl.col("result") == "已接通")
    return contacts.with_columns(
        seconds=pl.when(answered).then("seconds").when(is_call).then(0),
        result=pl.when(is_call).then("result"),
    ).sort("day", "second", "person")


def make_feedback(
    people: pl.DataFrame, purchases: pl.DataFrame, orders: Orders, seed: int
) -> pl.DataFrame:
    """Complaints (each planted with a purchase), praise, suggestions and inquiries.

    Returns:
        One row per message: `person`, `customer_id`, `order` (number), `day`, `second`, `kind`,
        `category`, `text`, `response_seconds`, `handling_seconds`, `followed_up`, `result`, and
        `reason` (what is wrong with it, null for one to trust).
    """
    rng = generator(seed, "feedback")
    complained = purchases.with_row_index("purchase").select(
        pl.col("purchase").cast(pl.Int64), "complained_on"
    )
    bought = (
        orders.rows.filter((pl.col("origin") == "process") & (pl.col("copy") == 0))
        .select("purchase", "person", "customer_id", "day", order="number")
        .join(complained, on="purchase")
        .join(people.select("person", "class"), on="person")
        .sort("purchase")
    )
    parts = [
        bought.drop_nulls("complained_on").with_columns(
            day="complained_on", kind=pl.lit("complaint")
        )
    ]
    for kind, chance in _OTHER_FEEDBACK.items():
        some = bought.filter(pl.Series(rng.random(bought.height) < chance))
        later = pl.col("day") + 1 + pl.Series(rng.integers(0, 10, some.height))
        parts.append(some.with_columns(day=later, kind=pl.lit(kind)))
    messages = pl.concat(parts).filter(pl.col("day") < DAYS)
    messages = pl.concat(
        [messages.with_columns(reason=pl.lit(None, pl.String)), *_bad(messages, rng)]
    )
    return _worded(messages, rng).sort("day", "second", "order", "kind", "reason")


def _bad(messages: pl.DataFrame, rng: np.random.Generator) -> list[pl.DataFrame]:
    bad = []
    for reason, count in FEEDBACK_DIRT.items():
        chosen = messages[np.sort(rng.choice(messages.height, count, replace=False))]
        bad.append(chosen.with_columns(reason=pl.lit(reason)))
    unknown = pl.Series(pick(rng, list(UNKNOWN_CUSTOMERS), FEEDBACK_DIRT["unknown_customer"]))
    bad[0] = bad[0].with_columns(
        customer_id=unknown, order=pl.lit(None, pl.String), person=pl.lit(None, pl.Int64)
    )
    return bad


def _worded(messages: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    size = messages.height
    draws, starts, ends = rng.random((3, size))
    texts, categories, results = [], [], []
    chances, done = rng.random((2, size))
    for row, (kind, name) in enumerate(messages.select("kind", "class").rows()):
        listed = words()["feedback"][kind]
        options = [one for one in CATEGORIES if one in listed]
        weights = COMPLAINT_CATEGORIES[name] if kind == "complaint" else [1] * len(options)
        reached = np.searchsorted(np.cumsum(weights) / np.sum(weights), chances[row])
        category = options[reached]
        sentence = _at(listed[category], draws[row])
        end = _at(listed["endings"], ends[row])
        core = sentence if end else sentence.removesuffix("，") + "。"
        texts.append(_at(words()["feedback"]["beginnings"], starts[row]) + core + end)
        categories.append(category)
        results.append(_at(words()["feedback"]["handling"][kind], done[row]))
    return messages.with_columns(
        category=pl.Series(categories),
        text=pl.Series(texts),
        second=pl.Series(rng.integers(8 * 3_600, 22 * 3_600, size)),
        response_seconds=pl.Series(rng.lognormal(8.6, 1.1, size).astype(int)),
        handling_seconds=pl.Series(rng.lognormal(11.6, 0.9, size).astype(int)),
        followed_up=pl.Series(rng.random(size) < 0.6),
        result=pl.Series(results),
    )


def _at(options: list[str], share: float) -> str:
    return options[int(share * len(options))]
