"""``dev``, as the processes it is made of."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from poe_asgi.cli._exits import Exit
from poe_asgi.protocol import ResponseReader

from .support import ECHO, ROOT, Command, invoke, running, write

QUERY = {"type": "query", "query": [{"role": "user", "content": "Hello"}]}
RELAY = """\
from poe_asgi import Answer, Bot, QueryContext

bot = Bot("Relay")
other = bot.uses("Claude-Sonnet-4.6")


@bot.query
async def relay(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream("GPT-5-mini" if ctx.text == "undeclared" else other)
"""


class Dev:
    """A `dev` that is up: its URLs and its key, as it told them."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.page = command.until(r"Playground +(http://127\.0\.0\.1:\d+/\?token=\S+)")[1]
        self.bot = command.until(r"Bot +(http://\S+)")[1]
        self.curl = command.until(r"^(curl -N .+)$")[1]
        command.until("Ctrl-C ends it")
        key = re.search(r"Bearer ([0-9a-f]{32})", self.curl)
        self.key = key[1] if key else os.environ.get("POE_ACCESS_KEY", "")

    def ask(self, text: str = "Hello", *, url: str | None = None) -> ResponseReader:
        body = {"type": "query", "query": [{"role": "user", "content": text}], "message_id": "m-1"}
        response = httpx.post(
            url or self.bot, json=body, headers={"authorization": f"Bearer {self.key}"}, timeout=20
        ).raise_for_status()
        reader = ResponseReader()
        reader.feed(response.content)
        reader.end()
        assert reader.clean, reader.violations
        return reader


@contextmanager
def dev(*arguments: str, **environment: str) -> Iterator[Dev]:
    with running("dev", *arguments, "--port", "0", "--no-browser", **environment) as command:
        yield Dev(command)


def test_a_bot_is_up_with_a_page_and_a_key_made_for_the_run() -> None:
    write("bot.py")
    with dev("bot.py") as up:
        assert up.ask().text == "Hello"
        assert httpx.post(up.bot, json=QUERY).status_code == 401
        assert httpx.get(up.page).status_code == 200
        assert httpx.get(up.page.partition("?")[0]).status_code == 403
        line = up.command.until(r"query +200")
        assert re.search(r"first \d+ ms, all \d+ ms +1 text$", line.string.rstrip())
        assert "introduction, attachments" in up.command.output
        assert "poe-asgi check bot.py" in up.command.output
        assert up.command.ended(signal.SIGINT) == Exit.OK
        assert "Traceback" not in up.command.output


def test_a_key_that_is_set_is_used_and_never_shown() -> None:
    write("bot.py")
    os.environ["POE_ACCESS_KEY"] = key = "k" * 32
    with dev("bot.py") as up:
        assert up.ask().text == "Hello"
        assert '"Authorization: Bearer $POE_ACCESS_KEY"' in up.curl
        up.command.ended(signal.SIGTERM)
        assert key not in up.command.output


def test_the_env_file_reaches_the_bot_before_it_is_imported_and_its_changes_too() -> None:
    write(".env", "GREETING=Hi\n")
    write(
        "bot.py",
        ECHO.replace("yield ctx.text", "yield GREETING").replace(
            "bot =", "import os\n\nGREETING = os.environ['GREETING']\nbot =", 1
        ),
    )
    with dev("bot.py") as up:
        assert up.ask().text == "Hi"
        write(".env", "GREETING=Hello again\n")
        up.command.until("reloaded")
        assert up.ask().text == "Hello again"


def test_a_change_is_there_at_once_and_a_mistake_waits_for_the_next_one() -> None:
    write("bot.py")
    write("words.py", "WORD = 'one'\n")
    with dev("bot.py") as up:
        write(
            "bot.py",
            ECHO.replace("yield ctx.text", "yield WORD").replace("from poe", "from words import WORD\nfrom poe", 1),
        )
        up.command.until("reloaded")
        assert up.ask().text == "one"
        write("words.py", "WORD = 'two'\n")
        up.command.until(r"words\.py changed")
        up.command.until("reloaded")
        assert up.ask().text == "two"

        write("words.py", "WORD = (\n")
        up.command.until(r"SyntaxError: '\(' was never closed")
        up.command.until(r"words\.py, line 1")
        up.command.until("Waiting for a change")
        refused = httpx.post(up.bot, json=QUERY)
        assert refused.status_code == 503
        assert "words.py, line 1" in refused.json()["error"]["message"]

        write("words.py", "WORD = 'three'\n")
        up.command.until("reloaded")
        assert up.ask().text == "three"


def test_a_bot_that_cannot_be_loaded_at_first_is_greeted_once_it_can() -> None:
    write("bot.py", "import missing_helper\n")
    with running("dev", "bot.py", "--port", "0", "--no-browser") as command:
        command.until("it imports 'missing_helper', which is not there")
        command.until("Waiting for a change")
        write("missing_helper.py", "")
        command.until(r"missing_helper\.py changed")
        command.until("has no `app` and no `bot`")
        write("bot.py")
        assert Dev(command).ask().text == "Hello"


def test_a_start_up_that_fails_is_shown_where_it_did() -> None:
    lifespan = "@asynccontextmanager\nasync def opened():\n    raise OSError('no database')\n    yield\n\n\n"
    write(
        "bot.py",
        "from contextlib import asynccontextmanager\n"
        + ECHO.replace("bot =", f"{lifespan}bot =", 1).replace('"Echo",', '"Echo", lifespan=opened,'),
    )
    with running("dev", "bot.py", "--port", "0", "--no-browser") as command:
        command.until("raise OSError")
        command.until("The start-up of the app failed: OSError: no database")
        command.until("Waiting for a change")


def test_a_module_that_does_not_come_to_its_end_can_be_mended() -> None:
    write("bot.py", "print('importing', flush=True)\nimport threading\nthreading.Event().wait()\n")
    with running("dev", "bot.py", "--port", "0", "--no-browser") as command:
        command.until("importing")
        write("bot.py")
        assert Dev(command).ask().text == "Hello"


def test_the_line_that_is_printed_works_when_it_is_pasted() -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("curl and bash are needed to paste the line that is printed")
    with dev(str(ROOT / "examples/echo.py")) as up:
        pasted = subprocess.run(["bash", "-c", up.curl], capture_output=True, check=True, timeout=20).stdout
        assert b'data: {"text": "Hello"}' in pasted


def test_a_process_that_ends_by_itself_is_told_of() -> None:
    write("bot.py", ECHO.replace("yield ctx.text", "yield ''; import os; os._exit(7)"))
    with dev("bot.py") as up:
        with pytest.raises(httpx.RemoteProtocolError):
            up.ask()
        up.command.until("ended by itself, with the exit code 7")
        write("bot.py")
        up.command.until("reloaded")
        assert up.ask().text == "Hello"


def test_an_answer_that_runs_at_a_reload_ends_properly() -> None:
    waits = ECHO.replace("yield ctx.text", "yield ctx.text\n    await asyncio.sleep(60)")
    write("bot.py", f"import asyncio\n{waits}")
    with dev("bot.py") as up:
        headers = {"authorization": f"Bearer {up.key}"}
        with httpx.stream("POST", up.bot, json=QUERY, headers=headers, timeout=20) as response:
            reader = ResponseReader()
            chunks = response.iter_bytes()
            while "Hello" not in reader.text:
                reader.feed(next(chunks))
            write("bot.py")
            for chunk in chunks:
                reader.feed(chunk)
        reader.end()
        assert reader.clean
        assert reader.error is not None
        assert reader.error.allow_retry
        up.command.until("reloaded")
        assert up.ask().text == "Hello"


def test_a_failed_handler_is_shown_with_the_id_that_its_user_reads() -> None:
    write("bot.py", ECHO.replace("yield ctx.text", "yield 1 / 0"))
    with dev("bot.py") as up:
        error = up.ask().error
        assert error is not None
        number = re.search(r"\(error (\w+)\)", error.text)
        assert number is not None
        up.command.until(rf"failed \(error {number[1]}\)")
        up.command.until(r'File ".+bot\.py", line 8, in echo')
        up.command.until("ZeroDivisionError: division by zero")
        up.command.until("the user reads: Something went wrong")


def test_a_blocking_call_is_named_by_file_and_line() -> None:
    write(
        "bot.py",
        ECHO.replace("yield ctx.text", "yield slow()").replace(
            "bot =", "import time\n\n\ndef slow():\n    time.sleep(0.4)\n    return 'slow'\n\n\nbot =", 1
        ),
    )
    with dev("bot.py") as up:
        assert up.ask().text == "slow"
        up.command.until(r"bot\.py:7 in slow blocked the event loop for \d+ ms: time\.sleep\(0\.4\)")
        up.command.until(r"await asyncio\.to_thread")


def test_an_answer_that_waits_is_not_taken_for_one_that_blocks() -> None:
    write("bot.py", "import asyncio\n" + ECHO.replace("yield ctx.text", "await asyncio.sleep(0.5)\n    yield ctx.text"))
    with dev("bot.py") as up:
        assert up.ask().text == "Hello"
        up.command.until("query +200")
        assert "blocked" not in up.command.output


def test_other_bots_are_played_by_stand_ins_and_only_those_that_are_declared() -> None:
    write("bot.py", RELAY)
    with dev("bot.py") as up:
        assert up.ask().text == "Claude-Sonnet-4.6 is not here; this is a stand-in for it. You said: Hello"
        assert "calls Claude-Sonnet-4.6" in up.command.output
        assert up.ask("undeclared").error is not None
        up.command.until("UndeclaredDependencyError: .*GPT-5-mini")


def test_several_bots_are_named_and_one_is_chosen_by_its_path() -> None:
    second = ECHO.replace("bot =", "other =").replace("@bot", "@other").replace("yield ctx.text", "yield 'other'")
    tail = '\n\napp = create_app({"/echo": bot, "/other": other})\n'
    write("bot.py", ECHO + second.partition("\n\n")[2] + tail)
    with dev("bot.py") as up:
        assert up.bot.endswith("/echo")
        assert up.ask().text == "Hello"
        assert "/other   (--path /other opens that one)" in up.command.output
    with dev("bot.py", "--path", "/other") as up:
        assert up.bot.endswith("/other")
        assert up.ask().text == "other"


def test_any_asgi_app_is_served_with_its_own_key() -> None:
    write(
        "plain.py",
        f"""\
import os

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    good = dict(scope["headers"]).get(b"authorization") == b"Bearer " + os.environ["POE_ACCESS_KEY"].encode()
    status, kind = (200, b"text/event-stream") if good else (401, b"text/plain")
    await send({{"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}})
    events = b'event: meta\\r\\ndata: {json.dumps({"content_type": "text/plain"})}\\r\\n\\r\\n'
    events += b'event: text\\r\\ndata: {json.dumps({"text": "plain"})}\\r\\n\\r\\nevent: done\\r\\ndata: {{}}\\r\\n\\r\\n'
    await send({{"type": "http.response.body", "body": events if good else b""}})
""",
    )
    with dev("plain.py") as up:
        assert up.ask().text == "plain"
        assert "not to be seen from here" in up.command.output


def test_the_bot_is_gone_when_its_parent_is_killed() -> None:
    write("bot.py")
    with dev("bot.py") as up:
        up.command.process.kill()
        up.command.process.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                httpx.get(up.bot, timeout=1)
            except httpx.TransportError:
                return
        raise AssertionError("the bot still answers")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nobody.py"], Exit.NOT_LOADED, "There is no file nobody.py."),
        (["bot.py", "--live"], Exit.SETUP, "set POE_API_KEY"),
        (["bot.py", "--live", "--model-url", "http://x"], Exit.USAGE, "exclude each other"),
        (["bot.py", "--path", "echo"], Exit.USAGE, "begins with a slash"),
    ],
)
def test_what_cannot_begin_says_so(arguments: list[str], code: int, message: str) -> None:
    write("bot.py")
    result = invoke("dev", *arguments, "--port", "0", "--no-browser")
    assert (result.exit_code, message in result.output) == (code, True), result.output


@pytest.mark.parametrize("module", ["markdown_it", "nh3"])
def test_a_missing_extra_is_one_line(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write("bot.py")
    monkeypatch.setitem(sys.modules, module, None)
    result = invoke("dev", "bot.py", "--port", "0", "--no-browser")
    assert result.exit_code == Exit.SETUP
    assert result.output == f'Error: This command needs {module}. Install it: pip install "poe-asgi[dev]"\n'
