"""One question: what the bot is sent, what comes back, and what fails the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from poe_asgi import (
    USD,
    Answer,
    AnswerError,
    Bot,
    ConfigurationError,
    Data,
    File,
    Limits,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    create_app,
    user,
)
from poe_asgi.local import FakePoe
from poe_asgi.protocol import RULES, Attachment, Done, ErrorEvent, Reply, is_valid_identifier
from poe_asgi.testing import ManualClock, PoeTester, RuleBrokenError, UnexpectedAnswerError

from ..support import KEY, settle

pytestmark = pytest.mark.asyncio

EVENT_STREAM = [(b"content-type", b"text/event-stream; charset=utf-8")]
META = b"event: meta\ndata: {}\n\n"
HI = b'event: text\ndata: {"text": "hi"}\n\n'
DONE = b"event: done\ndata: {}\n\n"


def seeing(seen: list[QueryContext], **arguments: Any) -> Bot:
    """A bot that keeps its contexts."""
    bot = Bot(**arguments)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        seen.append(ctx)
        yield ctx.text.upper()

    return bot


def sending(*chunks: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] = EVENT_STREAM) -> Any:
    """An app that is no bot of this package, and knows no lifespan."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


# ---- the reply


async def test_the_reply_is_the_answer(poe_tester: PoeTester) -> None:
    bot = Bot("Shout", meta=Meta(content_type="text/plain"))

    @bot.query
    async def shout(ctx: QueryContext) -> Answer:
        yield "thinking"
        yield ReplaceResponse(ctx.text.upper())
        yield SuggestedReply("again")
        yield File(url="u", name="n", content_type="text/plain")
        yield Data("kept")

    reply = await poe_tester(bot).ask("hi")
    assert (reply.text, str(reply)) == ("HI", "HI")
    assert reply.meta == Meta(content_type="text/plain")
    assert reply.suggested_replies == ("again",)
    assert reply.files == (File(url="u", name="n", content_type="text/plain"),)
    assert reply.data == "kept"
    assert reply.error is None
    assert reply.violations == ()
    assert reply.events[0] == reply.meta
    assert reply.events[-1] == Done()


async def test_an_answer_that_ends_in_an_error_is_a_reply(poe_tester: PoeTester) -> None:
    bot = Bot()

    @bot.query
    async def fail(_: QueryContext) -> Answer:
        yield "so far"
        raise AnswerError("No more.", allow_retry=True)

    reply = await poe_tester(bot).ask("hi")
    assert (reply.text, reply.error) == ("so far", ErrorEvent(text="No more.", allow_retry=True))


async def test_a_bug_of_the_bot_is_a_reply_and_in_the_log(
    poe_tester: PoeTester, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot()

    @bot.query
    async def fail(_: QueryContext) -> Answer:
        yield "so far"
        raise ZeroDivisionError

    reply = await poe_tester(bot).ask("hi")
    assert reply.error is not None
    assert "ZeroDivisionError" in caplog.text


async def test_a_reply_reads_alike_from_run_to_run(poe_tester: PoeTester) -> None:
    tester = poe_tester(seeing([]))
    first, second = await tester.ask("hi"), await tester.ask("hi")
    assert first == second
    assert repr(first) == repr(second) == "Reply(text='HI')"


# ---- what the bot is sent


async def test_the_query_is_what_poe_would_send(poe_tester: PoeTester) -> None:
    seen: list[QueryContext] = []
    notes = Attachment(url="https://x.test", name="n", content_type="text/plain", parsed_content="milk")
    await poe_tester(seeing(seen)).ask("hi", notes, parameters={"a": 1}, language_code="de", temperature=0.5)
    request = seen[0].request
    for name, tag in {"user_id": "u", "conversation_id": "c", "message_id": "m", "metadata": "d"}.items():
        assert is_valid_identifier(getattr(request, name), tag)
    assert request.bot_query_id
    assert (request.version, request.language_code, request.temperature) == ("1.2", "de", 0.5)
    (message,) = request.query
    assert (message.role, message.content, message.content_type) == ("user", "hi", "text/markdown")
    assert (message.attachments, message.parameters) == ((notes,), {"a": 1})
    assert is_valid_identifier(message.message_id, "m")
    assert message.message_id != request.message_id
    assert message.timestamp > 0


async def test_each_question_is_a_conversation_of_its_own_by_the_same_user(poe_tester: PoeTester) -> None:
    seen: list[QueryContext] = []
    tester = poe_tester(seeing(seen))
    for text in "ab":
        await tester.ask(text)
    first, second = (ctx.request for ctx in seen)
    assert first.user_id == second.user_id
    assert first.conversation_id != second.conversation_id
    assert [message.content for message in second.query] == ["b"]


async def test_a_message_is_sent_as_it_is(poe_tester: PoeTester) -> None:
    seen: list[QueryContext] = []
    await poe_tester(seeing(seen)).ask(user("hi").replace(message_id="m-1", timestamp=5), message_id="m-2")
    assert (seen[0].messages[0].message_id, seen[0].messages[0].timestamp) == ("m-1", 5)
    assert seen[0].request.message_id == "m-2"


async def test_lone_surrogates_reach_the_bot_as_they_would_from_poe(poe_tester: PoeTester) -> None:
    assert (await poe_tester(seeing([])).ask("\ud800 ü")).text == "\ufffd Ü"


async def test_a_misspelt_field_of_the_query_is_pointed_out(poe_tester: PoeTester) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'language_code'"):
        await poe_tester(seeing([])).ask("hi", languagecode="de")


async def test_parameters_of_the_tester_hold_for_every_message_and_those_of_a_call_come_first(
    poe_tester: PoeTester,
) -> None:
    seen: list[QueryContext] = []
    tester = poe_tester(seeing(seen), parameters={"a": 1, "b": 1})
    await tester.ask("hi")
    await tester.ask("hi", parameters={"b": 2})
    assert [ctx.parameters for ctx in seen] == [{"a": 1, "b": 1}, {"a": 1, "b": 2}]


# ---- resources, limits, keys


@asynccontextmanager
async def opened() -> AsyncIterator[str]:
    states.append("open")
    yield "from the lifespan"
    states.append("closed")


states: list[str] = []


async def test_the_lifespan_is_run_around_the_call(poe_tester: PoeTester) -> None:
    seen: list[QueryContext] = []
    states.clear()
    await poe_tester(seeing(seen, lifespan=opened)).ask("hi")
    assert (seen[0].deps, states) == ("from the lifespan", ["open", "closed"])


@pytest.mark.parametrize("deps", ["given", None])
async def test_deps_take_the_place_of_the_lifespan(poe_tester: PoeTester, deps: object) -> None:
    seen: list[QueryContext] = []
    states.clear()
    bot = seeing(seen, lifespan=opened)
    await poe_tester(bot, deps=deps).ask("hi")
    assert (seen[0].deps, states) == (deps, [])
    await poe_tester(bot).ask("hi")
    assert seen[1].deps == "from the lifespan"


async def test_limits_take_the_place_of_the_bots(poe_tester: PoeTester) -> None:
    bot = Bot(limits=Limits(characters=100))

    @bot.query
    async def talk(_: QueryContext) -> Answer:
        yield "x" * 200

    assert len((await poe_tester(bot, limits=Limits(characters=50)).ask("hi")).text) == 50
    assert len((await poe_tester(bot).ask("hi")).text) == 100
    assert bot.limits == Limits(characters=100)


@pytest.mark.parametrize("own", [None, KEY])
async def test_a_bot_needs_no_key_of_this_machine(
    poe_tester: PoeTester, own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POE_ACCESS_KEY", raising=False)
    seen: list[QueryContext] = []
    assert (await poe_tester(seeing(seen, access_key=own)).ask("hi")).text == "HI"
    assert seen[0].http.headers["authorization"].startswith("Bearer ")


async def test_a_bot_without_a_handler_is_refused(poe_tester: PoeTester) -> None:
    bot = Bot()
    with pytest.raises(ConfigurationError, match="no handler"):
        poe_tester(bot)


# ---- apps


async def test_an_app_of_several_bots_is_asked_by_path(poe_tester: PoeTester) -> None:
    app = create_app({"/a": seeing([]), "/b": seeing([])}, access_key=KEY)
    assert (await poe_tester(app, path="/b", access_key=KEY).ask("hi")).text == "HI"


async def test_the_key_of_an_app_is_that_of_the_environment(
    poe_tester: PoeTester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POE_ACCESS_KEY", KEY)
    assert (await poe_tester(create_app(seeing([]))).ask("hi")).text == "HI"


async def test_the_lifespan_of_an_app_is_run_and_its_state_reaches_the_request(poe_tester: PoeTester) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, str]]:
        states.append("open")
        yield {"name": "state"}
        states.append("closed")

    states.clear()
    seen: list[QueryContext] = []
    inner = create_app(seeing(seen), allow_without_key=True)
    app = Starlette(routes=[Mount("/poe", inner)], lifespan=lifespan)
    await poe_tester(app, path="/poe/").ask("hi")
    assert seen[0].http.state.name == "state"
    assert states == ["open", "closed"]


async def test_a_start_up_that_fails_fails_the_test_with_its_own_error(poe_tester: PoeTester) -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        raise LookupError("no index")
        yield

    with pytest.raises(LookupError, match="no index"):
        await poe_tester(seeing([], lifespan=failing)).ask("hi")


async def test_a_shutdown_that_fails_fails_the_test_with_its_own_error(poe_tester: PoeTester) -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        yield
        raise LookupError("no index")

    with pytest.raises(LookupError, match="no index"):
        await poe_tester(seeing([], lifespan=failing)).ask("hi")


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
async def test_an_app_that_only_says_that_it_failed_fails_the_test(poe_tester: PoeTester, phase: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await sending(META, HI, DONE)(scope, receive, send)
            return
        while (await receive())["type"] != f"lifespan.{phase}":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": f"lifespan.{phase}.failed", "message": "no disk"})

    with pytest.raises(UnexpectedAnswerError, match=rf"{phase} failed\.\nno disk"):
        await poe_tester(app).ask("hi")


async def test_a_test_that_is_cancelled_leaves_no_start_up_behind(poe_tester: PoeTester) -> None:
    cancelled: list[str] = []

    @asynccontextmanager
    async def hanging() -> AsyncIterator[None]:
        try:
            await asyncio.Event().wait()
            yield
        except asyncio.CancelledError:
            cancelled.append("cancelled")
            raise

    task = asyncio.create_task(poe_tester(seeing([], lifespan=hanging)).ask("hi"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == ["cancelled"]


@pytest.mark.parametrize("wrong", ["bot", None, 5])
async def test_what_is_no_bot_is_refused(poe_tester: PoeTester, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="takes a Bot or an ASGI app"):
        poe_tester(wrong)


async def test_deps_need_the_bot_itself(poe_tester: PoeTester) -> None:
    with pytest.raises(ConfigurationError, match="deps= needs the Bot"):
        poe_tester(sending(), deps=1)


# ---- what fails a test


@pytest.mark.parametrize(
    ("chunks", "rule", "seen"),
    [
        ((HI, DONE), "meta-first", "`text` may not be sent now"),
        ((META, HI), "done-missing", "ends after 2 events without `done`"),
        ((META, DONE), "content-required", "Neither `text` nor `error`"),
        ((META, HI, DONE, HI), "done-last", "`text` may not be sent now"),
        ((META, b"event: text\ndata: hi\n\n", HI, DONE), "data-json", "data of `text`"),
        ((META, HI, DONE, b"event: text"), "sse-framing", "ends inside an event"),
    ],
)
async def test_a_broken_rule_fails_the_test_and_is_named(
    poe_tester: PoeTester, chunks: tuple[bytes, ...], rule: str, seen: str
) -> None:
    with pytest.raises(AssertionError) as raised:
        await poe_tester(sending(*chunks)).ask("hi")
    assert isinstance(raised.value, RuleBrokenError)
    assert raised.value.rules == (rule,)
    assert str(raised.value).startswith(f"{rule}: {RULES[rule].sentence}\n")
    assert seen in str(raised.value)
    assert rule in [violation.rule.id for violation in raised.value.reply.violations]


async def test_a_broken_rule_fails_the_test_at_once(poe_tester: PoeTester) -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        await send({"type": "http.response.body", "body": META + META + HI, "more_body": True})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass

    with pytest.raises(RuleBrokenError) as raised:
        await poe_tester(endless).ask("hi")
    assert raised.value.reply.events == (Meta(), Meta())


@pytest.mark.parametrize("where", ["tester", "call"])
async def test_a_rule_may_be_broken_where_that_is_allowed(poe_tester: PoeTester, where: str) -> None:
    app, rules = sending(HI, DONE), ("meta-first",)
    if where == "tester":
        reply = await poe_tester(app, allow=rules).ask("hi")
    else:
        reply = await poe_tester(app).ask("hi", allow=rules)
    assert [violation.rule.id for violation in reply.violations] == ["meta-first"]
    assert repr(reply) == "Reply(text='hi', violations=('meta-first',))"


async def test_advice_fails_nothing(poe_tester: PoeTester) -> None:
    bot = Bot()

    @bot.query
    async def offer(_: QueryContext) -> Answer:
        for text in "abcd":
            yield SuggestedReply(text)

    reply = await poe_tester(bot).ask("hi")
    assert [violation.rule.id for violation in reply.violations] == ["suggested-replies"]


async def test_only_rules_can_be_allowed(poe_tester: PoeTester) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'meta-first'"):
        poe_tester(sending(), allow=("meta_first",))
    with pytest.raises(ConfigurationError, match=r"allow=\('meta-first',\)"):
        await poe_tester(sending()).ask("hi", allow="meta-first")


async def test_the_answers_of_an_app_are_held_to_the_limits_given(poe_tester: PoeTester) -> None:
    with pytest.raises(RuleBrokenError, match="text-limit"):
        await poe_tester(sending(META, HI, DONE), limits=Limits(characters=1)).ask("hi")


async def test_a_line_without_end_fails_the_test(poe_tester: PoeTester) -> None:
    endless = sending(META, *[b"x" * 2**20] * 5)
    with pytest.raises(RuleBrokenError, match="sse-framing"):
        await poe_tester(endless).ask("hi")
    reply = await poe_tester(endless, allow=("sse-framing", "done-missing", "content-required")).ask("hi")
    assert reply.events == (Meta(),)


async def test_the_middle_of_a_long_answer_is_left_out_of_a_failure(poe_tester: PoeTester) -> None:
    with pytest.raises(RuleBrokenError) as raised:
        await poe_tester(sending(META, *[HI] * 50)).ask("hi")
    lines = str(raised.value).splitlines()
    assert "  ...  31 more" in lines
    assert len(lines) < 40


async def test_a_failure_lists_every_kind_of_event(poe_tester: PoeTester) -> None:
    bot = Bot()

    @bot.query
    async def everything(_: QueryContext) -> Answer:
        yield File(url="u", name="n.png", content_type="image/png")
        yield "x" * 200
        yield Data("kept")
        raise AnswerError("No.")

    app = create_app(bot, allow_without_key=True)

    async def without_done(scope: Any, receive: Any, send: Any) -> None:
        async def cut(message: Any) -> None:
            await send({**message, "body": message.get("body", b"").replace(b"event: done", b"event: odd")})

        await app(scope, receive, cut if scope["type"] == "http" else send)

    with pytest.raises(RuleBrokenError) as raised:
        await poe_tester(without_done).ask("hi")
    listed = str(raised.value).split("The events so far:\n")[1].splitlines()[:6]
    assert [line.split()[1] for line in listed] == ["meta", "file", "text", "data", "error", "'odd'"]
    assert max(map(len, listed)) < 110


async def test_an_answer_that_breaks_off_has_its_cause(poe_tester: PoeTester) -> None:
    async def crashing(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
        await send({"type": "http.response.body", "body": META + HI, "more_body": True})
        raise LookupError("no index")

    with pytest.raises(RuleBrokenError, match="done-missing") as raised:
        await poe_tester(crashing).ask("hi")
    assert isinstance(raised.value.__cause__, LookupError)


async def test_an_app_without_an_answer_fails_the_test(poe_tester: PoeTester) -> None:
    async def crashing(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("no index")

    with pytest.raises(UnexpectedAnswerError, match="LookupError") as raised:
        await poe_tester(crashing).ask("hi")
    assert isinstance(raised.value.__cause__, LookupError)
    assert raised.value.status == 0


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "access_key="), (404, "path="), (405, "path="), (501, "does not know"), (500, "")]
)
async def test_another_status_fails_the_test_with_a_hint(poe_tester: PoeTester, status: int, hint: str) -> None:
    app = sending(b'{"error": "no"}', status=status, headers=[(b"content-type", b"application/json")])
    with pytest.raises(AssertionError) as raised:
        await poe_tester(app).ask("hi")
    assert isinstance(raised.value, UnexpectedAnswerError)
    assert (raised.value.status, raised.value.body) == (status, '{"error": "no"}')
    assert f"answered {status} instead of 200" in str(raised.value)
    assert hint in str(raised.value)


async def test_another_status_whose_body_breaks_off_fails_the_test_too(poe_tester: PoeTester) -> None:
    async def crashing(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise LookupError

    with pytest.raises(UnexpectedAnswerError, match="500 instead of 200"):
        await poe_tester(crashing).ask("hi")


async def test_an_answer_that_is_no_event_stream_fails_the_test(poe_tester: PoeTester) -> None:
    with pytest.raises(UnexpectedAnswerError, match="no type, not text/event-stream"):
        await poe_tester(sending(HI, headers=[])).ask("hi")


# ---- leaving


def endless_bot(closed: list[str]) -> Bot:
    bot = Bot()

    @bot.query
    async def talk(_: QueryContext) -> Answer:
        try:
            yield "one"
            yield SuggestedReply("two")
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    return bot


@pytest.mark.parametrize(("after", "events"), [(0, ()), (1, (Meta(),)), (2, (Meta(), Text("one")))])
async def test_the_user_leaves_after_so_many_events(
    poe_tester: PoeTester, after: int, events: tuple[object, ...]
) -> None:
    closed: list[str] = []
    reply = await poe_tester(endless_bot(closed)).ask("hi", disconnect_after=after)
    assert reply.events == events
    assert reply.text == ("one" if after == 2 else "")
    assert reply.violations == ()
    assert closed == ["closed"] or not after


async def test_leaving_an_answer_that_has_ended_fails_the_test(poe_tester: PoeTester) -> None:
    with pytest.raises(AssertionError, match="ended after 3 events, before the 4 of disconnect_after"):
        await poe_tester(seeing([])).ask("hi", disconnect_after=4)
    assert (await poe_tester(seeing([])).ask("hi", disconnect_after=3)).text == "HI"


# ---- time


async def test_times_come_from_the_clock_that_is_passed_in(poe_tester: PoeTester) -> None:
    clock = ManualClock()
    asking = asyncio.create_task(
        poe_tester(endless_bot([]), clock=clock, limits=Limits(total_seconds=100, ping_seconds=0)).ask("hi")
    )
    await clock.advance(100)
    reply = await asking
    assert reply.error is not None
    assert (reply.first_event_seconds, reply.seconds) == (0, 99)


async def test_a_late_answer_breaks_the_rule(poe_tester: PoeTester) -> None:
    clock = ManualClock()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await clock.advance(6)
        await sending(META, HI, DONE)(scope, receive, send)

    with pytest.raises(RuleBrokenError, match="time-to-first"):
        await poe_tester(late, clock=clock).ask("hi")


async def test_timestamps_come_from_the_clock_that_is_passed_in(poe_tester: PoeTester) -> None:
    seen: list[QueryContext] = []
    await poe_tester(seeing(seen), clock=ManualClock()).ask("hi")
    assert seen[0].messages[0].timestamp == 1_000_000_000


async def test_the_clock_is_passed_in_for_the_call_alone(poe_tester: PoeTester) -> None:
    clock = ManualClock()
    await poe_tester(seeing([]), clock=clock).ask("hi")
    await settle()
    assert clock.armed == 0
    assert (await poe_tester(seeing([])).ask("hi")).seconds > 0


# ---- calls of other bots


async def test_what_the_bot_calls_is_the_fake_poe(poe_tester: PoeTester, fake_poe: FakePoe) -> None:
    bot = Bot()
    claude = bot.uses("Claude")

    @bot.query
    async def relay(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(claude)

    assert (await poe_tester(bot).ask("hi")).text == "Claude is not here; this is a stand-in for it. You said: hi"
    fake_poe.bot("Claude", "I am here.")
    assert (await poe_tester(bot).ask("hi")).text == "I am here."
    assert [call.text for call in fake_poe.calls] == ["hi", "hi"]


async def test_files_and_charges_of_the_bot_go_there_too(poe_tester: PoeTester, fake_poe: FakePoe) -> None:
    bot = Bot()

    @bot.query
    async def paint(ctx: QueryContext) -> Answer:
        async with ctx.poe.charge(up_to=USD("0.05")) as cost:
            cost.add(USD("0.03"), "1 image")
        yield await ctx.poe.upload(b"png", name="plot.png")

    reply = await poe_tester(bot).ask("hi")
    assert reply.error is None
    assert [(upload.url, upload.content) for upload in fake_poe.uploads] == [(reply.files[0].url, b"png")]
    assert [charge.kind for charge in fake_poe.charges] == ["authorize", "capture"]


async def test_testers_work_side_by_side(poe_tester: PoeTester) -> None:
    tester = poe_tester(seeing([], lifespan=opened))
    replies = await asyncio.gather(*(tester.ask(text) for text in "abc"))
    assert [reply.text for reply in replies] == ["A", "B", "C"]


async def test_without_pytest_a_tester_has_a_poe_of_its_own() -> None:
    poe = FakePoe()
    poe.bot("Claude", "I am here.")
    bot = Bot()

    @bot.query
    async def relay(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Claude")

    assert await PoeTester(poe)(bot).ask("hi") == Reply(
        text="I am here.", meta=Meta(), events=(Meta(), Text("I am here."), Done())
    )
