"""The key that calls are signed with."""

from __future__ import annotations

import pytest

from poe_asgi import ConfigurationError
from poe_asgi.client import Connection


def test_white_space_around_a_key_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", "from-a-file\n")
    assert Connection().key() == "from-a-file"
    assert Connection(api_key=" given ").key() == "given"


@pytest.mark.parametrize("key", ["", " ", None])
def test_without_a_key_both_places_for_one_are_named(key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="pass api_key=, or set POE_API_KEY"):
        Connection(api_key=key).key()


@pytest.mark.parametrize("key", ["schlüssel", "one\ntwo", "…"])
def test_a_key_that_cannot_be_sent_is_told_without_repeating_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="copy it once more") as caught:
        Connection(api_key=key).key()
    assert key not in str(caught.value)
