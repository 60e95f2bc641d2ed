"""The notebooks of a month in order: what each reads, writes, and takes from earlier months."""

from dataclasses import dataclass

from analysis import model
from analysis.run.errors import UserError

LATEST = 0  # in `takes`: the latest earlier month that is published, however far back


@dataclass(frozen=True)
class Step:
    """One notebook of the monthly run.

    `takes` names tables and documents of earlier published months with how many months back they
    lie, or LATEST; only the month before is waited for in a backfill of several jobs. A document is
    plain JSON beside the tables. `ledger` says that it reads who was assigned to earlier campaigns.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    takes: tuple[tuple[str, int], ...] = ()
    documents: tuple[str, ...] = ()
    ledger: bool = False


RAW = tuple(f"raw_{table}" for table in model.tables())
# Cleaned input tables that later notebooks may read; the records of customers are `profiles`.
OPTIONAL = tuple(table for table in model.tables() if table not in ("orders", "customers"))

STEPS = (
    Step("01_collect", reads=(), writes=(*RAW, "source_files")),
    Step(
        "02_clean",
        reads=(*RAW, "source_files"),
        writes=(
            *("orders", "occasions", "customers", "profiles", *OPTIONAL),
            *("quarantine", "source_ledger", "quality", "quality_trend"),
            *("identity_merges", "identity_review"),
        ),
        takes=(("quality_trend", 1),),
    ),
    Step(
        "03_segment",
        reads=("orders", "occasions", "customers", "profiles", *OPTIONAL),
        writes=(
            *("segments", "segment_profile", "segment_traits", "purchase_timing"),
            *("migration", "movers", "class_rates", "axis_comparison"),
            *("map_nodes", "map_edges"),
        ),
        takes=(
            *(("segments", LATEST), ("standard", LATEST)),
            *(("migration", months_back) for months_back in range(1, 7)),
        ),
        documents=("standard",),
    ),
    Step(
        "04_clv",
        reads=(
            *("raw_orders", "orders", "occasions", "customers", "profiles", "segments"),
            *("costs", "interactions", "relations", "loyalty"),
        ),
        writes=(
            *("clv", "clv_fit", "clv_choice", "clv_forecast", "clv_backtest"),
            *("customer_value", "forecast_outcomes"),
        ),
        takes=(
            ("customers", 1),
            *(
                (table, months_back)
                for table in ("clv_fit", "clv_forecast")
                for months_back in range(1, 13)
            ),
        ),
        documents=("clv_models",),
    ),
    Step(
        "05_churn",
        reads=(
            *("orders", "occasions", "customers", "profiles", *OPTIONAL),
            *("segments", "segment_profile", "clv", "clv_fit"),
        ),
        writes=("churn", "churn_reasons", "churn_fit", "early_warning", "retention"),
        takes=(
            *(("churn", 1), ("early_warning", 1)),
            *(("segments", months_back) for months_back in range(1, 13)),
        ),
    ),
    Step(
        "06_feedback",
        reads=(
            *("orders", "occasions", "customers", "profiles", *OPTIONAL),
            *("segments", "clv", "clv_fit", "churn"),
        ),
        writes=(
            *("satisfaction", "response_rates", "drivers", "complaint_kpis", "service_standards"),
            *("themes", "feedback_texts", "preferred_channels", "call_back", "due_contacts"),
        ),
        takes=(("themes_model", LATEST), ("churn", 1)),
        documents=("themes_model",),
    ),
    Step(
        "07_actions",
        reads=(
            *("orders", "customers", "profiles", *OPTIONAL),
            *("segments", "segment_profile", "churn", "call_back", "preferred_channels"),
        ),
        writes=(
            *("offers", "offer_backtest", "product_pairs", "latent_needs"),
            *("action_plan", "plan_left_out", "assignments", "crm_labels"),
        ),
        takes=(("crm_labels", LATEST),),
        ledger=True,
    ),
    Step(
        "08_effects",
        reads=(
            *("occasions", "customers", "profiles", *OPTIONAL),
            *("segments", "segment_profile", "class_rates", "migration", "forecast_outcomes"),
            *("customer_value", "early_warning", "satisfaction", "action_plan", "assignments"),
        ),
        writes=(
            *("effects", "effects_campaigns", "effects_payoff", "effects_pooled", "organic_rates"),
            *("scorecard", "strategy_verdicts", "process_flow", "loyalty_summary", "tier_moves"),
        ),
        takes=(
            *((table, 1) for table in ("early_warning", "churn", "offers", "satisfaction")),
            ("profiles", 1),
            *(("action_plan", months_back) for months_back in range(1, 7)),
        ),
        ledger=True,
    ),
    Step(
        "09_summary",
        reads=(
            "source_files",
            "source_ledger",
            "quarantine",
            "occasions",
            "customers",
            "segments",
            "segment_profile",
            "clv",
            "clv_forecast",
            "clv_fit",
            "clv_backtest",
            "churn",
            "churn_fit",
            "early_warning",
            *("feedback", "interactions", "surveys"),
            *("satisfaction", "complaint_kpis", "themes", "call_back", "action_plan", "effects"),
        ),
        writes=("kpis",),
        takes=(("kpis", 1), ("kpis", 12)),
    ),
)


def find_step(text: str) -> Step:
    """The step named in full or by its number (`04`); raises UserError for any other text."""
    for step in STEPS:
        if text in (step.name, step.name.split("_")[0]):
            return step
    allowed = ", ".join(step.name for step in STEPS)
    raise UserError(f'There is no step "{text}". Steps are: {allowed} (the number is enough).')


def with_dependents(step: Step) -> set[str]:
    """Names of a step and of all later steps that read, directly or not, what it writes."""
    names, written = {step.name}, set(step.writes)
    for later in STEPS[STEPS.index(step) + 1 :]:
        if written & set(later.reads):
            names.add(later.name)
            written |= set(later.writes)
    return names
