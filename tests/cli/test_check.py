"""``check``: the checker, wired to the command line."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from poe_asgi.checker import BROKEN, CLEAN, COULD_NOT_CHECK
from poe_asgi.cli._exits import Exit

from .support import ECHO, invoke, write

# It answers without looking at the key, and ends without `done`.
CARELESS = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    body = b'event: meta\\r\\ndata: {"content_type": "text/plain"}\\r\\n\\r\\nevent: text\\r\\ndata: {"text": "x"}\\r\\n\\r\\n'
    await send({"type": "http.response.body", "body": body})
"""


def test_a_bot_of_this_package_is_clean() -> None:
    write("bot.py", f"{ECHO}\n\napp = create_app(bot)\n")
    result = invoke("check", "bot.py")
    assert result.exit_code == CLEAN, result.output
    assert "All is well" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_report_names_the_bot_as_it_was_named() -> None:
    write("bot.py")
    write("two.py", f'{ECHO}\n\napp = create_app({{"/a": bot, "/b": bot}})\n')
    assert json.loads(invoke("check", "bot.py", "--fast", "--json").stdout)["target"] == "bot.py"
    assert json.loads(invoke("check", "two.py", "--fast", "--json", "--path", "/b").stdout)["target"] == "two.py at /b"


def test_what_the_author_prints_is_no_part_of_the_report() -> None:
    write("bot.py", "print('loading')\n" + ECHO.replace("yield ctx.text", "print('asked')\n    yield ctx.text"))
    result = invoke("check", "bot.py", "--fast", "--json")
    assert json.loads(result.stdout)["exit_code"] == CLEAN
    assert "loading\n" in result.stderr
    assert "asked\n" in result.stderr


def test_the_calls_of_the_bot_do_not_reach_poe() -> None:
    relay = ECHO.replace("yield ctx.text", 'yield ctx.poe.stream("Claude-Sonnet-4.6")')
    write("relay.py", relay.replace("@bot.query", 'bot.uses("Claude-Sonnet-4.6")\n\n\n@bot.query'))
    assert invoke("check", "relay.py", "--fast").exit_code == CLEAN


def test_what_is_broken_is_named_in_each_form() -> None:
    write("careless.py", CARELESS)
    text = invoke("check", "careless.py", "--fast")
    assert text.exit_code == BROKEN
    assert "key-missing" in text.stdout
    told = json.loads(invoke("check", "careless.py", "--fast", "--json").stdout)
    assert "key-missing" in json.dumps(told)
    junit = invoke("check", "careless.py", "--fast", "--junit", "-o", "report.xml")
    assert (junit.exit_code, junit.stdout) == (BROKEN, "")
    assert list(ET.parse("report.xml").iter("failure"))


def test_what_is_expected_is_no_failure() -> None:
    write("careless.py", CARELESS)
    found = json.loads(invoke("check", "careless.py", "--fast", "--json").stdout)["findings"]
    write("known.txt", "".join(f"{each['rule']}: we know\n" for each in found))
    assert invoke("check", "careless.py", "--fast", "--expected", "known.txt").exit_code == CLEAN
    write("known.txt", "no-such-rule: x\n")
    wrong = invoke("check", "careless.py", "--expected", "known.txt")
    assert wrong.exit_code == Exit.SETUP
    assert "known.txt, line 1: there is no rule" in wrong.output


def test_one_of_several_bots_is_checked_by_its_path() -> None:
    write("two.py", f'{ECHO}\n\napp = create_app({{"/a": bot, "/b": bot}})\n')
    assert "at /a" in invoke("check", "two.py", "--fast").stdout
    assert "at /b" in invoke("check", "two.py", "--fast", "--path", "/b").stdout


def test_nothing_to_check_has_exit_codes_of_its_own() -> None:
    assert invoke("check", "http://127.0.0.1:9/", "--fast").exit_code == COULD_NOT_CHECK
    assert invoke("check", "nobody.py").exit_code == Exit.NOT_LOADED


@pytest.mark.parametrize("output", ["/nowhere/at/all.txt"])
def test_a_file_that_cannot_be_written_is_told(output: str) -> None:
    write("bot.py")
    result = invoke("check", "bot.py", "--fast", "-o", output)
    assert result.exit_code == Exit.SETUP
    assert not Path(output).exists()
