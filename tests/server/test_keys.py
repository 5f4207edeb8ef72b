"""Access keys: where they come from, how they are compared, and what happens without one."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext, Settings, bot_routes, create_app
from poe_asgi.protocol import access_key_variable
from poe_asgi.server import SettingsContext
from poe_asgi.server._keys import find_keys, matching
from tests.support import KEY, Exchange

SECOND = "s" * 32
OTHER = "o" * 32


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POE_ACCESS_KEY", "POE_ACCESS_KEY_SHOUT"):
        monkeypatch.delenv(name, raising=False)


def shout(**declared: Any) -> Bot:
    bot = Bot("Shout", **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "HI"

    return bot


async def status(app: Any, header: bytes | None) -> int:
    """The status that a query with exactly this Authorization header gets."""

    async def with_header(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"] = [] if header is None else [(b"authorization", header)]
        await app(scope, receive, send)

    exchange = await Exchange().run(with_header)
    assert KEY.encode() not in exchange.body
    return exchange.status


async def start(app: Any) -> None:
    async with app.router.lifespan_context(app):
        pass


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# ---- the header


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEARER"])
async def test_the_scheme_may_be_written_in_any_case(scheme: bytes) -> None:
    assert await status(create_app(shout(), access_key=KEY), scheme + b" " + KEY.encode()) == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("header", [b"Bearer   " + KEY.encode(), b"Bearer " + KEY.encode() + b"  "])
async def test_spaces_around_the_key_do_not_matter(header: bytes) -> None:
    assert await status(create_app(shout(), access_key=KEY), header) == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        KEY.encode(),
        b"Basic " + KEY.encode(),
        b"Bearer:" + KEY.encode(),
        b"Bearer " + KEY.upper().encode(),
        b"Bearer " + KEY[:-1].encode(),
        b"Bearer " + KEY.encode() + b"k",
        b"Bearer " + KEY.encode() + b"," + KEY.encode(),
        b"Bearer \xff\xfe\xe9" + KEY.encode(),
        b"Bearer \xc3\xa9",
        b"B\xc3\xa9arer " + KEY.encode(),
        b"Bearer \x00",
    ],
)
async def test_any_other_header_is_401(header: bytes | None) -> None:
    assert await status(create_app(shout(), access_key=KEY), header) == 401


@pytest.mark.asyncio
async def test_a_key_beyond_ascii_is_compared_as_the_bytes_it_has_on_the_wire() -> None:
    app = create_app(shout(access_key=["é" * 32, "\udcff" * 32]))
    assert await status(app, b"Bearer " + b"\xc3\xa9" * 32) == 200
    assert await status(app, b"Bearer " + b"\xe9" * 32) == 401


@pytest.mark.asyncio
async def test_of_several_keys_each_is_valid_so_that_they_can_be_exchanged() -> None:
    app = create_app(shout(access_key=[KEY, SECOND]))
    assert [await status(app, f"Bearer {key}".encode()) for key in (KEY, SECOND, OTHER)] == [200, 200, 401]


@pytest.mark.asyncio
async def test_calls_are_signed_with_the_key_that_authenticated_the_request_else_with_poe_api_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[str] = []
    bot, free = Bot(access_key=(KEY, SECOND)), Bot()

    @bot.query
    @free.query
    async def handler(ctx: QueryContext) -> Answer:
        used.append(ctx.poe.connection.key())
        yield ""

    @bot.on_settings
    async def on_settings(ctx: SettingsContext) -> Settings:
        used.append(ctx.poe.connection.key())
        return Settings()

    monkeypatch.setenv("POE_API_KEY", "of the environment")
    for key in (SECOND, KEY):
        await Exchange().run(create_app(bot), key=key)
    await Exchange().run(create_app(bot), {"type": "settings"}, key=SECOND)
    await Exchange().run(create_app(free, allow_without_key=True), key=OTHER)
    assert used == [SECOND, KEY, SECOND, "of the environment"]


@pytest.mark.asyncio
async def test_without_any_key_the_first_call_names_both_ways_to_give_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield str(await ctx.poe.ask("Claude"))

    exchange = await Exchange().run(create_app(bot, allow_without_key=True))
    assert exchange.reader.error is not None
    assert "give the bot an access key, or set POE_API_KEY" in caplog.text


def test_the_key_that_fits_is_found_wherever_it_stands() -> None:
    assert [matching(b"Bearer " + key, ("a", "b", "c")) for key in (b"a", b"b", b"c", b"d")] == ["a", "b", "c", None]
    assert matching(b"Bearer a", ()) is None


# ---- where they come from


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        ("Shout", "POE_ACCESS_KEY_SHOUT"),
        ("MyBot", "POE_ACCESS_KEY_MY_BOT"),
        ("my-bot", "POE_ACCESS_KEY_MY_BOT"),
        ("my_bot", "POE_ACCESS_KEY_MY_BOT"),
        ("Claude-Sonnet-4.6", "POE_ACCESS_KEY_CLAUDE_SONNET_4_6"),
        ("GPT-4o-Mini", "POE_ACCESS_KEY_GPT_4O_MINI"),
        ("-Bot-", "POE_ACCESS_KEY_BOT"),
    ],
)
def test_the_variable_of_a_bot_is_its_handle_in_upper_snake_case(handle: str, name: str) -> None:
    assert access_key_variable(handle) == name


def test_the_bots_own_key_comes_first_then_its_variable_then_the_apps_then_the_common_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POE_ACCESS_KEY_SHOUT", "own variable")
    monkeypatch.setenv("POE_ACCESS_KEY", "common variable")
    assert find_keys(("bot",), "Shout", ("app",)) == ("bot",)
    assert find_keys((), "Shout", ("app",)) == ("own variable",)
    assert find_keys((), "Other", ("app",)) == ("app",)
    assert find_keys((), None, ()) == ("common variable",)
    monkeypatch.setenv("POE_ACCESS_KEY_SHOUT", "")
    monkeypatch.setenv("POE_ACCESS_KEY", "")
    assert find_keys((), "Shout", ()) == ()


@pytest.mark.asyncio
async def test_the_keys_of_two_bots_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_ACCESS_KEY_SHOUT", OTHER)
    own, by_variable, of_app = shout(access_key=KEY), shout(), Bot()
    of_app.query(shout().handler)
    app = create_app({"/own": own, "/variable": by_variable, "/app": of_app}, access_key=SECOND)
    for path, valid in (("/own", KEY), ("/variable", OTHER), ("/app", SECOND)):
        answers = {key: (await Exchange().run(app, path=path, key=key)).status for key in (KEY, SECOND, OTHER)}
        assert answers == {key: 200 if key == valid else 401 for key in answers}


@pytest.mark.asyncio
async def test_the_environment_is_read_when_the_app_starts_not_when_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = create_app(shout())
    monkeypatch.setenv("POE_ACCESS_KEY", KEY)
    await start(app)
    assert (await Exchange().run(app)).status == 200


@pytest.mark.parametrize("wrong", ["", [""], [KEY, None], b"k" * 32, 5, [5], object()])
@pytest.mark.parametrize(
    "use",
    [
        lambda key: Bot("Shout", access_key=key),
        lambda key: create_app(shout(), access_key=key),
        lambda key: bot_routes(shout(), access_key=key),
    ],
    ids=["Bot", "create_app", "bot_routes"],
)
def test_what_is_no_key_is_refused_and_not_quoted(use: Any, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="access_key must be a non-empty str, or several") as caught:
        use(wrong)
    assert KEY not in str(caught.value)


@pytest.mark.asyncio
async def test_a_key_of_another_length_is_a_warning_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(shout(), access_key="secret")
    assert caplog.records == []
    await start(app)
    assert warnings(caplog) == ["The access key of Shout has 6 characters; Poe's have 32."]
    assert await status(app, b"Bearer secret") == 200


# ---- without one


@pytest.mark.asyncio
async def test_an_app_without_a_key_is_built_but_does_not_start() -> None:
    app = create_app(shout())
    with pytest.raises(ConfigurationError) as caught:
        await start(app)
    assert str(caught.value) == (
        "The bot 'Shout' has no access key: set POE_ACCESS_KEY or POE_ACCESS_KEY_SHOUT to the key on the bot's page "
        "at Poe, or pass allow_without_key=True while developing."
    )


@pytest.mark.asyncio
async def test_a_server_is_told_why_the_app_does_not_start() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    bot = Bot()
    bot.query(shout().handler)
    app = create_app(bot)
    with pytest.raises(ConfigurationError):
        await app({"type": "lifespan", "asgi": {}, "state": {}}, receive, send)
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "The bot has no access key: set POE_ACCESS_KEY to the key" in sent[0]["message"]


@pytest.mark.asyncio
async def test_a_keyless_app_whose_start_up_never_ran_answers_401_and_says_why_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(shout())
    for _ in range(3):
        assert await status(app, b"Bearer " + KEY.encode()) == 401
        assert await status(app, b"Bearer ") == 401
    (said,) = warnings(caplog)
    assert said.startswith("The bot 'Shout' has no access key: set POE_ACCESS_KEY or POE_ACCESS_KEY_SHOUT")
    assert said.endswith("Until then every request is answered 401.")
    assert (await Exchange().run(app, method="GET", key=None)).status == 200


@pytest.mark.asyncio
async def test_an_app_may_be_allowed_to_run_without_a_key_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(shout(), allow_without_key=True)
    await start(app)
    assert warnings(caplog) == ["Bot('Shout') runs without an access key: anybody can call it."]
    assert [await status(app, header) for header in (None, b"Bearer x", b"\xff")] == [200, 200, 200]
    assert len(warnings(caplog)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["bot", "app", "environment"])
async def test_a_key_that_is_set_is_enforced_though_none_is_needed(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "environment":
        monkeypatch.setenv("POE_ACCESS_KEY", KEY)
    bot = shout(access_key=KEY if where == "bot" else None)
    app = create_app(bot, allow_without_key=True, access_key=KEY if where == "app" else None)
    assert await status(app, None) == 401
    assert await status(app, b"Bearer " + KEY.encode()) == 200


@pytest.mark.asyncio
async def test_an_app_can_be_started_again_when_its_key_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(shout())
    with pytest.raises(ConfigurationError):
        await start(app)
    monkeypatch.setenv("POE_ACCESS_KEY", KEY)
    await start(app)
    assert (await Exchange().run(app)).status == 200
