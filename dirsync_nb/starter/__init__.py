"""A sync worker to begin with: typed, tested, on the official SDK and SQLAlchemy, written to a folder.

``template`` holds the project as people get it; it is checked as one of its own.
"""

from .write import FILES, write_starter

__all__ = ["FILES", "write_starter"]
