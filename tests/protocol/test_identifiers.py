"""Identifiers: made strictly, checked when asked, with and without the equals sign that sources disagree on."""

from __future__ import annotations

import re

import pytest

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._identifiers import is_valid_identifier, new_identifier

SEEN_IN_THE_WILD = "m-000000xy92nqlva9wbmbul5ugqbtfqos"


def test_a_published_identifier_is_valid() -> None:
    assert is_valid_identifier(SEEN_IN_THE_WILD)
    assert is_valid_identifier("abc-" + "a0=" * 10 + "==")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "m-",
        "user",
        "m-a123456789012345",  # as in official sample bodies
        SEEN_IN_THE_WILD + "a",
        SEEN_IN_THE_WILD + "\n",
        "\n" + SEEN_IN_THE_WILD,
        SEEN_IN_THE_WILD.upper(),
        SEEN_IN_THE_WILD.replace("-", "_"),
        SEEN_IN_THE_WILD[1:],
        "abcd-" + "a" * 32,
        "m-" + "é" * 32,
        "m-" + "٣" * 32,
    ],
)
def test_anything_else_is_not(value: str) -> None:
    assert not is_valid_identifier(value)


def test_a_tag_that_is_asked_for_must_match() -> None:
    assert is_valid_identifier(SEEN_IN_THE_WILD, "m")
    assert not is_valid_identifier(SEEN_IN_THE_WILD, "u")
    assert not is_valid_identifier("mm-" + "a" * 32, "m")
    assert not is_valid_identifier(SEEN_IN_THE_WILD, "")


@pytest.mark.parametrize("tag", ["m", "u", "c", "d", "xyz"])
def test_a_new_identifier_is_valid_and_has_no_equals_sign(tag: str) -> None:
    made = new_identifier(tag)
    assert is_valid_identifier(made, tag)
    assert re.fullmatch(tag + "-[a-z0-9]{32}", made)


def test_new_identifiers_differ() -> None:
    assert len({new_identifier("m") for _ in range(100)}) == 100


@pytest.mark.parametrize("tag", ["", "M", "abcd", "m-", "m\n", "é", "1"])
def test_a_tag_that_cannot_be_is_refused(tag: str) -> None:
    with pytest.raises(ConfigurationError, match="one to three letters"):
        new_identifier(tag)
