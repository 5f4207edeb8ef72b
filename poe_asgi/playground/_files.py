"""Files that the user attaches: uploaded to the local Poe, so that the bot can download them, and read as Poe does.

The bot is sent URLs that are good for a while only, as at Poe; those that the page has stay good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..client import PoeClient
from ..errors import PoeASGIError
from ..protocol import Attachment, Attachments, Message, Settings
from ._refusal import RefusedError

if TYPE_CHECKING:
    from ._desk import Desk

VALID_SECONDS = 600.0  # of an attachment's URL, from when the request is sent, as Poe documents it
UNTIL = "until"  # the clock's time at which a URL ends, in its query
_PARSED_CHARACTERS = 200_000
_LIMITED = re.compile(rf"\?{UNTIL}=[\d.]+$")


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


def lasting(url: str) -> str:
    """The URL that does not end."""
    return _LIMITED.sub("", url)


def for_a_while(desk: Desk, messages: Iterable[Message], now: float) -> tuple[Message, ...]:
    """The messages as they are sent: every file of the local Poe has a new URL, which is good from now on."""
    here = {upload.url for upload in desk.poe.uploads}

    def renewed(file: Attachment) -> Attachment:
        url = lasting(file.url)
        return replace(file, url=f"{url}?{UNTIL}={now + VALID_SECONDS:.3f}") if url in here else file

    return tuple(
        replace(message, attachments=Attachments(map(renewed, message.attachments))) if message.attachments else message
        for message in messages
    )


def has_ended(until: str, now: float) -> bool:
    """Whether a URL with this query is good no more."""
    try:
        return float(until) < now
    except ValueError:
        return True
