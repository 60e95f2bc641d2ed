"""Fits of BG/NBD and Gamma-Gamma; the only module that imports lifetimes.

Times are in days. Fitting runs on unique rows with weights, rows sorted, fixed starts, penalizer 0
(any other value biases the forecasts). Log-likelihoods and standard errors are our own: those of
lifetimes are on a rescaled time axis. BG/NBD: Fader, Hardie and Lee (2005), Marketing Science 24(2).
Gamma-Gamma: Fader and Hardie (2013), brucehardie.com/notes/025.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.special import gammaln, logsumexp

TOLERANCES = (1e-7, 1e-5)
# Beyond these a parameter says that the data cannot tell its process apart from a simpler one.
LARGEST, SMALLEST = 1e4, 1e-5
LEAST_REPEAT_BUYERS = 20
PARAMETERS = {"bg_nbd": ("r", "alpha", "a", "b"), "gamma_gamma": ("p", "q", "v")}


@dataclass(frozen=True)
class Fit:
    """A fitted model as plain data; `problem` (a key of the catalogue) says why it is not usable."""

    model: str
    parameters: dict[str, float] = field(default_factory=dict)
    standard_errors: dict[str, float] = field(default_factory=dict)
    log_likelihood: float | None = None
    customers: int = 0
    occasions: int = 0
    problem: str | None = None

    @property
    def usable(self) -> bool:
        return self.problem is None

    def values(self) -> list[float]:
        """The parameters in the model's order."""
        return list(self.parameters.values())

    def log_likelihood_in(self, days_per_unit: float) -> float:
        """The log-likelihood with time in another unit, e.g. 7 for weeks (BG/NBD only)."""
        return self.log_likelihood + self.occasions * np.log(days_per_unit)


def fit_bg_nbd(customers: pl.DataFrame) -> Fit:
    """Fit BG/NBD to a customer summary.

    Args:
        customers: one row per customer with `frequency`, `recency`, `T` (days).

    Returns:
        Parameters r, alpha (days), a, b with standard errors and the log-likelihood in days; a fit
        with a `problem` where the data cannot identify the model.
    """
    repeat_buyers = customers.filter(pl.col("frequency") > 0).height
    if repeat_buyers < LEAST_REPEAT_BUYERS:
        return Fit("bg_nbd", customers=customers.height, problem="few_repeat_buyers")
    unique = _unique_rows(customers, ["frequency", "recency", "T"])
    x, t_x, age, weights = unique.to_numpy().T

    def run_fitter(tolerance: float) -> list[float]:
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter(penalizer_coef=0.0)
        return list(fitter.fit(x, t_x, age, weights=weights, tol=tolerance).params_)

    parameters = _first_success(run_fitter)
    if parameters is None:
        return Fit("bg_nbd", customers=customers.height, problem="not_converged")

    def log_likelihood(values: np.ndarray) -> float:
        return float(weights @ bg_nbd_log_likelihood(x, t_x, age, values))

    problem = "dropout_unidentified" if _at_bound(parameters) else None
    return _finished("bg_nbd", parameters, log_likelihood, customers, problem)


def fit_gamma_gamma(customers: pl.DataFrame) -> Fit:
    """Fit Gamma-Gamma to the repeat buyers with a positive mean value.

    Args:
        customers: one row per customer with `frequency` and `monetary_value` (money per occasion).

    Returns:
        Parameters p, q, v (money) with standard errors and log-likelihood; a fit with a `problem`
        where the data cannot identify the model or its mean is infinite (q at or below 1).
    """
    valued = customers.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0))
    if valued.height < LEAST_REPEAT_BUYERS:
        return Fit("gamma_gamma", customers=valued.height, problem="few_repeat_buyers")
    unique = _unique_rows(valued, ["frequency", "monetary_value"])
    x, m, weights = unique.to_numpy().T
    scale = float(np.median(m))  # money in its own unit, so that any currency fits alike

    def run_fitter(tolerance: float) -> list[float]:
        from lifetimes import GammaGammaFitter

        fitter = GammaGammaFitter(penalizer_coef=0.0)
        p, q, v = fitter.fit(x, m / scale, weights=weights, tol=tolerance).params_
        return [p, q, v * scale]

    parameters = _first_success(run_fitter)
    if parameters is None:
        return Fit("gamma_gamma", customers=valued.height, problem="not_converged")

    def log_likelihood(values: np.ndarray) -> float:
        return float(weights @ gamma_gamma_log_likelihood(x, m, values))

    q = parameters[1]
    problem = "infinite_mean_spend" if q <= 1 else "equal_spenders" if q > LARGEST else None
    return _finished("gamma_gamma", parameters, log_likelihood, valued, problem)


def bg_nbd_log_likelihood(x, t_x, age, parameters) -> np.ndarray:
    """Log-likelihood of each row (Fader, Hardie and Lee 2005, eq. 6), in the unit of the times."""
    r, alpha, a, b = parameters
    constant = (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        + gammaln(b + x)
        - gammaln(b)
        - gammaln(a + b + x)
    )
    active = -(r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore"):
        dropped = np.where(x > 0, np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)), -np.inf)
    dropped = dropped - (r + x) * np.log(alpha + t_x)
    return constant + logsumexp([active, dropped], axis=0)


def gamma_gamma_log_likelihood(x, m, parameters) -> np.ndarray:
    """Log-likelihood of each row's mean value (Fader and Hardie 2013, eq. 1a)."""
    p, q, v = parameters
    return (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(v + x * m)
    )


def _unique_rows(customers: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    counted = customers.group_by(columns).agg(weight=pl.len())
    return counted.sort(columns).cast(pl.Float64)


def _first_success(run_fitter) -> list[float] | None:
    """The parameters of the first tolerance that converges; lifetimes' chatter is kept off."""
    from lifetimes.utils import ConvergenceError

    for tolerance in TOLERANCES:
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                parameters = [float(value) for value in run_fitter(tolerance)]
        except (ConvergenceError, np.linalg.LinAlgError, ValueError, FloatingPointError):
            continue
        if np.isfinite(parameters).all():
            return parameters
    return None


def _at_bound(parameters: list[float]) -> bool:
    return (
        max(parameters) > LARGEST * 100
        or max(parameters[2:]) > LARGEST
        or min(parameters) < SMALLEST
    )


def _finished(model, parameters, log_likelihood, customers: pl.DataFrame, problem) -> Fit:
    names = PARAMETERS[model]
    errors = _standard_errors(log_likelihood, np.array(parameters))
    return Fit(
        model=model,
        parameters=dict(zip(names, parameters, strict=True)),
        standard_errors=dict(zip(names, errors, strict=True)),
        log_likelihood=log_likelihood(np.array(parameters)),
        customers=customers.height,
        occasions=int(customers["frequency"].sum()),
        problem=problem,
    )


def _standard_errors(log_likelihood, parameters: np.ndarray, step: float = 1e-3) -> list[float]:
    """Standard errors from the numeric Hessian in log parameters, by the delta method."""
    size = len(parameters)
    hessian = np.empty((size, size))
    shifts = step * np.eye(size)

    def at(shift: np.ndarray) -> float:
        return log_likelihood(parameters * np.exp(shift))

    for i in range(size):
        for j in range(i, size):
            corner = (
                at(shifts[i] + shifts[j])
                - at(shifts[i] - shifts[j])
                - at(shifts[j] - shifts[i])
                + at(-shifts[i] - shifts[j])
            )
            hessian[i, j] = hessian[j, i] = corner / (4 * step**2)
    try:
        variances = np.diag(np.linalg.inv(-hessian))
    except np.linalg.LinAlgError:
        variances = np.full(size, np.nan)
    with np.errstate(invalid="ignore"):
        return (parameters * np.sqrt(variances)).tolist()
