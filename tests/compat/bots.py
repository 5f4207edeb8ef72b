"""One bot for each kind in the list of the official documentation, written the way its users write them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterable
from typing import Any

from tests.interop.official import fp, stream_request_base

log = logging.getLogger(__name__)

Partials = AsyncIterable[Any]

WEATHER = fp.ToolDefinition.model_validate(
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
)


def get_weather(city: str) -> dict[str, str]:
    return {"city": city, "sky": "grey"}


class Echo(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        yield fp.PartialResponse(text=request.query[-1].content)


class PromptWrapper(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        request.query = [fp.ProtocolMessage(role="system", content="Answer in a haiku."), *request.query]
        async for partial in fp.stream_request(request, "Model", request.access_key):
            yield partial

    async def get_settings(self, setting: fp.SettingsRequest) -> fp.SettingsResponse:
        return fp.SettingsResponse(server_bot_dependencies={"Model": 1}, introduction_message="A haiku?")


class FunctionCalling(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        answer = fp.stream_request(
            request, "Model", request.access_key, tools=[WEATHER], tool_executables=[get_weather]
        )
        async for partial in answer:
            yield partial


class FunctionCallingLoop(fp.PoeBot):
    """Runs the calls itself, as often as the model asks for some."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        calls: list[fp.ToolCallDefinition] = []
        results: list[fp.ToolResultDefinition] = []
        for _ in range(5):
            asked: dict[int, dict[str, Any]] = {}
            answer = stream_request_base(
                request, "Model", request.access_key, tools=[WEATHER], tool_calls=calls, tool_results=results
            )
            async for partial in answer:
                for choice in (partial.data or {}).get("choices", ()):
                    for delta in choice["delta"].get("tool_calls", ()):
                        call = asked.setdefault(delta["index"], {"id": delta.get("id"), "name": "", "arguments": ""})
                        call["name"] += delta["function"].get("name") or ""
                        call["arguments"] += delta["function"]["arguments"]
                if partial.data is None:
                    yield partial
            if not asked:
                return
            for call in asked.values():
                function: Any = {"name": call["name"], "arguments": call["arguments"]}
                calls.append(fp.ToolCallDefinition(id=call["id"], type="function", function=function))
                content = json.dumps(get_weather(**json.loads(call["arguments"])))
                results.append(
                    fp.ToolResultDefinition(role="tool", name=call["name"], tool_call_id=call["id"], content=content)
                )


class AttachmentsIn(fp.PoeBot):
    """Tells what it was given, the contents of the files among it."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        for message in request.query:
            yield fp.PartialResponse(text=f"{message.role}: {message.content}\n")
        for attachment in request.query[-1].attachments:
            yield fp.PartialResponse(text=f"{attachment.name} ({attachment.content_type})\n")

    async def get_settings(self, setting: fp.SettingsRequest) -> fp.SettingsResponse:
        return fp.SettingsResponse(allow_attachments=True, enable_image_comprehension=True)


class ConcatenatedAttachments(AttachmentsIn):
    def __init__(self) -> None:
        super().__init__(should_insert_attachment_messages=False, concat_attachments_to_message=True)


class AttachmentsOut(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        text = request.query[-1].content
        await self.post_message_attachment(message_id=request.message_id, file_data=text.encode(), filename="said.txt")
        yield fp.PartialResponse(text="Attached.")


class Image(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        yield fp.PartialResponse(text="Painting…")
        image = await self.post_message_attachment(
            message_id=request.message_id, file_data=b"\x89PNG", filename="a.png", is_inline=True
        )
        yield fp.PartialResponse(text=f"Here: ![a cat][{image.inline_ref}]", is_replace_response=True)


class Video(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        yield fp.MetaResponse(text="", content_type="text/markdown", suggested_replies=False)
        await self.post_message_attachment(
            message_id=request.message_id, download_url="https://files.test/clips/a%20cat.mp4?x=1"
        )
        yield fp.PartialResponse(text="")


class ForwardedAttachment(fp.PoeBot):
    """Passes on the file of another bot, as it came."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        async for partial in fp.stream_request(request, "Painter", request.access_key):
            yield partial


class FileCounting(fp.PoeBot):
    """Keeps the number of files in the conversation with its answer."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        before = next(
            (int(each.metadata or "") for each in reversed(request.query) if (each.metadata or "").isdigit()), 0
        )
        count = before + len(request.query[-1].attachments)
        yield fp.PartialResponse(text=f"You have sent {count} files.")
        yield fp.DataResponse(metadata=str(count))
        yield fp.PartialResponse(text="And now?", is_suggested_reply=True)


class HttpRequest(fp.PoeBot):
    """Looks at the request behind the query."""

    async def get_response_with_context(self, request: fp.QueryRequest, context: fp.RequestContext) -> Partials:
        http = context.http_request
        body = await http.json()
        gone = await http.is_disconnected()
        yield fp.PartialResponse(text=f"{http.method} {http.url.path} {http.headers['x-test']} {body['new']} {gone}")


class Log(fp.PoeBot):
    """Writes down all that Poe tells it."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        log.info("query %s", request.message_id)
        yield self.text_event("a raw ")
        yield self.replace_response_event("logged")
        yield self.suggested_reply_event("again")

    async def on_feedback(self, feedback_request: fp.ReportFeedbackRequest) -> None:
        log.info("feedback %s", feedback_request.feedback_type)

    async def on_reaction_with_context(
        self, reaction_request: fp.ReportReactionRequest, context: fp.RequestContext
    ) -> None:
        log.info("reaction %s %s", reaction_request.reaction, context.http_request.method)

    async def on_error(self, error_request: fp.ReportErrorRequest) -> None:
        log.info("error %s %s", error_request.message, error_request.metadata)


class SideBySide(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        async def whole(name: str) -> str:
            answer = fp.stream_request(request, name, request.access_key)
            return "".join([partial.text async for partial in answer if not isinstance(partial, fp.MetaResponse)])

        yield fp.PartialResponse(text="Asking both…")
        left, right = await asyncio.gather(whole("Left"), whole("Right"))
        yield fp.PartialResponse(text=f"Left: {left}\n\n", is_replace_response=True)
        yield fp.PartialResponse(text=f"Right: {right}")


class Cost(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> Partials:
        await self.authorize_cost(request, fp.CostItem(amount_usd_milli_cents=3300, description="at most"))
        yield fp.PartialResponse(text="Worth it.")
        items = [fp.CostItem(amount_usd_milli_cents=1000), fp.CostItem(amount_usd_milli_cents=230)]
        await self.capture_cost(request, items)


class Plain(fp.PoeBot):
    """Says how its answer is to be shown, then answers, and ends in an error of its own."""

    async def get_response(self, request: fp.QueryRequest) -> Partials:
        yield fp.MetaResponse(text="", content_type="text/plain", suggested_replies=True, refetch_settings=True)
        yield fp.PartialResponse(text="<so far>")
        yield fp.ErrorResponse(text="Not today.", allow_retry=False, error_type="user_caused_error")
