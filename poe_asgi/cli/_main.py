"""The group of commands. Each stands in a module of its own, which imports what is heavy when it runs."""

from __future__ import annotations

import click

from .._version import __version__
from ._dev import dev
from ._run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="poe-asgi")
def main() -> None:
    """Write, try, check and serve server bots for Poe."""


for command in (dev, run):
    main.add_command(command)
