"""`.env` files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poe_asgi.cli._env import find_env_file, missing_from_environment, read_env_file
from poe_asgi.cli._exits import Failure

from .support import write


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME = value # a comment", "value"),
        ("NAME=a#b", "a#b"),
        ("NAME=", ""),
        ("NAME= # nothing", ""),
        ('NAME="a # b\\n\\"c\\""  # a comment', 'a # b\n"c"'),
        ("NAME='a \\n b'", "a \\n b"),
        ("NAME=two words", "two words"),
        ("\ufeffNAME=value", "value"),
    ],
)
def test_a_line_is_read_as_shells_and_other_tools_read_it(line: str, value: str) -> None:
    assert read_env_file(write(".env", f"{line}\n")) == {"NAME": value}


def test_comments_and_empty_lines_are_left_out() -> None:
    assert read_env_file(write(".env", "# A=1\n\n  # B=2\nC=3\n")) == {"C": "3"}


@pytest.mark.parametrize("line", ["just words", "1A=x", 'A="open', "A='open", "=x"])
def test_a_line_that_cannot_be_read_is_named_and_never_shown(line: str) -> None:
    with pytest.raises(Failure) as caught:
        read_env_file(write(".env", f"A=1\n{line}\n"))
    assert ".env, line 2" in caught.value.message
    assert line not in caught.value.message


def test_what_is_set_already_stays() -> None:
    os.environ["POE_API_KEY"] = "mine"
    assert missing_from_environment({"POE_API_KEY": "theirs", "OTHER_NAME": "x"}) == {"OTHER_NAME": "x"}


def test_the_file_of_the_current_folder_comes_before_the_one_beside_the_bot() -> None:
    assert find_env_file(Path("shop")) is None
    beside = write("shop/.env", "")
    assert find_env_file(Path("shop").resolve()) == beside.resolve()
    here = write(".env", "")
    assert find_env_file(Path("shop").resolve()) == here.resolve()
