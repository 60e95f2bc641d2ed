"""Tables of `06_feedback`."""

import dataframely as dy


class Satisfaction(dy.Schema):
    """One row per measure, survey item and group: of the last year's answers, or of a month's."""

    measure = dy.Enum(["nps", "csat"], primary_key=True)
    item = dy.String(primary_key=True)
    by = dy.String(primary_key=True)  # all, cluster, rfm, region, mode, month
    class_ = dy.String(primary_key=True, alias="class")
    answers = dy.Int64(min=1)
    value = dy.Float64(min=-100, max=100)  # NPS in points, CSAT in percent
    low = dy.Float64(min=-100, max=100)  # 95 %
    high = dy.Float64(min=-100, max=100)
    headline = dy.Bool()  # enough answers


class ResponseRates(dy.Schema):
    """One row per survey and group of those invited in the last year."""

    survey = dy.String(primary_key=True)
    by = dy.String(primary_key=True)
    class_ = dy.String(primary_key=True, alias="class")
    invited = dy.Int64(min=1)
    answered = dy.Int64(min=0)
    rate = dy.Float64(nullable=True, min=0, max=1)  # null where nobody is known to be silent
    low = dy.Float64(nullable=True, min=0, max=1)
    high = dy.Float64(nullable=True, min=0, max=1)


class Drivers(dy.Schema):
    """One row per touchpoint: what share of recommending goes with it, and how well it does."""

    item = dy.String(primary_key=True)
    touchpoint = dy.String(nullable=True)
    answers = dy.Int64(min=1)
    mean = dy.Float64()
    top_two = dy.Float64(min=0, max=1)
    low = dy.Float64(min=0, max=1)
    high = dy.Float64(min=0, max=1)
    importance = dy.Float64(min=0, max=1)
    importance_low = dy.Float64(min=0, max=1)
    importance_high = dy.Float64(min=0, max=1)
    rank = dy.Int64(min=1)
    rank_low = dy.Int64(min=1)
    rank_high = dy.Int64(min=1)
    quadrant = dy.String()
    certainty = dy.Float64(min=0, max=1)


class ComplaintKpis(dy.Schema):
    """One row per period (month, year) and figure of complaints."""

    period = dy.Enum(["month", "year"], primary_key=True)
    kpi = dy.String(primary_key=True)
    value = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)
    high = dy.Float64(nullable=True)
    cases = dy.Int64(min=0)
    left_out = dy.Int64(min=0)
    small = dy.Bool()


class ServiceStandards(dy.Schema):
    """One row per service standard."""

    standard = dy.String(primary_key=True)
    limit = dy.Float64(min=0)  # hours, days, seconds
    required = dy.Float64(min=0, max=1)
    share = dy.Float64(nullable=True, min=0, max=1)
    low = dy.Float64(nullable=True, min=0, max=1)
    high = dy.Float64(nullable=True, min=0, max=1)
    cases = dy.Int64(min=0)
    waiting = dy.Int64(min=0)
    verdict = dy.Enum(["met", "missed", "cannot_tell", "no_data"])
    small = dy.Bool()


class Themes(dy.Schema):
    """One row per theme of what customers wrote in the last year."""

    theme = dy.String(primary_key=True)
    words = dy.String()
    texts = dy.Int64(min=0)
    share = dy.Float64(min=0, max=1)  # of the texts with a theme
    low = dy.Float64(min=0, max=1)
    high = dy.Float64(min=0, max=1)
    is_new = dy.Bool(nullable=True)  # null where no earlier month is known
    share_before = dy.Float64(nullable=True, min=0, max=1)  # of complaints and suggestions, 90 days
    share_recent = dy.Float64(nullable=True, min=0, max=1)  # the 90 days after them
    is_rising = dy.Bool(nullable=True)  # by more than chance; null where too few texts tell


class FeedbackTexts(dy.Schema):
    """One row per text of a customer in the last year: its theme and tone, without the text."""

    table = dy.Enum(["feedback", "surveys"], primary_key=True)
    file = dy.String(primary_key=True)
    row = dy.Int64(primary_key=True, min=1)
    customer_id = dy.String(nullable=True)
    day = dy.Date()
    language = dy.String()
    theme = dy.String(nullable=True)
    tone = dy.Float64(min=-1, max=1)
    tone_label = dy.String(nullable=True)


class PreferredChannels(dy.Schema):
    """One row per customer with a class: the channel on which an answer is likeliest."""

    customer_id = dy.String(primary_key=True, min_length=1)
    class_ = dy.String(alias="class")  # of the axis rfm
    preferred_channel = dy.String()
    rate = dy.Float64(min=0, max=1)  # expected share answered
    sure = dy.Float64(nullable=True, min=0, max=1)
    next_channel = dy.String(nullable=True)
    contacts = dy.Int64(min=0)  # of the customer's own, on which it rests


class CallBack(dy.Schema):
    """One row per customer with an open complaint, in the order in which to call them."""

    customer_id = dy.String(primary_key=True, min_length=1)
    oldest_open_days = dy.Int64(min=0)
    complaints_open = dy.Int64(min=1)
    category = dy.String(nullable=True)
    probability_no_purchase = dy.Float64(nullable=True, min=0, max=1)
    value_at_stake = dy.Float64(nullable=True)
    priority = dy.Int64(min=1)
    high_value = dy.Bool(nullable=True)
    rising = dy.Bool(nullable=True)


class DueContacts(dy.Schema):
    """One row per customer who should have heard from the company by now."""

    customer_id = dy.String(primary_key=True, min_length=1)
    class_ = dy.String(alias="class")  # of the axis rfm
    last_contact = dy.Date(nullable=True)
    days_since = dy.Int64(nullable=True)
    every_days = dy.Int64(min=1)
    overdue_days = dy.Int64(nullable=True)


TABLES = {
    "satisfaction": Satisfaction,
    "response_rates": ResponseRates,
    "drivers": Drivers,
    "complaint_kpis": ComplaintKpis,
    "service_standards": ServiceStandards,
    "themes": Themes,
    "feedback_texts": FeedbackTexts,
    "preferred_channels": PreferredChannels,
    "call_back": CallBack,
    "due_contacts": DueContacts,
}
