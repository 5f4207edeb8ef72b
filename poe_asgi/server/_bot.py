"""`Bot`: what a bot author declares. Nothing here runs anything."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..errors import AnswerError, ConfigurationError, did_you_mean
from ..protocol import (
    CONTENT_TYPES,
    Dependency,
    Item,
    Limits,
    Meta,
    Settings,
    strict,
)
from ._contexts import ErrorReportContext, FeedbackContext, QueryContext, ReactionContext, SettingsContext
from ._handlers import check_coroutine, check_generator, check_lifespan, check_meta
from ._keys import Keys, as_keys

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..client import Declared
    from ..protocol import ParameterControls

Handler: TypeAlias = Callable[[QueryContext[Any]], AsyncIterable[Item]]
MetaFunction: TypeAlias = Callable[[QueryContext[Any]], Meta]

H = TypeVar("H", bound=Handler)
S = TypeVar("S", bound=Callable[[SettingsContext[Any]], Awaitable[Settings]])
F = TypeVar("F", bound=Callable[[FeedbackContext[Any]], Awaitable[object]])
R = TypeVar("R", bound=Callable[[ReactionContext[Any]], Awaitable[object]])
E = TypeVar("E", bound=Callable[[ErrorReportContext[Any]], Awaitable[object]])


@strict
class Bot:
    """A Poe server bot.

    ``name`` is its Poe handle. ``settings`` are static; `on_settings` gives dynamic ones. ``meta`` is a Meta, or a
    plain function of the QueryContext that gives one. ``parameters`` is a pydantic model whose fields become Poe's
    controls, or a ParameterControls. ``lifespan`` is a function of no arguments that gives an async context manager;
    its value is ``ctx.deps``. ``access_key`` is one key, or several that are all valid. ``errors`` maps exception types
    to the AnswerError that users see instead.

    Raises ConfigurationError for whatever does not fit together.
    """

    # For bots that are made of something else, like those of another SDK.
    path = "/"  # where create_app serves the bot when it is alone
    keeps_body = False  # whether ``ctx.http`` gives the body, and its scope has it as ``poe_asgi.sent``
    meta_seconds: float = 0  # how long the handler may take to yield its own Meta before that of the bot goes out

    def __init__(
        self,
        name: str | None = None,
        *,
        settings: Settings | None = None,
        meta: Meta | MetaFunction | None = None,
        limits: Limits | None = None,
        parameters: type[BaseModel] | ParameterControls | None = None,
        lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
        access_key: Keys = None,
        errors: Mapping[type[BaseException], AnswerError] | None = None,
    ) -> None:
        for what, value, kind in (
            ("name", name, str),
            ("settings", settings, Settings),
            ("limits", limits, Limits),
            ("errors", errors, Mapping),
        ):
            if value is not None and not isinstance(value, kind):
                raise ConfigurationError(f"Bot({what}=…) takes a {kind.__name__}, not a {type(value).__name__}.")
        if lifespan is not None:
            check_lifespan(lifespan)
        self.name = name
        self.meta = _checked_meta(meta)
        self.limits = limits or Limits()
        self.lifespan = lifespan
        self.access_keys = as_keys(access_key, f"Bot({name!r})")
        self.errors = _checked_errors(errors or {})
        self._static = settings
        self._controls = _controls(parameters)
        self._dependencies: dict[str, int] = {}
        self._hooks: dict[str, Callable[[Any], Any]] = {}
        self.complete()

    def __repr__(self) -> str:
        return f"Bot({self.name!r})" if self.name else "Bot()"

    # ---- registration

    def query(self, handler: H) -> H:
        """Register the async generator that answers queries. Returns it unchanged."""
        check_generator(handler, "@bot.query")
        self._register("query", handler)
        return handler

    def on_settings(self, hook: S) -> S:
        """Register the coroutine function that gives the settings; what it returns is completed like static ones.

        When it fails or takes over 5 s, Poe is answered 503 and keeps the settings it has.
        """
        if self._static is not None:
            raise ConfigurationError(f"{self!r} has static settings; drop `settings=` or @bot.on_settings.")
        self._register_hook("on_settings", hook)
        return hook

    def on_feedback(self, hook: F) -> F:
        """Register the coroutine function for likes and dislikes. Its failure is logged; Poe ignores the answer."""
        self._register_hook("on_feedback", hook)
        return hook

    def on_reaction(self, hook: R) -> R:
        """Register the coroutine function for reactions. Its failure is logged; Poe ignores the answer."""
        self._register_hook("on_reaction", hook)
        return hook

    def on_error_report(self, hook: E) -> E:
        """Register the coroutine function for Poe's reports that this bot broke the protocol.

        It is not called for exceptions of the bot's own. Its failure is logged; Poe ignores the answer.
        """
        self._register_hook("on_error_report", hook)
        return hook

    def uses(self, name: str, *, calls: int = 1) -> Dependency:
        """Declare a bot that this one calls, ``calls`` times at most for one message; 100 for all bots together.

        Poe refuses calls of undeclared bots. Declaring one again adds to its calls.
        """
        Settings(server_bot_dependencies={name: calls})  # checks the two
        before = self._dependencies
        self._dependencies = {**before, name: before.get(name, 0) + calls}
        try:
            self.complete()
        except ConfigurationError:
            self._dependencies = before
            raise
        return Dependency(name, self._dependencies[name])

    # ---- for the server

    @property
    def handler(self) -> Handler:
        """The registered query handler. Raises ConfigurationError when there is none."""
        try:
            return self._hooks["query"]
        except KeyError:
            raise ConfigurationError(f"{self!r} has no handler: decorate an async generator with @bot.query.") from None

    @cached_property
    def declared(self) -> Declared:
        """What this bot said it would call; unknown where its settings are dynamic."""
        from ..client import Declared

        return Declared(repr(self), None if "on_settings" in self._hooks else self.complete().server_bot_dependencies)

    def hook(self, name: str) -> Callable[[Any], Awaitable[Any]] | None:
        """The registered hook of this name, if any."""
        return self._hooks.get(name)

    def complete(self, settings: Settings | None = None) -> Settings:
        """These settings, or the static ones, with the controls and dependencies declared on the bot."""
        settings = settings or self._static or Settings()
        if self._controls is not None:
            if settings.parameter_controls is not None:
                raise ConfigurationError(
                    f"{self!r}: the controls are given twice; drop `parameters=` or those of the settings."
                )
            settings = settings.replace(parameter_controls=self._controls)
        twice = self._dependencies.keys() & settings.server_bot_dependencies.keys()
        if twice:
            raise ConfigurationError(
                f"{self!r}: calls of {min(twice)!r} are declared twice, in the settings and by uses()."
            )
        if self._dependencies:
            together = {**settings.server_bot_dependencies, **self._dependencies}
            settings = settings.replace(server_bot_dependencies=together)
        return settings

    def _register_hook(self, name: str, hook: Callable[[Any], Any]) -> None:
        check_coroutine(hook, f"@bot.{name}")
        self._register(name, hook)

    def _register(self, name: str, function: Callable[[Any], Any]) -> None:
        if name in self._hooks:
            raise ConfigurationError(f"{self!r} has two functions for @bot.{name}.")
        self._hooks[name] = function


def _checked_meta(meta: Meta | MetaFunction | None) -> Meta | MetaFunction:
    if meta is None:
        return Meta()
    if not isinstance(meta, Meta):
        check_meta(meta)
    elif meta.content_type not in CONTENT_TYPES:
        raise ConfigurationError(
            f"Meta: content_type {meta.content_type!r} is none of {', '.join(sorted(CONTENT_TYPES))}."
            f"{did_you_mean(meta.content_type, CONTENT_TYPES)}"
        )
    return meta


def _controls(parameters: type[BaseModel] | ParameterControls | None) -> ParameterControls | None:
    if parameters is None:
        return None
    from ..protocol import ParameterControls, controls_from_model  # a bot that shows no controls does not load them

    if isinstance(parameters, ParameterControls):
        return parameters
    return controls_from_model(parameters)


def _checked_errors(errors: Mapping[type[BaseException], AnswerError]) -> dict[type[BaseException], AnswerError]:
    for kind, answer in errors.items():
        if not (isinstance(kind, type) and issubclass(kind, BaseException) and isinstance(answer, AnswerError)):
            raise ConfigurationError(
                f"Bot(errors=…) maps exception types to AnswerError values, not {kind!r} to {answer!r}."
            )
    return dict(errors)
