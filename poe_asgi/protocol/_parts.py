"""Messages as Poe's OpenAI-compatible API has them: text and attachments as content parts (reference: content parts).

An image goes by its URL. Other files go by their content, in a ``data:`` URL; fetching that is not for this package.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ._messages import Attachment, Attachments, Message

_ROLES = {"assistant": "bot", "developer": "system"}
_IMAGES = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "webp": "webp"}
_ANY_IMAGE = "image/*"


def parts_of(message: Message, contents: Mapping[str, bytes] = MappingProxyType({})) -> list[dict[str, Any]]:
    """The text of a message and its attachments as content parts.

    ``contents`` maps URLs of attachments to what is behind them. An image that is not there goes by its URL; any other
    file has to be there, or be a ``data:`` URL, or this raises ConfigurationError.
    """
    text = [{"type": "text", "text": message.content}] if message.content or not message.attachments else []
    return [*text, *(_part(attachment, contents) for attachment in message.attachments)]


def needs_content(attachment: Attachment) -> bool:
    """Whether `parts_of` needs the content of this attachment."""
    return not (attachment.is_image or attachment.url.startswith("data:"))


def message_from_parts(role: str, content: str | Iterable[Mapping[str, Any]] | None) -> Message:
    """The message that an OpenAI-style message stands for: a text, or its parts.

    ``assistant`` becomes ``bot``, and ``developer`` becomes ``system``. Texts are joined with a blank line; images and
    files become attachments, by their URLs. Parts of other kinds are left out, as Poe does.
    """
    role = _ROLES.get(role, role)
    if content is None or isinstance(content, str):
        return Message(role, content or "")
    parts = list(content)
    texts = [part["text"] for part in parts if _is_text(part)]
    attachments = [attachment for part in parts if (attachment := _attachment(part)) is not None]
    return Message(role, "\n\n".join(texts), attachments=Attachments(attachments))


def _part(attachment: Attachment, contents: Mapping[str, bytes]) -> dict[str, Any]:
    content = contents.get(attachment.url)
    if content is None and needs_content(attachment):
        raise ConfigurationError(
            f"The attachment {attachment.name!r:.100} goes by its content: give it in `contents`, by its URL, or leave "
            "it out with message.replace(attachments=())."
        )
    url = attachment.url
    if content is not None:
        url = f"data:{attachment.content_type};base64,{b64encode(content).decode('ascii')}"
    if attachment.is_image:
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": attachment.name, "file_data": url}}


def _is_text(part: Any) -> bool:
    match part:
        case {"type": "text", "text": str()}:
            return True
    return False


def _attachment(part: Any) -> Attachment | None:
    """The attachment that a part stands for, or None."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
            return Attachment(url=url, name="image", content_type=_media_type(url) or _image_type(url))
        case {"type": "file", "file": {"file_data": str(url), **others}}:
            name = others.get("filename")
            media_type = _media_type(url) or "application/octet-stream"
            return Attachment(url=url, name=name if isinstance(name, str) else "file", content_type=media_type)
    return None


def _media_type(url: str) -> str:
    """Of a ``data:`` URL; ``""`` of another."""
    head, comma, _ = url.partition(",")
    return head[len("data:") :].partition(";")[0] if comma and head.startswith("data:") else ""


def _image_type(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return _ANY_IMAGE
    subtype = _IMAGES.get(path.rpartition(".")[2].lower())
    return f"image/{subtype}" if subtype else _ANY_IMAGE
