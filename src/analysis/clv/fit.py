"""Fits of BG/NBD, MBG/NBD, Pareto/NBD and Gamma-Gamma; the only module that imports lifetimes.

Times are in days. A fit runs on unique rows with weights, rows sorted, fixed starts, penalizer 0
(any other value biases the forecasts). lifetimes' fitters find the parameters of bases that they
can handle; our own likelihood polishes them, judges them by its gradient, takes over where they
fail or where a base is large, and gives log-likelihood and covariance.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl
from scipy.optimize import minimize

from analysis.clv.likelihood import PARAMETERS, Rows, log_likelihood, total_and_gradient

# Unique rows up to which lifetimes is asked; its search for Pareto/NBD knows no gradient.
LIFETIMES_UP_TO = {"bg_nbd": 100_000, "mbg_nbd": 100_000, "pareto_nbd": 2_000}
LIFETIMES_UP_TO |= {"gamma_gamma": 100_000, "nbd": 0}
# A fit counts as found when the mean log-likelihood is this flat in the logarithms of the parameters.
FLAT = 1e-5
# Beyond these a parameter says that the data cannot tell its process apart from a simpler one.
LARGEST, SMALLEST = 1e4, 1e-4
FARTHEST = 14.0  # in logarithms, where the search ends
LEAST_REPEAT_BUYERS = 20
HISTORY = ["frequency", "recency", "T"]


@dataclass(frozen=True)
class Fit:
    """A fitted model as plain data; `problem` (a key of the catalogue) says why it is not usable.

    `covariance` is that of the logarithms of the parameters; empty where it is not defined.
    """

    model: str
    parameters: dict[str, float] = field(default_factory=dict)
    standard_errors: dict[str, float] = field(default_factory=dict)
    covariance: list[list[float]] = field(default_factory=list)
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
        """The log-likelihood with time in another unit, e.g. 7 for weeks (not Gamma-Gamma)."""
        return self.log_likelihood + self.occasions * np.log(days_per_unit)

    def aic(self, days_per_unit: float = 1) -> float:
        """Akaike's criterion with time in that unit; smaller is better."""
        return 2 * len(self.parameters) - 2 * self.log_likelihood_in(days_per_unit)

    def bic(self, days_per_unit: float = 1) -> float:
        """Schwarz's criterion with time in that unit; smaller is better."""
        penalty = len(self.parameters) * np.log(self.customers)
        return float(penalty - 2 * self.log_likelihood_in(days_per_unit))

    def draws(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Parameters as far as the data leave them open; shape (count, parameters).

        Normal in logarithms. Where the covariance is not defined, the estimate again and again.
        """
        estimate = np.log(self.values())
        if not self.covariance:
            return np.exp(np.tile(estimate, (count, 1)))
        deviates = random.standard_normal((count, len(estimate)))
        root = np.linalg.cholesky(np.array(self.covariance))
        return np.exp(np.clip(estimate + deviates @ root.T, -FARTHEST, FARTHEST))

    def to_dict(self) -> dict:
        """The fit as what JSON can hold; `from_dict` gives an equal one."""
        errors = {
            name: error if np.isfinite(error) else None
            for name, error in self.standard_errors.items()
        }
        return asdict(self) | {"standard_errors": errors, "days_per_unit": 1}

    @classmethod
    def from_dict(cls, content: dict) -> "Fit":
        """The fit that `to_dict` gave."""
        errors = {
            name: float("nan") if error is None else error
            for name, error in content["standard_errors"].items()
        }
        rest = {name: held for name, held in content.items() if name != "days_per_unit"}
        return cls(**rest | {"standard_errors": errors})


def fit_purchases(
    customers: pl.DataFrame, model: str = "bg_nbd", with_lifetimes: bool = True
) -> Fit:
    """Fit a model of when customers buy to a customer summary.

    Args:
        customers: one row per customer with `frequency`, `recency`, `T` (days).
        model: `bg_nbd`, `mbg_nbd`, `pareto_nbd` or `nbd`.
        with_lifetimes: whether its fitter searches first; without it the same digits come sooner.

    Returns:
        Parameters (alpha and beta in days) with standard errors and the log-likelihood in days; a
        fit with a `problem` where the data cannot identify the model.
    """
    repeat_buyers = customers.filter(pl.col("frequency") > 0).height
    if repeat_buyers < LEAST_REPEAT_BUYERS:
        few = "few_repeat_buyers" if repeat_buyers else "nobody_bought_again"
        return Fit(model, customers=customers.height, problem=few)
    unique = _unique_rows(customers, HISTORY)
    rows = Rows(*unique.to_numpy().T)
    ages = rows.age[rows.age > 0]
    found = _fit(model, rows, float(np.median(ages)), with_lifetimes)
    if found is None:
        return Fit(model, customers=customers.height, problem="not_converged")
    problem = "dropout_unidentified" if _at_bound(found, rows.age.max()) else None
    return _finished(model, rows, found, customers, problem)


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
    x, m, weight = unique.to_numpy().T
    scale = float(np.median(m))  # money in its own unit, so that any currency fits alike
    found = _fit("gamma_gamma", Rows(x, m / scale, np.ones_like(x), weight), 1.0, True)
    if found is None:
        return Fit("gamma_gamma", customers=valued.height, problem="not_converged")
    p, q, v = found
    problem = "infinite_mean_spend" if q <= 1 else "equal_spenders" if q > LARGEST else None
    rows = Rows(x, m, np.ones_like(x), weight)
    return _finished("gamma_gamma", rows, np.array([p, q, v * scale]), valued, problem)


def _unique_rows(customers: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    counted = customers.group_by(columns).agg(weight=pl.len())
    return counted.sort(columns).cast(pl.Float64)


def _fit(model: str, rows: Rows, scale: float, with_lifetimes: bool) -> np.ndarray | None:
    """The parameters of the first attempt whose likelihood is flat; None where none is."""
    for attempt in _attempts(model, rows, scale, with_lifetimes):
        found = _climb(model, rows, np.log(attempt())) if attempt else None
        if found is not None and _is_flat(model, rows, found):
            return found
    return None


def _attempts(
    model: str, rows: Rows, scale: float, with_lifetimes: bool
) -> Iterator[Callable | None]:
    """Ways to a start, the usual one first; each gives parameters from which to climb."""
    if with_lifetimes and len(rows.x) <= LIFETIMES_UP_TO[model]:
        yield from (_lifetimes(model, rows, tolerance) for tolerance in (1e-7, 1e-4))
    for start in _STARTS[model]:
        yield lambda start=start: np.array(start) * np.array(_UNITS[model](scale))
    yield lambda: _without_gradient(model, rows, scale)


_STARTS = {
    "bg_nbd": ((0.5, 0.3, 0.8, 2.0), (0.1, 0.1, 0.3, 0.5), (2.0, 1.0, 1.0, 10.0)),
    "mbg_nbd": ((0.5, 0.3, 0.8, 2.0), (0.1, 0.1, 0.3, 0.5), (2.0, 1.0, 1.0, 10.0)),
    "pareto_nbd": ((0.5, 0.3, 0.5, 0.3), (0.1, 0.1, 0.1, 1.0), (2.0, 1.0, 2.0, 10.0)),
    "nbd": ((0.5, 0.3), (0.1, 0.1), (2.0, 1.0)),
    "gamma_gamma": ((6.0, 4.0, 4.0), (1.0, 1.5, 1.0), (20.0, 20.0, 20.0)),
}
_UNITS = {
    "bg_nbd": lambda scale: (1, scale, 1, 1),
    "mbg_nbd": lambda scale: (1, scale, 1, 1),
    "pareto_nbd": lambda scale: (1, scale, 1, scale),
    "nbd": lambda scale: (1, scale),
    "gamma_gamma": lambda scale: (1, 1, 1),
}


def _lifetimes(model: str, rows: Rows, tolerance: float) -> Callable | None:
    """What lifetimes' fitter finds; None where it gives up. Its chatter is kept off."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
    from lifetimes.utils import ConvergenceError

    fitters = {
        "bg_nbd": BetaGeoFitter,
        "mbg_nbd": ModifiedBetaGeoFitter,
        "pareto_nbd": ParetoNBDFitter,
        "gamma_gamma": GammaGammaFitter,
    }
    history = (rows.x, rows.t_x) if model == "gamma_gamma" else (rows.x, rows.t_x, rows.age)
    options = {"initial_params": np.ones(4), "maxiter": 300} if model == "pareto_nbd" else {}
    fitter = fitters[model](penalizer_coef=0.0)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            fitter.fit(*history, weights=rows.weight, tol=tolerance, **options)
    except (ConvergenceError, np.linalg.LinAlgError, ValueError, FloatingPointError):
        return None
    found = np.array([float(fitter.params_[name]) for name in PARAMETERS[model]])
    return (lambda: found) if np.isfinite(found).all() and (found > 0).all() else None


def _without_gradient(model: str, rows: Rows, scale: float) -> np.ndarray:
    """A search that needs no gradient, from the first start."""
    start = np.log(np.array(_STARTS[model][0]) * np.array(_UNITS[model](scale)))

    def loss(logs: np.ndarray) -> float:
        return _loss(model, rows, logs)[0]

    return np.exp(minimize(loss, start, method="Nelder-Mead", options={"maxiter": 1000}).x)


def _loss(model: str, rows: Rows, logs: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean negative log-likelihood and its gradient in the logarithms of the parameters."""
    customers = rows.weight.sum()
    with np.errstate(all="ignore"):
        total, gradient = total_and_gradient(model, rows, np.exp(logs))
    if not np.isfinite(total) or not np.isfinite(gradient).all():
        return 1e10, np.zeros_like(logs)
    return -total / customers, -gradient / customers


def _climb(model: str, rows: Rows, start: np.ndarray) -> np.ndarray:
    """The top of the likelihood above a start, within bounds far from any real base."""
    bounds = [(-FARTHEST, FARTHEST)] * len(start)
    start = np.clip(start, -FARTHEST, FARTHEST)
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 500}
    found = minimize(
        lambda logs: _loss(model, rows, logs),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options=options,
    ).x
    return np.exp(_newton(model, rows, found))


def _newton(model: str, rows: Rows, logs: np.ndarray) -> np.ndarray:
    """One exact step where it raises the likelihood, so that every path ends at the same digits."""
    loss, gradient = _loss(model, rows, logs)
    hessian = _hessian(model, rows, logs)
    with contextlib.suppress(np.linalg.LinAlgError):
        step = np.linalg.solve(hessian, gradient)
        better = _loss(model, rows, logs - step) if np.abs(step).max() < 0.1 else (np.inf, None)
        if better[0] <= loss + 1e-12 and np.abs(better[1]).max() <= np.abs(gradient).max():
            return logs - step
    return logs


def _is_flat(model: str, rows: Rows, parameters: np.ndarray) -> bool:
    """Whether the gradient vanishes in every parameter that is not at the end of the search."""
    logs = np.log(parameters)
    loss, gradient = _loss(model, rows, logs)
    inside = np.abs(logs) < FARTHEST - 1e-6
    return loss < 1e10 and bool((np.abs(gradient[inside]) <= FLAT).all())


def _at_bound(parameters: np.ndarray, longest: float) -> bool:
    """Whether a parameter ran to where the model becomes a simpler one.

    Every second one is a time (or b, which may be as large), measured in the longest age.
    """
    in_ages = parameters / np.where(np.arange(len(parameters)) % 2, max(longest, 1), 1)
    return bool(in_ages.max() > LARGEST or parameters.min() < SMALLEST)


def _finished(model: str, rows: Rows, parameters: np.ndarray, customers, problem) -> Fit:
    names = PARAMETERS[model]
    covariance = _covariance(model, rows, np.log(parameters))
    errors = [np.nan] * len(names)
    if covariance is not None:
        errors = (parameters * np.sqrt(np.diag(covariance))).tolist()
    return Fit(
        model=model,
        parameters=dict(zip(names, map(float, parameters), strict=True)),
        standard_errors=dict(zip(names, errors, strict=True)),
        covariance=[] if covariance is None else covariance.tolist(),
        log_likelihood=float(rows.weight @ log_likelihood(model, rows, parameters)),
        customers=customers.height,
        occasions=int(customers["frequency"].sum()),
        problem=problem,
    )


def _covariance(model: str, rows: Rows, logs: np.ndarray) -> np.ndarray | None:
    """Covariance of the logarithms of the parameters; None where the likelihood has no peak."""
    information = _hessian(model, rows, logs) * rows.weight.sum()
    try:
        np.linalg.cholesky(information)
        covariance = np.linalg.inv(information)
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None
    return (covariance + covariance.T) / 2


def _hessian(model: str, rows: Rows, logs: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Second derivatives of the mean loss, from differences of its gradient."""
    sides = [
        (_loss(model, rows, logs + shift)[1] - _loss(model, rows, logs - shift)[1]) / (2 * step)
        for shift in step * np.eye(len(logs))
    ]
    hessian = np.array(sides)
    return (hessian + hessian.T) / 2
