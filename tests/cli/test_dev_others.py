"""Who answers when a bot under development calls other bots: the real Poe, or a model on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from poe_asgi import File, PoeClient
from poe_asgi.cli._live import live
from poe_asgi.cli._loopback import listen, served, url_of
from poe_asgi.cli._model_server import model_answers
from poe_asgi.client import NO_RETRY, close_pool
from poe_asgi.errors import NoCreditsError, TruncatedStreamError, UpstreamError
from poe_asgi.local import Cut, FakePoe, Script, http_error

from .support import write
from .test_dev import RELAY, dev

NAME = "Claude-Sonnet-4.6"


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    with listen() as listener:
        async with served(app, listener):
            yield url_of(listener)
            await close_pool()


@contextmanager
def in_a_thread(app: Any) -> Iterator[str]:
    """The app, served while this process waits for others."""
    urls: list[str] = []
    up, over = threading.Event(), threading.Event()

    async def main() -> None:
        async with serving(app) as url:
            urls.append(url)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert up.wait(20)
    try:
        yield urls[0]
    finally:
        over.set()
        thread.join(20)


# ---- the real Poe, played by another local one


def test_with_live_the_bot_reaches_the_real_poe_with_the_key_of_its_author() -> None:
    write("bot.py", RELAY)
    real = FakePoe(keys=["authors-own-key"])
    real.bot(NAME, "The real one.")
    with in_a_thread(real) as url, dev("bot.py", "--live", POE_API_KEY="authors-own-key", POE_BASE_URL=url) as up:
        assert up.ask().text == "The real one."
        assert "your points pay" in up.command.output
        assert "authors-own-key" not in up.command.output
    assert [(call.bot, call.text, call.key_accepted) for call in real.calls] == [(NAME, "Hello", True)]
    assert real.calls[0].request.message_id == ""


@pytest.mark.asyncio
async def test_errors_of_the_real_poe_come_through() -> None:
    real, here = FakePoe(), FakePoe()
    async with serving(real) as url:
        here.otherwise(live(here, "any", url))
        poe = PoeClient(api_key="local", transport=here.transport(), base_url="http://poe.test", retry=NO_RETRY)
        real.bot(NAME, http_error(402, "No points."))
        with pytest.raises(NoCreditsError):
            await poe.ask(NAME, "Hello")
        real.bot(NAME, Script("Because", Cut()))
        with pytest.raises(TruncatedStreamError):
            await poe.ask(NAME, "Hello")


@pytest.mark.asyncio
async def test_files_of_this_machine_are_uploaded_for_the_real_poe_once() -> None:
    real, here = FakePoe(), FakePoe()
    async with serving(real) as url:
        here.otherwise(live(here, "any", url))
        poe = PoeClient(api_key="local", transport=here.transport(), base_url="http://poe.test")
        notes = await poe.upload("Buy milk.", name="notes.txt")
        elsewhere = File(url="https://example.com/a.png", name="a.png", content_type="image/png")
        for until in ("", "?until=12.5"):  # as the playground hands it on
            await poe.ask(NAME, "Read this.", attachments=[replace(notes, url=notes.url + until), elsewhere])
        assert [upload.content for upload in real.uploads] == [b"Buy milk."]
        for call in real.calls:
            urls = [attachment.url for attachment in call.request.query[-1].attachments]
            assert urls == [real.uploads[0].url, elsewhere.url]


# ---- a model on this machine


class ModelServer:
    """As much of OpenAI's API as is asked for. ``bodies`` are what it was sent."""

    def __init__(self, *words: str, status: int = 200, done: bool = True) -> None:
        self.words, self.status, self.done = words, status, done
        self.bodies: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        if scope["path"] == "/v1/models":
            answer = json.dumps({"data": [{"id": "first-model"}, {"id": "other"}]}).encode()
        else:
            self.bodies.append(json.loads(body))
            chunks = [{"choices": [{"delta": {"content": word}}]} for word in self.words]
            lines = [*map(json.dumps, chunks), *(["[DONE]"] if self.done else [])]
            answer = "".join(f"data: {line}\n\n" for line in lines).encode()
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def test_with_a_model_url_that_model_answers_for_all_bots() -> None:
    write("bot.py", RELAY)
    model = ModelServer("A local ", "answer.")
    with in_a_thread(model) as url, dev("bot.py", "--model-url", f"{url}/v1") as up:
        assert up.ask("Why?").text == "A local answer."
        assert f"the model at {url}/v1" in up.command.output
    assert model.bodies == [{"model": "first-model", "messages": [{"role": "user", "content": "Why?"}], "stream": True}]


@pytest.mark.asyncio
async def test_the_model_can_be_named_and_its_failures_come_through() -> None:
    here = FakePoe()
    poe = PoeClient(api_key="local", transport=here.transport(), base_url="http://poe.test", retry=NO_RETRY)
    server = ModelServer("Because", done=False)
    async with serving(server) as url:
        here.otherwise(model_answers(f"{url}/v1/", "named", PoeClient(api_key="local")))
        with pytest.raises(TruncatedStreamError):
            await poe.ask(NAME, "Why?")
        assert server.bodies[0]["model"] == "named"
        server.status = 429
        with pytest.raises(UpstreamError):
            await poe.ask(NAME, "Why?")
    here.otherwise(model_answers("http://127.0.0.1:9/v1", None, PoeClient(api_key="local")))
    with pytest.raises(UpstreamError, match="cannot be asked"):
        await poe.ask(NAME, "Why?")
    await close_pool()
