"""Bots that are right: nothing is found."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from examples import charging
from poe_asgi import Answer, Bot, QueryContext, Settings, create_app
from poe_asgi.checker import Report, check
from poe_asgi.local import FakePoe
from poe_asgi.server import ErrorReportContext, FeedbackContext, ReactionContext, SettingsContext
from tests.support import KEY

pytestmark = pytest.mark.asyncio

EXAMPLES = sorted(path.stem for path in (Path(__file__).parents[2] / "examples").glob("*.py"))
WITHOUT_APP = {"__init__", "serve"}  # the latter serves the echo bot
ANSWERS = {"structured": '{"items": [{"name": "tea", "amount": 2}]}'}  # of the model that an example calls
PATHS = {"several_bots": ["/shout", "/whisper/"], "mounted_in_fastapi": ["/poe", "/poe/"], "two_doors": ["/bot/"]}


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POE_API_KEY", "k" * 32)


def told(report: Report) -> list[str]:
    assert report.problem is None
    return [f"{finding.rule.id}: {finding.came}" for finding in report.findings]


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - WITHOUT_APP))
async def test_an_example_breaks_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = importlib.import_module(f"examples.{name}")
    key = None
    if module is charging:  # who charges needs the bot's key
        key = KEY
        monkeypatch.setattr(module, "app", create_app(module.bot, access_key=KEY))
    for path in PATHS.get(name, ["/"]):
        with FakePoe().installed() as poe:
            if name in ANSWERS:
                poe.bot("GPT-5-mini", ANSWERS[name])
            report = await check(module.app, path=path, access_key=key)
        assert told(report) == []
        assert "answer-error" in report.checked


async def test_a_bot_with_all_hooks_breaks_nothing_and_is_asked_for_everything() -> None:
    called: list[str] = []

    class Options(BaseModel):
        loud: bool = False

    bot = Bot("Hooked", parameters=Options, access_key=KEY)

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        called.append("query")
        options = ctx.parameters_as(Options)
        yield ctx.text.upper() if options.loud else ctx.text

    @bot.on_settings
    async def settings(_: SettingsContext) -> Settings:
        called.append("settings")
        return Settings(introduction_message="Hello!")

    @bot.on_reaction
    async def reaction(ctx: ReactionContext) -> None:
        called.append(ctx.request.reaction)

    @bot.on_feedback
    async def feedback(ctx: FeedbackContext) -> None:
        called.append(ctx.request.feedback_type)

    @bot.on_error_report
    async def error(ctx: ErrorReportContext) -> None:
        called.append(ctx.request.message)

    report = await check(create_app(bot), access_key=KEY)
    assert told(report) == []
    assert set(report.skipped) == {"https"}
    assert set(called) == {"query", "settings", "heart", "rolling_eyes", "like", "puzzled", "An example."}


async def test_a_hook_that_fails_breaks_nothing_but_a_settings_hook_does() -> None:
    bot = Bot("Failing", access_key=KEY)

    @bot.query
    async def answer(_: QueryContext) -> Answer:
        yield "hi"

    @bot.on_reaction
    async def reaction(_: ReactionContext) -> None:
        raise LookupError

    assert told(await check(create_app(bot), access_key=KEY)) == []

    @bot.on_settings
    async def settings(_: SettingsContext) -> Settings:
        raise LookupError

    report = await check(create_app(bot), access_key=KEY)
    assert [finding.rule.id for finding in report.findings] == ["settings-status"]


async def test_a_bot_that_fails_at_every_question_is_told_of_that_as_a_warning() -> None:
    bot = Bot("Broken", access_key=KEY)

    @bot.query
    async def answer(_: QueryContext) -> Answer:
        raise LookupError
        yield ""

    report = await check(create_app(bot), access_key=KEY)
    (finding,) = report.findings
    assert (finding.rule.id, finding.times) == ("answer-error", 1)
    assert "Something went wrong in this bot" in finding.came
