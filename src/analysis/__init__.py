"""Customer analytics in notebooks: collect, clean, segment, value, warn, report.

A notebook of the monthly run begins with `analysis.start(...)`; a notebook of your own opens a
published month with `analysis.open_month(...)`.
"""

from analysis import tables
from analysis.run.errors import UserError
from analysis.run.session import Run, open_month, start

__all__ = ["Run", "UserError", "open_month", "start", "tables"]
