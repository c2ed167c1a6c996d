"""Frames with pseudonyms in place of people, so that a notebook can be shared and its charts still hold.

Reading order: ``known_frames`` (which frames are ours), ``redact`` (which of their fields tell who one is).
"""

from .redact import redact

__all__ = ["redact"]
