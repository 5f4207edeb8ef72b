"""More places where a key could get to: metrics and traces, the other doors, and the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from poe_asgi import Answer, Bot, PoeChatModel, PoeClient, QueryContext, create_app
from poe_asgi.client import Retry
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.errors import PoeASGIError
from poe_asgi.observe import OpenTelemetryObserver, PrometheusObserver

from ..cli.support import invoke
from ..support import Exchange

QUERY = {"type": "query", "query": [{"role": "user", "content": "x"}]}
CHAT = {"model": "Calling", "messages": [{"role": "user", "content": "x"}]}

BOT = """\
from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Calling", access_key="KEY")


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream("Model", ctx.prompt())
"""


def calling(key: str, said: list[str]) -> Bot:
    """A bot that calls a bot and a model with the key, says how that failed, and fails with the key at hand."""
    bot = Bot("Calling", access_key=key)

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        model = PoeChatModel(api_key=key, model="m", retry=Retry(attempts=1))
        async with PoeClient(api_key=key, retry=Retry(attempts=1)) as poe:
            for call in (poe.ask("Model", "hi"), model.invoke("hi"), ctx.poe.ask("B", "hi")):
                try:
                    said.append(f"{await call!r}")
                except PoeASGIError as exc:
                    said.append(f"{exc!r} {exc}")
        yield "It failed."
        raise ValueError(ctx, model, ctx.poe)

    return bot


async def from_observers_and_the_second_door(key: str, said: list[str]) -> None:
    exporter, provider, registry = InMemorySpanExporter(), TracerProvider(), CollectorRegistry()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces, metrics = OpenTelemetryObserver(tracer_provider=provider), PrometheusObserver("/metrics", registry=registry)
    app = create_app(calling(key, said), access_key=key, observers=[traces, metrics], openai=True)
    for given in (key, key[::-1], None):
        for path, body in (
            ("/", QUERY),
            ("/v1/chat/completions", CHAT),
            ("/v1/chat/completions", {**CHAT, "stream": True}),
            ("/v1/chat/completions", {**CHAT, "model": key}),
            ("/v1/models", b""),
        ):
            exchange = await Exchange().run(
                app, body, path=path, key=given, method="POST" if body else "GET", headers={"x-api-key": key}
            )
            said.append(f"{exchange.headers} {exchange.body!r}")
    page = await Exchange().run(app, b"", path="/metrics", method="GET", key=None)
    spans = exporter.get_finished_spans()
    assert b"poe" in page.body
    assert len(spans) > 3
    said += [page.body.decode(), *(span.to_json() for span in spans)]


async def from_an_official_bot(key: str, said: list[str]) -> None:
    from ..interop.official import fp

    class Calling(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            try:
                async for partial in fp.stream_request(request, "Model", request.access_key):
                    yield partial
                await self.post_message_attachment(message_id="m", file_data=b"1", filename="1.txt")
            except Exception as exc:
                yield fp.PartialResponse(text=f"{type(exc)}")
                raise RuntimeError from exc

    app = create_app(from_fastapi_poe(Calling(access_key=key)))
    for given in (key, key[::-1]):
        for body in (QUERY, {"type": "settings"}, {"type": "report_error", "message": "x", "metadata": {}}):
            exchange = await Exchange().run(app, body, key=given)
            said.append(f"{exchange.headers} {exchange.body!r}")


def from_the_command_line(url: str, key: str, folder: Path, said: list[str]) -> None:
    """Every command that takes a key, against a server that repeats it."""
    bot = folder / "bot.py"
    bot.write_text(BOT.replace("KEY", key))
    for arguments in (
        ("ask", "Model", "hi", "--api-key", key),
        ("ask", "Model", "hi", "--api-key", key, "--json"),
        ("models", "--api-key", key),
        ("check", url, "--fast", "--key", key, "--json"),
        ("check", url, "--fast", "--key", key, "--junit"),
        ("check", str(bot), "--fast"),
        ("chat", url, "--key", key),
        ("chat", url, "--key", key, "--json"),
        ("settings", "show", url, "--key", key),
        ("settings", "diff", url, url, "--key", key),
        ("settings", "push", str(bot)),
    ):
        result = invoke(*arguments, stdin="hi\n", POE_BASE_URL=url, POE_ACCESS_KEY=None)
        assert result.output, arguments
        said.append(f"{arguments[:2]} {result.exit_code} {result.output} {result.stderr}")
