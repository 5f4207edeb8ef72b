"""Options and arguments that several commands have."""

from __future__ import annotations

import click

key_option = click.option(
    "--key", envvar="POE_ACCESS_KEY", metavar="KEY", help="Access key of the bot.  [default: POE_ACCESS_KEY]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
path_option = click.option("--path", metavar="PATH", help="Where the bot stands in its app, when there are several.")
target_argument = click.argument("target", metavar="TARGET")
bot_argument = click.argument("bot", metavar="URL|TARGET")
