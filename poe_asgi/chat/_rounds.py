"""Rounds of tool calls over chat completions: an answer, the calls in it, the next answer, until there are no calls."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

from ..client import AnyTool, Tool, Toolbox, check_rounds
from ..errors import ConfigurationError
from ..protocol import ToolCall, wire_name
from ._completion import Completion
from ._media import files_in
from ._results import ChatDelta, ChatResult
from ._token_usage import TokenUsage

log = logging.getLogger("poe_asgi.chat")

AnyToolOrDefinition = AnyTool | Mapping[str, Any]
ToolChoice = str | AnyTool | Mapping[str, Any]


def _nothing_yet() -> ChatResult:
    return ChatResult(complete=False)


@dataclass(slots=True)
class ChatProgress:
    """What has come of an answer, for the generators behind a stream, which do not hold the stream itself."""

    so_far: Callable[[], ChatResult] = _nothing_yet

    @property
    def result(self) -> ChatResult:
        return self.so_far()


class ToolOffer:
    """The tools of one call, and which of them a model is to choose. Raises ConfigurationError."""

    def __init__(
        self, tools: Sequence[AnyToolOrDefinition], choice: ToolChoice | None = None, *, max_rounds: int = 5
    ) -> None:
        if isinstance(tools, (str, Mapping)) or not isinstance(tools, Iterable):
            raise ConfigurationError("tools= takes a list: tools=[get_weather].")
        self.tools: tuple[AnyTool, ...] = tuple(Tool(each) if isinstance(each, Mapping) else each for each in tools)
        self.box = Toolbox(self.tools)
        self.choice = None if choice is None else self._choice(choice)
        self.max_rounds = max_rounds
        check_rounds(max_rounds)

    def _choice(self, choice: ToolChoice) -> str | Mapping[str, Any]:
        match choice:
            case {"type": "function", "function": {"name": str(named)}}:
                pass
            case Mapping() | "auto" | "none" | "required":
                return choice
            case str(named):
                pass
            case _:
                named = (choice if isinstance(choice, Tool) else Tool.of(choice)).name
        names = [definition["function"]["name"] for definition in self.box.definitions]
        if wire_name(named) not in names:
            offered = ", ".join(names) or "none at all"
            raise ConfigurationError(
                f"tool_choice is 'auto', 'none', 'required' or one of the tools offered ({offered}), not {named!r}."
            )
        return {"type": "function", "function": {"name": wire_name(named)}}

    def members(self, number: int) -> dict[str, Any]:
        """What the ``number``-th request says of tools.

        A choice that forces a call is for the first one: it would force one again and again. The last one has the
        tools still, for providers refuse a conversation with calls and without them, but allows no call.
        """
        if not self.box.definitions:
            return {}
        choice = self.choice if number == 1 or self.choice in ("auto", "none") else None
        if self.box.runs and number >= self.max_rounds:
            choice = "none"
        return {"tools": list(self.box.definitions)} | ({} if choice is None else {"tool_choice": choice})


async def rounds(
    progress: ChatProgress,
    complete: Callable[[Mapping[str, Any]], Completion],
    body: Mapping[str, Any],
    offer: ToolOffer,
) -> AsyncGenerator[ChatDelta, None]:
    """The answer to ``body``; ``complete`` asks for one completion. Raises what that and what a tool raises."""
    messages: list[Mapping[str, Any]] = list(body["messages"])
    sent = len(messages)
    result = ChatResult(model=body["model"], complete=False)
    told: dict[str, Any] = {}
    for number in count(1):
        completion = complete({**body, "messages": messages, **offer.members(number)})
        part = _Part(result, completion)
        progress.so_far = part.joined
        async with aclosing(completion.deltas()) as ready:
            async for deltas in ready:
                for delta in deltas:
                    shown = part.shown(delta)
                    told |= shown.json
                    yield shown
        calls = offer.box.received(completion.received.calls)
        messages.append(_message(completion, calls))
        result = replace(part.joined(), messages=tuple(messages[sent:]))
        cut = not result.complete and result.finish_reason is None
        stuck = cut or number >= offer.max_rounds or not offer.box.runs or not offer.box.can_answer(calls)
        left = calls if stuck else ()
        if left:
            if offer.box.runs and number >= offer.max_rounds:
                log.warning("after %d rounds a model still called tools; there is no answer to these calls", number)
            result = replace(result, tool_calls=left)
        progress.so_far = partial(_same, result)
        if left or not calls:
            if untold := _untold(result, told):
                yield ChatDelta(json=untold)
            return
        ran = await offer.box.run(calls)
        messages += [_without_name(answer.to_wire()) for answer in ran.results]
        result = replace(result, tool_rounds=(*result.tool_rounds, ran), messages=tuple(messages[sent:]))
        yield ChatDelta(json={"tool_rounds": [each.to_wire() for each in result.tool_rounds]})


def _message(completion: Completion, calls: tuple[ToolCall, ...]) -> dict[str, Any]:
    """The model's message, its calls under the ids that their results have."""
    message = completion.received.message()
    return {**message, "tool_calls": [call.to_wire() for call in calls]} if calls else message


class _Part:
    """The answer of one round as a part of the whole: what two rounds say stands in paragraphs of their own."""

    def __init__(self, whole: ChatResult, completion: Completion) -> None:
        self._whole = whole
        self._completion = completion
        self._usage_before = whole.usage if whole.tool_rounds else None
        self._text_lead = _lead(whole.text)
        self._thoughts_lead = _lead(whole.thoughts)

    def shown(self, delta: ChatDelta) -> ChatDelta:
        """A delta as the caller gets it."""
        if self._usage_before is None:
            return delta
        if delta.text and self._text_lead:
            delta, self._text_lead = replace(delta, text=self._text_lead + delta.text), ""
        if delta.thoughts and self._thoughts_lead:
            delta, self._thoughts_lead = replace(delta, thoughts=self._thoughts_lead + delta.thoughts), ""
        if "usage" in delta.json:
            delta = replace(delta, json={**delta.json, "usage": self._usage().to_dict()})
        return delta

    def joined(self) -> ChatResult:
        """The whole answer, with what came of this part."""
        whole, received = self._whole, self._completion.received
        text = _joined(whole.text, received.text)
        return replace(
            whole,
            text=text,
            model=received.model or whole.model,
            usage=self._usage(),
            thoughts=_joined(whole.thoughts, received.thoughts),
            files=files_in(text),
            finish_reason=received.finish_reason,
            complete=self._completion.complete,
            raw=self._completion.raw,
        )

    def _usage(self) -> TokenUsage:
        usage = self._completion.received.usage
        return usage if self._usage_before is None else self._usage_before + usage


def _untold(result: ChatResult, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the deltas have not said: the calls left, and model and usage where what came of them was not all."""
    whole = result.to_dict()
    return {name: whole[name] for name in ("model", "usage", "tool_calls") if whole.get(name) != told.get(name)}


def _same(result: ChatResult) -> ChatResult:
    return result


def _without_name(message: dict[str, Any]) -> dict[str, Any]:
    """A result is found by the id of its call; this API knows no name there."""
    return {name: value for name, value in message.items() if name != "name"}


def _lead(before: str) -> str:
    return "\n\n" if before and not before.endswith("\n") else ""


def _joined(before: str, text: str) -> str:
    return before + _lead(before) + text if text else before
