"""One faulty bot for each rule: a correct bot as a raw ASGI app, and what is wrong in each copy of it."""

# ruff: noqa: ARG002, RUF012 - a bot that is wrong in one respect overrides methods without using all they are given

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from poe_asgi.checker import Budget
from poe_asgi.protocol import Limits
from poe_asgi.testing import ManualClock, settle
from tests.support import KEY

META = 'event: meta\ndata: {"content_type": "text/markdown"}\n\n'
TEXT = 'event: text\ndata: {"text": "hi"}\n\n'
DONE = "event: done\ndata: {}\n\n"
ERROR = 'event: error\ndata: {"text": "no"}\n\n'
REPLY = 'event: suggested_reply\ndata: {"text": "a"}\n\n'
FILE = 'event: file\ndata: {"url": "u", "name": "n", "content_type": "image/png", "inline_ref": "ref"}\n\n'
DATA = 'event: data\ndata: {"metadata": "x"}\n\n'
SHOWS = 'event: text\ndata: {"text": "see ![x][ref]"}\n\n'

REPORTS = {"report_reaction", "report_feedback", "report_error"}


class RefusedError(Exception):
    """Raised anywhere in a bot: the request is answered with this status."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the way back."""

    method: str
    headers: dict[str, bytes]
    receive: Callable[[], Any]
    send: Callable[[Any], Any]

    async def body(self) -> bytes:
        raw = bytearray()
        while True:
            message = await self.receive()
            raw += message["body"]
            if not message["more_body"]:
                return bytes(raw)


class GoodBot:
    """It says hi to everything. Each method is one thing that can be done wrongly."""

    settings: Any = {"response_version": 2}
    stream_headers = {"cache-control": "no-store", "x-accel-buffering": "no"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # servers go on without a lifespan
        r = Request(scope["method"], {name.decode(): value for name, value in scope["headers"]}, receive, send)
        try:
            await self.respond(r)
        except RefusedError as exc:
            headers = {name.replace("_", "-"): value for name, value in exc.headers.items()}
            await self.answer(r, {"error": "no"}, exc.status, headers)

    async def respond(self, r: Request) -> None:
        if r.method in {"GET", "HEAD"}:
            await self.page(r)
            return
        if r.method != "POST":
            raise RefusedError(405, allow="GET, HEAD, POST")
        self.authenticate(r.headers.get("authorization", b""))
        body = self.parse(await r.body())
        match body["type"]:
            case "query":
                self.validate(body)
                await self.query(body, r)
            case "settings":
                await self.tell_settings(body, r)
            case kind if kind in REPORTS:
                self.report(body)
                await self.answer(r, {})
            case _:
                raise RefusedError(501)

    async def page(self, r: Request) -> None:
        await self.answer(r, "up", content_type="text/plain")

    def authenticate(self, header: bytes) -> None:
        scheme, _, key = header.partition(b" ")
        if scheme.lower() != b"bearer" or key != KEY.encode():
            raise RefusedError(401, www_authenticate="Bearer")

    def parse(self, raw: bytes) -> Any:
        try:
            body = json.loads(raw)
            if isinstance(body["type"], str) and (body["type"] != "query" or isinstance(body["query"], list)):
                self.read(body)
                return body
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        raise RefusedError(400)

    def read(self, body: Any) -> None:
        """Look at a body that is well-formed."""
        for message in body.get("query", ()):
            if not isinstance(message, dict):
                raise TypeError

    def validate(self, query: Any) -> None:
        """Look at a query."""

    def report(self, body: Any) -> None:
        """Look at a report."""

    async def query(self, query: Any, r: Request) -> None:
        await self.stream(r, META + TEXT + DONE)

    async def tell_settings(self, body: Any, r: Request) -> None:
        await self.answer(r, self.settings)

    # ---- sending

    async def start(self, r: Request, headers: dict[str, str] | None = None) -> None:
        await self.head(r, 200, {"content-type": "text/event-stream", **self.stream_headers, **(headers or {})})

    async def part(self, r: Request, text: str, *, more: bool = True) -> None:
        await r.send({"type": "http.response.body", "body": text.encode(), "more_body": more})

    async def stream(self, r: Request, *parts: str) -> None:
        await self.start(r)
        for each in parts:
            await self.part(r, each)
        await self.part(r, "", more=False)

    async def answer(
        self,
        r: Request,
        data: Any,
        status: int = 200,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        await self.head(r, status, {"content-type": content_type, **(headers or {})})
        await r.send({"type": "http.response.body", "body": json.dumps(data).encode()})

    async def head(self, r: Request, status: int, headers: dict[str, str]) -> None:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await r.send({"type": "http.response.start", "status": status, "headers": pairs})


@dataclass(frozen=True, slots=True)
class Case:
    """A bot, made for one test, and how it is to be checked."""

    bot: type[GoodBot]
    url: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


BAD_BOTS: dict[str, Case] = {}


def breaks(rule: str, url: str | None = None, **options: Any) -> Callable[[type[GoodBot]], type[GoodBot]]:
    """This bot breaks that rule."""

    def add(bot: type[GoodBot]) -> type[GoodBot]:
        BAD_BOTS[rule] = Case(bot, url, options)
        return bot

    return add


def says(rule: str, stream: str, **options: Any) -> None:
    """A bot whose answer is this stream breaks that rule."""

    class Saying(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.stream(r, stream)

    breaks(rule, **options)(Saying)


class Timed(GoodBot):
    """A bot that lets time pass, on a clock of its own that the check looks at."""

    def __init__(self) -> None:
        self.clock = ManualClock()


# ---- order, framing, limits, advice: what the stream says

says("meta-first", TEXT + DONE)
says("meta-once", META + META + TEXT + DONE)
says("error-ends", META + ERROR + TEXT + DONE)
says("done-last", META + TEXT + DONE + DONE)
says("done-missing", META + TEXT)
says("content-required", META + REPLY + DONE)
says("sse-framing", META + TEXT + DONE + "event: te")
says("data-json", META + "event: text\ndata: [1]\n\n" + TEXT + DONE)
says("event-fields", META + 'event: text\ndata: {"text": 5}\n\n' + TEXT + DONE)
says("event-known", META + "event: dance\ndata: {}\n\n" + TEXT + DONE)
says("event-json", META + "event: json\ndata: {}\n\n" + TEXT + DONE)
says("meta-content-type", 'event: meta\ndata: {"content_type": "text/html"}\n\n' + TEXT + DONE)
says("text-limit", META + TEXT.replace("hi", "x" * 512_001) + DONE)
says(
    "text-sum",
    META + TEXT * 5 + 'event: replace_response\ndata: {"text": "x"}\n\n' + DONE,
    limits=Limits(characters=10),
)
says("event-limit", META + REPLY.replace("suggested_reply", "dance") * 9_998 + TEXT + DONE)
says("file-limit", META + FILE * 21 + TEXT + DONE)
says("inline-ref-order", META + SHOWS + FILE + DONE)
says("suggested-replies", META + TEXT + REPLY * 4 + DONE)
says("data-once", META + TEXT + DATA * 2 + DONE)
says("answer-error", META + ERROR + DONE)
says(
    "internals-shown",
    META + 'event: error\ndata: {"text": "no", "raw_response": "ValueError(\'x\')"}\n\n' + DONE,
)


@breaks("time-to-first")
class ThinksFirst(Timed):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.clock.advance(6)
        await self.part(r, META + TEXT + DONE, more=False)


@breaks("time-limit", limits=Limits(total_seconds=20))
class GoesOnAndOn(Timed):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META + TEXT)
        await self.clock.advance(21)
        await self.part(r, TEXT + DONE, more=False)


# ---- access key


@breaks("key-accepted")
class ForgotItsKey(GoodBot):
    def authenticate(self, header: bytes) -> None:
        raise RefusedError(401, www_authenticate="Bearer")


@breaks("key-missing")
class AcceptsNoKey(GoodBot):
    def authenticate(self, header: bytes) -> None:
        if header:
            super().authenticate(header)


@breaks("key-wrong")
class ComparesTheBeginning(GoodBot):
    def authenticate(self, header: bytes) -> None:
        super().authenticate(header[: len("Bearer ") + len(KEY)])


@breaks("key-status")
class Forbids(GoodBot):
    def authenticate(self, header: bytes) -> None:
        try:
            super().authenticate(header)
        except RefusedError:
            raise RefusedError(403) from None


@breaks("key-challenge")
class Unchallenging(GoodBot):
    def authenticate(self, header: bytes) -> None:
        try:
            super().authenticate(header)
        except RefusedError:
            raise RefusedError(401) from None


@breaks("key-scheme")
class MindsTheCase(GoodBot):
    def authenticate(self, header: bytes) -> None:
        if not header.startswith(b"Bearer "):
            raise RefusedError(401, www_authenticate="Bearer")
        super().authenticate(header)


@breaks("key-shown")
class ShowsItsKey(GoodBot):
    async def page(self, r: Request) -> None:
        await self.answer(r, f"Call me with {KEY}.", content_type="text/plain")


# ---- queries


@breaks("query-status")
class Fails(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        raise LookupError("no model")


@breaks("query-content-type")
class AnswersPlainly(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        await self.answer(r, META + TEXT + DONE, content_type="text/plain")


def refuses(rule: str, odd: Callable[[Any], bool], status: int = 500) -> None:
    """A bot that answers this status to queries that are odd in some way breaks that rule."""

    class Refusing(GoodBot):
        def validate(self, query: Any) -> None:
            if odd(query):
                raise RefusedError(status)

    breaks(rule)(Refusing)


def any_message(odd: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda query: any(odd(message) for message in query["query"])


def contains(text: str) -> Callable[[Any], bool]:
    return any_message(lambda message: text in message["content"])


KNOWN = {"query", "type", "version", "message_id", "user_id", "conversation_id", "metadata", "bot_query_id"} | {
    *("temperature", "skip_system_prompt", "stop_sequences", "logit_bias", "language_code", "users"),
    *("adopt_current_bot_name", "tools", "tool_calls", "tool_results", "query_creation_time", "extra_params"),
}

refuses("query-minimal", lambda query: "bot_query_id" not in query, 422)
refuses("query-full", lambda query: "tools" in query and query["tools"] is None)
refuses("query-history", lambda query: len(query["query"]) > 500, 413)
refuses("query-unicode", contains("\u2028"))
refuses("query-surrogates", contains("\ud83d"))
refuses("query-parameters", any_message(lambda message: "undeclared" in message.get("parameters", ())))
refuses("unknown-keys", lambda query: bool(set(query) - KNOWN), 422)
refuses("unknown-roles", any_message(lambda message: message["role"] not in {"system", "user", "bot", "tool"}))
refuses("unknown-content-types", any_message(lambda message: "new" in message.get("content_type", "")))
refuses("versions", lambda query: query.get("version", "1.0") not in {"1.0", "1.1", "1.2"}, 400)
refuses("version-optional", lambda query: "version" not in query, 422)
refuses("identifiers", lambda query: not re.fullmatch("u-[a-z0-9=]{32}", query["user_id"]), 422)
refuses(
    "optional-fields",
    any_message(lambda message: any("reason" not in each for each in message.get("feedback", ()))),
)


@breaks("unknown-reports")
class KnowsAllReactions(GoodBot):
    def report(self, body: Any) -> None:
        if body.get("reaction", "like") not in {"like", "dislike", "heart", "laughing", "surprised", "sad"}:
            raise RefusedError(422)


@breaks("query-repeated")
class AnswersOnce(GoodBot):
    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def query(self, query: Any, r: Request) -> None:
        new = query["message_id"] not in self.seen
        self.seen.add(query["message_id"])
        await self.stream(r, META + (TEXT if new else ERROR) + DONE)


@breaks("queries-at-once")
class DoesOneThingAtATime(GoodBot):
    busy = False

    async def query(self, query: Any, r: Request) -> None:
        if self.busy:
            raise RefusedError(503)
        self.busy = True
        await settle()
        self.busy = False
        await self.stream(r, META + TEXT + DONE)


# ---- other requests


@breaks("report-answered")
class ReadsNoReports(GoodBot):
    def report(self, body: Any) -> None:
        raise LookupError("no hook")


@breaks("type-unknown")
class KnowsNoStatus501(GoodBot):
    async def respond(self, r: Request) -> None:
        try:
            await super().respond(r)
        except RefusedError as exc:
            raise RefusedError(400 if exc.status == 501 else exc.status, **exc.headers) from None


@breaks("body-invalid")
class TrustsTheBody(GoodBot):
    def parse(self, raw: bytes) -> Any:
        return json.loads(raw)


@breaks("time-to-answer")
class LooksUpItsSettings(Timed):
    async def tell_settings(self, body: Any, r: Request) -> None:
        await self.clock.advance(6)
        await self.answer(r, self.settings)


@breaks("redirect")
class MindsTheSlash(GoodBot):
    async def respond(self, r: Request) -> None:
        raise RefusedError(307, location="/bot/")


@breaks("method")
class TakesEveryMethod(GoodBot):
    async def respond(self, r: Request) -> None:
        if r.method in {"PUT", "DELETE"}:
            await self.answer(r, {})
        else:
            await super().respond(r)


@breaks("method-allow")
class SaysNotWhichMethods(GoodBot):
    async def respond(self, r: Request) -> None:
        try:
            await super().respond(r)
        except RefusedError as exc:
            raise RefusedError(exc.status, **({} if exc.status == 405 else exc.headers)) from None


@breaks("page")
class HasNoPage(GoodBot):
    async def page(self, r: Request) -> None:
        raise LookupError("no template")


@breaks("page-head")
class KnowsNoHead(GoodBot):
    async def page(self, r: Request) -> None:
        if r.method == "HEAD":
            raise RefusedError(405, allow="GET, POST")
        await super().page(r)


# ---- stream over HTTP


@breaks("stream-cache")
class LetsItselfBeCached(GoodBot):
    stream_headers = {"x-accel-buffering": "no"}


@breaks("stream-proxied")
class ForgetsProxies(GoodBot):
    stream_headers = {"cache-control": "no-store"}


@breaks("stream-buffered")
class SendsItInOnePiece(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        whole = META + TEXT + DONE
        await self.start(r, {"content-length": str(len(whole))})
        await self.part(r, whole, more=False)


@breaks("stream-compressed")
class Compresses(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        if b"gzip" not in r.headers.get("accept-encoding", b""):
            await super().query(query, r)
            return
        await self.start(r, {"content-encoding": "gzip"})
        await r.send({"type": "http.response.body", "body": gzip.compress((META + TEXT + DONE).encode())})


@breaks("stream-silent")
class ThinksInSilence(Timed):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META)
        await self.clock.advance(31)
        await self.part(r, TEXT + DONE, more=False)


@breaks("stream-open")
class StaysOpen(Timed):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META + TEXT + DONE)
        await self.clock.advance(5)
        await self.part(r, "", more=False)


@breaks("disconnect-survived")
class KeepsItsLock(GoodBot):
    busy = False

    async def query(self, query: Any, r: Request) -> None:
        if self.busy:
            await self.stream(r, META + ERROR + DONE)
            return
        self.busy = True
        await self.start(r)
        await self.part(r, META)
        leaving = asyncio.ensure_future(r.receive())
        await settle()
        if leaving.done():
            return
        leaving.cancel()
        await self.part(r, TEXT + DONE, more=False)
        self.busy = False


@breaks("disconnect-noticed", budget=Budget(disconnect=2))
class DoesNotLookBack(Timed):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META)
        await self.clock.advance(3)
        await self.part(r, TEXT + DONE, more=False)


# ---- settings and parameter controls


@breaks("settings-status")
class LostItsSettings(GoodBot):
    async def tell_settings(self, body: Any, r: Request) -> None:
        raise RefusedError(503)


@breaks("settings-supported")
class HasNoSettings(GoodBot):
    async def tell_settings(self, body: Any, r: Request) -> None:
        raise RefusedError(501)


@breaks("settings-content-type")
class CallsSettingsText(GoodBot):
    async def tell_settings(self, body: Any, r: Request) -> None:
        await self.answer(r, self.settings, content_type="text/html")


def has(rule: str, settings: Any) -> None:
    """A bot with these settings breaks that rule."""

    class Having(GoodBot):
        async def tell_settings(self, body: Any, r: Request) -> None:
            await self.answer(r, settings)

    breaks(rule)(Having)


def controls(**control: Any) -> dict[str, Any]:
    """A drop-down with what is given."""
    options = [{"value": "a", "name": "A"}, {"value": "b", "name": "B"}]
    whole = {"control": "drop_down", "label": "Size", "parameter_name": "size", "options": options, **control}
    return {"api_version": "2", "sections": [{"controls": [whole]}]}


has("settings-json", [])
has("settings-fields", {"response_version": 2, "introduction_message": 5})
has("settings-unknown", {"response_version": 2, "introduction_mesage": "Hi."})
has("settings-version", {"introduction_message": "Hi."})
has("settings-deprecated", {"response_version": 2, "custom_rate_card": "free"})
has("controls-version", {"response_version": 1, "parameter_controls": controls()})
has("controls-valid", {"response_version": 2, "parameter_controls": controls(label=None)})
has("controls-consistent", {"response_version": 2, "parameter_controls": controls(default_value="c")})


# ---- public URL


@breaks("https", url="http://bot.example.com/")
class ServesInTheClear(GoodBot):
    pass
