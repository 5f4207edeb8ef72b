"""The two bodies of an upload: a form with the file in it, sent as it comes, or a form that names a URL."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlencode

from ..errors import ConfigurationError, FileTooLargeError
from ._sources import Source

MAX_FILE_BYTES = 52_428_800
"""Of a file on Poe (reference: limits)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[ -~]*)?", re.ASCII)


def checked_name(name: str) -> str:
    """A name that may stand in a header. Raises ConfigurationError."""
    if not isinstance(name, str) or not name or _CONTROL.search(name):
        raise ConfigurationError(f"The name of a file must be a str without control characters, not {name!r:.100}.")
    return name


def checked_type(content_type: str) -> str:
    """A media type that may stand in a header. Raises ConfigurationError."""
    if not isinstance(content_type, str) or _MEDIA_TYPE.fullmatch(content_type) is None:
        raise ConfigurationError(
            f"The content_type of a file is like 'image/png' or 'text/plain; charset=utf-8', not {content_type!r:.100}."
        )
    return content_type


class FormWithFile:
    """A ``multipart/form-data`` body with one part, ``file``. ``length`` is None when it is not known.

    What goes wrong in the source while it is being sent is kept in ``failed``: on its way through a transport it would
    look like a failure of the network.
    """

    def __init__(self, source: Source, size: int | None, *, name: str, content_type: str) -> None:
        boundary = secrets.token_hex(16)
        # As browsers quote, in UTF-8; and a backslash, for to many parsers it quotes what follows.
        quoted = name.replace('"', "%22").replace("\\", "%5C")
        self._source, self._size, self._name = source, size, name
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        ).encode("utf-8", "replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = None if size is None else len(self._head) + size + len(self._tail)
        self.failed: Exception | None = None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Exception as exc:
            self.failed = exc
            raise

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._head
        sent = 0
        async with aclosing(self._source.chunks()) as chunks:
            async for chunk in chunks:
                # A file that has grown since it was measured is sent as it was.
                part = chunk if self._size is None else chunk[: self._size - sent]
                sent += len(part)
                if sent > MAX_FILE_BYTES:
                    raise too_large(self._name)
                if part:
                    yield part
        if self._size is not None and sent < self._size:
            raise OSError(f"{self._name} has become shorter while it was uploaded.")
        yield self._tail


def form_with_url(url: str, name: str | None) -> bytes:
    """An ``application/x-www-form-urlencoded`` body that has Poe fetch the file itself."""
    fields = {"download_url": url, **({"download_filename": name} if name is not None else {})}
    return urlencode(fields, errors="replace").encode()


def too_large(name: str) -> FileTooLargeError:
    return FileTooLargeError(f"{name} is larger than Poe takes, {MAX_FILE_BYTES:,} bytes.")
