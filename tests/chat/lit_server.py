"""LitServe with a "model" that tells what it was asked: `python -m tests.chat.lit_server PORT`.

The model is what everyone who serves with LitServe writes; the form of requests and answers is LitServe's. So is that a
stream gives a role in every chunk, puts the usage beside a choice, calls a tool in one piece and then says it stopped,
and breaks off with an error after which no blank line follows.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

UNKNOWN = "unknown"  # the model that does not exist
FAILING = "failing"  # the model that fails when it has begun
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}

litserve: Any = importlib.import_module("litserve")
fastapi: Any = importlib.import_module("fastapi")


class Parrot(litserve.LitAPI):  # type: ignore[misc]  # LitServe has no types
    def setup(self, device: str) -> None:
        """There is nothing to load."""

    def predict(self, request: Any) -> Iterator[dict[str, Any]]:
        """Every message on a line, then the call of the first tool unless the newest message is a result."""
        if request.model == UNKNOWN:
            raise fastapi.HTTPException(404, "There is no such model.")
        for message in request.messages:
            yield {"role": "assistant", "content": f"{message.role}: {_told(message)}\n"}
        if request.model == FAILING:
            raise fastapi.HTTPException(503, "The parrot has flown.")
        calls = [_call(request.tools[0])] if request.tools and request.messages[-1].role != "tool" else None
        yield {"role": "assistant", "content": None, "tool_calls": calls, **USAGE}


def _told(message: Any) -> str:
    parts = message.content if isinstance(message.content, list) else []
    return ", ".join(part.text if part.type == "text" else part.image_url.url for part in parts) or str(message.content)


def _call(tool: Any) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": tool.function.name, "arguments": '{"city": "Paris"}'},
    }


if __name__ == "__main__":
    server = litserve.LitServer(Parrot(spec=litserve.OpenAISpec()), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
