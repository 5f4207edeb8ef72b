"""Files that the user attaches: uploaded to the local Poe, so that the bot can download them, and read as Poe does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..client import PoeClient
from ..errors import PoeASGIError
from ..protocol import Attachment, Settings
from ._refusal import RefusedError

if TYPE_CHECKING:
    from ._desk import Desk

_PARSED_CHARACTERS = 200_000


async def keep(desk: Desk, name: str, content_type: str, content: bytes) -> Attachment:
    """Upload a file. Raises RefusedError."""
    poe = desk.target.poe
    assert poe is not None  # set by every request
    client = PoeClient(api_key=desk.target.key, base_url=poe.base_url, transport=poe.transport)
    try:
        file = await client.upload(content, name=name, content_type=content_type or None)
    except PoeASGIError as exc:
        raise RefusedError(str(exc)) from None
    settings = desk.settings.stored if desk.settings is not None else Settings()
    attachment = Attachment(
        url=file.url,
        name=file.name,
        content_type=file.content_type,
        parsed_content=parsed(file.name, file.content_type, content, settings),
    )
    desk.files[attachment.url] = attachment
    return attachment


def known(desk: Desk, url: str) -> Attachment:
    """A file that was uploaded. Raises RefusedError."""
    if url not in desk.files:
        raise RefusedError("This file is not there any more; attach it again.")
    return desk.files[url]


def content_of(desk: Desk, url: str) -> bytes | None:
    """What was uploaded."""
    return next((upload.content for upload in desk.poe.uploads if upload.url == url), None)


def parsed(name: str, content_type: str, content: bytes, settings: Settings) -> str | None:
    """What Poe would tell the bot of the content: the text of texts, and of pictures that there is one."""
    if content_type.startswith("text/") and settings.expand_text_attachments:
        return content.decode("utf-8", "replace")[:_PARSED_CHARACTERS]
    if content_type.startswith("image/") and settings.enable_image_comprehension:
        return f"{name}***A picture. (Poe would describe it here; the playground does not look at pictures.)"
    return None
