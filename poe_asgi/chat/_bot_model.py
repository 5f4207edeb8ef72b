"""``ctx.poe.model("X")``: a bot called over the bot query API, as a model that the chatting user pays for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ..client import BotStream, PoeClient, Received
from ..errors import ConfigurationError
from ..protocol import (
    Dependency,
    Event,
    Json,
    Message,
    ReplaceResponse,
    Reply,
    Text,
    ToolRound,
    assistant,
)
from ._bot_messages import bot_messages
from ._chat_model import BaseChatModel
from ._messages import Messages
from ._results import ChatDelta, ChatResult
from ._rounds import ChatProgress, ToolOffer
from ._stream import ChatStream
from ._thoughts import Presentation, Thoughts
from ._token_usage import TokenUsage

# What the last delta tells.
_NO_TEXT = ("model", "usage", "tool_calls", "tool_rounds")

# What the bot query API has a place for; everything else is a parameter of the bot.
_HINTS = ("temperature", "stop", "logit_bias", "skip_system_prompt", "adopt_current_bot_name")


class BotModel(BaseChatModel):
    """Another bot as a `ChatModel`: text, files, tools. ``client`` is ``ctx.poe``, or a `PoeClient` with an API key.

    Options for which this API has no place go as the bot's parameters. It tells no usage, no thoughts apart from the
    text, and takes no ``tool_choice``.
    """

    takes_response_format = False

    def __init__(
        self, client: PoeClient, bot: str | Dependency, model_options: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(str(bot), model_options)
        self._client = client
        self._bot = bot

    def _open(self, messages: Messages, offer: ToolOffer, options: Mapping[str, Any], *, whole: bool) -> ChatStream:  # noqa: ARG002
        if offer.choice is not None:
            raise ConfigurationError("A bot takes no tool_choice=: it decides itself. Leave it out.")
        hints = {name: value for name, value in options.items() if name in _HINTS}
        if isinstance(hints.get("stop"), str):
            hints["stop"] = [hints["stop"]]
        parameters = {name: value for name, value in options.items() if name not in _HINTS}
        stream = self._client.stream(
            self._bot,
            bot_messages(messages),
            parameters=parameters or None,
            tools=tuple(offer.tools),
            max_rounds=offer.max_rounds,
            **hints,
        )
        return _BotAnswer(stream, self.model)


class _BotAnswer(ChatStream):
    """The deltas of a bot's answer; for a handler, its events as they are."""

    def __init__(self, stream: BotStream, model: str) -> None:
        self._stream = stream

        self._model = model

        async def deltas(progress: ChatProgress) -> AsyncGenerator[ChatDelta, None]:
            said: list[str] = []
            async with aclosing(_noted(stream, model, progress)) as events:
                async for event in events:
                    delta = _delta(event, said)
                    if delta is not None:
                        yield delta
            whole = progress.result.to_dict()
            yield ChatDelta(json={name: whole[name] for name in _NO_TEXT if name in whole})

        super().__init__(deltas)

    async def _events(self, thoughts: Presentation, presented: Thoughts) -> AsyncGenerator[Event, None]:  # noqa: ARG002
        async with aclosing(_noted(self._stream, self._model, self._progress)) as events:
            async for event in events:
                if not isinstance(event, Json):
                    yield event


async def _noted(stream: BotStream, model: str, progress: ChatProgress) -> AsyncGenerator[Received, None]:
    """The events, with what has come of them told to ``progress``."""
    progress.so_far = lambda: _result(stream.reply, model, complete=False)
    async with aclosing(aiter(stream)) as events:
        async for event in events:
            yield event
    progress.so_far = lambda: _result(stream.reply, model, complete=True)


def _delta(event: Received, said: list[str]) -> ChatDelta | None:
    """The delta for an event; what a bot replaces by a longer text is the text that is added."""
    match event:
        case Text(text) if text:
            said.append(text)
            return ChatDelta(text)
        case ReplaceResponse(text):
            before = "".join(said)
            said[:] = [text]
            if not text.startswith(before):
                return ChatDelta(text, replaces=True)
            return ChatDelta(text[len(before) :]) if text != before else None
    return None


def _result(reply: Reply, model: str, *, complete: bool) -> ChatResult:
    going_on: list[Message] = [message for each in reply.tool_rounds for message in each.messages()]
    if reply.tool_calls:
        going_on.append(ToolRound(reply.tool_calls, ()).messages()[0])
    elif reply.text or not going_on:
        going_on.append(assistant(reply.text))
    return ChatResult(
        reply.text,
        model=model,
        usage=TokenUsage(is_estimate=True),
        tool_calls=reply.tool_calls,
        files=reply.files,
        finish_reason=("tool_calls" if reply.tool_calls else "stop") if complete else None,
        tool_rounds=reply.tool_rounds,
        complete=complete,
        messages=tuple(going_on),
    )
