"""Tools that the caller declares, and runs itself: for bots that say that they handle them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar
from uuid import uuid4

from ..errors import ConfigurationError
from ..protocol import Json, ToolCall
from ..server import Bot

H = TypeVar("H", bound=Callable[..., Any])

_MARK = "__poe_asgi_handles_tools__"


def handles_tools(handler: H) -> H:
    """Say that this handler makes use of the tools that a caller declares. Returns it unchanged.

    They are in ``ctx.request.tools``, as the caller wrote them. The handler asks for calls with `call_tools`, or yields
    the stream of a bot that was given them as tools without functions. Requests with tools to other bots are refused.
    """
    if not callable(handler):
        raise ConfigurationError(f"@handles_tools takes a handler, not a {type(handler).__name__}.")
    setattr(handler, _MARK, True)
    return handler


def takes_tools(bot: Bot) -> bool:
    """Whether the bot's handler said so; what wraps it with `functools.wraps` says it, too."""
    return bool(getattr(bot.handler, _MARK, False))


async def call_tools(*calls: ToolCall) -> AsyncIterator[Json]:
    """To yield: the caller is to run these tools, and to ask again with their results.

    A call without an ``id`` gets one. At Poe's door, where nobody can run them, nothing is sent.
    """
    wire = [{"id": f"call_{uuid4().hex[:24]}", **_given(call.to_wire())} for call in calls]
    fragments = [{"index": index, **each} for index, each in enumerate(wire)]
    yield Json({"choices": [{"index": 0, "delta": {"tool_calls": fragments}}]})


def _given(wire: dict[str, Any]) -> dict[str, Any]:
    return wire if wire["id"] else {key: value for key, value in wire.items() if key != "id"}
