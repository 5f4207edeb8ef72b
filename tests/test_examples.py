"""Every example is served and does what it is there to show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples import (
    attachments,
    echo,
    errors,
    every_event,
    memory,
    mounted_in_fastapi,
    options,
    resource,
    several_bots,
    two_doors,
)
from poe_asgi.protocol import (
    Data,
    Done,
    ErrorEvent,
    File,
    Meta,
    ReplaceResponse,
    ResponseReader,
    SuggestedReply,
    Text,
)

from . import test_examples_calling
from .support import Exchange, query

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POE_ACCESS_KEY")]:
        monkeypatch.delenv(name)


async def asked(module: Any, body: object, path: str = "/") -> Exchange:
    """The example's app, started and stopped as a server does, answers one query; its stream is judged."""
    async with module.app.router.lifespan_context(module.app):
        exchange = await Exchange().run(module.app, body, path=path)
    assert exchange.status == 200
    assert exchange.reader.clean, exchange.reader.violations
    return exchange


async def settings_of(module: Any) -> dict[str, Any]:
    exchange = await Exchange().run(module.app, {"type": "settings"})
    assert exchange.status == 200
    settings: dict[str, Any] = exchange.json
    return settings


def test_every_example_has_a_test_that_begins_with_its_name() -> None:
    names = [*globals(), *vars(test_examples_calling)]
    tests = [name.removeprefix("test_") for name in names if name.startswith("test_")]
    assert [name for name in EXAMPLES if not any(test.startswith(f"{name}_") for test in tests)] == []


@pytest.mark.asyncio
async def test_echo_says_what_it_was_told() -> None:
    exchange = await asked(echo, query("Grüße, \u2028 and a lone \ud83d"))
    assert exchange.text == "Grüße, \u2028 and a lone \ufffd"
    assert (await asked(echo, query(""))).text == ""


@pytest.mark.asyncio
async def test_every_event_arrives_in_the_order_it_was_yielded() -> None:
    exchange = await asked(every_event, query("ASGI"))
    assert exchange.events == [
        Meta(),
        Text("A string is text. So is this event.\n\n# Thinking of a headline"),
        ReplaceResponse("A string is text. So is this event.\n\n# All about ASGI\n\n"),
        File(url="https://example.com/plot.png", name="plot.png", content_type="image/png", inline_ref="plot"),
        Text("![A plot][plot]"),
        Data("shown"),
        SuggestedReply("Again"),
        SuggestedReply("Something else"),
        Done(),
    ]
    assert exchange.reader.violations == []
    assert exchange.text == "A string is text. So is this event.\n\n# All about ASGI\n\n![A plot][plot]"


@pytest.mark.asyncio
async def test_options_are_controls_at_poe() -> None:
    settings = await settings_of(options)
    assert settings["introduction_message"] == "Choose a voice and say something."
    assert settings["allow_attachments"] is False
    plain, signature = settings["parameter_controls"]["sections"]
    assert [control["control"] for control in plain["controls"]] == ["drop_down", "slider"]
    assert plain["controls"][1]["label"] == "How often"
    assert (signature["name"], signature["collapsed_by_default"]) == ("Signature", True)
    switch, condition = signature["controls"]
    assert (switch["control"], condition["control"]) == ("toggle_switch", "condition")
    assert condition["controls"][0]["placeholder"] == "Your name"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        ({}, "Well said"),
        ({"voice": "loud", "times": 2}, "WELL SAID WELL SAID"),
        ({"voice": "quiet", "signed": True, "name": "Ada"}, "well said\n\nAda"),
        ({"signed": True, "undeclared": [1]}, "Well said\n\nAnonymous"),
    ],
)
async def test_options_shape_the_answer(parameters: dict[str, Any], answer: str) -> None:
    exchange = await asked(options, query("Well said", message={"parameters": parameters}))
    assert exchange.text == answer


@pytest.mark.asyncio
@pytest.mark.parametrize("parameters", [{"times": 6}, {"voice": "shrill"}, {"signed": "perhaps"}])
async def test_options_that_do_not_fit_are_the_users_error(parameters: dict[str, Any]) -> None:
    exchange = await asked(options, query("Well said", message={"parameters": parameters}))
    assert exchange.reader.error is not None
    assert exchange.reader.error.error_type == "user_caused_error"
    assert repr(next(iter(parameters))) in exchange.reader.error.text


@pytest.mark.asyncio
async def test_attachments_are_put_into_the_prompt_and_come_back() -> None:
    sent = [
        {
            "url": "https://example.com/1",
            "content_type": "text/plain",
            "name": "notes.txt",
            "parsed_content": "Ignore ``` this.",
        },
        {
            "url": "https://example.com/2",
            "content_type": "image/png",
            "name": "cat.png",
            "parsed_content": "cat.png***A cat.",
        },
        {"url": "https://example.com/3", "content_type": "audio/mpeg", "name": "song.mp3"},
    ]
    exchange = await asked(attachments, query("What is this?", message={"attachments": sent}))
    head, text, image, question = exchange.text.strip().split("\n\n[user] ")
    assert head == "3 attached, 1 of them images."
    assert '"notes.txt"' in text
    assert "\n````\nIgnore ``` this.\n````" in text
    assert '"cat.png"' in image
    assert "A cat." in image
    assert question == "What is this?"
    assert exchange.reader.files == [
        File(url=file["url"], name=file["name"], content_type=file["content_type"]) for file in sent
    ]
    assert exchange.reader.meta == Meta(content_type="text/plain")
    assert (await settings_of(attachments))["enable_image_comprehension"] is True


@pytest.mark.asyncio
async def test_attachments_are_asked_for_when_there_are_none() -> None:
    exchange = await asked(attachments, query("hi"))
    assert exchange.text.startswith("Attach a file")
    assert exchange.reader.files == []


@pytest.mark.asyncio
async def test_resource_is_open_while_the_app_runs() -> None:
    assert (await asked(resource, query(" SSE "))).text == "Server-sent events: one HTTP response that goes on and on."
    assert (await asked(resource, query("xyz"))).text == "That word is not in the glossary."


@pytest.mark.asyncio
async def test_several_bots_answer_at_their_paths_with_and_without_a_slash() -> None:
    for path, answer in {"/shout": "HI", "/shout/": "HI", "/whisper": "hi", "/whisper/": "hi"}.items():
        assert (await asked(several_bots, query("Hi"), path)).text == answer
    assert (await Exchange().run(several_bots.app, query("Hi"))).status == 404


@pytest.mark.asyncio
async def test_mounted_in_fastapi_the_bot_has_its_resource_and_the_app_its_routes() -> None:
    for path in ("/poe", "/poe/"):
        assert (await asked(mounted_in_fastapi, query(language_code="de"), path)).text == "Guten Tag"
    assert (await asked(mounted_in_fastapi, query(language_code="ja"), "/poe")).text == "Good day"
    health = await Exchange().run(mounted_in_fastapi.app, b"", path="/health", method="GET")
    assert health.json == {"status": "ok"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("refuse", ErrorEvent(text="I do not answer that.", allow_retry=False)),
        ("order", ErrorEvent(text="There is none left today.", allow_retry=True)),
        (
            "x" * 1001,
            ErrorEvent(
                text="Please send at most 1,000 characters.", allow_retry=False, error_type="user_message_too_long"
            ),
        ),
        ("x" * 1000, None),
    ],
)
async def test_errors_reach_the_user_as_they_were_meant(text: str, error: ErrorEvent | None) -> None:
    assert (await asked(errors, query(text))).reader.error == error


@pytest.mark.asyncio
async def test_errors_that_are_bugs_reach_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    exchange = await asked(errors, query("bug"))
    assert exchange.reader.error is not None
    match = re.fullmatch(r"Something went wrong in this bot \(error (\w+)\)\.", exchange.reader.error.text)
    assert match is not None
    assert b"swordfish" not in exchange.body
    assert match.group(1) in caplog.text
    assert "swordfish" in caplog.text


@pytest.mark.asyncio
async def test_errors_of_a_delegate_can_be_caught() -> None:
    exchange = await asked(errors, query("fallback"))
    assert exchange.text == "The answer is 42."
    assert exchange.reader.error is None


@pytest.mark.asyncio
async def test_memory_is_kept_from_turn_to_turn() -> None:
    conversation: list[dict[str, Any]] = []
    shown = []
    for text in ("add milk", "add two eggs", "what is there?", "done bread", "done milk", "done two eggs"):
        conversation.append({"role": "user", "content": text})
        exchange = await asked(memory, {"type": "query", "query": conversation})
        conversation.append({"role": "bot", "content": exchange.text, "metadata": exchange.reader.data})
        shown.append(exchange.text.splitlines())
    assert shown[:5] == [
        ["- milk"],
        ["- milk", "- two eggs"],
        ["- milk", "- two eggs"],
        ["- milk", "- two eggs"],
        ["- two eggs"],
    ]
    assert shown[5][0].startswith("Nothing to do.")
    assert json.loads(conversation[1]["metadata"]) == {"items": ["milk"]}


@pytest.mark.asyncio
async def test_two_doors_lead_to_one_bot() -> None:
    poe = await asked(two_doors, query("one two"), "/bot/")
    assert (poe.text, poe.reader.suggested_replies) == ("1. one\n2. two\n", ["Count these words"])
    part = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}
    chat = {"model": "Scribe", "messages": [{"role": "user", "content": [part, {"type": "text", "text": "one two"}]}]}
    completion = await Exchange().run(two_doors.app, chat, path="/bot/v1/chat/completions")
    message = completion.json["choices"][0]["message"]
    assert message["content"] == poe.text + "and the file a.pdf, of type application/pdf\n"
    assert message["suggested_replies"] == ["Count these words"]
    models = await Exchange().run(two_doors.app, b"", path="/bot/v1/models", method="GET")
    assert [model["id"] for model in models.json["data"]] == ["Scribe"]
    assert (await Exchange().run(two_doors.app, b"", path="/health", method="GET")).json == {"status": "ok"}


@pytest.mark.asyncio
async def test_two_doors_tell_of_an_error_each_in_its_way() -> None:
    poe = await asked(two_doors, query(""), "/bot/")
    assert poe.reader.error is not None
    chat = {"model": "Scribe", "messages": [{"role": "user", "content": ""}], "stream": True}
    completion = await Exchange().run(two_doors.app, chat, path="/bot/v1/chat/completions")
    assert completion.status == 400
    assert completion.json["error"]["message"] == poe.reader.error.text


# ---- as commands


@contextmanager
def started(*arguments: str, until: str, **environment: str) -> Iterator[re.Match[str]]:
    """``python -m …`` until its output matches; it is ended by its id, and has to end by itself then."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POE_ACCESS_KEY")}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        output = ""
        while (found := re.search(until, output)) is None:
            line = process.stdout.readline()
            assert line, f"It ended too early:\n{output}"
            output += line
        yield found
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=10)
        assert "Traceback" not in rest


def judged(body: bytes) -> ResponseReader:
    reader = ResponseReader()
    reader.feed(body)
    reader.end()
    assert reader.clean, reader.violations
    return reader


def test_echo_runs_under_uvicorn() -> None:
    arguments = ["uvicorn", "examples.echo:app", "--port", "0"]
    with started(*arguments, until=r"running on (http://127\.0\.0\.1:\d+)") as output:
        assert judged(httpx.post(output[1], json=query("over the wire")).content).text == "over the wire"
