"""The page in a real browser: what a user does, and what it shows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from playwright.async_api import FilePayload, expect
from pydantic import BaseModel, Field

from poe_asgi import Answer, Bot, Data, File, Meta, QueryContext, ReplaceResponse, Settings, SuggestedReply, create_app
from poe_asgi.client import close_pool
from poe_asgi.local import FakePoe
from poe_asgi.protocol import InSection, OnlyIf, Ratios
from poe_asgi.server import FeedbackContext, ReactionContext

from ..support import KEY
from ..testing.projects import STRICT, outcome, run_pytest
from .conftest import Open
from .visiting import serving

pytestmark = pytest.mark.asyncio(loop_scope="package")

EXAMPLES = Path(__file__).parents[2] / "examples"


def shouting() -> Bot:
    bot = Bot("Shout", settings=Settings(introduction_message="I **shout**."))

    @bot.query
    async def shout(ctx: QueryContext) -> Answer:
        yield f"**{ctx.text.upper()}**"

    return bot


async def test_the_first_message_is_answered(visit: Open) -> None:
    here = await visit(shouting(), name="Shout")
    await expect(here.page.get_by_role("heading", name="Shout")).to_be_visible()
    await expect(here.page.locator("#introduction strong")).to_have_text("shout")
    answer = await here.say("hello")
    await expect(answer.locator("strong")).to_have_text("HELLO")
    await expect(here.page.locator(".question")).to_have_text("hello")
    await expect(here.page.locator("#toggle-inspector")).not_to_have_attribute("data-alert", "")
    assert here.complaints == []


async def test_an_answer_is_shown_while_it_comes(visit: Open) -> None:
    go_on = asyncio.Event()
    bot = Bot("Slow")

    @bot.query
    async def slow(ctx: QueryContext) -> Answer:
        yield "# One\n\n"
        await go_on.wait()
        yield "and *two*"
        yield ReplaceResponse("# One\n\nand *three*")

    here = await visit(bot)
    await here.page.get_by_role("textbox", name="Message").fill("go")
    await here.page.keyboard.press("Enter")
    await expect(here.last.locator("h1")).to_have_text("One")
    await expect(here.last).to_have_attribute("aria-busy", "true")
    go_on.set()
    await expect(here.last).to_have_attribute("aria-busy", "false")
    await expect(here.last.locator("em")).to_have_text("three")
    await expect(here.page.locator("#announcer")).to_contain_text("and three")


async def test_an_answer_can_be_stopped_and_asked_for_again(visit: Open) -> None:
    left = asyncio.Event()
    bot = Bot("Endless")

    @bot.query
    async def endless(ctx: QueryContext) -> Answer:
        if left.is_set():
            yield "the end"
            return
        yield "and so on"
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    here = await visit(bot)
    await here.page.get_by_role("textbox", name="Message").fill("go")
    await here.page.keyboard.press("Enter")
    await expect(here.last.locator(".body")).to_have_text("and so on")
    await here.page.get_by_role("button", name="Stop the answer").click()
    await expect(here.last).to_have_attribute("data-status", "stopped")
    await asyncio.wait_for(left.wait(), 5)
    await here.last.get_by_role("button", name="Try again").click()
    await expect(here.answers).to_have_count(1)
    await expect(here.last.locator(".body")).to_have_text("the end")


async def test_escape_stops_an_answer(visit: Open) -> None:
    bot = Bot("Endless")

    @bot.query
    async def endless(ctx: QueryContext) -> Answer:
        yield "and so on"
        await asyncio.Event().wait()

    here = await visit(bot)
    await here.page.get_by_role("textbox", name="Message").fill("go")
    await here.page.keyboard.press("Enter")
    await expect(here.last.locator(".body")).to_have_text("and so on")
    await here.page.keyboard.press("Escape")
    await expect(here.last).to_have_attribute("data-status", "stopped")


async def test_a_suggested_reply_is_said_by_a_click_and_memory_comes_back(visit: Open) -> None:
    bot = Bot("Counter")

    @bot.query
    async def count(ctx: QueryContext) -> Answer:
        number = (ctx.recall(int) or 0) + 1
        yield f"{ctx.text} {number}"
        yield Data.dump(number)
        yield SuggestedReply("more")

    here = await visit(bot)
    await here.say("first")
    await here.page.get_by_role("group", name="Suggested replies").get_by_role("button", name="more").click()
    await expect(here.answers).to_have_count(2)
    await expect(here.last.locator(".body")).to_have_text("more 2")
    await here.page.get_by_role("button", name="Clear the context").click()
    await expect(here.page.get_by_text("Context cleared")).to_be_visible()
    answer = await here.say("again")
    await expect(answer.locator(".body")).to_have_text("again 1")


async def test_of_very_many_suggested_replies_the_first_are_shown(visit: Open) -> None:
    bot = Bot("Eager")

    @bot.query
    async def suggest(ctx: QueryContext) -> Answer:
        yield "Choose."
        for number in range(int(ctx.text)):
            yield SuggestedReply(f"reply {number}")

    here = await visit(bot)
    suggested = here.page.get_by_role("group", name="Suggested replies")
    await here.say("2010")
    await expect(suggested.get_by_role("button")).to_have_text([f"reply {number}" for number in range(10)])
    await expect(suggested).to_contain_text("and 2,000 more")
    await here.say("10")
    await expect(suggested.get_by_role("button")).to_have_count(10)
    await expect(suggested).not_to_contain_text("more")


class Options(BaseModel):
    voice: Literal["plain", "loud"] = "plain"
    times: int = Field(1, ge=1, le=5)
    shape: Annotated[str, Ratios("1:1", "16:9")] = "1:1"
    signed: Annotated[bool, InSection("Signature")] = False
    name: Annotated[str, InSection("Signature"), OnlyIf("signed", "eq", True)] = ""


async def test_controls_are_drawn_and_their_values_sent(visit: Open) -> None:
    bot = Bot("Options", parameters=Options)

    @bot.query
    async def tell(ctx: QueryContext) -> Answer:
        ctx.parameters_as(Options)
        yield f"`{json.dumps(ctx.parameters)}`"

    here = await visit(bot)
    controls = here.page.get_by_role("region", name="Options of the bot")
    await expect(controls.get_by_label("Name")).to_be_hidden()
    answer = await here.say("as it is")
    assert json.loads(await answer.locator("code").inner_text()) == {
        "voice": "plain",
        "times": 1,
        "shape": "1:1",
        "signed": False,
    }
    await controls.get_by_label("Voice").select_option("loud")
    await controls.get_by_label("Times").fill("3")
    await controls.get_by_role("radio", name="16:9").check()
    await controls.get_by_role("switch", name="Signed").check()
    await controls.get_by_label("Name").fill("Ada")
    answer = await here.say("changed")
    assert json.loads(await answer.locator("code").inner_text()) == {
        "voice": "loud",
        "times": 3,
        "shape": "16:9",
        "signed": True,
        "name": "Ada",
    }
    await expect(here.page.locator(".question").last.locator(".parameters span")).to_have_count(5)


EVERY_KIND = {
    "api_version": "2",
    "sections": [
        {
            "name": "Kinds",
            "controls": [
                {"control": "text_field", "label": "Field", "parameter_name": "field", "placeholder": "here"},
                {"control": "text_area", "label": "Area", "parameter_name": "area", "default_value": "a"},
                {"control": "divider"},
                {"control": "drop_down", "label": "Drop", "parameter_name": "drop", "options": [{"value": "x", "name": "The x"}]},
                {"control": "toggle_switch", "label": "Toggle", "parameter_name": "toggle", "default_value": True},
                {"control": "slider", "label": "Slide", "parameter_name": "slide", "min_value": 0.5, "max_value": 2, "step": 0.5},
                {"control": "aspect_ratio", "label": "Ratio", "parameter_name": "ratio", "options": [{"width": 4, "height": 3}]},
            ],
        },
        {
            "name": "Conditions",
            "collapsed_by_default": True,
            "tabs": [
                {
                    "name": comparator,
                    "controls": [
                        {
                            "control": "condition",
                            "condition": {"comparator": comparator, "left": {"parameter_name": "slide"}, "right": {"literal": 1}},
                            "controls": [{"control": "text_field", "label": comparator, "parameter_name": comparator}],
                        }
                    ],
                }
                for comparator in ("eq", "ne", "gt", "ge", "lt", "le")
            ],
        },
    ],
}  # fmt: skip


async def test_every_kind_of_control_and_every_condition_is_drawn(visit: Open) -> None:
    here = await visit(serving_settings({"response_version": 2, "parameter_controls": EVERY_KIND}))
    controls = here.page.get_by_role("region", name="Options of the bot")
    kinds = await controls.locator(".control").evaluate_all("all => all.map(one => one.className.split(' ')[1])")
    assert kinds[:6] == ["text_field", "text_area", "drop_down", "toggle_switch", "slider", "aspect_ratio"]
    await expect(controls.locator("hr")).to_have_count(1)
    await controls.get_by_text("Conditions").click()

    async def held(value: str) -> set[str]:
        await controls.get_by_label("Slide").fill(value)
        shown = await controls.locator("[role=tabpanel] .group:not([data-off]) label").all_text_contents()
        return set(shown)

    assert await held("0.5") == {"ne", "lt", "le"}
    assert await held("1") == {"eq", "ge", "le"}
    assert await held("1.5") == {"ne", "gt", "ge"}
    await controls.get_by_role("tab", name="eq").focus()
    await here.page.keyboard.press("ArrowRight")
    await expect(controls.get_by_role("tab", name="ne")).to_be_focused()
    await expect(controls.get_by_role("tab", name="ne")).to_have_attribute("aria-selected", "true")


def serving_settings(answer: Any) -> Any:
    """An app that answers every request with these settings."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return app


async def test_controls_follow_a_reload_and_keep_their_values(visit: Open) -> None:
    def controls_of(*names: str) -> dict[str, Any]:
        fields = [{"control": "text_field", "label": name, "parameter_name": name} for name in names]
        return {"response_version": 2, "parameter_controls": {"api_version": "2", "sections": [{"controls": fields}]}}

    answer = controls_of("first")
    here = await visit(serving_settings(answer))
    controls = here.page.get_by_role("region", name="Options of the bot")
    await controls.get_by_label("first").fill("kept")
    answer.update(controls_of("first", "second"), introduction_message="New!")
    here.playground.bot_reloaded()
    await expect(controls.get_by_label("second")).to_have_value("")
    await expect(controls.get_by_label("first")).to_have_value("kept")
    await expect(here.page.locator("#introduction")).to_have_text("New!")
    await controls.get_by_role("button", name="Reset").click()
    await expect(controls.get_by_label("first")).to_have_value("")
    answer["parameter_controls"] = None
    here.playground.bot_reloaded()
    await expect(controls).to_be_hidden()


async def test_it_is_told_what_poe_would_drop(visit: Open) -> None:
    here = await visit(serving_settings({"response_version": 1, "parameter_controls": EVERY_KIND, "colour": "red"}))
    await expect(here.page.locator("#show-settings")).to_have_attribute("data-alert", "")
    await here.page.get_by_role("button", name="Settings of the bot").click()
    dialog = here.page.get_by_role("dialog", name="Settings")
    await expect(dialog.get_by_text("Poe would drop the parameter controls")).to_contain_text("response_version 2")
    await expect(dialog.get_by_text("Poe does not know the key `colour`.")).to_be_visible()
    await expect(dialog.get_by_role("row", name="allow_attachments")).to_contain_text("true default")
    await here.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


async def test_files_are_attached_read_by_the_bot_and_shown(visit: Open) -> None:
    bot = Bot("Reader")

    @bot.query
    async def read(ctx: QueryContext) -> Answer:
        for file in ctx.attachments:
            yield f"{file.name}: {len(await ctx.poe.download(file))} bytes, {file.parsed_content}\n\n"
        picture = await ctx.poe.upload(PIXEL, name="plot.png", inline=True)
        yield picture
        yield f"See {picture.markdown}"
        yield await ctx.poe.upload(b"RIFF", name="a.wav", content_type="audio/wav")
        yield await ctx.poe.upload(b"....", name="a.mp4", content_type="video/mp4")
        yield await ctx.poe.upload("a,b", name="table.csv", content_type="text/csv")

    here = await visit(bot)
    await here.page.locator("#files").set_input_files(
        [
            FilePayload(name="note s.txt", mimeType="text/plain", buffer=b"Buy milk."),
            FilePayload(name="pixel.png", mimeType="image/png", buffer=PIXEL),
        ]
    )
    await expect(here.page.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(2)
    answer = await here.say("read")
    await expect(answer.locator(".body")).to_contain_text("note s.txt: 9 bytes, Buy milk.")
    await expect(answer.locator(".body")).to_contain_text(f"pixel.png: {len(PIXEL)} bytes, None")
    assert await answer.locator(".body img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    await expect(answer.locator("audio[controls]")).to_have_count(1)
    await expect(answer.locator("video[controls]")).to_have_count(1)
    await expect(here.page.locator(".question .picture img")).to_have_count(1)
    async with here.page.expect_download() as download:
        await answer.locator(".files").get_by_role("link", name="table.csv").click()
    assert contents(await (await download.value).path()) == "a,b"


async def test_a_bot_in_another_process_calls_the_poe_of_the_page(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = Bot("Apart")

    @bot.query
    async def read(ctx: QueryContext) -> Answer:
        for file in ctx.attachments:
            yield (await ctx.poe.download(file)).decode()
        yield ctx.poe.stream("Claude")

    async with serving(create_app(bot, access_key=KEY)) as url:
        here = await visit(url)
        monkeypatch.setenv("POE_BASE_URL", f"{here.url}/poe")
        here.poe.bot("Claude", " Thanks.")
        note = FilePayload(name="a.txt", mimeType="text/plain", buffer=b"Buy milk.")
        await here.page.locator("#files").set_input_files(note)
        answer = await here.say("read")
        await expect(answer.locator(".body")).to_have_text("Buy milk. Thanks.")
        await close_pool()


async def test_what_is_learned_of_the_bot_later_is_shown(visit: Open) -> None:
    here = await visit("http://127.0.0.1:1/")
    async with serving(create_app(shouting(), access_key=KEY)) as url:
        here.playground.describe(url=url, name="Shout", imported_from="shout:bot")
        here.playground.bot_reloaded()
        await expect(here.page.get_by_role("heading", name="Shout")).to_be_visible()
        await expect(here.page.locator("#introduction")).to_have_text("I shout.")
        await here.say("hello")
        await here.page.get_by_role("button", name="This conversation").click()
        await here.page.get_by_role("button", name="Copy as a test").click()
        await expect(here.page.locator(".code")).to_contain_text("from shout import bot")
        await close_pool()


async def test_the_authors_traceback_stands_beside_what_a_user_sees(visit: Open) -> None:
    bot = Bot("Buggy")

    @bot.query
    async def buggy(ctx: QueryContext) -> Answer:
        yield "Let me see. "
        raise ValueError("the password is swordfish")

    here = await visit(bot)
    answer = await here.say("go")
    await expect(answer.locator(".body")).to_have_text("Let me see.")
    await expect(answer.locator(".card.bad")).to_contain_text("Something went wrong in this bot (error")
    await expect(answer.locator(".card.bad")).not_to_contain_text("swordfish")
    author = answer.locator(".card.author")
    await expect(author.locator(".cause")).to_have_text("ValueError: the password is swordfish")
    await expect(author.locator(".place")).to_contain_text("test_page.py")


async def test_what_cannot_be_yielded_is_told_in_one_line(visit: Open) -> None:
    bot = Bot("Hasty")

    @bot.query
    async def hasty(ctx: QueryContext) -> Answer:
        yield 5  # type: ignore[misc]

    here = await visit(bot)
    author = (await here.say("go")).locator(".card.author")
    await expect(author.locator(".cause")).to_contain_text("hasty of Bot('Hasty'): ")
    await expect(author.locator("pre")).to_have_count(0)


async def test_an_answer_that_is_no_stream_is_told_of(visit: Open) -> None:
    here = await visit(serving_settings({}))
    answer = await here.say("hi")
    await expect(answer.locator(".card.bad")).to_contain_text(
        "The bot answered application/json, not text/event-stream"
    )


async def unruly(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    body = json.loads((await receive())["body"])
    stream = body["type"] == "query"
    kind = b"text/event-stream" if stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    text = 'event: text\ndata: {"text": "hi"}\n\n: still here\n\nevent: done\ndata: {}\n\nevent: text\ndata: {"text": "!"}\n\n'
    await send({"type": "http.response.body", "body": text.encode() if stream else b"{}"})


async def test_the_inspector_is_quiet_until_a_rule_is_broken(visit: Open) -> None:
    here = await visit(unruly)
    toggle = here.page.locator("#toggle-inspector")
    await expect(here.page.get_by_role("complementary", name="Inspector")).to_be_hidden()
    await expect(toggle).to_have_accessible_name("Inspector")
    answer = await here.say("hi")
    await expect(answer.locator(".body")).to_have_text("hi")  # Poe listens no more after `done`
    await expect(toggle).to_have_accessible_name("Inspector, 2 broken rules")
    await answer.get_by_role("button", name="Breaks meta-first, done-last").click()
    inspector = here.page.get_by_role("complementary", name="Inspector")
    await expect(inspector.locator(".broken")).to_contain_text("The first event is `meta`.")
    events = inspector.get_by_role("region", name="Events")
    assert await events.locator("summary .kind").all_text_contents() == ["text", "comment", "done", "text"]
    await expect(events.locator("details").first.locator(".rule")).to_have_text("meta-first")
    await expect(events.locator("details").last.locator(".rule")).to_have_text("done-last")
    await events.locator("summary").first.click()
    await expect(events.locator("pre").first).to_have_text('event: text\ndata: {"text": "hi"}')
    await expect(inspector.locator(".used")).to_contain_text("3 of 10,000")
    await inspector.get_by_text("Request", exact=True).click()
    await expect(inspector.locator("[data-key=request] pre")).to_contain_text('"message_id": "m-')
    await expect(inspector.get_by_role("button", name="Error report")).to_be_visible()
    await here.page.keyboard.press("Escape")
    await expect(inspector).to_be_hidden()
    await expect(toggle).to_be_focused()


async def test_reactions_and_feedback_reach_the_bot_and_its_history(visit: Open) -> None:
    told: list[str] = []
    bot = Bot("Liked")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield f"Seen: {[(r.reaction) for m in ctx.messages for r in m.reactions]}"

    @bot.on_reaction
    async def reaction(ctx: ReactionContext) -> None:
        told.append(ctx.request.reaction)

    @bot.on_feedback
    async def feedback(ctx: FeedbackContext) -> None:
        told.append(ctx.request.feedback_type)

    here = await visit(bot)
    first = await here.say("one")
    await first.get_by_role("button", name="React", exact=True).click()
    await first.get_by_role("button", name="heart", exact=True).click()
    await expect(first.get_by_role("button", name="heart, take back")).to_be_visible()
    await first.get_by_role("button", name="Bad answer").click()
    await expect(first.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    second = await here.say("two")
    await expect(second.locator(".body")).to_have_text("Seen: ['heart']")
    assert told == ["heart", "dislike"]


async def test_conversations_stand_side_by_side_and_outlive_a_reload_of_the_bot(visit: Open) -> None:
    here = await visit(shouting())
    await here.say("first")
    await here.page.get_by_role("button", name="New conversation", exact=True).first.click()
    await expect(here.answers).to_have_count(0)
    await here.say("second")
    listed = here.page.get_by_role("navigation", name="Conversations")
    await listed.get_by_role("button", name="first").click()
    await expect(here.last.locator(".body")).to_have_text("FIRST")
    here.playground.bot_failed('Traceback (most recent call last):\n  File "bot.py", line 3\nSyntaxError: no')
    await expect(here.page.get_by_role("alert")).to_contain_text("SyntaxError: no")
    here.playground.bot_reloaded()
    await expect(here.page.get_by_role("alert")).to_be_hidden()
    await expect(here.page.get_by_role("status")).to_have_text("Reloaded")
    await expect(here.last.locator(".body")).to_have_text("FIRST")
    await here.page.reload()
    await expect(here.last.locator(".body")).to_have_text("FIRST")
    await here.page.get_by_role("button", name="This conversation").click()
    await here.page.get_by_role("button", name="Delete", exact=True).click()
    await here.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(here.last.locator(".body")).to_have_text("SECOND")


def contents(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def test_a_conversation_is_saved_and_replayed(visit: Open) -> None:
    answers = ["one", "two"]
    bot = Bot("Moody")

    @bot.query
    async def moody(ctx: QueryContext) -> Answer:
        yield answers.pop(0)

    here = await visit(bot)
    await here.say("How are you?")
    await here.page.get_by_role("button", name="This conversation").click()
    async with here.page.expect_download() as saving:
        await here.page.get_by_role("button", name="Save as a file").click()
    path = await (await saving.value).path()
    assert json.loads(contents(path))["turns"][0]["answer"]["text"] == "one"
    await here.page.locator("#replay-file").set_input_files(path)
    await expect(here.last.locator(".body")).to_have_text("two")
    await expect(here.last.get_by_text("Not what was saved")).to_be_visible()
    await expect(here.last.locator(".card.warn pre")).to_have_text("one")
    await expect(here.page.get_by_role("button", name="Replay: How are you?")).to_be_visible()


BOT_FILE = """
from pydantic import BaseModel

from poe_asgi import Answer, AnswerError, Bot, Data, QueryContext, SuggestedReply


class Options(BaseModel):
    loud: bool = False


bot = Bot("Copied", parameters=Options)
claude = bot.uses("Claude", calls=2)


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    if ctx.text == "refuse":
        raise AnswerError("I do not answer that.")
    if ctx.text == "bug":
        raise ValueError
    number = (ctx.recall(int) or 0) + 1
    yield f"Number {number}.\\n"
    yield f"She says:\\n\\n{ctx.parameters_as(Options).loud} "
    for file in ctx.attachments:
        yield f"{file.parsed_content} {len(await ctx.poe.download(file))} "
    yield ctx.poe.stream(claude)
    yield Data.dump(number)
    yield SuggestedReply("more")
"""


async def test_a_copied_test_passes_with_the_answers_of_the_other_bots(visit: Open, tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(BOT_FILE, namespace)
    poe = FakePoe()
    poe.bot("Claude", ["Because.", 'It is "so".\nReally.'])
    here = await visit(namespace["bot"], fake_poe=poe, imported_from="copied:bot")
    await here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    attached = [
        FilePayload(name="a.txt", mimeType="text/plain", buffer=b"milk\neggs"),
        FilePayload(name="a.bin", mimeType="application/octet-stream", buffer=bytes(range(256))),
    ]
    await here.page.locator("#files").set_input_files(attached)
    first = await here.say("Why is the sky blue?")
    await first.get_by_role("button", name="Good answer").click()
    await here.page.get_by_role("switch", name="Loud").check()
    await here.say("And the sea?")
    await here.page.get_by_role("button", name="Clear the context").click()
    await here.say("refuse")
    await here.say("bug")
    await here.page.get_by_role("button", name="This conversation").click()
    await here.page.get_by_role("button", name="Copy as a test").click()
    await here.page.get_by_role("dialog", name="As a test").get_by_role("button", name="Copy").click()
    await expect(here.page.get_by_role("button", name="Copied")).to_be_visible()
    code = await here.page.evaluate("navigator.clipboard.readText()")
    assert 'fake_poe.bot("Claude", [Script("Because."),' in code
    assert "ValueError" not in code
    files = {"copied.py": BOT_FILE, "test_copied.py": code, "pyproject.toml": STRICT}
    printed = await asyncio.to_thread(run_pytest, tmp_path, files)
    assert outcome(printed) == {"passed": 1}, printed
    broken = {"copied.py": BOT_FILE.replace("She says", "He says")}
    printed = await asyncio.to_thread(run_pytest, tmp_path, broken)
    assert outcome(printed) == {"failed": 1}, printed


HOSTILE = """
<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2">
<a href="javascript:window.hacked = 3">one</a> [two](javascript:window.hacked=4) [three](data:text/html,<script>1</script>)
<iframe srcdoc="<script>parent.hacked = 5</script>"></iframe>
<svg onload="window.hacked = 6"></svg><math><mtext></table></math>
<style>body { display: none }</style> <div style="position: fixed; inset: 0" class="dialog" id="send">cover</div>
<form action="https://evil.test"><input name=q><button formaction="javascript:window.hacked=7">go</button></form>
<meta http-equiv=refresh content="0;url=https://evil.test"><base href="https://evil.test/"><link rel=stylesheet href=//evil.test>
<details open ontoggle="window.hacked = 8">kept</details>
```html"><img src=x onerror=window.hacked=9>
```
"""


@pytest.mark.parametrize("content_type", ["text/markdown", "text/plain"])
async def test_hostile_text_does_nothing(visit: Open, content_type: str) -> None:
    bot = Bot("Hostile", meta=Meta(content_type=content_type), settings=Settings(introduction_message=HOSTILE))

    @bot.query
    async def hostile(ctx: QueryContext) -> Answer:
        yield HOSTILE
        yield File(
            url="javascript:window.hacked=10", name="<img src=x onerror=window.hacked=11>", content_type="text/html"
        )
        yield SuggestedReply("<img src=x onerror=window.hacked=12>")

    here = await visit(bot)
    answer = await here.say(HOSTILE)
    for link in await here.page.locator(".body a, #introduction a").all():
        assert not (await link.get_attribute("href") or "").startswith(("javascript:", "data:"))
    await expect(answer.locator(".files")).to_contain_text("not a web address")
    await expect(answer.locator(".files a")).to_have_count(0)
    await here.page.wait_for_timeout(100)
    assert await here.page.evaluate("window.hacked") is None
    forbidden = "script, iframe, svg:not(.drawn), form:not(#composer), [style]:not(#message, .part, .shape), [onerror], meta[http-equiv], base"
    assert await here.page.locator(".markdown").locator(forbidden).count() == 0
    assert await here.page.locator("#send").count() == 1
    await expect(here.page.get_by_role("button", name="Send")).to_be_visible()
