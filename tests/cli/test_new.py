"""``new``: the project it makes works as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from poe_asgi.cli._exits import Exit
from poe_asgi.cli._new import FILES
from poe_asgi.cli._target import load, parse_target

from .support import ROOT, SECONDS, invoke


def test_the_tests_of_a_new_project_pass() -> None:
    assert invoke("new", "my-first_bot").exit_code == Exit.OK
    # Without anyio's own plugin: an older one warns on being loaded by a newer pytest.
    without = ["-p", "no:cacheprovider", "-p", "no:anyio"]
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-W", "error", *without],
        cwd="my-first_bot",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 passed" in result.stdout


def test_the_bot_has_the_name_of_the_folder_or_the_one_that_is_given() -> None:
    invoke("new", "my-first_bot")
    assert load(parse_target("my-first_bot/bot.py:bot")).value.name == "MyFirstBot"
    invoke("new", "other", "--name", "Shout-2")
    assert 'Bot(\n    "Shout-2",' in Path("other/bot.py").read_text()
    assert 'modal.App("shout-2")' in Path("other/modal_app.py").read_text()


def test_every_template_becomes_a_file_and_nothing_is_left_to_fill_in() -> None:
    invoke("new", "made")
    made = {path.name for path in Path("made").iterdir()}
    assert made == set(FILES.values())
    assert all("$" not in path.read_text() for path in Path("made").iterdir())
    tomllib.loads(Path("made/pyproject.toml").read_text())
    compile(Path("made/modal_app.py").read_text(), "modal_app.py", "exec")


def test_the_next_steps_are_told() -> None:
    output = invoke("new", "made").output
    assert "cd made\n" in output
    assert "poe-asgi dev bot.py" in output


def test_nothing_is_overwritten() -> None:
    Path("made").mkdir()
    Path("made/bot.py").write_text("mine")
    result = invoke("new", "made")
    assert result.exit_code == Exit.SETUP
    assert "made has bot.py already" in result.output
    assert [path.name for path in Path("made").iterdir()] == ["bot.py"]
    assert Path("made/bot.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["a b", '"', "9lives", "ü"])
def test_a_name_that_is_no_handle_is_refused(name: str) -> None:
    result = invoke("new", "made", "--name", name)
    assert result.exit_code == Exit.SETUP
    assert "Choose one with --name." in result.output
    assert not Path("made").exists()


@pytest.mark.parametrize("name", ["häßlich", "über", "my-cafe\N{COMBINING ACUTE ACCENT}", "机器人", "9lives"])
def test_no_handle_is_made_by_dropping_letters_of_the_folder(name: str) -> None:
    result = invoke("new", name)
    assert result.exit_code == Exit.SETUP
    assert "Choose one with --name." in result.output
    assert not Path(name).exists()
    assert invoke("new", name, "--name", "Shout").exit_code == Exit.OK
    assert 'Bot(\n    "Shout",' in Path(name, "bot.py").read_text()
