"""What to do first, and how sure the month's statements are: two tables of the summary."""

import polars as pl

from analysis.churn import check
from analysis.churn.measures import verdict
from analysis.churn.scores import likely_to_leave
from analysis.labels import label
from analysis.report.show import form
from analysis.run.settings import Settings

GOOD_TOTAL = 0.10


def first_actions(
    clv: pl.DataFrame,
    churn: pl.DataFrame,
    customers: pl.DataFrame,
    listed: pl.DataFrame,
    calls: pl.DataFrame,
) -> pl.DataFrame:
    """The groups to turn to, the most money first; they do not overlap.

    Args:
        clv, churn, customers: the tables of these names.
        listed: the table `early_warning`.
        calls: the table `call_back`; whoever waits for an answer to a complaint is in no other group.

    Returns:
        One row per action: `action`, `customers`, `value` (value at stake, else expected value),
        `workbook` (its file in the month's export folder).
    """
    joined = customers.join(clv, on="customer_id").join(churn, on="customer_id")
    customer, repeat = pl.col("customer_id"), pl.col("frequency") > 0
    waits = customer.is_in(calls["customer_id"].implode())
    warned = customer.is_in(listed["customer_id"].implode()) & ~waits
    staying = repeat & ~waits & ~warned & ~likely_to_leave()
    groups = {
        "call_back": (waits, "value_at_stake", "call_back.xlsx"),
        "at_risk": (warned, "value_at_stake", "at_risk.xlsx"),
        "second_purchase": (~repeat & ~waits, "clv", "second_purchase.xlsx"),
        "keep": (staying & (pl.col("potential") == "keep"), "clv", "customer_values.xlsx"),
        "grow": (staying & (pl.col("potential") == "grow"), "clv", "customer_values.xlsx"),
    }
    rows = []
    for action, (members, money, workbook) in groups.items():
        group = joined.filter(members)
        value = round(float(group[money].sum()), 4)
        rows.append((label(f"advice.{action}"), group.height, value, workbook))
    table = pl.DataFrame(rows, schema=["action", "customers", "value", "workbook"], orient="row")
    return table.filter(pl.col("customers") > 0).sort("value", descending=True)


def how_sure(
    ledger: pl.DataFrame,
    backtest: pl.DataFrame,
    churn_fit: pl.DataFrame,
    customers: pl.DataFrame,
    settings: Settings,
) -> pl.DataFrame:
    """What was measured, against what, with which verdict.

    Returns:
        One row per statement of the report: `subject`, `measured`, `compared_with`, `verdict`.
    """
    rows = [
        _rows_row(ledger),
        *_forecast_rows(backtest, settings),
        *_churn_rows(churn_fit),
        _classes_row(customers, settings),
    ]
    keyed = [
        (label(f"honesty.{subject}"), measured, against, label(f"honesty.{verdict}"))
        for subject, measured, against, verdict in rows
    ]
    names = ["subject", "measured", "compared_with", "verdict"]
    return pl.DataFrame(keyed, schema=names, orient="row")


def _rows_row(ledger: pl.DataFrame) -> tuple[str, str, str, str]:
    total = ledger.select(pl.col("rows_read", "rows_quarantined").sum()).row(0)
    share = 1 - total[1] / max(total[0], 1)
    return "rows", label("honesty.rows_measured", share=f"{share:.1%}"), _nothing(), "complete"


def _forecast_rows(backtest: pl.DataFrame, settings: Settings) -> list[tuple[str, str, str, str]]:
    if backtest.is_empty():
        return [("forecast", _nothing(), _nothing(), "untested")]
    values = {
        (row["method"], row["subject"], row["metric"]): row["value"]
        for row in backtest.iter_rows(named=True)
    }
    bias = values["model", "purchases", "bias"]
    if bias is None:  # nobody bought in the holdout
        return [("forecast", _nothing(), _nothing(), "untested")]
    rules = ("own_rate", "last_period", "nothing")
    rule, error = min(
        ((rule, values[rule, "revenue", "rmse"]) for rule in rules), key=lambda pair: pair[1]
    )
    model = values["model", "revenue", "rmse"]
    against = f"{label(f'method.{rule}')}, {form(error, 'money', settings)}"
    ranking = (
        "ranking",
        label("honesty.ranking_measured", model=form(model, "money", settings)),
        label("honesty.ranking_against", rule=against),
        "good" if model < error else "equal" if model == error else "worse",
    )
    verdict = "small_error" if abs(bias) <= GOOD_TOTAL else "large_error"
    measured = label("honesty.forecast_measured", bias=f"{bias:+.1%}")
    return [("forecast", measured, _nothing(), verdict), ranking]


def _churn_rows(churn_fit: pl.DataFrame) -> list[tuple[str, str, str, str]]:
    values = check.values(churn_fit)
    auc, idle = values.get(("model", "auc")), values.get(("idle_time", "auc"))
    if auc is None or idle is None:
        return [("churn", _nothing(), _nothing(), "untested")]
    gain = [values.get(("idle_time", name)) for name in ("gain_low", "gain_high")]
    error = values["model", "calibration_error"]
    return [
        (
            "churn",
            label("honesty.churn_measured", auc=f"{auc:.3f}"),
            label("honesty.churn_against", idle=f"{idle:.3f}"),
            "equal" if None in gain else verdict(*gain),
        ),
        (
            "level",
            label("honesty.level_measured", error=f"{error:.1%}"),
            _nothing(),
            "small_error" if error <= GOOD_TOTAL else "large_error",
        ),
    ]


def _classes_row(customers: pl.DataFrame, settings: Settings) -> tuple[str, str, str, str]:
    days, gate = int(customers["T"].max()), settings.segment
    enough = customers.height >= gate.minimum_customers and days >= gate.minimum_days
    return (
        "classes",
        label("honesty.classes_measured", customers=f"{customers.height:,}", days=f"{days:,}"),
        label(
            "honesty.classes_against",
            customers=f"{gate.minimum_customers:,}",
            days=f"{gate.minimum_days:,}",
        ),
        "enough" if enough else "too_little",
    )


def _nothing() -> str:
    return label("honesty.nothing")
