"""One action for each customer, as far as consent, money and hands reach; a reason for all others."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis.actions.audiences import campaign, controls, in_standing, is_service, order_draw
from analysis.actions.candidates import (
    CALL_BACK,
    CARE,
    RETENTION,
    SECOND_ORDER,
    STRATEGY,
    WIN_BACK,
)
from analysis.churn.warning import CARD_AXIS
from analysis.feedback import care
from analysis.run.months import Month
from analysis.run.settings import Settings
from analysis.tables import MONEY

DO_NOT_CONTACT, NO_CONSENT, RECENT = "do_not_contact", "no_consent", "recent_contact"
NOT_WORTH_IT, OTHER_ACTION = "not_worth_it", "other_action"
OVER_BUDGET, OVER_CAPACITY = "over_budget", "over_capacity"
PLANNED = "planned"
# In which order actions stand whose profit is not known.
_ORDER = (CALL_BACK, CARE, SECOND_ORDER, WIN_BACK, RETENTION, STRATEGY)
_SEPARATORS = "[,;，；、]"  # between the tags of a record


@dataclass(frozen=True)
class Plan:
    """What is planned, and what is not.

    `chosen` has one row per customer, those of the candidates with `rank` (from 1, the most urgent
    first) and `campaign`. `left_out` has one row per customer and action, as the contract
    `plan_left_out` has them. Together they hold every candidate once.
    """

    chosen: pl.DataFrame
    left_out: pl.DataFrame


def plan(
    candidates: pl.DataFrame,
    profiles: pl.DataFrame,
    contacts: pl.DataFrame,
    settings: Settings,
    as_of: date,
) -> Plan:
    """Choose one action for each customer, as many as money and hands allow.

    An action needs consent to marketing (missing is no, unless the settings say that it is
    kept elsewhere), `quiet_days` without a contact that came from
    the company, and, where its profit is known, a profit. Call-backs of complaints are service: only
    the tags of `do_not_contact` stop them. Of what is left each customer keeps one action: a call-back,
    else that with the most expected profit, which is net of its cost; actions of unknown profit come
    last. Customers then stand in the same order, call-backs by their priority, equals in an order
    drawn anew each month, and are taken until the budget of the class's strategy card, the budget of the
    month, or the number of contacts is reached. Only customers who are contacted use up money and
    contacts: the standing control group and a campaign's controls do not, so that the full capacity is
    used; the budget of a card counts controls too and may stay a little below.

    Args:
        candidates: as `candidates.candidates` returns them.
        profiles: the table `profiles`, for consent and tags.
        contacts: as `feedback.contacts.contacts` returns them.
        settings: `[actions]`, `[churn] contact_capacity`, budgets of the strategy cards.
        as_of: the last day of the month of the report.

    Returns:
        What is planned, one row per customer, and what is left out, one row per customer and action.
    """
    month, key = Month.of(as_of), ["customer_id", "action"]
    asked = (
        candidates.select(key)
        .join(_wishes(profiles, settings), on="customer_id", how="left", validate="m:1")
        .join(_last_contacts(contacts), on="customer_id", how="left", validate="m:1")
    )
    elsewhere = settings.actions.consent_kept_elsewhere
    agreed = pl.col("consent").fill_null(elsewhere)
    facts = asked.select(*key, agreed, pl.col("refused").fill_null(False), "last_contact")
    known = (
        candidates.join(facts, on=key, validate="1:1")
        .with_columns(campaign=campaign(month), reason=_blocked(settings, as_of))
        .drop("consent", "refused", "last_contact")
    )
    possible = _in_order(known.filter(pl.col("reason").is_null()), settings, month)
    best = possible.unique("customer_id", keep="first", maintain_order=True)
    judged = _within_means(best, settings)
    chosen = judged.filter(pl.col("reason").is_null()).drop("reason").with_row_index("rank", 1)
    # Whatever else the customer could have got would stand further back in the same line.
    fate = judged.select("customer_id", fate=pl.col("reason").fill_null(OTHER_ACTION))
    left_out = (
        known.join(chosen, on=key, how="anti")
        .join(fate, on="customer_id", how="left", validate="m:1")
        .select(*key, reason=pl.coalesce("reason", "fate"), expected_profit="expected_profit")
    )
    return Plan(chosen.with_columns(pl.col("rank").cast(pl.Int64)), left_out.sort(key))


def counts(made: Plan) -> pl.DataFrame:
    """What became of the candidates of each action.

    Returns:
        One row per action and outcome that occurs, sorted: `action`, `outcome` (`planned`, or the
        reason why not), `candidates`.
    """
    parts = (
        made.chosen.select("action", outcome=pl.lit(PLANNED)),
        made.left_out.select("action", outcome="reason"),
    )
    counted = pl.concat(parts).group_by("action", "outcome").agg(candidates=pl.len())
    return counted.with_columns(pl.col("candidates").cast(pl.Int64)).sort("action", "outcome")


def capacity(settings: Settings) -> int:
    """Contacts that can be made in a month."""
    own = settings.actions.contact_capacity
    return settings.churn.contact_capacity if own is None else own


def _blocked(settings: Settings, as_of: date) -> pl.Expr:
    """Why a candidate cannot be considered; null where it can."""
    since = as_of - timedelta(days=settings.actions.quiet_days)
    return (
        pl.when("refused")
        .then(pl.lit(DO_NOT_CONTACT))
        .when(~is_service() & ~pl.col("consent"))
        .then(pl.lit(NO_CONSENT))
        .when(~is_service() & (pl.col("last_contact") > since))
        .then(pl.lit(RECENT))
        .when(pl.col("expected_profit") <= 0)
        .then(pl.lit(NOT_WORTH_IT))
    )


def _wishes(profiles: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """One row per person: `consent` to marketing, and whether not to contact at all (`refused`)."""
    elsewhere = settings.actions.consent_kept_elsewhere
    agreed = pl.col("consent") | (~pl.col("said") & elsewhere)
    people = care.people(profiles).select("customer_id", consent=agreed)
    if "tags_in_crm" not in profiles.columns:
        return people.with_columns(refused=pl.lit(False))
    banned = [tag.strip().lower() for tag in settings.actions.do_not_contact]
    tags = pl.col("tags_in_crm").str.to_lowercase().str.replace_all(_SEPARATORS, ",").str.split(",")
    tagged = tags.list.eval(pl.element().str.strip_chars().is_in(banned)).list.any()
    refused = profiles.group_by(customer_id="person_id").agg(refused=tagged.fill_null(False).any())
    return people.join(refused, on="customer_id", how="left", validate="1:1")


def _last_contacts(contacts: pl.DataFrame) -> pl.DataFrame:
    """The day on which each customer last heard from the company."""
    ours = contacts.filter(~pl.col("inbound"))
    return ours.group_by("customer_id").agg(last_contact=pl.col("at").max().dt.date())


def _in_order(possible: pl.DataFrame, settings: Settings, month: Month) -> pl.DataFrame:
    """The line in which customers and their actions stand."""
    who = possible.select(pl.col("customer_id").unique().sort())
    drawn = who.with_columns(draw=order_draw(who["customer_id"], settings, month))
    place = pl.col("action").replace_strict({name: n for n, name in enumerate(_ORDER)})
    profit = pl.col("expected_profit")
    line = [~is_service(), "priority", -profit, place, "draw", "customer_id"]
    joined = possible.join(drawn, on="customer_id", validate="m:1")
    return joined.sort(line, nulls_last=True).drop("draw")


def _within_means(best: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The line with `reason`: where money or contacts end; null before that."""
    budget, hands = settings.actions.budget, capacity(settings)
    costly = pl.col("cost") > 0
    lined = best.with_columns(standing=in_standing(best["customer_id"], settings))
    charged = pl.when(~is_service() & ~pl.col("standing")).then("cost").otherwise(0).cast(MONEY)
    limit = pl.col("class").replace_strict(
        _card_budgets(settings), default=None, return_dtype=MONEY
    )
    over_card = costly & ~is_service() & (charged.cum_sum().over("class") > limit)
    over_card = pl.when(over_card).then(pl.lit(OVER_BUDGET))
    lined = lined.with_row_index("place").with_columns(reason=over_card)
    kept = lined.filter(pl.col("reason").is_null()).with_columns(contact=_contacts(settings))
    spent = (pl.col("cost") * pl.col("contact")).cast(MONEY).cum_sum()
    over = costly & (spent > budget) if budget is not None else pl.lit(False)
    over_budget = pl.when(over).then(pl.lit(OVER_BUDGET))
    kept = kept.with_columns(reason=over_budget)
    # Again: whoever the budget left out needs no contact.
    paid = kept.filter(pl.col("reason").is_null()).with_columns(contact=_contacts(settings))
    made = pl.col("contact").cum_sum()
    paid = paid.with_columns(reason=pl.when(made > hands).then(pl.lit(OVER_CAPACITY)))
    parts = (lined.drop_nulls("reason"), kept.drop_nulls("reason").drop("contact"))
    together = pl.concat([*parts, paid.drop("contact")])
    return together.sort("place").drop("place", "standing")


def _contacts(settings: Settings) -> pl.Expr:
    """Whether the next customer of a campaign adds a contact: 1, or 0 where a control is added.

    Which customers are the controls is drawn later; how many there are of the first n is known now.
    """
    drawn = ~is_service() & ~pl.col("standing")
    share, place = settings.actions.campaign_control, pl.int_range(1, pl.len() + 1)
    added = 1 - (controls(place, share) - controls(place - 1, share))
    within = added.over("campaign", drawn)
    return pl.when(is_service()).then(1).when("standing").then(0).otherwise(within).cast(pl.Int64)


def _card_budgets(settings: Settings) -> dict:
    """Class = budget of its strategy card, where the settings name one."""
    named = [one for one in settings.strategies if one.axis == CARD_AXIS]
    return {one.class_: one.budget for one in named if one.budget is not None}
