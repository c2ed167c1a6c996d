"""What stands between a notebook and production, looked up in the environment at hand instead of asked.

Reading order: ``facts`` (what is read once), ``service``, ``sync``, ``data`` (the items), ``checklist``.
"""

from .checklist import CHECK_COLUMNS, STATES, Checklist, to_production

__all__ = [
    "CHECK_COLUMNS",
    "STATES",
    "Checklist",
    "to_production",
]
