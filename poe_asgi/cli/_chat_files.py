"""Attachments of a conversation in the terminal: uploaded to where the bot can fetch them."""

from __future__ import annotations

import os
from pathlib import Path

from ..client import PoeClient
from ..protocol import Attachment
from ._exits import Failure

_TEXT_BYTES = 2**20


def existing(path: str) -> Path:
    """Raises Failure when there is no such file."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise Failure(f"There is no file {path}.")
    return file


async def attach(path: Path, poe_url: str | None) -> Attachment:
    """Upload a file: to the local Poe at this URL, else to Poe with POE_API_KEY. Raises Failure and UpstreamError."""
    if poe_url is None and not os.environ.get("POE_API_KEY"):
        raise Failure("The bot fetches files from Poe. To upload them there, set POE_API_KEY (poe.com/api/keys).")
    async with PoeClient(api_key="local" if poe_url else None, base_url=poe_url) as poe:
        file = await poe.upload(path=path)
    return Attachment(
        url=file.url, name=file.name, content_type=file.content_type, parsed_content=_text_of(path, file.content_type)
    )


def _text_of(path: Path, content_type: str) -> str | None:
    """The text that Poe would find in it; None for what is no text."""
    if not content_type.startswith("text/") or path.stat().st_size > _TEXT_BYTES:
        return None
    return path.read_text(encoding="utf-8", errors="replace")
