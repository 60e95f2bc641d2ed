"""What contacting a customer is expected to bring, and how long a list pays.

A contact costs its cost whoever gets it. Of those who would leave, a share takes the offer and is
kept; those who would have stayed take it too. With p the chance of leaving, V the customer's value,
s the share kept, d the offer's and f the contact's cost, the expected profit is
s p (V - d) - (1 - p) d - f (Verbraken, Verbeke and Baesens 2013, IEEE TKDE 25, with V of each customer).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from analysis.run.settings import Settings


@dataclass(frozen=True)
class Curve:
    """Expected profit of contacting the first n customers, n from 1 on, the most profitable first.

    `total` is the running sum; `best` the n at its highest point, 0 where no contact pays;
    `contacted` the n that the capacity leaves of it.
    """

    total: np.ndarray
    best: int
    contacted: int


def expected_profit(chance: np.ndarray, value: np.ndarray, settings: Settings) -> np.ndarray:
    """Expected profit of contacting each customer, in the currency.

    Args:
        chance: of buying nothing in the window, from 0 to 1.
        value: expected net value within the horizon of `[clv]`.
        settings: `[churn] save_share`, `offer_cost` and `contact_cost`.
    """
    given = settings.churn
    offer, contact = float(given.offer_cost), float(given.contact_cost)
    kept = given.save_share * chance * (value - offer)
    return kept - (1 - chance) * offer - contact


def curve(profit: np.ndarray, capacity: int) -> Curve:
    """The profit curve of a list that begins with the most profitable customer."""
    ordered = np.sort(profit)[::-1]
    best = int((ordered > 0).sum())
    return Curve(ordered.cumsum(), best, min(best, capacity))


def maximum_profit(
    left: np.ndarray,
    score: np.ndarray,
    value: float = 200.0,
    offer: float = 10.0,
    contact: float = 1.0,
    shape: tuple[float, float] = (6.0, 14.0),
) -> float:
    """EMPC: expected maximum profit of a campaign per customer of the base, the share kept uncertain.

    For each share kept the campaign stops at the best threshold of the score; the mean over a Beta
    distribution of the share is taken on a fine grid of its quantiles.

    Args:
        left: whether each customer left.
        score: higher for those likelier to leave.
        value, offer, contact: money; the same for all customers.
        shape: of the Beta distribution of the share kept.

    Source: Verbraken, Verbeke and Baesens (2013), IEEE TKDE 25, whose defaults these are.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.append(
        np.diff(score[order]) != 0, True
    )  # thresholds between equal scores do not exist
    gone = np.append(0, np.cumsum(left[order])[ends]) / len(left)
    stayed = np.append(0, np.cumsum(~left[order].astype(bool))[ends]) / len(left)
    quantiles = (np.arange(2_000) + 0.5) / 2_000
    best = [
        (gone * (kept * (value - offer) - contact) - stayed * (offer + contact)).max()
        for kept in beta.ppf(quantiles, *shape)
    ]
    return float(np.mean(best))
