"""Events to state: replay, follow, keep a moment and bring it up to date, receive webhooks.

Reading order: ``events`` (one event parsed), ``state`` (replay), ``history`` (timelines), ``follow``,
``snapshot``, ``worlds`` (what a sandbox can be made of); ``webhooks`` stands alone.
"""

from ..client import calls

__all__ = calls.front_door(__name__, __file__)
