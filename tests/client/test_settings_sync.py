"""Settings sync: what goes out, what Poe says it has stored, and where the key never shows."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import traceback
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import BaseModel

from poe_asgi import Bot, ConfigurationError, Settings
from poe_asgi._clock import passed_in
from poe_asgi.client import PoeClient, Retry
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.errors import (
    ConnectionFailedError,
    InvalidCallError,
    InvalidKeyError,
    OverloadedError,
    UnknownBotError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.protocol import ParameterControls, Section, TextField
from poe_asgi.server import SettingsContext
from tests.server.serving import serving
from tests.support import ManualClock

from .support import Answers, client, for_ever, refusal, stream, with_lifespan

pytestmark = pytest.mark.asyncio

KEY = "s3cr3t/+key=of-the-bot-32-chars_"
QUOTED = "s3cr3t%2F%2Bkey%3Dof-the-bot-32-chars_"
SETTINGS = Settings(introduction_message="Hello.")
CONTROLS = SETTINGS.replace(
    parameter_controls=ParameterControls([Section("S", controls=[TextField(label="L", parameter_name="p")])])
)


def said(text: str | bytes) -> Any:
    return 200, {"content-type": "text/plain"}, [text if isinstance(text, bytes) else text.encode()]


def echo(settings: Settings, **changes: Any) -> dict[str, Any]:
    return {**settings.to_wire(), **changes}


async def push(answer: Any, settings: Settings = SETTINGS, **options: Any) -> Any:
    return await client(Answers(answer), **options).push_settings(settings, name="B", access_key=KEY)


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_ACCESS_KEY", raising=False)


# ---- what goes out


async def test_settings_are_pushed_to_the_bot_of_this_name_and_key() -> None:
    app = Answers(said("stored"))
    sync = await client(app, api_key=None).push_settings(SETTINGS, name="My Bot", access_key=KEY)
    [request] = app.requests
    assert (request["method"], request["headers"]["host"]) == ("POST", "api.poe.com")
    assert request["raw_path"] == f"/bot/update_settings/My%20Bot/{QUOTED}/1.2".encode()
    assert request["headers"]["content-type"] == "application/json"
    assert "authorization" not in request["headers"]
    assert app.bodies == [SETTINGS.to_wire()]
    assert (sync.message, sync.stored, sync.differences) == ("stored", None, ())


async def test_a_bot_has_its_name_its_key_and_all_that_was_declared_on_it() -> None:
    class Options(BaseModel):
        loud: bool = False

    bot = Bot("Shout", settings=SETTINGS, access_key=[KEY, "another"], parameters=Options)
    bot.uses("Claude", calls=2)
    app = Answers(said("stored"))
    await client(app).push_settings(bot)
    assert app.requests[0]["raw_path"] == f"/bot/update_settings/Shout/{QUOTED}/1.2".encode()
    [body] = app.bodies
    assert body == bot.complete().to_wire()
    assert body["server_bot_dependencies"] == {"Claude": 2}
    assert body["parameter_controls"] is not None


async def test_what_is_given_comes_before_what_the_bot_has_and_that_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POE_ACCESS_KEY", "environment")
    monkeypatch.setenv("POE_ACCESS_KEY_MY_BOT", "of its own variable")
    app = Answers(said("stored"))
    poe = client(app)
    await poe.push_settings(Bot("A", access_key="own"), name="B", access_key="given")
    await poe.push_settings(Bot("A", access_key="own"))
    await poe.push_settings(Bot("A"))
    await poe.push_settings(SETTINGS, name="C")
    await poe.push_settings(Bot("MyBot"))
    assert [request["path"].split("/")[3:5] for request in app.requests] == [
        ["B", "given"],
        ["A", "own"],
        ["A", "environment"],
        ["C", "environment"],
        ["MyBot", "of its own variable"],
    ]


async def test_what_is_missing_is_named() -> None:
    app = Answers(said("stored"))
    poe = client(app)
    with pytest.raises(ConfigurationError, match="name="):
        await poe.push_settings(SETTINGS, access_key=KEY)
    with pytest.raises(ConfigurationError, match="access_key="):
        await poe.push_settings(SETTINGS, name="B")
    with pytest.raises(ConfigurationError, match="name="):
        await poe.fetch_settings(Bot(access_key=KEY))
    assert app.requests == []


async def test_dynamic_settings_are_for_poe_to_ask_for() -> None:
    bot = Bot("B", access_key=KEY)

    @bot.on_settings
    async def on_settings(_: SettingsContext) -> Settings:
        return SETTINGS

    app = Answers(said("stored"))
    poe = client(app)
    with pytest.raises(ConfigurationError, match="fetch_settings"):
        await poe.push_settings(bot)
    assert (await poe.fetch_settings(bot)).differences == ()
    assert [request["path"].split("/")[2] for request in app.requests] == ["fetch_settings"]


async def test_poe_is_asked_to_fetch_without_a_body() -> None:
    app = Answers(said("fetched"))
    sync = await client(app).fetch_settings(name="B", access_key=KEY)
    [request] = app.requests
    assert (request["method"], request["raw_path"]) == ("POST", f"/bot/fetch_settings/B/{QUOTED}/1.2".encode())
    assert app.bodies == [b""]
    assert sync.message == "fetched"


# ---- what Poe has stored


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(echo(CONTROLS)),
        json.dumps({"status": "ok", "settings": echo(CONTROLS)}),
        "Updated: " + json.dumps(echo(CONTROLS)) + ".",
        f"Updated: {echo(CONTROLS)}",
        f"It's updated: {echo(CONTROLS)}",
        "{'introduction_message': '\\N{no such name}'}",
        json.dumps(echo(CONTROLS, rate_card=None, custom_rate_card="", new_field=1)),
        json.dumps(echo(CONTROLS, server_bot_dependencies=None)),
        json.dumps({k: v for k, v in echo(CONTROLS).items() if k != "enable_image_comprehension"}),
        "ok",
        "",
        "{",
        "{}",
        "[1, 2]",
        '{"status": "ok"}',
        b"\xff{\xff}",
        "{" * 100_000 + "}" * 100_000,
    ],
    ids=range(17),
)
async def test_no_difference_is_no_warning(text: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    sync = await push(said(text), CONTROLS)
    assert sync.differences == ()
    assert caplog.records == []


async def test_what_poe_has_stored_is_read_from_its_answer() -> None:
    sync = await push(said("Updated: " + json.dumps(echo(SETTINGS, allow_attachments=True))))
    assert sync.stored == SETTINGS.to_wire()
    assert sync.message.startswith("Updated: ")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(echo(CONTROLS, parameter_controls=None)),
        json.dumps({"settings": echo(CONTROLS, parameter_controls=None)}),
        f"Updated: {echo(CONTROLS, parameter_controls=None)}",
        json.dumps(echo(SETTINGS)),
        "SettingsResponse(response_version=2, server_bot_dependencies={}, parameter_controls=None, rate_card=None)",
        "parameter_controls: null",
    ],
)
async def test_dropped_parameter_controls_are_told_of(text: str, caplog: pytest.LogCaptureFixture) -> None:
    sync = await push(said(text), CONTROLS)
    [difference] = sync.differences
    assert (difference.path, difference.dropped) == ("parameter_controls", True)
    assert difference.sent == CONTROLS.to_wire()["parameter_controls"]
    [record] = caplog.records
    assert (record.name, record.levelno) == ("poe_asgi.client", logging.WARNING)
    assert "Pushing the settings of B: Poe answered 200, but dropped parameter_controls" in record.getMessage()
    assert "response_version 2" in record.getMessage()


async def test_each_place_that_differs_is_named() -> None:
    controls = CONTROLS.to_wire()["parameter_controls"]
    controls["sections"][0]["controls"][0]["label"] = "Other"
    changed = echo(CONTROLS, introduction_message="Hi.", allow_attachments=1, parameter_controls=controls)
    sync = await push(said(json.dumps(changed)), CONTROLS)
    assert [(each.path, each.sent, each.stored) for each in sync.differences] == [
        ("allow_attachments", True, 1),
        ("introduction_message", "Hello.", "Hi."),
        ("parameter_controls.sections.0.controls.0.label", "L", "Other"),
    ]
    assert str(sync.differences[1]) == "stored introduction_message as 'Hi.' instead of 'Hello.'"


async def test_a_switch_that_was_turned_off_and_is_not_stored_is_told_of() -> None:
    sync = await push(said(json.dumps(echo(SETTINGS, enable_image_comprehension=None))))
    assert [each.path for each in sync.differences] == ["enable_image_comprehension"]


async def test_a_list_of_another_length_differs_as_a_whole() -> None:
    controls = CONTROLS.to_wire()["parameter_controls"]
    controls["sections"] *= 2
    sync = await push(said(json.dumps(echo(CONTROLS, parameter_controls=controls))), CONTROLS)
    assert [each.path for each in sync.differences] == ["parameter_controls.sections"]


async def test_what_poe_fetched_is_held_against_what_the_bot_declares() -> None:
    poe = client(Answers(said(json.dumps(echo(SETTINGS, introduction_message="Old.")))))
    sync = await poe.fetch_settings(Bot("B", settings=SETTINGS, access_key=KEY))
    assert [each.path for each in sync.differences] == ["introduction_message"]
    assert (await poe.fetch_settings(name="B", access_key=KEY)).differences == ()


# ---- failures


@pytest.mark.parametrize(
    ("answer", "error", "said_"),
    [
        (refusal(400, {"error": {"message": "bad controls"}}), InvalidCallError, "bad controls"),
        ((400, {"content-type": "text/plain"}, [b"bad  controls"]), InvalidCallError, "bad controls"),
        (refusal(401, {}), InvalidKeyError, "HTTP 401"),
        (refusal(404, {}), UnknownBotError, "handle"),
        (refusal(500, {}), OverloadedError, "HTTP 500"),
    ],
)
async def test_a_failure_says_what_poe_said(answer: Any, error: type[UpstreamError], said_: str) -> None:
    with pytest.raises(error, match=said_) as caught:
        await push(answer)
    assert str(caught.value).startswith("Pushing the settings of B failed")


async def test_a_sync_is_tried_again_when_it_may_succeed_later() -> None:
    app = Answers(refusal(503, {}), said("stored"))
    await client(app, retry=Retry(longest_pause=0)).push_settings(SETTINGS, name="B", access_key=KEY)
    assert len(app.requests) == 2


async def test_a_fetch_that_takes_too_long_says_that_the_bot_must_run() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    poe = client(Answers(stream(for_ever)))
    task = asyncio.create_task(poe.fetch_settings(name="B", access_key=KEY))
    await clock.advance(31)
    with pytest.raises(UpstreamTimeoutError, match=r"30 s.*must run"):
        await task


# ---- the key


def shown(error: BaseException) -> str:
    """All that a log, a reporter of errors or a debugger shows of an error, without the values of local names."""
    chain: list[str] = []
    here: BaseException | None = error
    while here is not None:
        chain += [repr(here), str(here), repr(here.args), repr(vars(here)), repr(getattr(here, "__notes__", ""))]
        here = here.__cause__ or here.__context__
    return "\n".join([*chain, *traceback.format_exception(error)])


@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, {"error": {"message": f"no such key {KEY}", "type": f"{QUOTED}"}}),
        (404, {"content-type": "text/plain"}, [f"Cannot POST /bot/update_settings/B/{QUOTED}/1.2".encode()]),
        (500, {"content-type": "text/html"}, [f"<html>{KEY}</html>".encode()]),
        (400, {"content-type": "text/event-stream"}, [f'event: error\ndata: {{"message": "{KEY}"}}\n\n'.encode()]),
        (302, {"location": f"https://example.com/{QUOTED}"}, [b""]),
    ],
)
async def test_a_key_that_poe_repeats_shows_nowhere(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    poe = client(Answers(answer), retry=Retry(attempts=2, longest_pause=0))
    for sync in (functools.partial(poe.push_settings, SETTINGS), poe.fetch_settings):
        with pytest.raises(UpstreamError) as caught:
            await sync(name="B", access_key=KEY)
        text = f"{shown(caught.value)} {caplog.text} {[record.args for record in caplog.records]}"
        assert KEY not in text
        assert QUOTED not in text


async def test_a_key_in_a_success_shows_nowhere_either(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    changed = echo(SETTINGS, introduction_message=f"{KEY} {QUOTED}")
    sync = await push(said(json.dumps(changed)))
    assert sync.differences
    assert KEY not in f"{sync!r} {sync.message} {sync.stored} {caplog.text}"
    assert QUOTED not in f"{sync!r} {sync.message} {sync.stored} {caplog.text}"


async def test_over_a_socket_no_logger_at_any_level_and_no_error_shows_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    transport = HttpxTransport()
    app = Answers(said("stored"), refusal(401, {}))
    async with aclosing(transport):
        with serving(with_lifespan(app)) as port:
            options: dict[str, Any] = {"transport": transport, "retry": Retry(attempts=2, longest_pause=0)}
            poe = PoeClient(base_url=f"http://127.0.0.1:{port}", **options)
            assert (await poe.push_settings(SETTINGS, name="B", access_key=KEY)).message == "stored"
            with pytest.raises(InvalidKeyError) as refused:
                await poe.fetch_settings(name="B", access_key=KEY)
        with pytest.raises(ConnectionFailedError) as unreachable:
            await PoeClient(base_url="http://127.0.0.1:1", **options).push_settings(SETTINGS, name="B", access_key=KEY)
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]  # that is the other side
    assert any(record.name.startswith("httpcore") for record in ours)
    logged = [f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in ours]
    for text in (*logged, shown(refused.value), shown(unreachable.value)):
        assert KEY not in text
        assert QUOTED not in text
