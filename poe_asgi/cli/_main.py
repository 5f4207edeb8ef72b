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
from ._run import run
from ._settings import settings

COMMANDS = (new, dev, check, chat, run, settings, ask, models)
"""In the order in which a bot's author comes to need them; the help lists them so."""


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [str(command.name) for command in COMMANDS]


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="poe-asgi")
def main() -> None:
    """Write, try, check and serve server bots for Poe.

    Begin with `poe-asgi new DIR`, or talk to a bot that you have: `poe-asgi dev bot.py`.
    """


for _command in COMMANDS:
    main.add_command(_command)
