"""Downloads: bounded, followed by hand, and never from where only the bot itself can go."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing
from typing import Any

import pytest

from poe_asgi import File
from poe_asgi._clock import passed_in
from poe_asgi.client import HttpRequest, PoeClient, Retry, Upstream, contents_of, download, upstream
from poe_asgi.client._addresses import is_public
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.errors import (
    ConnectionFailedError,
    ExpiredUrlError,
    FileTooLargeError,
    InvalidResponseError,
    OverloadedError,
    RateLimitedError,
    UnsafeUrlError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import Attachment, user
from tests.server.serving import serving
from tests.support import ManualClock

from .support import Answers, client, for_ever, refusal, with_lifespan

pytestmark = pytest.mark.asyncio

ON_POE = "https://pfst.cf2.poecdn.net/base/image/abc"
ELSEWHERE = "https://files.example/a.png"


def answer(*chunks: Any, status: int = 200, **headers: str) -> Any:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, chunks


def redirect(location: str, status: int = 302) -> Any:
    return answer(status=status, location=location)


async def test_the_contents_come_and_no_key_goes() -> None:
    app = Answers(answer(b"one ", b"two", content_type="image/png"))
    file = File(url=f"{ON_POE}?size=1", name="a.png", content_type="image/png")
    assert await client(app).download(file) == b"one two"
    [request] = app.requests
    assert (request["method"], request["path"], request["query_string"]) == ("GET", "/base/image/abc", b"size=1")
    assert request["headers"]["host"] == "pfst.cf2.poecdn.net"
    assert "secret-key" not in str(request["headers"])


async def test_a_data_url_is_a_download_without_a_request() -> None:
    app = Answers()
    assert await client(app).download("data:text/plain;base64,4oKs") == "€".encode()
    assert await client(app).download("DATA:,a%20b") == b"a b"
    with pytest.raises(FileTooLargeError):
        await client(app).download("data:,abc", max_bytes=2)
    assert app.requests == []


async def test_a_file_downloads_itself_over_what_is_set_in_the_context() -> None:
    upstream.set(Upstream(transport=AsgiTransport(Answers(answer(b"x")))))
    assert await Attachment(url=ON_POE, name="a", content_type="b").download() == b"x"
    with pytest.raises(FileTooLargeError):
        await File(url=ON_POE, name="a", content_type="b").download(max_bytes=0)
    assert await download(ON_POE) == b"x"


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_url_on_poe_that_is_gone_has_expired(status: int) -> None:
    for url in (ON_POE, "https://poe.com/a", "https://www.quora.com/b"):
        with pytest.raises(ExpiredUrlError, match="10 minutes") as caught:
            await client(Answers(answer(status=status))).download(url)
        assert caught.value.status == status
    for url in (ELSEWHERE, "https://notpoe.com/a"):
        with pytest.raises(InvalidResponseError) as other:
            await client(Answers(answer(status=status))).download(url)
        assert other.value.status == status


async def test_a_url_of_the_configured_poe_can_expire_too() -> None:
    poe = client(Answers(answer(status=404)), base_url="http://127.0.0.1:8000")
    with pytest.raises(ExpiredUrlError):
        await poe.download("http://127.0.0.1:8000/files/1/a")


@pytest.mark.parametrize(
    ("first", "error"),
    [(refusal(503, {}), OverloadedError), (refusal(429, {}, retry_after="0"), RateLimitedError)],
)
async def test_what_may_succeed_later_is_tried_again(first: Any, error: type[UpstreamError]) -> None:
    app = Answers(first, answer(b"x"))
    assert await client(app, retry=Retry(longest_pause=0)).download(ELSEWHERE) == b"x"
    with pytest.raises(error):
        await client(Answers(first)).download(ELSEWHERE)


# ---- bounds


async def test_a_file_may_be_as_large_as_allowed_and_no_larger() -> None:
    poe = client(Answers(answer(b"12345", b"67890")))
    assert await poe.download(ELSEWHERE, max_bytes=10) == b"1234567890"
    with pytest.raises(FileTooLargeError, match="9 bytes"):
        await poe.download(ELSEWHERE, max_bytes=9)


async def test_a_file_that_says_it_is_too_large_is_not_read() -> None:
    poe = client(Answers(answer(for_ever, content_length="11")))
    with pytest.raises(FileTooLargeError):
        await poe.download(ELSEWHERE, max_bytes=10)


@pytest.mark.parametrize("length", ["-1", "x", "9" * 5000, "²"])
async def test_an_odd_length_is_not_believed(length: str) -> None:
    app = Answers(answer(b"x", content_length=length) if length.isascii() else answer(b"x"))
    assert await client(app).download(ELSEWHERE, max_bytes=1) == b"x"


async def test_a_file_that_grows_too_large_is_given_up() -> None:
    sent = 0

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for sent in range(1, 101):
            await send({"type": "http.response.body", "body": bytes(1000), "more_body": True})
            if sent == 10:  # the client has left by now
                return

    with pytest.raises(FileTooLargeError):
        await client(app).download(ELSEWHERE, max_bytes=5000)
    assert sent == 10


@pytest.mark.parametrize("answers", [[answer(for_ever)], [refusal(503, {})]])
async def test_a_download_takes_no_longer_than_allowed_tries_included(answers: Any) -> None:
    clock = ManualClock()
    passed_in.set(clock)
    poe = client(Answers(*answers), retry=Retry(attempts=1000, budget_seconds=1e9))
    task = asyncio.create_task(poe.download(ELSEWHERE, seconds=100))
    await clock.advance(99)
    assert not task.done()
    await clock.advance(2)
    with pytest.raises(UpstreamTimeoutError, match="100 s"):
        await task


async def test_a_file_that_comes_compressed_is_not_taken_for_its_contents() -> None:
    with pytest.raises(InvalidResponseError, match="compressed"):
        await client(Answers(answer(b"x", content_encoding="gzip"))).download(ELSEWHERE)
    assert await client(Answers(answer(b"x", content_encoding="identity"))).download(ELSEWHERE) == b"x"


# ---- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    app = Answers(redirect("/b", status), redirect("https://other.example/c?d=e", status), answer(b"x"))
    assert await client(app).download(ELSEWHERE) == b"x"
    assert [(request["headers"]["host"], request["path"]) for request in app.requests] == [
        ("files.example", "/a.png"),
        ("files.example", "/b"),
        ("other.example", "/c"),
    ]


async def test_five_redirects_are_followed_and_no_sixth() -> None:
    hops = [redirect(f"/{number}") for number in range(5)]
    assert await client(Answers(*hops, answer(b"x"))).download(ELSEWHERE) == b"x"
    app = Answers(redirect("/again"))
    with pytest.raises(InvalidResponseError, match="more than 5 times"):
        await client(app).download(ELSEWHERE)
    assert len(app.requests) == 6


async def test_a_redirect_to_nowhere_is_an_error() -> None:
    with pytest.raises(InvalidResponseError, match="302"):
        await client(Answers(answer(status=302))).download(ELSEWHERE)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "//localhost/x",
        "file:///etc/passwd",
        "http://[bad",
        "http://a@b.example/",
    ],
)
async def test_a_redirect_leads_nowhere_that_a_url_may_not(location: str) -> None:
    app = Answers(redirect(location), answer(b"secret"))
    with pytest.raises(UnsafeUrlError):
        await client(app).download(ELSEWHERE)
    assert len(app.requests) == 1


# ---- where a URL may lead


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8000/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
        "http://100.64.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://x.localhost:1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "data:text/plain;base64,?",
        "example.com/a",
        "",
        "https://",
        "https://user:password@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/a b",
        "https://example.com:port/",
        "http://[::1",
        "https://example.com/\r\nx-evil: 1",
    ],
)
async def test_a_url_that_is_private_or_odd_is_refused_before_anything_is_sent(url: str) -> None:
    app = Answers(answer(b"secret"))
    with pytest.raises(UnsafeUrlError):
        await client(app).download(url)
    assert app.requests == []


async def test_the_configured_poe_may_be_on_this_machine() -> None:
    app = Answers(answer(b"x"))
    poe = client(app, base_url="http://127.0.0.1:8000")
    assert await poe.download("http://127.0.0.1:8000/files/1/a") == b"x"
    for url in ("http://127.0.0.1:8001/", "https://127.0.0.1:8000/", "http://127.0.0.2:8000/"):
        with pytest.raises(UnsafeUrlError):
            await poe.download(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True),
        ("127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::7f00:1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::1", False),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("255.255.255.255", False),
        ("::", False),
    ],
)
async def test_an_address_is_as_public_as_the_one_it_carries(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name service that knows these names."""
    known: dict[str, list[str]] = {}

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"]])
async def test_a_name_with_a_private_address_is_not_connected_to(
    names: dict[str, list[str]], addresses: list[str]
) -> None:
    names["files.example"] = addresses
    transport = HttpxTransport()
    async with aclosing(transport):
        with pytest.raises(UnsafeUrlError, match=r"files\.example has an address that is not public"):
            await download(ELSEWHERE, connection=PoeClient(transport=transport).connection)


async def test_a_name_that_nobody_knows_is_a_failed_connection(names: dict[str, list[str]]) -> None:
    transport = HttpxTransport()
    async with aclosing(transport):
        with pytest.raises(ConnectionFailedError, match=r"files\.example cannot be found"):
            await PoeClient(transport=transport, retry=Retry(attempts=1)).download(ELSEWHERE)


async def test_the_address_that_was_checked_is_the_one_to_connect_to(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poe_asgi.client._addresses.is_public", lambda _: True)
    # The first does not answer, so the second is tried; the name itself is never asked for again.
    names["files.example"] = ["127.0.0.2", "127.0.0.1"]
    app = Answers(answer(b"x"))
    transport = HttpxTransport()
    with serving(with_lifespan(app)) as port:
        async with aclosing(transport):
            poe = PoeClient(transport=transport, retry=Retry(attempts=1))
            assert await poe.download(f"http://files.example:{port}/a?b=c") == b"x"
            names["files.example"] = ["127.0.0.2"]
            with pytest.raises(ConnectionFailedError, match=r"to files\.example failed"):
                await poe.download(f"http://files.example:{port}/a")
    [request] = app.requests
    assert request["headers"]["host"] == f"files.example:{port}"
    assert (request["path"], request["query_string"]) == ("/a", b"b=c")


async def test_a_url_that_the_transport_cannot_read_is_refused() -> None:
    transport = HttpxTransport()
    async with aclosing(transport):
        for url in ("https://xn--/", "https://exa\x00mple/"):
            with pytest.raises(UnsafeUrlError):
                await transport.send(HttpRequest(method="GET", url=url))


# ---- for an API that takes contents


async def test_the_contents_that_parts_need_are_fetched_once_each() -> None:
    app = Answers(answer(b"pdf"))
    upstream.set(Upstream(transport=AsgiTransport(app)))
    pdf = File(url=ON_POE, name="a.pdf", content_type="application/pdf")
    image = File(url=ELSEWHERE, name="a.png", content_type="image/png")
    inside = File(url="data:text/plain;base64,eA==", name="a.txt", content_type="text/plain")
    assert await contents_of([user("x", pdf, image), user("y", pdf, inside)]) == {ON_POE: b"pdf"}
    assert len(app.requests) == 1
