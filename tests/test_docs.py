"""The pages in docs/ keep their word: snippets run, and their tables tell what really happens."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, create_model

import poe_asgi
from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    File,
    Limits,
    PoeClient,
    QueryContext,
    Reply,
    Settings,
    SuggestedReply,
    UpstreamError,
    create_app,
    drain,
    errors,
    protocol,
)
from poe_asgi.client import Retry, Timeouts, failure
from poe_asgi.errors import BotError
from poe_asgi.protocol import Done, ErrorEvent, Multiline, Ratios, Text, controls_from_model
from poe_asgi.server import SettingsContext

from .snippets import ROOT, Snippet, links, place, run, stories, table
from .support import KEY, Exchange, ManualClock, ask, settle

DOCS = sorted((ROOT / "docs").glob("*.md"))
CLIENT = ROOT / "docs/client.md"
SERVER = ROOT / "docs/server.md"
PARAMETERS = ROOT / "docs/parameters.md"
MIGRATE = ROOT / "docs/migrate.md"
ARCHITECTURE = ROOT / "docs/architecture.md"
CHECKER = ROOT / "docs/checker.md"  # its tables are held by tests/checker
TESTING = ROOT / "docs/testing.md"  # its snippets are a project of tests; tests/testing runs it


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POE_")]:
        monkeypatch.delenv(name)


@pytest.mark.asyncio
@pytest.mark.parametrize("story", [story for page in DOCS if page != TESTING for story in stories(page)], ids=place)
async def test_a_snippet_runs_and_its_bots_answer(story: list[Snippet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", "any")
    with warnings.catch_warnings():
        # The official SDK, which one page imports, warns of itself.
        warnings.filterwarnings("ignore", "Support for class-based `config`", DeprecationWarning)
        await run(story)


@pytest.mark.parametrize("page", [*DOCS, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []


@pytest.mark.parametrize("page", [CHECKER, CLIENT, SERVER, PARAMETERS, TESTING, MIGRATE], ids=lambda page: page.name)
def test_the_contents_are_the_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    contents = re.findall(r"^- \[(.+)\]\(#(.+)\)$", text, re.MULTILINE)
    assert contents == [(title, title.lower().replace(" ", "-")) for title in headings]


# ---- docs/server.md: how an answer ends


def ending(case: str) -> tuple[list[str], bool, str]:
    """What the table says of a case: the texts a user reads, whether Poe may retry, and the level of the log."""
    rows = table(SERVER, "How an answer ends")
    number = [row[0] for row in rows].index(case)
    _, seen, retry, log = rows[number]
    if seen == "the same":
        seen = rows[number - 1][1]
    return re.findall("`(.+?)`", seen), retry == "yes", log.partition(",")[0]


def without_id(text: str) -> str:
    return re.sub(r"\(error [0-9a-f]{8}\)", "(error 1f3a5c7e)", text)


async def nothing(_: QueryContext) -> Answer:
    return
    yield ""


async def failing(_: QueryContext) -> Answer:
    yield "x"
    raise RuntimeError


async def wrong(_: QueryContext) -> Any:
    yield 5


async def long(_: QueryContext) -> Answer:
    for _each in range(513):
        yield "x" * 1_000


async def files(_: QueryContext) -> Answer:
    for _each in range(21):
        yield File(url="https://example.com", name="a", content_type="text/plain")


async def buttons(_: QueryContext) -> Answer:
    for _each in range(10_000):
        yield SuggestedReply("x")


async def endless(_: QueryContext) -> Answer:
    yield "x"
    await asyncio.Event().wait()


def bot_of(handler: Callable[[QueryContext], Answer], **arguments: Any) -> Bot:
    bot = Bot(**arguments)
    bot.query(handler)
    return bot


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("case", "handler"),
    [
        ("it yielded nothing at all", nothing),
        ("it raises anything else", failing),
        ("it yields what is no part of an answer", wrong),
        ("the text grows too long", long),
        ("too many files", files),
        ("too many events that cannot be joined", buttons),
    ],
)
async def test_an_answer_ends_as_the_table_says(
    case: str, handler: Callable[[QueryContext], Answer], caplog: pytest.LogCaptureFixture
) -> None:
    exchange = await ask(bot_of(handler))
    texts, retry, level = ending(case)
    error = exchange.reader.error
    assert error is not None
    assert (without_id(error.text), error.allow_retry) == (texts[-1], retry)
    assert [record.levelname for record in caplog.records] == [level]
    assert exchange.reader.clean


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("case", "raised"),
    [
        ("it raises `AnswerError` or a subclass", AnswerError("No.")),
        ("it raises what `Bot(errors=…)` knows", KeyError()),
    ],
)
async def test_what_is_raised_for_users_is_what_they_read(
    case: str, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(_: QueryContext) -> Answer:
        raise raised
        yield ""

    caplog.set_level(logging.INFO)
    exchange = await ask(bot_of(handler, errors={LookupError: AnswerError("No.")}))
    assert exchange.reader.error == ErrorEvent(text="No.", allow_retry=False)
    assert [record.levelname for record in caplog.records] == [ending(case)[2]]


@pytest.mark.asyncio
async def test_an_answer_without_text_gets_the_empty_one_that_the_table_tells_of() -> None:
    async def handler(_: QueryContext) -> Answer:
        yield SuggestedReply("x")

    assert ending("it yielded events but no text")[0] == ["text"]
    assert (await ask(bot_of(handler))).events[1:] == [SuggestedReply("x"), Text(""), Done()]


@pytest.mark.asyncio
async def test_the_end_of_the_time_reads_as_the_table_says(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    exchange = Exchange(clock)
    task = asyncio.create_task(exchange.run(create_app(bot_of(endless), access_key=KEY)))
    await clock.advance(3599)
    await task
    (text,), retry, level = ending("the time is over")
    assert exchange.reader.error == ErrorEvent(text=text, allow_retry=retry)
    assert [record.levelname for record in caplog.records] == [level]


@pytest.mark.asyncio
async def test_the_end_of_the_drain_time_reads_as_the_table_says() -> None:
    clock = ManualClock()
    app = create_app(bot_of(endless), access_key=KEY)
    exchange = Exchange(clock)
    task = asyncio.create_task(exchange.run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await settle()
    await clock.advance(20)
    await asyncio.gather(task, draining)
    (text,), retry, _ = ending("the server stops, and the drain time is over")
    assert exchange.reader.error == ErrorEvent(text=text, allow_retry=retry)


@pytest.mark.asyncio
async def test_a_lifespan_that_was_not_run_reads_as_the_table_says(caplog: pytest.LogCaptureFixture) -> None:
    def lifespan() -> Any:
        raise AssertionError("nobody runs it")

    exchange = await ask(bot_of(endless, lifespan=lifespan))
    (text,), retry, level = ending("the lifespan of the bot was not run")
    assert exchange.reader.error == ErrorEvent(text=text, allow_retry=retry)
    assert level in [record.levelname for record in caplog.records]


def test_the_errors_have_the_types_that_are_told() -> None:
    rows = {row[0].strip("`"): row[1].strip("`") for row in table(SERVER, "How an answer ends", 2)}
    values = {name: getattr(errors, name) for name in errors.__all__}
    classes = {name: cls for name, cls in values.items() if isinstance(cls, type) and issubclass(cls, AnswerError)}
    assert rows == {name: cls("x").error_type or "none" for name, cls in classes.items()}


# ---- docs/server.md: the rest


def test_the_limits_and_their_defaults_are_told() -> None:
    (told,) = re.findall(r"^`Limits\((.+)\)`$", SERVER.read_text(encoding="utf-8"), re.MULTILINE)
    limits = Limits()
    assert eval(f"dict({told})") == {each.name: getattr(limits, each.name) for each in fields(limits)}


def messages(status: int, when: str) -> list[str]:
    """What the table says is answered in this case."""
    ((_, _, told),) = [row for row in table(SERVER, "HTTP answers") if row[:2] == [str(status), when]]
    return re.findall("`(.+?)`", told)


def hooked(exception: Exception) -> Bot:
    bot = bot_of(nothing)

    @bot.on_settings
    async def settings(_: SettingsContext) -> Settings:
        raise exception

    return bot


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "when", "body"),
    [
        (413, "the body is too large", b" " * (16 * 2**20 + 1)),
        (400, "the body is no JSON object", b"\xff"),
        (400, "the body is no JSON object", b"{"),
        (400, "the body is no JSON object", b"[]"),
        (400, "the body is no JSON object", b'{"a":' * 65 + b"1" + b"}" * 65),
        (501, "a `type` that is not known", {"type": "greeting"}),
        (400, "a field is missing or wrong", {"type": "query"}),
        (503, "the settings hook failed", {"type": "settings"}),
    ],
)
async def test_a_request_is_refused_as_the_table_says(status: int, when: str, body: object) -> None:
    exchange = await ask(hooked(RuntimeError()), body)
    assert exchange.status == status
    assert without_id(exchange.json["error"]["message"]) in messages(status, when)


@pytest.mark.asyncio
async def test_a_query_to_an_app_that_drains_is_refused_as_the_table_says() -> None:
    app = create_app(bot_of(nothing), access_key=KEY)
    await drain(app)
    exchange = await Exchange().run(app)
    when = "a query comes while the app drains; with `Retry-After: 1`"
    assert [exchange.json["error"]["message"]] == messages(503, when)
    assert (exchange.status, exchange.headers["retry-after"]) == (503, "1")


@pytest.mark.asyncio
async def test_other_methods_and_wrong_keys_are_refused_as_the_table_says() -> None:
    app = create_app(bot_of(nothing), access_key=KEY)
    method = await Exchange().run(app, method="PUT")
    key = await Exchange().run(app, key="wrong")
    assert [method.json["error"]["message"]] == messages(405, "any other method but POST")
    assert [key.json["error"]["message"]] == messages(401, "no key, or a wrong one")
    assert (method.status, key.status) == (405, 401)


@pytest.mark.asyncio
async def test_a_body_that_does_not_come_is_refused_as_the_table_says() -> None:
    bot = bot_of(nothing, limits=Limits(body_seconds=0.01))
    exchange = Exchange()

    async def unfinished(scope: Any, receive: Any, send: Any) -> None:
        async def first_part() -> dict[str, Any]:
            return {**await receive(), "more_body": True}

        await create_app(bot, access_key=KEY)(scope, first_part, send)

    await exchange.run(unfinished)
    (told,) = messages(408, "the body comes too slowly")
    assert (exchange.status, exchange.json["error"]["message"]) == (408, told.replace("10 seconds", "0.01 seconds"))


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["MyBot", "My-Bot"])
async def test_the_variable_of_a_bot_is_named_as_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (variable,) = re.findall(r"\(`(\w+)` for `MyBot` or `My-Bot`\)", SERVER.read_text(encoding="utf-8"))
    monkeypatch.setenv(variable, KEY)
    app = create_app(bot_of(nothing, name=name))
    assert (await Exchange().run(app)).status == 200


# ---- docs/parameters.md


def exported(of_kind: Callable[[Any], bool]) -> set[str]:
    """The names of the classes in `poe_asgi.protocol` that are of a kind."""
    values = {name: getattr(protocol, name) for name in protocol.__all__}
    return {name for name, value in values.items() if isinstance(value, type) and of_kind(value)}


class Size(Enum):
    SMALL = "small"


FIELDS: dict[str, list[tuple[Any, Any]]] = {
    "`Literal[...]`, an `Enum`": [(Literal["a", "b"], "a"), (Size, Size.SMALL)],
    "`bool`": [(bool, False)],
    "`int` with `ge`/`gt` and `le`/`lt`": [(int, Field(1, ge=0, le=9)), (int, Field(1, gt=0, lt=9))],
    "`float` with `ge` and `le`": [(float, Field(0.5, ge=0, le=1))],
    "`str`": [(str, "")],
    "`str` with `Multiline()`": [(Annotated[str, Multiline()], "")],
    "`str` with `Ratios(...)`": [(Annotated[str, Ratios("1:1")], "1:1")],
    "`X \\| None`": [(int | None, Field(None, ge=0, le=9)), (str | None, None)],
}


def control_of(**field: Any) -> dict[str, Any]:
    control: dict[str, Any] = controls_from_model(create_model("Options", **field)).to_wire()["sections"][0][
        "controls"
    ][0]
    return control


def test_a_field_becomes_the_control_that_is_told() -> None:
    rows = {row[0]: row[1].strip("`") for row in table(PARAMETERS, "From fields to controls")}
    shown = {row: [control_of(field=each)["control"] for each in examples] for row, examples in FIELDS.items()}
    assert rows.pop("`X \\| None`") == "that of `X"  # its last mark is stripped above
    assert shown.pop("`X \\| None`") == ["slider", "text_field"]
    assert {row: {name} for row, name in rows.items()} == {row: set(names) for row, names in shown.items()}


def test_the_label_is_made_as_told() -> None:
    control = control_of(top_k=(bool, False))
    assert f'`{control["parameter_name"]}` is shown as "{control["label"]}"' in PARAMETERS.read_text(encoding="utf-8")


def test_every_marker_is_told_of() -> None:
    told = {name for row in table(PARAMETERS, "Markers") for name in re.findall(r"^`(\w+)", row[0])}
    assert told == exported(lambda value: issubclass(value, Multiline.__mro__[1]))


def test_every_control_class_is_told_of() -> None:
    told = {name for row in table(PARAMETERS, "Control classes") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == exported(lambda value: hasattr(value, "control"))


# ---- docs/client.md


def upstream_errors() -> dict[str, type[UpstreamError]]:
    """The causes, by name; the class of all of them is told of in the text."""
    values = {name: getattr(errors, name) for name in errors.__all__}
    return {name: cls for name, cls in values.items() if isinstance(cls, type) and issubclass(cls, UpstreamError)}


def test_every_error_of_a_call_is_told_with_whether_it_may_be_tried_again() -> None:
    told = {row[0].strip("`"): row[3] for row in table(CLIENT, "Errors")}
    again = {name: "yes" if cls.default_allow_retry else "no" for name, cls in upstream_errors().items()}
    assert {**told, "UpstreamError": "no"} == {**again, "BotError": "as it says"}
    assert {BotError("x", allow_retry=each).allow_retry for each in (True, False)} == {True, False}


def test_a_status_becomes_the_error_that_is_told() -> None:
    rows = [
        (row[0].strip("`"), int(status)) for row in table(CLIENT, "Errors") for status in re.findall(r"\d+", row[1])
    ]
    assert len(rows) > 8
    for name, status in rows:
        assert type(failure("Calling", status, {}, b"")).__name__ == name


def test_what_else_may_be_raised_is_no_upstream_error() -> None:
    told = {row[0].strip("`") for row in table(CLIENT, "Errors", 2)}
    assert told <= set(errors.__all__) - set(upstream_errors())
    assert told >= {"ConfigurationError", "InsufficientFundError", "LimitError", "ToolError"}


@pytest.mark.parametrize(("number", "value"), [(1, Timeouts()), (2, Retry())])
def test_the_timeouts_and_the_rules_of_retry_have_the_defaults_that_are_told(number: int, value: Any) -> None:
    told = {row[0].strip("`"): float(row[1]) for row in table(CLIENT, "Timeouts and retry", number)}
    assert told == {each.name: getattr(value, each.name) for each in fields(value)}


def test_what_can_be_sent_is_told() -> None:
    told = {name for row in table(CLIENT, "What is sent") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == set(signature(PoeClient.stream).parameters) - {"self", "bot", "messages"}


def test_what_comes_back_is_told() -> None:
    told = {name for row in table(CLIENT, "What comes back") for name in re.findall(r"`(\w+)`", row[0])}
    assert told == {each.name for each in fields(Reply)} - {"error"}  # that one is raised


# ---- docs/architecture.md


PACKAGES = sorted(path.parent.name for path in Path(poe_asgi.__file__).parent.glob("*/__init__.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_its_line_in_the_map(package: str) -> None:
    heads = re.findall(r"^\| (\w+) \| \|$", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    rows = table(ARCHITECTURE, "Layers", heads.index(package) + 1)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    folder = Path(poe_asgi.__file__).parent / package
    assert sorted(told) == sorted(path.stem for path in folder.glob("_[a-z]*.py"))
