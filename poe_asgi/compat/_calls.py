"""Uploads and charges of official bots, over the client of the query that is being answered.

The helpers of `PoeBot` do their HTTP in two methods, which are replaced on the instance: `_upload_file` and
`_cost_requests_inner`. So overrides of the helpers themselves stay in force, and what they send has the retries, the
limits and the errors of this package's client, uses its connections, and goes where the test kit, a development server
or POE_BASE_URL leads it. Outside of an answer, and with a ``base_url`` of the caller's own, the official code runs.

Files that were uploaded wait in `_file_events_to_yield` to be sent. There they are kept by message id, and two answers
to the same message would mix them up; here each answer has its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from ..client import USD, CostItem, PoeClient, request_cost
from ..errors import ConfigurationError, InsufficientFundError, UpstreamError
from ..server import QueryContext
from ._official import RawEvent, overridden

if TYPE_CHECKING:
    import fastapi_poe as fp

_COST_URL = re.compile(r"https://api\.poe\.com/bot/cost/(.+)/(authorize|capture)")


class Calls:
    """The calls of one answer."""

    def __init__(self, ctx: QueryContext) -> None:
        self._ctx = ctx
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Future[None]] = set()
        self.files: list[RawEvent] = []  # uploaded and not sent yet

    def client(self, key: str) -> PoeClient:
        """The client of this query; one with another key where the bot passes it."""
        if key == self._ctx.access_key:
            return self._ctx.poe
        other = PoeClient(api_key=key)
        other.uploads = self._ctx.poe.uploads
        return other

    @contextmanager
    def upload(self) -> Iterator[None]:
        """Around an upload; the answer does not end before it."""
        if asyncio.get_running_loop() is not self._loop:  # a thread that somebody waits for
            yield
            return
        done = self._loop.create_future()
        self._under_way.add(done)
        try:
            yield
        finally:
            self._under_way.discard(done)
            done.set_result(None)

    async def settle(self) -> None:
        """Wait for the uploads that the bot started and did not await."""
        await asyncio.sleep(0)  # the first step of those that were started last
        while self._under_way:
            await asyncio.wait(self._under_way)


current: ContextVar[Calls | None] = ContextVar("poe_asgi_compat_calls", default=None)


class _Files:
    """Files to be sent, of the answer that is running; outside of one, by message id. As much of a dict as is used."""

    def __init__(self) -> None:
        self._by_message: dict[str, list[RawEvent]] = {}

    def setdefault(self, message_id: str, default: list[RawEvent]) -> list[RawEvent]:
        calls = current.get()
        return calls.files if calls is not None else self._by_message.setdefault(message_id, default)

    def pop(self, message_id: str, default: list[RawEvent]) -> list[RawEvent]:
        calls, found = current.get(), self._by_message.pop(message_id, default)
        if calls is not None:
            found, calls.files = found + calls.files, []
        return found


def files_to_send(bot: fp.PoeBot, message_id: str) -> list[RawEvent]:
    """The files that were uploaded since this was last asked."""
    found: list[RawEvent] = bot._file_events_to_yield.pop(message_id, [])  # type: ignore[assignment] # noqa: SLF001
    return found


def install(bot: fp.PoeBot) -> None:
    """Lead the calls of this bot here."""
    bot._file_events_to_yield = _Files()  # type: ignore[assignment] # noqa: SLF001
    for name, function in (("_upload_file", _upload), ("_cost_requests_inner", _cost)):
        if not overridden(bot, name):
            setattr(bot, name, partial(function, bot))


async def _upload(
    bot: fp.PoeBot, *, file: Any, file_url: str | None, file_name: str | None, api_key: str, base_url: str
) -> fp.Attachment:
    from fastapi_poe import Attachment, PoeBot
    from fastapi_poe.base import POE_API_WEBSERVER_BASE_URL
    from fastapi_poe.client import AttachmentUploadError

    calls = current.get()
    if calls is None or base_url != POE_API_WEBSERVER_BASE_URL:
        return await PoeBot._upload_file(  # noqa: SLF001
            bot, file=file, file_url=file_url, file_name=file_name, api_key=api_key, base_url=base_url
        )
    with calls.upload():
        try:
            sent = await calls.client(api_key).upload(file, url=file_url, name=file_name)
        except UpstreamError as exc:
            raise AttachmentUploadError(str(exc)) from exc
        except ConfigurationError as exc:
            raise ValueError(str(exc)) from exc
    return Attachment(url=sent.url, content_type=sent.content_type, name=sent.name)


async def _cost(bot: fp.PoeBot, amounts: fp.CostItem | list[fp.CostItem], access_key: str, url: str) -> bool:
    import fastapi_poe as fp

    calls, where = current.get(), _COST_URL.fullmatch(url)
    if calls is None or where is None:
        return await fp.PoeBot._cost_requests_inner(bot, amounts, access_key, url)  # noqa: SLF001
    query_id: str = where[1]
    verb: Any = where[2]
    items = tuple(map(_item, [amounts] if isinstance(amounts, fp.CostItem) else amounts))
    try:
        await request_cost(
            calls.client(access_key).connection, verb, query_id=query_id, access_key=access_key, items=items
        )
    except InsufficientFundError:
        return False
    except UpstreamError as exc:
        raise fp.CostRequestError(str(exc)) from exc
    return True


def _item(item: fp.CostItem) -> CostItem:
    return CostItem(USD(Decimal(item.amount_usd_milli_cents).scaleb(-5)), item.description)
