"""The site: getting started, notebooks, how-to pages, data dictionary and reference; it needs no server.

``python -m dirsync_nb.site`` builds it. Reading order: ``reference`` (pages made from the code), ``build``.
"""

from .build import build, main

__all__ = ["build", "main"]
