"""The contract of every table: its columns, their types and ranges, and the key."""

from analysis.contracts import (
    actions,
    churn,
    clean,
    clv,
    collect,
    effects,
    feedback,
    inputs,
    segment,
    summary,
)

# In the order of the notebooks that write them.
_STEPS = (collect, clean, segment, clv, churn, feedback, actions, effects, summary)


def contracts() -> dict:
    """Name of each table = its contract (a dataframely schema)."""
    named = inputs.input_contracts()
    for step in _STEPS:
        named |= step.TABLES
    return named
