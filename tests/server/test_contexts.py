"""What a handler finds in its context, from the request as it came over the wire."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, Field, model_validator

from poe_asgi import Answer, Bot, Data, Message, QueryContext, UserCausedError, create_app
from poe_asgi.protocol import Done, ErrorEvent
from tests.support import KEY, Exchange, ask, query

pytestmark = pytest.mark.asyncio


class Options(BaseModel):
    size: Literal["s", "m", "l"] = "m"
    count: int = Field(default=1, ge=1, le=4)


class Picky(BaseModel):
    low: int = Field(default=0, ge=0, le=9)
    high: int = Field(default=9, ge=0, le=9)

    @model_validator(mode="after")
    def ordered(self) -> Picky:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Notes(BaseModel):
    facts: list[str]


@dataclass
class Count:
    count: int


def message(content: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


async def context_of(body: object, **declared: Any) -> QueryContext:
    """The context that a handler gets for this body."""
    bot = Bot("Test", **declared)
    seen: list[QueryContext] = []

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        seen.append(ctx)
        yield ""

    exchange = await ask(bot, body)
    assert exchange.status == 200, exchange.body
    assert exchange.reader.clean
    (ctx,) = seen
    return ctx


def conversation(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"type": "query", "query": list(messages)}


# ---- the conversation


async def test_the_text_is_the_newest_message_of_role_user() -> None:
    body = conversation(message("first"), message("second"), message("an answer", "bot"), message("rules", "system"))
    ctx = await context_of(body)
    assert ctx.text == "second"
    assert [(each.role, each.content) for each in ctx.messages] == [
        ("user", "first"),
        ("user", "second"),
        ("bot", "an answer"),
        ("system", "rules"),
    ]


async def test_a_query_without_a_message_of_a_user_has_an_empty_text_and_is_no_error() -> None:
    ctx = await context_of(conversation(message("rules", "system")))
    assert (ctx.text, ctx.attachments, ctx.parameters) == ("", (), {})


async def test_messages_of_unknown_roles_are_left_out_even_all_of_them() -> None:
    ctx = await context_of(conversation(message("x", "referee"), message("hi"), message("y", "assistant")))
    assert ctx.messages == (Message("user", "hi"),)
    ctx = await context_of(conversation(message("x", "referee")))
    assert (ctx.messages, ctx.text) == ((), "")


async def test_what_is_not_known_fails_no_query() -> None:
    body = query(
        "hi",
        unknown={"a": [1]},
        temperature=None,
        users=[{"id": "u", "shoe_size": 44}],
        message={
            "content_type": "text/x-poem",
            "feedback": [{"type": "meh"}, {"type": "like", "reason": None}],
            "reactions": [{"user_id": "u", "reaction": "rofl"}],
            "message_type": "riddle",
            "attachments": [{"url": "u", "name": "n", "content_type": "x/y", "size": 5}],
            "mood": "good",
        },
    )
    ctx = await context_of(body)
    (only,) = ctx.messages
    assert only.content_type == "text/plain"
    assert [each.type for each in only.feedback] == ["meh", "like"]
    assert [each.reaction for each in only.reactions] == ["rofl"]
    assert only.message_type == "riddle"
    assert only.attachments[0].content_type == "x/y"


async def test_missing_ids_are_empty_and_the_version_may_be_missing() -> None:
    request = (await context_of(query())).request
    assert (request.message_id, request.user_id, request.conversation_id, request.metadata) == ("", "", "", "")
    assert (request.version, request.language_code) == ("1.0", "en")


async def test_lone_surrogates_are_replaced_and_the_text_can_be_sent_back() -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text

    exchange = await ask(bot, b'{"type": "query", "query": [{"role": "user", "content": "a\\ud800b\\ud83d\\ude00"}]}')
    assert exchange.text == "a\ufffdb\U0001f600"


async def test_the_prompt_has_the_contents_of_attachments_and_may_alternate_roles() -> None:
    notes = {"url": "u", "name": "notes.txt", "content_type": "text/plain", "parsed_content": "the notes"}
    ctx = await context_of(conversation(message("one"), message("two", attachments=[notes])))
    prompt = ctx.prompt()
    assert len(prompt) > len(ctx.messages)
    assert "the notes" in "".join(each.content for each in prompt)
    assert [each.role for each in ctx.prompt(alternate=True)] == ["user"]


async def test_the_attachments_are_those_of_the_newest_message_of_a_user() -> None:
    old = {"url": "old", "name": "old.png", "content_type": "image/png"}
    new = {"url": "new", "name": "new.pdf", "content_type": "application/pdf"}
    ctx = await context_of(conversation(message("a", attachments=[old]), message("b", attachments=[new, old])))
    assert [each.name for each in ctx.attachments] == ["new.pdf", "old.png"]
    assert [each.name for each in ctx.attachments.images] == ["old.png"]


# ---- parameters


async def test_parameters_come_raw_and_as_a_model() -> None:
    body = query(message={"parameters": {"size": "l", "count": 3, "other": None}})
    ctx = await context_of(body, parameters=Options)
    assert ctx.parameters == {"size": "l", "count": 3, "other": None}
    assert ctx.parameters_as(Options) == Options(size="l", count=3)
    assert (await context_of(query())).parameters_as(Options) == Options()


@pytest.mark.parametrize(
    ("model", "parameters", "text"),
    [
        (Options, {"size": "xl"}, "The option 'size' does not fit: Input should be 's', 'm' or 'l'."),
        (
            Options,
            {"count": 9},
            "The option 'count' does not fit: Input should be less than or equal to 4.",
        ),
        (Picky, {"low": 5, "high": 3}, "The options do not fit: Value error, low is above high."),
    ],
)
async def test_a_bad_value_of_a_parameter_is_told_to_the_user(
    model: type[BaseModel], parameters: dict[str, Any], text: str
) -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        ctx.parameters_as(model)
        yield "never"

    exchange = await ask(bot, query(message={"parameters": parameters}))
    error = ErrorEvent(text=text, allow_retry=False, error_type=UserCausedError.default_error_type)
    assert exchange.events[1:] == [error, Done()]


# ---- memory


async def test_what_was_stored_last_comes_back_as_the_type_it_was() -> None:
    older, newer = Notes(facts=["a"]), Notes(facts=["a", "b"])
    body = conversation(
        message("1", "bot", metadata=Data.dump(older).metadata),
        message("2", "bot", metadata=Data.dump(newer).metadata),
        message("3", "bot", metadata=Data.dump(Count(5)).metadata),
        message("4", "bot", metadata="no JSON"),
        message("5", "bot", metadata=""),
        message("6", "bot"),
        message("hi", metadata='{"facts": ["a user cannot store"]}'),
    )
    ctx = await context_of(body)
    assert ctx.recall(Notes) == newer
    assert ctx.recall(Count) == Count(5)
    assert ctx.recall(dict[str, int]) == {"count": 5}
    assert ctx.recall(int) is None


# ---- the rest of it


async def test_the_http_request_is_at_hand() -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield f"{ctx.http.method} {ctx.http.url.path} {ctx.http.headers['x-trace']}"

    exchange = await Exchange().run(create_app({"/a": bot}, access_key=KEY), path="/a", headers={"X-Trace": "7"})
    assert exchange.text == "POST /a 7"


async def test_the_body_was_read_already_and_asking_for_it_fails_at_once(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield str(await ctx.http.body())

    error = (await ask(bot)).reader.error
    assert error is not None
    assert "Receive channel has not been made available" in caplog.text


async def test_records_of_the_log_carry_the_ids_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ctx = await context_of(query(message_id="m-1", conversation_id="c-1", user_id="u-1"))
    ctx.log.info("a %s", "word", extra={"step": 2})
    (record,) = [record for record in caplog.records if record.name == "poe_asgi.server"]
    assert record.getMessage() == "a word"
    fields = ("bot", "message_id", "conversation_id", "user_id", "step")
    assert [record.__dict__[name] for name in fields] == ["Test", "m-1", "c-1", "u-1", 2]


async def test_a_context_shows_neither_the_conversation_nor_the_key() -> None:
    ctx = await context_of(query("private words"))
    assert repr(ctx) == "<QueryContext of Bot('Test')>"
    assert KEY not in repr(ctx.request)
    assert KEY not in json.dumps(ctx.request.to_wire())


# ---- anything at all

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["query", "user", "settings", "report_error", "report_reaction", "\ud800"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "query", "role", "content", "parameters", "attachments", "metadata", "x\udfff"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["query", "settings", "report_feedback", "report_reaction", "report_error"])


@settings(derandomize=True, deadline=None, max_examples=150)
@given(kind=KINDS, body=VALUES, message=VALUES, cut=st.none() | st.integers(0, 60))
async def test_whatever_comes_is_answered_below_500(kind: str, body: Any, message: Any, cut: int | None) -> None:
    bot = Bot(parameters=Options)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        ctx.prompt(alternate=True)
        ctx.recall(Notes)
        yield ctx.text + str(ctx.attachments.images) + str(ctx.parameters)
        ctx.parameters_as(Options)

    user = {"role": "user", "content": "hi"}
    given = {**body, "type": kind, "query": [message, user]} if isinstance(body, dict) else body
    if isinstance(message, dict) and isinstance(given, dict):
        given["query"] = [{**user, **message}]
    exchange = await ask(bot, json.dumps(given).encode()[:cut])
    assert exchange.status in {200, 400}
    assert exchange.reader.clean
