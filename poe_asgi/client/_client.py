"""`PoeClient`: calls to bots on Poe."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..protocol import Dependency, File, QueryRequest, Reply
from ._connection import Connection, Timeouts
from ._declared import Declared
from ._http import Transport
from ._queries import Messages, compose, encode
from ._retry import Retry
from ._stream import BotStream, query_events
from ._tool_loop import ToolForm, tool_stream
from ._toolbox import Toolbox
from ._tools import AnyTool

log = logging.getLogger("poe_asgi.client")


class PoeClient:
    """Calls bots on Poe, outside of a bot with an API key; inside of one it is ``ctx.poe``, bound to the query.

    ``api_key`` comes from poe.com/api/keys, else from POE_API_KEY; its owner pays. In a bot the calls are signed with
    the access key that authenticated the query, and the chatting user pays. ``base_url`` stands for all of Poe's
    surfaces, ``transport`` is a borrowed pool and never closed here. As an async context manager it has a pool of its
    own; without, it shares one with the others of its event loop.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        transport: Transport | None = None,
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.connection = Connection(
            api_key=api_key,
            base_url=base_url,
            own_transport=transport,
            timeouts=timeouts or Timeouts(),
            retry=retry or Retry(),
        )
        self.query: QueryRequest | None = None
        self._pool: Transport | None = None

    @classmethod
    def of_bot(cls, *, query: QueryRequest | None, access_key: str | None, declared: Declared) -> Self:
        """The client inside a bot, bound to the query that is being answered, if it is one."""
        client = cls()
        client.query = query
        client.connection = Connection(api_key=access_key, of_query=True, declared=declared)
        return client

    async def __aenter__(self) -> Self:
        if self.connection.own_transport is None:
            from ._connection import upstream
            from ._httpx import HttpxTransport

            here = upstream.get()
            if here is None or here.transport is None:
                self._pool = HttpxTransport()
                self.connection = replace(self.connection, own_transport=self._pool)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self.connection = replace(self.connection, own_transport=None)
            await self._pool.aclose()
            self._pool = None

    def stream(
        self,
        bot: str | Dependency,
        messages: Messages | None = None,
        *,
        system: str | None = None,
        temperature: float | None = None,
        stop: Sequence[str] | None = None,
        logit_bias: Mapping[str, float] | None = None,
        skip_system_prompt: bool | None = None,
        adopt_current_bot_name: bool | None = None,
        parameters: Mapping[str, Any] | None = None,
        attachments: Iterable[File] = (),
        tools: Sequence[AnyTool] = (),
        max_rounds: int = 5,
        tool_form: ToolForm = "messages",
    ) -> BotStream:
        """The answer of another bot as it comes; nothing is sent before it is iterated, or yielded by a handler.

        ``messages`` is this conversation by default, or a text, a message, or several. ``system`` goes before them;
        ``attachments`` and ``parameters`` (the values of that bot's controls) go with the last one.

        ``tools`` are typed functions or `Tool` values. The bot's calls are run and their results sent back, in at most
        ``max_rounds`` queries; the last one offers no tools. Text of all rounds comes through, ``tool_rounds`` has the
        calls. Calls of tools without a function end the answer and are left in ``tool_calls``; where no tool has one,
        the `Json` events come through, too. ``tool_form="fields"`` sends results in fields of the query, for bots that
        do not read them as messages. AnswerError raised by a tool is raised here.

        Raises ConfigurationError when there is nothing to send, or a function is no tool; UpstreamError while
        iterating.
        """
        query = compose(
            self.query,
            messages,
            system=system,
            attachments=attachments,
            parameters=parameters,
            temperature=temperature,
            stop_sequences=tuple(stop) if stop is not None else None,
            logit_bias=dict(logit_bias) if logit_bias is not None else None,
            skip_system_prompt=skip_system_prompt,
            adopt_current_bot_name=adopt_current_bot_name,
        )
        name = str(bot)

        def send(query: QueryRequest) -> BotStream:
            return BotStream(lambda stream: query_events(stream, self.connection, name, encode(query)))

        if not tools:
            return send(query)
        return tool_stream(send, query, Toolbox(tools), max_rounds=max_rounds, form=tool_form)

    async def ask(self, bot: str | Dependency, messages: Messages | None = None, **options: Any) -> Reply:
        """The whole answer of another bot. Takes what `stream` takes, and raises UpstreamError."""
        return await self.stream(bot, messages, **options).read()
