"""Clients that others wrote, and our own, at the second door: the `openai` package and `PoeChatModel`, over uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletionChunk

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    File,
    InsufficientFundError,
    PoeChatModel,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    UserCausedError,
    UserMessageTooLongError,
    create_app,
)
from poe_asgi.client import Retry
from poe_asgi.errors import InvalidKeyError, NoCreditsError, UnknownBotError, UpstreamError
from poe_asgi.openai_api import call_tools, handles_tools
from poe_asgi.protocol import ToolCall
from tests.server.serving import PATIENCE, connected, read, serving
from tests.support import KEY, query

pytestmark = pytest.mark.asyncio

TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,  # the older packages accumulate no others
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ERRORS: dict[str, Exception] = {
    "mine": UserCausedError("That is no question."),
    "long": UserMessageTooLongError("Too long."),
    "poor": InsufficientFundError("No points."),
    "no": AnswerError("I do not answer that."),
    "bug": ValueError("swordfish"),
}
asked: list[str] = []
closed: list[str] = []

shout, weather = Bot("Shout"), Bot("Weather")


@shout.query
async def answer(ctx: QueryContext) -> Answer:
    asked.append(ctx.text)
    word, _, when = ctx.text.partition(" ")
    if when == "later":
        yield "First"
        await asyncio.sleep(0.01)
    if word in ERRORS:
        raise ERRORS[word]
    if word == "wait":
        try:
            yield "Waiting"
            await asyncio.sleep(PATIENCE)
        finally:
            closed.append(when)
    if word == "count":
        for number in range(50):
            yield f"{when}.{number} "
            await asyncio.sleep(0)
        return
    yield "thinking"
    yield ReplaceResponse(ctx.text.upper())
    yield File(url="https://example.com/a.png", name="a.png", content_type="image/png")
    yield SuggestedReply("again")


@weather.query
@handles_tools
async def forecast(ctx: QueryContext) -> Answer:
    if any(message.role == "tool" for message in ctx.messages):
        yield "Take an umbrella."
    else:
        yield call_tools(ToolCall("weather", '{"city": "Oslo"}'))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = create_app({"/shout": shout, "/weather": weather}, openai=True, access_key=KEY)
    with serving(app) as number:
        yield number


@pytest_asyncio.fixture
async def client(port: int) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, timeout=PATIENCE) as client:
        yield client


def model(port: int, name: str = "Shout", *, key: str = KEY) -> PoeChatModel:
    return PoeChatModel(model=name, api_key=key, base_url=f"http://127.0.0.1:{port}/v1", retry=Retry(attempts=1))


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def said(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_openai_lists_the_bots(client: openai.AsyncOpenAI) -> None:
    assert [each.id async for each in client.models.list()] == ["Shout", "Weather"]
    assert (await client.models.retrieve("shout")).id == "Shout"


async def test_openai_gets_a_whole_answer(client: openai.AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="Shout", messages=user("hello"))
    [choice] = completion.choices
    assert (choice.message.content, choice.finish_reason) == ("HELLO\n\n![a.png](https://example.com/a.png)", "stop")
    assert choice.message.model_extra == {
        "files": [{"url": "https://example.com/a.png", "name": "a.png", "content_type": "image/png"}],
        "suggested_replies": ["again"],
    }
    assert completion.usage is not None
    assert completion.usage.model_extra == {"is_estimate": True}


async def test_openai_gets_a_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="Shout", messages=user("count x"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert said(chunks) == "".join(f"x.{number} " for number in range(50))
    assert len(chunks) > 10
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_openai_accumulates_a_stream(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="Weather", messages=user("?"), tools=[TOOL]) as stream:
        completion = await stream.get_final_completion()
    [call] = completion.choices[0].message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')


async def test_openai_leaves_and_the_handler_is_closed(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="Shout", messages=user("wait stream"), stream=True)
    async for chunk in stream:
        assert chunk.choices[0].delta.content == "Waiting"
        break
    await stream.close()
    whole = asyncio.create_task(client.chat.completions.create(model="Shout", messages=user("wait whole")))
    while "wait whole" not in asked:
        await asyncio.sleep(0.01)
    whole.cancel()
    async with asyncio.timeout(PATIENCE):
        while not {"stream", "whole"} <= set(closed):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("word", "status", "kind", "message"),
    [
        ("mine", 400, openai.BadRequestError, "That is no question."),
        ("long", 413, openai.APIStatusError, "Too long."),
        ("poor", 402, openai.APIStatusError, "No points."),
        ("no", 500, openai.InternalServerError, "I do not answer that."),
        ("bug", 500, openai.InternalServerError, "Something went wrong in this bot"),
    ],
)
async def test_openai_raises_what_the_bot_raises_and_does_not_ask_again(
    client: openai.AsyncOpenAI, word: str, status: int, kind: type[openai.APIStatusError], message: str, stream: bool
) -> None:
    before = asked.count(word)
    with pytest.raises(kind, match=message) as raised:
        await client.chat.completions.create(model="Shout", messages=user(word), stream=stream)
    assert raised.value.status_code == status
    assert "swordfish" not in str(raised.value)
    assert asked.count(word) == before + 1


async def test_openai_raises_an_error_within_a_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="Shout", messages=user("mine later"), stream=True)
    first = [await anext(stream)]
    with pytest.raises(openai.APIError, match="That is no question") as raised:
        await anext(stream)
    assert said(first) == "First"
    assert raised.value.code == "user_caused_error"


async def test_openai_raises_what_the_door_refuses(client: openai.AsyncOpenAI, port: int) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError, match="no such model"):
        await create(model="GPT-5", messages=user("x"))
    with pytest.raises(openai.BadRequestError, match="temperature must be") as raised:
        await create(model="Shout", messages=user("x"), temperature=3)
    assert (raised.value.param, raised.value.code) == ("temperature", "invalid_parameter")
    with pytest.raises(openai.BadRequestError, match="n must be 1"):
        await create(model="Shout", messages=user("x"), n=2)
    with pytest.raises(openai.BadRequestError, match="leave tools out"):
        await create(model="Shout", messages=user("x"), tools=[TOOL])
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").models.list()
    with pytest.raises(openai.NotFoundError, match="this API has"):
        await client.embeddings.create(model="Shout", input="x")


async def test_openai_runs_the_tools_of_a_bot_that_handles_them(client: openai.AsyncOpenAI) -> None:
    messages = user("Do I need an umbrella in Oslo?")
    first = await client.chat.completions.create(model="Weather", messages=messages, tools=[TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    [call] = first.choices[0].message.tool_calls or []
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "Rain."},
    ]
    second = await client.chat.completions.create(model="Weather", messages=messages, tools=[TOOL])
    assert second.choices[0].message.content == "Take an umbrella."


async def test_a_hundred_streams_at_once_keep_to_themselves(client: openai.AsyncOpenAI) -> None:
    async def one(number: int) -> str:
        stream = await client.chat.completions.create(model="Shout", messages=user(f"count {number}"), stream=True)
        return said([chunk async for chunk in stream])

    answers = await asyncio.gather(*map(one, range(100)))
    assert answers == ["".join(f"{each}.{number} " for number in range(50)) for each in range(100)]


async def test_the_first_door_answers_beside_it(client: openai.AsyncOpenAI, port: int) -> None:
    stream = await client.chat.completions.create(model="Shout", messages=user("count a"), stream=True)
    async with connected(port) as wire:
        reader = read(await (await wire.ask(query("hello"), path="/shout")).body())
    assert reader.text == "HELLO"
    assert [file.name for file in reader.files] == ["a.png"]
    assert said([chunk async for chunk in stream]).startswith("a.0 ")


# ---- our own client


async def test_poe_chat_model_asks_a_bot(port: int) -> None:
    result = await model(port).invoke([{"role": "user", "content": "hello"}])
    assert result.text.startswith("HELLO")
    assert result.model == "Shout"
    assert result.usage.output_tokens > 0


async def test_poe_chat_model_streams_what_it_would_get_whole(port: int) -> None:
    async with model(port).stream("count z") as stream:
        parts = [delta.text async for delta in stream]
    assert len(parts) > 10
    assert "".join(parts) == stream.result.text == (await model(port).invoke("count z")).text


async def test_poe_chat_model_raises_by_cause(port: int) -> None:
    with pytest.raises(InvalidKeyError):
        await model(port, key="wrong").invoke("x")
    with pytest.raises(UnknownBotError):
        await model(port, "GPT-5").invoke("x")
    with pytest.raises(NoCreditsError):
        await model(port).invoke("poor")
    with pytest.raises(UpstreamError, match="Something went wrong"):
        async with model(port).stream("bug later") as stream:
            assert [delta.text async for delta in stream] == ["First"]


async def test_poe_chat_model_leaves_and_the_handler_is_closed(port: int) -> None:
    async with model(port).stream("wait model") as stream:
        async for delta in stream:
            assert delta.text == "Waiting"
            break
    async with asyncio.timeout(PATIENCE):
        while "model" not in closed:
            await asyncio.sleep(0.01)


async def test_poe_chat_model_runs_its_tools_with_a_bot_that_handles_them(port: int) -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}."

    result = await model(port, "Weather").invoke("Oslo?", tools=[weather])
    assert result.text == "Take an umbrella."
