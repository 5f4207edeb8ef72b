"""``poe-asgi check``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from ._exits import Failure, failing_well, run_async
from ._options import bot_argument, key_option, path_option

if TYPE_CHECKING:
    from ..checker import Probe


@click.command(short_help="Hold a bot against every rule of Poe's protocol.")
@bot_argument
@key_option
@path_option
@click.option("--fast", is_flag=True, help="Ask less, and be done within 5 seconds.")
@click.option(
    "--expected",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rules that may be broken, one a line: rule-id: reason",
)
@click.option("--json", "form", flag_value="json", help="Write JSON, for scripts.")
@click.option("--junit", "form", flag_value="junit", help="Write JUnit XML, for CI.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a file."
)
@failing_well
def check(
    bot: str, key: str | None, path: str | None, fast: bool, expected: Path | None, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Check the server bot at a URL, whatever it is made with, or the one in TARGET, which is loaded for that.

    TARGET is a file (bot.py) or a module with an attribute (shop.bot:app). Real questions are asked: at a URL
    they cost what the bot's answers cost. Bots that a TARGET calls are played by stand-ins.

    Exit codes: 0 no error, 1 a rule of level error is broken, 2 nothing could be checked.
    """
    from ..checker import read_expected, render_json, render_junit, render_text
    from ._checking import report_on

    reasons = read_expected(expected) if expected is not None else {}
    with _progress() as on_probe:
        report = run_async(report_on(bot, key=key, path=path, fast=fast, expected=reasons, on_probe=on_probe))
    if form is not None:
        text = (render_json if form == "json" else render_junit)(report)
    else:
        color = output is None and sys.stdout.isatty()
        text = render_text(report, color=color, width=min(get_terminal_size().columns, 120))
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise Failure(f"{output} cannot be written: {exc.strerror}.") from None
        click.echo(f"Written to {output}", err=True)
    raise click.exceptions.Exit(report.exit_code)


@contextmanager
def _progress() -> Iterator[Callable[[Probe], None]]:
    """While inside, one line that says what is tried, where there is a terminal to show it."""
    shown = sys.stderr.isatty()

    def write(text: str) -> None:
        if shown:
            click.echo(f"\r\x1b[2K{text}", nl=False, err=True)

    try:
        yield lambda probe: write(f"{probe.title} …")
    finally:
        write("")
