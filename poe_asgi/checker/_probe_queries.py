"""Probes of queries: short and full ones, odd ones, many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._bodies import CONVERSATION, HELLO, USER, full, history, message_id, query, with_attachments, with_hints
from ._probe import Probe
from ._session import Session

_TEXT = "Grüße, 世界 👋🏽 שלום \u2028 \u0085 \x00 \ufeff \\ \" ' </script> \r\n\r\ndata: {}\n\nevent: done"


def _minimal() -> dict[str, Any]:
    ids = {"message_id": message_id(), "user_id": USER, "conversation_id": CONVERSATION}
    return {"type": "query", "version": "1.0", **ids, "query": [{"role": "user", "content": "hi"}]}


def _asks(
    rule: str,
    title: str,
    *bodies: Callable[[], dict[str, Any]],
    strict: bool = True,
    id: str | None = None,  # noqa: A002
) -> Probe:
    """A probe that sends these queries, one after the other."""

    async def run(session: Session) -> None:
        for body in bodies:
            await session.ask(body(), title, rule, strict=strict)

    return Probe(id=id or rule, title=title, rules=(rule,), run=run)


async def parameters(session: Session) -> None:
    odd = {name: [{"not": "a value"}, None] for name in session.parameters}
    body = query({**HELLO, "parameters": {**odd, "undeclared": {"a": [1, None]}, "poe_x": True, "": "\u0000"}})
    await session.ask(body, "a query with odd values of parameters", "query-parameters", strict=False)


async def repeated(session: Session) -> None:
    body = query()
    for what in ("a query", "the same query once more"):
        await session.ask(body, what, "query-repeated")


async def at_once(session: Session) -> None:
    what = "one of 5 queries at the same time"
    sent = [session.ask(query(), what, "queries-at-once") for _ in range(5)]
    for outcome in await asyncio.gather(*sent, return_exceptions=True):  # none is to go on alone
        if isinstance(outcome, BaseException):
            raise outcome


def _without_version() -> dict[str, Any]:
    body = query()
    del body["version"]
    return body


def _unknown_keys() -> dict[str, Any]:
    message = {**HELLO, "mood": "good", "sender": {"id": USER, "name": "Ada", "mood": "good"}}
    return query(message, mood="good", new_feature={"of": ["a", "later", "version"]})


def _odd_reactions() -> dict[str, Any]:
    answer = {
        "role": "bot",
        "content": "Hello!",
        "feedback": [{"type": "puzzled", "reason": None}],
        "reactions": [{"user_id": USER, "reaction": "rolling_eyes"}],
    }
    return query(HELLO, answer, HELLO)


def _feedback_without_reason() -> dict[str, Any]:
    return query(HELLO, {"role": "bot", "content": "Hello!", "feedback": [{"type": "like"}]}, HELLO)


PROBES = (
    _asks("query-minimal", "a query as short as it may be", _minimal, strict=False),
    _asks("query-full", "a query with every documented field", with_hints, full),
    _asks("query-full", "a query with attachments", with_attachments, strict=False, id="attachments"),
    _asks("unknown-keys", "a query with keys that nobody knows", _unknown_keys),
    _asks(
        "unknown-roles",
        "a query with a message of an unknown role",
        lambda: query(HELLO, {"role": "narrator", "content": "It was night."}, HELLO),
    ),
    _asks(
        "unknown-content-types",
        "a query with a message of an unknown content type",
        lambda: query(HELLO, {"role": "bot", "content": "Hi", "content_type": "text/x-new"}, HELLO),
    ),
    _asks("unknown-reports", "a query with unknown reactions in its history", _odd_reactions),
    _asks("optional-fields", "a query with feedback that has no reason", _feedback_without_reason),
    _asks(
        "versions",
        "queries of several versions",
        *(lambda version=version: query(version=version) for version in ("1.1", "1.2", "1.9")),
    ),
    _asks("version-optional", "a query without `version`", _without_version),
    _asks(
        "identifiers",
        "queries with identifiers of other forms",
        lambda: query(message_id="", user_id="", conversation_id=""),
        lambda: query(message_id="m-1", user_id="Ü", conversation_id="x" * 200),
    ),
    _asks("query-unicode", "a query with all kinds of characters", lambda: query({"role": "user", "content": _TEXT})),
    _asks(
        "query-surrogates",
        "a query with half of an emoji",
        lambda: query({"role": "user", "content": "Half: \ud83d"}),
    ),
    Probe(id="parameters", title="a query with odd values of parameters", rules=("query-parameters",), run=parameters),
    Probe(id="repeated", title="the same query twice", rules=("query-repeated",), run=repeated),
    Probe(id="at-once", title="several queries at once", rules=("queries-at-once",), run=at_once),
    _asks("query-history", "a query of 1,000 messages", history, strict=False),
)
