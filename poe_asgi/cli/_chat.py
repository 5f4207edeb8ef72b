"""``poe-asgi chat``."""

from __future__ import annotations

import click

from ._exits import failing_well
from ._options import bot_argument, json_option, key_option, path_option


@click.command(short_help="Talk to a bot in the terminal.")
@bot_argument
@key_option
@path_option
@click.option("--raw", is_flag=True, help="Show the events of answers instead of Markdown.")
@json_option
@failing_well
def chat(bot: str, key: str | None, path: str | None, raw: bool, as_json: bool) -> None:
    """Talk to the server bot at a URL, or to the one in TARGET, which is started for that.

    TARGET is a file (bot.py) or a module with an attribute (shop.bot:app). What you type is sent; /help lists what
    else there is. Ctrl-C stops an answer, Ctrl-D ends the conversation.

    Questions can come from a pipe, one a line. Exit code 1: the last answer ended with an error.
    """
    from ._extras import need

    need("rich", "markdown_it")
    from ._chat_session import ChatSession

    with ChatSession(bot, key=key, path=path, raw=raw, as_json=as_json) as session:
        session.run()
