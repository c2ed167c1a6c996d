"""Questions about frames: who is in what, what overlaps, who would lose access, which attributes are filled.

Pure functions from frames to frames: no network, no drawing, no argument is changed. Names of groups and users
are not unique, so every answer is keyed by id and carries the name beside it. Where a partial frame would make
the answer untrue it is refused (``IncompleteError``); where it only makes it smaller, the answer carries
``attrs["incomplete"]`` on. A frame of another kind, or without its ids in the index, is refused
(``ArgumentError``). The comparison of two moments lives in ``diffs`` and is named here too.
"""

from ..client import calls

__all__ = calls.front_door(__name__, __file__)
