"""Log-likelihoods of the models with their gradients, on unique rows with weights.

Every term of the BG family depends on x, t_x or T alone, so logarithms and gamma functions are
looked up in small tables; Pareto/NBD integrates over the day of dropout, which neither overflows
nor cancels. x = frequency, t_x = recency, T = age; times in any one unit.

BG/NBD: Fader, Hardie and Lee (2005), Marketing Science 24(2), eq. 6. MBG/NBD: Batislam, Denizel and
Filiztekin (2007), IJRM 24(3). Pareto/NBD: Fader and Hardie, "A note on deriving the Pareto/NBD
model" (brucehardie.com/notes/009), the integral over the time of death left as it is. Gamma-Gamma:
Fader and Hardie (2013), brucehardie.com/notes/025, eq. 1a.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

PARAMETERS = {
    "bg_nbd": ("r", "alpha", "a", "b"),
    "mbg_nbd": ("r", "alpha", "a", "b"),
    "pareto_nbd": ("r", "alpha", "s", "beta"),
    "nbd": ("r", "alpha"),
    "gamma_gamma": ("p", "q", "v"),
}
# Those that compete; NBD, without dropout, stands in where dropout cannot be identified.
COMPETING = ("bg_nbd", "mbg_nbd", "pareto_nbd")
PURCHASE_MODELS = (*COMPETING, "nbd")
_LARGEST_EXPONENT = 600.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_ROOT = 4  # gathers the nodes where many purchases end in a long silence


@dataclass(frozen=True)
class Rows:
    """Unique histories; `weight` counts the customers of each."""

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        for name in ("x", "t_x", "age"):
            object.__setattr__(
                self, f"_{name}", np.unique(getattr(self, name), return_inverse=True)
            )

    @classmethod
    def counted(cls, x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> "Rows":
        """The unique histories among customers, sorted, each with its number of customers."""
        values, codes = zip(
            *(np.unique(one, return_inverse=True) for one in (x, t_x, age)), strict=True
        )
        sizes = [len(one) for one in values]
        key, weight = np.unique(np.ravel_multi_index(codes, sizes), return_counts=True)
        places = np.unravel_index(key, sizes)
        columns = (one[place] for one, place in zip(values, places, strict=True))
        return cls(*columns, weight.astype(float))

    def thinned(self, most: int) -> "Rows":
        """An even share of the rows, at most so many."""
        step = -(-len(self.x) // most)
        return self if step == 1 else Rows(*(one[::step] for one in self.columns()))

    def columns(self) -> tuple[np.ndarray, ...]:
        """x, t_x, age, weight."""
        return self.x, self.t_x, self.age, self.weight

    def distinct(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The distinct values of a column, and where each row finds its own."""
        return getattr(self, f"_{name}")


def log_likelihood(model: str, rows: Rows, parameters) -> np.ndarray:
    """Log-likelihood of each row."""
    return _TERMS[model](rows, np.asarray(parameters, dtype=float), gradient=False)[0]


def total_and_gradient(model: str, rows: Rows, parameters) -> tuple[float, np.ndarray]:
    """Weighted total log-likelihood, and its gradient in the logarithms of the parameters."""
    parameters = np.asarray(parameters, dtype=float)
    total, gradient = _TERMS[model](rows, parameters, gradient=True)
    return float(total), parameters * gradient


def _bg_nbd(rows: Rows, parameters, gradient: bool):
    return _bg_family(rows, parameters, gradient, drops_at_first=False)


def _mbg_nbd(rows: Rows, parameters, gradient: bool):
    return _bg_family(rows, parameters, gradient, drops_at_first=True)


def _bg_family(rows: Rows, parameters, gradient: bool, drops_at_first: bool):
    """BG/NBD, or MBG/NBD where a customer may drop out at the first purchase already.

    With n chances to drop out so far (x, or x + 1), alive and dropped histories weigh
    (alpha + T) ** -(r + x) and a / (b + n - 1) * (alpha + t_x) ** -(r + x).
    """
    r, alpha, a, b = parameters
    (x, at_x), (t_x, at_t), (age, at_age) = map(rows.distinct, ("x", "t_x", "age"))
    n = x + drops_at_first
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    constant += gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n)
    chances = np.maximum(b + n - 1, 1e-300)
    with np.errstate(divide="ignore"):
        dropping = np.where(n > 0, np.log(a) - np.log(chances), -np.inf)
    shape = (r + x)[at_x]
    log_age, log_t = np.log(alpha + age)[at_age], np.log(alpha + t_x)[at_t]
    log_odds = dropping[at_x] + shape * (log_age - log_t)
    odds = np.exp(np.minimum(log_odds, _LARGEST_EXPONENT))
    beyond = np.maximum(np.log1p(odds), log_odds)
    if not gradient:
        return constant[at_x] - shape * log_age + beyond, None
    weight = rows.weight
    counts = np.bincount(at_x, weight, len(x))
    is_alive = weight / (1 + odds)
    is_dropped = weight - is_alive
    dropped = np.bincount(at_x, is_dropped, len(x))
    of_age = np.bincount(at_age, weight * shape, len(age))
    alive_of_age = np.bincount(at_age, is_alive * shape, len(age))
    dropped_of_t = np.bincount(at_t, is_dropped * shape, len(t_x))
    total = counts @ constant - of_age @ np.log(alpha + age) + weight @ beyond
    d_r = counts @ (digamma(r + x) - digamma(r)) + counts.sum() * np.log(alpha)
    d_r -= is_alive @ log_age + is_dropped @ log_t
    d_alpha = counts.sum() * r / alpha
    d_alpha -= alive_of_age @ (1 / (alpha + age)) + dropped_of_t @ (1 / (alpha + t_x))
    falling = counts @ (digamma(a + b) - digamma(a + b + n))
    d_a = falling + dropped.sum() / a
    d_b = falling + counts @ (digamma(b + n) - digamma(b)) - dropped @ (1 / chances)
    return total, np.array([d_r, d_alpha, d_a, d_b])


def _pareto_nbd(rows: Rows, parameters, gradient: bool):
    r, alpha, s, beta = parameters
    x, t_x, age = rows.x, rows.t_x, rows.age
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    log_rate, log_death = np.log(alpha + age), np.log(beta + age)
    alive = -(r + x) * log_rate - s * log_death
    died = died_before(x, t_x, age, parameters)
    both = np.logaddexp(alive, died.log_total)
    values = constant + both
    if not gradient:
        return values, None
    is_alive = np.exp(alive - both)
    is_dead = np.exp(died.log_total - both)
    d_r = digamma(r + x) - digamma(r) + np.log(alpha)
    d_r = d_r - is_alive * log_rate - is_dead * died.mean(died.log_rate)
    d_alpha = r / alpha - (r + x) * (
        is_alive / (alpha + age) + is_dead * died.mean(np.exp(-died.log_rate))
    )
    d_s = np.log(beta) - is_alive * log_death + is_dead * (1 / s - died.mean(died.log_death))
    d_beta = s / beta - s * is_alive / (beta + age)
    d_beta = d_beta - (s + 1) * is_dead * died.mean(np.exp(-died.log_death))
    gradient = np.array([rows.weight @ each for each in (d_r, d_alpha, d_s, d_beta)])
    return rows.weight @ values, gradient


@dataclass(frozen=True)
class Deaths:
    """The days y on which a customer may have dropped out; one row per history, one column per node."""

    log_rate: np.ndarray  # of alpha + y
    log_death: np.ndarray  # of beta + y
    share: np.ndarray  # of the total likelihood
    log_total: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The mean of what a node has, per history."""
        return np.einsum("ij,ij->i", self.share, values)


def died_before(x, t_x, age, parameters) -> Deaths:
    """The integral of s (alpha + y) ** -(r + x) (beta + y) ** -(s + 1) over y from t_x to T.

    Substituting v ** 4 = ((m + t_x) / (m + y)) ** c with m the smaller of alpha and beta, and c such
    that both sides fall alike at t_x, leaves a smooth function of v, so that a fixed Gauss-Legendre
    rule serves one purchase as well as a thousand, and a life much shorter than the time between
    purchases as well as a longer one.
    """
    r, alpha, s, beta = parameters
    shape, least = np.asarray(r + x, dtype=float), np.minimum(alpha, beta)
    fall = (least + t_x) * (shape / (alpha + t_x) + s / (beta + t_x)) / _ROOT
    passed = fall * (np.log(least + age) - np.log(least + t_x))
    width = -np.expm1(-passed)
    log_v = np.log(np.exp(-passed)[:, None] + width[:, None] * (_NODES + 1) / 2)
    grown = -log_v / fall[:, None]
    y = np.reshape(t_x, (-1, 1)) + np.reshape(least + t_x, (-1, 1)) * np.expm1(grown)
    log_rate, log_death = (np.log(np.reshape(each, (-1, 1)) + y) for each in (alpha, beta))
    at_last = np.log(alpha + t_x)
    each = shape[:, None] * (at_last[:, None] - log_rate) - (s + 1) * log_death + grown - log_v
    top = each.max(axis=1)
    each = np.exp(each - top[:, None]) * _WEIGHTS
    total = each.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_total = top + np.log(total / 2 * width * s * (least + t_x) / fall) - shape * at_last
    return Deaths(log_rate, log_death, each / total[:, None], log_total)


def _nbd(rows: Rows, parameters, gradient: bool):
    """Nobody drops out: purchases of a gamma-mixed Poisson process (Ehrenberg 1959)."""
    r, alpha = parameters
    x, age = rows.x, rows.age
    values = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
    if not gradient:
        return values, None
    d_r = digamma(r + x) - digamma(r) + np.log(alpha) - np.log(alpha + age)
    d_alpha = r / alpha - (r + x) / (alpha + age)
    return rows.weight @ values, np.array([rows.weight @ d_r, rows.weight @ d_alpha])


def _gamma_gamma(rows: Rows, parameters, gradient: bool):
    """Here `t_x` holds the mean value of an occasion; `age` is not used."""
    p, q, v = parameters
    x, m = rows.x, rows.t_x
    values = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(m)
        + p * x * np.log(x)
        - (p * x + q) * np.log(v + x * m)
    )
    if not gradient:
        return values, None
    both = digamma(p * x + q)
    log_sum = np.log(v + x * m)
    d_p = x * (both - digamma(p * x) + np.log(m) + np.log(x) - log_sum)
    d_q = both - digamma(q) + np.log(v) - log_sum
    d_v = q / v - (p * x + q) / (v + x * m)
    return rows.weight @ values, np.array([rows.weight @ each for each in (d_p, d_q, d_v)])


_TERMS = {
    "bg_nbd": _bg_nbd,
    "mbg_nbd": _mbg_nbd,
    "pareto_nbd": _pareto_nbd,
    "nbd": _nbd,
    "gamma_gamma": _gamma_gamma,
}
