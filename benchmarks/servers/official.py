"""The bot with the official SDK, as its documentation writes one. Without a bot name it calls nobody when built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import fastapi_poe as fp

from benchmarks.answers import READY, paced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Benchmark(fp.PoeBot):
    async def get_response(self, request: fp.QueryRequest) -> AsyncGenerator[Any, None]:
        text = request.query[-1].content
        if text in READY:
            for token in READY[text]:
                yield fp.PartialResponse(text=token)
        else:
            async for token in paced(text):
                yield fp.PartialResponse(text=token)


app = fp.make_app(Benchmark(), access_key=os.environ["POE_ACCESS_KEY"], allow_without_key=False)
