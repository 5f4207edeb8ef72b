"""What observers are told, and that they harm nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    ConfigurationError,
    File,
    Limits,
    PoeChatModel,
    PoeClient,
    QueryContext,
    UserCausedError,
    create_app,
    drain,
)
from poe_asgi.client import HttpRequest, HttpResponse
from poe_asgi.local import FakePoe
from poe_asgi.observe import Observer, Query, QueryEnd, QueryError, UpstreamCall, UpstreamEnd
from poe_asgi.protocol import ErrorEvent
from poe_asgi.server import Admission
from poe_asgi.server._driver import Driver
from poe_asgi.server._site import RESTARTING
from tests.support import KEY, Exchange, ManualClock, query, settle

ASKED = query(message_id="m-1", conversation_id="c-1", user_id="u-1")


class Diary(Observer):
    """Writes down all it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.queries: list[Query] = []

    def _note(self, name: str, query: Query, *values: Any) -> None:
        self.told.append((name, values))
        self.queries.append(query)

    def query_started(self, query: Query) -> None:
        self._note("query_started", query)

    def first_event(self, query: Query, seconds: float) -> None:
        self._note("first_event", query, seconds)

    def limit_hit(self, query: Query, limit: str) -> None:
        self._note("limit_hit", query, limit)

    def error(self, query: Query, error: QueryError) -> None:
        self._note("error", query, error)

    def handler_abandoned(self, query: Query) -> None:
        self._note("handler_abandoned", query)

    def query_ended(self, query: Query, end: QueryEnd) -> None:
        self._note("query_ended", query, end)

    def call_started(self, query: Query, call: UpstreamCall) -> Mapping[str, str] | None:
        self._note("call_started", query, call)
        return {"x-diary": "kept"}

    def call_ended(self, query: Query, call: UpstreamCall, end: UpstreamEnd) -> None:
        self._note("call_ended", query, call, end)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    def the(self, name: str) -> Any:
        """What was told of this, once."""
        (values,) = [values for each, values in self.told if each == name]
        return values[-1]

    @property
    def end(self) -> QueryEnd:
        end: QueryEnd = self.the("query_ended")
        return end


def bot_of(handler: Callable[[QueryContext], Answer], **arguments: Any) -> Bot:
    bot = Bot("Seen", **arguments)
    bot.query(handler)
    return bot


async def greet(ctx: QueryContext) -> Answer:
    yield "Hello, "
    yield "you."


async def observed(
    handler: Callable[[QueryContext], Answer], diary: Diary, body: object = ASKED, **arguments: Any
) -> Exchange:
    app = create_app(bot_of(handler, **arguments), access_key=KEY, observers=[diary])
    return await Exchange().run(app, body)


# ---- an answer


@pytest.mark.asyncio
async def test_an_answer_is_told_from_its_start_to_its_end() -> None:
    diary = Diary()
    exchange = await observed(greet, diary)
    assert diary.names == ["query_started", "first_event", "query_ended"]
    first, end = diary.the("first_event"), diary.end
    assert (end.outcome, end.events, end.characters) == ("answered", len(exchange.events), len("Hello, you."))
    assert end.first_event_seconds == first
    assert 0 <= first <= end.seconds
    assert len(set(map(id, diary.queries))) == 1


@pytest.mark.asyncio
async def test_a_query_is_told_with_its_ids_and_without_its_key_and_words() -> None:
    diary = Diary()
    app = create_app(bot_of(greet), access_key=KEY, observers=[diary])
    await Exchange().run(app, ASKED, headers={"traceparent": "00-1", "Cookie": "secret", "Proxy-Authorization": "x"})
    told = diary.queries[0]
    assert (told.bot, told.message_id, told.conversation_id, told.user_id) == ("Seen", "m-1", "c-1", "u-1")
    assert told.headers == {"traceparent": "00-1"}
    assert "traceparent" not in repr(told)


@pytest.mark.asyncio
async def test_a_bot_without_a_name_goes_by_its_path() -> None:
    diary = Diary()
    bot = Bot()
    bot.query(greet)
    await Exchange().run(create_app({"/here": bot}, access_key=KEY, observers=[diary]), path="/here")
    assert diary.queries[0].bot == "/here"


@pytest.mark.asyncio
async def test_a_bot_without_a_name_goes_by_its_path_at_both_doors_and_where_it_is_mounted() -> None:
    diary, bots = Diary(), {"/here": Bot(), "/there": Bot()}
    for bot in bots.values():
        bot.query(greet)
    app = create_app(bots, access_key=KEY, observers=[diary], openai=True)
    await Exchange().run(app, path="/there/")
    body = {"model": "there", "messages": [{"role": "user", "content": "hi"}]}
    assert (await Exchange().run(app, body, path="/v1/chat/completions")).status == 200
    await Exchange().run(Starlette(routes=[Mount("/bots", app)]), path="/bots/there")
    assert {each.bot for each in diary.queries} == {"/there", "/bots/there"}


@pytest.mark.asyncio
async def test_times_are_those_of_the_clock() -> None:
    clock, diary, go = ManualClock(), Diary(), asyncio.Event()

    async def slow(_: QueryContext) -> Answer:
        await go.wait()
        yield "x"
        go.clear()
        await go.wait()

    exchange = Exchange(clock)
    task = asyncio.create_task(exchange.run(create_app(bot_of(slow), access_key=KEY, observers=[diary])))
    await settle()
    for _ in range(2):
        await clock.advance(3)
        go.set()
        await settle()
    await task
    assert (diary.the("first_event"), diary.end.seconds) == (3, 6)


async def failing(_: QueryContext) -> Answer:
    yield "x"
    raise LookupError("words that are nobody's business")


async def in_a_group(_: QueryContext) -> Answer:
    yield "x"
    raise ExceptionGroup("several", [KeyError()])


async def refusing(_: QueryContext) -> Answer:
    raise UserCausedError("Please say something else.")
    yield ""


async def silent(_: QueryContext) -> Answer:
    return
    yield ""


async def long(_: QueryContext) -> Answer:
    yield "x" * 1_000


async def files(_: QueryContext) -> Answer:
    for _each in range(3):
        yield File(url="https://example.com", name="a", content_type="text/plain")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("handler", "kind", "limit", "has_id"),
    [
        (failing, "LookupError", None, True),
        (in_a_group, "KeyError", None, True),
        (refusing, "UserCausedError", None, False),
        (silent, "content-required", None, False),
        (long, "text-limit", "text-limit", False),
        (files, "file-limit", "file-limit", False),
    ],
)
async def test_an_error_is_told_by_its_kind_with_the_id_of_the_log_and_without_its_words(
    handler: Any, kind: str, limit: str | None, has_id: bool, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary()
    await observed(handler, diary, limits=Limits(characters=100, files=2))
    error: QueryError = diary.the("error")
    assert error.kind == kind
    assert [values[0] for name, values in diary.told if name == "limit_hit"] == ([limit] if limit else [])
    assert diary.end.outcome == "error"
    logged = [record.error_id for record in caplog.records if hasattr(record, "error_id")]
    assert logged == ([error.error_id] if has_id else [])
    assert (error.error_id is not None) == has_id
    assert "business" not in repr(diary.told)


@pytest.mark.asyncio
async def test_a_reader_that_leaves_is_told_as_such() -> None:
    diary = Diary()

    async def endless(_: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(create_app(bot_of(endless), access_key=KEY, observers=[diary])))
    await settle()
    exchange.disconnect()
    await task
    assert diary.names == ["query_started", "first_event", "query_ended"]
    assert diary.end.outcome == "left"


@pytest.mark.asyncio
async def test_an_answer_that_the_drain_ends_is_told_once() -> None:
    diary = Diary()

    async def endless(_: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    app = create_app(bot_of(endless), access_key=KEY, observers=[diary], drain_seconds=0)
    task = asyncio.create_task(Exchange().run(app))
    await settle()
    await drain(app)
    await task
    assert diary.the("error") == QueryError(kind="restarting")
    assert diary.end.outcome == "error"


@pytest.mark.asyncio
async def test_the_end_of_the_time_is_a_limit() -> None:
    clock, diary = ManualClock(), Diary()

    async def endless(_: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    app = create_app(bot_of(endless, limits=Limits(total_seconds=10)), access_key=KEY, observers=[diary])
    task = asyncio.create_task(Exchange(clock).run(app))
    await settle()
    await clock.advance(10)
    await task
    assert (diary.the("limit_hit"), diary.the("error").kind) == ("time-limit", "time-limit")


@pytest.mark.asyncio
async def test_an_abandoned_handler_is_told() -> None:
    diary, release = Diary(), asyncio.Event()

    async def stubborn(_: QueryContext) -> Answer:
        yield "x"
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    app = create_app(bot_of(stubborn, limits=Limits(close_seconds=0)), access_key=KEY, observers=[diary])
    exchange = Exchange()
    task = asyncio.create_task(exchange.run(app))
    await settle()
    exchange.disconnect()
    await task
    assert diary.names[-2:] == ["handler_abandoned", "query_ended"]
    release.set()
    await settle()


@pytest.mark.asyncio
@pytest.mark.parametrize("stubborn", [True, False])
async def test_the_end_is_told_last_and_when_the_handler_has_ended_though_its_request_is_cancelled(
    stubborn: bool,
) -> None:
    clock, diary, release = ManualClock(), Diary(), asyncio.Event()

    async def handler(_: QueryContext) -> Answer:
        yield "x"
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    app = create_app(bot_of(handler, limits=Limits(close_seconds=5)), access_key=KEY, observers=[diary])
    exchange = Exchange(clock)
    task = asyncio.create_task(exchange.run(app))
    await settle()
    exchange.disconnect()
    await settle()
    task.cancel()
    await asyncio.wait([task])
    at_first = diary.names[2:]
    if not stubborn:
        release.set()
    await clock.advance(5)
    release.set()
    await settle()
    assert at_first == []
    assert diary.names[2:] == (["handler_abandoned"] if stubborn else []) + ["query_ended"]
    assert diary.end.outcome == "left"


@pytest.mark.asyncio
async def test_an_answer_whose_handler_is_cancelled_with_all_other_tasks_is_told_as_restarting() -> None:
    diary = Diary()
    handlers: list[Any] = []

    async def endless(_: QueryContext) -> Answer:
        handlers.append(asyncio.current_task())
        yield "x"
        await asyncio.Event().wait()

    task = asyncio.create_task(Exchange().run(create_app(bot_of(endless), access_key=KEY, observers=[diary])))
    await settle()
    handlers[0].cancel()
    assert (await task).reader.error == RESTARTING
    assert diary.the("error") == QueryError(kind="restarting")


@pytest.mark.asyncio
async def test_a_query_that_is_not_let_in_is_told_with_the_limit() -> None:
    diary = Diary()
    app = create_app(bot_of(greet), access_key=KEY, observers=[diary], admission=Admission(rate_per_user="1/day"))
    await Exchange().run(app, ASKED)
    diary.told.clear()
    await Exchange().run(app, ASKED)
    assert diary.names == ["query_started", "limit_hit", "error", "first_event", "query_ended"]
    assert (diary.the("limit_hit"), diary.the("error").kind) == ("rate_per_user", "rate_per_user")


@pytest.mark.asyncio
async def test_the_handler_has_the_context_variables_of_its_observers_and_the_request_has_not() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="nothing")

    class Setting(Observer):
        def query_started(self, query: Query) -> None:
            variable.set(query.message_id)

    async def telling(_: QueryContext) -> Answer:
        yield variable.get()

    app = create_app(bot_of(telling), access_key=KEY, observers=[Setting()])
    assert (await Exchange().run(app, ASKED)).text == "m-1"
    assert variable.get() == "nothing"


# ---- calls


@pytest.mark.asyncio
async def test_a_call_of_another_bot_is_told_and_carries_the_headers_of_the_observers(fake_poe: FakePoe) -> None:
    diary = Diary()

    async def relay(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Other")

    await observed(relay, diary)
    assert diary.names == ["query_started", "call_started", "first_event", "call_ended", "query_ended"]
    ((call, end),) = [values for name, values in diary.told if name == "call_ended"]
    assert (call.api, call.name, call) == ("bot", "Other", diary.the("call_started"))
    assert (end.error, end.input_tokens) == (None, None)
    assert 0 <= end.first_seconds <= end.seconds


@pytest.mark.asyncio
async def test_the_headers_of_the_observers_go_along_but_do_not_replace_those_of_the_call() -> None:
    sent: list[HttpRequest] = []

    class Failing:
        async def send(self, request: HttpRequest) -> HttpResponse:
            sent.append(request)
            raise AnswerError("No network here.")

        async def aclose(self) -> None: ...

    class Meddling(Observer):
        def call_started(self, *_: object) -> Mapping[str, str]:
            return {"authorization": "mine", "traceparent": "00-1"}

    async def relay(_: QueryContext) -> Answer:
        yield PoeClient(api_key="k", transport=Failing()).stream("Other", "hi")

    app = create_app(bot_of(relay), access_key=KEY, observers=[Meddling()])
    await Exchange().run(app)
    assert (sent[0].headers["authorization"], sent[0].headers["traceparent"]) == ("Bearer k", "00-1")


@pytest.mark.asyncio
async def test_a_call_of_a_model_is_told_with_its_tokens(fake_poe: FakePoe) -> None:
    diary = Diary()

    async def asking(_: QueryContext) -> Answer:
        yield (await PoeChatModel(api_key="k", model="GPT").invoke("hi")).text
        yield PoeChatModel(api_key="k", model="GPT").stream("hi").answer()

    await observed(asking, diary)
    ends = [values for name, values in diary.told if name == "call_ended"]
    for call, end in ends:
        assert (call.api, call.name, end.model, end.error) == ("model", "GPT", "GPT", None)
        assert end.input_tokens > 0
        assert end.output_tokens > 0
    assert len(ends) == 2


@pytest.mark.asyncio
async def test_a_call_that_fails_is_told_by_the_class_of_its_error(fake_poe: FakePoe) -> None:
    diary = Diary()
    fake_poe.bot("Other", ErrorEvent(text="Broken.", allow_retry=False))

    async def relay(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Other")

    await observed(relay, diary)
    ((_, end),) = [values for name, values in diary.told if name == "call_ended"]
    assert (end.error, end.first_seconds) == ("BotError", None)


@pytest.mark.asyncio
async def test_a_call_that_is_not_read_to_its_end_has_ended_without_an_error(fake_poe: FakePoe) -> None:
    diary = Diary()

    async def impatient(ctx: QueryContext) -> Answer:
        async with ctx.poe.stream("Other") as stream:
            async for _ in stream:
                break
        yield "enough"

    await observed(impatient, diary)
    assert diary.names.count("call_ended") == 1
    ((_, end),) = [values for name, values in diary.told if name == "call_ended"]
    assert end.error is None


@pytest.mark.asyncio
async def test_calls_of_two_answers_at_once_are_told_with_their_own_query(fake_poe: FakePoe) -> None:
    diary = Diary()

    async def relay(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(ctx.text)

    app = create_app(bot_of(relay), access_key=KEY, observers=[diary])
    names = ["One", "Two", "Three"]
    await asyncio.gather(*(Exchange().run(app, query(name, message_id=name)) for name in names))
    calls = [
        (query.message_id, values[0].name)
        for (name, values), query in zip(diary.told, diary.queries, strict=True)
        if name.startswith("call_")
    ]
    assert sorted(calls) == sorted((name, name) for name in names * 2)


# ---- harming nobody, costing nothing


class Broken(Observer):
    """Raises whatever it is told."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name == "routes":
            return super().__getattribute__(name)

        def broken(*_: object) -> None:
            raise RuntimeError(f"{name} is broken")

        return broken


@pytest.mark.asyncio
async def test_an_observer_that_raises_is_logged_and_harms_neither_the_answer_nor_other_observers(
    fake_poe: FakePoe, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary()

    async def relay(_: QueryContext) -> Answer:
        yield PoeClient(api_key="k").stream("Other", "hi")

    app = create_app(bot_of(relay), access_key=KEY, observers=[Broken(), diary])
    exchange = await Exchange().run(app, ASKED)
    assert exchange.reader.clean
    assert exchange.reader.error is None
    assert diary.names == ["query_started", "call_started", "first_event", "call_ended", "query_ended"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{name} of the observer Broken failed" for name in diary.names
    ]
    assert {record.name for record in caplog.records} == {"poe_asgi.observe"}


@pytest.mark.asyncio
async def test_an_observer_writes_only_the_methods_it_needs() -> None:
    class Idle(Observer):
        pass

    app = create_app(bot_of(greet), access_key=KEY, observers=[Idle()])
    assert (await Exchange().run(app)).text == "Hello, you."


@pytest.mark.asyncio
async def test_without_an_observer_the_plain_driver_runs_and_no_call_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what observers need, nothing is even loaded: see the subprocess in test_layout."""
    drivers: list[type[Driver]] = []
    before = Driver.start

    def start(self: Driver) -> None:
        drivers.append(type(self))
        before(self)

    monkeypatch.setattr(Driver, "start", start)
    app = create_app(bot_of(greet), access_key=KEY)
    await Exchange().run(app)
    assert drivers == [Driver]
    assert app.state.poe_asgi.attendance is None


@pytest.mark.parametrize("wrong", [[Diary], [object()], Diary(), ["x"]])
def test_what_is_no_list_of_observers_is_told_when_the_app_is_built(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="observer"):
        create_app(bot_of(greet), observers=wrong)


def test_an_observer_whose_methods_would_have_to_be_awaited_is_told_when_the_app_is_built() -> None:
    class Awaited(Observer):
        async def query_started(self, _: Query) -> None:  # type: ignore[override]
            raise AssertionError

    with pytest.raises(ConfigurationError, match="query_started of Awaited must be a plain function"):
        create_app(bot_of(greet), observers=[Awaited()])


@pytest.mark.asyncio
async def test_headers_that_are_none_are_logged_and_harm_no_call(
    fake_poe: FakePoe, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Diary):
        def call_started(self, *_: Any) -> Any:
            return 5

    fake_poe.bot("Other", "said")

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Other")

    assert (await observed(handler, Wrong())).text == "said"
    assert "returned no headers" in caplog.text
