"""``GET /v1/models``: what is scripted, in the members of the real list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._asgi import HttpAnswer, Incoming, json_answer
from ._state import State

_CREATED = 1_750_000_000_000  # milliseconds, as in the real list


async def models(state: State, _: Incoming) -> HttpAnswer:
    """The list. It needs no key."""
    outage = state.outages.take("models")
    if outage is not None:
        return outage
    names = {name.casefold(): name for name in (*state.scripts.names(), *state.models)}
    changed = {name.casefold(): members for name, members in state.models.items()}
    entries = [_entry(name, changed.get(lower, {})) for lower, name in sorted(names.items())]
    return json_answer({"object": "list", "data": entries})


def _entry(name: str, members: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name.lower(),
        "object": "model",
        "created": _CREATED,
        "description": f"{name}, on this machine.",
        "owned_by": "local",
        "root": name.lower(),
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"], "modality": "text->text"},
        "supported_features": ["tools"],
        "supported_endpoints": ["/v1/chat/completions"],
        "pricing": None,
        "context_window": None,
        "context_length": None,
        "metadata": {"display_name": name, "image": None, "url": f"https://poe.com/{name}"},
        "reasoning": None,
        "parameters": [],
        **members,
    }
