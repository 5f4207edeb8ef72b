"""`openai_routes`, and the routes that `create_app` adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..server import Admission, Bot
from ..server._app import both, endpoints_of, is_path, pages_beside, site_of
from ..server._endpoint import BotEndpoint
from ..server._keys import Keys
from ..server._starlette import BaseRoute, Route
from ._endpoints import ChatEndpoint, ModelsEndpoint, NothingHere
from ._models import Models

if TYPE_CHECKING:
    from ..observe import Observer


def openai_routes(
    bots: Bot | Mapping[str, Bot],
    *,
    path: str = "/v1",
    access_key: Keys = None,
    allow_without_key: bool = False,
    drain_seconds: float = 20,
    admission: Admission | None = None,
    observers: Sequence[Observer] = (),
) -> list[BaseRoute]:
    """Routes for an existing Starlette or FastAPI app, whose lifespan needs ``async with running(bot)``.

    They are ``/models`` and ``/chat/completions`` below ``path``. Several bots are given as to `create_app`, by path:
    the name of the model is the handle of a bot, or its path without the slashes. ``admission`` and ``observers`` are
    those of `create_app`, for these routes alone; what an observer serves at a path of its own is among them. Raises
    ConfigurationError.
    """
    site = site_of(
        access_key,
        allow_without_key=allow_without_key,
        drain_seconds=drain_seconds,
        admission=admission,
        observers=observers,
    )
    endpoints = endpoints_of(bots, site)
    if not is_path(path):
        raise ConfigurationError(f"{path!r} is no path for an API: it starts with `/` and has no parameters.")
    routes = _routes(endpoints, path.rstrip("/"))
    return [*routes, *pages_beside([], site)]


def door(endpoints: Mapping[str, BotEndpoint]) -> list[BaseRoute]:
    """The routes of an app that has nothing else under ``/v1``."""
    return [*_routes(endpoints, "/v1"), Route("/v1/{rest:path}", NothingHere())]


def _routes(endpoints: Mapping[str, BotEndpoint], path: str) -> list[BaseRoute]:
    names = Models(endpoints)
    models = ModelsEndpoint(names)
    return [
        *both(f"{path}/chat/completions", ChatEndpoint(names)),
        *both(f"{path}/models", models),
        Route(f"{path}/models/{{model:path}}", models),
    ]
