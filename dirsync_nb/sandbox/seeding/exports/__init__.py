"""Files that admins export from their own directory, read as people, groups and memberships.

Reading order: ``forms`` (what columns mean), ``tables`` (files to rows), ``people`` (rows to people),
``world`` (people to the users of a directory).
"""

from .people import Column, People, read_people
from .world import world_of

__all__ = ["Column", "People", "read_people", "world_of"]
