"""Uploads to Poe (reference: file upload)."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import secrets
from contextlib import aclosing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import ConfigurationError, FileTooLargeError, InvalidCallError, InvalidResponseError
from ..protocol import File
from ._attempts import retried
from ._calls import call, json_object, refused
from ._connection import Connection
from ._http import HttpRequest
from ._multipart import MAX_FILE_BYTES, FormWithFile, checked_name, checked_type, form_with_url, too_large
from ._retry import Retry
from ._sources import Source, UploadData, source_of
from ._uploads import Uploads

UPLOAD_SECONDS = 300.0  # 50 MB at 1.4 Mbit/s
ATTEMPTS = 2
_MEANINGS = {404: InvalidCallError, 413: FileTooLargeError}


async def upload(
    connection: Connection,
    data: UploadData | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    url: str | None = None,
    name: str | None = None,
    content_type: str | None = None,
    inline: bool = False,
    uploads: Uploads | None = None,
) -> File:
    """Upload one file; see `PoeClient.upload`."""
    if sum(source is not None for source in (data, path, url)) != 1:
        raise ConfigurationError("An upload takes exactly one of: data (the first argument), path=, url=.")
    with uploads.one_more() if uploads is not None else nullcontext():
        if url is not None:
            if content_type is not None:
                raise ConfigurationError("content_type= does not go with url=: Poe finds it out when it fetches that.")
            file = await _from_url(connection, url, name)
        else:
            source = source_of(Path(path) if path is not None else data)
            file = await _from_source(connection, source, name, content_type)
        if inline:
            # Long enough that two never meet, though nobody keeps a list of them.
            file = replace(file, inline_ref=secrets.token_hex(8))
        if uploads is not None:
            uploads.add(file)
    return file


async def _from_url(connection: Connection, url: str, name: str | None) -> File:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("The url= of an upload is an address that begins with http:// or https://.")
    shown = checked_name(name) if name is not None else _last_part(parts.path)
    body = form_with_url(url, name)
    what = f"Uploading {shown}"

    async def attempt() -> File:
        request = _request(connection, "application/x-www-form-urlencoded", body)
        return await _uploaded(connection, request, what, shown)

    return await retried(_retry(connection), what, attempt)


async def _from_source(connection: Connection, source: Source, name: str | None, content_type: str | None) -> File:
    name = name if name is not None else source.name
    if name is None:
        raise ConfigurationError("An upload of data needs a name=; for the file at a path, write path=….")
    checked_name(name)
    if content_type is None:
        content_type = (await asyncio.to_thread(mimetypes.guess_type, name))[0] or "application/octet-stream"
    checked_type(content_type)
    what = f"Uploading {name}"

    async def attempt() -> File:
        size = await source.size()
        if size is not None and size > MAX_FILE_BYTES:
            raise too_large(name)
        form = FormWithFile(source, size, name=name, content_type=content_type)
        async with aclosing(form.chunks()) as chunks:
            request = _request(connection, form.content_type, chunks, length=form.length)
            try:
                file = await _uploaded(connection, request, what, name)
            except Exception as exc:  # noqa: BLE001
                raise (form.failed or exc) from None
        if form.failed is not None:
            raise form.failed
        return file

    return await retried(_retry(connection), what, attempt, repeatable=lambda _: source.repeatable)


def _retry(connection: Connection) -> Retry:
    return replace(connection.retry, attempts=min(ATTEMPTS, connection.retry.attempts))


def _request(connection: Connection, content_type: str, content: Any, *, length: int | None = None) -> HttpRequest:
    headers = {"authorization": connection.key(), "content-type": content_type}  # the key alone, without a scheme
    if length is not None:
        headers["content-length"] = str(length)
    return HttpRequest(
        method="POST",
        url=connection.upload_url(),
        headers=headers,
        content=content,
        connect_seconds=connection.timeouts.connect,
    )


async def _uploaded(connection: Connection, request: HttpRequest, what: str, name: str) -> File:
    answered = await call(connection, request, what, seconds=UPLOAD_SECONDS)
    if answered.status != 200:
        raise refused(what, answered, secret=connection.key(), meanings=_MEANINGS)
    answer = json_object(answered, what)
    url, mime_type = answer.get("attachment_url"), answer.get("mime_type")
    if not (isinstance(url, str) and url and isinstance(mime_type, str) and mime_type):
        raise InvalidResponseError(f"{what}: the answer names no attachment_url and mime_type.", status=200)
    return File(url=url, name=name, content_type=mime_type)


def _last_part(path: str) -> str:
    name = unquote(path).rpartition("/")[2]
    return "".join(character for character in name if character.isprintable()) or "downloaded_file"
