"""Probes of the access key: missing, wrong, in either case of its scheme."""

from __future__ import annotations

from ._bodies import query
from ._exchange import Exchange
from ._probe import Probe
from ._session import Session


async def missing_key(session: Session) -> None:
    for what, body in {"a query": query(), "a settings request": {"version": "1.0", "type": "settings"}}.items():
        exchange = await session.send(body, f"{what} without a key", authorization=None, stop="head")
        _judge(session, exchange, "key-missing")


async def wrong_key(session: Session) -> None:
    key = session.key or ""
    last = "a" if key[-1:] != "a" else "b"
    wrong = {
        "a key whose last character is wrong": f"Bearer {key[:-1]}{last}",
        "a key that lacks its last character": f"Bearer {key[:-1]}",
        "a key with one character too many": f"Bearer {key}x",
        "a key of another length": "Bearer wrong",
        "a key with a character outside ASCII": f"Bearer {key[:-1]}é",
        "an empty key": "Bearer ",
        "another scheme": "Basic d3Jvbmc6d3Jvbmc=",
    }
    if key.swapcase() != key:
        wrong["a key with its letters in the other case"] = f"Bearer {key.swapcase()}"
    for what, authorization in wrong.items():
        exchange = await session.send(query(), f"a query with {what}", authorization=authorization, stop="head")
        if exchange.status != 400 or authorization.isascii():  # a server may refuse such a header by itself
            _judge(session, exchange, "key-wrong")


def _judge(session: Session, exchange: Exchange, rule: str) -> None:
    if exchange.status == 401:
        if "www-authenticate" not in exchange.headers:
            session.note("key-challenge", exchange)
    elif exchange.status >= 400:
        session.note("key-status", exchange)
    elif exchange.status in range(200, 300):
        session.note(rule, exchange)


async def key_scheme(session: Session) -> None:
    what = "a query with `bearer` in lower case"
    exchange = await session.send(query(), what, authorization=f"bearer {session.key}", late="time-to-first")
    if exchange.status in {401, 403}:
        session.note("key-scheme", exchange)


PROBES = (
    Probe(
        id="missing-key",
        title="requests without a key",
        rules=("key-accepted", "key-missing", "key-status", "key-challenge", "key-shown"),
        run=missing_key,
        needs="key",
    ),
    Probe(
        id="wrong-key",
        title="requests with wrong keys",
        rules=("key-wrong", "key-status", "key-challenge"),
        run=wrong_key,
        needs="key",
    ),
    Probe(id="key-scheme", title="`bearer` in lower case", rules=("key-scheme",), run=key_scheme, needs="key"),
)
