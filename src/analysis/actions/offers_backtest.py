"""Whether the lists of offers would have hit: each customer's last basket left out, and guessed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy import sparse

from analysis.actions import due_again, latent_needs, try_next
from analysis.actions.baskets import Baskets
from analysis.actions.ranking import Popularity, best, matrix, popularity, positions, values_at
from analysis.intervals import Z, wilson
from analysis.run.months import Month

LENGTH = 10
MONTHS = 12  # last baskets of so many months are tested
MOST_TESTED = 5000  # customers, drawn by a hash of their id
DUE_AGAIN, BY_DUE, OWN_TOP, POPULAR = "due_again", "due_again_by_due", "own_top", "popular"
TRY_NEXT, POPULAR_NEW = "try_next", "popular_new"
LATENT_NEED, POPULAR_CATEGORY = "latent_need", "popular_category"
# Of each list: its methods, and what each of them must beat.
LISTS = {
    DUE_AGAIN: {DUE_AGAIN: POPULAR, BY_DUE: DUE_AGAIN, OWN_TOP: None, POPULAR: None},
    TRY_NEXT: {TRY_NEXT: POPULAR_NEW, POPULAR_NEW: None},
    LATENT_NEED: {LATENT_NEED: POPULAR_CATEGORY, POPULAR_CATEGORY: None},
}
OUTCOME = {"customer_id": pl.String, "day": pl.Date, "list": pl.String, "method": pl.String}
OUTCOME |= {"hit": pl.Boolean, "recall": pl.Float64}
_RESULT = {"list": pl.String, "method": pl.String, "customers": pl.Int64, "hits": pl.Int64}
_RESULT |= dict.fromkeys(("hit_rate", "low", "high", "recall"), pl.Float64)
_RESULT |= {"against": pl.String}
_RESULT |= dict.fromkeys(("difference", "difference_low", "difference_high"), pl.Float64)
_RESULT |= {"shown": pl.Boolean}


def outcomes(
    found: Baskets, as_of: date, length: int = LENGTH, most: int = MOST_TESTED, seed: int = 1
) -> pl.DataFrame:
    """Guess the last basket of customers with two or more, as the lists would have done at the time.

    A list knows the customer's own baskets strictly before the one left out, and of everybody's
    baskets those before the first day of its month: that is what a list made at the end of the month
    before knew. Substitutes, gaps and popularity come from there as well. "Due again" is to hit any
    product of the basket; "try next" one that is new to the customer, so customers whose basket holds
    nothing new do not count for it. A latent need is one guess at a category new to the customer.

    Args:
        found: as `baskets` returns it, up to as_of.
        as_of: the last day known.
        length: products a list.
        most: customers to test; more are drawn by a hash of their id.
        seed: of that hash.

    Returns:
        One row per tested customer, list and method: `customer_id`, `day` (of the basket left out),
        `list`, `method`, `hit` (anything guessed), `recall` (share of the basket guessed).
    """
    tested = _tested(found.lines, as_of, most, seed)
    parts = [pl.DataFrame(schema=OUTCOME)]
    columns = positions(found.catalogue)
    for (month,), some in tested.group_by("month", maintain_order=True):
        known = found.before(month)
        if known.height:
            parts.append(_month(found, known, some, columns, month, length))
    return pl.concat(parts).sort("list", "method", "customer_id")


def summary(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Hit rates of every method, the paired difference to what it must beat, and what is shown.

    A method is shown only where the whole 95 % interval of the difference lies above 0. The order by
    due-ness replaces that by times bought only where it beats it.

    Args:
        outcomes: as `outcomes` returns it.

    Returns:
        One row per list and method, in a fixed order: `list`, `method`, `customers` (tested), `hits`,
        `hit_rate`, `low`, `high` (95 %, Wilson), `recall` (mean), `against` (the method to beat; null
        for those that are only compared with), `difference`, `difference_low`, `difference_high`
        (of hit rates, paired), `shown` (this method makes the list). Without tested customers the
        rates are null and nothing is shown.
    """
    wide = {
        name: rows.pivot(on="method", index="customer_id", values="hit").sort("customer_id")
        for (name,), rows in outcomes.group_by("list")
    }
    recalls = outcomes.group_by("list", "method").agg(pl.col("recall").mean().round(9))
    means = {(a, b): value for a, b, value in recalls.iter_rows()}
    rows = []
    for name, methods in LISTS.items():
        for method, against in methods.items():
            row = {"list": name, "method": method, "against": against, "shown": False}
            hits = wide.get(name)
            row |= {"customers": 0, "hits": 0}
            if hits is not None:
                row |= _rate(hits[method].to_numpy()) | {"recall": means[name, method]}
            if hits is not None and against:
                row |= _paired(hits[method].to_numpy(), hits[against].to_numpy())
                row["shown"] = row["difference_low"] > 0
            rows.append(row)
    table = pl.DataFrame(rows, schema=_RESULT)
    order = pl.col("method") == BY_DUE
    wins = table.filter(pl.col("method") == DUE_AGAIN)["shown"][0]
    better = table.filter(order)["shown"][0]
    return table.with_columns(
        shown=pl.when(order)
        .then(pl.lit(wins and better))
        .when(pl.col("method") == DUE_AGAIN)
        .then(pl.lit(wins and not better))
        .otherwise("shown")
    )


def paired_interval(first: int, second: int, both: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two rates on the same customers.

    Args:
        first, second: customers whom only one of the two methods hit.
        both: customers in all.

    Returns:
        Lower and upper limit of (first - second) / both. Source: Bonett and Price (2012), Journal of
        Educational and Behavioral Statistics 37: the Wald interval with one customer added to each.
    """
    n = both + 2
    a, b = (first + 1) / n, (second + 1) / n
    half = Z * np.sqrt((a + b - (a - b) ** 2) / n)
    return float(max(a - b - half, -1)), float(min(a - b + half, 1))


@dataclass(frozen=True)
class _Tested:
    """Customers of one month: what they had before the basket left out, and what was in it."""

    customers: pl.DataFrame
    own: pl.DataFrame
    bought: sparse.csr_array
    truth: sparse.csr_array


def _tested(lines: pl.DataFrame, as_of: date, most: int, seed: int) -> pl.DataFrame:
    """Whom to test: `customer_id`, `day` (last basket), `month` (its first day)."""
    first = Month.of(as_of).plus(1 - MONTHS).first_day
    days = lines.group_by("customer_id").agg(
        day=pl.col("day").max(), baskets=pl.col("day").n_unique()
    )
    some = days.filter((pl.col("baskets") >= 2) & (pl.col("day") >= first))
    # The hash depends on the version of polars, which the run key holds.
    drawn = some.sort(pl.col("customer_id").hash(seed), "customer_id").head(most)
    return drawn.select("customer_id", "day", month=pl.col("day").dt.truncate("1mo")).sort(
        "month", "customer_id"
    )


def _month(
    found: Baskets,
    known: pl.DataFrame,
    some: pl.DataFrame,
    columns: pl.DataFrame,
    month: date,
    length: int,
) -> pl.DataFrame:
    """The outcomes of the customers whose last basket lies in one month."""
    popular = popularity(known, columns, month)
    days = some.select("customer_id", until="day")
    gaps = due_again.usual_gaps(known)
    before = found.before(days)
    own = due_again.owned(before, gaps, days).with_columns(by_due=due_again.by_due())
    last = found.lines.join(days, on="customer_id").filter(pl.col("day") == pl.col("until"))
    who = some["customer_id"]
    truth = matrix(last, who, columns)
    tested = _Tested(some, own, matrix(own, who, columns), truth)
    parts = [_needs(before, last, known, found.catalogue)]
    for name, guesses in (
        (DUE_AGAIN, _due_again(tested, columns, popular, length)),
        (TRY_NEXT, _try_next(tested, known, found.catalogue, columns, popular, length)),
    ):
        aim = truth if name == DUE_AGAIN else truth - truth.multiply(tested.bought)
        parts += [_judged(some, aim, one, name, method) for method, one in guesses.items()]
    return pl.concat(parts)


def _due_again(
    tested: _Tested, columns: pl.DataFrame, popular: Popularity, length: int
) -> dict[str, np.ndarray]:
    """What each method of the list "due again" guesses."""
    who = tested.customers["customer_id"]
    times, due = (matrix(tested.own, who, columns, name) for name in ("times", "by_due"))
    nothing = sparse.csr_array(times.shape)
    return {
        DUE_AGAIN: best(times, popular, length)[0],
        BY_DUE: best(due, popular, length)[0],
        OWN_TOP: best(times, popular, length, fill=False)[0],
        POPULAR: best(nothing, popular, length)[0],
    }


def _try_next(
    tested: _Tested,
    known: pl.DataFrame,
    catalogue: pl.DataFrame,
    columns: pl.DataFrame,
    popular: Popularity,
    length: int,
) -> dict[str, np.ndarray]:
    """What each method of the list "try next" guesses."""
    everybody = known["customer_id"].unique().sort()
    pairs = known.select("customer_id", "product_id").unique()
    similar = try_next.similar(matrix(pairs, everybody, columns), catalogue)
    likely, off = try_next.scores(tested.bought, similar)
    nothing = sparse.csr_array(likely.shape)
    return {
        TRY_NEXT: best(likely, popular, length, off)[0],
        POPULAR_NEW: best(nothing, popular, length, tested.bought)[0],
    }


def _needs(
    before: pl.DataFrame, last: pl.DataFrame, known: pl.DataFrame, catalogue: pl.DataFrame
) -> pl.DataFrame:
    """The outcomes of one guess at a new category by look-alikes, and by what is common."""
    gaps = latent_needs.category_gaps(known, before, catalogue)
    named = last.join(catalogue.select("product_id", "category").drop_nulls(), on="product_id")
    truth = named.select("customer_id", "day", "category").unique()
    new = truth.join(gaps, on=["customer_id", "category"], how="semi")
    aim = new.group_by("customer_id", "day").agg("category")
    parts = [pl.DataFrame(schema=OUTCOME)]
    for method, measure in ((LATENT_NEED, "share"), (POPULAR_CATEGORY, "everybody")):
        ordered = gaps.sort("customer_id", -pl.col(measure), -pl.col("everybody"), "category")
        guess = ordered.group_by("customer_id", maintain_order=True).agg(
            guess=pl.col("category").first()
        )
        judged = aim.join(guess, on="customer_id").with_columns(
            hit=pl.col("category").list.contains(pl.col("guess")),
            list=pl.lit(LATENT_NEED),
            method=pl.lit(method),
        )
        recall = pl.col("hit") / pl.col("category").list.len()
        parts.append(judged.with_columns(recall=recall).select(*OUTCOME))
    return pl.concat(parts)


def _judged(
    some: pl.DataFrame, aim: sparse.csr_array, guessed: np.ndarray, name: str, method: str
) -> pl.DataFrame:
    """The outcome of one method for each customer who has something to be guessed."""
    rows = np.repeat(np.arange(len(guessed)), guessed.shape[1])
    flat = guessed.ravel()
    right = values_at(aim.tocsr(), rows, np.maximum(flat, 0)) * (flat >= 0)
    found = right.reshape(guessed.shape).sum(axis=1)
    there = np.asarray(aim.sum(axis=1)).ravel()
    return (
        some.with_columns(found=pl.Series(found), there=pl.Series(there))
        .filter(pl.col("there") > 0)
        .select(
            "customer_id",
            "day",
            list=pl.lit(name),
            method=pl.lit(method),
            hit=pl.col("found") > 0,
            recall=pl.col("found") / pl.col("there"),
        )
    )


def _rate(hits: np.ndarray) -> dict:
    n, k = len(hits), int(hits.sum())
    low, high = wilson(np.array([k / n]), np.array([n]))
    return {
        "customers": n,
        "hits": k,
        "hit_rate": k / n,
        "low": float(np.clip(low[0], 0, 1)),
        "high": float(np.clip(high[0], 0, 1)),
    }


def _paired(hits: np.ndarray, others: np.ndarray) -> dict:
    first, second = int((hits & ~others).sum()), int((others & ~hits).sum())
    low, high = paired_interval(first, second, len(hits))
    difference = (first - second) / len(hits)
    return {"difference": difference, "difference_low": low, "difference_high": high}
