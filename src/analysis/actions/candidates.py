"""Everything that could be done for each customer next month, with its reasons and what it may bring.

What an action brings is not known before it is measured. Expected profit is that of `churn.profit`: it
rests on the assumptions of the settings `[churn]` (the share of leavers whom a contact keeps, the cost of
a contact and of an offer) and on nothing else. Where no chance of leaving is known, and for actions whose
purpose is not to keep somebody from leaving, there is none, and such actions come after the others.
"""

from datetime import date
from itertools import pairwise

import polars as pl

from analysis.churn.warning import CARD_AXIS, owners
from analysis.feedback import care
from analysis.run.settings import Settings
from analysis.segment.strategies import cards
from analysis.tables import MONEY

CALL_BACK, RETENTION, WIN_BACK = "call_back", "retention", "win_back"
SECOND_ORDER, CARE, STRATEGY = "second_order", "care", "strategy"
SERVICE = (
    CALL_BACK,
)  # owed to the customer: no consent to marketing is needed, nobody is left out
GONE = ("hibernating", "lost")  # classes of customers who have to be won back
NEWCOMER = "new"
CALL_CHANNEL = "phone"
_REASONS = ("reason_1", "reason_2", "reason_3")
_SCHEMA = {
    **dict.fromkeys(("customer_id", "action", "class", *_REASONS, "what"), pl.String),
    "expected_profit": pl.Float64,
    "cost": MONEY,
    **dict.fromkeys(("channel", "owner"), pl.String),
    "priority": pl.Int64,
    "due_on": pl.Date,
}


def candidates(
    churn: pl.DataFrame,
    customers: pl.DataFrame,
    segments: pl.DataFrame,
    segment_profile: pl.DataFrame,
    profiles: pl.DataFrame,
    call_back: pl.DataFrame,
    preferred_channels: pl.DataFrame,
    settings: Settings,
    as_of: date,
) -> pl.DataFrame:
    """Every action that could be taken for a customer; `plan.plan` chooses among them.

    Buyers of the classes hibernating and lost are to be won back, others who bought once, and the
    class new, to be led to a second order, and all other buyers to be retained; for each of these
    the expected profit is that of the table `churn`, net of its cost. Whoever has an open complaint is
    to be called back, whoever has a birthday next month to be wished well, and every buyer of a class
    with a strategy card may get its first action; of these no profit is known.

    Args:
        churn, customers, segments, segment_profile, profiles, call_back, preferred_channels: the
            tables of these names; all but `customers` may be empty.
        settings: `[churn]` for costs, the strategy cards, the currency.
        as_of: the last day of the month of the report.

    Returns:
        One row per customer and action, sorted by these: `customer_id`, `action`, `class` (of the axis
        rfm, null without one), `reason_1` to `reason_3` (keys), `what` (first action of the class's
        card, in words; null without a card), `expected_profit` (in the currency, net of its cost; null
        where not known), `cost` (the most that it may cost, the same for all of an action), `channel`
        (on which an answer is likeliest; null where not known), `owner` (of the customer, else of the
        card), `priority` (of call-backs, from 1), `due_on` (birthdays).
    """
    classes = segments.filter(pl.col("axis") == CARD_AXIS).select("customer_id", "class")
    buyers = _buyers(customers, classes, churn)
    own_card = _cards(settings, segment_profile)
    parts = [
        _profitable(buyers, settings),
        _of_cards(buyers, own_card),
        _greetings(profiles, as_of),
        _calls(call_back),
    ]
    listed = pl.concat(parts, how="diagonal").with_columns(cost=_costs(settings))
    facts = (
        classes.join(own_card, on="class", how="left", validate="m:1"),
        owners(profiles),
        preferred_channels.select("customer_id", channel="preferred_channel"),
    )
    for known in facts:
        listed = listed.join(known, on="customer_id", how="left", validate="m:1")
    called = pl.col("action") == CALL_BACK
    whole = listed.with_columns(
        owner=pl.coalesce("owner", "card_owner"),
        channel=pl.when(called).then(pl.lit(CALL_CHANNEL)).otherwise("channel"),
        what=pl.when(~pl.col("action").is_in([CALL_BACK, CARE])).then("what"),
    )
    return whole.select(*_SCHEMA).cast(_SCHEMA).sort("customer_id", "action")


def empty() -> pl.DataFrame:
    """No candidates."""
    return pl.DataFrame(schema=_SCHEMA)


def _profitable(buyers: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Every buyer with the one action whose profit the chance of leaving tells."""
    once = pl.col("frequency") == 0
    gone, fresh = pl.col("class").is_in(GONE), once | (pl.col("class") == NEWCOMER)
    first = {WIN_BACK: "long_silent", SECOND_ORDER: "no_second_order"}
    rows = buyers.with_columns(
        action=pl.when(gone)
        .then(pl.lit(WIN_BACK))
        .when(fresh)
        .then(pl.lit(SECOND_ORDER))
        .otherwise(pl.lit(RETENTION)),
        # A profit that rounds to nothing is none.
        expected_profit=pl.col("expected_profit").round(settings.minor_digits),
    )
    led = pl.col("action").replace_strict(first, default=None, return_dtype=pl.String)
    shifted = {
        later: pl.when(led.is_null()).then(later).otherwise(earlier)
        for earlier, later in pairwise(_REASONS)
    }
    pays = pl.when(pl.col("expected_profit") > 0).then(pl.lit("contact_pays"))
    return rows.select(
        *("customer_id", "action", "expected_profit"),
        reason_1=pl.coalesce(led, "reason_1", pays, pl.lit("no_sign")),
        **shifted,
    )


def _of_cards(buyers: pl.DataFrame, own_card: pl.DataFrame) -> pl.DataFrame:
    """Buyers whose class has a strategy card."""
    rows = buyers.join(own_card, on="class", how="semi")
    return rows.select("customer_id", action=pl.lit(STRATEGY), reason_1=pl.lit("strategy_of_class"))


def _greetings(profiles: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Everybody with a birthday next month; the plan asks for consent, so that refusals are counted."""
    everybody = (
        profiles.with_columns(consent_marketing=pl.lit(True)) if profiles.width else profiles
    )
    return care.birthdays(everybody, as_of).select(
        "customer_id", action=pl.lit(CARE), reason_1=pl.lit("birthday"), due_on="on"
    )


def _calls(call_back: pl.DataFrame) -> pl.DataFrame:
    """Customers with an open complaint, in the order in which they are to be called."""
    valued = pl.when(pl.col("high_value")).then(pl.lit("high_value_customer"))
    rising = pl.when(pl.col("rising")).then(pl.lit("chance_rising"))
    return call_back.select(
        *("customer_id", "priority"),
        action=pl.lit(CALL_BACK),
        reason_1=pl.lit("open_complaint"),
        reason_2=pl.coalesce(valued, rising),
        reason_3=pl.when(pl.col("high_value")).then(rising),
    )


def _buyers(customers: pl.DataFrame, classes: pl.DataFrame, churn: pl.DataFrame) -> pl.DataFrame:
    """Everybody who has bought, with class and what the table `churn` knows."""
    chances = churn.select("customer_id", "expected_profit", *_REASONS)
    bought = customers.select("customer_id", "frequency")
    for known in (classes, chances):
        bought = bought.join(known, on="customer_id", how="left", validate="1:1")
    return bought


def _cards(settings: Settings, segment_profile: pl.DataFrame) -> pl.DataFrame:
    """The first action of each class's card."""
    found = cards(settings, segment_profile).filter(pl.col("axis") == CARD_AXIS)
    return found.select("class", what=pl.col("actions").list.first(), card_owner="owner")


def _costs(settings: Settings) -> pl.Expr:
    """A contact, and with it an offer where one is made; a call-back is a contact of service."""
    contact, offer = settings.churn.contact_cost, settings.churn.offer_cost
    service = settings.clv.service_cost_per_contact
    made = {CALL_BACK: contact if service is None else service, CARE: contact, STRATEGY: contact}
    made |= dict.fromkeys((RETENTION, WIN_BACK, SECOND_ORDER), contact + offer)
    return pl.col("action").replace_strict(made, return_dtype=MONEY)
