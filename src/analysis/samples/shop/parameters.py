"""What is planted in the simulated retailer: the numbers that an analysis of it has to find again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

START = date(2022, 1, 1)
END = date(2024, 6, 30)
DAYS = (END - START).days + 1
TIME_ZONE = "Asia/Shanghai"
PERSONS = 3_000
PROSPECT_SHARE = 0.08
DROPOUT_FACTOR = 2.5  # how much a complaint raises the chance to drop out at each later purchase
SERVICE_CATEGORY = "服务"


@dataclass(frozen=True)
class BuyerClass:
    """How the customers of one class buy.

    Repeat purchases follow the BG/NBD model (Fader, Hardie and Lee 2005): rates per day are
    Gamma(r, 1 / alpha_days), the chance to drop out after each repeat purchase is Beta(a, b). Order
    values follow the gamma-gamma model: Gamma(p, 1 / nu) with nu of a customer Gamma(q, 1 / gamma).
    """

    name: str
    share: float
    r: float
    alpha_days: float
    a: float
    b: float
    p: float
    q: float
    gamma: float  # yuan
    discounted_lines: float  # chance that a line is sold below its list price
    service_lines: float  # chance that a line is a service
    complaints: float  # chance that a purchase leads to a complaint
    contacts_per_year: float  # while active

    @property
    def mean_order_value(self) -> float:
        """Yuan; the mean of the gamma-gamma model over customers."""
        return self.p * self.gamma / (self.q - 1)


CLASSES = (
    BuyerClass("price_sensitive", 0.30, 0.9, 62, 1.3, 7, 5, 4, 54, 0.80, 0.04, 0.045, 0.8),
    BuyerClass("service", 0.25, 1.5, 75, 0.8, 9, 6, 4.5, 210, 0.10, 0.60, 0.09, 6.0),
    BuyerClass("product", 0.45, 1.1, 70, 1.0, 8, 5, 4, 150, 0.12, 0.06, 0.04, 1.2),
)
DISCOUNTS = (0.10, 0.15, 0.20, 0.30, 0.40)
CONTACTS_LEFT = 0.25  # share of the contacts that goes on after a customer dropped out


@dataclass(frozen=True)
class Campaign:
    """A campaign among recent buyers, with groups drawn at random, or sent to all of them."""

    campaign_id: str
    name: str
    channel: str
    sent_on: date
    uplift: float  # of the chance that an active customer buys within the window
    cost: float  # yuan
    offer: str
    window_days: int = 60
    reach_days: int = 330  # whoever bought within so many days before takes part
    randomised: bool = True  # false: nobody was left alone, so nothing can be measured

    @property
    def sent_day(self) -> int:
        """Day of sending, counted from the start."""
        return (self.sent_on - START).days

    @property
    def last_day(self) -> date:
        """Last day of the window."""
        return self.sent_on + timedelta(days=self.window_days - 1)


CAMPAIGNS = (
    Campaign("C1", "金秋焕新", "短信", date(2023, 10, 16), 0.20, 6_000.0, "满199减30"),
    Campaign("C2", "开春问候", "微信", date(2024, 3, 4), 0.0, 3_500.0, "新品试用"),
    Campaign(
        "C3", "夏日会员日", "短信", date(2023, 6, 12), 0.0, 2_000.0, "双倍积分", 60, 60, False
    ),
)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose, so that one does not shift another."""
    return np.random.default_rng([seed, *purpose.encode()])


def by_class(classes: Iterable[str], parameter: str) -> np.ndarray:
    """One parameter for each of the given class names."""
    values = {one.name: getattr(one, parameter) for one in CLASSES}
    return np.array([values[name] for name in classes])


def to_date(day: pl.Expr) -> pl.Expr:
    """Days since the start as dates."""
    return pl.lit(START) + pl.duration(days=day)


def yuan(fen: pl.Expr) -> pl.Expr:
    """Whole fen as yuan with two decimals."""
    return (fen / 100).round(2)
