"""Uploads: what goes out, what comes back, and what is never done."""

from __future__ import annotations

import asyncio
import email
import io
import logging
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from email.message import Message as EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, File, QueryContext, user
from poe_asgi._clock import passed_in
from poe_asgi.client import (
    MAX_FILE_BYTES,
    Declared,
    HttpRequest,
    HttpResponse,
    PoeClient,
    Retry,
    Timeouts,
    Upstream,
    upstream,
)
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.errors import (
    ConnectionFailedError,
    ConnectTimeoutError,
    FileTooLargeError,
    InvalidKeyError,
    InvalidResponseError,
    LimitError,
    OverloadedError,
    RateLimitedError,
    UpstreamTimeoutError,
)
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import QueryRequest
from tests.server.serving import serving
from tests.support import ManualClock, ask

from .support import Answers, client, for_ever, refusal, stream, with_lifespan

pytestmark = pytest.mark.asyncio

KEY = "secret-key"
AT_ONCE = Retry(attempts=5, longest_pause=0)
STORED = {"attachment_url": "https://pfst.cf2.poecdn.net/base/text/abc", "mime_type": "text/x-stored", "file_id": "1"}
OK = refusal(200, STORED)


def part(app: Answers, number: int = -1) -> EmailMessage:
    """The one part of a form, as the standard library reads it."""
    head = f"content-type: {app.requests[number]['headers']['content-type']}\n\n".encode()
    form = email.message_from_bytes(head + app.bodies[number])
    parts = form.get_payload()
    assert isinstance(parts, list)
    [found] = parts
    assert isinstance(found, EmailMessage)
    return found


def content(app: Answers, number: int = -1) -> bytes:
    payload = part(app, number).get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def is_whole(body: bytes) -> bool:
    return body.endswith(b"--\r\n")


def bound(app: Any, **options: Any) -> PoeClient:
    poe = PoeClient.of_bot(
        query=QueryRequest((user("hi"),)), access_key=KEY, declared=Declared("B", None), max_files=20
    )
    poe.connection = replace(poe.connection, own_transport=AsgiTransport(app), **options)
    return poe


async def made(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        if isinstance(chunk, Exception):
            raise chunk
        yield chunk


# ---- sources


async def test_bytes_go_out_as_one_part_of_a_form_under_the_bare_key() -> None:
    app = Answers(OK)
    file = await client(app).upload(b"\x00\r\n--\xff", name="plot.png")
    assert file == File(url=STORED["attachment_url"], name="plot.png", content_type="text/x-stored")
    [request] = app.requests
    assert (request["method"], request["headers"]["host"]) == ("POST", "www.quora.com")
    assert request["path"] == "/poe_api/file_upload_3RD_PARTY_POST"
    assert request["headers"]["authorization"] == KEY
    assert int(request["headers"]["content-length"]) == len(app.bodies[0])
    sent = part(app)
    assert sent.get_param("name", header="content-disposition") == "file"
    assert (sent.get_filename(), sent.get_content_type()) == ("plot.png", "image/png")
    assert content(app) == b"\x00\r\n--\xff"


async def test_a_str_is_sent_in_utf_8() -> None:
    app = Answers(OK)
    await client(app).upload("grün\n", name="a.txt")
    assert (content(app), part(app).get_content_type()) == ("grün\n".encode(), "text/plain")


async def test_nothing_at_all_is_a_file_too() -> None:
    app = Answers(OK)
    await client(app).upload(b"", name="empty")
    assert (content(app), part(app).get_content_type()) == (b"", "application/octet-stream")


@pytest.mark.parametrize("kind", [str, Path, "first argument"])
async def test_a_path_gives_the_contents_and_the_name_of_its_file(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"x" * 2_500_000)
    app = Answers(OK)
    poe = client(app)
    file = await (poe.upload(path) if kind == "first argument" else poe.upload(path=kind(path)))
    assert file.name == "report.pdf"
    assert content(app) == b"x" * 2_500_000
    assert part(app).get_content_type() == "application/pdf"


async def test_an_open_file_is_sent_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"head,body")
    app = Answers(OK)
    with path.open("rb") as file:
        file.read(5)
        assert (await client(app).upload(file)).name == "a.csv"
        assert not file.closed
    assert content(app) == b"body"
    assert int(app.requests[0]["headers"]["content-length"]) == len(app.bodies[0])


async def test_an_open_file_is_read_in_a_thread() -> None:
    threads = set()

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            threads.add(threading.current_thread())
            return super().read(size)

    await client(Answers(OK)).upload(Watched(b"x"), name="x")
    assert threads
    assert threading.current_thread() not in threads


async def test_a_file_without_a_length_is_sent_to_its_end() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"through a pipe")
    app = Answers(OK)
    with os.fdopen(reading, "rb") as file:
        await client(app).upload(file, name="x.txt")
    assert content(app) == b"through a pipe"
    assert "content-length" not in app.requests[0]["headers"]


async def test_bytes_that_are_still_being_made_are_sent_as_they_come() -> None:
    app = Answers(OK)
    await client(app).upload(made(b"one ", bytearray(b"two")), name="x.bin")
    assert content(app) == b"one two"
    assert "content-length" not in app.requests[0]["headers"]


async def test_a_url_is_fetched_by_poe() -> None:
    app = Answers(OK)
    file = await client(app).upload(url="https://example.com/a/gr%C3%BCn.png?size=1")
    assert file == File(url=STORED["attachment_url"], name="grün.png", content_type="text/x-stored")
    assert app.requests[0]["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert app.requests[0]["headers"]["authorization"] == KEY
    assert parse_qs(app.bodies[0].decode()) == {"download_url": ["https://example.com/a/gr%C3%BCn.png?size=1"]}


async def test_a_url_may_be_given_a_name() -> None:
    app = Answers(OK)
    poe = client(app)
    assert (await poe.upload(url="https://example.com/", name="ä&b.png")).name == "ä&b.png"
    assert parse_qs(app.bodies[0].decode())["download_filename"] == ["ä&b.png"]
    assert (await poe.upload(url="https://example.com/")).name == "downloaded_file"


# ---- mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "exactly one"),
        ({"data": b"", "url": "https://example.com/x"}, "exactly one"),
        ({"data": b"", "path": "x"}, "exactly one"),
        ({"data": b"x"}, "needs a name="),
        ({"data": "plot.png"}, "path="),
        ({"data": made(b"x")}, "needs a name="),
        ({"data": 5, "name": "x"}, "not int"),
        ({"data": [b"x"], "name": "x"}, "not list"),
        ({"data": io.StringIO("x"), "name": "x"}, "a file in text mode"),
        ({"data": b"x", "name": ""}, "name of a file"),
        ({"data": b"x", "name": "a\r\nx-evil: 1"}, "control characters"),
        ({"data": b"x", "name": "a\x00b"}, "control characters"),
        ({"data": b"x", "name": "a", "content_type": "text/plain\r\nx-evil: 1"}, "content_type"),
        ({"data": b"x", "name": "a", "content_type": "png"}, "content_type"),
        ({"url": "ftp://example.com/x"}, "https://"),
        ({"url": "example.com/x"}, "https://"),
        ({"url": "http://[::1"}, "https://"),
        ({"url": "https://example.com/x", "name": "a\nb"}, "control characters"),
        ({"url": "https://example.com/x", "content_type": "image/png"}, "Poe finds it out"),
    ],
)
async def test_a_mistake_is_told_before_anything_is_sent(arguments: dict[str, Any], said: str) -> None:
    app = Answers(OK)
    with pytest.raises(ConfigurationError, match=said):
        await client(app).upload(**arguments)
    assert app.requests == []


async def test_a_buffer_that_was_just_written_is_not_sent_as_nothing() -> None:
    buffer = io.BytesIO()
    buffer.write(b"image")
    app = Answers(OK)
    with pytest.raises(ConfigurationError, match=r"seek\(0\)"):
        await client(app).upload(buffer, name="x.png")
    assert app.requests == []


class Text:
    """Looks like a file, and gives a str."""

    def read(self, _size: int) -> str:
        return "x"


@pytest.mark.parametrize("data", [Text(), made("x")])
async def test_a_source_must_give_bytes(data: Any) -> None:
    with pytest.raises(ConfigurationError, match="binary mode"):
        await client(Answers(OK)).upload(data, name="x")


async def test_an_upload_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="POE_API_KEY"):
        await client(Answers(OK), api_key=None).upload(b"", name="x")


async def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await client(Answers(OK)).upload(path=tmp_path / "x")


# ---- names


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ('a "b".png', b'filename="a %22b%22.png"'),
        ("a\\", b'filename="a%5C"'),
        ("grün 雪.png", 'filename="grün 雪.png"'.encode()),
        ("a;b=c.png", b'filename="a;b=c.png"'),
    ],
)
async def test_a_name_cannot_leave_its_quotation_marks(name: str, sent: bytes) -> None:
    app = Answers(OK)
    assert (await client(app).upload(b"x", name=name)).name == name
    head, _, _ = app.bodies[0].partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == 2
    assert sent in head


async def test_a_content_type_can_be_given() -> None:
    app = Answers(OK)
    await client(app).upload(b"x", name="a.png", content_type="text/plain; charset=utf-8")
    assert part(app)["content-type"] == "text/plain; charset=utf-8"


async def test_inline_files_have_references_of_their_own() -> None:
    poe = client(Answers(OK))
    files = [await poe.upload(b"x", name="x", inline=True) for _ in range(3)]
    references = {file.inline_ref for file in files}
    assert len(references) == 3
    assert all(reference and reference.isalnum() for reference in references)


# ---- sizes


async def test_a_file_of_50_mb_is_sent() -> None:
    app = Answers(OK)
    await client(app).upload(bytes(MAX_FILE_BYTES), name="x")
    assert len(app.bodies[0]) > MAX_FILE_BYTES


async def test_one_byte_more_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    app = Answers(OK)
    with pytest.raises(FileTooLargeError, match="52,428,800"):
        await client(app).upload(path=path)
    assert app.requests == []


async def test_what_is_still_being_made_is_refused_when_it_grows_too_large() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(2**20)

    app = Answers(OK)
    with pytest.raises(FileTooLargeError):
        await client(app, retry=AT_ONCE).upload(endless(), name="x")
    assert taken == 51
    assert [is_whole(body) for body in app.bodies] == [False]


class Changing(io.BytesIO):
    """A file that changes between being measured and being read."""

    def __init__(self, data: bytes, later: bytes) -> None:
        super().__init__(data)
        self.later: bytes | None = later

    def read(self, size: int | None = -1) -> bytes:
        if self.later is not None:
            self.seek(0)
            self.truncate()
            self.write(self.later)
            self.seek(0)
            self.later = None
        return super().read(size)


async def test_a_file_that_grows_meanwhile_is_sent_as_it_was_measured() -> None:
    app = Answers(OK)
    await client(app).upload(Changing(b"12345", b"1234567890"), name="x.log")
    assert content(app) == b"12345"
    assert int(app.requests[0]["headers"]["content-length"]) == len(app.bodies[0])


async def test_a_file_that_shrinks_meanwhile_is_an_error() -> None:
    with pytest.raises(OSError, match=r"x\.log has become shorter"):
        await client(Answers(OK), retry=AT_ONCE).upload(Changing(b"12345", b"12"), name="x.log")


# ---- what comes back


@pytest.mark.parametrize(
    "answer",
    [
        refusal(200, {"attachment_url": "https://x"}),
        refusal(200, {"mime_type": "text/plain"}),
        refusal(200, {"attachment_url": "", "mime_type": "text/plain"}),
        refusal(200, {"attachment_url": 1, "mime_type": None}),
        (200, {"content-type": "text/html"}, [b"<html>fine</html>"]),
    ],
)
async def test_a_success_names_both_the_url_and_the_type(answer: Any) -> None:
    with pytest.raises(InvalidResponseError):
        await client(Answers(answer)).upload(b"x", name="x")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(401, {"error": {"message": "no"}}), InvalidKeyError),
        (refusal(413, {}), FileTooLargeError),
        (refusal(200, {}), InvalidResponseError),
    ],
)
async def test_what_cannot_succeed_later_is_tried_once(answer: Any, error: type[Exception]) -> None:
    app = Answers(answer, OK)
    with pytest.raises(error):
        await client(app, retry=AT_ONCE).upload(b"x", name="x")
    assert len(app.requests) == 1


@pytest.mark.parametrize(("status", "error"), [(503, OverloadedError), (429, RateLimitedError)])
async def test_what_may_succeed_later_is_tried_twice_and_no_more(status: int, error: type[Exception]) -> None:
    app = Answers(refusal(status, {}), OK)
    assert (await client(app, retry=AT_ONCE).upload(b"again", name="x")).url
    assert [content(app, number) for number in (0, 1)] == [b"again"] * 2
    app = Answers(refusal(status, {}))
    with pytest.raises(error):
        await client(app, retry=AT_ONCE).upload(b"x", name="x")
    assert len(app.requests) == 2
    with pytest.raises(error):
        await client(app).upload(b"x", name="x")
    assert len(app.requests) == 3


async def test_a_second_try_sends_an_open_file_from_where_it_stood() -> None:
    app = Answers(refusal(503, {}), OK)
    file = io.BytesIO(b"head,body")
    file.read(5)
    await client(app, retry=AT_ONCE).upload(file, name="x")
    assert [content(app, number) for number in (0, 1)] == [b"body"] * 2


async def test_what_can_be_read_only_once_is_sent_only_once() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for source in (Pipe(b"x"), made(b"x")):
        app = Answers(refusal(503, {}), OK)
        with pytest.raises(OverloadedError):
            await client(app, retry=AT_ONCE).upload(source, name="x")
        assert len(app.requests) == 1


async def test_what_was_not_begun_can_be_sent_after_all() -> None:
    app = Answers(OK)

    class Slow(AsgiTransport):
        sent = 0

        async def send(self, request: HttpRequest) -> HttpResponse:
            self.sent += 1
            if self.sent == 1:
                raise ConnectTimeoutError("no connection")
            return await super().send(request)

    poe = PoeClient(api_key=KEY, transport=Slow(app), retry=AT_ONCE)
    await poe.upload(made(b"x"), name="x")
    assert content(app) == b"x"


async def test_what_a_source_raises_comes_out_as_it_is() -> None:
    app = Answers(OK)
    with pytest.raises(KeyError, match="mine"):
        await client(app, retry=AT_ONCE).upload(made(b"x", KeyError("mine")), name="x")
    assert [is_whole(body) for body in app.bodies] == [False]


@pytest.mark.parametrize("taken", [True, False])
async def test_what_a_source_raises_comes_out_whatever_the_transport_makes_of_it(taken: bool) -> None:
    class Careless(AsgiTransport):
        async def send(self, request: HttpRequest) -> HttpResponse:
            assert not isinstance(request.content, bytes)
            with suppress(KeyError):
                async for _ in request.content:
                    pass
            if not taken:
                raise ConnectionFailedError("broke off")
            return await super().send(replace(request, content=b""))

    poe = PoeClient(api_key=KEY, transport=Careless(Answers(OK)), retry=AT_ONCE)
    with pytest.raises(KeyError, match="mine"):
        await poe.upload(made(b"x", KeyError("mine")), name="x")


async def test_a_source_is_closed_whatever_the_answer() -> None:
    closed = False

    async def source() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            while True:
                yield b"x"
        finally:
            closed = True

    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            await receive()
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with pytest.raises(InvalidKeyError):
        await client(hasty).upload(source(), name="x")
    assert closed


async def test_an_upload_does_not_take_for_ever() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    # No part of these runs in a thread, where the clock could not see it.
    file: Any = {"name": "x", "content_type": "text/plain"}
    task = asyncio.create_task(client(Answers(stream(for_ever))).upload(b"x", **file))
    await clock.advance(299)
    assert not task.done()
    await clock.advance(2)
    with pytest.raises(UpstreamTimeoutError, match="300 s"):
        await task
    hasty = client(Answers(stream(for_ever)), timeouts=Timeouts(total=5))
    task = asyncio.create_task(hasty.upload(b"x", **file))
    await clock.advance(6)
    with pytest.raises(UpstreamTimeoutError, match="5 s"):
        await task


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "too many pixels"}}', "too many pixels"),
        (b"too many pixels", "too many pixels"),
        (b"<html>too many pixels</html>", "HTTP 400."),
        (b'event: error\ndata: {"message": "too many pixels"}\n\n', "too many pixels"),
        (b"your key is " + KEY.encode(), "your key is [key]"),
    ],
)
async def test_an_error_says_what_poe_said_but_not_the_key(body: bytes, said: str) -> None:
    with pytest.raises(Exception, match="HTTP 400") as caught:
        await client(Answers((400, {}, [body]))).upload(b"x", name="x.png")
    assert str(caught.value).startswith("Uploading x.png failed")
    assert said in str(caught.value)
    assert KEY not in f"{caught.value!r} {vars(caught.value)}"


# ---- in a bot


async def test_an_answer_has_room_for_20_files_and_the_next_is_refused_before_it_is_sent() -> None:
    app = Numbered()
    poe = bound(app)
    await asyncio.gather(*(poe.upload(b"x", name="x") for _ in range(20)))
    with pytest.raises(LimitError, match="20 files") as caught:
        await poe.upload(b"x", name="x")
    assert caught.value.rule == "file-limit"
    assert app.count == 20
    outside = client(app)
    for _ in range(21):
        await outside.upload(b"x", name="x")


async def test_uploads_under_way_take_up_room_and_failed_ones_do_not() -> None:
    poe = bound(Numbered(), retry=Retry(attempts=1))
    results = await asyncio.gather(*(poe.upload(b"x", name="x") for _ in range(25)), return_exceptions=True)
    assert [type(each) for each in results].count(LimitError) == 5
    failing = bound(Answers(refusal(500, {})), retry=Retry(attempts=1))
    for _ in range(25):
        with pytest.raises(OverloadedError):
            await failing.upload(b"x", name="x")


async def test_a_handler_that_uploads_one_file_too_many_has_sent_20(caplog: pytest.LogCaptureFixture) -> None:
    upstream.set(Upstream(transport=AsgiTransport(Numbered())))
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(21):
            yield await ctx.poe.upload(b"x", name="x", inline=True)

    exchange = await ask(bot)
    assert len(exchange.reader.files) == 20
    assert len({file.inline_ref for file in exchange.reader.files}) == 20
    assert exchange.reader.error is not None
    assert exchange.reader.clean
    assert "The limit of 20 files in an answer is reached" in caplog.text


async def test_files_that_went_to_another_bot_are_not_the_answers(caplog: pytest.LogCaptureFixture) -> None:
    poe = bound(Numbered())
    files = [await poe.upload(b"x", name="x") for _ in range(20)]
    poe.stream("Claude", "Look.", attachments=files[:1])
    poe.stream("Claude", [user("Look.", files[1])])
    await poe.upload(b"x", name="x")
    await poe.upload(b"x", name="x")
    with pytest.raises(LimitError):
        await poe.upload(b"x", name="x")


async def test_a_file_that_was_uploaded_in_vain_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    poe = bound(Numbered())
    yielded, linked, forgotten = [await poe.upload(b"x", name=name) for name in ("a", "b", "c")]
    assert poe.uploads is not None
    poe.uploads.warn_of_unsent([yielded, File(url="https://x", name="d", content_type="e")], f"See {linked.markdown}.")
    [record] = caplog.records
    assert (record.name, record.levelno) == ("poe_asgi.client", logging.WARNING)
    assert repr(forgotten.name) in record.getMessage()
    assert "yield await ctx.poe.upload" in record.getMessage()


# ---- over sockets


async def test_files_of_known_and_of_unknown_length_go_over_a_socket() -> None:
    app = Answers(OK)
    transport = HttpxTransport()
    with serving(with_lifespan(app)) as port:
        async with aclosing(transport):
            poe = PoeClient(api_key=KEY, base_url=f"http://127.0.0.1:{port}", transport=transport)
            await poe.upload(io.BytesIO(b"known" * 300_000), name="x")
            await poe.upload(made(b"un", b"known"), name="x")
    assert [content(app, number) for number in (0, 1)] == [b"known" * 300_000, b"unknown"]
    assert "content-length" in app.requests[0]["headers"]
    assert app.requests[1]["headers"]["transfer-encoding"] == "chunked"
    assert app.requests[1]["path"] == "/poe_api/file_upload_3RD_PARTY_POST"


# ---- what a file is in Markdown


@pytest.mark.parametrize(
    ("fields", "markdown"),
    [
        ({"name": "plot.png", "inline_ref": "r1"}, "![plot.png][r1]"),
        ({"name": "a[1]\\", "inline_ref": "r1"}, r"![a\[1\]\\][r1]"),
        ({"name": "plot.png"}, "[plot.png](https://x.example/a)"),
        (
            {"name": "a](b)\nc`<d", "url": "https://x.example/a (1)?b=<c>"},
            "[a\\](b) c\\`\\<d](https://x.example/a%20%281%29?b=%3Cc%3E)",
        ),
        ({"name": "x", "url": "https://x.example/a%20b?c=d&e=[f]#g"}, "[x](https://x.example/a%20b?c=d&e=[f]#g)"),
    ],
)
async def test_a_file_in_markdown(fields: Mapping[str, str], markdown: str) -> None:
    file = File(**{"url": "https://x.example/a", "content_type": "image/png", **fields})
    assert file.markdown == markdown


class Numbered:
    """Stores every file under a URL of its own."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.count += 1
        body = b'{"attachment_url": "https://x.example/%d", "mime_type": "text/plain"}' % self.count
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
