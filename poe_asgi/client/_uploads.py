"""The files uploaded while one query is answered: no more than an answer may have, and none forgotten."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..errors import LimitError
from ..protocol import File

log = logging.getLogger("poe_asgi.client")


class Uploads:
    """``limit`` is how many files the answer may have; files passed on to other bots do not count."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._files: dict[str, File] = {}  # by URL
        self._under_way = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Room for an upload. Raises LimitError when the answer has no room for another file."""
        if len(self._files) + self._under_way >= self.limit:
            raise LimitError("file-limit", f"The limit of {self.limit:,} files in an answer is reached.")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def add(self, file: File) -> None:
        """Note a file that was uploaded."""
        self._files[file.url] = file

    def passed_on(self, files: Iterable[File]) -> None:
        """These files went to another bot."""
        for file in files:
            self._files.pop(file.url, None)

    @property
    def unsent(self) -> bool:
        """Whether there are uploads that did not go to another bot."""
        return bool(self._files)

    def warn_of_unsent(self, sent: Iterable[File], text: str = "") -> None:
        """To be called when the answer has ended, with its files and its text: log what was uploaded in vain."""
        urls = {file.url for file in sent}
        for file in self._files.values():
            if file.url not in urls and file.url not in text:
                log.warning("%r was uploaded, but never yielded: write `yield await ctx.poe.upload(…)`.", file.name)
