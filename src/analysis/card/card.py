"""One customer's rows of a published month's tables, and what the page shows of who it is."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from analysis import tables
from analysis.card import lines, relations
from analysis.card.find import Ids
from analysis.labels import group, label
from analysis.report.show import form
from analysis.run import paths
from analysis.run.session import Run
from analysis.run.settings import Settings

READS = (
    *("customers", "segments", "clv", "churn", "occasions", "orders", "order_lines", "products"),
    *("profiles", "identity_merges", "interactions", "feedback", "costs", "relations", "staff"),
    *("surveys", "feedback_texts", "preferred_channels", "action_plan", "offers"),
)
AGE_BANDS = (18, 25, 35, 45, 55, 65)  # where the settings name none
FIRST_OFFERS = 3  # of each list
_FROM_RECORD = (
    *("customer_type", "gender", "income_band", "industry", "company_size"),
    *("member_tier", "level_in_crm"),
)


@dataclass(frozen=True)
class Card:
    """One customer in one month: the tables, and who it is about."""

    customer_id: str  # of the person, as the tables have it
    ids: Ids
    settings: Settings
    as_of: date
    tables: dict[
        str, pl.DataFrame
    ]  # of all customers; without rows where a month has no such table
    record: dict = field(default_factory=dict)  # the newest known value of each field

    def rows(self, table: str) -> pl.DataFrame:
        """The customer's rows of a table."""
        frame = self.tables[table]
        name = "person_id" if table == "profiles" else "customer_id"
        return frame.filter(pl.col(name) == self.customer_id)

    def row(self, table: str) -> dict | None:
        """The customer's one row of a table, or None."""
        rows = self.rows(table)
        return rows.row(0, named=True) if rows.height else None

    def has(self, table: str) -> bool:
        """Whether the month has rows of a table, of whichever customer."""
        return self.tables[table].height > 0

    @cached_property
    def lines(self) -> pl.DataFrame:
        """Order lines of all customers, as `lines.known_lines` returns them."""
        return lines.known_lines(*self._some("order_lines", "products", "orders"))

    def ego(self, radius: int = relations.RADIUS) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Whom the customer is joined to, as `relations.ego`, with ids as pages may show them."""
        some = self._some("relations", "profiles", "segments", "customers")
        nodes, edges = relations.ego(self.customer_id, *some, radius)
        nodes = nodes.with_columns(customer_id=self.ids.shown(nodes["customer_id"]))
        shown = [self.ids.shown(edges[name]) for name in ("source", "target")]
        return nodes, edges.with_columns(shown)

    def _some(self, *names: str) -> list[pl.DataFrame]:
        return [self.tables[name] for name in names]


def open_card(run: Run, customer: str) -> Card:
    """Open a customer's card.

    Args:
        run: a published month, as `analysis.open_month` returns it.
        customer: an id as the company's systems write it (of a record that was merged, too), or as
            reports show it.

    Raises:
        UserError: if the month is not published or does not know the id.
    """
    folder = paths.tables(run.settings.name, run.month)
    frames = {"customers": run.read("customers")}
    ids = Ids.of(folder, run.settings)
    person = ids.person(customer)
    for name in READS[1:]:
        there = tables.table_path(name, folder).is_file()
        frames[name] = run.read(name) if there else tables.empty(name)
    record = newest_values(frames["profiles"].filter(pl.col("person_id") == person))
    return Card(person, ids, run.settings, run.as_of, frames, record)


def newest_values(records: pl.DataFrame) -> dict:
    """Of a person's records, the newest known value of each field; `created_at` is the earliest.

    Args:
        records: rows of `profiles` of one person.
    """
    if records.is_empty():
        return {}
    latest = records.sort("updated_at", "customer_id", descending=[True, False], nulls_last=True)
    values = latest.select(pl.all().drop_nulls().first()).row(0, named=True)
    return values | {"created_at": records["created_at"].min()}


def described(one: Card) -> pl.DataFrame:
    """What the record says of the customer, but no name, phone, e-mail or address.

    Returns:
        One row per field that is known: `about_the_customer`, `value`, both in words.
    """
    rows = [(group("card.field")[name], value) for name, value in _fields(one).items() if value]
    return pl.DataFrame(rows, schema=["about_the_customer", "value"], orient="row")


def unknown_fields(one: Card) -> list[str]:
    """The fields that the record leaves open, in words."""
    return [group("card.field")[name] for name, value in _fields(one).items() if not value]


def _fields(one: Card) -> dict[str, str | None]:
    record = one.record
    if not record:
        return {}
    staff, salt = one.tables["staff"], one.settings.name
    owner = relations.shown_owners(pl.Series([record["owner"]], dtype=pl.String), staff, salt)[0]
    created, consent = record["created_at"], record["consent_marketing"]
    place = [record[name] for name in ("city", "province") if record[name]]
    fields = {
        "on_record_since": created and form(created.date(), "date", one.settings),
        "place": ", ".join(dict.fromkeys(place)),
        "city_tier": _words(record["city_tier"]),
        "age_band": _age_band(one),
        "owner": owner,
        "consent_marketing": consent
        if consent is None
        else label("card.yes")
        if consent
        else label("card.no"),
    }
    return fields | {name: _words(record[name]) for name in _FROM_RECORD}


def _words(value: str | None) -> str | None:
    return value and value.replace("_", " ")


def _age_band(one: Card) -> str | None:
    """The band on the axis of ages if the month has it, else from the birthday."""
    own = one.rows("segments").filter(pl.col("axis") == "age_band")
    if own.height:
        return _words(own["class"][0])
    bands = getattr(one.settings.segment, "age_bands", AGE_BANDS)
    birthday, age = one.record["birthday"], one.record["age"]
    if birthday:
        before = (one.as_of.month, one.as_of.day) < (birthday.month, birthday.day)
        age = one.as_of.year - birthday.year - before
    return None if age is None else age_band(int(age), bands)


def age_band(age: int, bands: list[int] | tuple[int, ...]) -> str:
    """The band that an age lies in, e.g. `25–34`, `under 18`, `65 and over`.

    Args:
        age: in full years.
        bands: the youngest age of each band but the first, ascending.
    """
    if age < bands[0]:
        return label("card.under", age=bands[0])
    if age >= bands[-1]:
        return label("card.over", age=bands[-1])
    first = max(edge for edge in bands if edge <= age)
    return f"{first}–{min(edge for edge in bands if edge > age) - 1}"


def merged_records(one: Card) -> pl.DataFrame:
    """Records of other ids that are this customer's too.

    Returns:
        One row per id: `customer_id` (as pages may show it), `why` (in words).
    """
    merges = one.tables["identity_merges"].filter(pl.col("merged_into") == one.customer_id)
    rule = pl.col("rule").cast(pl.String)
    words = rule.replace_strict(group("card.merged"), default=rule)
    named = merges.select("customer_id", why=words)
    return named.with_columns(customer_id=one.ids.shown(named["customer_id"]))


def classes(one: Card) -> pl.DataFrame:
    """The customer's class on every axis of the month.

    Returns:
        One row per axis: `axis`, `class`, `previous_class`, and `rule` where the month says by which
        rule; one that was set by hand says so.
    """
    found = one.rows("segments")
    columns = [
        name for name in ("axis", "class", "previous_class", "rule") if name in found.columns
    ]
    if "by_hand" in found.columns:
        by_hand = pl.when(pl.col("by_hand")).then(pl.lit(label("card.by_hand")))
        found = found.with_columns(rule=pl.coalesce(by_hand, "rule"))
    return found.select(columns)


def offers(one: Card) -> pl.DataFrame:
    """The first products of the customer's lists of offers.

    Returns:
        One row per list and product: `list`, `product` (its name, else its id), `times` (bought), `due`
        (1.0: as many days as usually pass between two), `last_price`; no row where no list won.
    """
    first = one.rows("offers").filter(pl.col("rank") <= FIRST_OFFERS).sort("list", "rank")
    words = pl.col("list").cast(pl.String).replace(group("offer_list"))
    product = pl.coalesce("product_name", "product_id")
    return first.select(words, "times", "due", "last_price", product=product).select(
        "list", "product", "times", "due", "last_price"
    )


def strategies(one: Card) -> pl.DataFrame:
    """What the settings plan for the customer's classes.

    Returns:
        One row per planned action: `class`, `action`, `owner`, `kpi`; no row where nothing is planned.
    """
    own = set(one.rows("segments").select("axis", "class").iter_rows())
    rows = [
        (plan.class_, action, plan.owner, plan.kpi)
        for plan in getattr(one.settings, "strategies", ())
        if (plan.axis, plan.class_) in own
        for action in plan.actions
    ]
    names = ["class", "action", "responsible", "measured_by"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
