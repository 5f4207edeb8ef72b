"""What attackers try that no other test does: each of these once worked, or could."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, Limits, PoeClient, QueryContext, Settings, create_app
from poe_asgi.client import Connection, HttpRequest, ToolCallAccumulator, failure, read_bounded
from poe_asgi.client._addresses import is_public, refuse_private
from poe_asgi.client._download import _split
from poe_asgi.errors import UnsafeUrlError
from poe_asgi.local import AsgiTransport, FakePoe
from poe_asgi.playground import Playground
from poe_asgi.playground._guard import Guard, file_headers
from poe_asgi.playground._settings import BotSettings
from poe_asgi.protocol import ResponseReader, one_line

from ..server.serving import connected, serving
from ..support import KEY


def echo(**declared: Any) -> Bot:
    bot = Bot("Echo", access_key=KEY, **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        ctx.log.warning("asked")
        yield ctx.text

    return bot


async def sent(app: Any, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest(method=method, url=f"http://127.0.0.1{path}", headers=named, content=body)
    response = await AsgiTransport(app).send(request)
    try:
        return response.status, response.headers, await read_bounded(response, 2**20)
    finally:
        await response.aclose()


# ---- time and size, over sockets


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_body_that_drips_is_ended_while_others_are_answered(http: Any) -> None:
    app = create_app(echo(limits=Limits(body_seconds=0.5)))
    head = f"POST / HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 1000\r\n\r\n".encode()
    with serving(app, http=http) as port:
        async with connected(port) as slow, connected(port) as quick:

            async def drip() -> None:
                while True:
                    slow.writer.write(b" ")
                    await asyncio.sleep(0.02)

            asking = asyncio.create_task(slow.send(head))
            dripping = asyncio.create_task(drip())
            assert (await quick.ask()).status == 200
            answered = await asking
            dripping.cancel()
    assert answered.status == 408


@pytest.mark.asyncio
async def test_headers_without_end_are_refused_by_the_server() -> None:
    with serving(create_app(echo()), http="h11") as port:
        async with connected(port) as wire:
            answered = await wire.send(b"POST / HTTP/1.1\r\nHost: b\r\nX: " + b"x" * 2**18)
    assert answered.status == 400


# ---- logs


@pytest.mark.asyncio
async def test_ids_of_a_request_cannot_feign_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"type": "query", "user_id": "u\\n\\u001b[2JERROR", "message_id": "%s", "query": []}' % (b"x" * 5000)
    body = body.replace(b'"query": []', b'"query": [{"role": "user", "content": "hi"}]')
    await sent(create_app(echo()), "POST", "/", body, authorization=f"Bearer {KEY}")
    [record] = [record for record in caplog.records if record.getMessage() == "asked"]
    assert record.__dict__["user_id"] == "u [2JERROR"
    assert len(record.__dict__["message_id"]) == 100


def test_a_line_of_others_is_one_line_that_prints() -> None:
    assert one_line("a\r\nb\x1b[2J\u2028c\x9b\ud800 d") == "a b [2J c d"
    said = str(failure("Asking m", 500, {}, b'{"error": {"message": "a\\n\\u001b[2Jb"}}'))
    assert said == "Asking m failed with HTTP 500: a [2Jb."


def test_a_key_that_is_cut_at_the_end_of_a_message_is_not_shown_in_part() -> None:
    error = failure("Asking m", 400, {}, b'{"error": {"message": "' + b"x" * 490 + KEY.encode() + b'"}}', secret=KEY)
    assert "kkk" not in str(error)
    assert "kkk" not in error.body


# ---- addresses


@pytest.mark.parametrize(
    "address",
    [
        "192.0.0.192",
        "168.63.129.16",
        "64:ff9b:1::a00:1",
        "64:ff9b::a00:1",
        "::ffff:0:10.0.0.1",
        "::10.0.0.1",
        "5f00::1",
    ],
)
def test_an_address_that_some_take_for_public_is_private(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(UnsafeUrlError):
        refuse_private(address)


@pytest.mark.parametrize("url", ["http://h\x9bost/", "http://e.com/\u2028", "http://loc>lhost/", "http://a\x85b/"])
def test_an_address_that_is_not_read_alike_everywhere_is_refused(url: str) -> None:
    with pytest.raises(UnsafeUrlError):
        _split(url)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_leads_to_no_other_path(name: str) -> None:
    connection = Connection(api_key=KEY)
    with pytest.raises(ConfigurationError, match="no name that can be called"):
        connection.bot_url(name)
    with pytest.raises(ConfigurationError, match="no name that can be called"):
        connection.cost_url(name, "capture")
    with pytest.raises(ConfigurationError, match="no name that can be called"):
        connection.settings_url("update", name, KEY)
    assert connection.bot_url("../x").endswith("/bot/..%2Fx")


# ---- what grows with the square of what comes


def test_calls_of_tools_are_put_together_in_linear_time() -> None:
    began, calls = time.process_time(), ToolCallAccumulator()
    for number in range(40_000):
        calls.add([{"index": 0, "id": f"id{number}", "function": {"name": "f"}}])
        calls.add([{"index": 1, "function": {"name": "x" * 50}}])
    assert len(calls.calls) == 40_001
    assert max(len(call.name) for call in calls.calls) == 1000
    assert time.process_time() - began < 10  # it took minutes


def test_files_without_end_are_not_each_looked_for_in_all_of_the_text() -> None:
    frame = b'event: file\ndata: {"url": "u", "name": "n", "content_type": "c", "inline_ref": "r"}\n\n'
    reader = ResponseReader(Limits(characters=10**9))
    reader.feed(b'event: text\ndata: {"text": "' + b"x" * 4_000_000 + b'"}\n\n')
    began = time.process_time()
    reader.feed(frame * 20_000)
    assert time.process_time() - began < 10  # it took a minute and more
    assert [each.rule.id for each in reader.violations if each.rule.id == "file-limit"] == ["file-limit"]


# ---- settings from outside


def test_settings_that_are_nested_too_deep_or_cannot_be_added_up_are_a_problem_and_no_failure() -> None:
    condition = b'{"control": "condition", "condition": {}, "controls": ['
    deep = b'{"parameter_controls": {"api_version": "2", "sections": [{"controls": [' + condition * 300
    shown = BotSettings.read(deep + b"]}" * 300 + b"]}]}}")
    assert "deep" in shown.problems[0]
    huge = int("9" * 4300)
    with pytest.raises(ConfigurationError, match="must be a whole number"):
        Settings.from_wire({"server_bot_dependencies": {"a": huge, "b": huge}})


# ---- the playground and the local Poe


@pytest.mark.parametrize(
    "host", ["evil@localhost", "localhost/x", "localhost#", "localhost?x", "local\thost", "[::1]x"]
)
def test_a_host_that_only_ends_up_here_is_refused(host: str) -> None:
    guard = Guard("t", ("127.0.0.1", "localhost", "[::1]"))
    assert guard.refusal({"host": host}, "http") is not None
    assert guard.refusal({"host": "localhost:8000"}, "http") is None
    assert guard.refusal({"host": "[::1]:8000"}, "http") is None


@pytest.mark.parametrize("kind", ["image/png, text/html", "image/png;a, text/html", "image/svg+xml", "IMAGE/SVG+XML;a"])
def test_a_file_that_is_more_than_a_picture_is_saved_and_not_shown(kind: str) -> None:
    assert file_headers(kind)["content-disposition"] == "attachment"
    assert "content-disposition" not in file_headers("image/png; a=b")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body", [b'{"text":' + b"[" * 5000, b'{"text": "x", "parameters": {"a": NaN}}', b'{"text": "\\ud800"}', b"\xff"]
)
async def test_a_call_of_the_page_that_is_not_understood_leaves_the_conversation_whole(body: bytes) -> None:
    playground = Playground(create_app(echo()), access_key=KEY)
    token: Any = {"x_playground_token": playground.token}
    _, _, came = await sent(playground.app, "POST", "/api/conversations", **token)
    key = came.decode().split('"')[3]
    status, _, _ = await sent(playground.app, "POST", f"/api/conversations/{key}/ask", body, **token)
    assert status in {200, 400}
    conversation = playground._desk.conversation(key)
    assert len(conversation.entries) == (2 if status == 200 else 0)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["text/html\nset-cookie: a=b", "text/html\rx", "t\x00", "ä€/x"])
async def test_the_type_of_an_upload_cannot_become_another_header(kind: str) -> None:
    form = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: {kind}\r\n\r\nx\r\n--b--'
    poe = FakePoe()
    form_type = "multipart/form-data; boundary=b"
    path = "/poe_api/file_upload_3RD_PARTY_POST"
    await sent(poe, "POST", path, form.encode(), authorization="k", content_type=form_type)
    [upload] = poe.uploads
    status, headers, _ = await sent(poe, "GET", upload.url.removeprefix("http://127.0.0.1"))
    assert (status, headers["content-type"]) == (200, "application/octet-stream")


@pytest.mark.asyncio
async def test_the_local_poe_takes_no_body_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_asgi.local._asgi._MAX_BODY", 1000)
    playground = Playground(create_app(echo()), access_key=KEY)
    for app, path in ((FakePoe(), "/bot/Echo"), (playground.app, "/poe/bot/Echo"), (playground.app, "/api/files")):
        status, _, _ = await sent(app, "POST", path, b"x" * 1001)
        assert status == 413


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("GET", "/usage/points_history?limit=" + "1" * 5000, b"", ""),
        ("GET", "/files/../../etc/passwd", b"", ""),
        ("GET", "/files/%2e%2e%2fetc/passwd", b"", ""),
        (
            "POST",
            "/poe_api/file_upload_3RD_PARTY_POST",
            b"download_url=http%3A%2F%2F%5Bx",
            "application/x-www-form-urlencoded",
        ),
    ],
)
async def test_the_local_poe_refuses_what_it_cannot_read(method: str, path: str, body: bytes, kind: str) -> None:
    status, _, _ = await sent(
        FakePoe(), method, path, body, authorization="Bearer k", content_type=kind or "text/plain"
    )
    assert status in {400, 401, 404}


@pytest.mark.asyncio
async def test_what_was_uploaded_is_found_under_any_name_of_the_host() -> None:
    poe = FakePoe()
    client = PoeClient(api_key="k", base_url="http://poe.test", transport=poe.transport())
    file = await client.upload(b"content", name="a b.txt")
    status, _, body = await sent(poe, "GET", file.url.removeprefix("http://poe.test"))
    assert (status, body) == (200, b"content")
