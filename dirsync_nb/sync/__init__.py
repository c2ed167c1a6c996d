"""Events to state: replay, follow, keep a moment and bring it up to date, receive webhooks.

Reading order: ``events`` (one event parsed), ``state`` (replay), ``history`` (timelines), ``follow``,
``snapshot``, ``worlds`` (what a sandbox can be made of); ``webhooks`` stands alone.
"""

from ..client.calls import every_call
from . import follow, history, snapshot, webhooks
from .events import NEVER, Moment, moment_of
from .follow import Follower, Gap, LostPlace, follow_events, latest_event
from .snapshot import DamagedSnapshot, Snapshot, open_snapshot, take_snapshot
from .state import Base, InactivePolicy, State, oldest_first, replay

__all__ = [
    "NEVER",
    "Base",
    "DamagedSnapshot",
    "Follower",
    "Gap",
    "InactivePolicy",
    "LostPlace",
    "Moment",
    "Snapshot",
    "State",
    "follow",
    "follow_events",
    "history",
    "latest_event",
    "moment_of",
    "oldest_first",
    "open_snapshot",
    "replay",
    "snapshot",
    "take_snapshot",
    "webhooks",
]

every_call(__name__)
