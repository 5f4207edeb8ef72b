"""``run``: a production server, as a process."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from poe_asgi.cli._exits import Exit
from poe_asgi.client import Upstream, upstream_everywhere
from poe_asgi.local import FakePoe
from poe_asgi.protocol import ResponseReader

from .support import ECHO, Command, invoke, running, write

KEY = "0123456789abcdef0123456789abcdef"
AUTH = {"authorization": f"Bearer {KEY}"}
# It says how far it has come, and ends when a file is there.
SLOW = """\
import asyncio
from pathlib import Path

from poe_asgi import Answer, Bot, QueryContext

bot = Bot("Slow")


@bot.query
async def wait(ctx: QueryContext) -> Answer:
    yield "begun "
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    yield "and ended"
"""


@pytest.fixture(autouse=True)
def _key() -> None:
    os.environ["POE_ACCESS_KEY"] = KEY


def address(command: Command) -> str:
    """Where it says that it runs."""
    port = command.until(r"running on http://0\.0\.0\.0:(\d+)")[1]
    return f"http://127.0.0.1:{port}"


def asked(url: str, begun: threading.Event) -> ResponseReader:
    """A whole answer; ``begun`` is set at its first text."""
    reader = ResponseReader()
    with httpx.stream(
        "POST", url, json={"type": "query", "query": [{"role": "user", "content": "hi"}]}, headers=AUTH, timeout=30
    ) as response:
        assert response.status_code == 200
        for chunk in response.iter_bytes():
            reader.feed(chunk)
            if reader.text:
                begun.set()
    reader.end()
    return reader


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_loaded_is_no_work_for_the_garbage_collector(workers: int) -> None:
    write("frozen.py", ECHO.replace("yield ctx.text", "import gc\n\n    yield f'{gc.get_freeze_count()}'"))
    with running("run", "frozen.py", "--port", "0", "--workers", str(workers)) as command:
        url = address(command)
        command.until("Application startup complete") if workers > 1 else None
        assert int(asked(url, threading.Event()).text) > 10_000


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_that_run_may_end_when_the_server_is_stopped(workers: int) -> None:
    write("slow.py", SLOW)
    with (
        ThreadPoolExecutor(8) as threads,
        running("run", "slow.py", "--port", "0", "--workers", str(workers)) as command,
    ):
        url = address(command)
        for _ in range(workers) if workers > 1 else ():  # one alone has started before it says where it runs
            command.until("Application startup complete")
        begun = [threading.Event() for _ in range(8)]
        answers: list[Future[ResponseReader]] = [threads.submit(asked, url, event) for event in begun]
        assert all(event.wait(20) for event in begun)
        command.process.send_signal(signal.SIGTERM)
        command.until("Shutting down")
        Path("go").touch()
        readers = [answer.result(30) for answer in answers]
        assert [reader.text for reader in readers] == ["begun and ended"] * 8
        assert all(reader.clean and reader.error is None for reader in readers)
        assert command.ended() in {Exit.OK, -signal.SIGTERM}
        assert "Traceback" not in command.output


def test_after_the_drain_time_an_answer_ends_with_an_error_that_may_be_retried() -> None:
    write("slow.py", SLOW)
    with ThreadPoolExecutor(1) as threads, running("run", "slow.py", "--port", "0", "--drain", "0.2") as command:
        url = address(command)
        begun = threading.Event()
        answer = threads.submit(asked, url, begun)
        assert begun.wait(20)
        command.process.send_signal(signal.SIGTERM)
        reader = answer.result(30)
        assert reader.clean
        assert reader.error is not None
        assert reader.error.allow_retry
        command.ended()


def test_the_log_is_json_on_request_with_the_ids_of_the_answer() -> None:
    write("bot.py", ECHO.replace("yield ctx.text", "ctx.log.info('told')\n    yield 1 / 0"))
    with running("run", "bot.py", "--port", "0", "--log", "json") as command:
        url = address(command)
        body = {"type": "query", "query": [{"role": "user", "content": "hi"}], "message_id": "m-1", "user_id": "u-1"}
        httpx.post(url, json=body, headers=AUTH, timeout=20)
        command.until('"uvicorn.access"')
        command.ended(signal.SIGTERM)
        lines = [json.loads(line) for line in command.output.splitlines()]
    told = next(line for line in lines if line["message"] == "told")
    assert (told["logger"], told["level"], told["message_id"], told["user_id"]) == (
        "poe_asgi.server", "INFO", "m-1", "u-1",
    )  # fmt: skip
    failed = next(line for line in lines if "exception" in line)
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")
    assert f"(error {failed['error_id']})" in failed["message"]
    assert KEY not in command.output


def test_the_scheme_of_a_proxy_is_believed_if_the_proxy_is_trusted() -> None:
    app = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})
"""
    write("tells.py", app)
    headers = {"x-forwarded-proto": "https"}
    for trusted, scheme in {"127.0.0.1": "https", "10.0.0.1": "http"}.items():
        with running("run", "tells.py", "--port", "0", "--forwarded-allow-ips", trusted) as command:
            url = address(command)
            assert httpx.get(url, headers=headers).text == scheme


def test_the_env_file_is_read_when_it_is_named() -> None:
    del os.environ["POE_ACCESS_KEY"]
    write("bot.py")
    write("production.env", f"POE_ACCESS_KEY={KEY}\n")
    with running("run", "bot.py", "--port", "0", "--env-file", "production.env") as command:
        url = address(command)
        assert asked(url, threading.Event()).text == "hi"


# ---- before it serves


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What uvicorn would be started with; it is not started."""
    calls: list[dict[str, object]] = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: calls.append({"app": app, **options}))
    return calls


def test_the_server_has_more_grace_than_the_answers(served: list[dict[str, object]]) -> None:
    write("bot.py")
    assert invoke("run", "bot.py", "--drain", "7.5").exit_code == Exit.OK
    write("own.py", f"{ECHO}\n\napp = create_app(bot, drain_seconds=60)\n")
    assert invoke("run", "own.py").exit_code == Exit.OK
    assert [call["timeout_graceful_shutdown"] for call in served] == [13, 65]
    assert [call["port"] for call in served] == [8080, 8080]


def test_so_many_connections_as_are_allowed_are_served_and_one_more_is_not() -> None:
    write("slow.py", SLOW)
    with (
        ThreadPoolExecutor(1) as threads,
        running("run", "slow.py", "--port", "0", "--max-connections", "1") as command,
    ):
        url = address(command)
        begun = threading.Event()
        answer = threads.submit(asked, url, begun)
        assert begun.wait(20)
        assert httpx.get(url).status_code == 503
        Path("go").touch()
        assert answer.result(30).text == "begun and ended"


def test_the_platform_names_port_and_workers(served: list[dict[str, object]]) -> None:
    write("bot.py")
    invoke("run", "bot.py", PORT="9999", WEB_CONCURRENCY="3")
    assert [(call["port"], call["workers"], call["factory"]) for call in served] == [(9999, 3, True)]


def test_settings_are_pushed_once_however_many_workers_there_are(served: list[dict[str, object]]) -> None:
    write("bot.py")
    poe = FakePoe()
    with upstream_everywhere(Upstream("http://poe.test", poe.transport())):
        assert invoke("run", "bot.py", "--push-settings", "--workers", "4").exit_code == Exit.OK
    assert [(each.bot, each.kind, each.stored.introduction_message) for each in poe.settings] == [
        ("Echo", "update", "Say something.")
    ]
    assert len(served) == 1


def test_a_push_that_fails_keeps_no_bot_from_being_served(served: list[dict[str, object]]) -> None:
    write("bot.py")
    poe = FakePoe(keys=["another"])
    with upstream_everywhere(Upstream("http://poe.test", poe.transport())):
        result = invoke("run", "bot.py", "--push-settings")
    assert result.exit_code == Exit.OK
    assert "were not pushed" in result.output
    assert KEY not in result.output
    assert len(served) == 1


def test_a_bot_without_a_key_is_not_served(served: list[dict[str, object]]) -> None:
    del os.environ["POE_ACCESS_KEY"]
    write("bot.py")
    result = invoke("run", "bot.py")
    assert result.exit_code == Exit.SETUP
    assert "set POE_ACCESS_KEY to the key on the bot's page" in result.output
    write("free.py", f"{ECHO}\n\napp = create_app(bot, allow_without_key=True)\n")
    assert invoke("run", "free.py").exit_code == Exit.OK
    assert len(served) == 1


def test_the_drain_time_of_an_app_is_its_own(served: list[dict[str, object]]) -> None:
    write("own.py", f"{ECHO}\n\napp = create_app(bot)\n")
    result = invoke("run", "own.py", "--drain", "5")
    assert result.exit_code == Exit.USAGE
    assert "create_app(bot, drain_seconds=…)" in result.output
    assert served == []


def test_a_target_that_cannot_be_loaded_ends_before_any_worker_is_started(served: list[dict[str, object]]) -> None:
    write("broken.py", "1 / 0\n")
    result = invoke("run", "broken.py", "--workers", "2")
    assert result.exit_code == Exit.NOT_LOADED
    assert "broken.py, line 1: ZeroDivisionError" in result.output
    assert served == []
