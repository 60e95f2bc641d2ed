"""Computed sentences of the customer card, as arguments for `run.say`."""

import polars as pl

from analysis.card import habits, service, value
from analysis.card.card import Card, unknown_fields
from analysis.card.relations import RADIUS
from analysis.labels import group, label
from analysis.report.show import Money, Share
from analysis.run.months import Month


def headline(one: Card) -> dict:
    """The customer in one sentence."""
    customer, month = one.row("customers"), Month.of(one.as_of)
    if customer is None:
        since = one.record.get("created_at")
        if one.rows("orders").height:
            return {"key": "card.headline_refunded", "month": month}
        if since is None:
            return {"key": "card.headline_nothing", "month": month}
        return {"key": "card.headline_prospect", "month": month, "since": since.date()}
    values = {
        "spend": Money(customer["spend"]),
        "first": customer["first_purchase"],
        "idle": (one.as_of - customer["last_purchase"]).days,
        "month": month,
    }
    if customer["purchases"] == 1:
        return {"key": "card.headline_once", **values}
    repeat = {"purchases": customer["purchases"], "last": customer["last_purchase"]}
    return {"key": "card.headline", **values, **repeat}


def record(one: Card) -> dict:
    """Which fields the record leaves open, or that there is none."""
    if not one.has("profiles"):
        return {"key": "card.no_records"}
    if not one.record:
        return {"key": "card.no_record"}
    fields = unknown_fields(one)
    if not fields:
        return {"key": "card.all_fields"}
    return {"key": "card.unknown_fields", "fields": ", ".join(fields)}


def rhythm(one: Card) -> dict:
    """How far the customer's habits can be told."""
    customer = one.row("customers")
    if customer is None:
        return {"key": "card.no_habits"}
    if customer["purchases"] < habits.LEAST_PURCHASES:
        return {"key": "card.few_purchases", "least": habits.LEAST_PURCHASES}
    return {"key": "card.habits"}


def favourite(one: Card) -> dict:
    """What most of the customer's money went to."""
    if not one.has("order_lines"):
        return {"key": "card.no_lines"}
    found = habits.favourites(one)
    if found.is_empty() or found["share_of_spend"][0] is None:
        return {"key": "card.no_own_lines"}
    return {
        "key": "card.favourites",
        "name": found.row(0)[0],
        "share": Share(found["share_of_spend"][0]),
        "everybody": Share(found["of_all_customers"][0]),
    }


def complaints(one: Card) -> dict:
    """Whether a complaint is open."""
    if not one.has("feedback"):
        return {"key": "card.no_feedback_source"}
    made = service.complaints(one)
    if not made:
        return {"key": "card.no_complaint"}
    if one.tables["feedback"]["closed_at"].is_null().all():
        return {"key": "card.cannot_tell_open", "complaints": made}
    waiting = service.open_complaints(one)
    if waiting.is_empty():
        return {"key": "card.none_open", "closed": made}
    return {"key": "card.open", "open": waiting.height, "since": waiting["since"][0]}


def last_contact(one: Card) -> dict:
    """When and by what channel the customer was last spoken to."""
    if not one.has("interactions"):
        return {"key": "card.no_contact_source"}
    found = service.contacts(one)
    if found.is_empty():
        return {"key": "card.no_contact"}
    last = found.sort("last_contact", "contacts").row(-1, named=True)
    return {"key": "card.last_contact", "day": last["last_contact"], "channel": last["channel"]}


def voice(one: Card) -> list[dict]:
    """What the customer last said in a survey and in writing, and where an answer is likeliest."""
    if one.has("surveys"):
        score = service.last_score(one)
        said = [_scored(score) if score else {"key": "card.no_score"}]
    else:
        said = [{"key": "card.no_survey_source"}]
    written, channel = service.last_text(one), one.row("preferred_channels")
    if written:
        theme = written["theme"] or label("card.no_theme")
        tone = label(f"tone.{written['tone_label']}")
        said.append({"key": "card.last_words", "day": written["day"], "tone": tone, "theme": theme})
    if channel:
        named = label(f"card.channel.{channel['preferred_channel']}")
        facts = {"rate": Share(channel["rate"]), "contacts": channel["contacts"]}
        said.append({"key": "card.preferred", "channel": named, **facts})
    return said


def _scored(answer: dict) -> dict:
    most = answer["scale_max"]
    return {
        "key": "card.last_score",
        "item": answer["item"] or "–",
        "day": answer["at"].date(),
        "score": f"{answer['score']:g}",
        "most": "–" if most is None else f"{most:g}",
    }


def worth(one: Card) -> dict:
    """The customer's share of what everybody spent lately."""
    if one.row("customers") is None:
        return {"key": "card.no_value"}
    own, everybody = value.recent_spend(one)
    if own <= 0:
        return {"key": "card.value_none", "days": value.YEAR_DAYS}
    share = f"{own / everybody:.2%}"
    return {"key": "card.value_share", "days": value.YEAR_DAYS, "share": share}


def chance(one: Card) -> dict:
    """The chance of no purchase, what is at stake, and why."""
    churn = one.row("churn")
    if churn is None:
        return {"key": "card.no_chance"}
    signs = "; ".join(value.reasons(one))
    lower, higher = value.others_chance(one)
    return {
        "key": "card.chance_high" if lower >= higher else "card.chance_low",
        "days": churn["horizon_days"],
        "chance": Share(churn["probability_no_purchase"]),
        "share": Share(max(lower, higher)),
        "stake": Money(churn["value_at_stake"]),
        "reasons": label("card.signs", signs=signs) if signs else label("card.no_signs"),
    }


def related(one: Card, nodes: pl.DataFrame) -> dict:
    """How many customers are joined to this one.

    Args:
        nodes: as `card.relations.ego` returns them.
    """
    recorded = one.tables["profiles"].select("parent_id", "referrer_id")
    if not one.has("relations") and not any(s.is_not_null().any() for s in recorded):
        return {"key": "relations.no_source"}
    if nodes.height < 2:
        return {"key": "relations.alone"}
    return {
        "key": "relations.summary",
        "direct": nodes.filter(pl.col("distance") == 1).height,
        "near": nodes.height - 1,
        "steps": RADIUS,
        "group": int(nodes["group_size"][0]),
    }


def next_step(one: Card, planned: pl.DataFrame) -> dict:
    """What comes first.

    Args:
        planned: as `card.strategies` returns it.
    """
    if service.open_complaints(one).height:
        return {"key": "card.complaint_first"}
    return {"key": "card.no_strategy"} if planned.is_empty() else {"key": "card.strategy"}


def planned_action(one: Card) -> list[dict]:
    """What the month's plan has for the customer, or that the draw leaves it alone."""
    if not one.has("action_plan"):
        return []
    planned = one.row("action_plan")
    if planned is None:
        return [{"key": "card.no_action"}]
    if planned["arm"] != "treat":
        return [{"key": "card.action_control"}]
    words = group("reason") | group("plan_reason")
    keys = [planned[f"reason_{place}"] for place in (1, 2, 3)]
    reasons = ", ".join(words.get(key, key) for key in keys if key) or label("card.no_reason")
    action = label(f"plan_action.{planned['action']}")
    return [{"key": "card.action_treat", "action": action, "reasons": reasons}]


def agreement(one: Card, events: pl.DataFrame) -> dict:
    """That the page's purchases are those of the month's table of customers.

    Args:
        events: as `card.timeline.events` returns it.

    Raises:
        ValueError: if they are not; the month's tables would contradict each other.
    """
    purchases = events.filter(pl.col("event") == "purchase")
    customer = one.row("customers") or {"purchases": 0, "spend": 0.0}
    made, spent = purchases.height, round(purchases["amount"].sum(), 4)
    if (made, spent) != (customer["purchases"], round(customer["spend"], 4)):
        raise ValueError(
            f"the timeline has {made} purchases worth {spent}, the table of customers "
            f"{customer['purchases']} worth {customer['spend']}"
        )
    if not made:
        return {"key": "card.agrees_none"}
    return {"key": "card.agrees", "purchases": made, "spend": Money(spent)}
