"""A live demonstration: hire, move, rename, let go at the provider, and see each of four stations take it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, Self

import anywidget
import ipywidgets as w
import pandas as pd
import traitlets as t

from .. import errors
from ..client import DirectoryClient, checked_id, needs_client
from ..files import write_text
from ._base.code import snippets
from ._base.controls import MENU, Controls
from ._base.jobs import PATIENCE
from ._base.live import kernel_shell
from ._base.panel import Panel
from ._base.parts import button, field, row
from ._base.script import script_of
from ._base.text import html_table, label, plural
from ._demo.model import Demo, Step, sandbox_of
from ._demo.page import LANES, cells, page_html, step_html, style
from ._demo.worlds import connect_demo

__all__ = ["DemoConsole"]

SHOWN = 8  # steps in the page; the file has all
OFFERED = 100  # people in the menu
STATIC_STEPS = 10
PACE = 0.9  # seconds between two steps of the story, so that an eye can follow
ONE_MOMENT = "One moment: the last step is still under way."


class SaveButton(anywidget.AnyWidget):
    """A button that hands a page to the browser, to be saved there.

    Parameters
    ----------
    page
        Gives the name of the file and its content.
    """

    _esm = script_of("save")

    def __init__(self, page: Callable[[], tuple[str, str]]) -> None:
        super().__init__()
        self._page = page
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if "save" in content:
            name, text = self._page()
            self.send({"saved": name}, [text.encode("utf-8", "replace")])


class DemoConsole(Panel):
    """Show live what a change at the provider sets off: request, event, webhook, and the row in an app's table.

    It needs a sandbox, which it changes. The SCIM requests are those that the provider really writes, over
    HTTP; the events come from ``/events``; the webhooks are signed and delivered to a receiver on this machine;
    and a sample app follows them in an SQLite database of its own. Each has the time since the button was
    pressed. A provider that is polled (Google Workspace, Workday ...) sends no request: its changes wait for
    the next poll, which a button brings.

    Parameters
    ----------
    client
        Of a sandbox; :meth:`of_company` makes one in a customer's shape.
    directory_id
        Default: the directory with the most people.

    Attributes
    ----------
    person, team, new_name
        Whom, where to and which name the buttons take: the provider's id, a group or department, a text.
    find
        Only people whose name or address holds this are offered.

    Examples
    --------
    >>> console = ds.widgets.DemoConsole.of_company("Acme", "entra", users=40)
    >>> step = console.hire("Kim Vale")
    >>> [request.method for request in step.requests][:2]
    ['GET', 'POST']
    >>> console.save("demo.html").name
    'demo.html'
    >>> console.client.sandbox.stop()
    >>> console.close()
    """

    name = "demo"
    _demo: Demo | None = None
    person = t.Unicode(None, allow_none=True)
    team = t.Unicode(None, allow_none=True)
    new_name = t.Unicode("")
    find = t.Unicode("")

    @needs_client
    def __init__(self, client: DirectoryClient, directory_id: Any = None) -> None:
        sandbox_of(client)
        super().__init__()
        self.client = client
        self._wanted = None if directory_id is None else checked_id(directory_id, "directory_id")
        self._views: dict[int, Any] = {}
        self._playing = False
        self._controls = Controls(self)
        self._build()
        self._connect()
        self.again()

    @classmethod
    def of_company(
        cls,
        company: str = "Acme",
        provider: str | None = None,
        *,
        users: int = 400,
        people: Any = None,
        groups: Any = (),
    ) -> Self:
        """Return a console on a sandbox in a customer's own shape, whose clock is the present.

        Parameters
        ----------
        company, provider, users
            Their name, their provider (``okta``, ``entra``, ``google``, ``workday`` ... or a type in the API's
            words) and how many they are.
        people, groups
            Files that their admin exported, instead of invented people, as for :func:`connect_sandbox`.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company("Acme", "google", users=5)
        >>> console.demo.polled
        True
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return cls(connect_demo(company, provider, users, people=people, groups=groups))

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.heading = w.HTML()
        self.find_field = field(w.Text(description="Find people", placeholder="name or address"))
        self.person_menu = field(w.Dropdown(description="Who"), grow=True)
        self.team_menu = field(w.Dropdown(description="Group or department"))
        self.name_field = field(w.Text(description="New name"))
        self.next_button = button(
            "Next step", "step-forward", "Play the next step of the story", self.next_step
        )
        self.play_button = button("Play all", "play", "Play the story to its end", self.play)
        self.save_button = SaveButton(lambda: (self._file_name(), self._page()))
        self.story = w.HTML()
        self.steps_box = w.VBox()
        self.steps_box.layout.overflow = "visible"
        choices = row(self.find_field, self.person_menu, self.team_menu, self.name_field)
        acts = row(*self._act_buttons())
        told = row(self.next_button, self.play_button, self.story, self.save_button, level=True)
        looks = w.HTML(f"<style>{style()}</style>", layout=w.Layout(display="none"))
        self.assemble(looks, self.heading, choices, acts, told, below=[self.steps_box])

    def _connect(self) -> None:
        self._controls.tie(find=self.find_field, person=self.person_menu)
        self._controls.tie(team=self.team_menu, new_name=self.name_field)
        self.observe(lambda _: self._controls.follow(), ["person", "team", "new_name"])
        self.observe(lambda _: self._offer(), "find")

    def _act_buttons(self) -> list[Any]:
        """Make a button for each thing that can be done at the provider."""

        def act(text: str, icon: str, tip: str, do: Callable[[Demo], Step | list[Step]]) -> Any:
            return button(text, icon, tip, lambda: self._do(do))

        self.hire_button = act(
            "Hire",
            "user-plus",
            "Let somebody of this name begin, in this team",
            lambda demo: demo.hire(self.new_name, self.team),
        )
        self.move_button = act(
            "Move",
            "exchange",
            "Move whom you chose into this team",
            lambda demo: demo.move(self.person or "", self.team or ""),
        )
        self.rename_button = act(
            "Rename",
            "pencil",
            "Give whom you chose this name",
            lambda demo: demo.rename(self.person or "", self.new_name),
        )
        self.let_go_button = act(
            "Let go", "user-times", "Let go whom you chose", lambda demo: demo.let_go(self.person or "")
        )
        self.poll_button = act("Poll now", "refresh", "Let the poll come that finds what waits", Demo.poll)
        return [self.hire_button, self.move_button, self.rename_button, self.let_go_button, self.poll_button]

    def again(self) -> None:
        """Open the directory."""
        if self._demo is not None:
            return
        self.busy("Reading the directory …")
        self._patience = PATIENCE
        self._run("open", lambda job: Demo(self.client, self._wanted, job), self._opened, self.status.problem)
        self._patience = None

    def _opened(self, demo: Demo) -> None:
        self._demo = demo
        self.poll_button.layout.display = "" if demo.polled else "none"
        self._draw()
        waits = "It is polled: what you do waits until you press Poll now."
        how = waits if demo.polled else "It pushes each change at once."
        self.status.say("ready", f"{plural(len(demo.people), 'person', 'people')} at {demo.provider}. {how}")

    def close(self) -> None:
        """End the receiver and the app behind it, too."""
        demo, self._demo = self._demo, None
        if demo is not None:
            demo.close()
        super().close()

    # What is done -------------------------------------------------------------------------------------------

    @property
    def demo(self) -> Demo:
        """The demonstration itself, once it is open."""
        self.wait()
        if self._demo is None:
            raise errors.ConfigurationError(f"the demonstration is {self.missing()}")
        return self._demo

    @property
    def rows(self) -> pd.DataFrame:
        """What was done, oldest first, and what came of it at each station, as a frame."""
        lines = [(step.at, step.title, *cells(step)) for step in self.steps]
        return pd.DataFrame(lines, columns=["at", "step", *LANES], dtype="str")

    @property
    def picked(self) -> pd.DataFrame:
        """The step that was done last, as a frame."""
        return self.rows.tail(1)

    @property
    def steps(self) -> list[Step]:
        """What was done, oldest first."""
        return self.demo.steps

    def hire(self, name: str = "", team: str | None = None) -> Step:
        """Let somebody begin, in a team if you say so; without a name, somebody invented.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.hire("Kim Vale").events[0].line.text
        'Kim Vale joined'
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return self._done(self.demo.hire(name, team))

    def move(self, who: str, team: str) -> Step:
        """Move somebody, by address, name or the provider's id, into a group or department.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.hire("Kim Vale").problem
        ''
        >>> console.move("Kim Vale", console.demo.teams[0]).problem
        ''
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return self._done(self.demo.move(self.demo.find(who), team))

    def rename(self, who: str, name: str) -> Step:
        """Give somebody another name.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.hire("Kim Vale").problem
        ''
        >>> console.rename("Kim Vale", "Kim Lund").title
        'Kim Vale is called Kim Lund from now on'
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return self._done(self.demo.rename(self.demo.find(who), name))

    def let_go(self, who: str) -> Step:
        """Let somebody go.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.hire("Kim Vale").problem
        ''
        >>> console.let_go("Kim Vale").events[-1].line.what
        'Left'
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return self._done(self.demo.let_go(self.demo.find(who)))

    def poll(self) -> list[Step]:
        """Let the poll come that finds what waits; return what it found.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.poll()  # Okta pushes: nothing ever waits
        []
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return [self._done(step) for step in self.demo.poll()]

    def play(self) -> None:
        """Play the story from where it is to its end.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.play()
        >>> len(console.rows) > 5
        True
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        self._playing = True
        self.next_step()

    def next_step(self) -> None:
        """Play the next step of the story.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.next_step()
        >>> len(console.rows)
        1
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        self._do(lambda demo: demo.play())

    def _do(self, act: Callable[[Demo], Step | list[Step] | None]) -> None:
        """Do what a button says, beside the loop: one thing at a time."""
        if self.retired or self._demo is None or self.jobs.busy:
            self.status.say("busy", ONE_MOMENT)
            return
        demo = self._demo
        self.status.say("busy", "Under way …")
        self._run("step", lambda _: act(demo), self._arrived)

    def _arrived(self, done: Step | list[Step] | None) -> None:
        steps = done if isinstance(done, list) else [done] if done is not None else []
        for step in steps:
            self._done(step)
        if not steps:
            self.status.say("empty", "There is nothing to do: the story is over, and nothing waits for a poll.")
        self._playing = self._playing and self.demo.beat < len(self.demo.beats)
        if self._playing and kernel_shell() is None:
            self.next_step()
        elif self._playing:
            self.jobs.later("story", PACE, self.next_step)

    def _failed(self, problem: BaseException) -> None:
        self._playing = False
        self.status.problem(problem)
        self.status.again_button.layout.display = "none"

    def _done(self, step: Step) -> Step:
        """Show a step, new or completed by a poll."""
        self._show(step)
        self.new_name = ""
        self._draw()
        self.status.say("error" if step.problem else "ready", told(step))
        return step

    # Drawing ------------------------------------------------------------------------------------------------

    def _show(self, step: Step) -> None:
        view = self._views.setdefault(id(step), w.HTML())
        view.value = step_html(step)
        newest = [self._views[id(one)] for one in self.demo.steps[: -SHOWN - 1 : -1] if id(one) in self._views]
        for key in [key for key, one in self._views.items() if one not in newest]:
            self._views.pop(key).close()
        self.steps_box.children = newest

    def _draw(self) -> None:
        demo = self.demo
        self.heading.value = f"<h3><bdi>{escape(label(demo.directory['name'], MENU))}</bdi></h3>"
        self._offer()
        teams = [(label(team, MENU), team) for team in demo.teams[:OFFERED]]
        if self.team not in demo.teams:
            self.team = None
        self._controls.fill(
            self.team_menu, teams, value=self.team or "", of=len(demo.teams), first="choose a team"
        )
        self.name_field.placeholder = demo.next_name
        self.poll_button.description = f"Poll now ({demo.waiting})" if demo.waiting else "Poll now"
        left = demo.beats[demo.beat :]
        coming = f"Next: {left[0].title.format(who='somebody')}" if left else "The story is over"
        self.story.value = (
            f'<span class="dsn-note">Story, {demo.beat} of {len(demo.beats)}. {escape(coming)}.</span>'
        )
        filters = {} if demo.cursor is None else {"after": demo.cursor}
        self.code.snippets = snippets(self.client, ("events", "events", filters))
        self.settled()

    def _offer(self) -> None:
        if self._demo is None:
            return
        found, of = self._demo.found(self.find, OFFERED)
        if self.person not in self._demo.people:
            self.person = None
        chosen = self._demo.people.get(self.person or "")
        listed = found if chosen is None or chosen in found else [chosen, *found]
        entries = [(label(f"{one['name']}, {one['address']}", MENU), one["id"]) for one in listed]
        self._controls.fill(self.person_menu, entries, value=self.person or "", of=of, first="choose somebody")

    # What is left -------------------------------------------------------------------------------------------

    def save(self, path: str | Path = "demo.html") -> Path:
        """Write all that happened as one HTML file, and return its path; it names people.

        Examples
        --------
        >>> console = ds.widgets.DemoConsole.of_company(users=5)
        >>> console.save("demo.html").name
        'demo.html'
        >>> console.client.sandbox.stop()
        >>> console.close()
        """
        return write_text(path, self._page().encode("utf-8", "replace").decode())

    def _page(self) -> str:
        demo = self.demo
        facts = [
            ("Directory", demo.directory["name"]),
            ("Provider", demo.provider),
            ("People", f"{len(demo.people):,}"),
            ("Steps", f"{len(demo.steps):,}"),
        ]
        return page_html(demo.steps, title=f"{demo.directory['name']}: what happened", facts=facts)

    def _file_name(self) -> str:
        words = "".join(c if c.isascii() and c.isalnum() else " " for c in self.demo.directory["name"]).split()
        return f"demo-{'-'.join(words).lower()[:60] or 'directory'}.html"

    def summary(self) -> str:
        """Return how much happened."""
        with contextlib.suppress(Exception):
            return f"{label(self.demo.directory['name'], MENU)}, {plural(len(self.demo.steps), 'step')}"
        return self.name

    def static(self) -> str:
        """Return the newest steps as a table."""
        if self._demo is None:
            return html_table(("Demo console",), [(self.status.text,)])
        newest = self._demo.steps[: -STATIC_STEPS - 1 : -1]
        rows = [(f"{step.at} {step.title}", *cells(step)) for step in newest]
        caption = f"{label(self._demo.directory['name'], MENU)}: the newest {plural(len(rows), 'step')}"
        return html_table(("What was done", *LANES), rows, caption=caption, width=160)


def told(step: Step) -> str:
    """Return in a sentence what came of a step."""
    if step.problem:
        return f"{step.title}: {step.problem}."
    if step.waiting:
        return f"{step.title}. It waits for the next poll of {step.provider}."
    changed = sum(bool(one.change.what) for one in step.rows)
    parts = [plural(len(step.events), "event"), plural(len(step.deliveries), "webhook"), plural(changed, "row")]
    if not step.polled:
        parts.insert(0, plural(len(step.requests), "request"))
    return f"{step.title}: {', '.join(parts)} in {step.milliseconds:,.0f} ms."
