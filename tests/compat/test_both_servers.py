"""Each kind of bot under both servers: where the official answer was legal, ours is equal in normal form."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from poe_asgi import File
from poe_asgi.local import FakePoe, Script, ToolCall
from poe_asgi.protocol import Done, ErrorEvent, Meta, ReplaceResponse, Settings, SuggestedReply, Text
from tests.compat import bots
from tests.compat.both import answer, asked, normal_form, ours, poe, post, theirs
from tests.interop.official import DEPRECATED_CALLS, fp

__all__ = ["poe"]

pytestmark = [
    pytest.mark.asyncio,
    *DEPRECATED_CALLS,
    pytest.mark.filterwarnings("ignore:concat_attachments_to_message is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This method is deprecated:DeprecationWarning"),
]

FILES: list[dict[str, Any]] = [
    {"url": "https://f.test/1", "name": "a.txt", "content_type": "text/plain", "parsed_content": "some text"},
    {"url": "https://f.test/2", "name": "link", "content_type": "text/html", "parsed_content": "a page"},
    {"url": "https://f.test/3", "name": "b.png", "content_type": "image/png", "parsed_content": "b.png***a cat"},
    {"url": "https://f.test/4", "name": "c.bin", "content_type": "application/zip"},
]


async def both(kind: type[fp.PoeBot], body: dict[str, Any]) -> list[Any]:
    """The answer of this kind of bot in normal form, once it is the same from both servers."""
    official = await answer(theirs(kind()), body)
    # It sends no `meta` unless the bot does, and as many as the bot passes on from others.
    assert {each.rule.id for each in official.violations} <= {"meta-first", "meta-once"}
    own = await answer(ours(kind()), body)
    assert own.violations == ()
    normal = normal_form(own.events)
    assert normal == normal_form(official.events)
    assert isinstance(normal[0], Meta)
    return normal[1:]


async def test_an_echo(poe: FakePoe) -> None:
    assert await both(bots.Echo, asked("\u2028 Hällo \U0001f600")) == [Text("\u2028 Hällo \U0001f600"), Done()]


async def test_a_wrapped_prompt(poe: FakePoe) -> None:
    poe.bot("Model", Script("old ", "pond", meta=Meta(content_type="text/plain", linkify=True, refetch_settings=False)))
    assert await both(bots.PromptWrapper, asked()) == [Text("old pond"), Done()]
    first, second = poe.calls
    assert first.request == second.request
    assert first.request.query[0].content == "Answer in a haiku."
    assert first.key == second.key


async def test_function_calling(poe: FakePoe) -> None:
    poe.bot("Model", [Script(ToolCall("get_weather", {"city": "Bonn"})), "It is grey."] * 2)
    assert await both(bots.FunctionCalling, asked("Bonn?")) == [Text("It is grey."), Done()]


async def test_a_loop_of_function_calls(poe: FakePoe) -> None:
    rounds: Any = [ToolCall("get_weather", {"city": "Bonn"}), ToolCall("get_weather", {"city": "Rome"}), "Grey, both."]
    poe.bot("Model", rounds * 2)
    assert await both(bots.FunctionCallingLoop, asked("Bonn, Rome?")) == [Text("Grey, both."), Done()]
    assert [len(call.request.tool_results) for call in poe.calls] == [0, 1, 2] * 2


@pytest.mark.parametrize("kind", [bots.AttachmentsIn, bots.ConcatenatedAttachments])
async def test_attachments_that_come_in(poe: FakePoe, kind: type[fp.PoeBot]) -> None:
    (text, _) = await both(kind, asked("Look.", message={"attachments": FILES}))
    assert all(part in text.text for part in ("some text", "a page", "a cat", "c.bin (application/zip)"))


async def test_attachments_that_go_out(poe: FakePoe) -> None:
    file, *rest = await both(bots.AttachmentsOut, asked("Hello"))
    assert file == File(url="name-0", name="said.txt", content_type="text/plain")
    assert rest == [Text("Attached."), Done()]
    assert [upload.content for upload in poe.uploads] == [b"Hello"] * 2
    assert len({upload.key for upload in poe.uploads}) == 1


async def test_an_image_in_the_text(poe: FakePoe) -> None:
    text, file, replaced, _ = await both(bots.Image, asked())
    assert (text, replaced) == (Text("Painting…"), ReplaceResponse("Here: ![a cat][name-1]"))
    assert file == File(url="name-0", name="a.png", content_type="image/png", inline_ref="name-1")


async def test_a_video_from_an_address(poe: FakePoe) -> None:
    (file, _) = await both(bots.Video, asked())
    assert (file.name, file.content_type) == ("a cat.mp4", "video/mp4")


async def test_the_file_of_another_bot(poe: FakePoe) -> None:
    painted = File(url="https://f.test/p", name="p.png", content_type="image/png", inline_ref="r")
    poe.bot("Painter", Script(painted, "![p][r]"))
    assert await both(bots.ForwardedAttachment, asked()) == [
        File(url="name-0", name="p.png", content_type="image/png", inline_ref="name-1"),
        Text("![p][name-1]"),
        Done(),
    ]


async def test_files_that_are_counted(poe: FakePoe) -> None:
    body = asked("More.", message={"attachments": FILES})
    body["query"].insert(0, {"role": "bot", "content": "3", "metadata": "3"})
    text, data, reply, _ = await both(bots.FileCounting, body)
    assert (text, data.metadata, reply) == (Text("You have sent 7 files."), "7", SuggestedReply("And now?"))


async def test_the_request_behind_the_query(poe: FakePoe) -> None:
    assert await both(bots.HttpRequest, asked()) == [Text("POST / yes thing False"), Done()]


async def test_raw_events(poe: FakePoe) -> None:
    assert await both(bots.Log, asked()) == [ReplaceResponse("logged"), SuggestedReply("again"), Done()]


async def test_two_bots_side_by_side(poe: FakePoe) -> None:
    poe.bot("Left", "yes")
    poe.bot("Right", "no")
    assert await both(bots.SideBySide, asked()) == [ReplaceResponse("Left: yes\n\nRight: no"), Done()]


async def test_costs(poe: FakePoe) -> None:
    assert await both(bots.Cost, asked()) == [Text("Worth it."), Done()]
    charges = [(each.kind, each.bot_query_id, each.milli_cents, each.key) for each in poe.charges]
    assert charges[:2] == charges[2:]
    assert [each[:3] for each in charges[:2]] == [("authorize", "q-1", 3300), ("capture", "q-1", 1230)]


async def test_a_meta_and_an_error_of_its_own(poe: FakePoe) -> None:
    assert await both(bots.Plain, asked()) == [
        Text("<so far>"),
        ErrorEvent(text="Not today.", allow_retry=False, error_type="user_caused_error"),
        Done(),
    ]
    own = await answer(ours(bots.Plain()), asked())
    assert own.meta == Meta(content_type="text/plain", suggested_replies=True, linkify=True, refetch_settings=True)


@pytest.mark.parametrize("kind", [bots.Echo, bots.PromptWrapper, bots.AttachmentsIn])
async def test_settings(kind: type[fp.PoeBot]) -> None:
    body = {"type": "settings", "version": "1.2"}
    told = [json.loads((await post(app, body))[1]) for app in (theirs(kind()), ours(kind()))]
    official, own = map(Settings.from_wire, told)
    assert own == official
    assert None not in told[1].values()


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        ({"type": "report_feedback", "feedback_type": "like"}, "feedback like"),
        ({"type": "report_reaction", "reaction": "heart"}, "reaction heart POST"),
        ({"type": "report_error", "message": "oops", "metadata": {"a": 1}}, "error oops {'a': 1}"),
    ],
)
async def test_reports(body: dict[str, Any], logged: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=bots.log.name)
    for app in (theirs(bots.Log()), ours(bots.Log())):
        status, raw = await post(
            app, {"version": "1.2", "message_id": "m", "user_id": "u", "conversation_id": "c", **body}
        )
        assert (status, json.loads(raw)) == (200, {})
    assert [record.getMessage() for record in caplog.records if record.name == bots.log.name] == [logged] * 2
