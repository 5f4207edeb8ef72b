"""What can be uploaded: bytes, text, a path, an open file, or bytes that are still being made."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

from ..errors import ConfigurationError

CHUNK_BYTES = 2**20

UploadData: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes] | AsyncIterable[bytes]"


class Source(Protocol):
    """Bytes to send. ``name`` is a file's own name; ``repeatable`` says whether `chunks` can be called once more."""

    name: str | None

    @property
    def repeatable(self) -> bool: ...

    async def size(self) -> int | None:
        """Bytes in all, or None where only the end will tell; to be asked before each `chunks`. Raises OSError."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes from the start. Raises OSError."""
        ...


def source_of(data: Any) -> Source:
    """The source for what was given. Raises ConfigurationError for what is none."""
    if isinstance(data, str):
        return _Memory(data.encode(errors="replace"))
    if isinstance(data, (bytes, bytearray, memoryview)):
        return _Memory(bytes(data))
    if isinstance(data, os.PathLike):
        return _OnDisk(Path(data))
    if isinstance(data, AsyncIterable):
        return _Made(data)
    read = getattr(data, "read", None)
    if isinstance(data, io.TextIOBase) or not callable(read) or inspect.iscoroutinefunction(read):
        kind = "a file in text mode" if isinstance(data, io.TextIOBase) else type(data).__name__
        raise ConfigurationError(
            "An upload takes bytes, a str, a path, a file opened in binary mode, or an async iterator of bytes, "
            f"not {kind}."
        )
    return _Open(data)


class _Memory:
    repeatable = True

    def __init__(self, data: bytes) -> None:
        self.name: str | None = None
        self._data = data

    async def size(self) -> int:
        return len(self._data)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(self._data), CHUNK_BYTES):
            yield self._data[start : start + CHUNK_BYTES]


class _Open:
    """A file that somebody else opened and will close. It is read in a thread, from where it stands."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        name = getattr(file, "name", None)  # a number where the file was opened by its descriptor
        self.name = os.path.basename(name) if isinstance(name, str) else None  # noqa: PTH119
        self._start: int | None = None

    @property
    def repeatable(self) -> bool:
        return self._start is not None

    async def size(self) -> int | None:
        return await asyncio.to_thread(self._measure)

    def _measure(self) -> int | None:
        seekable = getattr(self._file, "seekable", None)
        if seekable is None or not seekable():
            return None
        if self._start is None:
            self._start = self._file.tell()
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(self._start)
        if self._start >= end > 0:
            raise ConfigurationError("The file to upload stands at its end: rewind it first, with seek(0).")
        return end - self._start

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
            yield checked(chunk)


class _OnDisk:
    repeatable = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name: str | None = path.name

    async def size(self) -> int | None:
        with await asyncio.to_thread(self._path.open, "rb") as file:
            return await _Open(file).size()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        with await asyncio.to_thread(self._path.open, "rb") as file:
            async with aclosing(_Open(file).chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk


class _Made:
    """Bytes that are made while they are sent: once they have begun there is no second time."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self.name: str | None = None
        self._chunks = chunks
        self.repeatable = True

    async def size(self) -> None:
        return None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        self.repeatable = False
        iterator = aiter(self._chunks)
        try:
            async for chunk in iterator:
                yield checked(chunk)
        finally:
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()


def checked(chunk: Any) -> bytes:
    """The chunk, if it is one."""
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        raise ConfigurationError(
            f"An upload must come as bytes, not {type(chunk).__name__}: open a file in binary mode, encode a str."
        )
    return bytes(chunk)
