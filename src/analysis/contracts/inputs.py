"""Contracts of the input tables, as received and cleaned, made from the model."""

from functools import partial

import dataframely as dy

from analysis import model

_COLUMN_TYPES = {
    "time": partial(dy.Datetime, time_unit="us"),
    "day": dy.Date,
    "month": dy.Date,
    "amount": partial(dy.Decimal, 38, 4),
    "number": dy.Float64,
    "flag": dy.Bool,
}
_ORIGIN = {
    "file": dy.String(primary_key=True),
    "row": dy.Int64(primary_key=True, min=1),
    "system": dy.String(),
}
# What cleaning adds to the records of customers.
_PROFILE = {
    "person_id": dy.String(min_length=1),  # the customer_id that stands for the person
    "city_tier": dy.String(nullable=True),
    "place_problem": dy.String(nullable=True),
    "altered": dy.String(),  # columns whose value is not the text received, or was taken out, by commas
    "imputed": dy.String(),  # columns that were empty and are filled from the others, by commas
}


def input_contracts() -> dict[str, type[dy.Schema]]:
    """For each input table of the model: as received (typed, all may be missing), and cleaned."""
    contracts = {}
    for table, columns in model.tables().items():
        received = {name: _column(one.kind) for name, one in columns.items()}
        raw = _ORIGIN | {"drop_repeats": dy.Bool()} | received | {"unreadable": dy.String()}
        clean = {
            name: _column("text" if one.kind == "choice" else one.kind, nullable=not one.required)
            for name, one in columns.items()
        }
        name = "profiles" if table == "customers" else table
        extra = {"customers": _PROFILE, "order_lines": {"is_fee": dy.Bool()}}.get(table, {})
        contracts[f"raw_{table}"] = _schema(f"Raw_{table}", f"As received: {table}.", raw)
        contracts[name] = _schema(name, f"Cleaned: {table}.", _ORIGIN | clean | extra)
    return contracts


def _column(kind: str, nullable: bool = True) -> dy.Column:
    return _COLUMN_TYPES.get(kind, dy.String)(nullable=nullable)


def _schema(name: str, about: str, columns: dict[str, dy.Column]) -> type[dy.Schema]:
    return type(dy.Schema)(
        name, (dy.Schema,), {"__doc__": about, "__module__": __name__, **columns}
    )
