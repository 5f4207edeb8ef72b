"""``poe-asgi run``."""

from __future__ import annotations

import logging
import logging.config
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._exits import Failure, failing_well, run_async
from ._options import PORTS, between, target_argument

if TYPE_CHECKING:
    from ..server import ServedBot

log = logging.getLogger("poe_asgi.cli")

# Beyond the drain time: for the error and `done` of answers that are cut short, and for handlers to clean up.
_BEYOND_DRAIN_SECONDS = 5
# Longer than proxies keep theirs (mostly 60 s), or they would send into connections that are being closed.
_KEEP_ALIVE_SECONDS = 75


@click.command(short_help="Serve a bot in production.")
@target_argument
@click.option("--host", default="0.0.0.0", metavar="HOST", help="Address to listen at.  [default: 0.0.0.0]")  # noqa: S104
@click.option(
    "--port",
    type=int,
    callback=PORTS,
    default=8080,
    envvar="PORT",
    metavar="N",
    help="Port to listen at.  [default: PORT, else 8080]",
)
@click.option(
    "--workers",
    type=int,
    callback=between(1, 64),
    default=1,
    envvar="WEB_CONCURRENCY",
    metavar="N",
    help="Processes.  [default: WEB_CONCURRENCY, else 1]",
)
@click.option(
    "--drain",
    type=float,
    callback=between(0, 86_400),
    metavar="SECONDS",
    help="How long running answers may go on after SIGTERM.  [default: 20, or what the app says]",
)
@click.option(
    "--max-connections",
    type=int,
    callback=between(1, 1_000_000),
    default=1000,
    metavar="N",
    help="Connections of one process; more are answered 503.  [default: 1000]",
)
@click.option(
    "--forwarded-allow-ips",
    default="127.0.0.1",
    envvar="FORWARDED_ALLOW_IPS",
    metavar="IPS",
    help="Proxies whose X-Forwarded headers are believed; * for all.  [default: FORWARDED_ALLOW_IPS, else 127.0.0.1]",
)
@click.option(
    "--log", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the log.  [default: text]"
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    metavar="LEVEL",
    help="Least level that is logged: debug, info, warning, error.  [default: info]",
)
@click.option("--no-access-log", is_flag=True, help="Do not log each request.")
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read variables from this file; those that are set already stay.",
)
@click.option(
    "--push-settings", is_flag=True, help="Tell Poe the settings first: once, however many workers there are."
)
@failing_well
def run(
    target: str, host: str, port: int, workers: int, drain: float | None, max_connections: int,
    forwarded_allow_ips: str, form: str, log_level: str, no_access_log: bool, env_file: Path | None,
    push_settings: bool,
) -> None:  # fmt: skip
    """Serve the bot in TARGET, on all addresses of this machine.

    TARGET is a file (bot.py) or a module with an attribute (shop.bot:app); without one, `app` or `bot` is taken.

    At SIGTERM no new answers begin, running ones may end, and no stream is cut. Give the process more time than
    that before it is killed. Poe needs an https address, so a proxy goes in front, which must not buffer.
    """
    import uvicorn

    from ..server import Bot, served_bots
    from . import _worker
    from ._env import missing_from_environment, read_env_file
    from ._json_logs import log_config
    from ._target import load, parse_target

    if env_file is not None:
        os.environ.update(missing_from_environment(read_env_file(env_file)))
    configuration = log_config(form, log_level)
    logging.config.dictConfig(configuration)
    found = load(parse_target(target))
    if drain is not None and not isinstance(found.value, Bot):
        raise click.UsageError("--drain is for a Bot. An app says it itself: create_app(bot, drain_seconds=…).")
    os.environ[_worker.TARGET] = target
    if drain is not None:
        os.environ[_worker.DRAIN] = str(drain)
    app = _worker.app_of(found.value)
    bots = served_bots(app)
    _check_keys(bots)
    if push_settings:
        run_async(_push(bots))
    uvicorn.run(  # ends with exit code 3 when the app does not start
        app if workers == 1 else f"{_worker.__name__}:{_worker.make_app.__name__}",
        factory=workers > 1,
        host=host,
        port=port,
        workers=workers,
        log_config=configuration,
        access_log=not no_access_log,
        proxy_headers=True,
        forwarded_allow_ips=forwarded_allow_ips,
        limit_concurrency=max_connections + 1,  # uvicorn refuses from this one on
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(_drain_seconds(bots)) + _BEYOND_DRAIN_SECONDS,
        server_header=False,
    )


def _check_keys(bots: Sequence[ServedBot]) -> None:
    for each in bots:
        if not each.access_keys and not each.allow_without_key:
            raise Failure(
                f"{each.bot!r} has no access key: set POE_ACCESS_KEY to the key on the bot's page at Poe. "
                "To try a bot without one: poe-asgi dev"
            )


def _drain_seconds(bots: Sequence[ServedBot]) -> float:
    return max((each.drain_seconds for each in bots), default=20)


async def _push(bots: Sequence[ServedBot]) -> None:
    """Tell Poe the settings. A failure is logged, and keeps no bot from being served."""
    from ..client import PoeClient
    from ..errors import PoeASGIError

    async with PoeClient() as poe:
        for each in bots:
            try:
                sync = await poe.push_settings(each.bot, access_key=next(iter(each.access_keys), None))
            except PoeASGIError as exc:
                log.error("The settings of %r were not pushed: %s", each.bot, exc)  # noqa: TRY400
            else:
                log.info("The settings of %r were pushed; %d differences", each.bot, len(sync.differences))
    if not bots:
        log.error("No settings were pushed: the bots of this app are not to be seen from outside.")
