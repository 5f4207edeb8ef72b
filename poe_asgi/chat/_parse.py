"""Structured output: asked for, never trusted, repaired a bounded number of times."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from ..errors import ConfigurationError, StructuredOutputError, UpstreamError
from ._messages import Messages
from ._results import ChatResult, ParsedResult
from ._structured import Misfit, Shape, refuses_response_format
from ._token_usage import TokenUsage

log = logging.getLogger("poe_asgi.chat")

T = TypeVar("T")


async def parse(
    invoke: Callable[..., Awaitable[ChatResult]],
    messages: Messages,
    into: type[T],
    *,
    repairs: int,
    takes_format: bool,
    options: Mapping[str, Any],
) -> ParsedResult[T]:
    """The answer of a model as a value; see `PoeChatModel.parse`."""
    if isinstance(repairs, bool) or not isinstance(repairs, int) or repairs < 0:
        raise ConfigurationError(f"repairs is a number from 0, not {repairs!r}.")
    shape: Shape[T] = Shape(into)
    conversation = _instructed(messages, shape.instructions())
    response_format = shape.response_format() if takes_format else None
    form = {"response_format": response_format} if response_format is not None else {}
    usage: TokenUsage | None = None
    for repairs_left in range(repairs, -1, -1):
        try:
            result = await invoke(conversation, **{**form, **options})
        except UpstreamError as exc:
            if not form or not refuses_response_format(exc):
                raise
            log.info("this model takes no response_format; its prompt has the schema all the same")
            form = {}
            result = await invoke(conversation, **options)
        usage = result.usage if usage is None else usage + result.usage
        result = replace(result, usage=usage)
        try:
            value = shape.read(result.text)
        except Misfit as misfit:
            if not repairs_left:
                raise StructuredOutputError(
                    f"None of {repairs + 1} answers fits the form asked for. The last one: {misfit.problem}.",
                    text=result.text,
                ) from None
            conversation = [*conversation, *result.messages, {"role": "user", "content": shape.complaint(misfit)}]
        else:
            return ParsedResult(**{each.name: getattr(result, each.name) for each in fields(result)}, parsed=value)
    raise AssertionError


def _instructed(messages: Messages, instructions: str) -> list[Any]:
    """The conversation with the instructions after the system messages it begins with."""
    if isinstance(messages, str):
        listed: list[Any] = [{"role": "user", "content": messages}]
    else:
        listed = list(messages) if isinstance(messages, Sequence) else [messages]
    place = next((i for i, each in enumerate(listed) if _role(each) not in {"system", "developer"}), len(listed))
    return [*listed[:place], {"role": "system", "content": instructions}, *listed[place:]]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else getattr(message, "role", None)
