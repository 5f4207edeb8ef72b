"""The one place where the command line meets the checker."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

from ..checker import Probe, Report, check
from ..local import FakePoe
from ..server import served_bots
from ._env import environment_of
from ._target import is_url, load, parse_target


async def report_on(
    bot: str,
    *,
    key: str | None,
    path: str | None,
    fast: bool,
    expected: Mapping[str, str],
    on_probe: Callable[[Probe], None],
) -> Report:
    """Check the bot at a URL, or the one of a target, which is loaded here. Raises Failure."""
    wanted: dict[str, Any] = {"fast": fast, "expected": expected, "on_probe": on_probe}
    if is_url(bot):
        return await check(bot, access_key=key, **wanted)
    target = parse_target(bot)
    os.environ.update(environment_of(target.folder))
    key = key or os.environ.get("POE_ACCESS_KEY") or secrets.token_hex(16)
    os.environ["POE_ACCESS_KEY"] = key
    logging.getLogger("poe_asgi").setLevel(logging.ERROR)  # bad requests are sent on purpose
    with redirect_stdout(sys.stderr), FakePoe().installed():  # what the author prints is no part of the report
        app = load(target).app()
        bots = served_bots(app)
        for each in bots:
            each.bot.access_keys = (*each.access_keys, key)
        path = path or next((each.path for each in bots), "/")
        name = bot if path == "/" else f"{bot} at {path}"
        return await check(app, access_key=key, path=path, name=name, **wanted)
