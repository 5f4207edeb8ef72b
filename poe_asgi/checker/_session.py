"""What the probes of one check share: they send through it, and it keeps what breaks a rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._clock import current_clock, until
from ..client import HttpRequest, HttpResponse
from ..errors import ConnectionFailedError, UpstreamError
from ..protocol import RULES, Limits
from ._bodies import brief
from ._budget import Budget
from ._exchange import Exchange, Reading, Until
from ._report import Finding
from ._target import CannotCheckError, Target

ANSWER_SECONDS = 5  # Poe waits no longer for the first byte of anything
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN = 240


class TimeIsUpError(Exception):
    """The budget of the whole check is spent."""


@dataclass(slots=True, kw_only=True)
class Session:
    """``key`` is the bot's, or None. ``plain_error`` is set once a plain question was answered with ``error``."""

    target: Target
    key: str | None = field(repr=False)
    limits: Limits
    budget: Budget
    deadline: float = float("inf")
    findings: dict[str, Finding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    plain: Exchange | None = None  # the plain question, once it is answered
    plain_error: bool = False
    parameters: tuple[str, ...] = ()  # the names of the bot's parameter controls

    def note(self, rule: str, exchange: Exchange, detail: str = "") -> None:
        """This exchange broke that rule; ``detail`` is what was seen, where what came does not show it by itself."""
        first = self.findings.get(rule)
        if first is not None:
            self.findings[rule] = replace(first, times=first.times + 1)
            return
        came = exchange.came(body=not detail)
        self.findings[rule] = Finding(
            rule=RULES[rule],
            sent=exchange.what,
            request=exchange.request,
            came=f"{exchange.without_key(detail)} ({came})" if detail else came,
        )

    # ---- sending

    async def ask(
        self, query: Mapping[str, Any], what: str, rule: str, *, strict: bool = True, stop: Until = "content"
    ) -> Exchange:
        """Send a query that is to be answered as the plain one was.

        ``rule`` is broken when it is not; where this is not ``strict``, an answer of ``error`` will do.
        """
        exchange = await self.send(query, what, stop=stop, late=rule)
        if exchange.status not in {200, *REDIRECTS} and not exchange.late:
            self.note(rule, exchange)
        elif exchange.status == 200 and not exchange.answered:
            self.note("query-content-type", exchange)
        elif strict and exchange.failed and not self.plain_error:
            self.note(rule, exchange)
        return exchange

    async def send(
        self,
        body: Mapping[str, Any] | bytes = b"",
        what: str = "",
        *,
        method: str = "POST",
        authorization: str | None = "",
        headers: Mapping[str, str] | None = None,
        stop: Until = "end",
        late: str | None = None,
    ) -> Exchange:
        """One request, read until ``stop`` and judged by the rules that hold for all.

        ``authorization`` is the header to send, None for none and ``""`` for that with the bot's key. With
        ``late`` this is a query, whose stream is judged; it is the rule that is broken when no answer begins.
        Raises TimeIsUpError and CannotCheckError.
        """
        clock = current_clock()
        started = clock.time()
        if started >= self.deadline:
            raise TimeIsUpError
        content = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
        exchange = Exchange(what=what, request=f"{method} {_shown(body)}".rstrip(), key=self.key)
        self.requests += 1
        if authorization == "":
            authorization = f"Bearer {self.key}" if self.key else None
        sent = {"content-type": "application/json", **(headers or {})}
        if authorization is not None:
            sent["authorization"] = authorization
        request = HttpRequest(method=method, url=self.target.url, headers=sent, content=content)
        patience = min(self.deadline, started + self.budget.response)
        try:
            response = await until(patience, self.target.transport.send(request))
        except TimeoutError:
            self._never_came(exchange, clock.time() - started, late or "time-to-answer")
            return exchange
        except ConnectionFailedError as exc:
            exchange.broken = str(exc)
            return exchange
        except UpstreamError as exc:
            raise CannotCheckError(str(exc)) from exc
        exchange.status, exchange.headers = response.status, response.headers
        exchange.head_at = exchange.seconds = clock.time() - started
        reading = Reading(
            exchange,
            response,
            started=started,
            limits=self.limits,
            budget=self.budget,
            deadline=self.deadline,
        )
        try:
            await reading.run(stop)
        finally:
            exchange.went_on = not await self._leave(response)
        if self.target.served is not None and exchange.status == 500:
            exchange.failure, self.target.served.failure = self.target.served.failure, None
        self._judge(exchange, streams=late is not None)
        if exchange.left and stop == "content" and clock.time() >= self.deadline:
            raise TimeIsUpError
        return exchange

    async def _leave(self, response: HttpResponse) -> bool:
        """Whether the other side ended in time; an app that did not is cancelled."""
        try:
            await until(current_clock().time() + self.budget.disconnect, response.aclose())
        except TimeoutError:
            return False
        return True

    def _went_on(self, exchange: Exchange) -> str:
        gone = exchange.went_on and exchange.left
        return f"The app still ran {self.budget.disconnect:g} s after that." if gone else ""

    def _never_came(self, exchange: Exchange, seconds: float, rule: str) -> None:
        exchange.seconds = seconds
        if seconds < ANSWER_SECONDS:
            raise TimeIsUpError
        exchange.late = True
        self.note(rule, exchange)

    # ---- judging

    def _judge(self, exchange: Exchange, *, streams: bool) -> None:
        checks: list[tuple[str, Callable[[Exchange], str | bool]]] = [
            ("redirect", lambda each: each.status in REDIRECTS and _redirected(each)),
            ("key-shown", lambda each: each.shows_key and "The key was in it."),
            ("internals-shown", lambda each: each.shows_internals),
            ("disconnect-noticed", self._went_on),
        ]
        if exchange.reader is None:
            checks.append(("time-to-answer", lambda each: (each.head_at or 0) > ANSWER_SECONDS and _after(each)))
        elif streams:
            checks += _STREAM_CHECKS
            checks.append(("stream-silent", lambda each: each.silence > self.budget.silence and _silence(each)))
        for rule, broken in checks:
            detail = broken(exchange)
            if detail:
                self.note(rule, exchange, detail if isinstance(detail, str) else "")
        if exchange.reader is not None and streams:
            if not exchange.kinds and exchange.left and exchange.seconds > ANSWER_SECONDS:
                self.note("time-to-first", exchange)
            if exchange.left and "done" not in exchange.kinds and exchange.seconds > self.limits.total_seconds:
                self.note("time-limit", exchange)
            for violation in exchange.reader.violations:
                self.note(violation.rule.id, exchange, violation.detail)


def _uncached(exchange: Exchange) -> bool:
    given = {each.strip().lower() for each in exchange.headers.get("cache-control", "").split(",")}
    return bool(given & {"no-store", "no-cache", "private"}) or "max-age=0" in given


def _buffered(exchange: Exchange) -> str:
    """How the stream shows that it was held back, if it does."""
    if "content-length" in exchange.headers:
        return _header(exchange, "Content-Length")
    first, last = exchange.first_at or 0, exchange.last_at
    if len(exchange.kinds) >= 4 and first >= 1 and last - first < 0.05:
        return f"All {len(exchange.kinds)} events came at once, after {first:.1f} s."
    return ""


def _encoding(exchange: Exchange) -> str:
    encoding = exchange.headers.get("content-encoding", "identity").strip().lower()
    return f"Content-Encoding: {encoding}" if encoding not in {"", "identity"} else ""


def _header(exchange: Exchange, name: str) -> str:
    value = exchange.headers.get(name.lower())
    return f"There is no {name}." if value is None else f"{name}: {exchange.without_key(value)[:100]}"


def _redirected(exchange: Exchange) -> str:
    return _header(exchange, "Location")


def _after(exchange: Exchange) -> str:
    return f"The answer began after {exchange.head_at:.1f} s."


def _silence(exchange: Exchange) -> str:
    return f"Nothing came for {exchange.silence:.0f} s."


def _shown(body: Mapping[str, Any] | bytes) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else brief(body)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 60]} … {text[-50:]}"


_STREAM_CHECKS: list[tuple[str, Callable[[Exchange], str | bool]]] = [
    ("stream-cache", lambda each: not _uncached(each) and _header(each, "Cache-Control")),
    ("stream-buffered", _buffered),
    ("stream-compressed", _encoding),
    ("stream-open", lambda each: each.open_after_done),
]
