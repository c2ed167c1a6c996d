"""What widget tests share: hostile names, frames that hold them, and a closing of every widget."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets as w
import pytest

from dirsync_nb.widgets._base.script import shared

MARKUP = "<img src=x onerror=document.title='!'>"
QUOTES = "O'Neil \"The 'Boss'\" & <b>Co</b>"
DOLLARS = "$200 to $700, A $x_1$ B"
RIGHT_TO_LEFT = "\u202eصوت تميكה عربي"
LONG = "Bartholomew-" * 25
HOSTILE = (MARKUP, QUOTES, DOLLARS, RIGHT_TO_LEFT, LONG)


@pytest.fixture(autouse=True)
def _no_widget_outlives_its_test() -> Iterator[None]:
    yield
    while True:
        try:
            w.Widget.close_all()
        except KeyError:  # left by a test elsewhere, before something loaded ipykernel: no comm is known for it
            continue
        return


@pytest.fixture
def hostile(sandbox: Any) -> dict[str, Any]:
    """Fill one directory with hostile names in every place; give its ids."""
    directory = next(d["id"] for d in sandbox.truth.directories() if d["type"] == "generic scim v2.0")
    users = [
        sandbox.add_user(
            directory,
            email=f"hostile{number}@tern.test",
            name=name,
            first_name=name,
            idp_id=name,
            custom_attributes={"department_name": name, name: name},
        )
        for number, name in enumerate(HOSTILE)
    ]
    groups = [sandbox.add_group(directory, name=name) for name in HOSTILE]
    for group in groups:
        for user in users:
            sandbox.add_member(group, user)
    return {"directory": directory, "users": users, "groups": groups}


def family(widget: Any) -> list[Any]:
    """List a widget and everything inside it, but what all widgets share: scripts and style."""
    inside = [child for child in getattr(widget, "children", ()) if child not in shared()]
    return [widget, *(inner for child in inside for inner in family(child))]


def markup_of(widget: Any) -> str:
    """Return everything a browser would read as HTML."""
    return "\n".join(one.value for one in family(widget) if isinstance(one, (w.HTML, w.HTMLMath)))


def state_size(widget: Any) -> int:
    """Return the bytes of the state of a widget and everything inside it, as it is sent and saved."""
    states = (json.dumps(one.get_state(), default=str, ensure_ascii=False) for one in family(widget))
    return sum(len(state.encode("utf-8", "replace")) for state in states)


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Let the loop run until something is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.01)
