"""What the bot is sent, and what is kept, as Poe would."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from poe_asgi import Answer, Bot, Data, QueryContext, Settings, create_app
from poe_asgi._clock import passed_in
from poe_asgi.client import HttpRequest, read_bounded
from poe_asgi.local import AsgiTransport, FakePoe, Script, real_bots
from poe_asgi.protocol import QueryRequest, is_valid_identifier

from ..snippets import ROOT, snippets
from ..support import KEY
from ..testing.projects import STRICT, outcome, run_pytest
from .calling import NoError, caller
from .visiting import serving

pytestmark = pytest.mark.asyncio


class Noted:
    """A bot that notes what it is sent, and stores and says something."""

    def __init__(self, **more: Any) -> None:
        self.requests: list[QueryRequest] = []
        self.bot = Bot("Noted", **more)

        @self.bot.query
        async def note(ctx: QueryContext) -> Answer:
            self.requests.append(ctx.request)
            yield f"answer {len(self.requests)}"
            yield Data(f"memory {len(self.requests)}")


async def test_ids_are_those_of_poe() -> None:
    noted = Noted()
    page = caller(noted.bot)
    first, second = await page.new(), await page.new()
    await page.ask(first, "one")
    await page.ask(first, "two")
    await page.ask(second, "three")
    one, two, three = noted.requests
    for tag, ids in (("u", one.user_id), ("c", one.conversation_id), ("m", one.message_id), ("d", one.metadata)):
        assert is_valid_identifier(ids, tag)
    assert one.version == "1.2"
    assert one.bot_query_id
    assert one.user_id == two.user_id == three.user_id
    assert one.conversation_id == two.conversation_id != three.conversation_id
    assert len({one.message_id, two.message_id, three.message_id}) == 3


async def test_the_history_is_what_poe_remembers() -> None:
    noted = Noted()
    page = caller(noted.bot)
    key = await page.new()
    answer = await page.ask(key, "one", parameters={"loud": True})
    await page.call("POST", f"conversations/{key}/react", {"id": answer["id"], "reaction": "heart"})
    await page.call("POST", f"conversations/{key}/feedback", {"id": answer["id"], "feedback": "like"})
    await page.ask(key, "two")
    question, before, _ = noted.requests[-1].query
    assert (question.role, question.content, question.parameters) == ("user", "one", {"loud": True})
    assert question.timestamp > 1_600_000_000_000_000
    assert (before.role, before.content, before.metadata) == ("bot", "answer 1", "memory 1")
    assert before.message_id == noted.requests[0].message_id
    assert [(each.user_id, each.reaction) for each in before.reactions] == [(noted.requests[0].user_id, "heart")]
    assert [each.type for each in before.feedback] == ["like"]


async def test_a_cleared_context_is_a_new_conversation_for_the_bot() -> None:
    noted = Noted()
    page = caller(noted.bot)
    key = await page.new()
    await page.ask(key, "one")
    await page.call("POST", f"conversations/{key}/clear", {})
    await page.ask(key, "two")
    one, two = noted.requests
    assert one.conversation_id != two.conversation_id
    assert [message.content for message in two.query] == ["two"]


async def test_trying_again_forgets_the_answer_but_not_the_question() -> None:
    noted = Noted()
    page = caller(noted.bot)
    key = await page.new()
    await page.ask(key, "one")
    await page.call("POST", f"conversations/{key}/retry", {})
    answer = await page.answer(key)
    assert answer["blocks"] == ["<p>answer 2</p>\n"]
    one, again = noted.requests
    assert one.query == again.query
    assert one.message_id != again.message_id


RETRIED = """
from poe_asgi import Answer, AnswerError, Bot, QueryContext

bot = Bot("Retried")
asked = []


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    asked.append(ctx.request)
    if len(asked) == 1 or ctx.text == "never":
        yield "half"
        raise AnswerError("Too busy.", allow_retry=True)
    if ctx.text == "no":
        raise AnswerError("No.")
    yield f"{len(ctx.messages)} messages"
"""


async def test_after_an_error_that_may_be_retried_the_question_is_sent_again_once(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(RETRIED, namespace)
    page = caller(namespace["bot"], imported_from="retried:bot")
    key = await page.new()
    second = await page.ask(key, "hi")
    _, first, _ = (await page.call("GET", f"conversations/{key}"))["entries"]
    assert (first["status"], first["error"]["text"], first["try"]) == ("error", "Too busy.", "first")
    assert (second["status"], second["blocks"], second["try"]) == ("done", ["<p>1 messages</p>\n"], "second")
    one, two = namespace["asked"]
    assert one.query == two.query
    assert one.message_id != two.message_id
    assert (await page.ask(key, "more"))["blocks"] == ["<p>3 messages</p>\n"]  # of the first try nothing is left
    for text, times in (("never", 2), ("no", 1)):
        before = len(namespace["asked"])
        assert (await page.ask(key, text))["status"] == "error"
        assert len(namespace["asked"]) - before == times
    code = (await page.call("GET", f"conversations/{key}/test"))["code"]
    files = {"retried.py": RETRIED, "test_retried.py": code, "pyproject.toml": STRICT}
    printed = await asyncio.to_thread(run_pytest, tmp_path, files)
    assert outcome(printed) == {"passed": 1}, printed + code
    await page.call("POST", f"conversations/{key}/clear", {})
    await page.ask(key, "never")
    await page.call("POST", f"conversations/{key}/retry", {})
    await page.answer(key)
    entries = (await page.call("GET", f"conversations/{key}"))["entries"]
    assert [each["kind"] for each in entries[-4:]] == ["cleared", "question", "answer", "answer"]


async def test_a_second_question_waits_for_the_first_answer() -> None:
    go_on = asyncio.Event()
    bot = Bot("Slow")

    @bot.query
    async def slow(ctx: QueryContext) -> Answer:
        await go_on.wait()
        yield "ok"

    page = caller(bot)
    key = await page.new()
    await page.call("POST", f"conversations/{key}/ask", {"text": "one"})
    with pytest.raises(NoError, match="still answering"):
        await page.call("POST", f"conversations/{key}/ask", {"text": "two"})
    go_on.set()
    assert (await page.answer(key))["status"] == "done"


@pytest.mark.parametrize(
    ("settings", "text", "picture"),
    [
        (Settings(), "Buy milk.", None),
        (Settings(expand_text_attachments=False), None, None),
        (Settings(enable_image_comprehension=True), "Buy milk.", "a.png***A picture."),
    ],
)
async def test_attachments_are_read_as_the_settings_ask_for(
    settings: Settings, text: str | None, picture: str | None
) -> None:
    noted = Noted(settings=settings)
    page = caller(noted.bot)
    await page.call("POST", "settings")
    key = await page.new()
    urls = [await page.attach("a.txt", b"Buy milk.", "text/plain"), await page.attach("a.png", b"....", "image/png")]
    await page.ask(key, "", files=urls)
    first, second = noted.requests[0].query[-1].attachments
    assert (first.name, first.content_type, first.parsed_content) == ("a.txt", "text/plain", text)
    assert (second.parsed_content or "").startswith(picture or "")
    assert (second.parsed_content is None) is (picture is None)
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/poe/files/\w+/a\.txt\?until=[\d.]+", first.url)


class Later:
    """The clock of the loop, some seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return asyncio.get_running_loop().time() + self._seconds

    def call_at(self, when: float, callback: Any, /, *args: Any) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_at(when - self._seconds, callback, *args)


async def test_the_url_of_an_attachment_is_good_for_ten_minutes_and_new_with_each_question() -> None:
    noted = Noted()
    page = caller(noted.bot)
    key, kept = await page.new(), await page.attach("a.txt", b"A", "text/plain")

    async def download(url: str, *, after: float) -> tuple[int, bytes]:
        token = passed_in.set(Later(after))
        try:
            response = await AsgiTransport(page.playground.app).send(HttpRequest(method="GET", url=url))
            return response.status, await read_bounded(response, 2**20)
        finally:
            passed_in.reset(token)

    await page.ask(key, "one", files=[kept])
    await page.ask(key, "two")
    first, second = (request.query[0].attachments[0].url for request in noted.requests)
    assert first != second
    assert await download(first, after=590) == (200, b"A")
    status, told = await download(first, after=601)
    assert status == 403
    assert b"10 minutes" in told
    assert (await download(f"{kept}?until=soon", after=0))[0] == 403
    assert await download(kept, after=10_000) == (200, b"A")  # on the page it stays
    entries = (await page.call("GET", f"conversations/{key}"))["entries"]
    assert entries[0]["files"][0]["url"] == kept


async def test_a_file_that_a_bot_hands_on_stays_on_the_page() -> None:
    bot = Bot("Mirror")

    @bot.query
    async def mirror(ctx: QueryContext) -> Answer:
        yield ctx.attachments[0]
        yield "here"

    page = caller(bot)
    kept = await page.attach("a.txt", b"A", "text/plain")
    answer = await page.ask(await page.new(), "hi", files=[kept])
    assert answer["files"][0]["url"] == kept


async def test_a_wrong_key_is_told_of_in_a_way_that_helps() -> None:
    page = caller(Noted().bot, key="wrong")
    answer = await page.ask(await page.new(), "hi")
    assert answer["status"] == "failed"
    assert answer["problem"] == (
        "The bot answered 401. Its key is another one. Give the bot's access key to the playground."
    )


async def test_a_bot_that_is_not_there_is_told_of() -> None:
    page = caller("http://127.0.0.1:1/")
    answer = await page.ask(await page.new(), "hi")
    assert answer["status"] == "failed"
    assert "127.0.0.1" in answer["problem"]


async def test_a_bot_at_a_url_is_asked_over_the_network() -> None:
    async with serving(create_app(Noted().bot, access_key=KEY)) as url:
        page = caller(url)
        answer = await page.ask(await page.new(), "hi")
        assert answer["blocks"] == ["<p>answer 1</p>\n"]


async def test_a_traceback_may_come_before_or_after_its_answer() -> None:
    bot = Bot("Buggy")

    @bot.query
    async def buggy(ctx: QueryContext) -> Answer:
        yield "x"
        raise ValueError

    page = caller(bot)
    key = await page.new()
    answer = await page.ask(key, "hi")
    assert answer["error"]["traceback"] == ""
    error_id = re.findall(r"error (\w{8})", answer["error"]["text"])[0]
    page.playground.handler_failed("00000000", "of another")
    page.playground.handler_failed(error_id, "Traceback …")
    assert (await page.answer(key))["error"]["traceback"] == "Traceback …"


async def next_of(kind: str, news: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    while (each := await anext(news))["type"] != kind:
        pass
    return each


async def test_open_pages_are_told_of_everything() -> None:
    page = caller(Noted().bot)
    async with page.news() as news:
        assert (await anext(news))["type"] == "hello"
        page.playground.bot_failed("SyntaxError")
        assert (await next_of("bot", news))["failed"] == "SyntaxError"
        await next_of("settings", news)  # the page was opened
        page.playground.bot_reloaded()
        assert (await next_of("bot", news))["failed"] is None
        assert (await next_of("exchange", news))["exchange"]["kind"] == "settings"
        assert (await next_of("settings", news))["settings"]["problems"] == []
        page.playground.close()
        assert [each["type"] async for each in news] == []


async def test_a_page_that_does_not_read_is_let_go() -> None:
    page = caller(Noted().bot)
    async with page.news() as news:
        await anext(news)
        for number in range(5_000):
            page.playground.bot_failed(str(number))
        left = [each async for each in news]
        assert len(left) < 5_000


async def test_the_lifespan_of_an_app_is_run_with_that_of_the_playground() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[str]:
        events.append("opened")
        yield "resource"
        events.append("closed")

    bot = Bot("Resourceful", lifespan=lifespan)

    @bot.query
    async def answer(ctx: QueryContext[str]) -> Answer:
        yield ctx.deps

    page = caller(bot)
    async with serving(page.playground.app, page.playground.close):
        answer_ = await page.ask(await page.new(), "hi")
        assert answer_["blocks"] == ["<p>resource</p>\n"]
    assert events == ["opened", "closed"]


async def test_a_very_long_answer_is_kept_up_with() -> None:
    bot = Bot("Long")

    @bot.query
    async def long(ctx: QueryContext) -> Answer:
        for number in range(20_000):
            yield f"word{number} " + "\n\n" * (number % 40 == 0)

    page = caller(bot)
    answer = await page.ask(await page.new(), "hi")
    assert answer["status"] == "done"
    assert "word19999" in answer["blocks"][-1]


LIVE_BOT = """
from poe_asgi import Answer, Bot, QueryContext

bot = Bot("Relay")
claude = bot.uses("Claude")


@bot.query
async def relay(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream(claude)
"""


async def test_what_the_real_poe_said_is_replayed_offline_by_the_test(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(LIVE_BOT, namespace)
    real, poe = FakePoe(), FakePoe()
    real.bot("Claude", [Script("The real ", "Claude."), Script("Again.\n\nThe real one.")])
    poe.otherwise(real_bots("key-of-the-author", transport=real.transport()))
    page = caller(namespace["bot"], poe=poe, imported_from="relay:bot")
    key = await page.new()
    await page.ask(key, "Who are you?")
    await page.ask(key, "Really?")
    exchange = await page.call("GET", f"exchanges/{(await page.answer(key))['exchange']}")
    assert [each["bot"] for each in exchange["calls"]] == ["Claude"]
    code = (await page.call("GET", f"conversations/{key}/test"))["code"]
    assert 'Script("The real Claude.")' in code
    assert "key-of-the-author" not in code + json.dumps(exchange)
    printed = await asyncio.to_thread(
        run_pytest, tmp_path, {"relay.py": LIVE_BOT, "test_relay.py": code, "pyproject.toml": STRICT}
    )
    assert outcome(printed) == {"passed": 1}, printed


ODD_APP = """
import asyncio
import json

EVENTS = 'event: text\\ndata: {"text": "hi"}\\n\\nevent: done\\ndata: {}\\n\\nevent: text\\ndata: {"text": "!"}\\n\\n'


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    asked = json.loads((await receive())["body"])
    said = asked["query"][-1]["content"] if asked["type"] == "query" else "json"
    kind = b"application/json" if said == "json" else b"text/event-stream"
    await send({"type": "http.response.start", "status": 500 if said == "fail" else 200, "headers": [(b"content-type", kind)]})
    if said == "on":
        await send({"type": "http.response.body", "body": EVENTS[:34].encode(), "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
    await send({"type": "http.response.body", "body": b"{}" if said == "json" else EVENTS.encode()})
"""


async def test_what_broke_rules_failed_or_was_stopped_makes_a_test_that_passes(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(ODD_APP, namespace)
    page = caller(namespace["app"], key=None, imported_from="odd:app")
    key = await page.new()
    for text in ("hi", "json", "fail"):
        await page.ask(key, text)
    await page.call("POST", f"conversations/{key}/ask", {"text": "on"})
    async with asyncio.timeout(5):
        while not (await page.call("GET", f"conversations/{key}"))["entries"][-1]["blocks"]:
            await asyncio.sleep(0.005)
    await page.call("POST", f"conversations/{key}/stop", {})
    code = (await page.call("GET", f"conversations/{key}/test"))["code"]
    assert 'poe_tester(app, allow=("done-last", "meta-first"))' in code, code
    files = {"odd.py": ODD_APP, "test_odd.py": code, "pyproject.toml": STRICT}
    printed = await asyncio.to_thread(run_pytest, tmp_path, files)
    assert outcome(printed) == {"passed": 1}, printed + code


async def test_the_test_of_the_guide_is_what_comes_out() -> None:
    namespace: dict[str, Any] = {}
    exec(LIVE_BOT.replace("Claude", "Claude-Sonnet-4.6"), namespace)
    poe = FakePoe()
    poe.bot("Claude-Sonnet-4.6", "Because of the air.")
    page = caller(namespace["bot"], poe=poe, imported_from="relay:bot")
    key = await page.new()
    await page.ask(key, "Why is the sky blue?")
    (shown,) = snippets(ROOT / "docs/playground.md", "text")
    assert (await page.call("GET", f"conversations/{key}/test"))["code"] == shown.code


async def test_a_file_that_is_no_conversation_is_refused() -> None:
    page = caller(Noted().bot)
    for body in (b"", b"{}", b"[]", b'{"poe_asgi_conversation": 1}', b'{"poe_asgi_conversation": 2, "turns": []}'):
        with pytest.raises(NoError):
            await page.call("POST", "replay", body)
    assert KEY not in repr(page)
