"""Which model of purchases serves this base? Settled by rolling origin, before the window to come.

Each candidate forecasts the windows after earlier cut-offs from what was known then. A correction is
drawn back to the weakest strength within one standard error of its best one, and used only where
its pooled gain over the same plain fit exceeds twice its standard error. The smallest pooled error
then wins; BG/NBD comes first where nothing can be compared, and NBD, without dropout, stands in where no
fit can identify dropout.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from analysis.clv.correct import Correction, learn, training_window
from analysis.clv.fit import Fit
from analysis.clv.origins import Past, candidates

WITHOUT_DROPOUT = "nbd"
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
STANDARD_ERRORS = 2  # that a gain must exceed


@dataclass(frozen=True)
class Choice:
    """The model that serves, its correction if one is used, and how the candidates did.

    `table` has one row per candidate: `model`, `strength` (0: plain), `rmse` (pooled over the
    windows), `gain` (fall of the mean squared error against the same plain fit), `gain_error` (its
    standard error), `chosen`.
    """

    model: str
    correction: Correction | None
    window_days: int
    cut_offs: list[date]
    table: pl.DataFrame


_SCHEMA = {
    "model": pl.String,
    "strength": pl.Float64,
    "rmse": pl.Float64,
    "gain": pl.Float64,
    "gain_error": pl.Float64,
}


def choose(past: Past, cut_off: date) -> Choice:
    """Choose the model for a forecast at a cut-off, from windows closed by then."""
    days, cut_offs = training_window(past, cut_off)
    names = candidates(past.at(cut_off).customers.height)
    usable = [name for name in names if _usable(past, name, [*cut_offs, cut_off])]
    rows = [row for name in usable for row in _candidates(past, name, days, cut_offs)]
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    if not rows:
        only = usable[0] if usable else WITHOUT_DROPOUT
        return Choice(only, None, days, cut_offs, table.with_columns(chosen=pl.lit(True)))
    serving = [row for name in usable for row in _serving([r for r in rows if r[0] == name])]
    model, strength, *_ = min(serving, key=lambda row: row[2])
    correction = learn(past, cut_off, model) if strength else None
    if correction is not None:
        correction = replace(correction, strength=strength)
    chosen = (pl.col("model") == model) & (pl.col("strength") == strength)
    return Choice(model, correction, days, cut_offs, table.with_columns(chosen=chosen))


def readable(choice: Choice) -> pl.DataFrame:
    """The plain fits and the one in use, one row each, figures as text."""
    shown = choice.table.filter((pl.col("strength") == 0) | pl.col("chosen"))
    figures = [
        pl.Series(name, [f"{value:.4f}" for value in shown[name]], dtype=pl.String)
        for name in ("rmse", "gain", "gain_error")
    ]
    return shown.with_columns(figures)


def _usable(past: Past, model: str, cut_offs: list[date]) -> bool:
    """Whether a model could be fitted at every cut-off that decides."""
    fits: list[Fit] = [past.at(one).fit(model) for one in cut_offs]
    return all(fit.usable for fit in fits)


def _serving(rows: list[tuple]) -> list[tuple]:
    """Of one model's candidates: the plain fit, and its correction if its gain is beyond chance."""
    plain, *corrected = rows
    if not corrected:
        return [plain]
    *_, gain, error = max(corrected, key=lambda row: row[3])
    weakest = next(row for row in corrected if row[3] >= gain - error)
    return [plain, weakest] if weakest[3] > STANDARD_ERRORS * weakest[4] else [plain]


def _candidates(past: Past, model: str, days: int, cut_offs: list[date]) -> list[tuple]:
    """Rows of the table for one model, plain and at each strength of its correction."""
    if not cut_offs:
        return []
    errors = {strength: [] for strength in (0.0, *STRENGTHS)}
    corrected = True
    for cut_off in cut_offs:
        origin = past.at(cut_off)
        actual = origin.outcomes(days)["purchases"].to_numpy()
        expected = origin.expected(model, days)
        correction = learn(past, cut_off, model)
        corrected = corrected and correction is not None
        for strength in errors:
            factor = 1.0
            if strength and correction is not None:
                factor = replace(correction, strength=strength).factors(origin.customers, expected)
            squared = pl.Series((expected * factor - actual) ** 2)
            errors[strength].append(origin.customers.select("customer_id", error=squared))
    plain = _pooled(errors[0.0])
    rows = [(model, 0.0, _rmse(errors[0.0]), 0.0, 0.0)]
    if not corrected:
        return rows
    for strength in STRENGTHS:
        gain = plain - _pooled(errors[strength])
        error = float(gain.std() / np.sqrt(len(gain)))
        rows.append((model, strength, _rmse(errors[strength]), float(gain.mean()), error))
    return rows


def _pooled(errors: list[pl.DataFrame]) -> np.ndarray:
    """Each customer's mean squared error over the windows: a customer counts once."""
    mean = pl.concat(errors).group_by("customer_id").agg(pl.col("error").mean())
    return mean.sort("customer_id")["error"].to_numpy()


def _rmse(errors: list[pl.DataFrame]) -> float:
    return float(np.sqrt(np.mean([part["error"].mean() for part in errors])))
