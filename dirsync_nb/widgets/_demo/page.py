"""What happened, as HTML: one step in four lanes, and a whole page of them to send. Text stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from ...sandbox.providers.base import Sent
from ...text import html_page
from .._base.text import LITERAL, json_block, label, plain, plural
from .model import Arrived, Delivered, Followed, Step

__all__ = ["LANES", "cells", "page_html", "step_html", "style"]

LANES = ("SCIM request", "Event", "Webhook", "Row of the app")
SHOWN = 4  # entries of a lane in the widget
KEPT = 60  # entries of a lane in the file
LONGEST = 1_500  # characters of a body in the widget
LONGEST_KEPT = 6_000
TOLD = ("email", "name", "department", "active")  # columns of a new row
_SHORT = re.compile(r"(?<=/)directory_(?:user|group)_\w+(?=\w{4})")
POLLED = "No SCIM request: WorkOS asks {provider} about every 30 minutes."


@cache
def style() -> str:
    """Return the style of the lanes."""
    return Path(__file__).with_name("lanes.css").read_text(encoding="utf-8")


def step_html(step: Step, *, most: int = SHOWN, longest: int = LONGEST) -> str:
    """Return a step: what was done, and the four lanes side by side."""
    lanes: list[tuple[Any, Sequence[Any], str]] = [
        (_request, step.requests, _why_no_request(step)),
        (_event, step.events, _why_nothing(step)),
        (_delivery, step.deliveries, _why_nothing(step)),
        (_row, step.rows, _why_nothing(step)),
    ]
    columns = "".join(
        _lane(name, [show(one, longest) for one in entries[:most]], len(entries) - most, why)
        for name, (show, entries, why) in zip(LANES, lanes, strict=True)
    )
    took = "waits for the next poll" if step.waiting else f"{step.milliseconds:,.0f} ms until the app had it"
    problem = f'<p class="dsn-fault">{_text(step.problem)}</p>' if step.problem else ""
    return (
        f'<section class="dsn-step-of {LITERAL}"><h4>{_text(step.title)}</h4>'
        f'<p class="dsn-took">{escape(step.at)} · {_text(step.provider)} · {took}</p>{problem}'
        f'<div class="dsn-lanes">{columns}</div></section>'
    )


def cells(step: Step) -> tuple[str, str, str, str]:
    """Return the four lanes in a few words each, for a reader without a kernel."""
    requests = ", ".join(f"{one.method} {one.path.partition('?')[0]} {one.status}" for one in step.requests)
    rows = [f"{one.change.what or 'none'}: {one.change.why}" for one in step.rows]
    nothing = _why_nothing(step)
    return (
        requests or _why_no_request(step),
        "; ".join(one.line.text for one in step.events) or nothing,
        "; ".join(f"{one.event} {one.status}" for one in step.deliveries) or nothing,
        "; ".join(rows) or nothing,
    )


def page_html(steps: Sequence[Step], *, title: str, facts: Sequence[tuple[str, str]]) -> str:
    """Return a page that needs nothing else: light and dark, for a screen and for paper."""
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts)
    shown = "".join(step_html(step, most=KEPT, longest=LONGEST_KEPT) for step in steps)
    body = BODY.format(
        title=escape(label(title, 200)),
        facts=told,
        steps=shown or "<p>Nothing has happened yet.</p>",
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
    )
    return html_page(label(title, 200), PAGE_STYLE + style(), body)


def _why_no_request(step: Step) -> str:
    if not step.polled:
        return "No request was sent."
    found = " It is found at the next poll." if step.waiting else " It was found at the poll."
    return POLLED.format(provider=step.provider) + found


def _why_nothing(step: Step) -> str:
    return "Found at the next poll." if step.waiting else "Nothing came of it."


def _lane(name: str, entries: Sequence[str], more: int, why: str) -> str:
    shown = "".join(entries) or f'<p class="dsn-none">{_text(why)}</p>'
    rest = f'<p class="dsn-none">and {plural(more, "more", "more")}</p>' if more > 0 else ""
    return f'<div class="dsn-lane"><h5>{name}</h5>{shown}{rest}</div>'


def _request(one: Sent, longest: int) -> str:
    body = json_block(one.body, longest) if one.body is not None else ""
    head = f"<b>{escape(one.method)}</b> {_text(_SHORT.sub(r'…', one.path.partition('?')[0]))}"
    asked = f"<p>{_text(one.path)}</p>"
    return _entry(head, f"{one.status} · {one.milliseconds:,.0f} ms", asked + body)


def _event(one: Arrived, longest: int) -> str:
    head = f"<b>{escape(plain(one.record['event']).removeprefix('dsync.'))}</b>"
    told = f"<p>{_text(label(one.line.text, 160))}</p>"
    return _entry(head, f"{one.milliseconds:,.0f} ms", json_block(one.record, longest), told)


def _delivery(one: Delivered, longest: int) -> str:
    del longest
    head = f"<b>POST</b> {_text(plain(one.event).removeprefix('dsync.'))}"
    more = (
        f'<p class="dsn-none">WorkOS-Signature, verified:</p><pre tabindex="0">{escape(one.signature)}</pre>'
        f"<p>{one.size:,} bytes, {_text(one.event_id)}</p>"
    )
    return _entry(head, f"{one.status} · {one.milliseconds:,.0f} ms", more)


def _row(one: Followed, longest: int) -> str:
    change, taken = one.change, f"{one.milliseconds:,.0f} ms"
    if not change.what:
        return _entry("<b>nothing to do</b>", taken, "", f'<p class="dsn-none">{_text(change.why)}</p>')
    listed = change.before or change.row
    told = "".join(
        f"<tr><th scope=row>{_text(name)}</th><td>{_change(change.before, change.row, name)}</td></tr>"
        for name in listed
        if name in change.before or name in TOLD
    )
    who = f"<p>{_text(change.row.get('name') or change.row.get('email'))}, {escape(change.why)}</p>"
    sql = f'<pre tabindex="0">{escape(change.sql)}</pre>{json_block(change.row, longest)}'
    return _entry(f"<b>{change.what}</b> users", taken, sql, f'{who}<table class="dsn-pairs">{told}</table>')


def _change(before: dict[str, Any], row: dict[str, Any], name: str) -> str:
    now = _text(_cell(row.get(name)))
    return f"<del>{_text(_cell(before[name]))}</del> → <ins>{now}</ins>" if name in before else now


def _cell(value: Any) -> str:
    return "NULL" if value is None else plain(value)


def _entry(head: str, taken: str, folded: str, told: str = "") -> str:
    line = f'<span class="dsn-what-of">{head}</span> <span class="dsn-ms">{taken}</span>'
    if not folded:
        return f'<div class="dsn-entry"><div class="dsn-line">{line}</div>{told}</div>'
    opened = f'<details><summary class="dsn-line">{line}</summary>{folded}</details>'
    return f'<div class="dsn-entry">{opened}{told}</div>'


def _text(value: object) -> str:
    """Return other people's text as HTML, whatever its direction; an address is broken after its ``@``."""
    return f"<bdi>{escape(label(value, 300)).replace('@', '@<wbr>')}</bdi>"


BODY = """<header>
<h1>{title}</h1>
<p>Each step happened at the provider; from left to right is what came of it, with the time since it was done.
Open an entry to see it whole. It was played on a sandbox that speaks the WorkOS Directory Sync API.</p>
<dl>{facts}</dl>
</header>
{steps}
<footer>Made {made} with dirsync_nb.</footer>"""

PAGE_STYLE = """
:root { --dsn-page: #f4f5f7; --dsn-ground: #fff; --dsn-text: #1d2330; --dsn-soft: #5b6475; --dsn-line: #d9dde3;
  --dsn-raised: #f3f4f6; --dsn-accent: #1976d2; --dsn-good: #1b6e20; --dsn-bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --dsn-page: #14171c; --dsn-ground: #1c2027; --dsn-text: #e3e6eb;
  --dsn-soft: #a3acba; --dsn-line: #363d48; --dsn-raised: #262c35; --dsn-accent: #64b5f6; --dsn-good: #81c784;
  --dsn-bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--dsn-page); color: var(--dsn-text); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 24px 16px 48px; container-type: inline-size; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3em; overflow-wrap: anywhere; }
header p { max-width: 46rem; } footer { color: var(--dsn-soft); margin-top: 24px; }
dl { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 12px 0 20px; }
dt { color: var(--dsn-soft); font-size: .9em; } dd { margin: 0; overflow-wrap: anywhere; }
summary:focus-visible, pre:focus-visible { outline: 2px solid var(--dsn-accent); outline-offset: 1px; }
@media print { body { background: none; } .dsn-step-of { break-inside: avoid; } }
"""
