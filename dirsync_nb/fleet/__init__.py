"""Fleets: all directories of an environment in one Parquet dataset, with questions asked out of core.

Reading order: ``dataset`` (files), ``load`` (one directory), ``queries``, ``comparison``, ``board``,
``onward``, ``fleet``, ``take``, ``refresh``.
"""

from ..client.calls import every_call
from .board import BOARD_COLUMNS
from .fleet import Fleet, open_fleet
from .onward import parquet_schema
from .refresh import refresh_fleet
from .take import take_fleet

__all__ = [
    "BOARD_COLUMNS",
    "Fleet",
    "open_fleet",
    "parquet_schema",
    "refresh_fleet",
    "take_fleet",
]

every_call(__name__)
