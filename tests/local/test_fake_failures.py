"""`FakePoe` as the Poe that fails: outages by one line, error bodies of every shape, undeclared dependencies."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from poe_asgi import Answer, Bot, QueryContext
from poe_asgi._clock import passed_in
from poe_asgi.client import Retry
from poe_asgi.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidCallError,
    InvalidKeyError,
    NoCreditsError,
    OverloadedError,
    RateLimitedError,
    UndeclaredDependencyError,
    UnknownBotError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.local import FakePoe, http_error
from tests.local.support import KEY, client, get, post
from tests.support import ManualClock, query

pytestmark = pytest.mark.asyncio

BY_STATUS = {
    400: InvalidCallError,
    401: InvalidKeyError,
    402: NoCreditsError,
    403: ForbiddenError,
    404: UnknownBotError,
    408: UpstreamTimeoutError,
    413: InvalidCallError,
    429: RateLimitedError,
    500: OverloadedError,
    502: OverloadedError,
    503: OverloadedError,
    529: OverloadedError,
}


# ---- outages


@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "E", "text"])
@pytest.mark.parametrize(("status", "error"), BY_STATUS.items())
async def test_every_status_in_every_shape_is_the_error_that_names_its_cause(
    status: int, error: type[UpstreamError], shape: Any
) -> None:
    poe = FakePoe()
    poe.bot("Claude", http_error(status, "It went wrong.", shape=shape))
    with pytest.raises(error) as caught:
        await client(poe).ask("Claude", "hi")
    assert caught.value.status == status
    assert "It went wrong." in caught.value.body


async def test_the_shapes_of_an_error_are_those_that_poe_was_seen_with() -> None:
    poe = FakePoe()
    bodies = {}
    for shape in ("A", "B", "C", "D", "E"):
        poe.failing(http_error(429, "Slow.", shape=shape))
        bodies[shape] = (await post(poe, "/bot/Claude", query())).json
    assert bodies == {
        "A": {"error": {"code": 429, "type": "rate_limit_error", "message": "Slow.", "metadata": {}}},
        "B": {"error": {"message": "Slow.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
        "C": {"error": {"message": "Slow.", "type": "rate_limit_error"}},
        "D": {"error": {"message": "Slow."}},
        "E": {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow."}},
    }


async def test_type_code_param_and_headers_of_an_error_can_be_set() -> None:
    poe = FakePoe()
    poe.failing(http_error(400, "No.", shape="C", type="t", code="c", param="p", headers={"X-Request-Id": "r"}))
    with pytest.raises(InvalidCallError) as caught:
        await client(poe).ask("Claude", "hi")
    assert (caught.value.error_type, caught.value.request_id) == ("t", "r")
    assert caught.value.body == '{"error": {"message": "No.", "type": "t", "param": "p", "code": "c"}}'


async def test_a_shape_that_is_not_known_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no shape"):
        http_error(400, shape="Z")  # type: ignore[arg-type]


async def test_a_rate_limit_lasts_for_as_many_calls_as_one_says_and_names_its_pause() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    poe = FakePoe()
    poe.rate_limited(times=2, retry_after=7)
    task = asyncio.create_task(client(poe, retry=Retry()).ask("Claude", "hi"))
    await clock.advance(13.9)
    assert len(poe.calls) == 2
    await clock.advance(0.1)
    assert (await task).text
    assert [call.number for call in poe.calls] == [1, 2, 3]


async def test_an_overload_is_over_after_one_call_unless_told_otherwise() -> None:
    poe = FakePoe()
    poe.overloaded()
    with pytest.raises(OverloadedError):
        await client(poe).ask("Claude", "hi")
    assert (await client(poe).ask("Claude", "hi")).text


@pytest.mark.parametrize(("order", "error"), [("bad_key", InvalidKeyError), ("insufficient_funds", NoCreditsError)])
async def test_what_needs_a_person_to_mend_it_lasts_until_it_is_over(order: str, error: type[UpstreamError]) -> None:
    poe = FakePoe()
    getattr(poe, order)()
    for _ in range(3):
        with pytest.raises(error):
            await client(poe).ask("Claude", "hi")
    poe.recovered()
    assert (await client(poe).ask("Claude", "hi")).text


async def test_an_outage_can_be_of_one_surface_alone() -> None:
    poe = FakePoe()
    poe.failing(http_error(500), "usage", "models", times=None)
    assert (await get(poe, "/usage/current_balance")).status == 500
    assert (await get(poe, "/v1/models")).status == 500
    assert (await client(poe).ask("Claude", "hi")).text


async def test_a_surface_that_is_not_there_cannot_fail() -> None:
    with pytest.raises(ConfigurationError, match="no surface"):
        FakePoe().failing(http_error(500), "bots")  # type: ignore[arg-type]


async def test_outages_that_overlap_are_used_up_in_the_order_they_were_ordered() -> None:
    poe = FakePoe()
    poe.overloaded()
    poe.rate_limited()
    statuses = [(await post(poe, "/bot/Claude", query())).status for _ in range(3)]
    assert statuses == [529, 429, 200]


async def test_a_refused_call_costs_nothing() -> None:
    poe = FakePoe()
    poe.overloaded()
    await post(poe, "/bot/Claude", query())
    assert (poe.points, poe.balance) == ([], 1_000_000)


# ---- dependencies


async def call_as_bot(poe: FakePoe, name: str, message_id: str) -> Any:
    return await post(poe, f"/bot/{name}", query(message_id=message_id))


async def test_calls_beyond_the_declared_ones_end_in_an_error_event_for_that_message() -> None:
    poe = FakePoe()
    poe.declare({"Claude": 2})
    for message_id in ("m-1", "m-2"):
        answers = [await call_as_bot(poe, "claude", message_id) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert [b"event: error" in answer.body for answer in answers] == [False, False, True]
        assert f"{message_id} was called on bot".encode() in answers[2].body
    assert b"event: error" in (await call_as_bot(poe, "GPT", "m-3")).body
    poe.declare(None)
    assert b"event: error" not in (await call_as_bot(poe, "GPT", "m-3")).body


async def test_a_bot_that_calls_what_it_did_not_declare_gets_the_error_by_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "poe_asgi.client")  # the client's own warning is not the point
    poe = FakePoe()
    bot = Bot("Outer", access_key="o" * 32)
    seen: list[str] = []

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield ctx.poe.stream("Claude")
        except UndeclaredDependencyError as exc:
            seen.append(type(exc).__name__)
            yield "I may not."

    poe.bot("Outer", bot)
    poe.declare({"GPT": 1})
    with poe.installed():
        assert str(await client(poe).ask("Outer", "hi")) == "I may not."
    assert seen == ["UndeclaredDependencyError"]


async def test_a_script_declares_nothing() -> None:
    poe = FakePoe()
    poe.declare({})
    assert (await client(poe).ask("Claude", "hi")).text


async def test_more_calls_than_poe_allows_cannot_be_declared() -> None:
    with pytest.raises(ConfigurationError, match="100"):
        FakePoe().declare({"Claude": 101})


async def test_no_error_repeats_the_key() -> None:
    poe = FakePoe(keys={"other"})
    with pytest.raises(InvalidKeyError) as caught:
        await client(poe).ask("Claude", "hi")
    assert KEY not in f"{caught.value} {caught.value.body}"
