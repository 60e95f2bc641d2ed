"""Fits of BG/NBD, MBG/NBD, Pareto/NBD, NBD and Gamma-Gamma as plain data.

Times are in days. A fit runs on unique rows with weights, rows sorted, so that it does not depend
on the order of customers.
"""

from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from analysis.clv.likelihood import PARAMETERS, Rows, log_likelihood
from analysis.clv.search import FARTHEST, search

# Beyond these a parameter says that the data cannot tell its process apart from a simpler one.
LARGEST, SMALLEST = 1e4, 1e-4
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
    rows = Rows.counted(*_columns(customers, HISTORY))
    ages = rows.age[rows.age > 0]
    found = search(model, rows, float(np.median(ages)), with_lifetimes)
    if found is None:
        return Fit(model, customers=customers.height, problem="not_converged")
    parameters, hessian = found
    problem = "dropout_unidentified" if _at_bound(parameters, rows.age.max()) else None
    return _finished(model, rows, parameters, hessian, customers, problem)


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
    x, m = _columns(valued, ["frequency", "monetary_value"])
    rows = Rows.counted(x, m, np.ones_like(x))
    scale = float(np.median(rows.t_x))  # money in its own unit, so that any currency fits alike
    in_unit = Rows(rows.x, rows.t_x / scale, rows.age, rows.weight)
    found = search("gamma_gamma", in_unit, 1.0)
    if found is None:
        return Fit("gamma_gamma", customers=valued.height, problem="not_converged")
    (p, q, v), hessian = found
    problem = "infinite_mean_spend" if q <= 1 else "equal_spenders" if q > LARGEST else None
    parameters = np.array([p, q, v * scale])
    return _finished("gamma_gamma", rows, parameters, hessian, valued, problem)


def _columns(customers: pl.DataFrame, names: list[str]) -> list[np.ndarray]:
    return [customers[name].cast(pl.Float64).to_numpy() for name in names]


def _at_bound(parameters: np.ndarray, longest: float) -> bool:
    """Whether a parameter ran to where the model becomes a simpler one.

    Every second one is a time (or b, which may be as large), measured in the longest age.
    """
    in_ages = parameters / np.where(np.arange(len(parameters)) % 2, max(longest, 1), 1)
    return bool(in_ages.max() > LARGEST or parameters.min() < SMALLEST)


def _finished(model: str, rows: Rows, parameters, hessian, customers, problem) -> Fit:
    names = PARAMETERS[model]
    covariance = _covariance(hessian * rows.weight.sum())
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


def _covariance(information: np.ndarray) -> np.ndarray | None:
    """Covariance of the logarithms of the parameters; None where the likelihood has no peak."""
    try:
        np.linalg.cholesky(information)
        covariance = np.linalg.inv(information)
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None
    return (covariance + covariance.T) / 2
