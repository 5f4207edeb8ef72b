"""`PoeChatModel` against OpenAI-compatible servers that others wrote: llama.cpp's in C++, and LitServe in Python.

Both run as processes of their own on this machine. What they serve is in `small_llama` and `lit_server`.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from poe_asgi import assistant, system, user
from poe_asgi.chat import ChatResult, Messages, PoeChatModel, TokenUsage
from poe_asgi.client import Retry
from poe_asgi.errors import InvalidCallError, InvalidKeyError, OverloadedError, UnknownBotError

from . import small_llama

START_SECONDS = 60.0
STOP_SECONDS = 10.0
ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)

Model = Callable[..., PoeChatModel]


@contextmanager
def serving(module: str, folder: Path) -> Iterator[str]:
    """The base URL of a server: a process of its own, in a group of its own, for LitServe has workers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", f"{__package__}.{module}", str(port), str(folder)]
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        ) as server,
    ):
        try:
            assert healthy(server, port), f"{module} did not start:\n{log.read_text()[-2_000:]}"
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            for number in (signal.SIGINT, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    server.wait(STOP_SECONDS)


def healthy(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection, suppress(OSError):
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.05)
    return False


def models_at(base_url: str, **defaults: Any) -> Model:
    def build(**arguments: Any) -> PoeChatModel:
        return PoeChatModel(**{"base_url": base_url, "retry": Retry(attempts=1), **defaults, **arguments})

    return build


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """Builds models of llama.cpp's server."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: it has no wheel for this platform")
    with serving("small_llama", tmp_path_factory.mktemp("llama")) as base_url:
        yield models_at(base_url, model=small_llama.NAME, api_key=small_llama.KEY)


@pytest.fixture(scope="module")
def litserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """Builds models of LitServe."""
    if importlib.util.find_spec("litserve") is None:
        pytest.skip("litserve is not installed")
    with serving("lit_server", tmp_path_factory.mktemp("litserve")) as base_url:
        yield models_at(base_url, model="parrot", api_key="any")


async def answered(model: PoeChatModel, messages: Messages, *, streaming: bool, **options: Any) -> ChatResult:
    if not streaming:
        answer: ChatResult = await model.invoke(messages, **options)
        return answer
    async with model.stream(messages, **options) as stream:
        return await stream.read()


def weather_in(city: str) -> str:
    """The weather of now."""
    return f"21 °C in {city}"


# llama.cpp's server


@pytest.mark.asyncio
async def test_llama_answers_in_whole_with_its_usage(llama: Model) -> None:
    answer = await llama().invoke("Hi")
    assert answer == ChatResult(
        "Hello from a very small model.",
        model=small_llama.NAME,
        usage=TokenUsage(11, 8, cached_tokens=0),
        finish_reason="stop",
    )


@pytest.mark.asyncio
async def test_llama_streams_what_it_answers_in_whole(llama: Model) -> None:
    model = llama()
    async with model.stream("Hi") as stream:
        texts = [delta.text async for delta in stream]
    assert [text for text in texts if text] == ["Hel", "lo", " from", " a", " very", " small", " model."]
    assert stream.result == await model.invoke("Hi")


@pytest.mark.asyncio
async def test_llama_streams_from_an_invoke_that_says_so(llama: Model) -> None:
    stream = await llama().invoke("Hi", streaming=True)
    assert "".join([delta.text async for delta in stream]) == "Hello from a very small model."


@pytest.mark.asyncio
async def test_llama_hears_the_system_before_the_user(llama: Model) -> None:
    answer = await llama().invoke([system("You are a sailor."), user("Hi"), assistant("Yes?"), user("Cast off.")])
    assert answer.text == "Aye, captain."


@pytest.mark.asyncio
async def test_the_thoughts_of_llama_stand_apart(llama: Model) -> None:
    model = llama()
    async with model.stream("Please think.") as stream:
        deltas = [(delta.thoughts, delta.text) async for delta in stream]
    assert [each for each in deltas if any(each)] == [
        *(("Let", ""), (" me", ""), (" see", "")),
        *(("", "For"), ("", "ty"), ("", "-two.")),
    ]
    assert (stream.result.thoughts, stream.result.text) == ("Let me see", "Forty-two.")
    assert stream.result == await model.invoke("Please think.")


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [True, False])
async def test_llama_calls_a_tool_and_answers_with_what_it_returned(llama: Model, *, streaming: bool) -> None:
    answer = await answered(llama(), "How is it in Paris?", streaming=streaming, tools=[weather_in])
    [round_] = answer.tool_rounds
    [call], [result] = round_.calls, round_.results
    assert (call.name, call.arguments) == ("weather_in", '{"city": "Paris"}')
    assert result.content == "21 °C in Paris"
    assert (answer.text, answer.finish_reason) == ("It is 21 °C in Paris.", "stop")


@pytest.mark.asyncio
async def test_llama_fills_in_a_form(llama: Model) -> None:
    class Person(BaseModel):
        name: str
        born: int

    answer = await llama().parse("Who was the first programmer?", Person, repairs=0)
    assert answer.parsed == Person(name="Ada", born=1815)


@pytest.mark.asyncio
async def test_llama_stops_where_the_options_tell_it_to(llama: Model) -> None:
    answer = await llama(model_options={"temperature": 0}).invoke("Hi", max_tokens=3)
    assert (answer.text, answer.finish_reason, answer.usage.output_tokens) == ("Hello from", "length", 3)


@pytest.mark.asyncio
async def test_llama_lists_its_model(llama: Model) -> None:
    [listed] = await llama().models()
    assert (listed.id, listed.owned_by) == (small_llama.NAME, "llamacpp")


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [True, False])
async def test_llama_knows_its_key(llama: Model, *, streaming: bool) -> None:
    with pytest.raises(InvalidKeyError, match="HTTP 401: Invalid API Key") as caught:
        await answered(llama(api_key="wrong"), "Hi", streaming=streaming)
    assert caught.value.status == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [True, False])
async def test_llama_says_when_a_conversation_is_too_long(llama: Model, *, streaming: bool) -> None:
    with pytest.raises(InvalidCallError, match="exceeds the available context size") as caught:
        await answered(llama(), "x" * 2 * small_llama.CONTEXT, streaming=streaming)
    assert (caught.value.status, caught.value.error_type) == (400, "exceed_context_size_error")


@pytest.mark.asyncio
async def test_llama_says_that_it_sees_no_images(llama: Model) -> None:
    with pytest.raises(OverloadedError, match="HTTP 500: image input is not supported"):
        await llama().invoke([{"role": "user", "content": ["What is this?", PNG]}])


# LitServe


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [True, False])
async def test_litserve_gets_every_message_under_its_role(litserve: Model, *, streaming: bool) -> None:
    messages = [system("Be brief."), user("Hi"), assistant("Yes?"), user("Bye")]
    answer = await answered(litserve(), messages, streaming=streaming)
    assert answer == ChatResult(
        "system: Be brief.\nuser: Hi\nassistant: Yes?\nuser: Bye\n",
        model="parrot",
        usage=TokenUsage(7, 5),
        finish_reason="stop",
    )


@pytest.mark.asyncio
async def test_litserve_gets_an_image(litserve: Model) -> None:
    answer = await litserve().invoke([{"role": "user", "content": ["What is this?", PNG]}])
    assert answer.text == "user: What is this?, data:image/png;base64,iVBORw0KGgoAAAAAAAAAAA==\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [True, False])
async def test_litserve_calls_a_tool_though_it_says_that_it_stopped(litserve: Model, *, streaming: bool) -> None:
    answer = await answered(litserve(), "Paris?", streaming=streaming, tools=[weather_in])
    [round_] = answer.tool_rounds
    [call], [result] = round_.calls, round_.results
    assert (call.id, call.name, call.arguments) == ("call_1", "weather_in", '{"city": "Paris"}')
    assert result.content == "21 °C in Paris"
    assert answer.text.endswith("tool: 21 °C in Paris\n")
    assert answer.usage == TokenUsage(14, 10)


@pytest.mark.asyncio
async def test_litserve_does_not_know_a_model(litserve: Model) -> None:
    with pytest.raises(UnknownBotError, match="unknown failed with HTTP 404"):
        await litserve(model="unknown").invoke("Hi")


@pytest.mark.asyncio
async def test_litserve_breaks_off_a_stream_with_an_error(litserve: Model) -> None:
    stream = litserve(model="failing").stream("Hi")
    with pytest.raises(OverloadedError, match="The parrot has flown"):
        await stream.read()
    assert stream.result.text == "user: Hi\n"


@pytest.mark.asyncio
async def test_litserve_fails_before_an_answer(litserve: Model) -> None:
    with pytest.raises(OverloadedError, match="HTTP 503") as caught:
        await litserve(model="failing").invoke("Hi")
    assert caught.value.status == 503


@pytest.mark.asyncio
async def test_litserve_refuses_an_option(litserve: Model) -> None:
    with pytest.raises(InvalidCallError, match="HTTP 422") as caught:
        await litserve().invoke("Hi", metadata="none")
    assert caught.value.status == 422


@pytest.mark.asyncio
async def test_litserve_has_no_list_of_models(litserve: Model) -> None:
    with pytest.raises(InvalidCallError, match="HTTP 404"):
        await litserve().models()


# Both


@pytest.mark.asyncio
@pytest.mark.parametrize(("server", "said"), [("llama", "Hello from a very small model."), ("litserve", "user: Hi\n")])
async def test_many_talk_to_one_server_at_once(server: str, said: str, request: pytest.FixtureRequest) -> None:
    model: PoeChatModel = request.getfixturevalue(server)()

    async with model:
        answers = await asyncio.gather(*(answered(model, "Hi", streaming=number % 2 == 0) for number in range(20)))
    assert len(answers) == 20
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].text == said
