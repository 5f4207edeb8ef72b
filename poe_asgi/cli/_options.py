"""Options and arguments that several commands have, and types of options."""

from __future__ import annotations

from typing import Any

import click


class Number(click.ParamType):
    """A number between two, a whole one unless ``whole`` is false. Unlike click's own it keeps the help short."""

    name = "number"

    def __init__(self, least: int, most: int, *, whole: bool = True) -> None:
        self._least, self._most, self._kind = least, most, int if whole else float

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        try:
            number = self._kind(value)
        except ValueError:
            self.fail(f"{value!r} is no number.", param, ctx)
        if not self._least <= number <= self._most:
            self.fail(f"{value} is not between {self._least} and {self._most:,}.", param, ctx)
        return number


class InOrder(click.Group):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


PORT = Number(0, 65_535)

key_option = click.option(
    "--key", envvar="POE_ACCESS_KEY", metavar="KEY", help="Access key of the bot.  [default: POE_ACCESS_KEY]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
path_option = click.option("--path", metavar="PATH", help="Where the bot stands in its app, when there are several.")
target_argument = click.argument("target", metavar="TARGET")
bot_argument = click.argument("bot", metavar="URL|TARGET")
