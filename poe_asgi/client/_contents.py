"""The contents of attachments, for an API that takes files by their content."""

from __future__ import annotations

from collections.abc import Iterable

from ..protocol import Message, needs_content
from ._connection import Connection
from ._download import download


async def contents_of(messages: Iterable[Message], *, connection: Connection | None = None) -> dict[str, bytes]:
    """What `poe_asgi.protocol.parts_of` needs of these messages: content by URL. Raises what `download` raises."""
    urls = {each.url for message in messages for each in message.attachments if needs_content(each)}
    # One after the other: each may be 50 MB.
    return {url: await download(url, connection=connection) for url in urls}
