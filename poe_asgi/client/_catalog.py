"""The list of models (reference: GET /v1/models).

The list is known to be wrong in places: it gives hints, and is never a reason not to call a model. So whatever does not
have the expected shape is left out, and ``raw`` keeps the entry as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..errors import ConfigurationError, InvalidResponseError
from ._calls import get_json
from ._connection import Connection
from ._tolerant import decimal, moment, number, objects, strings, text, within

LIST_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """US dollars per token (``prompt``, ``completion``, the two caches), per image and per request; None: not told."""

    prompt: Decimal | None = None
    completion: Decimal | None = None
    image: Decimal | None = None
    request: Decimal | None = None
    input_cache_read: Decimal | None = None
    input_cache_write: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameter:
    """A parameter of a model, as it stands beside ``model`` in a chat completion. ``schema`` is a JSON schema."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    default: Any = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One entry: hints, which may be wrong. ``""``, ``()`` and None stand for what is not told.

    ``features`` are like ``tools``, ``endpoints`` like ``/v1/chat/completions``; ``efforts`` the levels of reasoning,
    empty also where Poe only says that there are some. Lengths are in tokens.
    """

    id: str
    name: str = ""
    owned_by: str = ""
    description: str = ""
    url: str = ""
    created: datetime | None = None
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    efforts: tuple[str, ...] = ()
    context_length: int | None = None
    max_output_tokens: int | None = None
    pricing: Pricing | None = None
    parameters: tuple[ModelParameter, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def models(connection: Connection) -> tuple[Model, ...]:
    """All models; see `PoeClient.models`."""
    what = "Listing the models"
    try:
        headers = {"authorization": f"Bearer {connection.key()}"}
    except ConfigurationError:
        headers = {}  # none is needed
    listed = await get_json(connection, connection.v1_url("/models"), what, headers=headers, seconds=LIST_SECONDS)
    if not isinstance(listed.get("data"), list):
        raise InvalidResponseError(f"{what}: the answer has no list of models.", status=200)
    return tuple(_model(entry) for entry in objects(listed, "data") if text(entry, "id"))


def _model(raw: Mapping[str, Any]) -> Model:
    pricing = raw.get("pricing")
    return Model(
        id=text(raw, "id"),
        name=text(within(raw, "metadata"), "display_name"),
        owned_by=text(raw, "owned_by"),
        description=text(raw, "description"),
        url=text(within(raw, "metadata"), "url"),
        created=moment(raw.get("created")),
        input_modalities=strings(within(raw, "architecture"), "input_modalities"),
        output_modalities=strings(within(raw, "architecture"), "output_modalities"),
        features=strings(raw, "supported_features"),
        endpoints=strings(raw, "supported_endpoints"),
        efforts=strings(within(raw, "reasoning"), "supports_reasoning_effort"),
        context_length=number(within(raw, "context_window"), "context_length") or number(raw, "context_length"),
        max_output_tokens=number(within(raw, "context_window"), "max_output_tokens"),
        pricing=_pricing(pricing) if isinstance(pricing, Mapping) else None,
        parameters=tuple(_parameter(each) for each in objects(raw, "parameters") if text(each, "name")),
        raw=raw,
    )


def _pricing(raw: Mapping[str, Any]) -> Pricing:
    return Pricing(**{name: decimal(raw.get(name)) for name in Pricing.__slots__})


def _parameter(raw: Mapping[str, Any]) -> ModelParameter:
    return ModelParameter(
        name=text(raw, "name"),
        schema=within(raw, "schema"),
        default=raw.get("default_value"),
        description=text(raw, "description"),
    )
