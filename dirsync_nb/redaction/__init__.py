"""Frames with pseudonyms in place of people, so that a notebook can be shared and its charts still hold.

Reading order: ``known_frames`` (which frames are ours), ``redact`` (which of their fields tell who one is, and
an environment as a file).
"""

from ..client.calls import every_call
from .redact import redact, save_world

__all__ = ["redact", "save_world"]

every_call(__name__)
