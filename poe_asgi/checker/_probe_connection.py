"""Probes of what happens on the connection: clients that leave, and what compresses or buffers."""

from __future__ import annotations

from ._bodies import query
from ._probe import Probe
from ._probe_hello import NoAnswerError
from ._session import Session


async def leaving(session: Session) -> None:
    await session.ask(query(), "a query, left after its first event", "query-status", stop="first event", strict=False)
    exchange = await session.ask(query(), "a query after one that was left", "disconnect-survived")
    plain_at = session.plain.content_at if session.plain is not None else None
    in_time = plain_at is not None and plain_at * 3 < session.budget.answer  # what took long before may do so again
    if exchange.answered and exchange.content_at is None and in_time:
        session.note("disconnect-survived", exchange)
    if "disconnect-survived" in session.findings:
        raise NoAnswerError("the bot did not answer any more once a client had left")


async def noticing(session: Session) -> None:
    """Whenever an answer is left, the session looks at how long the app goes on; here is one for sure."""
    await session.ask(query(), "a query, left at once", "query-status", stop="first event", strict=False)


async def compression(session: Session) -> None:
    what = "a query that accepts compressed answers"
    headers = {"accept-encoding": "gzip, deflate, br"}
    await session.send(query(), what, headers=headers, stop="content", late="time-to-first")


PROBES = (
    Probe(id="compression", title="a query that accepts compression", rules=("stream-compressed",), run=compression),
    Probe(id="leaving", title="a client that leaves", rules=("disconnect-survived",), run=leaving),
    Probe(
        id="noticing",
        title="how long the bot goes on without its client",
        rules=("disconnect-noticed",),
        run=noticing,
        needs="app",
    ),
)
