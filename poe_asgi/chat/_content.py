"""What a message holds besides text: files given as values, by their URL, by their path, or as bytes."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..client import MAX_FILE_BYTES, Connection, Source, UploadData, checked_name, checked_type, source_of
from ..errors import ConfigurationError, FileTooLargeError, UnsafeUrlError
from ..protocol import File, needs_content, parts_of, user

_BYTES = (bytes, bytearray, memoryview)
_SCHEMES = ("https:", "http:", "data:")

_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"ID3|\xff[\xf2\xf3\xfb]"), "audio/mpeg"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb".{4}ftypM4A ", re.DOTALL), "audio/mp4"),
    (re.compile(rb".{4}ftyp(iso[m2-6]|mp4[12]|avc1|M4V )", re.DOTALL), "video/mp4"),
)


async def inline_file(source: UploadData, *, name: str | None = None, content_type: str | None = None) -> File:
    """A file that carries its own content, in a ``data:`` URL: for messages to models, not for answers of a bot.

    ``source`` is bytes, text, a path, a file opened in binary mode, or an async iterable of bytes; at most 50 MB,
    or this raises FileTooLargeError. A path or an open file has a name of its own. The type comes from the name, else
    from the first bytes of PNG, JPEG, GIF, WebP, PDF, MP3, WAV and MP4 files. Raises ConfigurationError for data that
    has neither a name nor a type, and OSError when the source cannot be read.
    """
    opened = source_of(source)
    name = opened.name if name is None else name
    if name is not None:
        checked_name(name)
    if content_type is not None:
        checked_type(content_type)
    data = await _read(opened, name or "The data")
    content_type = content_type or await _type(name, data)
    if content_type is None:
        if name is None:
            raise ConfigurationError(
                "An inline file of data needs a name= or a content_type=, for its first bytes do not tell what it is; "
                "for the file at a path, write inline_file(Path(…))."
            )
        content_type = "application/octet-stream"
    media_type = ";".join(each.strip() for each in content_type.split(";"))
    url = f"data:{media_type};base64,{b64encode(data).decode('ascii')}"
    return File(url=url, name=name or f"file{await _extension(media_type)}", content_type=content_type)


def check_parts(parts: Iterable[Any], place: str) -> None:
    """Raise ConfigurationError for what cannot be in a list of content, UnsafeUrlError for the URL of a local file."""
    for number, part in enumerate(parts):
        here = f"{place}[{number}]"
        match part:
            case str() | os.PathLike():
                pass
            case File():
                _check_url(part, here)
            case bytes() | bytearray() | memoryview():
                if _signed(bytes(part[:16])) is None:
                    raise ConfigurationError(
                        f"{here}: these bytes do not tell what they are; write await inline_file(data, name='…')."
                    )
            case Mapping():
                if not isinstance(part.get("type"), str):
                    raise ConfigurationError(f'{here} has no type: a part is like {{"type": "text", "text": "…"}}.')
            case _:
                raise ConfigurationError(
                    f"{here} is a part: a dictionary, a str, a File, a path, or bytes, not {type(part).__name__}."
                )


async def in_parts(contents: Sequence[Any], connection: Connection) -> list[Any]:
    """The contents of messages, lists among them as lists of parts; files are read and fetched for that."""
    inlined = [await _inlined(each) if isinstance(each, (list, tuple)) else each for each in contents]
    files = [part for each in inlined if isinstance(each, list) for part in each if isinstance(part, File)]
    fetched: Mapping[str, bytes] = {}
    if files:
        from ..client import contents_of  # with all that guards a download

        fetched = await contents_of([user("", *files)], connection=connection)
    return [
        [part for given in each for part in _parts(given, fetched)] if isinstance(each, list) else each
        for each in inlined
    ]


async def _inlined(parts: Iterable[Any]) -> list[Any]:
    return [await inline_file(part) if isinstance(part, (*_BYTES, os.PathLike)) else part for part in parts]


def _parts(given: Any, fetched: Mapping[str, bytes]) -> list[Any]:
    match given:
        case str():
            return parts_of(user(given))
        case File():
            return parts_of(user("", given), fetched)
    return [given]


def _check_url(file: File, place: str) -> None:
    """An image goes by its URL: then another server must not be led to read what is its own, or ours."""
    [attachment] = user("", file).attachments
    if not needs_content(attachment) and not file.url.lower().startswith(_SCHEMES):
        raise UnsafeUrlError(f"{place}: the URL of an image must begin with https://, http:// or data:.")


async def _read(source: Source, name: str) -> bytes:
    too_large = FileTooLargeError(f"{name} is larger than fits into a message, {MAX_FILE_BYTES:,} bytes.")
    size = await source.size()
    if size is not None and size > MAX_FILE_BYTES:
        raise too_large
    data = bytearray()
    async with aclosing(source.chunks()) as chunks:
        async for chunk in chunks:
            data += chunk
            if len(data) > MAX_FILE_BYTES:
                raise too_large
    return bytes(data)


async def _type(name: str | None, data: bytes) -> str | None:
    if name is not None:
        # In a thread: the first guess of a process reads files.
        guessed, encoding = await asyncio.to_thread(mimetypes.guess_type, name, strict=False)
        if guessed is not None and encoding is None:
            return guessed
    return _signed(data[:16])


def _signed(head: bytes) -> str | None:
    """The type that the first 16 bytes tell."""
    return next((kind for signature, kind in _SIGNATURES if signature.match(head)), None)


async def _extension(media_type: str) -> str:
    plain = media_type.partition(";")[0]
    # Some types are known by their old names alone, WAV among them.
    names = (plain, plain.replace("/", "/x-"))
    guessed = [await asyncio.to_thread(mimetypes.guess_extension, name, strict=False) for name in names]
    return next(filter(None, guessed), "")
