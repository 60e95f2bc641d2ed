"""Records of customers: fields cleaned, one record per id, one person per group of records."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from analysis import model, tables
from analysis.clean.quality import STALE_DAYS
from analysis.clean.records import clean_records
from analysis.labels import label
from analysis.run import paths
from analysis.run.errors import UserError
from analysis.run.settings import Settings

MOST_OWNERS = 100  # with a list of their own; beyond, the list of all serves
_PLACE = ["province", "city", "district", "address"]
_CLEANED = ["phone", "email", "birthday", "province", "city", "district"]
PEOPLE = {
    "customer_id": pl.String,
    "person_id": pl.String,
    "created_at": pl.Datetime("us"),
    "is_test": pl.Boolean,
}


@dataclass(frozen=True)
class Records:
    """The records of customers, cleaned."""

    profiles: pl.DataFrame  # one row per customer_id, as `profiles` but person_id, with `is_test`
    aside: pl.DataFrame  # rows set aside, as `quarantine` but table
    problems: pl.DataFrame  # one row per record and problem: customer_id, owner, file, row, problem


@dataclass(frozen=True)
class People:
    """Which records are one person."""

    people: pl.DataFrame  # customer_id, person_id, created_at, is_test; empty without records
    merges: pl.DataFrame  # the table `identity_merges`
    review: pl.DataFrame  # the table `identity_review`
    profiles: pl.DataFrame  # the table `profiles`


def clean_profiles(raw: pl.DataFrame, as_of: date, settings: Settings) -> Records:
    """Clean the fields of every record; of several records of one id the latest is kept.

    Args:
        raw: the table `raw_customers`.
        as_of: last day of the month.
        settings: of the data set; `country` is where numbers without a country code are from.
    """
    clean, aside = clean_records("customers", raw)
    latest = clean.sort("updated_at", "created_at", "file", "row", nulls_last=False)
    one_each = latest.unique("customer_id", keep="last", maintain_order=True).sort("customer_id")
    if one_each.is_empty():
        nothing = pl.DataFrame(schema={**dict.fromkeys(_PROBLEM, pl.String), "row": pl.Int64})
        empty = one_each.with_columns(
            pl.lit(None, pl.String).alias("city_tier"),
            pl.lit(None, pl.String).alias("place_problem"),
            pl.lit("").alias("altered"),
            pl.lit("").alias("imputed"),
            pl.lit(False).alias("is_test"),
        )
        return Records(empty, aside, nothing)
    cleaned = _clean_fields(one_each, as_of, settings)
    return Records(cleaned.drop("^.*_invalid$"), aside, _problems(cleaned, raw, as_of))


_PROBLEM = ["customer_id", "owner", "file", "row", "problem"]


def _clean_fields(records: pl.DataFrame, as_of: date, settings: Settings) -> pl.DataFrame:
    from analysis.clean import contacts, places

    tiers = places.load_tiers(paths.from_root(settings.city_tiers) if settings.city_tiers else None)
    fields = [
        contacts.clean_phones(records["phone"], settings.phone_country),
        contacts.clean_emails(records["email"]),
        contacts.clean_birthdays(records["birthday"], as_of),
        places.clean_places(records.select(_PLACE), tiers=tiers).drop("address", strict=False),
    ]
    is_test = contacts.is_test_account(pl.col("customer_name"), pl.col("phone"), pl.col("email"))
    marked = records.select(is_test=is_test)
    replaced = [name for frame in fields for name in frame.columns]
    cleaned = pl.concat([records.drop(replaced, strict=False), *fields, marked], how="horizontal")
    changed, filled = [], []
    for name in _CLEANED:
        came = records[name].is_not_null()
        changed.append(pl.when(came & cleaned[name].ne_missing(records[name])).then(pl.lit(name)))
        filled.append(pl.when(~came & cleaned[name].is_not_null()).then(pl.lit(name)))
    return cleaned.with_columns(
        altered=pl.concat_str(changed, separator=",", ignore_nulls=True),
        imputed=pl.concat_str(filled, separator=",", ignore_nulls=True),
    )


def _problems(cleaned: pl.DataFrame, raw: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What the owner of a record could mend, one row per record and problem."""
    found = [
        cleaned.filter(pl.col(name)).with_columns(problem=pl.lit(name))
        for name in cleaned.columns
        if name.endswith("_invalid")
    ]
    found.append(
        cleaned.filter(pl.col("place_problem").is_not_null()).with_columns(problem="place_problem")
    )
    stale = pl.col("updated_at").dt.date() < as_of - timedelta(days=STALE_DAYS)
    found.append(cleaned.filter(stale).with_columns(problem=pl.lit("record_stale")))
    rows = pl.concat([frame.select(_PROBLEM) for frame in found])
    odd = raw.filter(pl.col("unreadable") != "").join(
        cleaned.select("file", "row"), on=["file", "row"], how="semi"
    )
    names = odd.with_columns(problem=pl.col("unreadable").str.split(",")).explode("problem")
    unread = names.select(*_PROBLEM[:-1], problem=pl.col("problem") + "_unreadable")
    return pl.concat([rows, unread]).sort("customer_id", "problem")


def find_people(records: Records, settings: Settings) -> People:
    """Find the records that are one person, unless the settings say that ids are clean.

    Args:
        records: the cleaned records.
        settings: `identity.merge`, and `identity.keep_apart`: a CSV of pairs that are not one person.
    """
    profiles = records.profiles
    own = profiles.select("customer_id", person_id="customer_id")
    merges, review = tables.empty("identity_merges"), tables.empty("identity_review")
    usable = profiles.filter(~pl.col("is_test"))
    if settings.identity.merge and usable.height > 1:
        from analysis.clean.identity import find_same_people

        found = find_same_people(usable, keep_apart=_keep_apart(settings), seed=settings.seed)
        merges, review = found.merges, found.review
        own = own.update(found.people.select("customer_id", "person_id"), on="customer_id")
    known = profiles.join(own, on="customer_id", maintain_order="left")
    people = known.select(
        "customer_id",
        "person_id",
        created_at=pl.col("created_at").min().over("person_id"),
        is_test="is_test",
    )
    return People(people, merges, review, known.drop("is_test"))


def _keep_apart(settings: Settings) -> pl.DataFrame | None:
    """The pairs that are known not to be one person; raises UserError for a file of another form."""
    if not settings.identity.keep_apart:
        return None
    path = paths.from_root(settings.identity.keep_apart)
    wanted = ["customer_id_a", "customer_id_b"]
    try:
        pairs = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise UserError(
            f"{paths.display(path)} (identity.keep_apart) cannot be read: {problem}."
        ) from None
    if not set(wanted) <= set(pairs.columns):
        raise UserError(
            f"{paths.display(path)} (identity.keep_apart) must have the columns {', '.join(wanted)}; "
            f"it has {', '.join(pairs.columns)}."
        )
    return pairs.select(wanted).drop_nulls()


def summary(records: Records) -> pl.DataFrame:
    """How many records had which problem, the commonest first: `problem`, `records`."""
    counted = records.problems.group_by("problem").agg(records=pl.len().cast(pl.Int64))
    return counted.sort(["records", "problem"], descending=[True, False])


def mend_list(
    records: Records, quarantine: pl.DataFrame, raw: dict[str, tables.Frame]
) -> pl.DataFrame:
    """What to mend at the source, sorted by the owner of the record.

    Args:
        records: the cleaned records with their problems.
        quarantine: the table `quarantine`.
        raw: table = rows as received; `staff` says which ids and names are one owner.

    Returns:
        One row per problem: `owner`, `table`, `file`, `row`, `customer_id`, `problem`.
    """
    key = ["table", "file", "row"]
    bad = quarantine.filter(pl.col("kind") == "bad").select(*key, problem="reason")
    ids = [
        frame.lazy()
        .select(pl.lit(table).alias("table"), "file", "row", "customer_id")
        .join(bad.lazy(), on=key, how="semi")
        for table, frame in raw.items()
        if "customer_id" in model.columns(table)
    ]
    owner = records.profiles.select("customer_id", "owner")
    known = pl.concat(pl.collect_all(ids, engine="streaming"))
    rows = bad.join(known, on=key, how="left").join(owner, on="customer_id", how="left")
    own = records.problems.with_columns(pl.lit("customers").alias("table"))
    columns = ["owner", "table", "file", "row", "customer_id", "problem"]
    listed = pl.concat([rows.select(columns), own.select(columns)])
    staff = raw["staff"].drop_nulls(["staff_id", "name"]).unique("staff_id", keep="first")
    named = listed.with_columns(pl.col("owner").replace(staff["staff_id"], staff["name"]))
    return named.sort(columns, nulls_last=True)


def by_owner(mend: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The list of what to mend in parts: all of it, and what each owner has to do.

    Args:
        mend: as `mend_list` returns it.

    Returns:
        Name of the part = its rows; the owners with most rows first, at most MOST_OWNERS of them.
    """
    parts = {label("clean.mend_all"): mend}
    counts = mend.drop_nulls("owner")["owner"].value_counts(sort=True)
    for owner in counts.sort(["count", "owner"], descending=[True, False])["owner"][:MOST_OWNERS]:
        parts[owner] = mend.filter(pl.col("owner") == owner).drop("owner")
    nobodys = mend.filter(pl.col("owner").is_null()).drop("owner")
    return parts if nobodys.is_empty() else parts | {label("clean.mend_nobody"): nobodys}


def problems_by_kind(mend: pl.DataFrame) -> pl.DataFrame:
    """What is to mend, the commonest first: `table`, `problem`, `rows`, `owners`, `without_owner`."""
    counted = mend.group_by("table", "problem").agg(
        rows=pl.len().cast(pl.Int64),
        owners=pl.col("owner").drop_nulls().n_unique().cast(pl.Int64),
        without_owner=pl.col("owner").null_count().cast(pl.Int64),
    )
    return counted.sort(["rows", "table", "problem"], descending=[True, False, False])
