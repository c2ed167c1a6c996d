"""A sync worker to begin with: typed, tested, on the official SDK and SQLAlchemy, written to a folder.

``template`` holds the project as people get it; it is checked as one of its own. ``own_table`` reads a table of
yours, for the worker to keep.
"""

from ..client.calls import every_call
from .write import FILES, require_empty, write_files, write_starter

__all__ = ["FILES", "require_empty", "write_files", "write_starter"]

every_call(__name__)
