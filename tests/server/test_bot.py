"""Declaring a bot: what fits together, and the sentence for what does not."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from poe_asgi import Answer, AnswerError, Bot, ConfigurationError, Limits, Meta, QueryContext, Settings, create_app
from poe_asgi.protocol import Dependency, ParameterControls, controls_from_model
from tests.support import ask


class Options(BaseModel):
    size: Literal["s", "m"] = "s"


class Empty(BaseModel):
    pass


async def handler(ctx: QueryContext) -> Answer:
    yield "fine"


async def coroutine(ctx: Any) -> Any:
    return "fine"


def generator(ctx: Any) -> Iterator[str]:
    yield "fine"


def plain(ctx: Any) -> Any:
    return "fine"


class Shouter:
    """A handler with a state of its own."""

    async def __call__(self, _: QueryContext) -> Answer:
        yield "fine"

    async def method(self, _: QueryContext) -> Answer:
        yield "fine"

    @staticmethod
    async def static(_: QueryContext) -> Answer:
        yield "fine"


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator as found everywhere: a plain function around, with the name of what it wraps."""

    @functools.wraps(function)
    def around(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return around


def answered(function: Callable[[Any], Awaitable[str]]) -> Callable[[QueryContext], Answer]:
    """A decorator that makes a coroutine function a handler."""

    @functools.wraps(function)
    async def around(ctx: QueryContext) -> Answer:
        yield await function(ctx)

    return around


def in_a_thread(function: Callable[[Any], Any]) -> Callable[[Any], Awaitable[Any]]:
    """A decorator that makes a plain function a hook."""

    @functools.wraps(function)
    async def around(ctx: Any) -> Any:
        return await asyncio.to_thread(function, ctx)

    return around


async def two_arguments(prefix: str, ctx: QueryContext) -> Answer:
    yield prefix


async def with_options(ctx: QueryContext, *, loud: bool = False) -> Answer:
    yield "fine"


# ---- handlers


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "function",
    [
        handler,
        Shouter(),
        Shouter().method,
        Shouter.static,
        with_options,
        functools.partial(two_arguments, "fine"),
        functools.partial(functools.partial(with_options, loud=True), loud=False),
        functools.partial(Shouter()),
        logged(handler),
        logged(logged(handler)),
        logged(functools.partial(two_arguments, "fine")),
        functools.partial(logged(two_arguments), "fine"),
        logged(Shouter()),
        answered(coroutine),
    ],
)
async def test_whatever_is_an_async_generator_function_at_heart_can_be_a_handler(function: Any) -> None:
    bot = Bot()
    assert bot.query(function) is function
    assert (await ask(bot)).text == "fine"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (coroutine, "coroutine is none: it never yields; write `yield` where it should answer."),
        (generator, "generator is none: write `async def` instead of `def`."),
        (plain, "plain is none: write `async def` and `yield` the answer."),
        (functools.partial(plain), "plain is none: write `async def` and `yield` the answer."),
        (logged(coroutine), "coroutine is none: it never yields; write `yield` where it should answer."),
        (Shouter, "Shouter is none: write `async def` and `yield` the answer."),
        (print, "print is none: write `async def` and `yield` the answer."),
        (None, "NoneType is none: it is a NoneType."),
        ("handler", "str is none: it is a str."),
    ],
)
def test_a_handler_of_another_shape_is_refused_with_the_way_to_mend_it(function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Bot().query(function)
    assert str(caught.value) == f"@bot.query takes an async generator function; {message}"


def no_arguments() -> str:
    return "fine"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (two_arguments, "two_arguments"),
        (functools.partial(two_arguments), "two_arguments"),
        (functools.partial(handler, None), "handler"),  # type: ignore[arg-type]
        (Shouter.method, "Shouter.method"),
        (functools.wraps(handler)(no_arguments), "handler"),
    ],
)
def test_a_handler_takes_one_argument(function: Any, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Bot().query(function)
    assert str(caught.value) == f"@bot.query: {name} must take one argument, the context: `(ctx)`."


def test_a_bot_has_one_handler_and_one_of_each_hook() -> None:
    bot = Bot("Shout")
    bot.query(handler)
    bot.on_feedback(coroutine)
    with pytest.raises(ConfigurationError, match=re.escape("Bot('Shout') has two functions for @bot.query.")):
        bot.query(handler)
    with pytest.raises(ConfigurationError, match=re.escape("Bot('Shout') has two functions for @bot.on_feedback.")):
        bot.on_feedback(coroutine)


@pytest.mark.parametrize("bots", [Bot("Mute"), {"/mute": Bot("Mute")}])
def test_a_bot_without_a_handler_cannot_be_served(bots: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app(bots)
    assert str(caught.value) == "Bot('Mute') has no handler: decorate an async generator with @bot.query."


# ---- hooks


@pytest.mark.parametrize("hook", ["on_settings", "on_feedback", "on_reaction", "on_error_report"])
def test_whatever_is_a_coroutine_function_at_heart_can_be_a_hook(hook: str) -> None:
    for function in (coroutine, functools.partial(coroutine), logged(coroutine), in_a_thread(plain)):
        assert getattr(Bot(), hook)(function) is function


@pytest.mark.parametrize("hook", ["on_settings", "on_feedback", "on_reaction", "on_error_report"])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (plain, " takes a coroutine function; plain is none: write `async def`."),
        (generator, " takes a coroutine function; generator is none: write `async def`."),
        (handler, " takes a coroutine function; handler is none: it yields; return instead."),
        (None, " takes a coroutine function; NoneType is none: write `async def`."),
        (functools.partial(coroutine, None), ": coroutine must take one argument, the context: `(ctx)`."),
    ],
)
def test_a_hook_of_another_shape_is_refused(hook: str, function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        getattr(Bot(), hook)(function)
    assert str(caught.value) == f"@bot.{hook}{message}"


# ---- what is declared

META = "Bot(meta=…) takes a Meta, or a plain function that gives one"
LIFESPAN = "Bot(lifespan=…) takes a function of no arguments that gives an async context manager"


@asynccontextmanager
async def resource() -> AsyncIterator[str]:
    yield "open"


async def bare_resource() -> AsyncIterator[str]:
    yield "open"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"setings": Settings()}, "Bot() has no argument 'setings'. Did you mean 'settings'?"),
        ({"colour": 1}, "Bot() has no argument 'colour'."),
        ({"name": plain}, "Bot(name=…) takes a str, not a function."),
        ({"settings": {}}, "Bot(settings=…) takes a Settings, not a dict."),
        ({"settings": coroutine}, "Bot(settings=…) takes a Settings, not a function."),
        ({"limits": {"files": 1}}, "Bot(limits=…) takes a Limits, not a dict."),
        ({"limits": Limits}, "Bot(limits=…) takes a Limits, not a type."),
        ({"errors": [TimeoutError]}, "Bot(errors=…) takes a Mapping, not a list."),
        ({"meta": {}}, f"{META}; dict is neither."),
        ({"meta": Meta}, f"{META}; Meta is neither."),
        ({"meta": coroutine}, f"{META}; coroutine is neither."),
        ({"meta": handler}, f"{META}; handler is neither."),
        ({"meta": generator}, f"{META}; generator is neither."),
        ({"meta": in_a_thread(plain)}, f"{META}; plain is neither."),
        ({"meta": lambda: Meta()}, "Bot(meta=…): <lambda> must take one argument, the context: `(ctx)`."),
        (
            {"meta": Meta(content_type="text/plan")},
            "Meta: content_type 'text/plan' is none of text/markdown, text/plain. Did you mean 'text/plain'?",
        ),
        ({"lifespan": bare_resource}, f"{LIFESPAN}; bare_resource is none: decorate it with @asynccontextmanager."),
        ({"lifespan": resource()}, f"{LIFESPAN}; _AsyncGeneratorContextManager is none: do not call it."),
        ({"lifespan": coroutine}, f"{LIFESPAN}; coroutine is none."),
        ({"lifespan": plain}, f"{LIFESPAN}; plain is none."),
        (
            {"errors": {TimeoutError: "Busy."}},
            "Bot(errors=…) maps exception types to AnswerError values, not <class 'TimeoutError'> to 'Busy.'.",
        ),
        (
            {"errors": {TimeoutError: AnswerError}},
            f"Bot(errors=…) maps exception types to AnswerError values, not {TimeoutError} to {AnswerError}.",
        ),
        (
            {"errors": {"TimeoutError": AnswerError("Busy.")}},
            "Bot(errors=…) maps exception types to AnswerError values, not 'TimeoutError' to AnswerError('Busy.').",
        ),
        ({"parameters": dict}, "parameters must be a class of kind pydantic.BaseModel, not <class 'dict'>."),
        ({"parameters": Empty}, "Empty has no fields; a model of parameters needs at least one."),
        ({"parameters": Options()}, "parameters must be a class of kind pydantic.BaseModel, not Options(size='s')."),
        (
            {"parameters": Options, "settings": Settings(parameter_controls=controls_from_model(Options))},
            "Bot(): the controls are given twice; drop `parameters=` or those of the settings.",
        ),
        (
            {"parameters": Options, "settings": Settings(response_version=1)},
            "Settings: parameter_controls need response_version 2: with 1 Poe drops them silently.",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused_when_the_bot_is_built(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Bot(**declared)
    assert str(caught.value) == message


def test_settings_are_static_or_given_by_a_hook() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Bot("Shout", settings=Settings()).on_settings(coroutine)
    assert str(caught.value) == "Bot('Shout') has static settings; drop `settings=` or @bot.on_settings."


def test_a_model_of_options_gives_the_controls_of_the_settings() -> None:
    expected = controls_from_model(Options)
    assert Bot(parameters=Options).complete().parameter_controls == expected
    assert Bot(parameters=expected).complete().parameter_controls == expected
    assert Bot(settings=Settings(parameter_controls=expected)).complete().parameter_controls == expected
    assert Bot().complete().parameter_controls is None


def test_a_hook_may_not_give_the_controls_a_second_time() -> None:
    controls: ParameterControls = controls_from_model(Options)
    bot = Bot("Shout", parameters=Options)
    with pytest.raises(ConfigurationError, match=re.escape("Bot('Shout'): the controls are given twice")):
        bot.complete(Settings(parameter_controls=controls))


# ---- dependencies


def test_a_dependency_goes_into_the_settings_and_the_calls_add_up() -> None:
    bot = Bot(settings=Settings(server_bot_dependencies={"GPT-4o": 1}, introduction_message="Hi."))
    assert bot.uses("Claude", calls=3) == Dependency("Claude", 3)
    assert bot.uses("Gemini") == Dependency("Gemini", 1)
    assert bot.uses("Claude") == Dependency("Claude", 4)
    completed = bot.complete()
    assert completed.server_bot_dependencies == {"GPT-4o": 1, "Claude": 4, "Gemini": 1}
    assert completed.introduction_message == "Hi."
    assert bot.complete(Settings(cost_label="free")).server_bot_dependencies == {"Claude": 4, "Gemini": 1}


@pytest.mark.parametrize(
    ("name", "calls", "message"),
    [
        ("GPT-4o", 1, "Bot('Shout'): calls of 'GPT-4o' are declared twice, in the settings and by uses()."),
        ("Claude", 100, "Settings: server_bot_dependencies add up to 102 calls; Poe allows 100 per user message."),
        ("Claude", 0, "Settings: server_bot_dependencies.Claude must be a whole number from 1, not 0."),
        ("Claude", -1, "Settings: server_bot_dependencies.Claude must be a whole number from 1, not -1."),
        ("Claude", True, "Settings: server_bot_dependencies.Claude must be a whole number from 1, not True."),
        ("Claude", "3", "Settings: server_bot_dependencies.Claude must be a whole number from 1, not '3'."),
        ("", 1, "Settings: server_bot_dependencies must have bot names as keys, not ''."),
        (5, 1, "Settings: server_bot_dependencies must have bot names as keys, not 5."),
    ],
)
def test_a_dependency_that_cannot_be_is_refused_and_changes_nothing(name: Any, calls: Any, message: str) -> None:
    bot = Bot("Shout", settings=Settings(server_bot_dependencies={"GPT-4o": 1}))
    bot.uses("Claude", calls=1)
    before = bot.complete()
    with pytest.raises(ConfigurationError) as caught:
        bot.uses(name, calls=calls)
    assert str(caught.value) == message
    assert bot.complete() == before


def test_a_hundred_calls_may_be_declared() -> None:
    bot = Bot()
    bot.uses("Claude", calls=60)
    bot.uses("GPT-4o", calls=40)
    with pytest.raises(ConfigurationError):
        bot.uses("Gemini")


def test_a_bot_says_its_name() -> None:
    assert repr(Bot("Shout", access_key="k" * 32)) == "Bot('Shout')"
    assert repr(Bot()) == "Bot()"
