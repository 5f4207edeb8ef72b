"""``settings``: shown, compared, pushed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from poe_asgi.cli._exits import Exit
from poe_asgi.client import Upstream, upstream_everywhere
from poe_asgi.local import FakePoe

from .support import ECHO, invoke, write

KEY = "0123456789abcdef0123456789abcdef"
DYNAMIC = ECHO.replace(', settings=Settings(introduction_message="Say something.")', "") + (
    "\n\n@bot.on_settings\nasync def settings(ctx):\n    return Settings(introduction_message='Dynamic.')\n"
)
FOREIGN = """\
import json

SETTINGS = {"response_version": 2, "introduction_message": "Hi.", "parameter_controls": {"sections": [{"controls": 5}]}}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(SETTINGS).encode()})
"""


@pytest.fixture
def poe() -> Iterator[FakePoe]:
    os.environ["POE_ACCESS_KEY"] = KEY
    fake = FakePoe()
    with upstream_everywhere(Upstream("http://poe.test", fake.transport())):
        yield fake


def test_settings_are_shown_dynamic_ones_too() -> None:
    write("bot.py")
    write("dynamic.py", DYNAMIC)
    assert "introduction_message: Say something." in invoke("settings", "show", "bot.py").output
    shown = json.loads(invoke("settings", "show", "dynamic.py", "--json").stdout)
    assert shown["introduction_message"] == "Dynamic."
    assert shown["response_version"] == 2


def test_what_poe_would_not_take_is_told() -> None:
    write("foreign.py", FOREIGN)
    result = invoke("settings", "show", "foreign.py")
    assert result.exit_code == Exit.OK
    assert "Poe would not take all of it: parameter_controls" in result.stderr


def test_two_bots_are_compared() -> None:
    write("bot.py")
    write("dynamic.py", DYNAMIC)
    alike = invoke("settings", "diff", "bot.py", "bot.py")
    assert (alike.exit_code, alike.output) == (Exit.OK, "They are alike.\n")
    other = invoke("settings", "diff", "bot.py", "dynamic.py")
    assert other.exit_code == Exit.NEGATIVE
    assert other.output == 'introduction_message\n  - "Say something."\n  + "Dynamic."\n'
    told = json.loads(invoke("settings", "diff", "bot.py", "dynamic.py", "--json").stdout)
    assert told == {"introduction_message": {"first": "Say something.", "second": "Dynamic."}}


def test_settings_are_pushed_with_the_key_and_the_name_of_the_bot(poe: FakePoe) -> None:
    write("bot.py")
    result = invoke("settings", "push", "bot.py")
    assert (result.exit_code, result.output) == (Exit.OK, "Poe has the settings of Echo.\n")
    assert [(each.bot, each.kind, each.stored.introduction_message) for each in poe.settings] == [
        ("Echo", "update", "Say something.")
    ]
    assert KEY not in result.output
    invoke("settings", "push", "bot.py", "--name", "Echo-2")
    assert poe.settings[-1].bot == "Echo-2"


def test_dynamic_settings_are_fetched_by_poe(poe: FakePoe) -> None:
    write("dynamic.py", DYNAMIC)
    refused = invoke("settings", "push", "dynamic.py")
    assert refused.exit_code == Exit.SETUP
    assert "--fetch" in refused.output
    result = invoke("settings", "push", "dynamic.py", "--fetch")
    assert result.exit_code == Exit.UPSTREAM  # nobody stands behind that name here


def test_without_a_key_or_a_name_it_says_what_is_missing(poe: FakePoe) -> None:
    del os.environ["POE_ACCESS_KEY"]
    write("bot.py")
    assert "set POE_ACCESS_KEY, or give --key" in invoke("settings", "push", "bot.py").output
    write("nameless.py", ECHO.replace('"Echo", ', ""))
    result = invoke("settings", "push", "nameless.py", "--key", KEY)
    assert result.exit_code == Exit.SETUP
    assert "--name" in result.output


def test_of_several_bots_one_is_named_by_its_path(poe: FakePoe) -> None:
    write("two.py", f'{ECHO}\n\napp = create_app({{"/a": bot, "/b": bot}})\n')
    assert "name one with --path (/a, /b)" in invoke("settings", "push", "two.py").output
    assert invoke("settings", "push", "two.py", "--path", "/b").exit_code == Exit.OK
    assert "There is no bot at /c." in invoke("settings", "push", "two.py", "--path", "/c").output


def test_what_the_author_prints_is_no_part_of_the_outcome(poe: FakePoe) -> None:
    write("bot.py", f"print('loading')\n{ECHO}")
    pushed = invoke("settings", "push", "bot.py", "--json")
    assert json.loads(pushed.stdout)["differences"] == []
    assert pushed.stderr == "loading\n"
