"""Older address of what :mod:`.rate_limit`, :mod:`.retry` and :mod:`.waiting` hold."""

from .rate_limit import Pacer
from .retry import RetryPolicy, parse_retry_after
from .waiting import Stop

__all__ = ["Pacer", "RetryPolicy", "Stop", "parse_retry_after"]
