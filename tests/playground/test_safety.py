"""The playground under attack: from other sites, by bots, and through names that lead to this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import expect

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext, create_app
from poe_asgi.client import HttpRequest, read_bounded
from poe_asgi.local import AsgiTransport
from poe_asgi.playground import Playground

from ..support import KEY
from .conftest import Open

HERE = "http://127.0.0.1:8000"


def a_bot() -> Bot:
    bot = Bot("Echo")

    @bot.query
    async def echo(ctx: QueryContext) -> Answer:
        yield ctx.text

    return bot


@pytest.fixture
def playground() -> Playground:
    return Playground(create_app(a_bot(), access_key=KEY), access_key=KEY)


async def get(
    playground: Playground,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, Mapping[str, str], bytes]:
    request = HttpRequest(method=method, url=HERE + path, headers=headers or {}, content=body)
    response = await AsgiTransport(playground.app).send(request)
    try:
        return response.status, response.headers, await read_bounded(response, 2**20)
    finally:
        await response.aclose()


def with_token(playground: Playground, **headers: str) -> dict[str, str]:
    return {
        "x-playground-token": playground.token,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }


@pytest.mark.asyncio
async def test_the_page_needs_the_token_in_its_address(playground: Playground) -> None:
    for query in ("", "?token=", "?token=wrong", f"?token={playground.token}x", "?token=%ff"):
        status, _, body = await get(playground, f"/{query}")
        assert status == 403
        assert playground.token.encode() not in body
    status, _, body = await get(playground, playground.path)
    assert status == 200
    assert playground.token.encode() not in body


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/live"), ("POST", "/api/conversations"), ("POST", "/api/files")]
)
async def test_every_call_needs_the_token(playground: Playground, method: str, path: str) -> None:
    for headers in ({}, {"x-playground-token": "wrong"}, {"authorization": f"Bearer {playground.token}"}):
        status, _, _ = await get(playground, path, method=method, headers=headers)
        assert status == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8000", "127.0.0.1.evil.test", "127.0.0.1@evil.test", "", "[::1", "localhost.:1x"]
)
async def test_another_name_for_this_machine_is_refused(playground: Playground, host: str) -> None:
    for path in (playground.path, "/api/conversations", "/page/main.js", "/poe/v1/models"):
        status, _, body = await get(playground, path, headers=with_token(playground, host=host))
        assert status == 421, body


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "LOCALHOST:8000", "[::1]:8000"])
async def test_the_names_of_this_machine_are_known(playground: Playground, host: str) -> None:
    status, _, _ = await get(playground, playground.path, headers={"host": host})
    assert status == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://localhost:8000"]
)
async def test_another_site_is_refused_even_with_the_token(playground: Playground, origin: str) -> None:
    for path in ("/api/conversations", "/poe/bot/Claude", "/poe/poe_api/file_upload_3RD_PARTY_POST"):
        status, headers, _ = await get(playground, path, method="POST", headers=with_token(playground, origin=origin))
        assert status == 403
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.asyncio
async def test_no_preflight_is_answered(playground: Playground) -> None:
    asked = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    status, headers, _ = await get(playground, "/api/conversations", method="OPTIONS", headers=asked)
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.asyncio
async def test_its_own_page_may_call_it(playground: Playground) -> None:
    headers = with_token(playground, origin=HERE, sec_fetch_site="same-origin")
    status, _, body = await get(playground, "/api/conversations", method="POST", headers=headers)
    assert (status, set(json.loads(body))) == (200, {"key"})


@pytest.mark.asyncio
async def test_the_policy_of_the_page_allows_nothing_inline(playground: Playground) -> None:
    _, headers, body = await get(playground, playground.path)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == ("'self'", "'self'", "'self'")
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    page = body.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?://", page)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path",
    [
        "/page/../_app.py",
        "/page/%2e%2e/_app.py",
        "/page/..%2f_app.py",
        "/page/_app.py",
        "/page/",
        "/page/none.js",
        "/_app.py",
    ],
)
async def test_nothing_but_the_files_of_the_page_is_served(playground: Playground, path: str) -> None:
    status, _, _ = await get(playground, path)
    assert status == 404


@pytest.mark.asyncio
async def test_an_uploaded_page_is_not_opened_as_a_page(playground: Playground) -> None:
    for name, kind, shown in (
        ("a.html", "text/html", False),
        ("a.svg", "image/svg+xml", False),
        ("a.png", "image/png", True),
    ):
        headers = with_token(playground, x_file_name=name, content_type=kind)
        status, _, body = await get(
            playground, "/api/files", method="POST", headers=headers, body=b"<script>1</script>"
        )
        assert status == 200
        status, headers_of_file, _ = await get(playground, json.loads(body)["url"].removeprefix(HERE))
        assert status == 200
        assert headers_of_file["content-security-policy"].startswith("sandbox")
        assert headers_of_file["x-content-type-options"] == "nosniff"
        assert ("content-disposition" not in headers_of_file) is shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"text": 1}', b'{"text": "a", "files": ["http://evil.test/"]}', b'{"text": " "}']
)
async def test_a_wrong_call_is_an_answer_and_no_crash(playground: Playground, body: bytes) -> None:
    _, _, made = await get(playground, "/api/conversations", method="POST", headers=with_token(playground))
    key = json.loads(made)["key"]
    for path in (
        f"/api/conversations/{key}/ask",
        f"/api/conversations/{key}/react",
        "/api/conversations/0/ask",
        "/api/replay",
    ):
        status, _, answer = await get(playground, path, method="POST", headers=with_token(playground), body=body)
        assert status in {400, 409}
        assert json.loads(answer)["error"]


@pytest.mark.asyncio
async def test_a_body_without_end_is_refused(playground: Playground) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 2**22

    request = HttpRequest(method="POST", url=f"{HERE}/api/files", headers=with_token(playground), content=endless())
    response = await AsgiTransport(playground.app).send(request)
    assert response.status == 413
    await response.aclose()


@pytest.mark.asyncio
async def test_the_key_of_the_bot_is_not_shown(playground: Playground) -> None:
    await get(playground, "/api/settings", method="POST", headers=with_token(playground))
    request = HttpRequest(method="GET", url=f"{HERE}/api/live", headers=with_token(playground))
    response = await AsgiTransport(playground.app).send(request)
    first = await anext(aiter(response.chunks()))
    await response.aclose()
    number = json.loads(first)["exchanges"][0]["id"]
    _, _, exchange = await get(playground, f"/api/exchanges/{number}", headers=with_token(playground))
    assert json.loads(exchange)["status"] == 200
    assert KEY not in (first + exchange).decode() + repr(playground)


def test_what_is_no_bot_is_refused() -> None:
    for wrong in (None, 3, "bot.py", "ftp://example.com"):
        with pytest.raises(ConfigurationError):
            Playground(wrong, access_key=None)  # type: ignore[arg-type]


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nh3", None)
    with pytest.raises(
        ConfigurationError, match=r"^The playground needs markdown-it-py and nh3: pip install 'poe-asgi\[dev\]'\.$"
    ):
        Playground("http://127.0.0.1:1", access_key=None)


@pytest.mark.asyncio(loop_scope="package")
async def test_another_site_in_the_same_browser_reaches_nothing(visit: Open) -> None:
    here = await visit(a_bot())
    await here.say("a secret")
    token = here.playground.token
    other = await here.context.new_page()
    await other.route("http://evil.test/*", lambda route: route.fulfill(body="<h1>evil</h1>", content_type="text/html"))
    await other.goto("http://evil.test/")
    blocked = await other.evaluate(
        """async ([url, token]) => {
            const tries = [
                fetch(`${url}/api/conversations`, { method: "POST", headers: { "x-playground-token": token } }),
                fetch(`${url}/?token=${token}`),
                fetch(`${url}/poe/bot/Claude`, { method: "POST", body: "{}" }),
                new Promise((ok, no) => { const s = document.createElement("script"); s.onload = ok; s.onerror = no; s.type = "module"; s.src = `${url}/page/main.js`; document.head.append(s); }),
            ];
            return (await Promise.allSettled(tries)).map((each) => each.status);
        }""",
        [here.url, token],
    )
    assert blocked == ["rejected"] * 4
    await other.evaluate(
        f"document.body.append(Object.assign(document.createElement('iframe'), {{src: '{here.url}/?token={token}'}}))"
    )
    await other.wait_for_timeout(200)
    framed = other.frames[-1]
    assert await framed.locator("#composer").count() == 0
    await expect(here.answers).to_have_count(1)


@pytest.mark.asyncio(loop_scope="package")
async def test_the_browser_runs_no_script_that_is_put_into_the_page(visit: Open) -> None:
    here = await visit(a_bot())
    await here.page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "window.hacked = 1"; } catch {}
            document.body.append(script);
            try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked = 2'>"); } catch {}
            const style = document.createElement("style");
            style.textContent = "body { display: none }";
            document.head.append(style);
        }"""
    )
    await here.page.wait_for_timeout(50)
    assert await here.page.evaluate("window.hacked") is None
    await expect(here.page.get_by_role("textbox", name="Message")).to_be_visible()
    assert any("Content Security Policy" in each for each in here.complaints)
