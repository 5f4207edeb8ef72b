"""docs/cli.md and the help say what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from poe_asgi.cli import main
from poe_asgi.cli._chat_session import HELP
from poe_asgi.cli._exits import Exit

from ..snippets import table
from .support import ROOT, invoke

PAGE = ROOT / "docs/cli.md"


def commands(group: click.Group = main, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


def options(command: click.Command) -> set[str]:
    """The long names of its options."""
    found = [each for each in command.params if isinstance(each, click.Option)]
    return {name for each in found for name in [*each.opts, *each.secondary_opts] if name.startswith("--")}


def test_the_page_has_every_command_in_the_order_of_the_help() -> None:
    headings = re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading for heading in headings if heading in main.commands] == list(main.commands)


@pytest.mark.parametrize("name", [name for name in main.commands if name != "settings"])
def test_the_page_has_every_option(name: str) -> None:
    number = 2 if name == "chat" else 1  # the first table there is what one types
    told = {row[0].strip("`") for row in table(PAGE, name, number)}
    assert told == options(main.commands[name])


def test_the_page_has_every_option_of_settings() -> None:
    told = {(name, row[0].strip("`")) for row in table(PAGE, "settings") for name in row[1].split(", ")}
    found = {(path[1], option) for path, command in commands() if len(path) == 2 for option in options(command)}
    assert told == found


def test_the_page_has_what_can_be_typed_in_a_chat() -> None:
    assert [row[0].strip("`") for row in table(PAGE, "chat")] == list(HELP)


def test_the_page_has_the_exit_codes() -> None:
    assert [int(row[0]) for row in table(PAGE, "Exit codes")] == sorted(Exit)


@pytest.mark.parametrize("path", [(), *(path for path, _ in commands())], ids=" ".join)
@pytest.mark.parametrize("width", [80, 120])
def test_the_help_fits_and_has_a_word_on_everything(path: tuple[str, ...], width: int) -> None:
    result = invoke(*path, "--help", COLUMNS=str(width))
    assert result.exit_code == Exit.OK
    assert max(len(line) for line in result.output.splitlines()) <= min(width, 100)
    assert "..." not in result.output.replace("[OPTIONS] COMMAND [ARGS]...", "").replace("[WORD]...", "")
    command = dict(commands()).get(path, main)
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_no_arguments_are_the_help_and_wrong_ones_are_told() -> None:
    assert "Commands:" in invoke().output
    wrong = invoke("develop")
    assert wrong.exit_code == Exit.USAGE
    assert "No such command" in wrong.output
    for port in ("eighty", "-1", "65536", "8000.5"):
        assert invoke("dev", "bot.py", "--port", port).exit_code == Exit.USAGE


def test_python_m_is_the_same_command() -> None:
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-P", "-m", "poe_asgi.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert re.fullmatch(r"poe-asgi, version [\d.]+\n", result.stdout)
