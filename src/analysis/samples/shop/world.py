"""Everything that the simulated retailer consists of, from one seed."""

from dataclasses import dataclass

import polars as pl

from analysis.samples.shop.accounts import make_costs, make_loyalty, make_relations, make_responses
from analysis.samples.shop.campaigns import run_campaigns
from analysis.samples.shop.fields import fill_in
from analysis.samples.shop.orders import Orders, make_orders
from analysis.samples.shop.people import make_people
from analysis.samples.shop.purchases import simulate_purchases
from analysis.samples.shop.records import make_records
from analysis.samples.shop.service import make_feedback, make_interactions
from analysis.samples.shop.surveys import make_surveys


@dataclass(frozen=True)
class World:
    """The retailer: what is true, and what its systems hold."""

    people: pl.DataFrame
    purchases: pl.DataFrame
    members: pl.DataFrame  # of campaigns
    records: pl.DataFrame  # of customers, as filled in
    orders: Orders
    interactions: pl.DataFrame
    feedback: pl.DataFrame
    surveys: pl.DataFrame
    responses: pl.DataFrame
    relations: pl.DataFrame
    costs: pl.DataFrame
    loyalty: pl.DataFrame


def simulate(seed: int) -> World:
    """The retailer of a seed; equal seeds give equal retailers."""
    people = make_people(seed)
    purchases = simulate_purchases(people, seed)
    members = run_campaigns(people, purchases, seed)
    records = fill_in(make_records(people, seed), people, seed)
    orders = make_orders(people, purchases, members, records, seed)
    interactions = make_interactions(people, purchases, records, seed)
    feedback = make_feedback(people, purchases, orders, seed)
    responses = make_responses(members, records, orders, seed)
    relations = make_relations(people, records, seed)
    return World(
        people=people,
        purchases=purchases,
        members=members,
        records=records,
        orders=orders,
        interactions=interactions,
        feedback=feedback,
        surveys=make_surveys(people, purchases, records, seed),
        responses=responses,
        relations=relations,
        costs=make_costs(people, records, orders, interactions, feedback, responses, seed),
        loyalty=make_loyalty(people, orders, relations, seed),
    )
