"""What stands between a notebook and production, looked up in the environment at hand instead of asked.

Reading order: ``items``, ``checklist``; and what the documentation leaves open: ``asking``, ``questions`` (the
table of them), ``probe``.
"""

from ...client.calls import every_call
from .checklist import CHECK_COLUMNS, STATES, Checklist, to_production
from .probe import PROBE_COLUMNS, Probe, probe

__all__ = [
    "CHECK_COLUMNS",
    "PROBE_COLUMNS",
    "STATES",
    "Checklist",
    "Probe",
    "probe",
    "to_production",
]

every_call(__name__)
