"""The search for the parameters of a model; the only module that imports lifetimes.

Penalizer 0 (any other value biases the forecasts), fixed starts. lifetimes' fitters search bases that
they can handle; our own likelihood polishes what they find, judges it by its gradient, and takes over
where they fail or where a base is large.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from scipy.optimize import minimize

from analysis.clv.likelihood import PARAMETERS, Rows, total_and_gradient

# Unique rows up to which lifetimes is asked; its search for Pareto/NBD knows no gradient.
LIFETIMES_UP_TO = {"bg_nbd": 100_000, "mbg_nbd": 100_000, "pareto_nbd": 2_000}
LIFETIMES_UP_TO |= {"gamma_gamma": 100_000, "nbd": 0}
# A fit counts as found when the mean log-likelihood is this flat in the logarithms of the parameters.
FLAT = 1e-5
SHARE = 2_000  # rows of a large base from which the climb starts
FARTHEST = 14.0  # in logarithms, where the search ends


def search(
    model: str, rows: Rows, scale: float, with_lifetimes: bool = True
) -> tuple[np.ndarray, np.ndarray] | None:
    """Parameters of the first attempt whose likelihood is flat there, and its curvature.

    Args:
        model: a key of `likelihood.PARAMETERS`.
        rows: unique histories.
        scale: a typical time (1 for Gamma-Gamma).
        with_lifetimes: whether its fitter searches first.

    Returns:
        The parameters, and the second derivatives of the mean loss in their logarithms; None where
        no attempt ends on a flat top.
    """
    for attempt in _attempts(model, rows, scale, with_lifetimes):
        if attempt is None:
            continue
        logs = _climb(model, rows, np.log(attempt()))
        hessian = _hessian(model, rows, logs)
        logs = _newton(model, rows, logs, hessian)
        if _is_flat(model, rows, logs):
            return np.exp(logs), hessian
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
    """The top of the likelihood above a start, in logarithms, within bounds far from any real base.

    A large base is climbed on an even share of its rows first; their curvature then makes the rest
    of the way short.
    """
    bounds = [(-FARTHEST, FARTHEST)] * len(start)
    some = rows.thinned(SHARE)
    start = np.clip(start, -FARTHEST, FARTHEST)
    found = _minimise(lambda logs: _loss(model, some, logs), start, bounds)
    if some is rows:
        return found
    try:
        root = np.linalg.inv(np.linalg.cholesky(_hessian(model, some, found))).T
    except np.linalg.LinAlgError:
        return _minimise(lambda logs: _loss(model, rows, logs), found, bounds)

    def scaled(steps: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = _loss(model, rows, found + root @ steps)
        return loss, root.T @ gradient

    return found + root @ _minimise(scaled, np.zeros_like(found), None)


def _minimise(function: Callable, start: np.ndarray, bounds) -> np.ndarray:
    options = {"ftol": 1e-13, "gtol": 1e-6, "maxiter": 500}
    return minimize(function, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def _newton(model: str, rows: Rows, logs: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """One exact step where it flattens the likelihood, so that every path ends at the same digits."""
    loss, gradient = _loss(model, rows, logs)
    with contextlib.suppress(np.linalg.LinAlgError):
        step = np.linalg.solve(hessian, gradient)
        if np.abs(step).max() < 0.1:
            better, flatter = _loss(model, rows, logs - step)
            if better <= loss + 1e-12 and np.abs(flatter).max() <= np.abs(gradient).max():
                return logs - step
    return logs


def _is_flat(model: str, rows: Rows, logs: np.ndarray) -> bool:
    """Whether the gradient vanishes in every parameter that is not at the end of the search."""
    loss, gradient = _loss(model, rows, logs)
    inside = np.abs(logs) < FARTHEST - 1e-6
    return loss < 1e10 and bool((np.abs(gradient[inside]) <= FLAT).all())


def _hessian(model: str, rows: Rows, logs: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Second derivatives of the mean loss, from differences of its gradient."""
    sides = [
        (_loss(model, rows, logs + shift)[1] - _loss(model, rows, logs - shift)[1]) / (2 * step)
        for shift in step * np.eye(len(logs))
    ]
    hessian = np.array(sides)
    return (hessian + hessian.T) / 2
