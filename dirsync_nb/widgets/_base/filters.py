"""The row of filters for users: search, state, group, domain, attribute and its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import numpy as np

from ...provisioning.onboarding import domain_of
from .controls import MENU, Controls
from .listing import Listing, Mask
from .parts import field, row
from .table import ROWS
from .text import SPECIAL, label

__all__ = ["UserFilters"]


class UserFilters:
    """Controls tied to the traits ``search``, ``state``, ``attribute`` and ``attribute_value`` of a widget.

    Parameters
    ----------
    controls
        The widget's.
    group
        Also a menu of groups, for the trait ``group_id``.
    domain
        Also a menu of address domains, for the trait ``domain``.
    """

    def __init__(self, controls: Controls, *, group: bool = False, domain: bool = False) -> None:
        self._controls = controls
        self.search = field(
            w.Text(description="Search", placeholder="name, address, id, attribute …"), grow=True
        )
        self.state, self.attribute, self.value = _menu("State"), _menu("Attribute"), _menu("Value")
        self.group: Any = _menu("In group") if group else None
        self.domain: Any = _menu("Domain") if domain else None
        tied = {"search": self.search, "state": self.state, "group_id": self.group, "domain": self.domain}
        tied |= {"attribute": self.attribute, "attribute_value": self.value}
        tied = {trait: control for trait, control in tied.items() if control is not None}
        controls.tie(**tied)
        self._traits = list(tied)
        self.row = row(*tied.values())

    def clear(self) -> None:
        """Let everybody fit."""
        for trait in self._traits:
            setattr(self._controls.owner, trait, "" if trait == "search" else None)

    def offer(
        self,
        listing: Listing | None,
        *,
        groups: Listing | None = None,
        attributes: Sequence[str] = (),
        domains: Sequence[str] = (),
    ) -> None:
        """Offer what there is to choose from; a menu never holds more than 50."""
        self._controls.offer(self.state, [] if listing is None else listing.states())
        if self.domain is not None:
            self._controls.offer(self.domain, domains[:ROWS], of=len(domains))
        self._controls.offer(self.attribute, attributes[:ROWS], of=len(attributes))
        if self.group is not None:
            first = [] if groups is None else groups.rows(groups.order("name")[:ROWS].tolist())
            self.offer_groups([(label(cells[0], MENU), i) for i, cells in first], groups)
        self.offer_values(None, None)
        self._controls.follow()

    def offer_groups(self, entries: Sequence[tuple[str, str]], groups: Listing | None) -> None:
        """Offer groups."""
        self._controls.fill(self.group, entries, of=0 if groups is None else len(groups), first="any")
        self.group.layout.display = "" if entries else "none"

    def offer_values(self, listing: Listing | None, attribute: str | None) -> None:
        """Offer the values of an attribute, the most common first."""
        self.value.layout.display = "none" if attribute is None else ""
        found = [] if listing is None or attribute is None else listing.offered(attribute)
        nothing = [one for one in found if one[0] in SPECIAL]
        first = [one for one in found if one[0] not in SPECIAL][: ROWS - len(nothing)]
        entries = [(f"{label(value, MENU)} ({count:,})", value) for value, count in [*first, *nothing]]
        self._controls.fill(self.value, entries, of=len(found), first="any")

    def mask(self, listing: Listing, *, but: str = "") -> Mask:
        """Return which rows fit search, state, domain and attribute, ``but`` for one of them."""
        asked = self.asked()
        mask = listing.matching(asked.get("search", ""))
        if "state" in asked and "state" in listing.frame and but != "state":
            mask = mask & listing.equal("state", asked["state"])
        if "attributes" in asked and but != "attribute":
            mask = mask & listing.having(*next(iter(asked["attributes"].items())))
        if "domain" in asked:
            domain = asked["domain"]
            mask = mask & listing.fitting(("domain", domain), lambda: _in_domain(listing, domain))
        return mask

    def asked(self) -> dict[str, Any]:
        """Return the same as arguments of ``select_users``."""
        owner = self._controls.owner
        asked = {"search": owner.search.strip() and owner.search}
        asked |= {"state": owner.state, "domain": getattr(owner, "domain", None)}
        asked = {name: value for name, value in asked.items() if value not in ("", None)}
        if owner.attribute is not None and owner.attribute_value is not None:
            asked["attributes"] = {owner.attribute: owner.attribute_value}
        return asked


def _menu(name: str) -> Any:
    return field(w.Dropdown(description=name, options=[("any", "")]))


def _in_domain(listing: Listing, domain: str) -> Mask:
    found = (domain_of(one) == domain for one in listing.frame["address"])
    return np.fromiter(found, dtype=bool, count=len(listing))
