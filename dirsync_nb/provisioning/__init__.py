"""Your app against the directory: compare, invite, audit, and the checklist before production. Plans only.

Reading order: ``people`` (who is who), ``status`` (on or off), ``comparison``, ``plan``,
``organizations``, ``script`` (a plan as SQL), ``database``, ``prefill``, ``onboarding``, ``audit``,
``checklist``. Each loads when it is named.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
