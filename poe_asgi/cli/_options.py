"""Options and arguments that several commands have, and checks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")


def between(least: float, most: float) -> Callable[[click.Context, click.Parameter, T], T]:
    """A check for an option that is a number. Unlike click's own ranges it keeps the help short."""

    def check(_: click.Context, __: click.Parameter, value: T) -> T:
        if isinstance(value, int | float) and not least <= value <= most:
            raise click.BadParameter(f"{value:,} is not between {least:,} and {most:,}.")
        return value

    return check


class InOrder(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


PORTS = between(0, 65_535)

key_option = click.option(
    "--key", envvar="POE_ACCESS_KEY", metavar="KEY", help="Access key of the bot.  [default: POE_ACCESS_KEY]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
path_option = click.option("--path", metavar="PATH", help="Where the bot stands in its app, when there are several.")
target_argument = click.argument("target", metavar="TARGET")
bot_argument = click.argument("bot", metavar="URL|TARGET")
