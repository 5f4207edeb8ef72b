"""`PoeChatModel`: a model on Poe, through the OpenAI-compatible API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from ..client import Connection, Model, OwnPool, Retry, Timeouts, Transport, models
from ..errors import ConfigurationError
from ._chat_model import BaseChatModel
from ._completion import Completion
from ._messages import Messages, wire_messages
from ._results import ChatDelta
from ._rounds import ChatProgress, ToolOffer, rounds
from ._stream import ChatStream

BASE_URL = "https://api.poe.com/v1"
DEFAULT_MODEL = "gpt-5-mini"

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

# A model may think for minutes before its first word.
_TIMEOUTS = Timeouts(connect=10, first_event=600, idle=300, total=3600)


class PoeChatModel(OwnPool, BaseChatModel):
    """A model on Poe, or a bot; the owner of the API key pays.

    ``api_key`` is from poe.com/api/keys, else POE_API_KEY; the first call raises ConfigurationError when there is none.
    ``model_options`` are sent with every call, as `stream` describes. ``base_url`` is another OpenAI-compatible API that
    is to be called in the same way; one on another host than Poe's or this machine needs a key of its own, for it is
    never sent POE_API_KEY. ``transport`` is a borrowed pool and never closed here. As an async context manager a model
    has a pool of its own; without, it shares one with the others of its event loop.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        model: str = DEFAULT_MODEL,
        model_options: Mapping[str, Any] | None = None,
        base_url: str = BASE_URL,
        transport: Transport | None = None,
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
    ) -> None:
        if not isinstance(model, str) or not model.strip():
            raise ConfigurationError(f"model= is the name of a model, such as {DEFAULT_MODEL!r}, not {model!r}.")
        BaseChatModel.__init__(self, model, model_options)
        OwnPool.__init__(
            self,
            Connection(
                api_key=_key(api_key, base_url),
                v1_base=None if base_url.rstrip("/") == BASE_URL else base_url,
                own_transport=transport,
                timeouts=timeouts or _TIMEOUTS,
                retry=retry or Retry(),
            ),
        )

    async def models(self) -> tuple[Model, ...]:
        """The models there are, as hints: the list is wrong in places. Needs no key. Raises UpstreamError."""
        return await models(self.connection)

    def _open(self, messages: Messages, offer: ToolOffer, options: Mapping[str, Any], *, whole: bool) -> ChatStream:
        model, connection = self.model, self.connection

        def complete(body: Mapping[str, Any]) -> Completion:
            return Completion(connection, body, streaming=not whole)

        async def deltas(progress: ChatProgress) -> AsyncGenerator[ChatDelta, None]:
            connection.key()  # before a file is fetched for nothing
            body = {"model": model, "messages": await wire_messages(messages, connection), **options}
            async with aclosing(rounds(progress, complete, body, offer)) as ready:
                async for delta in ready:
                    yield delta

        return ChatStream(deltas)


def _key(api_key: str | None, base_url: str) -> str | None:
    """The key that was given. Raises ConfigurationError for what is no base URL, or where Poe's key is not to go."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"base_url= is an address such as {BASE_URL!r}, not {base_url!r}.")
    is_poe = parts.hostname == "poe.com" or parts.hostname.endswith(".poe.com")
    if not api_key and not is_poe and parts.hostname not in _LOOPBACK:
        raise ConfigurationError(
            f"POE_API_KEY is not sent to {parts.hostname}: give the key for it, PoeChatModel(api_key=…, base_url=…)."
        )
    return api_key
