"""The WorkOS API as Python: one GET or a typed error, pages, whole lists, receipts. No pandas in here.

Reading order: ``endpoints`` (what can be asked), ``credentials`` and ``connections`` (one exchange, and what
holds in each), ``answers`` (what it says), ``rate_limit`` and ``retry`` (how fast, and how often again),
``transport`` (one GET), ``receipts``, ``context`` (what a load reads with), ``segments`` and ``paging`` (a list
by its cursors), ``two_ended`` (a list from both ends), ``client``, ``pseudonyms``.
"""

from . import calls

__all__ = calls.front_door(__name__, __file__)
