"""The list of models, the balance and the history of points: read with tolerance."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from poe_asgi import ConfigurationError
from poe_asgi._clock import passed_in
from poe_asgi.client import Model, ModelParameter, Pricing, Retry, UsageEntry
from poe_asgi.errors import InvalidCallError, InvalidKeyError, InvalidResponseError, UpstreamError, UpstreamTimeoutError
from tests.support import ManualClock

from .support import Answers, client, for_ever, refusal, stream

pytestmark = pytest.mark.asyncio

ENTRY = {
    "id": "gpt-5-mini",
    "object": "model",
    "created": 1_754_587_413_000,
    "description": "A model.",
    "owned_by": "OpenAI",
    "root": "gpt-5-mini",
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"], "modality": "text,image->text"},
    "supported_features": ["tools"],
    "supported_endpoints": ["/v1/chat/completions", "/v1/responses"],
    "pricing": {"prompt": "0.00000022", "completion": "0.0000018", "image": None, "request": None},
    "context_window": {"context_length": 400_000, "max_output_tokens": 128_000},
    "context_length": 400_000,
    "metadata": {"display_name": "GPT-5-mini", "image": {"url": "https://x"}, "url": "https://poe.com/GPT-5-mini"},
    "reasoning": {"budget": None, "required": False, "supports_reasoning_effort": ["low", "high"]},
    "parameters": [
        {"name": "web_search", "schema": {"type": "boolean"}, "default_value": False, "description": "Search."},
        {"schema": {}},
    ],
}  # fmt: skip


def listed(*entries: Any, **more: Any) -> Any:
    return refusal(200, {"object": "list", "data": list(entries), **more})


async def listing(*entries: Any) -> tuple[Model, ...]:
    return await client(Answers(listed(*entries))).models()


# ---- models


async def test_a_model_is_read_into_typed_fields() -> None:
    app = Answers(listed(ENTRY))
    [model] = await client(app).models()
    [request] = app.requests
    assert (request["method"], request["path"], request["headers"]["host"]) == ("GET", "/v1/models", "api.poe.com")
    assert request["headers"]["authorization"] == "Bearer secret-key"
    assert model == Model(
        id="gpt-5-mini",
        name="GPT-5-mini",
        owned_by="OpenAI",
        description="A model.",
        url="https://poe.com/GPT-5-mini",
        created=datetime(2025, 8, 7, 17, 23, 33, tzinfo=UTC),
        input_modalities=("text", "image"),
        output_modalities=("text",),
        features=("tools",),
        endpoints=("/v1/chat/completions", "/v1/responses"),
        efforts=("low", "high"),
        context_length=400_000,
        max_output_tokens=128_000,
        pricing=Pricing(prompt=Decimal("0.00000022"), completion=Decimal("0.0000018")),
        parameters=(
            ModelParameter(name="web_search", schema={"type": "boolean"}, default=False, description="Search."),
        ),
        raw=ENTRY,
    )


async def test_the_list_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    app = Answers(listed(ENTRY))
    assert await client(app, api_key=None).models()
    assert "authorization" not in app.requests[0]["headers"]


async def test_what_is_missing_or_null_is_not_told() -> None:
    nothing = dict.fromkeys(ENTRY)
    assert await listing({"id": "a"}, {**nothing, "id": "b"}) == (
        Model(id="a", raw={"id": "a"}),
        Model(id="b", raw={**nothing, "id": "b"}),
    )


async def test_a_field_of_another_shape_is_left_out_and_no_entry_is_lost_for_it() -> None:
    odd: list[Any] = [1, "x", True, [], {}, [1, None, {}], {"a": 1}, -1, 1e300, float("inf")]
    entries = [{**ENTRY, name: value} for name in ENTRY if name != "id" for value in odd[:-1]]
    models = await listing(*entries)
    assert [model.id for model in models] == ["gpt-5-mini"] * len(entries)
    assert [model.raw for model in models] == entries


async def test_what_is_no_model_is_left_out() -> None:
    assert [model.id for model in await listing(None, 1, "x", [], {}, {"id": 5}, {"id": ""}, ENTRY)] == ["gpt-5-mini"]


async def test_inner_fields_of_another_shape_are_left_out() -> None:
    [model] = await listing(
        {
            "id": "a",
            "created": True,
            "pricing": {"prompt": "free", "completion": 0.5, "image": [], "request": "NaN", "input_cache_read": True},
            "reasoning": {"supports_reasoning_effort": True},
            "context_window": {"context_length": "many", "max_output_tokens": 1.5},
            "context_length": 7,
            "parameters": [{"name": "p"}, None, {"name": None}, {"name": "q", "schema": [], "default_value": [1]}],
        }
    )
    assert model.created is None
    assert model.pricing == Pricing(completion=Decimal("0.5"))
    assert (model.efforts, model.context_length, model.max_output_tokens) == ((), 7, None)
    assert model.parameters == (ModelParameter(name="p"), ModelParameter(name="q", default=[1]))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (refusal(200, {}), InvalidResponseError),
        (refusal(200, {"data": {}}), InvalidResponseError),
        (refusal(200, []), InvalidResponseError),
        ((200, {}, [b"<html>"]), InvalidResponseError),
        ((200, {}, [b"\xff"]), InvalidResponseError),
        (refusal(404, {}), InvalidCallError),
    ],
)
async def test_what_is_no_list_is_an_error(body: Any, error: type[UpstreamError]) -> None:
    with pytest.raises(error, match="Listing the models"):
        await client(Answers(body)).models()


async def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe_asgi.client._calls.BODY_BYTES", 1000)
    with pytest.raises(InvalidResponseError, match="larger than 1,000 bytes"):
        await listing(*[ENTRY] * 3)


async def test_the_list_does_not_take_for_ever() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    task = asyncio.create_task(client(Answers(stream(for_ever))).models())
    await clock.advance(31)
    with pytest.raises(UpstreamTimeoutError, match="30 s"):
        await task


async def test_the_list_is_asked_for_again_when_that_may_succeed() -> None:
    app = Answers(refusal(503, {}), listed(ENTRY))
    assert await client(app, retry=Retry(longest_pause=0)).models()


# ---- usage


def page(*entries: Any, has_more: Any = False) -> Any:
    return listed(*entries, has_more=has_more, length=len(entries))


def spent(query_id: str, **more: Any) -> dict[str, Any]:
    return {
        "query_id": query_id,
        "bot_name": "Claude",
        "creation_time": 1_700_000_000_000_000,
        "cost_points": 5,
        **more,
    }


async def history(*pages: Any) -> tuple[list[UsageEntry], Answers]:
    app = Answers(*pages)
    return [entry async for entry in client(app).usage().history()], app


async def test_the_balance_is_a_number_of_points() -> None:
    app = Answers(refusal(200, {"current_point_balance": 1500, "total_balance_usd": "1.5"}))
    balance = await client(app).usage().balance()
    assert (balance.points, balance.raw["total_balance_usd"]) == (1500, "1.5")
    [request] = app.requests
    assert (request["method"], request["path"]) == ("GET", "/usage/current_balance")
    assert request["headers"]["authorization"] == "Bearer secret-key"


@pytest.mark.parametrize("body", [{}, {"current_point_balance": "1"}, {"current_point_balance": True}, []])
async def test_no_number_is_no_balance(body: Any) -> None:
    with pytest.raises(InvalidResponseError):
        await client(Answers(refusal(200, body))).usage().balance()


async def test_an_entry_is_read_into_typed_fields() -> None:
    raw = spent(
        "q1",
        usage_type="API",
        cost_usd="0.0001",
        cost_breakdown_in_points={"Input": "2", "Total": "5"},
        api_key_name="k",
        chat_name="c",
    )
    entries, _ = await history(page(raw))
    assert entries == [
        UsageEntry(
            query_id="q1",
            bot_name="Claude",
            points=5,
            time=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
            usage_type="API",
            usd=Decimal("0.0001"),
            breakdown={"Input": "2", "Total": "5"},
            api_key_name="k",
            chat_name="c",
            raw=raw,
        )
    ]


@pytest.mark.parametrize("time", [1_700_000_000_000_000, 1_700_000_000_000, 1_700_000_000, 1_700_000_000.0])
async def test_a_time_may_be_in_microseconds_or_in_seconds(time: float) -> None:
    [entry], _ = await history(page(spent("q", creation_time=time)))
    assert entry.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("time", [None, "1700000000", True, 0, -1, 1e30])
async def test_what_is_no_time_is_not_told(time: Any) -> None:
    [entry], _ = await history(page(spent("q", creation_time=time)))
    assert entry.time is None


async def test_an_older_name_of_the_bot_is_read_too_and_the_rest_may_be_missing() -> None:
    entries, _ = await history(page({"query_id": "q", "app_name": "Claude"}, {}, None))
    assert [(entry.query_id, entry.bot_name, entry.points) for entry in entries] == [
        ("q", "Claude", None),
        ("", "", None),
    ]


async def test_pages_are_asked_for_one_after_the_other_as_they_are_needed() -> None:
    app = Answers(page(spent("q1"), spent("q 2"), has_more=True), page(spent("q3")))
    entries = client(app).usage().history()
    assert [(await anext(entries)).query_id for _ in range(2)] == ["q1", "q 2"]
    assert [request["query_string"] for request in app.requests] == [b"limit=100"]
    assert [entry.query_id async for entry in entries] == ["q3"]
    assert [request["query_string"] for request in app.requests][1:] == [b"limit=100&starting_after=q+2"]


@pytest.mark.parametrize(
    ("only", "requests"),
    [
        (page(spent("q"), has_more=True), 2),
        (page(has_more=True), 1),
        (page(spent(""), has_more=True), 1),
        (page(spent("q"), has_more="yes"), 1),
    ],
)
async def test_a_history_that_leads_nowhere_ends(only: Any, requests: int) -> None:
    _, app = await history(only)
    assert len(app.requests) == requests


async def test_what_is_no_history_is_an_error() -> None:
    with pytest.raises(InvalidResponseError):
        await history(refusal(200, {"data": None}))
    with pytest.raises(InvalidKeyError):
        await history(refusal(401, {"error": {"type": "authentication_error", "message": "no"}}))


async def test_usage_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="POE_API_KEY"):
        await client(Answers(page()), api_key=None).usage().balance()
