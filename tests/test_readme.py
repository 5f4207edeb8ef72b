"""The README keeps its word: snippets run, commands exist, figures and output are the real ones."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from click import unstyle

from examples import echo
from poe_asgi import Limits
from poe_asgi.cli import main
from poe_asgi.cli._dev_greeting import BODY, STAND_INS, Greeting
from poe_asgi.local import FakePoe

from .server.serving import serving
from .snippets import ROOT, Snippet, links, place, run, snippets, stories, write_modules
from .support import KEY, ask, query

README = ROOT / "README.md"
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snippets that are files can be imported; no key of this machine is in the way."""
    for name in [name for name in os.environ if name.startswith("POE_")]:
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(tmp_path)
    for name in write_modules(README, tmp_path):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.asyncio
@pytest.mark.parametrize("story", stories(README), ids=place)
async def test_a_snippet_runs_and_its_bots_answer(story: list[Snippet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_ACCESS_KEY", KEY)
    monkeypatch.setenv("POE_API_KEY", "any")
    await run(story)


def commands() -> list[str]:
    lines = [line.split(" #")[0].strip() for snippet in snippets(README, "sh") for line in snippet.code.splitlines()]
    return [re.sub(r"^(\w+=\S+ )+", "", line) for line in lines if line]


def test_the_commands_are_of_kinds_that_are_checked_here() -> None:
    assert {command.split()[0] for command in commands()} == {"make", "pip", "poe-asgi", "python", "uvicorn"}


def test_make_has_the_targets() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {command.split()[1] for command in commands() if command.startswith("make ")}
    named |= set(re.findall(r"`make ([\w-]+)`", README.read_text(encoding="utf-8")))
    assert named >= {"run", "test"}
    assert named <= targets


def test_the_commands_of_poe_asgi_exist() -> None:
    named = {command.split()[1] for command in commands() if command.startswith("poe-asgi ")}
    assert named <= set(main.commands)
    assert named >= {"dev", "check", "run", "settings"}


def test_uvicorn_finds_the_apps() -> None:
    served = [command for command in commands() if command.startswith("uvicorn ")]
    apps = {word for command in served for word in command.split() if ":" in word}
    assert apps == {"poe_asgi.local:FakePoe"}
    for app in apps:
        module, _, name = app.partition(":")
        assert find_spec(module) is not None
        assert hasattr(import_module(module), name)


def test_make_run_prints_what_is_shown() -> None:
    shown = next(text.code for text in snippets(README, "text") if "curl" in text.code)
    url, key = "http://127.0.0.1:8000", "0123456789abcdef0123456789abcdef"
    greeting = Greeting(
        target="examples/echo.py",
        page_url=f"{url}/?token=x2VJ9uQmXwbT1h0fC3yZ5kLpRdSgAeNq",
        bot_url="http://127.0.0.1:8001/",
        made_key=key,
        key_from="",
        bots=[{"path": "/", "name": None, "settings": echo.bot.complete().to_wire()}],
        path="/",
        others=STAND_INS,
    )
    assert shown == f"{unstyle(greeting.text())}\n"


@pytest.mark.asyncio
async def test_the_stream_that_is_shown_is_the_one_that_comes() -> None:
    shown = next(text.code for text in snippets(README, "text") if "event: meta" in text.code)
    exchange = await ask(echo.bot, BODY.encode())
    assert exchange.body.decode().replace("\r\n", "\n").strip() == shown.strip()


def test_a_model_answers_at_the_local_poe_as_it_is_shown(tmp_path: Path) -> None:
    shown = next(text.code for text in snippets(README, "text") if "this is a stand-in" in text.code)
    (line,) = re.findall(r"^POE_BASE_URL=.+ python .+$", README.read_text(encoding="utf-8"), re.MULTILINE)
    *variables, _, script = shlex.split(line)
    with serving(FakePoe()) as port:
        given = dict(each.replace(":9000", f":{port}").split("=", 1) for each in variables)
        result = subprocess.run(
            [sys.executable, "-W", "error", script],
            cwd=tmp_path,
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", shown)


def test_the_limits_and_their_defaults_are_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    limits = Limits()
    assert dict(rows) == {each.name: f"{getattr(limits, each.name):,}" for each in fields(limits)}


def test_every_example_is_named() -> None:
    text = README.read_text(encoding="utf-8")
    assert [name for name in EXAMPLES if f"(examples/{name})" not in text] == []


def test_every_guide_is_linked() -> None:
    text = README.read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name})" not in text] == []


def test_the_tour_has_every_command() -> None:
    tour = README.read_text(encoding="utf-8").partition("## A tour of one minute")[2].partition("\n## ")[0]
    assert [name for name in main.commands if f"`poe-asgi {name}" not in tour] == []


def test_links_lead_somewhere() -> None:
    assert [link for link in links(README) if not link.exists()] == []


@pytest.mark.asyncio
async def test_an_unexpected_error_reads_as_it_is_shown() -> None:
    from examples import errors

    exchange = await ask(errors.bot, query("bug"))
    assert exchange.reader.error is not None
    text = re.sub(r"error [0-9a-f]{8}", "error 1f3a5c7e", exchange.reader.error.text)
    assert f"`{text}`" in README.read_text(encoding="utf-8")
