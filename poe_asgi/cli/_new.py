"""``poe-asgi new``."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from .._version import __version__
from ._exits import Failure, failing_well

FILES = {
    "bot.py": "bot.py",
    "test_bot.py": "test_bot.py",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "requirements-dev.txt": "requirements-dev.txt",
    "pyproject.toml": "pyproject.toml",
    "env.example": ".env.example",
    "gitignore": ".gitignore",
    "Dockerfile": "Dockerfile",
    "dockerignore": ".dockerignore",
    "modal_app.py": "modal_app.py",
}
"""Templates, and the files they become."""


@click.command(short_help="Begin a bot: a small project, with tests.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", metavar="HANDLE", help="The bot's handle at Poe.  [default: made from DIR]")
@failing_well
def new(folder: Path, name: str | None) -> None:
    """Make a bot in DIR: the bot and its tests, and what it takes to deploy it.

    Nothing that is there already is overwritten.
    """
    handle = name or _handle(folder.resolve().name)
    if not re.fullmatch(r"[A-Za-z][\w.-]*", handle, re.ASCII):
        raise Failure(
            f"{handle!r} is no handle for a bot: a letter from A to Z, then such letters, digits, '-', '_' and '.'. "
            "Choose one with --name."
        )
    taken = [there for there in FILES.values() if (folder / there).exists()]
    if taken:
        raise Failure(f"{folder} has {', '.join(taken)} already. Choose another folder.")
    values = {"name": handle, "slug": _slug(handle), "version": __version__}
    templates = files(__package__) / "template"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for template, path in FILES.items():
            text = (templates / f"{template}.txt").read_text(encoding="utf-8")
            (folder / path).write_text(Template(text).substitute(values), encoding="utf-8")
    except OSError as exc:
        raise Failure(f"{folder} cannot be written: {exc.strerror}.") from None
    _show(folder, handle)


def _show(folder: Path, handle: str) -> None:
    click.echo(f"\n  {click.style(handle, bold=True)} is in {folder}{'' if str(folder).endswith('/') else '/'}\n")
    for path, what in (
        ("bot.py", "the bot"),
        ("test_bot.py", "its tests"),
        (".env.example", "keys: copy it to .env"),
        ("Dockerfile", "to deploy it, or modal_app.py"),
        ("README.md", "all the steps"),
    ):
        click.echo(f"    {path:<14} {click.style(what, dim=True)}")
    click.echo("\n  Next:\n")
    if folder.resolve() != Path.cwd():
        click.echo(f"    cd {folder}")
    click.echo("    pip install -r requirements-dev.txt")
    click.echo("    poe-asgi dev bot.py")
    click.echo("    pytest\n")


def _handle(folder: str) -> str:
    """``my-first_bot`` becomes ``MyFirstBot``; a name that is written so already stays.

    So does one with other letters, which is no handle: without them it would be another word.
    """
    if not folder.isascii():
        return folder
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", folder) if part]
    return "".join(part[0].upper() + part[1:] for part in parts) or folder


def _slug(handle: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", handle)
    return re.sub(r"[^a-z0-9]+", "-", spaced.lower()).strip("-")
