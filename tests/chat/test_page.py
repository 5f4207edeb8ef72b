"""docs/chat-model.md keeps its word: every snippet does what it is there to show, and the tables tell what there is.

That the bots of the snippets answer at all, tests/test_docs.py sees to. Here the models are scripted.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, get_args

import pytest

from poe_asgi import PoeChatModel, PoeClient, create_app, user
from poe_asgi.chat import BotModel, ChatDelta, ChatResult, Presentation, TokenUsage, inline_file
from poe_asgi.client import Retry, Timeouts, failure
from poe_asgi.errors import ConfigurationError, StructuredOutputError, TruncatedStreamError
from poe_asgi.local import Cut, FakePoe, Script, Thought, ToolCall, fingerprint, http_error
from poe_asgi.testing import PoeTester, ScriptedModel
from tests.snippets import ROOT, Snippet, stories, table
from tests.support import KEY, Exchange, query

PAGE = ROOT / "docs/chat-model.md"
TEXT = PAGE.read_text(encoding="utf-8")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
AIR = "Because of the air."


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a snippet is tried: its names, a local Poe without any bots, a folder, and what was printed."""

    names: dict[str, Any]
    poe: FakePoe
    folder: Path
    printed: Callable[[], str]

    async def asked(self, text: str = "Why?", *, key: str | None = KEY) -> str:
        """What a user of the snippet's bot reads."""
        app = create_app(self.names["bot"], access_key=KEY)
        async with app.router.lifespan_context(app):
            exchange = await Exchange().run(app, query(text), key=key)
        assert exchange.reader.clean, exchange.reader.violations
        assert exchange.reader.error is None
        return exchange.text

    def sent(self, number: int = -1) -> Any:
        """The body of a call."""
        return self.poe.calls[number].body


Case: TypeAlias = Callable[[Stage], Awaitable[None]]

CASES: dict[tuple[str, int], Case] = {}


def shows(heading: str, number: int = 1) -> Callable[[Case], Case]:
    """Marks what is seen of the first story below a heading, or of another."""

    def kept(case: Case) -> Case:
        assert (heading, number) not in CASES
        CASES[heading, number] = case
        return case

    return kept


def placed() -> dict[tuple[str, int], list[Snippet]]:
    """The stories of the page by their headings."""
    found: dict[tuple[str, int], list[Snippet]] = {}
    for story in stories(PAGE):
        above = "\n".join(TEXT.splitlines()[: story[0].line])
        heading = re.findall(r"^## (.+)$", above, re.MULTILINE)[-1]
        found[heading, sum(other == heading for other, _ in found) + 1] = story
    return found


STORIES = placed()


@pytest.mark.asyncio
@pytest.mark.parametrize("place", STORIES, ids=lambda place: f"{place[0]} {place[1]}")
async def test_a_snippet_does_what_it_shows(
    place: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POE_API_KEY", "any")
    names = ModuleType("snippet").__dict__
    for snippet in STORIES[place]:
        snippet.run(names)
    with FakePoe(only_scripted=True).installed() as poe:
        await CASES[place](Stage(names, poe, tmp_path, lambda: capsys.readouterr().out))


def test_no_case_has_lost_its_snippet() -> None:
    assert set(CASES) == set(STORIES)


# ---- the snippets


@shows("A first answer")
async def first_answer(stage: Stage) -> None:
    stage.poe.bot("Claude-Sonnet-4.6", AIR)
    await stage.names["main"]()
    assert stage.printed() == f"{AIR}\n"
    (call,) = stage.poe.calls
    assert (call.surface, call.key) == ("chat", fingerprint("any"))


@shows("Options")
async def options(stage: Stage) -> None:
    stage.poe.bot("GPT-Image-1.5", "https://poecdn.net/a.png")
    stage.poe.bot("GPT-5-mini", AIR)
    await stage.names["main"]()
    assert [{name: value for name, value in call.body.items() if name != "messages"} for call in stage.poe.calls] == [
        {"model": "GPT-Image-1.5", "quality": "low", "aspect": "3:2"},
        {"model": "GPT-5-mini", "temperature": 0.9, "max_tokens": 800, "reasoning_effort": "low"},
        {"model": "GPT-5-mini", "temperature": 0.2},
    ]


@shows("Messages")
async def messages(stage: Stage) -> None:
    stage.poe.bot("Claude-Sonnet-4.6", [AIR, "It is red."])
    await stage.names["main"]()
    assert stage.printed() == "It is red.\n"
    assert [(each["role"], each["content"]) for each in stage.sent()["messages"]] == [
        ("system", "Answer in one sentence."),
        ("user", "Why is the sky blue?"),
        ("assistant", AIR),
        ("user", "And in the evening?"),
    ]


@shows("Images and other files")
async def files_to_a_model(stage: Stage) -> None:
    stage.poe.bot("GPT-5-mini", ["A cat.", "The hat."])
    picture = stage.folder / "cat.png"
    picture.write_bytes(PNG)
    inlined = (await inline_file(PNG)).url
    assert await stage.names["describe"](picture) == "A cat."
    assert stage.sent()["messages"][0]["content"] == [
        {"type": "text", "text": "What is in this picture?"},
        {"type": "image_url", "image_url": {"url": inlined}},
    ]
    assert await stage.names["compare"]("https://example.com/1", PNG) == "The hat."
    _, *pictures = stage.sent()["messages"][0]["content"]
    assert [each["image_url"]["url"] for each in pictures] == ["https://example.com/1", inlined]


@shows("Images and other files", 2)
async def files_of_a_model(stage: Stage) -> None:
    hosted = await PoeClient(api_key="any").upload(PNG, name="a.png")
    stage.poe.bot("GPT-Image-1.5", f"Here it is:\n\n![A lighthouse]({hosted.url})")
    assert await stage.names["paint"]("A lighthouse.") == PNG


@shows("Streaming")
async def streaming(stage: Stage) -> None:
    stage.poe.bot("Claude-Sonnet-4.6", Script("Because of ", "the air.", usage={"completion_tokens": 7}))
    await stage.names["main"]()
    assert stage.printed() == f"{AIR}\n7 tokens\n"


@shows("Tools")
async def tools(stage: Stage) -> None:
    calls = [ToolCall("temperature", {"city": city}) for city in ("Cairo", "Oslo", "Rome")]
    stage.poe.bot("GPT-5-mini", [Script(*calls), "In Cairo.", "By 27 degrees."])
    await stage.names["main"]()
    assert stage.printed().splitlines() == [
        'temperature {"city": "Cairo"} 31',
        'temperature {"city": "Oslo"} 4',
        'temperature {"city": "Rome"} Error: Only these cities are known: Cairo, Oslo.',
        "In Cairo.",
        "By 27 degrees.",
    ]
    roles = [message["role"] for message in stage.sent()["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "tool", "assistant", "user"]


@shows("Tools", 2)
async def tools_to_run_oneself(stage: Stage) -> None:
    call = ToolCall("search", {"words": "lighthouse"}, id="call_1", extra={"extra_content": {"signature": "x"}})
    stage.poe.bot("GPT-5-mini", [call, "Nobody knows."])
    await stage.names["main"]()
    assert stage.printed() == "Nobody knows.\n"
    first, second = (stage.sent(number) for number in (0, 1))
    assert first["tools"] == second["tools"] == [stage.names["SEARCH"]]
    assert first["tool_choice"] == {"type": "function", "function": {"name": "search"}}
    _, asking, result = second["messages"]
    assert asking["tool_calls"] == [call.whole()]
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_1")


@shows("Structured output")
async def structured_output(stage: Stage) -> None:
    good = '{"name": "Tea", "minutes": 5, "ingredients": ["tea", "water"]}'
    model = ScriptedModel(good.replace("5", "0"), f"Here it is:\n\n```json\n{good}\n```")
    recipe = await stage.names["recipe_for"](model, "tea")
    assert recipe == stage.names["Recipe"](name="Tea", minutes=5, ingredients=["tea", "water"])
    first, second = model.calls
    assert first.body["response_format"]["json_schema"]["name"] == "Recipe"
    assert "ingredients" in first.body["messages"][0]["content"]
    assert "minutes" in second.text


@shows("Inside a bot")
async def in_a_bot(stage: Stage) -> None:
    stage.poe.bot("Claude-Sonnet-4.6", Script(Thought("Hm."), AIR))
    assert await stage.asked() == f"> Hm.\n\n{AIR}"


@shows("Inside a bot", 2)
async def with_a_result(stage: Stage) -> None:
    stage.poe.bot("Claude-Sonnet-4.6", [Script("Because", finish_reason="length"), AIR])
    assert await stage.asked() == "Because\n\n(This is as much as I may say.)"
    assert await stage.asked() == AIR


@shows("Inside a bot", 3)
async def paid_by_the_user(stage: Stage) -> None:
    stage.poe.declare({"Claude-Sonnet-4.6": 2})
    stage.poe.bot("Claude-Sonnet-4.6", ["A draft.", "A poem."])
    assert await stage.asked("Tea") == "A poem."
    draft, poem = stage.poe.calls
    assert (draft.surface, draft.request.temperature) == ("bot", 0.2)
    assert poem.text.endswith("A draft.")


@shows("Inside a bot", 4)
async def whoever_pays(stage: Stage) -> None:
    stage.poe.bot("GPT-5-mini", "It is blue.")
    assert await stage.asked("A long text.") == "It is blue."
    model = ScriptedModel("It is blue.")
    assert await stage.names["in_short"](model, "A long text.") == "It is blue."
    assert model.calls[0].body["max_tokens"] == stage.poe.calls[0].request.query[-1].parameters["max_tokens"] == 100


@shows("In tests")
async def in_tests(stage: Stage) -> None:
    await stage.names["test_it_passes_on_what_the_model_says"](PoeTester(stage.poe))
    stage.poe.bot("Claude-Sonnet-4.6", "For real.")
    assert await stage.asked() == "For real."


@shows("Errors and retries")
async def failures(stage: Stage) -> None:
    stage.poe.bot("gpt-5-mini", [AIR, http_error(402), http_error(404)])
    for told in (AIR, "There are no points left.", "No answer: "):
        await stage.names["main"]()
        assert stage.printed().startswith(told)


@shows("Usage and costs")
async def costs(stage: Stage) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    stage.poe.bot("GPT-5-mini", Script(AIR, usage=usage))
    await stage.names["main"]()
    about, spent = stage.printed().splitlines()
    assert about == "about 12 tokens"
    (entry,) = stage.poe.points
    assert re.search(rf" GPT-5-mini {entry.cost_points}$", spent)


@shows("The list of models")
async def list_of_models(stage: Stage) -> None:
    stage.poe.bot("GPT-5-mini", AIR)
    stage.poe.models["GPT-5-mini"] = {"context_length": 400_000, "parameters": [{"name": "reasoning_effort"}]}
    stage.poe.models["Tiny"] = {"supported_features": []}
    await stage.names["main"]()
    assert stage.printed() == "gpt-5-mini 400000 None\n['reasoning_effort']\n"


@shows("Other servers")
async def other_servers(stage: Stage) -> None:
    local: PoeChatModel = stage.names["local"]
    assert local.connection.v1_url("/chat/completions") == "http://127.0.0.1:8080/v1/chat/completions"
    assert local.connection.key() == "none"
    assert PoeChatModel(base_url="http://127.0.0.1:8080/v1").connection.key() == "any"
    with pytest.raises(ConfigurationError, match="POE_API_KEY is not sent to elsewhere.example"):
        PoeChatModel(base_url="https://elsewhere.example/v1")


# ---- the tables


def told(heading: str, number: int = 1) -> list[str]:
    """The names in the first column of a table."""
    return [name for row in table(PAGE, heading, number) for name in re.findall(r"`(\w+)`", row[0])]


def test_the_contents_are_the_headings() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    contents = re.findall(r"^- \[(.+)\]\(#(.+)\)$", TEXT, re.MULTILINE)
    assert contents == [(title, title.lower().replace(" ", "-")) for title in headings]


def test_links_to_headings_lead_to_one() -> None:
    pages = {PAGE.name: TEXT} | {path.name: path.read_text(encoding="utf-8") for path in PAGE.parent.glob("*.md")}
    for name, heading in re.findall(r"\]\(([\w.-]*\.md)?#([\w-]+)\)", TEXT):
        headings = re.findall(r"^## (.+)$", pages[name or PAGE.name], re.MULTILINE)
        assert heading in {title.lower().replace(" ", "-") for title in headings}, (name, heading)


def test_the_fields_of_what_comes_back_are_told() -> None:
    assert set(told("A first answer")) - {"None", "length", "stop"} == {each.name for each in fields(ChatResult)}
    assert set(told("Streaming")) == {each.name for each in fields(ChatDelta)}
    assert set(told("Usage and costs")) == {each.name for each in fields(TokenUsage)} | {"total_tokens"}


def test_the_ways_to_present_thoughts_are_told() -> None:
    assert tuple(told("Thoughts")) == get_args(Presentation)


def test_a_status_becomes_the_error_that_is_told() -> None:
    rows = table(PAGE, "Errors and retries")
    assert len(rows) > 7
    for statuses, error, again in rows:
        for status in re.findall(r"\d+", statuses):
            raised = failure("Asking", int(status), {}, b"")
            name = re.match(r"`(\w+)`", error)
            assert name is not None
            assert (type(raised).__name__, raised.allow_retry) == (name[1], again == "yes")


def test_the_waits_and_tries_are_those_that_are_told() -> None:
    model = PoeChatModel()
    waits = [getattr(model.connection.timeouts, each.name) for each in fields(Timeouts)]
    (line,) = re.findall(r"^- To connect may take .+$", TEXT, re.MULTILINE)
    assert [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", line)] == waits
    assert "three times in all" in TEXT
    assert model.connection.retry == Retry(attempts=3)
    (words,) = re.findall(r"Without `model=` it is `(.+)`", TEXT)
    assert model.model == words


@pytest.mark.asyncio
async def test_a_file_is_given_in_each_of_the_ways_that_are_told(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    values = {
        "`str`": "What is this?",
        "`File`": await inline_file(PNG),
        'a path, such as `Path("cat.png")`': tmp_path / "cat.png",
        "`bytes`": PNG,
        "a dictionary": {"type": "text", "text": "x"},
    }
    assert [row[0] for row in table(PAGE, "Images and other files")] == list(values)
    model = ScriptedModel("A cat.")
    await model.invoke([{"role": "user", "content": list(values.values())}])
    kinds = [part["type"] for part in model.calls[0].body["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "image_url", "image_url", "text"]


# ---- what is told in sentences


@pytest.mark.asyncio
async def test_tools_are_forced_once_and_the_last_round_allows_no_call() -> None:
    def now() -> str:
        """The time."""
        return "12:00"

    model = ScriptedModel(ToolCall("now"), ToolCall("now"), "Noon.")
    await model.invoke("When?", tools=[now], tool_choice="now", max_rounds=3)
    forced = {"type": "function", "function": {"name": "now"}}
    assert [call.body.get("tool_choice") for call in model.calls] == [forced, None, "none"]


@pytest.mark.asyncio
async def test_a_break_is_an_error_and_a_missing_end_mark_a_flag(caplog: pytest.LogCaptureFixture) -> None:
    broken = ScriptedModel(Script("Because", Cut())).stream("Why?")
    with pytest.raises(TruncatedStreamError):
        await broken.read()
    assert broken.result.text == "Because"
    unmarked = await ScriptedModel(Script("Because", done=False)).stream("Why?").read()
    assert (unmarked.text, unmarked.complete) == ("Because", False)
    assert [(record.name, record.levelname) for record in caplog.records] == [("poe_asgi.chat", "WARNING")]


@pytest.mark.asyncio
async def test_an_answer_that_never_fits_is_in_the_error() -> None:
    model = ScriptedModel("No.")
    with pytest.raises(StructuredOutputError) as caught:
        await model.parse("Why?", dict[str, int])
    assert caught.value.text == "No."
    assert len(model.calls) == 3


@pytest.mark.asyncio
async def test_the_two_kinds_of_models_differ_as_the_table_says() -> None:
    rows = [row[0] for row in table(PAGE, "Inside a bot")]
    assert rows[2:] == ["thoughts", "usage", "files to the model", "`tool_choice`", "options"]
    with FakePoe().installed() as poe:
        poe.bot("X", Script(Thought("Hm."), "Yes."))
        ours, theirs = PoeChatModel(api_key="any", model="X"), BotModel(PoeClient(api_key="any"), "X")
        assert ((await ours.invoke("Why?")).thoughts, (await theirs.invoke("Why?")).thoughts) == ("Hm.", "")
        assert not (await ours.invoke("Why?")).usage.is_estimate
        assert (await theirs.invoke("Why?")).usage == TokenUsage(is_estimate=True)
        with pytest.raises(ConfigurationError, match="tool_choice"):
            theirs.stream("Why?", tool_choice="auto")
        with pytest.raises(ConfigurationError, match=r"await ctx\.poe\.upload"):
            await theirs.invoke([{"role": "user", "content": ["What is this?", PNG]}])
        await theirs.invoke(user("Why?"), reasoning_effort="low")
        assert poe.calls[-1].request.query[-1].parameters == {"reasoning_effort": "low"}
