"""The parts of `dev` by themselves."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click import unstyle

from poe_asgi import Bot, Settings
from poe_asgi.cli._dev_greeting import STAND_INS, Greeting
from poe_asgi.cli._dev_lines import duration, request_line
from poe_asgi.cli._exits import Failure
from poe_asgi.cli._loopback import listen
from poe_asgi.cli._project import is_authors
from poe_asgi.cli._reports import Reports
from poe_asgi.cli._watch import Watch
from poe_asgi.cli._watchdog import Watchdog

from .support import SECONDS, write

# ---- changes


async def changed(watch: Watch) -> list[str]:
    return [Path(path).name for path in await asyncio.wait_for(watch.changed(), SECONDS)]


@pytest.mark.asyncio
async def test_a_file_that_changes_comes_or_goes_is_noticed_once() -> None:
    bot = write("bot.py").resolve()
    watch = Watch()
    watch.on([bot, bot.parent / ".env"])
    write("bot.py", "changed = True\n")
    assert await changed(watch) == ["bot.py"]
    write("helper.py", "")
    assert await changed(watch) == ["helper.py"]
    write(".env", "A=1\n")
    assert await changed(watch) == [".env"]
    bot.unlink()
    assert await changed(watch) == ["bot.py"]


@pytest.mark.asyncio
async def test_a_change_while_the_bot_is_being_loaded_is_not_lost() -> None:
    bot = write("bot.py").resolve()
    watch = Watch()
    watch.on([bot])
    write("bot.py", "changed = True\n")
    watch.on([bot, write("other/helper.py").resolve()])
    assert await changed(watch) == ["bot.py"]


@pytest.mark.asyncio
async def test_what_is_no_python_file_makes_no_noise() -> None:
    bot = write("bot.py").resolve()
    watch = Watch()
    watch.on([bot])
    write("notes.txt", "x")
    write("__pycache__/bot.cpython.pyc", "x")
    write("bot.py", "changed = True\n")
    assert await changed(watch) == ["bot.py"]


# ---- blocking calls


def told_while_blocked(path: Path) -> list[dict[str, Any]]:
    """What the watchdog tells while functions of this module block its loop, twice each."""
    reader, writer = os.pipe()
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)

    async def main() -> None:
        watchdog = Watchdog(Reports(writer))
        watchdog.start()
        for _ in range(2):
            await asyncio.sleep(0.1)  # so that it looks at a loop that turns
            namespace["outer"]()
        await asyncio.sleep(0.1)
        watchdog.stop()

    asyncio.run(main())
    os.close(writer)
    with os.fdopen(reader) as lines:
        return [json.loads(line) for line in lines]


def test_the_innermost_line_of_the_author_is_named_once() -> None:
    path = write("slow.py", "import time\n\ndef inner():\n    time.sleep(0.3)\n\ndef outer():\n    inner()\n").resolve()
    (report,) = told_while_blocked(path)
    assert (report["file"], report["line"], report["function"]) == (str(path), 4, "inner")
    assert report["code"] == "time.sleep(0.3)"
    assert report["seconds"] > 0.1


def test_files_of_python_and_of_installed_packages_are_not_the_authors() -> None:
    import click

    import poe_asgi

    assert is_authors(str(write("bot.py").resolve()))
    for module in (json, click, poe_asgi):
        assert not is_authors(str(module.__file__))
    assert not is_authors("<frozen importlib._bootstrap>")


# ---- what is written


def greeting(**changes: Any) -> Greeting:
    bot = Bot("Relay", settings=Settings(allow_attachments=False))
    bot.uses("Claude-Sonnet-4.6", calls=2)
    values: dict[str, Any] = {
        "target": "my bot.py",
        "page_url": "http://127.0.0.1:8000/?token=t",
        "bot_url": "http://127.0.0.1:8001/",
        "made_key": "k" * 32,
        "key_from": "POE_ACCESS_KEY",
        "bots": [{"path": "/", "name": "Relay", "settings": bot.complete().to_wire()}],
        "path": "/",
        "others": STAND_INS,
    }
    return Greeting(**{**values, **changes})


def test_the_greeting_tells_what_is_on_and_ends_with_the_way_to_poe() -> None:
    text = unstyle(greeting().text())
    assert "no attachments, calls Claude-Sonnet-4.6 (2 times)" in text
    assert "poe-asgi check 'my bot.py'" in text
    assert text.index("curl -N") < text.index("poe-asgi check") < text.index("poe-asgi settings push")
    longest = max(len(line) for line in text.splitlines() if not line.startswith("curl"))
    assert longest <= 80


def test_a_key_that_was_given_is_not_shown() -> None:
    text = unstyle(greeting(made_key=None).text())
    assert "that of POE_ACCESS_KEY" in text
    assert '"Authorization: Bearer $POE_ACCESS_KEY"' in text
    assert "!" not in greeting().curl  # an interactive shell would look into its history


def test_settings_that_do_not_show_are_not_made_up() -> None:
    assert "dynamic, told by @bot.on_settings" in greeting(bots=[{"path": "/", "name": None, "settings": None}]).text()
    assert "not to be seen from here" in greeting(bots=[]).text()


def request(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "method": "POST",
        "path": "/",
        "type": "query",
        "status": 200,
        "first": 0.0312,
        "seconds": 1.236,
        "complete": True,
        "events": {"meta": 1, "text": 12, "file": 1, "done": 1},
        "error": None,
        "violations": [],
    }
    return {**values, **changes}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["→ query       200  first 31 ms, all 1.24 s  12 text, 1 file"]),
        ({"type": None, "method": "GET", "events": {}}, ["→ GET /       200  1.24 s"]),
        ({"status": 401, "events": {}}, ["✗ query       401  1.24 s"]),
        ({"complete": False}, ["→ query       200  first 31 ms, all 1.24 s  12 text, 1 file  the client left"]),
        (
            {"error": "No.", "events": {"error": 1}},
            ["✗ query       200  first 31 ms, all 1.24 s  1 error", "  the user reads: No."],
        ),
        (
            {"violations": [{"rule": "done-last", "level": "error", "detail": "x"}], "events": {"text": 1}},
            ["✗ query       200  first 31 ms, all 1.24 s  1 text", "! breaks done-last: x"],
        ),
        (
            {"violations": [{"rule": "suggested-replies", "level": "warning", "detail": "x"}], "events": {"text": 1}},
            ["→ query       200  first 31 ms, all 1.24 s  1 text", "! breaks suggested-replies: x"],
        ),
    ],
)
def test_a_request_is_one_line_and_what_is_wrong_stands_below(
    changes: dict[str, Any], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    request_line(request(**changes))
    written = [unstyle(line)[9:] for line in capsys.readouterr().out.splitlines()]
    assert [" ".join(line.split()) for line in written] == [" ".join(line.split()) for line in lines]


def test_times_are_short() -> None:
    assert [duration(each) for each in (0.0004, 0.0312, 0.9994, 1.236, 75)] == [
        "0 ms", "31 ms", "999 ms", "1.24 s", "75.00 s",
    ]  # fmt: skip


# ---- sockets and reports


def test_a_port_that_is_taken_is_told_or_passed_over() -> None:
    with listen() as first:
        port = first.getsockname()[1]
        with pytest.raises(Failure, match=f"Port {port} of 127.0.0.1 is taken. Choose another one with --port."):
            listen(port)
        with listen(port, next_free=True) as second:
            assert second.getsockname()[1] > port


def test_reports_that_nobody_reads_are_dropped() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Reports(writer).send("log", message="x")
    os.close(writer)
