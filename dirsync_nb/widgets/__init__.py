"""Widgets: frames and events as something to click, each with the code behind it.

``Setup`` connects a directory, ``DirectoryExplorer`` looks through it, ``DetailCard`` shows one user or group,
``MembershipExplorer`` compares groups, ``Onboarding`` makes invite lists, ``RoleMapper`` says which group gives
which role, ``EventFeed`` shows changes as they arrive, ``FleetBoard`` looks over thousands of directories,
``DemoConsole`` shows live what a change sets off. Each is an ipywidgets box whose choices are traits, so it can
be read and driven from Python; each loads beside the kernel's loop, leaves a static table for readers without a
kernel, and is replaced by a newer one when its cell is run again.
"""

from ..client.calls import every_call
from .demo_console import DemoConsole
from .detail_card import DetailCard
from .directory_explorer import DirectoryExplorer
from .event_feed import EventFeed
from .fleet_board import FleetBoard
from .membership_explorer import MembershipExplorer
from .onboarding import Onboarding
from .role_mapper import RoleMapper
from .setup import Setup

__all__ = [
    "DemoConsole",
    "DetailCard",
    "DirectoryExplorer",
    "EventFeed",
    "FleetBoard",
    "MembershipExplorer",
    "Onboarding",
    "RoleMapper",
    "Setup",
]

every_call(__name__)
