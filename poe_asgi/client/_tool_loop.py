"""Rounds of tool calls: a query, the calls in its answer, the query again with their results, until there are no calls.

Two forms tell a bot of calls and results. As *messages* of the conversation each round keeps its place, so any number
of rounds can be told: this is the default. As *fields* of the query there is one list of calls and one of results, in
which several rounds run together; it is for bots that know only the fields.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from typing import Any, Literal, TypeAlias, get_args

from .._clock import current_clock
from ..errors import ConfigurationError
from ..protocol import Json, QueryRequest, ReplaceResponse, Reply, Text, ToolRound
from ._stream import BotStream, Progress, Received
from ._tool_calls import ToolCallAccumulator
from ._toolbox import Toolbox, check_rounds

log = logging.getLogger("poe_asgi.client")

ToolForm: TypeAlias = Literal["messages", "fields"]


def tool_stream(
    send: Callable[[QueryRequest], BotStream],
    query: QueryRequest,
    toolbox: Toolbox,
    *,
    max_rounds: int,
    form: ToolForm,
) -> BotStream:
    """The answer to a query with tools; ``send`` opens the answer to one query.

    ``max_rounds`` counts queries; the last one offers no tools, which forces an answer. Raises ConfigurationError.
    """
    check_rounds(max_rounds)
    if form not in get_args(ToolForm):
        raise ConfigurationError(f"tool_form is 'messages' or 'fields', not {form!r}.")

    async def events(progress: Progress) -> AsyncGenerator[Received, None]:
        clock = current_clock()
        began = clock.time()
        rounds: tuple[ToolRound, ...] = ()
        for number in count(1):
            offered = toolbox.definitions if number < max_rounds or not toolbox.runs else ()
            answer = send(_with_tools(query, offered, rounds, form))
            part = _Part(progress.reply, passes_json=not toolbox.runs)
            try:
                async with aclosing(aiter(answer)) as received:
                    async for event in received:
                        for each in part.shown(event):
                            yield each
            finally:
                progress.reply = part.joined(answer.reply, seconds=clock.time() - began)
            calls = toolbox.received(part.accumulator.calls)
            if not calls:
                return
            if not offered or not toolbox.runs or not toolbox.can_answer(calls):
                progress.reply = replace(progress.reply, tool_calls=calls)
                if not offered:
                    log.warning("after %d rounds a bot still called tools; there is no answer to these calls", number)
                return
            rounds += (await toolbox.run(calls),)
            progress.reply = replace(progress.reply, tool_rounds=rounds)

    return BotStream(events)


def _with_tools(
    query: QueryRequest, offered: tuple[dict[str, Any], ...], rounds: tuple[ToolRound, ...], form: ToolForm
) -> QueryRequest:
    # What a calling bot sent of its own tools is not for the bot called here.
    query = replace(query, tools=offered, tool_calls=(), tool_results=())
    if form == "messages":
        return replace(query, query=(*query.query, *(message for each in rounds for message in each.messages())))
    wire = [each.to_wire() for each in rounds]
    return replace(
        query,
        tool_calls=tuple(call for each in wire for call in each["calls"]),
        tool_results=tuple(result for each in wire for result in each["results"]),
    )


class _Part:
    """The answer of one round, as a part of the whole answer: texts of two rounds stand in paragraphs of their own."""

    def __init__(self, whole: Reply, *, passes_json: bool) -> None:
        self.accumulator = ToolCallAccumulator()
        self._whole = whole
        self._passes_json = passes_json
        self._lead = "\n\n" if whole.text and not whole.text.endswith("\n") else ""
        self._text: list[str] = []

    def shown(self, event: Received) -> Iterator[Received]:
        """What becomes of an event: calls are taken in, what a bot replaces is what it said in this round."""
        match event:
            case Text(text):
                yield self._said(text) if text else event
            case ReplaceResponse(text):
                self._text = [self._lead, text]
                yield ReplaceResponse(self._whole.text + self._lead + text)
            case Json(data):
                text = self.accumulator.feed(data)
                if self._passes_json or "choices" not in data:
                    yield event
                if text:
                    yield self._said(text)
            case _:
                yield event

    def _said(self, text: str) -> Text:
        text = text if self._text else self._lead + text
        self._text.append(text)
        return Text(text)

    def joined(self, part: Reply, *, seconds: float) -> Reply:
        """The whole reply, with this part."""
        whole = self._whole
        first = part.first_event_seconds if whole.first_event_seconds is None else whole.first_event_seconds
        return replace(
            part,
            text=whole.text + "".join(self._text),
            files=whole.files + part.files,
            suggested_replies=whole.suggested_replies + part.suggested_replies,
            data=whole.data if part.data is None else part.data,
            events=whole.events + part.events,
            meta=whole.meta or part.meta,
            violations=whole.violations + part.violations,
            first_event_seconds=first,
            seconds=seconds,
            tool_rounds=whole.tool_rounds,
        )
