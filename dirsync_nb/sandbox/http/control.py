"""The control door, ``/_sandbox``: look at it, reset it, script faults and webhooks, make changes."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from ..directory.store import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..directory.changes import Changes
    from ..directory.objects import Object
    from .faults import Faults
    from .webhooks import Deliveries

CHANGES = (
    "add_user", "update_user", "set_user", "deactivate_user", "reactivate_user", "delete_user",
    "add_group", "rename_group", "set_group", "delete_group", "map_role", "add_member", "remove_member",
    "set_directory_state", "delete_directory", "create_token", "revoke_token",
    "switch_attribute", "add_organization", "add_directory", "wait",
)  # fmt: skip

Answer = tuple[int, Any]


class Control:
    """Answer the control door. Errors come back as ``{"message": ...}``."""

    def __init__(
        self,
        info: Callable[[], Object],
        reset: Callable[[], Object],
        faults: Faults,
        changes: Callable[[], Changes],
        deliveries: Callable[[], Deliveries],
        more: Mapping[tuple[str, str], Callable[[Object], Any]] | None = None,
    ) -> None:
        self._faults, self._changes = faults, changes
        self._doors: dict[tuple[str, str], Callable[[Object], Any]] = {
            ("GET", "/_sandbox"): lambda _: info(),
            ("POST", "/_sandbox/reset"): lambda _: reset(),
            ("GET", "/_sandbox/faults"): lambda _: faults.describe(),
            ("POST", "/_sandbox/faults"): self._add_fault,
            ("DELETE", "/_sandbox/faults"): lambda _: faults.clear(),
            ("POST", "/_sandbox/changes"): self._change,
            ("POST", "/_sandbox/happenings"): self._change,  # its first name
            ("GET", "/_sandbox/webhooks"): lambda _: deliveries().describe(),
            ("POST", "/_sandbox/webhooks"): lambda given: deliveries().add(**{"url": "", **given}),
            ("DELETE", "/_sandbox/webhooks"): lambda given: deliveries().remove(**{"id": "", **given}),
            ("GET", "/_sandbox/webhooks/log"): lambda _: deliveries().log(),
            **(more or {}),
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Return status and JSON for a request."""
        door = self._doors.get((method, path))
        if door is None:
            known = any(path == other for _, other in self._doors)
            return (405, {"message": "Method not allowed."}) if known else (404, {"message": "Not Found"})
        try:
            return 200, door(_read(body))
        except NotFound as error:
            return 404, {"message": str(error)}
        except (ValueError, TypeError, AttributeError, RecursionError, ImportError) as error:
            return 422, {"message": str(error)}

    def _add_fault(self, given: Object) -> Object:
        return self._faults.add(**{"kind": "", **given}).described()

    def _change(self, given: Object) -> Object:
        """Do what ``do`` names with the other fields as arguments."""
        do = given.pop("do", None)
        if do not in CHANGES:
            raise ValueError(f"do must be one of {', '.join(CHANGES)}; got {do!r}")
        for name, value in given.items():
            if name.endswith("_id") and not isinstance(value, str):
                raise ValueError(f"{name} must be text; got {value!r}")
        act = getattr(self._changes(), do)
        arguments = inspect.signature(act).bind(**given)
        return {"result": act(*arguments.args, **arguments.kwargs)}


def _read(body: bytes) -> Object:
    """Read a JSON object that can be stored: text with half a character in it cannot."""
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("the body must be a JSON object")
    json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    return given
