"""Intervals of rates, means and their differences, the same everywhere in the report."""

from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # 1.96


def wilson(rate: np.ndarray, count: np.ndarray, z: float | np.ndarray = Z) -> tuple:
    """The interval of a rate, which stays within 0 and 1.

    Args:
        rate: shares from 0 to 1.
        count: of how many each is a share.
        z: standard normal quantile; 1.96 for 95 %.

    Returns:
        Lower and upper limits. Source: Wilson (1927), JASA 22.
    """
    centre = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return centre - half, centre + half


def of_difference(first: tuple, second: tuple) -> tuple[np.ndarray, np.ndarray]:
    """The interval of first - second, where both are independent.

    Args:
        first, second: value, lower limit and upper limit of each, as arrays.

    Returns:
        Lower and upper limits: the distances to the limits squared, added, and rooted. For two rates
        with Wilson limits this is method 10 of Newcombe (1998), Statistics in Medicine 17; for two
        means it is the ordinary interval.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    below = np.sqrt((a - a_low) ** 2 + (b_high - b) ** 2)
    above = np.sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
    return a - b - below, a - b + above


def simultaneous_z(intervals: np.ndarray) -> np.ndarray:
    """The quantile at which that many intervals hold together at 95 % (Bonferroni)."""
    return np.array([NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / n) for n in intervals])
