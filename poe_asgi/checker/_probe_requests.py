"""Probes of all other requests: reports, unknown types, bodies that are none, other methods."""

from __future__ import annotations

from collections.abc import Mapping

from ._bodies import REPORTS, report
from ._exchange import Exchange
from ._probe import Probe
from ._session import REDIRECTS, Session

_DEEP = b'{"type": "query", "query": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"

_INVALID = {
    "an empty body": b"",
    "a body cut short": b'{"type": "query", "query": [',
    "a JSON array": b"[]",
    "a JSON string": b'"query"',
    "an object without `type`": b"{}",
    "a `type` that is a number": b'{"version": "1.0", "type": 5}',
    "a query without messages": b'{"version": "1.0", "type": "query"}',
    "a query whose messages are a string": b'{"version": "1.0", "type": "query", "query": "hi"}',
    "bytes that are no UTF-8": b'{"type": "query", "query": [{"role": "user", "content": "\xff"}]}',
    "20,000 arrays inside each other": _DEEP,
}


async def _report(session: Session, body: Mapping[str, object], what: str, rule: str) -> None:
    exchange = await session.send(body, what)
    if not exchange.late and exchange.status not in {*range(200, 300), *REDIRECTS, 501}:
        session.note(rule, exchange)


async def reports(session: Session) -> None:
    for kind in REPORTS:
        await _report(session, report(kind), f"a `{kind}`", "report-answered")


async def odd_reports(session: Session) -> None:
    """Not where usual ones fail already."""
    if "report-answered" in session.findings:
        return
    odd = {"report_reaction": {"reaction": "rolling_eyes"}, "report_feedback": {"feedback_type": "puzzled"}}
    for kind, fields in odd.items():
        await _report(session, report(kind, **fields), f"a `{kind}` of an unknown kind", "unknown-reports")


async def short_reports(session: Session) -> None:
    """Not where usual ones fail already."""
    if "report-answered" in session.findings:
        return
    short = {
        "a reaction of two fields": {"type": "report_reaction", "message_id": f"m-{'0' * 32}", "reaction": "heart"},
        "an error report without metadata": {"version": "1.0", "type": "report_error", "message": "An example."},
    }
    for what, body in short.items():
        await _report(session, body, what, "optional-fields")


async def unknown_type(session: Session) -> None:
    exchange = await session.send({"version": "1.0", "type": "dance"}, "a request of an unknown type", stop="head")
    if exchange.status not in {501, *REDIRECTS} and not exchange.late:
        session.note("type-unknown", exchange)


async def invalid_bodies(session: Session) -> None:
    for what, body in _INVALID.items():
        exchange = await session.send(body, what)
        if not _is_refused(exchange):
            session.note("body-invalid", exchange)


def _is_refused(exchange: Exchange) -> bool:
    """Any 4xx will do, 501 where the type may be what is wrong, and an answer that says ``error``."""
    told = exchange.reader is not None and exchange.reader.error is not None
    return told or exchange.late or exchange.status in {*range(400, 500), *REDIRECTS, 501}


async def methods(session: Session) -> None:
    for method in ("PUT", "DELETE"):
        exchange = await session.send(b"", f"a {method}", method=method)
        if exchange.status == 405:
            if "allow" not in exchange.headers:
                session.note("method-allow", exchange)
        elif exchange.status not in {*range(400, 500), *REDIRECTS, 501} and not exchange.late:
            session.note("method", exchange)


async def page(session: Session) -> None:
    got = await session.send(b"", "a GET without a key", method="GET", authorization=None)
    if got.status >= 500 or got.broken:
        session.note("page", got)
        return
    head = await session.send(b"", "a HEAD without a key", method="HEAD", authorization=None)
    if head.status != got.status and not head.late:
        session.note("page-head", head, f"GET was answered {got.status}.")


PROBES = (
    Probe(id="reports", title="all kinds of reports", rules=("report-answered", "time-to-answer"), run=reports),
    Probe(id="odd-reports", title="reports of unknown kinds", rules=("unknown-reports",), run=odd_reports),
    Probe(id="short-reports", title="reports with few fields", rules=("optional-fields",), run=short_reports),
    Probe(id="unknown-type", title="a request of an unknown type", rules=("type-unknown",), run=unknown_type),
    Probe(id="invalid-bodies", title="bodies that are no requests", rules=("body-invalid",), run=invalid_bodies),
    Probe(id="methods", title="other methods", rules=("method", "method-allow"), run=methods),
    Probe(id="page", title="GET and HEAD", rules=("page", "page-head"), run=page),
)
