"""The control door, ``/_sandbox``: look at it, reset it, script faults and webhooks, make changes.

Anybody on this machine may look; what writes needs the sandbox's key, and no path of a file comes in this way.
"""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from starlette.routing import Route

from ..directory import objects
from ..directory.refusal import Invalid, require_one_of
from .answers import body_within, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from ..directory.changes import Changes
    from ..directory.objects import Object

CHANGES = (
    "add_user", "update_user", "set_user", "deactivate_user", "reactivate_user", "delete_user",
    "add_group", "rename_group", "set_group", "delete_group", "map_role", "add_member", "remove_member",
    "end_unknown_membership",
    "set_directory_state", "delete_directory", "create_token", "revoke_token",
    "switch_attribute", "add_organization", "add_directory", "wait",
    "add_role", "delete_role", "rank_roles", "set_role_mode",
)  # fmt: skip

_MOST_BYTES = 20_000_000
# What annotations name that is imported for type checkers only.
_HINTS = {**vars(collections.abc), "Iterable": collections.abc.Collection, "Object": dict[str, Any]}


class Control:
    """Answer the control door. Errors come back as ``{"message": ...}``.

    Parameters
    ----------
    doors
        What answers a method and a path; the fields of the body are its arguments, checked against its types.
    changes
        Gives what can happen.
    """

    def __init__(
        self, doors: Mapping[tuple[str, str], Callable[..., Any]], changes: Callable[[], Changes]
    ) -> None:
        self._changes = changes
        every: dict[tuple[str, str], Callable[..., Any]] = {
            **doors,
            ("POST", "/changes"): self._change,
            ("POST", "/happenings"): self._change,  # its first name
        }
        self.routes = [
            Route("/_sandbox" + path, _answering(act), methods=[method])
            for (method, path), act in every.items()
        ]

    def _change(self, do: str, **arguments: Any) -> Object:
        """Do what ``do`` names with the other fields as arguments."""
        require_one_of("do", do, CHANGES)
        act = getattr(self._changes(), do)
        return {"result": act(**checked(act, arguments))}


def _answering(act: Callable[..., Any]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        given = _read(await body_within(request, _MOST_BYTES))
        result = await asyncio.to_thread(lambda: act(**checked(act, given)))
        return json_response(objects.text(result))

    return answer


def _read(body: bytes) -> Object:
    """Read a JSON object that can be stored: text with half a character in it cannot."""
    try:
        given = json.loads(body or b"{}")
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON to keep: {error}") from None
    if not isinstance(given, dict):
        raise Invalid("the body must be a JSON object")
    return given


# -- arguments -----------------------------------------------------------------------------------------


def checked(act: Callable[..., Any], given: Object) -> Object:
    """Return the arguments for a call, or refuse what is missing, unknown or of a wrong type."""
    form, open_ended = _form(getattr(act, "__func__", act))
    known = {name: value for name, value in given.items() if name in form.__struct_fields__}
    if not open_ended and (unknown := sorted(given.keys() - known.keys())):
        raise Invalid(f"there is no {unknown[0]!r}; known are {', '.join(form.__struct_fields__) or 'none'}")
    try:
        read = msgspec.convert(known, form)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None
    return {name: getattr(read, name) if name in known else value for name, value in given.items()}


@lru_cache
def _form(act: Callable[..., Any]) -> tuple[type[msgspec.Struct], bool]:
    """Return the named parameters of a function as a form to fill in, and whether it takes others too."""
    hints = get_type_hints(act, localns=_HINTS)
    fields: list[Any] = []
    open_ended = False
    for parameter in inspect.signature(act).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.name != "self":
            kind = hints.get(parameter.name, Any)
            required = parameter.default is parameter.empty
            fields.append((parameter.name, kind) if required else (parameter.name, kind, None))
    return msgspec.defstruct("Arguments", fields, kw_only=True), open_ended
