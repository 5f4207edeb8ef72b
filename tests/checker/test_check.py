"""What a check does with time, limits, targets that are none, and apps that fail."""

# ruff: noqa: ARG002 - a bot that is special in one respect overrides methods without using all they are given

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, Limits, QueryContext, create_app
from poe_asgi._clock import passed_in, sleep
from poe_asgi.checker import PROBES, Budget, Probe, Report, check
from poe_asgi.checker._bodies import REPORTS, query, report, with_hints
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import RULES
from tests.server.serving import serving
from tests.support import KEY, ManualClock

from .bad_bots import DONE, ERROR, META, TEXT, GoodBot, MindsTheCase, RefusedError, Request, SendsItInOnePiece

SEED = Path(__file__).parents[2] / "../shared/fixtures/seed-requests"


def ids(found: Report) -> list[str]:
    assert found.problem is None
    return [finding.rule.id for finding in found.findings]


def echo(**arguments: Any) -> Bot:
    bot = Bot(access_key=KEY, **arguments)

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield ctx.text

    return bot


# ---- over sockets


@pytest.mark.asyncio
async def test_a_bot_behind_a_real_server_is_judged_as_in_process() -> None:
    with serving(create_app(echo())) as port:
        found = await check(f"http://127.0.0.1:{port}", access_key=KEY)
    assert ids(found) == []
    assert set(found.skipped) == {"https", "disconnect-noticed"}


@pytest.mark.asyncio
@pytest.mark.parametrize(("bot", "rule"), [(MindsTheCase, "key-scheme"), (SendsItInOnePiece, "stream-buffered")])
async def test_a_faulty_bot_behind_a_real_server_is_told_of_its_fault(bot: type[GoodBot], rule: str) -> None:
    with serving(WithLifespan(bot())) as port:
        assert ids(await check(f"http://127.0.0.1:{port}/", access_key=KEY)) == [rule]


class WithLifespan:
    """The server here wants one."""

    def __init__(self, app: GoodBot) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})


# ---- what cannot be checked


@pytest.mark.asyncio
async def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    found = await check("http://127.0.0.1:1/bot", access_key=KEY)
    assert found.exit_code == 2
    assert found.problem is not None
    assert found.problem.endswith("Is a server running at http://127.0.0.1:1/bot?")
    assert (found.findings, found.checked, dict(found.skipped)) == ((), (), {})


@pytest.mark.asyncio
async def test_a_key_that_is_needed_is_asked_for() -> None:
    found = await check(create_app(echo()))
    assert found.problem == "The bot asks for its access key (it answered 401): give the key."


@pytest.mark.asyncio
async def test_a_path_without_a_bot_is_no_fault_of_a_bot() -> None:
    found = await check(create_app(echo()), path="/elsewhere", access_key=KEY)
    assert found.problem == "There is no bot at http://bot.test/elsewhere: a POST is answered 404."


@pytest.mark.asyncio
async def test_an_app_that_does_not_start_is_told_with_its_reason() -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        raise LookupError("no index")
        yield

    found = await check(create_app(echo(lifespan=failing)), access_key=KEY)
    assert found.problem == "The app did not start: LookupError: no index"


@pytest.mark.asyncio
async def test_an_app_that_does_not_stop_is_judged_and_told_of_that() -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        yield
        raise LookupError("no index")

    found = await check(create_app(echo(lifespan=failing)), access_key=KEY)
    assert ids(found) == []
    assert found.notes == ("The app's shutdown failed: LookupError: no index",)


@pytest.mark.asyncio
@pytest.mark.parametrize("target", ["bot.py", "ftp://bot.example.com/", "http://", 5, "http://user:word@bot.test/"])
async def test_what_is_neither_an_app_nor_a_url_is_refused(target: Any) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await check(target)
    assert "word" not in str(raised.value).replace("password", "")


@pytest.mark.asyncio
async def test_a_path_without_its_slash_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="begins with a slash, not 'poe'"):
        await check(create_app(echo()), path="poe")


@pytest.mark.asyncio
async def test_a_host_that_is_no_name_is_a_problem_that_is_told() -> None:
    found = await check(f"http://{'x' * 70}.example.com/")
    assert found.exit_code == 2
    assert found.problem is not None


@pytest.mark.asyncio
async def test_an_expected_rule_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'meta-frist'\. Did you mean 'meta-first'\?"):
        await check(create_app(echo()), expected={"meta-frist": "x"})


# ---- when the bot is to blame


@pytest.mark.asyncio
async def test_a_bot_without_a_plain_answer_is_asked_nothing_else() -> None:
    class Failing(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            raise LookupError("no model")

    found = await check(Failing(), access_key=KEY)
    assert ids(found) == ["query-status"]
    assert found.requests == 1
    assert found.findings[0].came == "500 text/plain; the app raised LookupError: no model"
    assert found.skipped["settings-status"] == "a plain question is not answered"
    assert not found.complete


@pytest.mark.asyncio
async def test_a_failure_in_mid_answer_is_a_stream_cut_short() -> None:
    class Cut(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.start(r)
            await self.part(r, META + TEXT)
            raise LookupError("no model")

    assert ids(await check(Cut(), access_key=KEY)) == ["done-missing"]


@pytest.mark.asyncio
async def test_a_key_that_the_bot_shows_in_an_answer_is_found_and_not_shown_again() -> None:
    class Telling(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.stream(r, META + TEXT.replace("hi", KEY)[:40], TEXT.replace("hi", KEY)[40:] + DONE)

        async def tell_settings(self, body: Any, r: Request) -> None:
            await self.answer(r, {"response_version": 2, "introduction_message": KEY})

    found = await check(Telling(), access_key=KEY)
    assert "key-shown" in ids(found)
    assert KEY not in str(found)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('Traceback (most recent call last):\n  File "bot.py"', True),
        ("TypeError: x\n    at Object.<anonymous> (/app/index.js:3:9)", True),
        ("Look at the log, under 5:30.", False),
    ],
)
async def test_a_stack_trace_in_any_answer_is_found(body: str, shown: bool) -> None:
    class Debugging(GoodBot):
        async def page(self, r: Request) -> None:
            await self.answer(r, body, content_type="text/plain")

    assert ids(await check(Debugging(), access_key=KEY)) == ["internals-shown"] * shown


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["gzip", "br", "nonsense"])
async def test_a_stream_that_is_compressed_unasked_is_told_of_and_read_if_it_can_be(encoding: str) -> None:
    class Compressing(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.start(r, {"content-encoding": encoding})
            await r.send({"type": "http.response.body", "body": gzip.compress((META + TEXT + DONE).encode())})

    found = await check(Compressing(), access_key=KEY)
    assert ids(found) == ["stream-compressed"]


@pytest.mark.asyncio
async def test_a_stream_that_is_not_compressed_as_it_says_breaks_off() -> None:
    class Pretending(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.start(r, {"content-encoding": "gzip"})
            await self.part(r, META + TEXT + DONE, more=False)

    found = await check(Pretending(), access_key=KEY)
    assert "done-missing" in ids(found)
    assert "the body is not compressed as its header says" in found.errors[0].came


# ---- time and limits


class Silent(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        await r.receive()


class Endless(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META)
        while True:
            await self.part(r, TEXT)
            await sleep(1)


class Slow(GoodBot):
    async def query(self, query: Any, r: Request) -> None:
        await self.start(r)
        await self.part(r, META)
        await sleep(1)
        await self.part(r, TEXT + DONE, more=False)


async def timed(bot: GoodBot, **options: Any) -> Report:
    """The report of a check whose time passes as fast as it can."""
    clock = ManualClock()
    token = passed_in.set(clock)
    try:
        task = asyncio.create_task(check(bot, access_key=KEY, **options))
    finally:
        passed_in.reset(token)
    while not task.done():
        await clock.advance(0.25)
    return await task


@pytest.mark.asyncio
async def test_a_bot_that_never_answers_is_not_waited_for_longer_than_the_budget() -> None:
    found = await timed(Silent(), budget=Budget(response=7))
    assert ids(found) == ["time-to-first"]
    assert found.findings[0].came == "no answer within 7 s"


@pytest.mark.asyncio
async def test_an_answer_without_end_is_left_after_the_budget_and_the_report_says_so() -> None:
    found = await timed(Endless(), budget=Budget(answer=40, disconnect=0.5))
    assert found.notes == ("The answer to a plain question was left after 40 s, unfinished.",)
    assert ids(found) == ["disconnect-noticed"]


@pytest.mark.asyncio
async def test_an_answer_without_end_breaks_the_limit_when_that_comes_before_the_budget() -> None:
    budget = Budget(disconnect=0.5)
    assert "time-limit" in ids(await timed(Endless(), limits=Limits(total_seconds=20), budget=budget))
    assert "text-limit" in ids(await timed(Endless(), limits=Limits(characters=20), budget=budget))


@pytest.mark.asyncio
async def test_a_fast_check_of_a_good_bot_leaves_nothing_out() -> None:
    found = await check(create_app(echo()), access_key=KEY, fast=True)
    assert ids(found) == []
    assert found.complete
    assert set(found.skipped) == {"https"}


@pytest.mark.asyncio
async def test_a_fast_check_ends_in_time_and_tells_what_it_has_not_come_to() -> None:
    found = await timed(Slow(), fast=True)
    assert ids(found) == ["disconnect-noticed"]
    assert found.seconds < 5
    assert found.skipped["query-history"] == "the time of the check was over"
    assert {"meta-first", "settings-fields", "body-invalid", "page"} < set(found.checked)
    assert not found.complete


@pytest.mark.asyncio
async def test_a_fast_check_without_any_answer_has_checked_nothing() -> None:
    found = await timed(Silent(), fast=True)
    assert (found.problem, found.exit_code) == ("No answer came within 4 s.", 2)


@pytest.mark.asyncio
async def test_a_stream_that_comes_in_one_piece_after_a_while_was_held_back() -> None:
    class Holding(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.start(r)
            await sleep(2)
            for part in (META, TEXT, TEXT, DONE):
                await self.part(r, part)
            await self.part(r, "", more=False)

    found = await timed(Holding())
    assert ids(found) == ["stream-buffered"]
    assert found.findings[0].came.startswith("All 4 events came at once, after 2.0 s.")


# ---- a public URL


def at(url: str, app: Any, **options: Any) -> Any:
    return check(url, transport=AsgiTransport(app), **options)


@pytest.mark.asyncio
async def test_a_public_url_with_https_and_a_key_is_well() -> None:
    found = await at("https://bot.example.com/", GoodBot(), access_key=KEY)
    assert ids(found) == []
    assert set(found.skipped) == {"disconnect-noticed", "stream-proxied"}


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "192.168.1.5", "box.local", "bot"])
async def test_a_host_that_only_this_network_knows_needs_no_https(host: str) -> None:
    assert ids(await at(f"http://{host}:8000/", GoodBot(), access_key=KEY)) == []


@pytest.mark.asyncio
async def test_a_public_bot_without_a_key_is_open_to_all() -> None:
    class Open(GoodBot):
        def authenticate(self, header: bytes) -> None:
            pass

    assert ids(await at("https://bot.example.com/", Open())) == ["key-missing"]
    assert ids(await at("http://8.8.8.8/", Open())) == ["key-missing", "https"]


# ---- the rest


@pytest.mark.asyncio
async def test_progress_is_told_probe_by_probe() -> None:
    told: list[Probe] = []
    await check(GoodBot(), access_key=KEY, on_probe=told.append)
    assert told == [probe for probe in PROBES if probe.needs != "public"]


@pytest.mark.asyncio
async def test_warnings_alone_leave_a_bot_clean() -> None:
    found = await check(MindsTheCase(), access_key=KEY)
    assert (len(found.errors), len(found.warnings), found.exit_code) == (0, 1, 0)


@pytest.mark.asyncio
async def test_a_rule_that_is_broken_several_times_is_one_finding_that_counts() -> None:
    class Wordless(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.stream(r, META + DONE)

    (finding,) = (await check(Wordless(), access_key=KEY)).findings
    assert finding.rule is RULES["content-required"]
    assert finding.times > 10
    assert finding.sent == "a plain question"


@pytest.mark.asyncio
async def test_an_error_in_answer_to_a_broken_query_is_as_good_as_400() -> None:
    class Telling(GoodBot):
        def parse(self, raw: bytes) -> Any:
            try:
                return super().parse(raw)
            except RefusedError:
                return {"type": "query", "query": None}

        async def query(self, query: Any, r: Request) -> None:
            await self.stream(r, META + (TEXT if query["query"] else ERROR) + DONE)

    assert ids(await check(Telling(), access_key=KEY)) == []


@pytest.mark.asyncio
async def test_a_check_that_is_cancelled_leaves_no_task_behind() -> None:
    class Hanging(GoodBot):
        async def query(self, query: Any, r: Request) -> None:
            await self.start(r)
            await r.receive()

    task = asyncio.create_task(check(Hanging(), access_key=KEY))
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.skipif(not SEED.exists(), reason="the folder with the documented requests is not there")
def test_the_bodies_have_the_shapes_that_are_documented() -> None:
    seed = {path.stem: json.loads(path.read_text()) for path in SEED.glob("*.json")}
    from poe_asgi.checker._probe_queries import _minimal

    assert shape(_minimal()) == shape(seed["query"])
    assert shape(with_hints()) == shape({**seed["query-with-hints"], "bot_query_id": ""})
    assert set(query()) - set(seed["query"]) == {"bot_query_id"}
    assert set(report(REPORTS[0])) > set(seed["report_reaction"])


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)
