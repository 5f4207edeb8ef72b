"""One request and what came of it: read within a time, judged on the way."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .._clock import current_clock, until
from ..client import HttpResponse
from ..errors import ConnectionFailedError, SSEError
from ..protocol import Limits, ResponseReader, Unknown
from ._budget import Budget

Until: TypeAlias = Literal["end", "content", "first event", "head"]

_BODY_BYTES = 2**20
_STREAM_BYTES = 2**25
_OVERLAP = 200
_SHOWN = 160
_ADDRESS = re.compile("0x[0-9a-f]+")
_BREAKING = frozenset({"time-limit", "text-limit", "text-sum", "event-limit", "file-limit"})
_CONTENT = frozenset({"text", "replace_response", "file", "error", "done"})
_INTERNALS = re.compile(
    rb"Traceback \(most recent call last\)"
    rb"|\bat [\w.$<>]+ \([^)\s]+:\d+:\d+\)"  # JavaScript
    rb'|"raw_response"\s*:\s*(?!null|"")'
)


@dataclass(slots=True, kw_only=True)
class Exchange:
    """``status`` is 0 when no answer came. Times are seconds after the request.

    ``left`` says that reading ended before the answer did; ``broken`` how the connection failed.
    """

    what: str
    request: str
    key: str | None = field(default=None, repr=False)  # which is not to be shown
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    reader: ResponseReader | None = None
    kinds: list[str] = field(default_factory=list)
    head_at: float | None = None
    first_at: float | None = None
    content_at: float | None = None
    last_at: float = 0.0
    seconds: float = 0.0
    went_on: bool = False  # for too long after it was left
    silence: float = 0.0
    left: bool = False
    open_after_done: bool = False
    late: bool = False
    broken: str | None = None
    failure: Exception | None = None
    shows_key: bool = False
    shows_internals: bool = False

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def answered(self) -> bool:
        """Whether an event stream came with 200, as it should to a query."""
        return self.status == 200 and self.content_type == "text/event-stream"

    @property
    def failed(self) -> bool:
        """Whether the stream told of an error, or broke off."""
        return self.broken is not None or (self.reader is not None and self.reader.error is not None)

    def came(self, *, body: bool = True) -> str:
        """In one line, with the beginning of what is no stream unless ``body`` is false."""
        if not self.status:
            return self.without_key(self.broken or "") or f"no answer within {self.seconds:.0f} s"
        parts = [f"{self.status} {self.content_type}".rstrip()]
        if self.kinds:
            parts.append(f"{len(self.kinds)} events: {_runs(self.kinds)}")
        if self.reader is not None and self.reader.error is not None:
            parts.append(f"the error says {self._brief(self.reader.error.text)!r}")
        if self.failure is not None:
            parts.append(f"the app raised {type(self.failure).__name__}: {self._brief(str(self.failure))}")
        elif body and self.reader is None and self.body:
            parts.append(self._brief(self.body.decode("utf-8", "replace")))
        if self.broken:
            parts.append(self.broken)
        elif self.left:
            parts.append(f"left after {self.seconds:.1f} s")
        return self.without_key("; ".join(parts))

    def _brief(self, text: str) -> str:
        """The beginning in one line, without the key, and without addresses in memory: they change with every run."""
        return _ADDRESS.sub("0x…", " ".join(self.without_key(text[:4000]).split()))[:_SHOWN]

    def without_key(self, text: str) -> str:
        return text.replace(self.key, "[the key]") if self.key else text


def _runs(kinds: list[str]) -> str:
    runs: list[tuple[str, int]] = []
    for kind in kinds:
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + 1)
        else:
            runs.append((kind, 1))
    shown = [kind if times == 1 else f"{kind} ×{times:,}" for kind, times in runs]  # noqa: RUF001
    return ", ".join(shown if len(shown) <= 8 else [*shown[:5], "…", *shown[-2:]])


class Reading:
    """Reads a response into its exchange. ``deadline`` is when the whole check ends."""

    def __init__(
        self,
        exchange: Exchange,
        response: HttpResponse,
        *,
        started: float,
        limits: Limits,
        budget: Budget,
        deadline: float,
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._started = started
        self._limits = limits
        self._budget = budget
        self._key = exchange.key.encode() if exchange.key else None
        self._tail = b""
        self._end = min(deadline, started + budget.answer)
        self._lingers = False

    async def run(self, stop: Until) -> None:
        """Read, and note what the bytes show."""
        exchange = self._exchange
        stream = exchange.answered
        if stream:
            exchange.reader = ResponseReader(self._limits, now=self._started)
        exchange.last_at = exchange.head_at or 0.0
        if stop == "head":
            exchange.left = True
            return
        chunks = aiter(self._response.chunks())
        decode = _decoder(exchange.headers.get("content-encoding", ""))
        size = 0
        try:
            while (chunk := await self._next(chunks)) is not None:
                self._look(chunk)
                size += len(chunk)
                if exchange.reader is None:
                    exchange.body += chunk
                elif decode is not None:
                    self._feed(exchange.reader, decode(chunk))
                if size > (_STREAM_BYTES if stream else _BODY_BYTES) or self._enough(stop):
                    exchange.left = True
                    break
        except ConnectionFailedError as exc:
            exchange.broken = str(exc)
        except zlib.error:
            exchange.broken = "the body is not compressed as its header says"
        except SSEError:
            exchange.left = True  # the reader has noted it
        exchange.seconds = self._passed()
        if exchange.reader is not None and decode is not None and not exchange.left:
            exchange.reader.end(current_clock().time())

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        exchange = self._exchange
        done = bool(exchange.kinds) and exchange.kinds[-1] == "done"
        end = min(self._end, self._started + exchange.last_at + self._budget.open) if done else self._end
        try:
            chunk = await until(end, anext(chunks, None))
        except TimeoutError:
            chunk = None
            exchange.left = True
            exchange.open_after_done = done
        if not done:
            exchange.silence = max(exchange.silence, self._passed() - exchange.last_at)
        if chunk is not None:
            exchange.last_at = self._passed()
        return chunk

    def _feed(self, reader: ResponseReader, chunk: bytes) -> None:
        exchange = self._exchange
        for event in reader.feed(chunk, current_clock().time()):
            kind = event.type if isinstance(event, Unknown) else event.kind
            exchange.kinds.append(kind)
            if exchange.first_at is None:
                exchange.first_at = self._passed()
            if exchange.content_at is None and kind in _CONTENT:
                exchange.content_at = self._passed()

    def _enough(self, stop: Until) -> bool:
        exchange = self._exchange
        reader = exchange.reader
        if reader is None:
            return False
        if stop == "first event" and exchange.kinds:
            return True
        if stop == "content" and not self._lingers and exchange.content_at is not None:
            self._lingers = True
            self._end = min(self._end, current_clock().time() + self._budget.linger)
        return any(violation.rule.id in _BREAKING for violation in reader.violations)

    def _look(self, chunk: bytes) -> None:
        seen = self._tail + chunk
        self._exchange.shows_key |= self._key is not None and self._key in seen
        self._exchange.shows_internals |= _INTERNALS.search(seen) is not None
        self._tail = seen[-_OVERLAP:]

    def _passed(self) -> float:
        return current_clock().time() - self._started


def _decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """What undoes this content encoding; None when it is not known here."""
    match encoding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "deflate":
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress
        case _:
            return None
