"""``data:`` URLs: files that come by their content (RFC 2397)."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote_to_bytes

SCHEME = "data:"


def data_url_content(url: str) -> bytes | None:
    """What a ``data:`` URL holds; None when it is none, or holds what it says in no readable form."""
    head, comma, data = url.partition(",")
    if not comma or head[: len(SCHEME)].lower() != SCHEME:
        return None
    content = unquote_to_bytes(data)
    if not head.lower().endswith(";base64"):
        return content
    try:
        return b64decode(content, validate=True)
    except ValueError:
        return None
