"""Explore WorkOS Directory Sync in Jupyter.

Five lines to a first table:

    import dirsync_nb as ds
    client = ds.connect()  # WORKOS_API_KEY, or the embedded sandbox without one
    directories = ds.load_directories(client)
    users = ds.load_users(client, directories.index[0])
    groups = ds.load_groups(client, directories.index[0])

Words
-----
*directory*: a customer's own list of people, kept at a provider such as Okta, Entra ID or Google Workspace.
*directory user*, *directory group*: what it holds. *membership*: one user in one group. *event*: one change.
*provisioning*: bringing such changes into an app. *cursor*: where the next page begins. *record*: one API
object, parsed. *frame*: a DataFrame with declared columns. *idp_id*: the provider's own id of an object.
*sandbox*: a small program that speaks the same API on this machine.

Reading order
-------------
``errors``, ``text``, ``client`` (requests to records), ``frames`` (records to frames), ``load`` (what a person
calls), ``files``, ``sync`` (events to state), ``analysis``, ``charts``, ``provisioning`` (your app against the
directory), ``connect``, ``fleet``, ``redaction``, ``widgets``, ``notebooks``, ``cli``: each imports only from
those before it. ``sandbox`` imports nothing of ours. Public names stand once, in ``__init__.pyi``; all but
``connect`` load when they are named, and pandas with the first of them that needs it.
"""

import copyreg
import importlib
import sys
import types

import lazy_loader

from .connect import connect as connect
from .connect import connect_sandbox as connect_sandbox
from .errors import DirsyncError as DirsyncError

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def _by_name(module: types.ModuleType) -> tuple[object, tuple[str]]:
    return importlib.import_module, (module.__name__,)


# lazy_loader gives this module a class of its own, which cloudpickle does not know: a function of a notebook
# that says ds.connect could not travel to a worker.
if type(sys.modules[__name__]) is not types.ModuleType:
    copyreg.pickle(type(sys.modules[__name__]), _by_name)  # type: ignore[arg-type]


def _public(thing: object = None) -> object:
    """Return a thing of the front door; of modules, dir() and completion show what they say is public."""
    for module in (thing, *(sys.modules.get(f"{__name__}.{name}") for name in __all__)):
        if isinstance(module, types.ModuleType):
            vars(module).setdefault("__dir__", lambda names=module.__all__: sorted(names))
    return thing


_public()  # what connect has loaded


def __getattr__(name: str) -> object:
    """Load what needs more than requests when it is first named."""
    if name == "__version__":
        from .extras import version

        return version()
    try:
        return _public(_load(name))
    except AttributeError:
        from difflib import get_close_matches

        near = get_close_matches(name, __all__, n=3)
        hint = f"; did you mean ds.{' or ds.'.join(near)}?" if near else "; dir(ds) lists what there is"
        raise AttributeError(f"module 'dirsync_nb' has no attribute {name!r}{hint}", name=name) from None
