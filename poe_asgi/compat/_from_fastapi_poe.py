"""`from_fastapi_poe`: a bot of the official SDK as a `Bot`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from pydantic import BaseModel

from ..errors import AnswerError, ConfigurationError, InsufficientFundError, RequestError
from ..protocol import Limits, Settings
from ..server import Bot, Context, ErrorReportContext, FeedbackContext, ReactionContext, SettingsContext
from ._answers import handler_of
from ._calls import install
from ._official import require
from ._requests import official_request
from ._settings import settings_of

if TYPE_CHECKING:
    import fastapi_poe as fp


class _Bot(Bot):
    """A bot whose handler says its `meta` itself, and may ask for the body of the request."""

    keeps_body = True
    meta_seconds = 4  # Poe waits 5 for the first event


@overload
def from_fastapi_poe(bot: fp.PoeBot, *, bot_name: str | None = None, limits: Limits | None = None) -> Bot: ...


@overload
def from_fastapi_poe(bot: Sequence[fp.PoeBot], *, limits: Limits | None = None) -> dict[str, Bot]: ...


def from_fastapi_poe(
    bot: fp.PoeBot | Sequence[fp.PoeBot], *, bot_name: str | None = None, limits: Limits | None = None
) -> Bot | dict[str, Bot]:
    """A bot written for `fastapi_poe`, as it is: an instance of the user's subclass of `PoeBot`.

    ``create_app(from_fastapi_poe(EchoBot()))`` takes the place of ``fp.make_app(EchoBot())``; the bot is served at its
    ``path``. Several give a dict by path: ``create_app(from_fastapi_poe([EchoBot(path="/echo"), Other(path="/b")]))``.
    ``bot_name`` is the bot's Poe handle, where the bot has no ``bot_name`` itself; keys and ``allow_without_key`` are
    arguments of `create_app`.

    The bot's first `MetaResponse` is its `meta` if it comes as the first yield and within 4 seconds. Raises
    ConfigurationError when fastapi_poe is not installed, and for what is no such bot.
    """
    require()
    if not isinstance(bot, (list, tuple)):
        return _one(bot, bot_name, limits)
    if bot_name is not None:
        raise ConfigurationError("from_fastapi_poe: several bots have their bot_name each, PoeBot(bot_name=…).")
    bots = [_one(each, None, limits) for each in bot]
    by_path = {each.path: each for each in bots}
    if len(by_path) != len(bots):
        raise ConfigurationError("from_fastapi_poe: two bots have the same path; give each its own, PoeBot(path=…).")
    return by_path


def _one(bot: Any, bot_name: str | None, limits: Limits | None) -> Bot:
    import fastapi_poe as fp

    _check(bot, bot_name)
    bot.bot_name = bot.bot_name or bot_name
    insufficient: dict[type[BaseException], AnswerError] = {fp.InsufficientFundError: InsufficientFundError()}
    made = _Bot(bot.bot_name or None, access_key=bot.access_key, limits=limits, errors=insufficient)
    made.path = bot.path
    made.query(handler_of(bot, bot.access_key))

    @made.on_settings
    async def settings(ctx: SettingsContext) -> Settings:
        return await settings_of(bot, ctx)

    @made.on_feedback
    async def feedback(ctx: FeedbackContext) -> None:
        await _report(fp.ReportFeedbackRequest, ctx, bot.handle_report_feedback)

    @made.on_reaction
    async def reaction(ctx: ReactionContext) -> None:
        await _report(fp.ReportReactionRequest, ctx, bot.handle_report_reaction)

    @made.on_error_report
    async def error_report(ctx: ErrorReportContext) -> None:
        await _report(fp.ReportErrorRequest, ctx, bot.handle_report_error)

    install(bot)
    return made


def _check(bot: Any, bot_name: str | None) -> None:
    from fastapi_poe import PoeBot

    if not isinstance(bot, PoeBot):
        is_class = isinstance(bot, type) and issubclass(bot, PoeBot)
        fix = f"make one: from_fastapi_poe({bot.__name__}())" if is_class else f"not a {type(bot).__name__}"
        raise ConfigurationError(f"from_fastapi_poe takes an instance of your PoeBot class; {fix}.")
    if bot_name and bot.bot_name:
        raise ConfigurationError(f"from_fastapi_poe: the bot has a bot_name already, {bot.bot_name!r}.")
    for name in ("get_response", "get_response_with_context"):
        method = getattr(bot, name)
        if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
            raise ConfigurationError(
                f"{type(bot).__name__}.{name} must be an async generator: `async def`, with `yield` where it answers."
            )


async def _report(model: type[BaseModel], ctx: Context[Any], handle: Any) -> None:
    """Give a report to the bot; one that its class cannot hold (a kind of feedback that is new) is left out."""
    import fastapi_poe as fp

    try:
        request = official_request(model, ctx)
    except RequestError as exc:
        ctx.log.info("a report was left out: %s", exc)
        return
    await handle(request, fp.RequestContext(http_request=ctx.http))
