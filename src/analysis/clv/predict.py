"""What a fit says about a customer: expected purchases, chances, spend. Vectorised, always finite.

Arrays: x = frequency, t_x = recency, age = T, all in days. Given that a customer is alive, MBG/NBD
expects what BG/NBD does with one more chance survived, that is with b + 1.
"""

import numpy as np
from scipy.special import betaincinv, betaln, hyp2f1
from scipy.stats import nbinom

from analysis.clv.fit import Fit
from analysis.clv.likelihood import died_before

_NODES = 256
_NUDGE = 1e-7  # keeps a parameter off a removable singularity
_CHUNK = 50_000  # rows integrated at a time


def probability_alive(fit: Fit, x, t_x, age) -> np.ndarray:
    """Chance that a customer has not dropped out (BG/NBD: 1 for every one-time buyer, by design).

    Fader, Hardie and Lee (2008), "Computing P(alive) using the BG/NBD model"; for Pareto/NBD the
    share of the likelihood that belongs to being alive at T.
    """
    x, t_x, age = _floats(x, t_x, age)
    if fit.model == "nbd":
        return np.ones_like(x)
    if fit.model == "pareto_nbd":
        return _in_chunks(_alive_pareto, fit, x, t_x, age)
    r, alpha, a, b = _bg(fit)
    log_ratio = (r + x) * (np.log(alpha + age) - np.log(alpha + t_x))
    chances = b + x - 1
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds_dropped = a / chances * np.exp(np.minimum(log_ratio, 700))
    alive = 1 / (1 + np.where(chances > 0, odds_dropped, 0))
    return np.where(x > 0, alive, 1.0) if fit.model == "bg_nbd" else alive


def probability_active(fit: Fit, x, t_x, age, days) -> np.ndarray:
    """Chance of at least one purchase in the next `days`, given the history.

    P(alive) times the chance that somebody alive makes a purchase in time: before any dropout under
    the BG family, against the race with death under Pareto/NBD.
    """
    x, t_x, age, days = _floats(x, t_x, age, days)
    alive = probability_alive(fit, x, t_x, age)
    if fit.model == "pareto_nbd":
        return alive * -np.expm1(_in_chunks(_log_none_pareto, fit, x, age, days))
    r, alpha = fit.values()[:2]
    log_none = (r + x) * (np.log(alpha + age) - np.log(alpha + age + days))
    return alive * -np.expm1(log_none)


def expected_purchases(fit: Fit, x, t_x, age, days, weights=1.0) -> np.ndarray:
    """Expected purchases in the next `days`, given the history.

    Fader, Hardie and Lee (2005), eq. 10, after Euler's transformation of 2F1, which keeps its
    arguments small: finite for a + b < 1 and for thousands of purchases. Pareto/NBD: Schmittlein,
    Morrison and Colombo (1987), in the form of brucehardie.com/notes/008.

    Args:
        days: one horizon for all rows, or several.
        weights: one per horizon; the result is the weighted sum over the horizons, which serves
            discounting in one pass.
    """
    x, t_x, age = _floats(x, t_x, age)
    # Recency matters through the chance to be alive only, so few pairs of x and T are computed.
    pairs, places = np.unique(x + 1j * age, return_inverse=True)
    if_alive = np.zeros(len(pairs))
    for horizon, weight in np.broadcast(days, weights):
        if_alive += weight * _expected_if_alive(fit, pairs.real, pairs.imag, float(horizon))
    return if_alive[places].reshape(x.shape) * probability_alive(fit, x, t_x, age)


def expected_purchases_of_new(fit: Fit, days) -> np.ndarray:
    """Expected repeat purchases of a new customer in the first `days` (BG/NBD: eq. 9)."""
    days = np.asarray(days, dtype=float)
    first, places = np.unique(days, return_inverse=True)
    nothing = np.zeros(1)
    alive = probability_alive(fit, nothing, nothing, nothing)
    each = [alive[0] * _expected_if_alive(fit, nothing, nothing, one)[0] for one in first]
    return np.array(each)[places].reshape(days.shape)


def probability_of_count(fit: Fit, count: int, days: float) -> float:
    """Chance that a new customer makes exactly `count` repeat purchases in the first `days`.

    Fader, Hardie and Lee (2005), eq. 8; MBG/NBD has one more chance to drop out, NBD none. Alive and
    `count` purchases made, or dropped out at the last of them.

    Raises:
        ValueError: for Pareto/NBD, which needs a double integral.
    """
    if fit.model == "pareto_nbd":
        raise ValueError("not given for Pareto/NBD")
    r, alpha, *dropout = fit.values()
    made = nbinom.pmf(np.arange(count + 1), r, alpha / (alpha + days))
    if not dropout:
        return float(made[count])
    (a, b), chances = dropout, count + (fit.model == "mbg_nbd")
    alive = np.exp(betaln(a, b + chances) - betaln(a, b)) * made[count]
    if not chances:
        return float(alive)
    dropped = np.exp(betaln(a + 1, b + chances - 1) - betaln(a, b)) * (1 - made[:count].sum())
    return float(alive + dropped)


def expected_spend(fit: Fit, x, m) -> np.ndarray:
    """Expected value per purchase: the customer's mean, shrunk to the base's (Gamma-Gamma).

    Fader and Hardie (2013), eq. 5. Where x is 0 or m is missing or not positive: the base's mean.
    """
    p, q, v = fit.values()
    x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
    valued = (x > 0) & np.isfinite(m) & (m > 0)
    x, m = np.where(valued, x, 0), np.where(valued, m, 0)
    return p * (v + x * m) / (p * x + q - 1)


def _floats(*values) -> list[np.ndarray]:
    return np.broadcast_arrays(*(np.asarray(each, dtype=float) for each in values))


def _bg(fit: Fit) -> tuple[float, ...]:
    r, alpha, a, b = fit.values()
    return r, alpha, a, b + (fit.model == "mbg_nbd")


def _expected_if_alive(fit: Fit, x, age, days: float) -> np.ndarray:
    """Expected purchases in the next `days` of customers who have not dropped out."""
    if days <= 0:
        return np.zeros_like(x)
    if fit.model == "nbd":
        r, alpha = fit.values()
        return (r + x) / (alpha + age) * days
    if fit.model == "pareto_nbd":
        r, alpha, s, beta = fit.values()
        s = s + _NUDGE if abs(s - 1) < _NUDGE else s
        longer = np.log1p(days / (beta + age))
        return (r + x) * (beta + age) / (alpha + age) * -np.expm1(-(s - 1) * longer) / (s - 1)
    return _expected_if_alive_bg(_bg(fit), x, age, days)


def _expected_if_alive_bg(parameters, x, age, days: float) -> np.ndarray:
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
        rows = (values[~sound] for values in (x, age))
        expected[~sound] = _integrate_over_dropout(*rows, days, parameters)
    return np.clip(expected, least, most)


def _integrate_over_dropout(x, age, days: float, parameters) -> np.ndarray:
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


def _alive_pareto(fit: Fit, x, t_x, age) -> np.ndarray:
    r, alpha, s, beta = fit.values()
    log_alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    log_dead = died_before(x, t_x, age, fit.values()).log_total
    return 1 / (1 + np.exp(np.minimum(log_dead - log_alive, 700)))


def _log_none_pareto(fit: Fit, x, age, days) -> np.ndarray:
    """Log of the chance that somebody alive at T buys nothing in the next `days`.

    At T they are a new customer with rate ~ Gamma(r + x, alpha + T), death ~ Gamma(s, beta + T).
    """
    r, alpha, s, beta = fit.values()
    shape, rate, death = r + x, alpha + age, beta + age
    log_alive = -shape * np.log(rate + days) - s * np.log(death + days)
    nothing = np.zeros_like(x)
    log_dead = died_before(nothing, nothing, days, (shape, rate, s, death)).log_total
    return np.minimum(
        shape * np.log(rate) + s * np.log(death) + np.logaddexp(log_alive, log_dead), 0
    )


def _in_chunks(function, fit: Fit, *columns) -> np.ndarray:
    """A function of rows that needs a matrix of them, some thousand rows at a time."""
    shape, flat = columns[0].shape, [column.ravel() for column in columns]
    parts = [
        function(fit, *(column[start : start + _CHUNK] for column in flat))
        for start in range(0, max(len(flat[0]), 1), _CHUNK)
    ]
    return np.concatenate(parts).reshape(shape)
