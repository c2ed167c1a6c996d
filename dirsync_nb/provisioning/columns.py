"""Names as people type them: refused with the near ones where nothing is called so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from .. import errors
from ..frames import near_names
from ..frames.schema import PREDEFINED


def attribute_names(users: pd.DataFrame) -> dict[str, None]:
    """Return the names of custom attributes that anybody has, with a value or null, in the order first seen."""
    held = users.get("custom_attributes", ())
    return {str(name): None for value in held if isinstance(value, Mapping) for name in value}


def require_attribute(what: str, name: str, users: pd.DataFrame, *, more: Sequence[str] = ()) -> bool:
    """Return whether anybody has an attribute; refuse a name that is neither theirs nor a predefined one.

    Among no users at all nothing can be told: every name passes. It may stand behind ``custom_attributes.``.
    """
    seen = attribute_names(users)
    name = name if name in seen else name.removeprefix("custom_attributes.")
    if name in seen or name in more:
        return True
    if name not in PREDEFINED and len(users):
        names = [*seen, *more, *(one for one in PREDEFINED if one not in seen)]
        raise errors.ArgumentError(f"{what}: no user has an attribute {name!r}{near_names(name, names)}")
    return False
