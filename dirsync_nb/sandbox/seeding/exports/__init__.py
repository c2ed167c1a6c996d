"""Files that admins export from their own directory, read as people, groups and memberships.

Reading order: ``forms`` (what columns mean), ``tables`` (files to rows), ``people`` (rows to people),
``arrival`` (people to the users of a directory).
"""

from .arrival import world_of
from .people import Column, People, read_people

__all__ = ["Column", "People", "read_people", "world_of"]
