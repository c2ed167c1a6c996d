"""The guide through a provider's own steps, as HTML. These texts are ours, so their markup stands."""

from __future__ import annotations

from .._base.text import html_table
from .providers import FULL, OTHERS, QUICK_START, STATES, Provider

__all__ = ["all_states", "guide", "quick_start"]


def guide(provider_type: str) -> str:
    """Return the steps of a provider; of one without, the table of all others."""
    known = next((one for one in FULL if one.type == provider_type), None)
    return _others() if known is None else _steps_of(known)


def _steps_of(provider: Provider) -> str:
    steps = "".join(f"<li>{step}</li>" for step in provider.steps)
    start = 'style="text-align: start"'  # Jupyter sets tables of numbers: to the right
    entered = "".join(
        "<tr>" + "".join(f"<td {start}>{cell}</td>" for cell in line) + "</tr>" for line in provider.entered
    )
    head = "".join(f'<th scope="col" {start}>{title}</th>' for title in ("Value", "Goes to", "Comes from"))
    notes = "".join(f"<li>{one}</li>" for one in provider.notes)
    return (
        f"<h4>{provider.title}</h4><ol>{steps}</ol><h4>Where each value comes from</h4>"
        f'<table class="dsn-plain"><thead><tr>{head}</tr></thead><tbody>{entered}</tbody></table>'
        f"<p><b>When data arrives.</b> {provider.arrives}</p><details><summary>Good to know</summary>"
        f"<ul>{notes}</ul></details>"
    )


def _others() -> str:
    titles = ("Provider", "Type in the API", "What the customer's admin needs", "Data comes", "Notes")
    text = (
        "<p>Endpoint and token: the directory's page in the WorkOS dashboard, as for Okta. HR systems are "
        "switched on by WorkOS support. The customer's admin sees each provider's own steps in the Admin "
        "Portal.</p>"
    )
    return f'{text}<div class="dsn-list">{html_table(titles, OTHERS, width=300)}</div>'


def all_states() -> str:
    """Return the table of what each state of a directory means, folded up."""
    rows = [(state, one.meaning, one.mend) for state, one in STATES.items()]
    table = html_table(("State", "Means", "What to do"), rows, width=300)
    return f"<details><summary>What each state means</summary>{table}</details>"


def quick_start() -> str:
    """Return what WorkOS's own quick start leaves out, and its steps beside ours, folded up."""
    titles = ("Step of the quick start", "There", "Here", "What it leaves out")
    return (
        '<p class="dsn-note">WorkOS’s quick start goes the same way. It leaves out the <b>order</b> of lists, '
        "the <b>whole list</b>, the <b>limits</b>, <b>inactive users</b>, and most about <b>memberships</b>: "
        f"the loaders see to each.</p><details><summary>Step by step</summary>"
        f"{html_table(titles, QUICK_START, width=300)}"
        "</details>"
    )
