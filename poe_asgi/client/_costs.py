"""Charging the user of a query (reference: authorize and capture).

What a capture did is not known once its answer is lost, and Poe offers no key to repeat it by. So a capture is sent
again only when it surely has not arrived; and it is not broken off in the middle when the handler is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeAlias

from .._clock import current_clock, until
from ..errors import (
    ConfigurationError,
    ConnectTimeoutError,
    InsufficientFundError,
    InvalidResponseError,
    RateLimitedError,
    RequestError,
)
from ..protocol import QueryRequest, parse_json_object
from ._attempts import retried
from ._calls import Answered, call, refused, server_sent
from ._connection import Connection
from ._failures import failure_in_stream
from ._http import HttpRequest
from ._money import USD

log = logging.getLogger("poe_asgi.client")

Verb: TypeAlias = Literal["authorize", "capture"]

COST_SECONDS = 300.0  # Poe may wait for the user
CANCELLED_SECONDS = 10.0  # that a cancelled handler waits for its capture

# The loop itself holds tasks only weakly.
_under_way: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class CostItem:
    """One amount of a charge. ``description`` is shown to the user."""

    amount: USD
    description: str | None = None

    def to_wire(self) -> dict[str, Any]:
        return {"amount_usd_milli_cents": self.amount.milli_cents, "description": self.description}


class Cost:
    """What is charged so far: ``items``."""

    def __init__(self, up_to: USD) -> None:
        self.up_to = up_to
        self.items: tuple[CostItem, ...] = ()
        self._open = True

    @property
    def milli_cents(self) -> int:
        """What was added so far, in thousandths of a cent; each item is rounded up by itself."""
        return sum(item.amount.milli_cents for item in self.items)

    def add(self, amount: USD, description: str | None = None) -> None:
        """Add an amount; ``description`` is shown to the user.

        Raises ConfigurationError, and adds nothing, for an amount that is not above zero, one that would lead beyond
        ``up_to``, and after the charge has ended.
        """
        if not self._open:
            raise ConfigurationError("This charge has ended: add inside of the `async with`.")
        checked(amount, "add")
        if self.milli_cents + amount.milli_cents > self.up_to.milli_cents:
            raise ConfigurationError(
                f"{amount} more would be beyond the {self.up_to} that were authorized: raise up_to=, or charge again."
            )
        self.items = (*self.items, CostItem(amount, description))

    def close(self) -> None:
        """Nothing can be added any more."""
        self._open = False


class Charge:
    """An async context manager that authorizes an amount on entering, and captures what was added on leaving.

    What was added is captured however the body ends: the work is done. Nothing added, nothing captured. Entering raises
    InsufficientFundError when the user's points do not suffice, UpstreamError when it could not be found out. Leaving
    raises the same, but only after a body that has not failed; otherwise that is logged.
    """

    def __init__(self, connection: Connection, query: QueryRequest | None, up_to: USD) -> None:
        checked(up_to, "charge(up_to=…)")
        if query is None:
            raise ConfigurationError("Only a query can be charged for: use ctx.poe.charge(…) in a @bot.query handler.")
        if not query.bot_query_id:
            raise ConfigurationError("This query cannot be charged for: it came without a bot_query_id.")
        if not connection.api_key:
            raise ConfigurationError(
                "A charge needs the bot's access key, and this query came without one: give the bot an access key."
            )
        self._connection = connection
        self._access_key = connection.api_key
        self._query_id = query.bot_query_id
        self._cost = Cost(up_to)

    async def __aenter__(self) -> Cost:
        await self._request("authorize", (CostItem(self._cost.up_to),))
        return self._cost

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cost.close()
        if not self._cost.items:
            return
        try:
            closing = isinstance(exc, (asyncio.CancelledError, GeneratorExit))
            await _whatever_happens(self._request("capture", self._cost.items), closing=closing)
        except Exception:
            if exc is None:
                raise
            log.exception("capturing a charge failed, after the handler did")

    async def _request(self, verb: Verb, items: tuple[CostItem, ...]) -> None:
        await request_cost(self._connection, verb, query_id=self._query_id, access_key=self._access_key, items=items)


async def request_cost(
    connection: Connection, verb: Verb, *, query_id: str, access_key: str, items: tuple[CostItem, ...]
) -> None:
    """Authorize or capture these amounts. Raises InsufficientFundError and UpstreamError."""
    what = "Authorizing a charge" if verb == "authorize" else "Capturing a charge"
    body = {"amounts": [item.to_wire() for item in items], "access_key": access_key}

    async def attempt() -> None:
        request = HttpRequest(
            method="POST",
            url=connection.cost_url(query_id, verb),
            headers={"content-type": "application/json", "accept": "text/event-stream"},
            content=json.dumps(body).encode("ascii"),
            connect_seconds=connection.timeouts.connect,
        )
        answered = await call(connection, request, what, seconds=COST_SECONDS, enough=_has_result)
        if answered.status != 200:
            raise refused(what, answered, secret=access_key)
        _check_result(answered, what, access_key)

    def repeatable(exc: Exception) -> bool:
        return verb == "authorize" or isinstance(exc, (ConnectTimeoutError, RateLimitedError))

    await retried(connection.retry, what, attempt, repeatable=repeatable)


def checked(amount: object, where: str) -> USD:
    """An amount that can be charged. Raises ConfigurationError."""
    if not isinstance(amount, USD):
        raise ConfigurationError(f'{where} takes USD("…"), not {type(amount).__name__}.')
    if amount.amount <= 0:
        raise ConfigurationError(f"{where} takes an amount above zero, not {amount}.")
    return amount


def _has_result(body: bytes) -> bool:
    return any(event.type == "result" for event in server_sent(body, whole=False))


def _check_result(answered: Answered, what: str, secret: str) -> None:
    """Raise what the events of an answer say, unless they say success. HTTP 200 alone says nothing."""
    for event in server_sent(answered.body):
        try:
            data = parse_json_object(event.data.encode())
        except RequestError:
            continue
        if event.type == "error":
            raise failure_in_stream(what, {"error": data}, secret=secret)
        if event.type == "result" and isinstance(status := data.get("status"), str):
            if status != "success":
                log.info("%s: the result is %r", what, status[:100])
                raise InsufficientFundError
            return
    raise InvalidResponseError(f"{what}: the answer has no result.", status=answered.status)


async def _whatever_happens(work: Coroutine[Any, Any, None], *, closing: bool) -> None:
    """Do the work in a task of its own, and wait for it; a cancellation goes on afterwards.

    A caller that is cancelled, or was before (``closing``), waits for ``CANCELLED_SECONDS`` at most, and no longer than
    until the next cancellation. The work goes on by itself then, and what becomes of it is logged.
    """
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    try:
        if not closing:
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                await _wait_a_little(task)
                raise
        else:
            await _wait_a_little(task)
    except asyncio.CancelledError:
        task.add_done_callback(_log_failure)
        raise
    if task.done():
        await task
    else:
        task.add_done_callback(_log_failure)


async def _wait_a_little(task: asyncio.Task[None]) -> None:
    with suppress(TimeoutError):
        await until(current_clock().time() + CANCELLED_SECONDS, asyncio.wait([task]))


def _log_failure(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        log.error("capturing a charge was cut off; it may have been captured or not")
    elif (exc := task.exception()) is not None:
        log.error("capturing a charge failed, after its handler was cancelled", exc_info=exc)
