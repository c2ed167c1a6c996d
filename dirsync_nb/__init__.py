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
import functools
import importlib.util
import sys
import types

import lazy_loader

from .client import calls as _calls
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


def _public(name: str = "", thing: object = None) -> object:
    """Return a thing of the front door; modules show what they say is public, and what is like a typo."""
    for one, module in [(name, thing), *((one, sys.modules.get(f"{__name__}.{one}")) for one in __all__)]:
        if isinstance(module, types.ModuleType) and "__dir__" not in vars(module):
            vars(module)["__dir__"] = lambda names=module.__all__: sorted(names)
            vars(module).setdefault("__getattr__", functools.partial(_unknown, one))
            if one == "sandbox":  # which imports nothing of ours, so that it learns here what every door knows
                _calls.every_call(module.__name__)
    return thing


def _unknown(module: str, name: str) -> object:
    """Say which public names are like one that a module does not have, wherever they are."""
    where = f"{__name__}.{module}" if module else __name__
    hint = "" if name.startswith("_") else _near(module, name)
    raise AttributeError(f"module {where!r} has no attribute {name!r}{hint}", name=name)


def _near(module: str, name: str) -> str:
    from difflib import get_close_matches

    modules = {one: held for one in __all__ if isinstance(held := _public(one, _load(one)), types.ModuleType)}
    places = {one: f"ds.{one}" for one in __all__}
    for home, held in modules.items():
        places |= {one: f"ds.{home}.{one}" for one in held.__all__ if one not in places}
    here = list(modules[module].__all__) if module else __all__
    found = [one for one in (name,) if one in places] or get_close_matches(name, here, n=3)
    found = found or get_close_matches(name, places, n=3, cutoff=0.7)
    told = [f"ds.{module}.{one}" if module and one in here else places[one] for one in found]
    return (
        f"; did you mean {' or '.join(told)}?"
        if told
        else f"; dir({f'ds.{module}' if module else 'ds'}) lists what there is"
    )


def __getattr__(name: str) -> object:
    """Load what needs more than requests when it is first named."""
    if name == "__version__":
        from .extras import version

        return version()
    try:
        return _public(name, _load(name))
    except AttributeError:
        # `from . import text` asks here first whether there is such a thing.
        if name.isidentifier() and importlib.util.find_spec(f"{__name__}.{name}") is not None:
            raise AttributeError(name=name) from None
        return _unknown("", name)
