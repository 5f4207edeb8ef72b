"""The pytest plugin, as its users have it: in projects of their own, under every plugin that runs async tests."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from examples import echo
from poe_asgi import ConfigurationError
from poe_asgi.client import NO_RETRY, HttpRequest, PoeClient, checking_urls
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.client._refusal import check_url
from poe_asgi.errors import ConnectionFailedError
from poe_asgi.local import FakePoe
from poe_asgi.testing import PoeTester, RealPoeError

from .projects import ANYIO, ASYNCIO, STRICT, outcome, run_pytest

BOT = """
from poe_asgi import Bot

bot = Bot("Relay")
claude = bot.uses("Claude")

@bot.query
async def relay(ctx):
    yield ctx.text.upper() + ": "
    yield ctx.poe.stream(claude)
"""

TESTS = """
from bot import bot
from poe_asgi.client import PoeClient

@fixture(scope="module")
async def opened():
    yield "opened before any fake_poe"

@fixture
async def client(opened, fake_poe):
    async with PoeClient(api_key="any") as client:
        yield client

@mark
async def test_a_bot(opened, poe_tester, fake_poe):
    fake_poe.bot("Claude", "hello")
    assert (await poe_tester(bot).ask("hi")).text == "HI: hello"

@mark
async def test_a_conversation(opened, poe_tester):
    async with poe_tester(bot) as chat:
        assert (await chat.ask("hi")).text == "HI: Claude is not here; this is a stand-in for it. You said: hi"

@mark
async def test_a_client(opened, fake_poe):
    fake_poe.bot("Claude", "hello")
    async with PoeClient(api_key="any") as client:
        assert str(await client.ask("Claude", "hi")) == "hello"
    assert [call.text for call in fake_poe.calls] == ["hi"]

@mark
async def test_a_client_of_a_fixture(client, fake_poe):
    fake_poe.bot("Claude", "hello again")
    assert str(await client.ask("Claude", "hi")) == "hello again"
    assert [call.text for call in fake_poe.calls] == ["hi"]

def test_without_a_loop(fake_poe, poe_tester):
    assert fake_poe.calls == []
"""

IN_STRICT_MODE = """
import pytest
from pytest_asyncio import fixture

mark = pytest.mark.asyncio(loop_scope="module")
"""

IN_AUTO_MODE = """
import pytest
from pytest import fixture

mark = pytest.mark.asyncio(loop_scope="module")
"""

UNDER_ANYIO = """
import pytest
from pytest import fixture

mark = pytest.mark.anyio

@fixture(scope="module")
def anyio_backend():
    return "asyncio"
"""

AUTO = STRICT.replace("strict", "auto")
PLAIN = "[tool.pytest.ini_options]\n"


@pytest.mark.parametrize(
    ("config", "head", "under"),
    [(STRICT, IN_STRICT_MODE, ASYNCIO), (AUTO, IN_AUTO_MODE, ASYNCIO), (PLAIN, UNDER_ANYIO, ANYIO)],
    ids=["pytest-asyncio strict", "pytest-asyncio auto", "anyio"],
)
def test_the_fixtures_work_under_every_plugin(tmp_path: Path, config: str, head: str, under: tuple[str, ...]) -> None:
    config = config.replace('"function"', '"module"')
    files = {"pyproject.toml": config, "bot.py": BOT, "test_bot.py": head + TESTS}
    output = run_pytest(tmp_path, files, under=under)
    assert outcome(output) == {"passed": 5}, output


def test_a_test_on_another_loop_is_told(poe_tester: PoeTester) -> None:
    with pytest.raises(ConfigurationError, match="run on asyncio alone"):
        trio.run(poe_tester(echo.bot).ask, "hi")


# ---- the real Poe


@pytest.mark.parametrize(
    "url",
    [
        "https://api.poe.com/bot/Claude",
        "https://poe.com/api/keys",
        "http://API.POE.COM.:443/v1/models",
        "https://www.quora.com/poe_api/file_upload_3RD_PARTY_POST",
    ],
)
@pytest.mark.asyncio
async def test_the_real_poe_is_refused(url: str) -> None:
    with pytest.raises(AssertionError, match=r"the real Poe\. Use the fixture fake_poe") as raised:
        await HttpxTransport().send(HttpRequest(method="GET", url=url))
    assert isinstance(raised.value, RealPoeError)


@pytest.mark.asyncio
async def test_a_client_is_refused_before_it_connects() -> None:
    async with PoeClient(api_key="any") as client:
        with pytest.raises(RealPoeError, match=r"api\.poe\.com"):
            await client.ask("Claude", "hi")


@pytest.mark.asyncio
async def test_other_network_is_not_touched() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        transport = HttpxTransport()
        response = await transport.send(HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/api.poe.com/bot"))
        assert response.status == 204
        await response.aclose()
        await transport.aclose()


@pytest.mark.asyncio
async def test_a_client_with_an_address_of_its_own_goes_there(fake_poe: FakePoe) -> None:
    async with PoeClient(api_key="any", base_url="http://127.0.0.1:9", retry=NO_RETRY) as client:
        with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1"):
            await client.ask("Claude", "hi")
    assert fake_poe.calls == []


REAL = """
import httpx
import pytest
from poe_asgi.client import PoeClient

asked = []

async def handle(self, request):
    asked.append(request.url.host)
    body = b'event: meta\\ndata: {}\\n\\nevent: text\\ndata: {"text": "real"}\\n\\nevent: done\\ndata: {}\\n\\n'
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)

@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)

async def ask():
    async with PoeClient(api_key="any") as client:
        return str(await client.ask("Claude", "hi"))

async def test_real():
    assert await ask() == "real"
    assert asked == ["api.poe.com"]

async def test_fake_all_the_same(fake_poe):
    asked.clear()
    assert (await ask()).startswith("Claude is not here")
    assert asked == []
"""


@pytest.mark.real_poe
def test_a_mark_allows_it_to_one_test() -> None:
    check_url("https://api.poe.com/bot/Claude")


def test_without_the_mark_it_is_refused_again() -> None:
    with pytest.raises(RealPoeError):
        check_url("https://api.poe.com/bot/Claude")


def test_an_option_allows_it_to_all(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, {"pyproject.toml": AUTO, "test_real.py": REAL}, "--real-poe")
    assert outcome(output) == {"passed": 2}, output


IN_A_FIXTURE = """
import pytest
from poe_asgi.client import PoeClient

@pytest.fixture(scope="session")
async def answer():
    async with PoeClient(api_key="any") as client:
        yield await client.ask("Claude", "hi")

async def test_it(answer):
    pass
"""


def test_the_fixtures_of_a_test_are_refused_too(tmp_path: Path) -> None:
    config = AUTO.replace('"function"', '"session"')
    output = run_pytest(tmp_path, {"pyproject.toml": config, "test_it.py": IN_A_FIXTURE})
    assert outcome(output) == {"error": 1}, output
    assert "RealPoeError" in output


def test_a_check_of_urls_ends_with_its_block() -> None:
    def refuse(url: str) -> None:
        raise LookupError(url)

    with checking_urls(refuse), pytest.raises(LookupError, match="http://x"):
        check_url("http://x")
    check_url("http://x")


# ---- how it is loaded


def test_the_plugin_brings_nothing_of_the_package_along() -> None:
    code = "import _poe_asgi_pytest, sys; print([name for name in sys.modules if name.startswith('poe_asgi')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


# What pytest-cov does, at the moment it does it.
MEASURE = """
import coverage

measured = coverage.Coverage(source=["bot", "poe_asgi"], data_file=None)

def pytest_load_initial_conftests():
    measured.start()

def pytest_unconfigure():
    measured.stop()
    import bot
    import poe_asgi.server._bot as module
    for name in (bot.__file__, module.__file__):
        _, lines, _, missing, _ = measured.analysis2(name)
        print("MISSING", lines[0] in missing, len(missing), "of", len(lines))
"""

MEASURED = """
from bot import bot

async def test_it(poe_tester):
    assert (await poe_tester(bot).ask("hi")).text
"""


def test_coverage_is_measured_from_the_first_line(tmp_path: Path) -> None:
    files = {"pyproject.toml": AUTO, "bot.py": BOT, "test_bot.py": MEASURED, "measure.py": MEASURE}
    output = run_pytest(tmp_path, files, "-p", "measure", "-s")
    assert outcome(output) == {"passed": 1}, output
    of_bot, of_package = [line.split()[1:] for line in output.splitlines() if line.startswith("MISSING")]
    assert of_bot == ["False", "0", "of", "7"]
    assert of_package[0] == "False"
    assert int(of_package[1]) < int(of_package[3]) / 2
    assert "CoverageWarning" not in output


def test_the_plugin_can_be_left_out(tmp_path: Path) -> None:
    files = {"pyproject.toml": AUTO, "test_it.py": "def test_it(fake_poe): ...\n"}
    assert "fixture 'fake_poe' not found" in run_pytest(tmp_path, files, "-p", "no:poe_asgi")


def test_pytest_tells_of_the_fixtures(tmp_path: Path) -> None:
    told = run_pytest(tmp_path, {"pyproject.toml": AUTO}, "--fixtures")
    assert re.search(r"^fake_poe -- .*\n    Poe, played in this process", told, re.MULTILINE)
    assert re.search(r"^poe_tester -- .*\n    Tests bots", told, re.MULTILINE)
