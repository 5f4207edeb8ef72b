"""Conversations over several turns: what Poe remembers, and what it tells the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    ConfigurationError,
    Data,
    File,
    Meta,
    QueryContext,
    ReplaceResponse,
    Settings,
    SuggestedReply,
    assistant,
    create_app,
    system,
    user,
)
from poe_asgi.protocol import Feedback, QueryRequest, Reaction, is_valid_identifier
from poe_asgi.server import ErrorReportContext, FeedbackContext, ReactionContext, SettingsContext
from poe_asgi.testing import ManualClock, PoeTester, UnexpectedAnswerError

pytestmark = pytest.mark.asyncio

PLOT = File(url="https://x.test/1.png", name="1.png", content_type="image/png", inline_ref="a")


@dataclass
class Count:
    questions: int = 0


def counting(requests: list[QueryRequest], **arguments: Any) -> Bot:
    """A bot that numbers the questions, and stores and attaches something with each answer."""
    bot = Bot(**arguments)

    @bot.query
    async def count(ctx: QueryContext) -> Answer:
        requests.append(ctx.request)
        before = ctx.recall(Count) or Count()
        yield Data("thrown away")
        yield "thinking"
        yield PLOT
        yield ReplaceResponse(f"{before.questions + 1}: {ctx.text}")
        yield Data.dump(Count(before.questions + 1))

    return bot


async def test_a_conversation_goes_on(poe_tester: PoeTester) -> None:
    requests: list[QueryRequest] = []
    async with poe_tester(counting(requests), allow=("data-once",)) as chat:
        assert [str(await chat.ask(text)) for text in "abc"] == ["1: a", "2: b", "3: c"]
    assert [[message.content for message in request.query] for request in requests] == [
        ["a"],
        ["a", "1: a", "b"],
        ["a", "1: a", "b", "2: b", "c"],
    ]
    assert [message.role for message in requests[-1].query] == ["user", "bot", "user", "bot", "user"]
    assert len({request.user_id for request in requests}) == 1
    assert {request.conversation_id for request in requests} == {chat.conversation_id}
    assert len({request.message_id for request in requests}) == 3


async def test_an_answer_stands_in_the_history_as_poe_would_send_it(poe_tester: PoeTester) -> None:
    requests: list[QueryRequest] = []
    bot = counting(requests, meta=Meta(content_type="text/plain"))
    async with poe_tester(bot, clock=ManualClock()) as chat:
        reply = await chat.ask("a")
        await chat.ask("b")
    answer = requests[1].query[1]
    assert answer == chat.messages[1]
    assert (answer.message_id, answer.metadata) == (requests[0].message_id, reply.data)
    assert (answer.content_type, answer.timestamp) == ("text/plain", 1_000_000_000)
    (attached,) = answer.attachments
    assert (attached.url, attached.name, attached.content_type, attached.inline_ref) == (
        "https://x.test/1.png",
        "1.png",
        "image/png",
        "a",
    )
    ids = [message.message_id for message in requests[1].query]
    assert len(set(ids)) == 3
    assert all(is_valid_identifier(each, "m") for each in ids)


async def test_a_content_type_that_is_not_known_counts_as_plain_text(poe_tester: PoeTester) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        body = b'event: meta\ndata: {"content_type": "odd"}\n\nevent: text\ndata: {"text": "x"}\n\nevent: done\ndata: {}\n\n'
        await send({"type": "http.response.body", "body": body})

    async with poe_tester(app) as chat:
        await chat.ask("a")
        assert chat.messages[1].content_type == "text/plain"


async def test_clearing_the_context_begins_anew(poe_tester: PoeTester) -> None:
    requests: list[QueryRequest] = []
    async with poe_tester(counting(requests), history=[user("old")]) as chat:
        await chat.ask("a")
        chat.clear()
        assert str(await chat.ask("b")) == "1: b"
    first, second = requests
    assert first.conversation_id != second.conversation_id
    assert first.user_id == second.user_id
    assert len(second.query) == 1


async def test_what_was_said_before_can_be_given(poe_tester: PoeTester) -> None:
    requests: list[QueryRequest] = []
    history = [system("Be terse."), user("Hello."), assistant("Hello!")]
    tester = poe_tester(counting(requests), history=history)
    await tester.ask("a")
    async with tester as chat:
        await chat.ask("b")
    for request, text in zip(requests, "ab", strict=True):
        assert [message.content for message in request.query] == ["Be terse.", "Hello.", "Hello!", text]
        assert all(is_valid_identifier(message.message_id, "m") for message in request.query)


@pytest.mark.parametrize(
    ("says", "raises", "kept"),
    [
        ([], True, False),
        ([SuggestedReply("x")], True, False),
        (["so far"], True, True),
        ([PLOT], True, True),
        ([SuggestedReply("x")], False, True),
    ],
)
async def test_an_answer_stays_in_the_history_if_it_said_something_or_ended_well(
    poe_tester: PoeTester, says: list[Any], raises: bool, kept: bool
) -> None:
    bot = Bot()

    @bot.query
    async def answer(_: QueryContext) -> Answer:
        for each in says:
            yield each
        if raises:
            raise AnswerError("No.")

    async with poe_tester(bot) as chat:
        await chat.ask("hi")
        assert [message.role for message in chat.messages] == (["user", "bot"] if kept else ["user"])


@pytest.mark.parametrize(("after", "kept"), [(1, []), (2, ["one"])])
async def test_what_came_before_the_user_left_stays_in_the_history(
    poe_tester: PoeTester, after: int, kept: list[str]
) -> None:
    bot = Bot()

    @bot.query
    async def answer(_: QueryContext) -> Answer:
        yield "one"
        yield SuggestedReply("two")

    async with poe_tester(bot) as chat:
        await chat.ask("hi", disconnect_after=after)
        assert [message.content for message in chat.messages[1:]] == kept


async def test_the_lifespan_is_run_once_around_the_conversation(poe_tester: PoeTester) -> None:
    states: list[str] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        states.append("open")
        yield
        states.append("closed")

    async with poe_tester(counting([], lifespan=opened)) as chat:
        await chat.ask("a")
        await chat.ask("b")
        assert states == ["open"]
    assert states == ["open", "closed"]


async def test_the_lifespan_is_left_when_the_test_fails(poe_tester: PoeTester) -> None:
    states: list[str] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        states.append("open")
        yield
        states.append("closed")

    with pytest.raises(LookupError):
        async with poe_tester(counting([], lifespan=opened)):
            raise LookupError
    assert states == ["open", "closed"]


async def test_a_tester_opens_one_conversation_at_a_time(poe_tester: PoeTester) -> None:
    tester = poe_tester(counting([]))
    async with tester:
        with pytest.raises(ConfigurationError, match="open already"):
            async with tester:
                pass
    async with tester as chat:
        assert chat.messages == ()


async def test_a_conversation_that_did_not_open_can_be_opened_again(poe_tester: PoeTester) -> None:
    broken = True

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        if broken:
            raise LookupError
        yield

    tester = poe_tester(counting([], lifespan=opened))
    with pytest.raises(LookupError):
        async with tester:
            pass
    broken = False
    async with tester as chat:
        assert str(await chat.ask("a")) == "1: a"


# ---- what Poe tells the bot


class Told:
    """A bot with hooks that keep what they are told."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.bot = bot = counting([])

        @bot.on_reaction
        async def reaction(ctx: ReactionContext) -> None:
            self.requests.append(ctx.request)

        @bot.on_feedback
        async def feedback(ctx: FeedbackContext) -> None:
            self.requests.append(ctx.request)

        @bot.on_error_report
        async def report(ctx: ErrorReportContext) -> None:
            self.requests.append(ctx.request)


async def test_a_reaction_is_told_and_stands_at_the_answer(poe_tester: PoeTester) -> None:
    told = Told()
    async with poe_tester(told.bot) as chat:
        await chat.ask("a")
        first = chat.messages[1].message_id
        await chat.ask("b")
        await chat.react("heart")
        await chat.react("sad", message_id=first)
        await chat.react("laughing", message_id=first)
        heart, sad, _ = told.requests
        assert (heart.reaction, heart.message_id) == ("heart", chat.messages[3].message_id)
        assert (heart.user_id, heart.conversation_id) == (chat.user_id, chat.conversation_id)
        assert (sad.reaction, sad.message_id) == ("sad", first)
        assert chat.messages[3].reactions == (Reaction(user_id=chat.user_id, reaction="heart"),)
        assert [reaction.reaction for reaction in chat.messages[1].reactions] == ["sad", "laughing"]
        assert chat.messages[2].reactions == ()


async def test_a_thumb_is_told_and_stands_at_the_answer(poe_tester: PoeTester) -> None:
    told = Told()
    async with poe_tester(told.bot) as chat:
        await chat.ask("a")
        await chat.feedback("dislike", reason="too short")
        (request,) = told.requests
        assert (request.feedback_type, request.message_id) == ("dislike", chat.messages[1].message_id)
        assert chat.messages[1].feedback == (Feedback(type="dislike", reason="too short"),)


async def test_reactions_reach_the_bot_with_the_next_question(poe_tester: PoeTester) -> None:
    requests: list[QueryRequest] = []
    async with poe_tester(counting(requests)) as chat:
        await chat.ask("a")
        await chat.react("heart")
        await chat.feedback("like")
        await chat.ask("b")
    answer = requests[1].query[1]
    assert [reaction.reaction for reaction in answer.reactions] == ["heart"]
    assert [feedback.type for feedback in answer.feedback] == ["like"]


async def test_everything_can_be_told_without_a_conversation(poe_tester: PoeTester) -> None:
    told = Told()
    tester = poe_tester(told.bot)
    await tester.react("heart")
    await tester.feedback("like")
    await tester.report_error("bad", {"conversation": "c-1"})
    reaction, feedback, report = told.requests
    assert is_valid_identifier(reaction.message_id, "m")
    assert (reaction.reaction, feedback.feedback_type) == ("heart", "like")
    assert (report.message, report.metadata, report.version) == ("bad", {"conversation": "c-1"}, "1.2")


async def test_the_settings_are_what_poe_understands(poe_tester: PoeTester) -> None:
    bot = counting([], settings=Settings(introduction_message="Hello."))
    bot.uses("Claude", calls=2)
    settings = await poe_tester(bot).settings()
    assert settings == Settings(introduction_message="Hello.", server_bot_dependencies={"Claude": 2})


async def test_dynamic_settings_that_fail_fail_the_test(poe_tester: PoeTester) -> None:
    bot = counting([])

    @bot.on_settings
    async def settings(_: SettingsContext) -> Settings:
        raise LookupError

    with pytest.raises(UnexpectedAnswerError, match="503 instead of 200"):
        await poe_tester(bot).settings()


def answering(status: int, content_type: bytes, body: bytes) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type)]})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
async def test_settings_that_are_no_object_fail_the_test(poe_tester: PoeTester, body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match="no JSON object"):
        await poe_tester(answering(200, b"application/json", body)).settings()


async def test_settings_of_another_type_fail_the_test(poe_tester: PoeTester) -> None:
    with pytest.raises(UnexpectedAnswerError, match="text/html, not application/json"):
        await poe_tester(answering(200, b"text/html", b"{}")).settings()


async def test_of_the_answer_to_a_report_only_the_status_matters(poe_tester: PoeTester) -> None:
    await poe_tester(answering(200, b"text/plain", b"thanks")).react("heart")
    with pytest.raises(UnexpectedAnswerError, match="500 instead of 200"):
        await poe_tester(answering(500, b"text/plain", b"")).react("heart")


async def test_an_app_is_talked_to_as_well(poe_tester: PoeTester) -> None:
    async with poe_tester(create_app(counting([]), allow_without_key=True)) as chat:
        assert [str(await chat.ask(text)) for text in "ab"] == ["1: a", "2: b"]
