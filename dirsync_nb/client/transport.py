"""One GET, or a typed error: when to send it, how often, and what a failure means.

What is promised about the sending itself (read only, one server, time, size) stands in ``connections``.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError, ProxyError, SSLError

from .. import errors
from .answers import Reader, noted
from .connections import MOST_BYTES, Answer, Connections, Exchange, GivenUp, TooMuch, TooSlow, bundle
from .credentials import Secret, checked_base_url, cleaned, is_loopback, key_environment
from .rate_limit import Pacer
from .retry import RetryPolicy
from .waiting import interrupt_in

T = TypeVar("T")

DEADLINE = 120.0  # seconds for one whole answer, or twice the timeout where that is longer
NOTICED = 1.0  # seconds of a pause that a person is told of

Params = Mapping[str, str | int] | None
"""Of a query."""


@dataclass(frozen=True)
class Wait:
    """A pause that a load made: why, and for how many seconds."""

    cause: str
    seconds: float


@dataclass
class Traffic:
    """What a load cost so far.

    Attributes
    ----------
    requests, waits
        Requests sent, and pauses made on the way.
    stop
        Gives the load up when set.
    tell
        Called with a few words when a pause begins that a person would wonder about, and with none when it is
        over; on whichever thread waits.
    """

    requests: int = 0
    waits: list[Wait] = field(default_factory=list)
    stop: threading.Event | None = field(default=None, repr=False)
    tell: Callable[[str], None] | None = field(default=None, repr=False, kw_only=True)

    def note_wait(self, cause: str, seconds: float) -> None:
        """Note a pause; pauses of zero seconds are none."""
        if seconds > 0:
            self.waits.append(Wait(cause, seconds))

    def announce(self, cause: str, seconds: float) -> None:
        """Tell what is waited for, where it takes long enough to be noticed; 0 seconds: no longer."""
        if self.tell is not None and (seconds >= NOTICED or not seconds):
            words = {"429": "the rate limit is used up"}.get(cause, f"no answer yet ({cause})")
            self.tell(f"{words}: waiting {seconds:.0f} s" if seconds else "")


class Routes:
    """Which paths a server has: those of reads inside one directory, or the flat ones alone.

    WorkOS has had ``/directories/{id}/users`` and the like since November 2026; what stands in its place may
    not. A 404 tells which it is. Where it names an object that was asked for, it is the object's, and nothing
    more is asked. Where it says nothing of that kind (``Cannot GET ...``, a page, nothing at all) the flat path
    decides: if it has what was asked for, the other path is missing, and is not tried again.

    Attributes
    ----------
    scoped
        Whether it has those inside a directory; None while that is not known.
    """

    def __init__(self) -> None:
        self.scoped: bool | None = None

    def read(
        self,
        scoped: Callable[[], T],
        flat: Callable[[], T],
        asked: frozenset[str],
        is_found: Callable[[T], bool],
    ) -> T:
        """Return what one of two paths answers, the one inside a directory first.

        Parameters
        ----------
        scoped, flat
            Ask at the path inside the directory, and at the flat one.
        asked
            The ids that are asked for.
        is_found
            Whether an answer of the flat path holds what was asked for, in that directory.
        """
        if self.scoped is not False:
            try:
                answer = scoped()
            except errors.NotFound as problem:
                if self.scoped or _is_of_object(problem, asked):
                    raise
            else:
                self.scoped = True
                return answer
        answer = flat()
        if self.scoped is None and is_found(answer):
            self.scoped = False
        return answer


def _is_of_object(problem: errors.NotFound, asked: frozenset[str]) -> bool:
    """Whether a 404 is that of an object; one of another path may take a part of the path for an id."""
    return problem.code == "entity_not_found" and problem.entity_id in {*asked, None}


class Transport:
    """Perform GET requests against one server with one key.

    Parameters
    ----------
    base_url
        Address of the server. Anything but a loopback address must be ``https``, but for the sandbox's key.
    api_key
        The key. It is kept where it shows itself to nobody.
    key_source
        Where the key was read from, for messages: the name of a variable or argument.
    timeout
        Seconds to wait for the connection, and again for each piece of the answer.
    deadline
        Seconds for a whole exchange, from connecting to the last byte. Default: 120, or twice the timeout where
        that is longer. A server that sends a byte now and then does not hold a load for ever.
    retry, pacer
        Patience and budgets.

    Raises
    ------
    ConfigurationError
        The address or the key cannot be right.

    Examples
    --------
    >>> client.transport.base_url == client.base_url
    True
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret,
        *,
        key_source: str = "api_key",
        timeout: float = 60.0,
        deadline: float | None = None,
        retry: RetryPolicy | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        # Wrapped first: from here on no local variable, which a traceback may show, holds the key in the clear.
        key = api_key = Secret.wrap(api_key)
        self.base_url = checked_base_url(base_url, key)
        self.key_source = key_source
        self.timeout = timeout
        self.deadline = max(DEADLINE, 2 * timeout) if deadline is None else deadline
        self.retry = retry or RetryPolicy()
        self.pacer = pacer or Pacer()
        environment = key_environment(key)
        if environment is None:
            raise errors.ConfigurationError(
                f"{key_source} does not hold an API key: those begin with sk_ and have no spaces or line ends. "
                "(A value that begins with client_ is the client id; an address is base_url=.)"
            )
        self.key_environment = environment
        self._key = key
        self.routes = Routes()
        self.requests = 0  # sent so far, by whatever
        self._counting = threading.Lock()
        self.connections = Connections(self.base_url, key)
        self.reader = Reader(self.base_url, key_source, environment, self.cleaned)

    def __repr__(self) -> str:
        # Also asked for by tracebacks of a construction that failed.
        return f"<Transport {getattr(self, 'base_url', '?')}, key set, {getattr(self, 'key_environment', '?')}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a key must not land in a file."""
        raise TypeError("a client cannot be pickled, since its key would be; connect again instead")

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        self.connections.close()

    def cleaned(self, text: object, most: int = 200) -> str:
        """Return somebody else's words for a message: without the key, in one printable line, not too long."""
        return cleaned(text, self.connections.secrets, most)

    def get(
        self,
        path: str,
        params: Params = None,
        *,
        scope: str | None = None,
        doing: str | None = None,
        traffic: Traffic | None = None,
        retry: RetryPolicy | None = None,
    ) -> Any:
        """Perform one GET with pacing and retries; return the parsed JSON of a 200.

        Parameters
        ----------
        path
            Path under the base address, percent-encoded.
        params
            Query parameters.
        scope
            Directory whose budget the request counts on, or None.
        doing
            What the caller is doing, for messages: "reading users of directory_01ABC".
        traffic
            Where requests and pauses are noted; its ``stop`` ends pauses, answers under way and further tries.
        retry
            Patience for this request alone.

        Raises
        ------
        LoadError
            The kind that fits; see :mod:`dirsync_nb.errors`.
        """
        doing = doing or f"reading {path}"
        traffic = traffic if traffic is not None else Traffic()
        retry = retry or self.retry
        cause, waited, refusals = "pacing", 0.0, 0
        for tries in itertools.count(1):
            turn = self.pacer.wait(scope, traffic.stop)
            traffic.note_wait(cause, turn)
            if cause == "429":
                waited += turn
                traffic.announce(cause, 0)
            if traffic.stop is not None and traffic.stop.is_set():
                raise _given_up(doing)
            traffic.requests += 1
            with self._counting:
                self.requests += 1
            answer = self._try_once(path, params, doing, traffic.stop)
            refused = getattr(answer, "status_code", None) == 429
            if not refused:
                self.pacer.answered(scope)
            if not isinstance(answer, BaseException):
                return answer
            if not isinstance(answer, errors.LoadError):
                raise answer  # Ctrl-C, as it came
            refusals += refused
            failed = refusals if refused else tries - refusals
            pause = None
            if answer.retryable:
                pause = retry.pause(failed, answer.retry_after, refused=refused, waited=waited)
            if pause is None:
                raise _give_up(answer, tries, waited, retry)
            cause = "429" if refused else str(answer.status_code or type(answer).__name__)
            traffic.announce(cause, pause)
            if refused:
                # Everybody on this budget waits: the pause is taken at the next turn.
                self.pacer.hold(scope, pause)
            else:
                self.pacer.sleep(pause, traffic.stop)
                traffic.note_wait(cause, pause)
                traffic.announce(cause, 0)
                waited += pause
                cause = "pacing"
        raise AssertionError("unreachable")

    def answer(self, path: str, params: Params = None, *, scope: str | None = None) -> Answer:
        """Perform one GET within the budgets; return the answer as it came, whatever its status says.

        Nothing is asked again. Raises LoadError where no answer came.
        """
        self.pacer.wait(scope)
        answer = self._exchange(path, params, f"asking {path}", None, lambda answer, _: answer)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    def _try_once(self, path: str, params: Params, doing: str, stop: threading.Event | None = None) -> Any:
        """Send one request; return the parsed answer, or the error it amounts to, not raised."""
        return self._exchange(path, params, doing, stop, self._read)

    def _exchange(
        self,
        path: str,
        params: Params,
        doing: str,
        stop: threading.Event | None,
        read: Callable[[Answer, str], Any],
    ) -> Any:
        """Send one request; return what ``read`` makes of the answer, or the error it amounts to, not raised.

        Errors are built here and raised elsewhere, so that no traceback reaches into the frames of the HTTP
        library, whose local variables hold the Authorization header. That goes for an interrupt as well.
        """
        target = path + (f"?{urlencode(params)}" if params else "")
        try:
            answer = self.connections.get(target, Exchange(self.timeout, self.deadline, stop))
            content = self._key.hidden_in_bytes(answer.content)
            return read(Answer(answer.status, answer.headers, content), doing)
        except GivenUp:
            return _given_up(doing)
        except (HTTPError, TooSlow, TooMuch) as problem:
            return self._failure(problem, doing)
        except BaseException as problem:  # noqa: BLE001 - raised again by the caller
            interrupt = interrupt_in(problem)
            failure = problem if interrupt is None else interrupt
            failure.__context__ = failure.__cause__ = None
            return failure.with_traceback(None)

    def _read(self, answer: Answer, doing: str) -> Any:
        """Return what an answer says, or the error it amounts to."""
        return self.reader.read(answer, doing)

    def _failure(self, problem: Exception, doing: str) -> errors.LoadError:
        """Return what it means that no whole answer came."""
        timed_out = isinstance(problem, TooSlow | urllib3.exceptions.TimeoutError)
        if timed_out and not isinstance(problem, NewConnectionError):  # which urllib3 counts among them
            return self._timed_out(problem, doing)
        if isinstance(problem, TooMuch):
            return errors.AnswerTooLarge(
                f"{doing}: the answer of {self.base_url} is larger than {MOST_BYTES // 2**20} MB, which no "
                "page of 100 records should be. Is it the API itself? If its records really are that large, "
                "ask for fewer at a time: connect(page_size=10)."
            )
        if isinstance(problem, DecodeError):
            told = f"{doing}: the answer cannot be read ({self._innermost(problem)})."
            return noted(errors.BadPayload(told), retryable=True)
        if isinstance(problem, ProxyError) or "Tunnel connection failed" in str(problem):
            return self._no_proxy(problem, doing)
        if isinstance(problem, SSLError):
            return self._not_trusted(problem, doing)
        return self._no_connection(problem, doing)

    def _timed_out(self, problem: Exception, doing: str) -> errors.TimedOut:
        whole = isinstance(problem, TooSlow) and problem.whole
        return errors.TimedOut(
            f"{doing}: no {'whole ' if whole else ''}answer from {self.base_url} within "
            f"{self.deadline if whole else self.timeout:g} s. Run it again, or allow more with "
            "connect(timeout=...)."
        )

    def _not_trusted(self, problem: Exception, doing: str) -> errors.ConnectionFailed:
        told = (
            f"{doing}: no trusted connection to {self.base_url} ({self._innermost(problem)}). What counts are "
            f"the {self.connections.trust()}. A company proxy that inspects traffic needs its certificate "
            f"there: name a file that holds it in {bundle() or 'REQUESTS_CA_BUNDLE'}, and connect again."
        )
        return noted(errors.ConnectionFailed(told), retryable=False)

    def _no_proxy(self, problem: Exception, doing: str) -> errors.ConnectionFailed:
        """Return that the proxy did not let us through, which is no word of the API."""
        words = self._innermost(problem)
        told = (
            f"{doing}: something in between answered, not the API: the proxy {self.connections.proxy} of the "
            f"environment did not let the request through ({words}). Check HTTPS_PROXY, its user and password, "
            "and NO_PROXY, then connect again."
        )
        refused = any(status in words for status in (" 401", " 403", " 407"))
        return noted(errors.ConnectionFailed(told), retryable=not refused)

    def _no_connection(self, problem: BaseException, doing: str) -> errors.ConnectionFailed:
        """Return that the server was not reached, or not to the end."""
        kept_here = next((one for one in _causes(problem) if isinstance(one, errors.DirsyncError)), None)
        if kept_here is not None:  # by the network guard, which is no matter of networks and proxies
            return noted(errors.ConnectionFailed(f"{doing}: {kept_here}"), retryable=False)
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in _causes(problem))
        if refused and isinstance(problem, NewConnectionError) and is_loopback(self.base_url):
            told = (
                f"{doing}: nothing listens at {self.base_url} on this machine. Was the sandbox stopped? "
                "ds.connect() starts one."
            )
            # Here it is known at once, and a pause changes nothing.
            return noted(errors.ConnectionFailed(told), retryable=False)
        return errors.ConnectionFailed(
            f"{doing}: the connection to {self.base_url} failed ({self._innermost(problem)}). Check the "
            "address, the network and any proxy, then run it again."
        )

    def _innermost(self, problem: BaseException) -> str:
        """Return the root cause of a chain of library errors, in a few words and without any header."""
        *_, last = _causes(problem)
        words = str(last).split(": ", 1)[-1] if "object at 0x" in str(last) else str(last)
        return self.cleaned(f"{type(last).__name__}: {words}" if words else type(last).__name__)


def _given_up(doing: str) -> errors.LoadError:
    return errors.LoadError(f"{doing}: given up, since the load it belongs to has ended")


def _give_up(failure: errors.LoadError, tries: int, waited: float, retry: RetryPolicy) -> errors.LoadError:
    """Return a failure with how often we tried, or that the service asked for more patience than allowed."""
    asked = failure.retry_after
    if asked is not None and failure.retryable and waited + asked > retry.max_wait:
        before = f", after {waited:.0f} s of waiting" if waited >= 1 else ""
        note = (
            f" It asks for {asked:g} s{before}, more than max_wait={retry.max_wait:g}: run it again after "
            f"that, or connect(max_wait={waited + asked:.0f})."
        )
    elif tries > 1:
        note = f" Tried {tries} times."
    else:
        return failure
    failure.args = (str(failure.args[0]) + note, *failure.args[1:])
    return failure


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[object] = [problem]
    while todo:
        current = todo.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
