"""What a fit says about a customer: expected purchases, chances, spend. Vectorised, always finite.

Arrays: x = frequency, t_x = recency, age = T, all in days; parameters as in `clv.fit`.
"""

import numpy as np
from scipy.special import betaincinv, hyp2f1

_NODES = 256
_NUDGE = 1e-7  # keeps a parameter off a removable singularity


def probability_alive(x, t_x, age, parameters) -> np.ndarray:
    """Chance that a customer has not dropped out (1 for every one-time buyer, by the model's design).

    Fader, Hardie and Lee (2008), "Computing P(alive) using the BG/NBD model".
    """
    r, alpha, a, b = parameters
    x, t_x, age = (np.asarray(values, dtype=float) for values in (x, t_x, age))
    log_ratio = (r + x) * (np.log(alpha + age) - np.log(alpha + t_x))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds_dropped = a / (b + x - 1) * np.exp(np.minimum(log_ratio, 700))
    return np.where(x > 0, 1 / (1 + odds_dropped), 1.0)


def probability_active(x, t_x, age, days, parameters) -> np.ndarray:
    """Chance of at least one purchase in the next `days`, given the history.

    P(alive) times the chance that a gamma-mixed Poisson process makes a purchase in time.
    """
    r, alpha, _, _ = parameters
    x, age = np.asarray(x, dtype=float), np.asarray(age, dtype=float)
    log_none = (r + x) * (np.log(alpha + age) - np.log(alpha + age + days))
    return probability_alive(x, t_x, age, parameters) * -np.expm1(log_none)


def expected_purchases(x, t_x, age, days, parameters) -> np.ndarray:
    """Expected purchases in the next `days`, given the history.

    Fader, Hardie and Lee (2005), eq. 10, after Euler's transformation of 2F1, which keeps its
    arguments small: finite for a + b < 1 and for thousands of purchases.
    """
    x, t_x, age, days = np.broadcast_arrays(
        *(np.asarray(values, dtype=float) for values in (x, t_x, age, days))
    )
    return _expected_if_alive(x, age, days, parameters) * probability_alive(x, t_x, age, parameters)


def expected_purchases_of_new(days, parameters) -> np.ndarray:
    """Expected repeat purchases of a new customer in the first `days` (eq. 9)."""
    days = np.asarray(days, dtype=float)
    nothing = np.zeros_like(days)
    return _expected_if_alive(nothing, nothing, days, parameters)


def expected_spend(x, m, parameters) -> np.ndarray:
    """Expected value per purchase: the customer's mean, shrunk to the base's (Gamma-Gamma).

    Fader and Hardie (2013), eq. 5. Where x is 0 or m is missing or not positive: the base's mean.
    """
    p, q, v = parameters
    x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
    valued = (x > 0) & np.isfinite(m) & (m > 0)
    x, m = np.where(valued, x, 0), np.where(valued, m, 0)
    return p * (v + x * m) / (p * x + q - 1)


def _expected_if_alive(x, age, days, parameters) -> np.ndarray:
    """Expected purchases in the next `days` of customers who have not dropped out."""
    r, alpha, a, b = parameters
    a = a + _NUDGE if abs(a - 1) < _NUDGE else a
    z = days / (alpha + age + days)
    c = _off_poles(a + b + x - 1)
    with np.errstate(all="ignore"):  # 2F1 may overflow; such rows are integrated below
        until_dropout = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, c, z)
        expected = np.asarray(c / (a - 1) * (1 - until_dropout))
    # Nobody expects fewer purchases than their chance of one, nor more than without dropout.
    least = -np.expm1((r + x) * np.log1p(-z))
    most = (r + x) * days / (alpha + age)
    slack = 1e-6 * (1 + most)
    sound = (expected >= least - slack) & (expected <= most + slack)
    if not sound.all():
        rows = (values[~sound] for values in (x, age, days))
        expected[~sound] = _integrate_over_dropout(*rows, parameters)
    return np.clip(expected, least, most)


def _integrate_over_dropout(x, age, days, parameters) -> np.ndarray:
    """The same expectation as an integral over the dropout chance p ~ Beta(a, b + x).

    For the few rows in which the series of 2F1 fails: with rate ~ Gamma(r + x, alpha + T), the
    expectation given p is (1 - (1 + p days / (alpha + T)) ** -(r + x)) / p.
    """
    r, alpha, a, b = parameters
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    chance = np.maximum(betaincinv(a, (b + x)[:, None], (nodes + 1) / 2), 1e-300)
    growth = np.log1p(chance * (days / (alpha + age))[:, None])
    given = -np.expm1(-(r + x)[:, None] * growth) / chance
    return given @ (weights / 2)


def _off_poles(c: np.ndarray) -> np.ndarray:
    """Move c off zero and the negative integers, where 2F1 has removable poles here."""
    at_pole = (c <= _NUDGE) & (np.abs(c - np.round(c)) < _NUDGE)
    return np.where(at_pole, c + _NUDGE, c)
