"""What classes are measured with: cut points, typical rhythm, cluster centres and names.

The standard is plain JSON among a month's outputs; `decide` says when a part of it is fitted anew.
"""

from pydantic import BaseModel, ConfigDict

from analysis.segment.cluster_model import ClusterModel
from analysis.segment.rfm import CutPoints

DEFINITE_MONTHS = 12  # a standard fitted on less is provisional


class Part(BaseModel):
    """A part of the standard, and since when it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    fitted_in: str  # YYYY-MM
    months_seen: int  # calendar months with data when it was fitted
    confirmed_in: str | None = None  # the month in which a year of data confirmed it

    @property
    def provisional(self) -> bool:
        """Whether it rests on less than a year of data, and no year has confirmed it."""
        return self.months_seen < DEFINITE_MONTHS and self.confirmed_in is None


class RfmPart(Part):
    """Cut points of the RFM scores, and how many customers had each score when they were fitted."""

    cuts: CutPoints
    recency_shares: tuple[float, ...]
    monetary_shares: tuple[float, ...]


class ValuePart(Part):
    """Lowest revenue and margin of a year for the high and the middle tier."""

    revenue: tuple[float, float]
    margin: tuple[float, float] | None
    shares: tuple[float, ...]  # of customers in the low, middle and high tier by revenue


class RhythmPart(Part):
    """The gap between purchases that one-time buyers are measured with."""

    typical_gap_days: float


class ClusterPart(Part):
    """Clusters with all that was measured when they were fitted."""

    model: ClusterModel


class Standard(BaseModel):
    """All that classes are measured with; a part is None where the data never sufficed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rfm: RfmPart | None = None
    value: ValuePart | None = None
    rhythm: RhythmPart | None = None
    cluster: ClusterPart | None = None
    psychographic: ClusterPart | None = None
