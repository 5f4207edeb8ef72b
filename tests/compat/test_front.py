"""`from_fastapi_poe`: what it takes, what it refuses, and which overrides it honours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from poe_asgi import Bot, ConfigurationError, create_app
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.local import FakePoe
from tests.compat import bots
from tests.compat.both import answer, asked, ours, post
from tests.interop.official import DEPRECATED_CALLS, fp
from tests.support import KEY

pytestmark = DEPRECATED_CALLS

Answer = AsyncIterator[Any]


class Coroutine(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Any:  # type: ignore[override]
        return "x"


class Synchronous(fp.PoeBot):
    def get_response(self, request: fp.QueryRequest) -> Any:
        yield "x"


# ---- what it takes and refuses


def test_a_bot_has_the_name_and_the_key_of_the_official_one() -> None:
    bot = from_fastapi_poe(bots.Echo(bot_name="Parrot", access_key="p" * 32))
    assert isinstance(bot, Bot)
    assert (bot.name, bot.access_keys) == ("Parrot", ("p" * 32,))
    official = bots.Echo()
    assert from_fastapi_poe(official, bot_name="Parrot").name == "Parrot"
    assert official.bot_name == "Parrot"
    assert from_fastapi_poe(bots.Echo()).name is None


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (bots.Echo, {}, r"takes an instance of your PoeBot class; make one: from_fastapi_poe\(Echo\(\)\)\."),
        (5, {}, r"takes an instance of your PoeBot class; not a int\."),
        (Coroutine(), {}, "Coroutine.get_response must be an async generator"),
        (Synchronous(), {}, "Synchronous.get_response must be an async generator"),
        (bots.Echo(bot_name="A"), {"bot_name": "B"}, "has a bot_name already, 'A'"),
        ([bots.Echo(), bots.Plain()], {}, "two bots have the same path"),
        ([bots.Echo()], {"bot_name": "B"}, "several bots have their bot_name each"),
        (bots.Echo(access_key=""), {}, "access_key must be a non-empty str"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_does_not_fit_is_refused_with_the_fix(given: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_fastapi_poe(given, **options)


def test_without_the_official_sdk_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi_poe", None)
    with pytest.raises(ConfigurationError, match=r"^from_fastapi_poe serves bots of the package fastapi-poe, .+$"):
        from_fastapi_poe(bots.Echo())


def test_importing_it_loads_neither_the_official_sdk_nor_a_client() -> None:
    code = "import sys, poe_asgi.compat; print({'fastapi_poe', 'fastapi', 'httpx'} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.asyncio
async def test_a_bot_is_served_at_its_path() -> None:
    app = ours(bots.Echo(path="/echo"))
    assert (await answer(app, asked("a"), path="/echo")).text == "a"
    assert (await post(app, asked()))[0] == 404


@pytest.mark.asyncio
async def test_several_bots_are_served_at_their_paths() -> None:
    made = from_fastapi_poe([bots.Echo(path="/echo"), bots.Plain(path="/plain", access_key="p" * 32)])
    app = create_app(made, access_key=KEY)
    assert (await answer(app, asked("a"), path="/echo")).text == "a"
    assert (await post(app, asked(), path="/plain"))[0] == 401
    assert (await post(app, asked(), path="/plain", key="p" * 32))[0] == 200


# ---- overrides


@pytest.mark.asyncio
async def test_a_plain_method_may_return_a_stream() -> None:
    async def parts(text: str) -> Answer:
        yield fp.PartialResponse(text=text)

    class Returning(fp.PoeBot):
        def get_response(self, request: fp.QueryRequest) -> Answer:
            return parts(request.query[-1].content)

        def get_settings(self, setting: fp.SettingsRequest) -> Any:
            return super().get_settings(setting)

    app = ours(Returning())
    assert (await answer(app, asked("a"))).text == "a"
    assert (await post(app, {"type": "settings"}))[0] == 200


@pytest.mark.asyncio
async def test_a_stream_need_not_be_a_generator() -> None:
    class Parts:
        def __init__(self) -> None:
            self.left = ["a", "b"]

        def __aiter__(self) -> Parts:
            return self

        async def __anext__(self) -> fp.PartialResponse:
            if not self.left:
                raise StopAsyncIteration
            return fp.PartialResponse(text=self.left.pop(0))

    class Returning(fp.PoeBot):
        def get_response(self, request: fp.QueryRequest) -> Any:
            return Parts()

    assert (await answer(ours(Returning()), asked())).text == "ab"


@pytest.mark.asyncio
async def test_the_methods_with_a_context_come_first() -> None:
    seen: list[str] = []

    class Contexts(fp.PoeBot):
        async def get_response_with_context(self, request: fp.QueryRequest, context: fp.RequestContext) -> Answer:
            yield fp.PartialResponse(text=context.http_request.headers["x-test"])

        async def get_settings_with_context(
            self, setting: fp.SettingsRequest, context: fp.RequestContext
        ) -> fp.SettingsResponse:
            return fp.SettingsResponse(introduction_message=context.http_request.headers["x-test"])

        async def on_feedback_with_context(self, feedback_request: Any, context: fp.RequestContext) -> None:
            seen.append(f"feedback {context.http_request.headers['x-test']}")

        async def on_error_with_context(self, error_request: Any, context: fp.RequestContext) -> None:
            seen.append(f"error {error_request.message}")

    app = ours(Contexts())
    assert (await answer(app, asked())).text == "yes"
    assert b'"introduction_message": "yes"' in (await post(app, {"type": "settings"}))[1]
    await post(app, {"type": "report_feedback", "message_id": "m", "feedback_type": "like"})
    await post(app, {"type": "report_error", "message": "oops"})
    assert seen == ["feedback yes", "error oops"]


@pytest.mark.asyncio
async def test_a_method_that_was_set_on_the_bot_itself_is_an_override_too() -> None:
    async def get_response(request: fp.QueryRequest, context: fp.RequestContext) -> Answer:
        yield fp.PartialResponse(text=context.http_request.headers["x-test"])

    bot: Any = fp.PoeBot()
    bot.get_response_with_context = get_response
    assert (await answer(ours(bot), asked())).text == "yes"


@pytest.mark.asyncio
async def test_an_override_of_how_attachments_are_inserted_is_honoured() -> None:
    class Inserting(bots.Echo):
        def insert_attachment_messages(self, query_request: fp.QueryRequest) -> fp.QueryRequest:
            message = fp.ProtocolMessage(role="user", content="inserted")
            return query_request.model_copy(update={"query": [*query_request.query, message]})

    assert (await answer(ours(Inserting()), asked())).text == "inserted"
    assert (await answer(ours(Inserting(should_insert_attachment_messages=False)), asked("as sent"))).text == "as sent"


class Handling(bots.AttachmentsOut):
    """Has overrides of what the official server calls itself."""

    async def handle_query(self, request: fp.QueryRequest, context: fp.RequestContext) -> Answer:
        yield self.text_event("before. ")
        async for event in super().handle_query(request, context):
            yield event

    async def handle_settings(self, settings_request: fp.SettingsRequest, context: fp.RequestContext) -> Any:
        response = await super().handle_settings(settings_request, context)
        response.body = bytes(response.body).replace(b'"cost_label":null', b'"cost_label":"cheap"')
        return response


@pytest.mark.asyncio
async def test_overrides_of_the_handlers_are_honoured(fake_poe: FakePoe) -> None:
    app = ours(Handling())
    with fake_poe.installed():
        reply = await answer(app, asked())
    assert (reply.text, [file.name for file in reply.files]) == ("before. Attached.", ["said.txt"])
    assert reply.violations == ()
    assert b'"cost_label": "cheap"' in (await post(app, {"type": "settings"}))[1]
