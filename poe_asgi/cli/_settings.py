"""``poe-asgi settings``: show, diff, push."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from ._exits import Exit, Failure, failing_well, run_async
from ._options import InOrder, bot_argument, json_option, key_option, path_option, target_argument

if TYPE_CHECKING:
    from ..client import SettingsSync
    from ..server import ServedBot

name_option = click.option("--name", metavar="HANDLE", help="Its handle at Poe.  [default: that of the Bot]")


@click.group(cls=InOrder, short_help="A bot's settings: show, compare, send to Poe.")
def settings() -> None:
    """What Poe knows about a bot: introduction, attachments, parameter controls, bots it calls.

    Poe does not ask for them with each message: send them after a change, with `push`.
    """


@settings.command(short_help="Show the settings of a bot.")
@bot_argument
@key_option
@path_option
@json_option
@failing_well
def show(bot: str, key: str | None, path: str | None, as_json: bool) -> None:
    """Show the settings of the bot at a URL, or of the one in TARGET, and what Poe would drop of them."""
    ((sent, problem),) = run_async(_of(bot, key=key, path=path))
    if as_json:
        click.echo(json.dumps(sent))
        return
    for field, value in sent.items():
        text = (
            value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False, indent=2)
        )
        click.echo(f"{click.style(f'{field}:', bold=True)} {text}")
    if problem:
        click.echo(f"{click.style('Poe would not take all of it:', fg='yellow')} {problem}", err=True)


@settings.command(short_help="Compare the settings of two bots.")
@bot_argument
@click.argument("other", metavar="URL|TARGET")
@key_option
@path_option
@json_option
@failing_well
def diff(bot: str, other: str, key: str | None, path: str | None, as_json: bool) -> None:
    """Compare the settings of two bots, such as the one you have here and the one that is deployed.

    Poe has no way to ask what it has stored; `push` tells what it dropped. Exit code 1: they differ.
    """
    (one, _), (two, _) = run_async(_of(bot, other, key=key, path=path))
    different = dict(_differences(one, two))
    if as_json:
        click.echo(json.dumps({path: {"first": a, "second": b} for path, (a, b) in different.items()}))
    for where, (first, second) in different.items() if not as_json else ():
        click.echo(click.style(where, bold=True))
        click.echo(click.style(f"  - {_short(first)}", fg="red"))
        click.echo(click.style(f"  + {_short(second)}", fg="green"))
    if not as_json and not different:
        click.echo("They are alike.")
    if different:
        raise click.exceptions.Exit(Exit.NEGATIVE)


@settings.command(short_help="Send the settings of a bot to Poe.")
@target_argument
@key_option
@name_option
@path_option
@click.option("--fetch", is_flag=True, help="Have Poe ask the running bot; needed with @bot.on_settings.")
@json_option
@failing_well
def push(target: str, key: str | None, name: str | None, path: str | None, fetch: bool, as_json: bool) -> None:
    """Send the settings of the bot in TARGET to Poe. The bot need not run.

    Needs the bot's access key and its handle. Exit code 1: Poe dropped something, though it said 200.
    """
    served, sync = run_async(_pushed(target, key, name, path, fetch=fetch))
    told = [{"path": each.path, "sent": each.sent, "stored": each.stored} for each in sync.differences]
    if as_json:
        click.echo(json.dumps({"bot": name or served.bot.name, "differences": told}))
    else:
        click.echo(f"Poe has the settings of {name or served.bot.name}.")
        for each in sync.differences:
            click.echo(f"  {click.style('!', fg='yellow', bold=True)} Poe {each}")
    if sync.differences:
        raise click.exceptions.Exit(Exit.NEGATIVE)


async def _of(*bots: str, key: str | None, path: str | None) -> list[tuple[Mapping[str, Any], str]]:
    """The settings of each as they go to Poe, and what is wrong with them in Poe's eyes."""
    from ..client import close_pool
    from ..errors import ConfigurationError
    from ..protocol import Settings
    from ._local_bot import local_bot
    from ._server_bot import ServerBot
    from ._target import is_url, parse_target

    async def told(bot: str) -> Mapping[str, Any]:
        if is_url(bot):
            return await ServerBot(bot, key).settings()
        async with local_bot(parse_target(bot), key=key, path=path) as local:
            return await ServerBot(local.url, local.key).settings()

    def problem(raw: Mapping[str, Any]) -> str:
        try:
            Settings.from_wire(raw)
        except ConfigurationError as exc:
            return str(exc)
        return ""

    try:
        return [(raw, problem(raw)) for raw in await asyncio.gather(*map(told, bots))]
    finally:
        await close_pool()


async def _pushed(
    target: str, key: str | None, name: str | None, path: str | None, *, fetch: bool
) -> tuple[ServedBot, SettingsSync]:
    from ..client import PoeClient
    from ..server import served_bots
    from ._env import environment_of
    from ._target import load, parse_target

    parsed = parse_target(target)
    os.environ.update(environment_of(parsed.folder))
    with redirect_stdout(sys.stderr):
        bots = served_bots(load(parsed).app())
    served = next((each for each in bots if path in {None, each.path}), None)
    if served is None:
        there = ", ".join(each.path for each in bots)
        raise Failure(f"There is no bot at {path}. There is {there}." if bots else "This app has no bot of poe-asgi.")
    if path is None and len(bots) > 1:
        raise Failure(f"There are several bots: name one with --path ({', '.join(each.path for each in bots)}).")
    if served.bot.hook("on_settings") is not None and not fetch:
        raise Failure(f"{served.bot!r} has dynamic settings: while it runs, have Poe ask for them, with --fetch.")
    if not (name or served.bot.name):
        raise Failure(f"{served.bot!r} has no name: give its handle at Poe with --name.")
    key = key or next(iter(served.access_keys), None)
    if key is None:
        raise Failure("Poe wants the access key on the bot's page: set POE_ACCESS_KEY, or give --key.")
    async with PoeClient() as poe:
        push = poe.fetch_settings if fetch else poe.push_settings
        return served, await push(served.bot, name=name, access_key=key)


def _differences(one: Any, two: Any, where: str = "") -> list[tuple[str, tuple[Any, Any]]]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        names = list(dict.fromkeys([*one, *two]))
        found = [_differences(one.get(name), two.get(name), f"{where}.{name}" if where else name) for name in names]
        return [each for some in found for each in some]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        found = [_differences(a, b, f"{where}.{number}") for number, (a, b) in enumerate(zip(one, two, strict=True))]
        return [each for some in found for each in some]
    return [(where, (one, two))] if one != two else []


def _short(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
