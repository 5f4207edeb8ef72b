"""What official bots yield, in the terms of this package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import AnswerError, BotError, InsufficientFundError
from ..protocol import Data, File, Item, Meta, ReplaceResponse, SuggestedReply, Text
from ._official import RawEvent

if TYPE_CHECKING:
    import fastapi_poe as fp


class Ended(Exception):  # noqa: N818
    """The bot said `done` itself."""


class NotSentError(ValueError):
    """A raw event that is not the bot's to send; its text says what it is."""


def items_of(event: Any) -> Iterator[Item | Meta]:
    """The parts of an answer that a yielded value stands for.

    Raises AnswerError for an error that was yielded, Ended for a raw `done`, NotSentError for a raw event that is not
    part of an answer, TypeError for one that lacks its fields. What is none of theirs is handed on as it is.
    """
    import fastapi_poe as fp

    if isinstance(event, fp.DataResponse):
        yield Data(event.metadata)
    elif isinstance(event, fp.PartialResponse):
        yield from _partial(event)
    elif isinstance(event, RawEvent):
        yield _raw(event)
    else:
        yield event


def said_by_bot(exc: fp.BotError) -> BotError | None:
    """The `error` event of another bot, which the official client raises as the JSON it came in; None if it is none."""
    try:
        said = json.loads(str(exc))
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(text := said.get("text"), str):
        return None
    error_type = said.get("error_type")
    return BotError(
        text,
        allow_retry=said.get("allow_retry") is not False,
        error_type=error_type if isinstance(error_type, str) else None,
    )


def _partial(event: fp.PartialResponse) -> Iterator[Item | Meta]:
    """`data`, `tool_calls` and `index` have no place in the answer of a server bot: they stay here, as there."""
    import fastapi_poe as fp

    if isinstance(event, fp.MetaResponse):
        yield Meta(
            content_type=event.content_type,
            suggested_replies=event.suggested_replies,
            linkify=event.linkify,
            refetch_settings=event.refetch_settings,
        )
    if event.attachment is not None:
        sent = event.attachment
        yield File(url=sent.url, name=sent.name, content_type=sent.content_type, inline_ref=sent.inline_ref)
    if isinstance(event, fp.MetaResponse):
        return
    if isinstance(event, fp.ErrorResponse):
        raise _error(event.text, event.allow_retry, event.error_type)
    if event.is_suggested_reply:
        yield SuggestedReply(event.text)
    elif event.is_replace_response:
        yield ReplaceResponse(event.text)
    else:
        yield event.text


def _raw(event: RawEvent) -> Item | Meta:
    if event.event == "done":
        raise Ended
    data = _object(event)
    match event.event:
        case "text":
            return Text(data.get("text"))  # type: ignore[arg-type]  # the events themselves refuse what is wrong
        case "replace_response":
            return ReplaceResponse(data.get("text"))  # type: ignore[arg-type]
        case "suggested_reply":
            return SuggestedReply(data.get("text"))  # type: ignore[arg-type]
        case "data":
            return Data(data.get("metadata"))  # type: ignore[arg-type]
        case "file":
            fields: dict[str, Any] = {name: data.get(name) for name in ("url", "name", "content_type", "inline_ref")}
            return File(**fields)
        case "meta":
            names = ("content_type", "suggested_replies", "linkify", "refetch_settings")
            return Meta(**{name: data[name] for name in names if data.get(name) is not None})
        case "error":
            raise _error(str(data.get("text") or ""), data.get("allow_retry") is not False, data.get("error_type"))
        case _:
            raise NotSentError(f"a raw event of the type {event.event!r:.50}")


def _object(event: RawEvent) -> dict[str, Any]:
    if event.event is None or event.event in {"json", "ping"}:
        return {}
    data = event.data
    if isinstance(data, (str, bytes)):
        try:
            data = json.loads(data)
        except ValueError:
            data = None
    if not isinstance(data, dict):
        raise TypeError(f"the data of a raw event of the type {event.event!r:.50} is no JSON object")
    return data


def _error(text: str, allow_retry: bool, error_type: str | None) -> AnswerError:
    if error_type == InsufficientFundError.default_error_type and not text:
        return InsufficientFundError()  # the official class leaves the user without a word
    return AnswerError(text, allow_retry=allow_retry, error_type=error_type)
