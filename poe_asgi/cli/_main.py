"""The group of commands. Each stands in a module of its own, which imports what is heavy when it runs."""

from __future__ import annotations

import click

from .._version import __version__
from ._ask import ask
from ._chat import chat
from ._check import check
from ._dev import dev
from ._models import models
from ._new import new
from ._options import InOrder
from ._run import run
from ._settings import settings


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="poe-asgi")
def main() -> None:
    """Write, try, check and serve server bots for Poe.

    \b
    poe-asgi new my-bot       begins a bot
    poe-asgi dev bot.py       is where you talk to it while you write it
    poe-asgi check bot.py     finds what Poe would not like
    """


# In the order in which an author comes to need them.
for _command in (new, dev, check, chat, run, settings, ask, models):
    main.add_command(_command)
