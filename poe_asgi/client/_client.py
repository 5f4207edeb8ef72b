"""`PoeClient`: calls to bots on Poe."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from ..protocol import Dependency, File, QueryRequest, Reply, Settings
from ._catalog import Model, models
from ._connection import Connection, Timeouts
from ._costs import Charge
from ._declared import Declared
from ._download import download
from ._files import upload
from ._http import Transport
from ._money import USD
from ._multipart import MAX_FILE_BYTES
from ._own_pool import OwnPool
from ._queries import Messages, compose, encode
from ._retry import Retry
from ._settings_sync import HasSettings, SettingsSync, fetch_settings, push_settings
from ._sources import UploadData
from ._stream import BotStream, query_events
from ._tool_loop import ToolForm, tool_stream
from ._toolbox import Toolbox
from ._tools import AnyTool
from ._uploads import Uploads
from ._usage import Usage

log = logging.getLogger("poe_asgi.client")


class PoeClient(OwnPool):
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
        super().__init__(
            Connection(
                api_key=api_key,
                base_url=base_url,
                own_transport=transport,
                timeouts=timeouts or Timeouts(),
                retry=retry or Retry(),
            )
        )
        self.query: QueryRequest | None = None
        self.uploads: Uploads | None = None  # of the answer to that query

    @classmethod
    def of_bot(cls, *, query: QueryRequest | None, access_key: str | None, declared: Declared, max_files: int) -> Self:
        """The client inside a bot, bound to the query that is being answered, if it is one."""
        client = cls()
        client.query = query
        client.uploads = Uploads(max_files) if query is not None else None
        client.connection = Connection(api_key=access_key, of_query=True, declared=declared)
        return client

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
        if self.uploads is not None:
            self.uploads.passed_on(file for message in query.query for file in message.attachments)
        name = str(bot)

        def send(query: QueryRequest) -> BotStream:
            return BotStream(lambda progress: query_events(progress, self.connection, name, encode(query)))

        if not tools:
            return send(query)
        return tool_stream(send, query, Toolbox(tools), max_rounds=max_rounds, form=tool_form)

    async def ask(self, bot: str | Dependency, messages: Messages | None = None, **options: Any) -> Reply:
        """The whole answer of another bot. Takes what `stream` takes, and raises UpstreamError."""
        return await self.stream(bot, messages, **options).read()

    async def upload(
        self,
        data: UploadData | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        url: str | None = None,
        name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> File:
        """Upload a file to Poe, at most 50 MB; the File is to be yielded, or sent to another bot.

        The source is one of ``data`` (bytes, a str, a path, a file opened in binary mode, an async iterator of bytes),
        ``path``, or ``url``, which Poe fetches itself. An open file is read from where it stands, and not closed. Data
        needs a ``name``; ``content_type`` is guessed from it. With ``inline`` the file has a fresh ``inline_ref``, and
        ``file.markdown`` is what shows it in the text, once it has been yielded.

        What may succeed later is tried twice, unless the source cannot be read again. Raises ConfigurationError;
        LimitError for one file too many for the answer; FileTooLargeError and other UpstreamErrors; what the source
        raises.
        """
        return await upload(
            self.connection,
            data,
            path=path,
            url=url,
            name=name,
            content_type=content_type,
            inline=inline,
            uploads=self.uploads,
        )

    async def download(self, file: File | str, *, max_bytes: int = MAX_FILE_BYTES, seconds: float = 60) -> bytes:
        """The contents of a file, or of what is behind a URL; ``seconds`` are for all of it, retries included.

        Raises ExpiredUrlError, FileTooLargeError, UnsafeUrlError for a URL that leads into a private network, and other
        UpstreamErrors.
        """
        return await download(file, max_bytes=max_bytes, seconds=seconds, connection=self.connection)

    def charge(self, *, up_to: USD) -> Charge:
        """Charge the user of this query: ``async with ctx.poe.charge(up_to=…) as cost: cost.add(amount, description)``.

        Entering authorizes the amount, leaving captures what was added, however the body ends. Raises
        ConfigurationError outside of a query, or without the bot's access key; on entering and leaving
        InsufficientFundError and UpstreamError, as `Charge` says.
        """
        return Charge(self.connection, self.query, up_to)

    async def push_settings(
        self, bot: HasSettings | Settings, *, name: str | None = None, access_key: str | None = None
    ) -> SettingsSync:
        """Store settings at Poe: those of a bot, or of the one with this handle and access key.

        The key is the bot's own by default, else that of POE_ACCESS_KEY_<HANDLE> or POE_ACCESS_KEY. Poe answers 200 to
        settings it does not take: see ``differences`` of what this returns; they are logged, too. Raises
        ConfigurationError and UpstreamError.
        """
        return await push_settings(self.connection, bot, name=name, access_key=access_key)

    async def fetch_settings(
        self, bot: HasSettings | None = None, *, name: str | None = None, access_key: str | None = None
    ) -> SettingsSync:
        """Have Poe ask the running bot for its settings, and store them. Otherwise as `push_settings`."""
        return await fetch_settings(self.connection, bot, name=name, access_key=access_key)

    async def models(self) -> tuple[Model, ...]:
        """The models of Poe, as hints: the list is wrong in places. Needs no key. Raises UpstreamError."""
        return await models(self.connection)

    def usage(self) -> Usage:
        """The points of the account: ``await usage.balance()``, ``async for entry in usage.history()``."""
        return Usage(self.connection)
