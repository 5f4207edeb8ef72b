"""What a process of `run` serves: uvicorn calls `make_app` in each worker. Its order comes in a variable."""

from __future__ import annotations

import gc
import os
from typing import Any

from ..server import Bot, create_app
from ._target import load, parse_target

TARGET = "POE_ASGI_RUN_TARGET"
DRAIN = "POE_ASGI_RUN_DRAIN_SECONDS"


def make_app() -> Any:
    """The app of the target. Raises LoadError."""
    return app_of(load(parse_target(os.environ[TARGET])).value)


def app_of(value: Any) -> Any:
    """A bot as an app with the drain time that was asked for; an app as it is."""
    drain = os.environ.get(DRAIN)
    app = value
    if isinstance(value, Bot):
        app = create_app(value, drain_seconds=float(drain)) if drain else create_app(value)
    # What has been loaded stays. Looking through it for garbage would stop all answers, for 6 ms at least.
    gc.collect()
    gc.freeze()
    return app
