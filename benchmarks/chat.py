"""The load of the chat case: one client reads a model's answer of 20,000 chunks that is ready at once, again and again.

    python -m benchmarks.chat NAME PORT SECONDS

reads whole answers for SECONDS, and prints one JSON object: ``us``, the processor time of this process per chunk with a
token, of whole calls; and ``chunks_per_second``, by the clock. An answer that is read wrongly is an error.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import Any, TypeAlias

import uvloop

from .answers import chat_tokens
from .queries import KEY

QUESTION = "Say a lot."

# Asks, and gives the texts of the chunks as they come, ``""`` for those without.
Ask: TypeAlias = Callable[[], AsyncIterator[str]]


@asynccontextmanager
async def ours(base_url: str) -> AsyncIterator[Ask]:
    from poe_asgi.chat import PoeChatModel

    async def ask() -> AsyncIterator[str]:
        async with model.stream(QUESTION) as stream:
            async for delta in stream:
                yield delta.text

    async with PoeChatModel(api_key=KEY, model="benchmark", base_url=base_url) as model:
        yield ask


@asynccontextmanager
async def official(base_url: str) -> AsyncIterator[Ask]:
    """The `openai` package, which the type checker does not have."""
    openai: Any = import_module("openai")

    async def ask() -> AsyncIterator[str]:
        stream = await client.chat.completions.create(
            model="benchmark",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            yield (chunk.choices[0].delta.content or "") if chunk.choices else ""

    async with openai.AsyncOpenAI(api_key=KEY, base_url=base_url) as client:
        yield ask


@asynccontextmanager
async def floor(base_url: str) -> AsyncIterator[Ask]:
    """The least it takes with httpx: no status, no errors, one kind of line ending, no limits, no retry."""
    import httpx

    body = {"model": "benchmark", "messages": [{"role": "user", "content": QUESTION}], "stream": True}

    async def ask() -> AsyncIterator[str]:
        rest = b""
        async with session.stream("POST", f"{base_url}/chat/completions", json=body) as response:
            async for chunk in response.aiter_bytes():
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    if frame != b"data: [DONE]":
                        choices = json.loads(frame[6:])["choices"]
                        yield (choices[0]["delta"].get("content") or "") if choices else ""

    async with httpx.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {KEY}"}) as session:
        yield ask


# What has to be loaded for a call; httpx is imported when it is first needed.
IMPORTED = {"ours": "poe_asgi.chat, httpx", "official": "openai", "floor": "httpx"}

CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[Ask]]] = {
    "ours": ours,
    "official": official,
    "floor": floor,
}


async def measure(name: str, port: int, seconds: float) -> dict[str, float]:
    tokens = chat_tokens()
    async with CLIENTS[name](f"http://127.0.0.1:{port}/v1") as ask:
        if "".join([text async for text in ask()]) != "".join(tokens):
            raise SystemExit("an answer was read wrongly")
        processor: list[float] = []
        clock: list[float] = []
        end = time.perf_counter() + seconds
        while not clock or time.perf_counter() < end:
            busy, start, count = time.process_time(), time.perf_counter(), 0
            async for text in ask():
                count += bool(text)
            processor.append((time.process_time() - busy) / count * 1e6)
            clock.append(count / (time.perf_counter() - start))
            if count != len(tokens):
                raise SystemExit(f"{count} of {len(tokens)} chunks were read")
    return {"us": statistics.median(processor), "chunks_per_second": statistics.median(clock)}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
