"""Files that admins export from their own directory, read as people, groups and memberships.

Reading order: ``forms`` (what columns mean), ``tables`` (files to rows), ``people`` (rows to people).
"""

from .people import Column, People, read_people

__all__ = ["Column", "People", "read_people"]
