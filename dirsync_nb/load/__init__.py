"""From a client to frames: one call, one whole DataFrame, or an error that keeps what was read.

Reading order: ``progress``, ``parallel`` (many directories side by side), ``lists``, ``memberships``,
``roles`` (role definitions, organization memberships and WorkOS groups).
"""

from ..client import calls

__all__ = calls.front_door(__name__, __file__)
