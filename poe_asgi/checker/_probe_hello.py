"""The first probe: a plain question. If it is not answered, nothing else is asked."""

from __future__ import annotations

from ..protocol import STREAM_RULES
from ._bodies import query
from ._exchange import Exchange
from ._probe import Probe
from ._session import REDIRECTS, Session
from ._target import CannotCheckError

_UNANSWERED = "a plain question is not answered"


class NoAnswerError(Exception):
    """The bot does not answer a plain question, or no more: there is no use in further probes. Why, in a few words."""


async def hello(session: Session) -> None:
    """Raises CannotCheckError when there is no server or no key, NoAnswerError when the bot is to blame."""
    exchange = await session.send(query(), "a plain question", late="time-to-first")
    _refuse(session, exchange)
    if not exchange.answered:
        raise NoAnswerError(_UNANSWERED)
    session.plain = exchange
    if exchange.failed:
        session.plain_error = True
        if exchange.broken is None:
            session.note("answer-error", exchange)
    if exchange.left and not exchange.open_after_done:
        session.notes.append(f"The answer to a plain question was left after {exchange.seconds:.0f} s, unfinished.")


def _refuse(session: Session, exchange: Exchange) -> None:
    if exchange.late or exchange.status in REDIRECTS:
        raise NoAnswerError(_UNANSWERED)
    if not exchange.status:
        server = "a server with a valid certificate" if session.target.scheme == "https" else "a server"
        raise CannotCheckError(f"{exchange.broken} Is {server} running at {session.target.url}?")
    if exchange.status in {401, 403}:
        if session.key is None:
            raise CannotCheckError(f"The bot asks for its access key (it answered {exchange.status}): give the key.")
        session.note("key-accepted", exchange)
    elif exchange.status in {404, 405}:
        raise CannotCheckError(f"There is no bot at {session.target.url}: a POST is answered {exchange.status}.")
    elif exchange.status != 200:
        session.note("query-status", exchange)
    elif not exchange.answered:
        session.note("query-content-type", exchange)


async def public(session: Session) -> None:
    assert session.plain is not None
    if session.target.scheme == "http":
        session.note("https", session.plain)
    if session.key is None:
        session.note("key-missing", session.plain)


async def private(session: Session) -> None:
    """Some proxies use the header up, so it is to be seen without one only."""
    assert session.plain is not None
    if session.plain.headers.get("x-accel-buffering", "").strip().lower() != "no":
        session.note("stream-proxied", session.plain)


PROBES = (
    Probe(
        id="hello",
        title="a plain question",
        rules=(
            *STREAM_RULES,
            *("query-status", "query-content-type", "answer-error", "redirect", "internals-shown"),
            *("stream-cache", "stream-buffered", "stream-compressed", "stream-silent", "stream-open"),
        ),
        run=hello,
    ),
    Probe(id="public", title="a public URL", rules=("https",), run=public, needs="public"),
    Probe(id="private", title="headers for proxies", rules=("stream-proxied",), run=private, needs="private"),
)
