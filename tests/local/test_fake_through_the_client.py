"""Every surface of `FakePoe` as `PoeClient` uses it."""

from __future__ import annotations

import pytest

from poe_asgi import Answer, Bot, QueryContext, Settings
from poe_asgi.client import USD, PoeClient
from poe_asgi.errors import InsufficientFundError, InvalidKeyError, UpstreamError
from poe_asgi.local import Amount, FakePoe, http_error
from tests.local.support import client

pytestmark = pytest.mark.asyncio

KEY = "k" * 32


async def test_an_upload_comes_back_as_it_was_sent() -> None:
    poe = FakePoe()
    file = await client(poe).upload("Grüße".encode(), name='a "b" \\c.txt')
    (upload,) = poe.uploads
    assert (upload.name, upload.content, upload.content_type) == ('a "b" \\c.txt', "Grüße".encode(), "text/plain")
    assert (file.url, file.content_type) == (upload.url, "text/plain")
    await client(poe).upload(url="https://example.test/plot.png")
    assert poe.uploads[1].download_url == "https://example.test/plot.png"
    poe.bad_key()
    with pytest.raises(InvalidKeyError):
        await client(poe).upload(b"x", name="x")


def charging() -> Bot:
    bot = Bot("Painter", access_key=KEY)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        async with ctx.poe.charge(up_to=USD("0.05")) as cost:
            cost.add(USD("0.033"), "1 image")
            yield "painted"

    return bot


async def test_a_bot_that_charges_is_authorized_and_captures() -> None:
    poe = FakePoe()
    poe.bot("Painter", charging())
    with poe.installed():
        assert str(await PoeClient(api_key="k").ask("Painter", "hi")) == "painted"
    authorized, captured = poe.charges
    assert (authorized.kind, authorized.milli_cents) == ("authorize", 5000)
    assert (captured.kind, captured.amounts) == ("capture", (Amount(milli_cents=3300, description="1 image"),))
    assert authorized.bot_query_id == captured.bot_query_id


@pytest.mark.parametrize("how", ["status", "points", "no result"])
async def test_a_bot_whose_user_has_no_points_is_told(how: str) -> None:
    poe = FakePoe()
    poe.bot("Painter", charging())
    if how == "points":
        poe.failing(http_error(402), "cost")
    else:
        poe.charging("insufficient_funds" if how == "status" else None)
    with poe.installed(), pytest.raises(UpstreamError) as caught:
        await PoeClient(api_key="k").ask("Painter", "hi")
    if how != "no result":
        assert caught.value.error_type == InsufficientFundError.default_error_type
    assert [charge.kind for charge in poe.charges] == ["authorize"]


async def test_settings_are_pushed_and_fetched_as_they_are() -> None:
    poe = FakePoe()
    bot = Bot("Painter", access_key=KEY, settings=Settings(introduction_message="Hi."))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    poe.bot("Painter", bot)
    assert (await client(poe).push_settings(bot)).differences == ()
    assert (await client(poe).fetch_settings(bot)).differences == ()
    assert [sync.kind for sync in poe.settings] == ["update", "fetch"]


async def test_models_and_points_are_read() -> None:
    poe = FakePoe()
    poe.bot("Claude", "x")
    await client(poe).ask("Claude", "hi")
    (model,) = await client(poe).models()
    assert model.id == "claude"
    usage = client(poe).usage()
    assert (await usage.balance()).points == 999_990
    assert [(entry.bot_name, entry.points) async for entry in usage.history()] == [("Claude", 10)]
