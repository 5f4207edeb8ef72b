"""``ask`` and ``models``, against a local Poe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from poe_asgi.cli._exits import Exit
from poe_asgi.client import Upstream, upstream_everywhere
from poe_asgi.local import Cut, FakePoe, Script, http_error

from .support import invoke


@pytest.fixture(autouse=True)
def poe() -> Iterator[FakePoe]:
    os.environ["POE_API_KEY"] = "any-key-will-do"
    fake = FakePoe()
    with upstream_everywhere(Upstream("http://poe.test", fake.transport())):
        yield fake


# ---- ask


def test_the_answer_is_written_as_it_comes(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", Script("Because ", "of the air."))
    result = invoke("ask", "GPT-5-mini", "Why is the sky blue?")
    assert (result.exit_code, result.stdout) == (Exit.OK, "Because of the air.\n")
    assert [(call.bot, call.text) for call in poe.calls] == [("GPT-5-mini", "Why is the sky blue?")]


def test_what_is_piped_in_goes_after_the_question(poe: FakePoe) -> None:
    invoke("ask", "GPT-5-mini", "Sum it up:", stdin="one\ntwo\n")
    invoke("ask", "GPT-5-mini", stdin="Only this.\n")
    assert [call.text for call in poe.calls] == ["Sum it up:\n\none\ntwo", "Only this."]


def test_a_system_message_and_the_usage(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", Script("Hi", usage={"prompt_tokens": 1234, "completion_tokens": 5}))
    result = invoke("ask", "GPT-5-mini", "Hello", "--system", "Be terse.", "--usage")
    assert [message.role for message in poe.calls[0].request.query] == ["system", "user"]
    assert "1,234 tokens in, 5 out" in result.stderr
    assert result.stdout == "Hi\n"


def test_json_is_one_object(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", Script("Hi"))
    answer = json.loads(invoke("ask", "GPT-5-mini", "Hello", "--json").stdout)
    assert answer["text"] == "Hi"
    assert set(answer["usage"]) >= {"input_tokens", "output_tokens"}


def test_no_question_is_wrong_usage() -> None:
    result = invoke("ask", "GPT-5-mini")
    assert result.exit_code == Exit.USAGE
    assert "There is no question" in result.output


def test_without_a_key_it_says_which_to_set() -> None:
    del os.environ["POE_API_KEY"]
    result = invoke("ask", "GPT-5-mini", "Hello")
    assert result.exit_code == Exit.SETUP
    assert "POE_API_KEY" in result.output


def test_what_goes_wrong_at_poe_has_its_own_exit_code(poe: FakePoe) -> None:
    poe.bad_key()
    refused = invoke("ask", "GPT-5-mini", "Hello")
    assert refused.exit_code == Exit.UPSTREAM
    assert "any-key-will-do" not in refused.output
    poe.recovered()
    poe.bot("GPT-5-mini", Script("Because of", Cut()))
    cut = invoke("ask", "GPT-5-mini", "Hello")
    assert cut.exit_code == Exit.UPSTREAM
    assert cut.stdout == "Because of\n"
    poe.bot("GPT-5-mini", http_error(402))
    assert invoke("ask", "GPT-5-mini", "Hello").exit_code == Exit.UPSTREAM


# ---- models


def listed(poe: FakePoe) -> None:
    poe.bot("Claude-Sonnet-4.6", "x")
    poe.bot("Painter-2", "x")
    poe.models["claude-sonnet-4.6"] = {
        "owned_by": "Anthropic",
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "supported_features": ["tools"],
        "pricing": {"prompt": "0.000003", "completion": "0.000015"},
        "context_window": {"context_length": 200_000},
    }
    poe.models["painter-2"] = {
        "owned_by": "Somebody",
        "description": "Makes pictures.",
        "supported_features": [],
        "architecture": {"input_modalities": ["text"], "output_modalities": ["image"]},
        "pricing": {"image": "0.04"},
    }


def test_models_are_a_table(poe: FakePoe) -> None:
    listed(poe)
    result = invoke("models", COLUMNS="120")
    assert result.exit_code == Exit.OK
    rows = {
        line.split()[0]: " ".join(line.split())
        for line in result.stdout.splitlines()
        if " → " in line and "Model" not in line
    }
    assert rows["claude-sonnet-4.6"] == "claude-sonnet-4.6 Anthropic text, image → text 200 k 3.00 / 15.00 tools"
    assert rows["painter-2"] == "painter-2 Somebody text → image 0.04 image"
    assert "2 of 2 models" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["pictures"], ["painter-2"]),
        (["SONNET", "anthropic"], ["claude-sonnet-4.6"]),
        (["--output", "image"], ["painter-2"]),
        (["--input", "text", "--input", "image"], ["claude-sonnet-4.6"]),
        (["--feature", "tools"], ["claude-sonnet-4.6"]),
    ],
)
def test_models_can_be_filtered(poe: FakePoe, arguments: list[str], names: list[str]) -> None:
    listed(poe)
    result = invoke("models", *arguments, "--json")
    assert [each["id"] for each in json.loads(result.stdout)] == names


def test_no_model_that_fits_is_an_exit_code(poe: FakePoe) -> None:
    listed(poe)
    result = invoke("models", "nothing-like-this")
    assert result.exit_code == Exit.NEGATIVE
    assert result.stdout == ""
    assert "0 of 2 models" in result.stderr


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rich", None)
    result = invoke("models")
    assert result.exit_code == Exit.SETUP
    assert result.output == 'Error: This command needs rich. Install it: pip install "poe-asgi[dev]"\n'
