"""Fleets: all directories of an environment in one Parquet dataset, with questions asked out of core.

Reading order: ``dataset`` (files), ``load`` (one directory), ``queries``, ``comparison``, ``fleet``, ``take``,
``refresh``.
"""

from .fleet import Fleet, open_fleet
from .refresh import refresh_fleet
from .take import take_fleet

__all__ = [
    "Fleet",
    "open_fleet",
    "refresh_fleet",
    "take_fleet",
]
