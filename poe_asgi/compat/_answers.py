"""The handler of an official bot: its generator, with each yield translated, closed in the task that ran it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import AnswerError, ResponseError
from ..protocol import Item, Meta
from ..server import QueryContext
from ._calls import Calls, current, files_to_send
from ._events import Ended, NotSentError, items_of, said_by_bot
from ._official import overridden
from ._requests import official_request

if TYPE_CHECKING:
    import fastapi_poe as fp

Handler = Callable[[QueryContext], AsyncGenerator[Any, None]]


def handler_of(bot: fp.PoeBot, own_key: str | None) -> Handler:
    """The handler; ``own_key`` is the access key that the bot's author gave it."""

    async def handler(ctx: QueryContext) -> AsyncGenerator[Item | Meta, None]:
        import fastapi_poe as fp

        owners = (os.environ.get("POE_API_KEY") or "").strip()  # for queries that are not Poe's, as with `ctx.poe`
        key = ctx.access_key or owners or own_key or "<missing>"
        if own_key is None and (ctx.access_key or (owners and not bot.access_key)):
            bot.access_key = key  # its helpers sign with it; of several keys, one that is valid now
        request = official_request(fp.QueryRequest, ctx, access_key=key, api_key=key)
        calls = Calls(ctx)
        current.set(calls)
        source = aiter(_events(bot, request, fp.RequestContext(http_request=ctx.http)))
        thrown: BaseException | None = None
        ended = False
        try:
            while not ended:
                try:
                    event = await (anext(source) if thrown is None else _throw(source, thrown))
                except StopAsyncIteration:
                    break
                thrown = None
                for item in _translated([*files_to_send(bot, request.message_id), event], ctx):
                    if isinstance(item, AnswerError):
                        raise item
                    if item is _END:
                        ended = True
                        break
                    try:
                        yield item
                    except GeneratorExit:
                        raise
                    except BaseException as exc:  # noqa: BLE001
                        if isinstance(exc, ResponseError) and isinstance(item, Meta):
                            ctx.log.info("%s of %s is left out: %s", item, type(bot).__name__, exc)
                            continue
                        thrown = exc
                        break
            await calls.settle()
            for item in _translated(files_to_send(bot, request.message_id), ctx):
                yield item
        except fp.BotError as exc:
            said = said_by_bot(exc)
            if said is None:
                raise
            raise said from exc
        finally:
            await _close(source)

    handler.__qualname__ = f"{type(bot).__qualname__}.get_response"  # what log lines call it
    return handler


_END = object()


def _translated(events: list[Any], ctx: QueryContext) -> Iterator[Any]:
    """The items of these events; an AnswerError or `_END` where they end the answer."""
    for event in events:
        try:
            yield from items_of(event)
        except AnswerError as exc:
            yield exc
        except Ended:
            yield _END
        except NotSentError as exc:
            ctx.log.info("%s was left out", exc)


def _events(bot: fp.PoeBot, request: fp.QueryRequest, context: fp.RequestContext) -> Any:
    """What the bot yields for this request: of the outermost method that it overrides.

    `get_response` is called directly where it is the only one, so that no generator stands between that would leave
    it to be closed by the garbage collector.
    """
    if overridden(bot, "handle_query"):
        return bot.handle_query(request, context)
    if request.query:
        if bot.should_insert_attachment_messages:
            request = bot.insert_attachment_messages(query_request=request)
        elif bot.concat_attachments_to_message:
            request = bot.concat_attachment_content_to_message_body(query_request=request)
    if overridden(bot, "get_response_with_context"):
        return bot.get_response_with_context(request, context)
    return bot.get_response(request)


async def _throw(source: AsyncIterator[Any], exc: BaseException) -> Any:
    if not isinstance(source, AsyncGenerator):
        raise exc
    return await source.athrow(exc)


async def _close(source: AsyncIterator[Any]) -> None:
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()
