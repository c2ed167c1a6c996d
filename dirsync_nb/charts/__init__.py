"""Frames to pictures: sizes, overlap and graph, who is in what, states, events, growth, stories.

Every function takes frames first and the rest by keyword, draws on ``ax`` or on a figure of its own, and gives
the Axes back. The title states the finding; :func:`alt_text` gives it with the main numbers in words. Colours
are those of Okabe and Ito, which people with a colour vision deficiency can tell apart. Nothing to show, a
partial load, folded groups: each is said on the chart.

Pictures have no ground and fit light and dark pages; :func:`style` chooses one, and a narrow form.

To draw several charts into one figure, or to save one without showing it in the notebook, hand in an ``ax``::

    figure = matplotlib.figure.Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_group_sizes(memberships, groups, ax=left)
    figure.savefig("sizes.svg")
"""

from __future__ import annotations

from ..client.calls import every_call
from .figure import alt_text
from .overlap import plot_group_graph, plot_group_overlap, plot_membership_matrix
from .roles import plot_role_changes
from .sizes import plot_group_sizes, plot_groups_per_user
from .states import plot_user_states
from .story import plot_arrival_order, plot_comings_and_goings, plot_life_line, plot_strip
from .style import style
from .time import plot_events, plot_onboarding

__all__ = [
    "alt_text",
    "plot_arrival_order",
    "plot_comings_and_goings",
    "plot_events",
    "plot_group_graph",
    "plot_group_overlap",
    "plot_group_sizes",
    "plot_groups_per_user",
    "plot_life_line",
    "plot_membership_matrix",
    "plot_onboarding",
    "plot_role_changes",
    "plot_strip",
    "plot_user_states",
    "style",
]

every_call(__name__)
