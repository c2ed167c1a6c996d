"""Notebooks as files: run them, check that they are fit to commit, keep them to this machine.

Reading order: ``secrets``, ``cells``, ``files``, ``findings``, ``fix``, ``network_guard``, ``tour``, ``check``;
``exercises`` judges the answers in the guided ones. What pytest loads is ``pytest_plugin``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, ["check", "fix", "network_guard", "secrets", "tour"], {"exercises": ["check_answer"]}
)
