"""``dev --live``: the bots of the real Poe answer when a bot under development calls them, files included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ..client import PoeClient
from ..errors import UpstreamError
from ..local import Call, FakePoe, http_error, real_bots
from ..protocol import Attachment, Attachments, Message


def live(poe: FakePoe, api_key: str, base_url: str) -> Callable[[Call], Awaitable[Any]]:
    """For `FakePoe.otherwise`: as `real_bots`, and Poe is given the files that were uploaded to this one."""
    ask = real_bots(api_key, base_url=base_url)
    client = PoeClient(api_key=api_key, base_url=base_url)
    uploaded: dict[str, str] = {}

    async def answer(call: Call) -> Any:
        try:
            query = [await _with_real_files(message) for message in call.request.query]
        except UpstreamError as exc:
            return http_error(502, str(exc))
        return await ask(replace(call, request=replace(call.request, query=tuple(query))))

    async def _with_real_files(message: Message) -> Message:
        if not message.attachments:
            return message
        return replace(message, attachments=Attachments([await _real(each) for each in message.attachments]))

    async def _real(attachment: Attachment) -> Attachment:
        url = attachment.url.partition("?")[0]  # without the time until which it is good
        here = next((each for each in poe.uploads if each.url == url), None)
        if here is None:
            return attachment
        if url not in uploaded:
            file = await client.upload(here.content, name=here.name, content_type=here.content_type)
            uploaded[url] = file.url
        return replace(attachment, url=uploaded[url])

    return answer
