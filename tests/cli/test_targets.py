"""TARGET: what is found, and how the ways to fail are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from poe_asgi import Bot
from poe_asgi.cli._exits import Exit
from poe_asgi.cli._target import LoadError, load, parse_target

from .support import ECHO, write


def failure(text: str) -> LoadError:
    with pytest.raises(LoadError) as caught:
        load(parse_target(text)).app()
    assert caught.value.exit_code == Exit.NOT_LOADED
    return caught.value


@pytest.mark.parametrize("text", ["talker.py", "./talker.py", "talker", "talker:bot", "talker.py:bot"])
def test_a_bot_is_found_by_its_file_and_by_its_module(text: str) -> None:
    write("talker.py")
    loaded = load(parse_target(text))
    assert isinstance(loaded.value, Bot)
    assert loaded.name == "bot"


def test_the_app_is_served_where_there_are_both() -> None:
    write("both.py", f"{ECHO}\n\napp = create_app(bot)\n")
    assert load(parse_target("both.py")).name == "app"


def test_any_asgi_app_will_do() -> None:
    write("plain.py", "async def app(scope, receive, send):\n    pass\n")
    assert load(parse_target("plain.py")).app() is load(parse_target("plain.py")).value


def test_a_file_in_a_package_is_imported_as_a_part_of_it() -> None:
    write("shop/__init__.py", "")
    write("shop/words.py", "NAME = 'Shop'\n")
    write("shop/clerk.py", ECHO.replace('"Echo"', "NAME").replace("from poe", "from .words import NAME\nfrom poe", 1))
    assert load(parse_target("shop/clerk.py")).value.name == "Shop"
    assert parse_target("shop/clerk.py").module == "shop.clerk"


def test_a_file_can_import_what_stands_beside_it() -> None:
    write("deep/down/helper_of_the_bot.py", "NAME = 'Deep'\n")
    write(
        "deep/down/lone.py",
        ECHO.replace('"Echo"', "NAME").replace("from poe", "from helper_of_the_bot import NAME\nfrom poe", 1),
    )
    assert load(parse_target("deep/down/lone.py")).value.name == "Deep"


def test_a_file_that_is_not_there_brings_up_those_that_are() -> None:
    write("talker.py")
    assert failure("taker.py").message == "There is no file taker.py. Did you mean 'talker.py'?"
    assert "In that folder there is talker.py." in failure("xyz.py").message


def test_only_files_of_a_similar_name_are_suggested() -> None:
    for name in ("shop", "echo", "exits", "raises", "number", "typo"):
        write(f"{name}.py")
    assert "There is no file schop.py. Did you mean 'shop.py'?" in failure("schop.py").message
    assert "Did you mean" not in failure("bots.py").message
    assert "No bot is named" in failure("").message


def test_a_folder_is_no_target() -> None:
    write("shop/__init__.py", "")
    write("shop/clerk.py")
    assert failure("shop").message == "shop is a folder. Name the file of the bot: shop/clerk.py"


def test_a_missing_module_is_told_from_a_missing_import() -> None:
    write("talker.py")
    missing = failure("talkr:bot")
    assert missing.message.startswith("There is no module 'talkr'")
    assert "Did you mean 'talker.py'?" in missing.message
    assert missing.details == ""

    write("wants.py", "import surely_not_installed\n")
    import_ = failure("wants.py")
    assert import_.message.startswith("wants.py, line 1: it imports 'surely_not_installed', which is not there.")
    assert "install it into this environment" in import_.message
    assert "import surely_not_installed" in import_.details


def test_a_missing_attribute_names_what_is_there() -> None:
    write("other.py", ECHO.replace("bot = Bot", "talker = Bot").replace("@bot", "@talker"))
    assert failure("other.py").message == (
        "other.py has no `app` and no `bot`. It has talker (a Bot): write other.py:talker"
    )
    assert "Did you mean 'talker'?" in failure("other.py:talkr").message
    write("empty_module.py", "")
    assert "A bot is made with" in failure("empty_module.py").message


def test_an_error_inside_is_shown_where_it_was_raised() -> None:
    write("broken.py", "def divide():\n    return 1 / 0\n\n\ndivide()\n")
    error = failure("broken.py")
    assert error.message.startswith("broken.py, line 2: ZeroDivisionError: division by zero.")
    assert [line.split(",")[0] for line in error.details.splitlines() if line.startswith("  File")] == [
        f'  File "{Path("broken.py").resolve()}"'
    ] * 2


def test_an_error_of_syntax_is_shown_with_its_line() -> None:
    write("odd.py", "x = 1\ny = (\n")
    error = failure("odd.py")
    assert error.message.startswith("odd.py, line 2: '(' was never closed.")
    assert "    y = (" in error.details
    assert "importlib" not in error.details


def test_a_mistake_in_the_bot_reads_as_this_package_words_it() -> None:
    write("typo.py", "from poe_asgi import Bot, Settings\nbot = Bot(settings=Settings(introduction='Hi.'))\n")
    message = failure("typo.py").message
    assert message == (
        "typo.py, line 2: Settings() has no argument 'introduction'. Did you mean 'introduction_message'?"
    )


def test_a_bot_without_a_handler_is_no_bot_to_serve() -> None:
    write("mute.py", "from poe_asgi import Bot\nbot = Bot('Mute')\n")
    assert "has no handler: decorate an async generator" in failure("mute.py").message


def test_a_module_that_exits_is_told_how_not_to() -> None:
    write("exits.py", "import sys\nsys.exit(0)\n")
    assert "if __name__ == '__main__'" in failure("exits.py").message


def test_a_file_named_like_a_module_of_python_is_to_be_renamed() -> None:
    write("json.py")
    assert failure("json.py").message.endswith("has a module 'json'. Rename the file.")


@pytest.mark.parametrize(("line", "kind"), [("app = 5", "an int"), ("class app: ...", "a class")])
def test_what_is_no_app_is_named(line: str, kind: str) -> None:
    write("wrong_kind.py", f"{line}\n")
    assert f"wrong_kind.py:app is {kind}, neither a Bot nor an ASGI app." in failure("wrong_kind.py").message


def test_a_factory_is_told_to_be_called() -> None:
    write("factory.py", "def app():\n    return None\n")
    assert "keep what it returns: app = make_app()" in failure("factory.py").message


def test_what_is_neither_a_file_nor_a_module_is_refused() -> None:
    assert "is neither a Python file nor a module:attribute" in failure("my bot").message
