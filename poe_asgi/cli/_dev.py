"""``poe-asgi dev``."""

from __future__ import annotations

import click

from ._exits import failing_well, run_async
from ._options import PORTS, path_option, target_argument


@click.command(short_help="Talk to a bot in the browser while you write it.")
@target_argument
@click.option(
    "--port",
    type=int,
    callback=PORTS,
    default=8000,
    envvar="PORT",
    metavar="N",
    help="Port of the playground, or the next free one; the bot gets the one after it.  [default: PORT, else 8000]",
)
@path_option
@click.option("--key", metavar="KEY", help="Access key.  [default: POE_ACCESS_KEY, else one made for this run]")
@click.option("--live", is_flag=True, help="Other bots are the real ones; POE_API_KEY pays.")
@click.option(
    "--model-url",
    metavar="URL",
    help="OpenAI's API at this URL is all other bots: http://127.0.0.1:11434/v1",
)
@click.option("--model", metavar="NAME", help="The model to ask there.  [default: the first it lists]")
@click.option(
    "--browser/--no-browser", default=True, help="Open the playground in a browser, where there is a display."
)
@failing_well
def dev(
    target: str, port: int, path: str | None, key: str | None, live: bool, model_url: str | None, model: str | None,
    browser: bool,
) -> None:  # fmt: skip
    """Serve the bot in TARGET on this machine, with a page to talk to it.

    TARGET is a file (bot.py) or a module with an attribute (shop.bot:app); without one, `app` or `bot` is taken.

    No account and no network are needed: other bots that yours calls are played by stand-ins. The bot is loaded
    again when a file changes. Errors show their traceback here, and blocking calls are named by file and line.
    """
    from ._dev_session import DevSession, Wanted
    from ._target import parse_target

    if live and model_url:
        raise click.UsageError("--live and --model-url exclude each other.")
    if path is not None and not path.startswith("/"):
        raise click.UsageError("--path begins with a slash.")
    wanted = Wanted(
        target=parse_target(target),
        port=port,
        path=path,
        key=key,
        live=live,
        model_url=model_url,
        model=model,
        browser=browser,
    )
    run_async(DevSession(wanted).run())
