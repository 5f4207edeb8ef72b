"""Downloads: the bytes behind the URL of a file, within bounds, and never from a private network.

The URL of an attachment comes by way of a user. So each URL on the way, redirects included, must be http or https and
lead to public addresses alone, but for the configured Poe itself. A ``data:`` URL holds the file and leads nowhere.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from .._clock import current_clock, until
from ..errors import (
    ExpiredUrlError,
    FileTooLargeError,
    InvalidResponseError,
    UnsafeUrlError,
    UpstreamTimeoutError,
)
from ..protocol import File, data_url_content
from ._addresses import refuse_private
from ._attempts import retried
from ._connection import Connection
from ._failures import BODY_BYTES, failure
from ._http import HttpRequest, HttpResponse, read_bounded
from ._multipart import MAX_FILE_BYTES

REDIRECTS = 5
_POE = (".poe.com", ".poecdn.net", ".quora.com")
_HOST = re.compile(r"[\w.:%-]+")
_PORTS = {"http": 80, "https": 443}


async def download(
    file: File | str,
    *,
    max_bytes: int = MAX_FILE_BYTES,
    seconds: float = 60,
    connection: Connection | None = None,
) -> bytes:
    """The contents of a file, or of what is behind a URL; no key is sent.

    Raises ExpiredUrlError when a URL on Poe is no longer valid, FileTooLargeError above ``max_bytes``, UnsafeUrlError
    for a URL that is not of http, https or data, or leads to a private address, UpstreamTimeoutError when it takes
    longer than ``seconds`` in all, and other UpstreamErrors.
    """
    connection = connection or Connection()
    url = file.url if isinstance(file, File) else file
    content = data_url_content(url)
    if content is not None:
        if len(content) > max_bytes:
            raise FileTooLargeError(f"The file in a data: URL is larger than {max_bytes:,} bytes.")
        return content

    async def attempt() -> bytes:
        return await _follow(connection, url, max_bytes)

    try:
        return await until(current_clock().time() + seconds, retried(connection.retry, "A download", attempt))
    except TimeoutError:
        raise UpstreamTimeoutError(f"A download has not ended within {seconds:g} s.") from None


async def _follow(connection: Connection, url: str, max_bytes: int) -> bytes:
    own = _origin(_split(connection.api_url("")))
    first = _split(url)
    on_poe = _origin(first) == own or f".{first.hostname}".endswith(_POE)
    for _ in range(REDIRECTS + 1):
        parts = _split(url)
        is_own = _origin(parts) == own
        if not is_own:
            refuse_private(parts.hostname or "")
        request = HttpRequest(
            method="GET", url=url, connect_seconds=connection.timeouts.connect, public_only=not is_own
        )
        response = await connection.transport().send(request)
        try:
            location = response.headers.get("location")
            if location is None or response.status not in {301, 302, 303, 307, 308}:
                return await _read(response, f"Downloading from {parts.hostname}", max_bytes, on_poe=on_poe)
        finally:
            await response.aclose()
        url = _joined(url, location)
    raise InvalidResponseError(f"A download was redirected more than {REDIRECTS} times.")


async def _read(response: HttpResponse, what: str, max_bytes: int, *, on_poe: bool) -> bytes:
    status, headers = response.status, response.headers
    if status != 200:
        if on_poe and status in {403, 404, 410}:
            raise ExpiredUrlError(
                f"{what} failed with HTTP {status}: the URL is no longer valid. That of an attachment lives for 10 "
                "minutes: download it at once, or upload the file anew.",
                status=status,
            )
        if status in {408, 429} or status >= 500:
            raise failure(what, status, headers, await read_bounded(response, BODY_BYTES))
        raise InvalidResponseError(f"{what} failed with HTTP {status}.", status=status)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidResponseError(f"{what}: the file came compressed, though it was not asked for so.", status=status)
    too_large = FileTooLargeError(f"{what}: the file is larger than {max_bytes:,} bytes; raise max_bytes= to allow it.")
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > max_bytes:
        raise too_large
    body = await read_bounded(response, max_bytes + 1)
    if len(body) > max_bytes:
        raise too_large
    return body


def _split(url: str) -> SplitResult:
    """The parts of a URL. Raises UnsafeUrlError for one that is not fetched, or that is not read alike everywhere."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    host = parts.hostname or ""
    odd = not url.isprintable() or any(character in " \\" for character in url)
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc or odd:
        raise UnsafeUrlError("The URL of a download must be a plain one, and begin with http:// or https://.")
    return parts


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
