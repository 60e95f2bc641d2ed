"""Who was assigned to what: the lists on which a claim about a campaign may rest."""

from datetime import date, timedelta

import polars as pl

from analysis.effects.lists import ARMS, ASSIGNED, Lists, Rules, arms, lists, no_lists, with_missing
from analysis.run.errors import UserError
from analysis.tables import MONEY

_TRACES = ("sent_at", "opened_at", "clicked_at")  # a conversion may be a purchase without a contact
_WHO = {name: ASSIGNED[name] for name in ("campaign", "customer_id")}
_NEEDED = ("campaign", "customer_id", "arm", "assigned_on")


def from_responses(
    campaigns: pl.DataFrame, responses: pl.DataFrame, as_of: date, rules: Rules | None = None
) -> Lists:
    """The lists that came with the company's own tables of campaigns and responses.

    The window begins on the first day of the campaign (where that is missing, on the day of the first
    message) and ends with it, or `window_days` later where no end is known. A campaign of which no
    responses are kept stays, so that it can be called not measurable.

    Args:
        campaigns, responses: the input tables of these names; either may be empty.
        as_of: campaigns that begin later are left out.
        rules: of measuring.

    Returns:
        Lists with `source` = responses.
    """
    rules = rules or Rules()
    rows = responses.rename({"campaign_id": "campaign", "assigned_group": "arm"}, strict=False)
    rows = with_missing(rows, {**_WHO, "arm": pl.String, "sent_at": pl.Datetime("us")})
    first = rows.group_by("campaign").agg(first_sent=pl.col("sent_at").min().dt.date())
    known = campaigns.rename({"campaign_id": "campaign"}, strict=False)
    known = with_missing(
        known,
        {"campaign": pl.String, "name": pl.String, "start": pl.Date, "end": pl.Date, "cost": MONEY},
    ).unique("campaign", keep="first", maintain_order=True)
    begin = pl.coalesce("start", "first_sent")
    length = (pl.col("end") - begin).dt.total_days() + 1
    table = known.join(first, on="campaign", how="full", coalesce=True).with_columns(
        name=pl.coalesce("name", "campaign"),
        source=pl.lit("responses"),
        action=pl.lit(None, pl.String),
        begins_on=begin,
        window_days=pl.when(length >= 1).then(length).otherwise(rules.window_days),
        planned_share=rules.planned(),
        lost=pl.lit(0, pl.Int64),
        off_list=pl.lit(0, pl.Int64),
        problem=pl.lit(None, pl.String),
        traced=pl.lit(True),
    )
    begun = pl.col("begins_on").is_null() | (pl.col("begins_on") <= as_of)
    return lists(table.filter(begun), arms(rows, _contacted(responses)))


def from_ledger(
    assignments: pl.DataFrame,
    responses: pl.DataFrame,
    as_of: date,
    rules: Rules | None = None,
    written: pl.DataFrame | None = None,
    problems: pl.DataFrame | None = None,
) -> Lists:
    """The lists that the company's own ledger of assignments holds.

    Args:
        assignments: one row per campaign and customer: `campaign`, `customer_id`, `arm`, `stratum`,
            `assigned_on` (the last day known when it was drawn: the window begins the day after),
            `action`, `cost`, `control_share` (planned); the last four may be missing.
        responses: the input table, which says who was contacted; without a row of a campaign there,
            all its treated count as contacted and no control does.
        as_of: rows assigned later are left out.
        rules: of measuring.
        written: what the ledger says that it was written with: `campaign`, `assigned_on`, `rows`,
            `control_share`.
        problems: campaigns that the ledger does not hold as they were written: `campaign`, `problem`,
            `rows_found`.

    Returns:
        Lists with `source` = ledger.

    Raises:
        UserError: if the ledger has an arm that is none, or lacks a column.
    """
    rules = rules or Rules()
    _check(assignments)
    optional = {"action": pl.String, "control_share": pl.Float64}
    rows = with_missing(assignments, optional).filter(pl.col("assigned_on") <= as_of)
    contacted = _contacted(responses)
    told = contacted.join(rows.select("campaign").unique(), on="campaign", how="semi")
    silent = ~pl.col("campaign").is_in(told["campaign"].unique().implode())
    assigned = arms(rows, contacted).with_columns(
        contacted=pl.when(silent).then(pl.col("arm") == "treat").otherwise("contacted")
    )
    off = told.join(rows, on=["campaign", "customer_id"], how="anti").group_by("campaign")
    table = (
        _drawn(rows, written, problems)
        .filter(pl.col("begins_on") <= as_of + timedelta(days=1))
        .join(off.agg(off_list=pl.len().cast(pl.Int64)), on="campaign", how="left")
        .with_columns(
            name=pl.col("campaign"),
            source=pl.lit("ledger"),
            window_days=pl.lit(rules.window_days, pl.Int64),
            cost=pl.lit(None, MONEY),
            planned_share=pl.coalesce(rules.planned(), "control_share"),
            traced=~silent,
        )
    )
    return lists(table, assigned)


def together(*parts: Lists) -> Lists:
    """Lists of several sources; where two hold the same campaign, the first one counts."""
    seen: set[str] = set()
    campaigns, assigned = [no_lists().campaigns], [no_lists().assigned]
    for one in parts:
        fresh = ~pl.col("campaign").is_in(sorted(seen))
        campaigns.append(one.campaigns.filter(fresh))
        assigned.append(one.assigned.filter(fresh))
        seen |= set(one.campaigns["campaign"])
    table = pl.concat(campaigns).sort("begins_on", "campaign", nulls_last=True)
    return Lists(table, pl.concat(assigned).sort("campaign", "customer_id", "arm"))


def _drawn(
    rows: pl.DataFrame, written: pl.DataFrame | None, problems: pl.DataFrame | None
) -> pl.DataFrame:
    """One row per campaign of the ledger, with what was lost of it."""
    found = rows.group_by("campaign").agg(
        drawn_on=pl.col("assigned_on").min(),
        kept=pl.len().cast(pl.Int64),
        action=pl.col("action").cast(pl.String).sort().first(),
        share=pl.col("control_share").max(),
    )
    of_written = {"campaign": pl.String, "assigned_on": pl.Date, "rows": pl.Int64}
    of_written |= {"control_share": pl.Float64}
    of_problems = {"campaign": pl.String, "problem": pl.String, "rows_found": pl.Int64}
    kept = pl.when(pl.col("problem").is_null()).then("kept").otherwise("rows_found")
    missing = pl.col("rows") - kept.fill_null(0)
    return (
        found.join(_or_none(written, of_written), on="campaign", how="full", coalesce=True)
        .join(_or_none(problems, of_problems), on="campaign", how="full", coalesce=True)
        .with_columns(
            begins_on=pl.coalesce("drawn_on", "assigned_on") + pl.duration(days=1),
            control_share=pl.coalesce("share", "control_share"),
            lost=missing.clip(lower_bound=0),
        )
    )


def _or_none(frame: pl.DataFrame | None, schema: dict) -> pl.DataFrame:
    if frame is None:
        return pl.DataFrame(schema=schema)
    return with_missing(frame, schema).select(*schema).cast(schema)


def _contacted(responses: pl.DataFrame) -> pl.DataFrame:
    """Who was contacted by which campaign: `campaign`, `customer_id`, each once."""
    names = [name for name in _TRACES if name in responses.columns]
    if responses.is_empty() or not names:
        return pl.DataFrame(schema=_WHO)
    seen = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
    who = responses.filter(seen).select(campaign="campaign_id", customer_id="customer_id")
    return who.unique()


def _check(ledger: pl.DataFrame) -> None:
    absent = [name for name in _NEEDED if name not in ledger.columns]
    if absent:
        raise UserError(
            f"The ledger of assignments lacks the column {', '.join(absent)}. It must have "
            f"{', '.join(_NEEDED)}. Restore it from a copy; it is never written by hand."
        )
    odd = ledger["arm"].cast(pl.String).drop_nulls()
    odd = odd.filter(~odd.is_in(ARMS))
    if odd.len():
        raise UserError(
            f'The ledger of assignments has the arm "{odd.min()}". Allowed are {", ".join(ARMS)}. '
            "Restore it from a copy; it is never written by hand."
        )
