"""TARGET: a file, or ``module:attribute``; found, imported, and told apart when that fails."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ConfigurationError, did_you_mean
from ._exits import Exit, Failure
from ._project import authors_traceback, is_authors, place_of, shown

NAMES = ("app", "bot")  # where both are there, the app is what gets deployed


class LoadError(Failure):
    """A target that cannot be served. ``details`` is the author's traceback, where there is one."""

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message, Exit.NOT_LOADED, details=details)


@dataclass(frozen=True, slots=True)
class Target:
    """What was named: a module, the folder it is imported from, its file if that was named, and an attribute."""

    text: str
    module: str
    root: Path
    file: Path | None = None
    attribute: str | None = None

    @property
    def folder(self) -> Path:
        """Where `.env` may stand."""
        return self.file.parent if self.file is not None else self.root

    @property
    def what(self) -> str:
        """The module as the user named it."""
        return shown(str(self.file)) if self.file is not None else self.module


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the target holds: a `Bot` or an ASGI app, the name it was found under, and the module."""

    value: Any
    name: str
    module: ModuleType

    def app(self) -> Any:
        """The app to serve. Raises LoadError for a bot that cannot be served."""
        from ..server import Bot, create_app

        try:
            return create_app(self.value) if isinstance(self.value, Bot) else self.value
        except ConfigurationError as exc:
            raise LoadError(str(exc)) from None


def is_url(text: str) -> bool:
    """Whether an argument is a URL rather than a target."""
    return text.startswith(("http://", "https://"))


def parse_target(text: str) -> Target:
    """Raises LoadError when a file is named that is not there."""
    if not text:
        raise LoadError("No bot is named. Write, for example, bot.py")
    named, colon, attribute = text.rpartition(":")
    if not colon or not all(part.isidentifier() for part in attribute.split(".")):
        named, attribute = text, ""
    path = Path(named)
    if path.is_dir():
        example = next((each.name for each in sorted(path.glob("*.py")) if each.stem != "__init__"), "bot.py")
        raise LoadError(f"{named} is a folder. Name the file of the bot: {path / example}")
    if path.suffix == ".py":
        if not path.is_file():
            raise LoadError(f"There is no file {named}.{_alike(path)}")
        module, root = _module_of(path.resolve())
        return Target(text, module, root, path.resolve(), attribute or None)
    if not all(part.isidentifier() for part in named.split(".")):
        raise LoadError(f"{text!r} is neither a Python file nor a module:attribute. Write, for example, bot.py")
    return Target(text, named, Path.cwd(), None, attribute or None)


def load(target: Target) -> Loaded:
    """Import the module here, and find the bot in it. Raises LoadError, which says which of the two failed, and how."""
    root = str(target.root)
    if root not in sys.path:
        sys.path.insert(0, root)
    module = _imported(target)
    found = _found(target, module)
    _check_kind(target, found)
    return found


# ---- the module


def _module_of(file: Path) -> tuple[str, Path]:
    """The dotted name of a file, and the folder that is to be on the path: the first one that is no package."""
    parts, folder = [file.stem], file.parent
    if file.stem == "__init__":
        parts = []
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts), folder


def _imported(target: Target) -> ModuleType:
    before = sys.modules.get(target.module)
    try:
        module = importlib.import_module(target.module)
    except ModuleNotFoundError as exc:
        if exc.name and f"{target.module}.".startswith(f"{exc.name}.") and _is_of_no_author(exc):
            raise LoadError(
                f"There is no module {target.module!r}, neither in {target.root} nor installed."
                f"{_alike(target.root / f'{target.module}.py')} A file is named with its ending, as in bot.py"
            ) from None
        raise _missing_import(target, exc) from None
    except (Exception, SystemExit) as exc:  # noqa: BLE001  # whatever the module raises
        raise _raised(target, exc) from None
    file = Path(module.__file__).resolve() if module.__file__ else None
    if target.file is not None and file != target.file:
        taken = "Python itself" if before is not None else f"{file}"
        raise LoadError(f"{target.what} cannot be imported: {taken} has a module {target.module!r}. Rename the file.")
    return module


def _is_of_no_author(exc: BaseException) -> bool:
    place = place_of(exc)
    return place is None or not is_authors(place[0])


def _missing_import(target: Target, exc: ModuleNotFoundError) -> LoadError:
    missing = (exc.name or "").partition(".")[0]
    near = did_you_mean(missing, [each.stem for each in target.folder.glob("*.py")])
    return LoadError(
        f"{_where(target, exc)}: it imports {exc.name!r}, which is not there.{near} If it is a package, install it "
        f"into this environment ({sys.prefix}).",
        details=authors_traceback(exc),
    )


def _raised(target: Target, exc: BaseException) -> LoadError:
    if isinstance(exc, SystemExit):
        what = "the module calls sys.exit. Put what is not for import under `if __name__ == '__main__':`"
    elif isinstance(exc, SyntaxError):
        what = f"{exc.msg}. Python cannot read the file"
    elif isinstance(exc, ConfigurationError):
        what = str(exc).rstrip(".")
    else:
        summary = "".join(str(exc).splitlines()[:1])
        what = f"{type(exc).__name__}: {summary}" if summary else type(exc).__name__
        what += ". The module raises this when it is imported"
    stop = "" if what.endswith(("?", ":", "!")) else "."
    return LoadError(f"{_where(target, exc)}: {what}{stop}", details=authors_traceback(exc))


def _where(target: Target, exc: BaseException) -> str:
    place = place_of(exc)
    return f"{shown(place[0])}, line {place[1]}" if place is not None else target.what


def _alike(path: Path) -> str:
    """A hint at the Python files that are there."""
    files = sorted(each.name for each in path.parent.glob("*.py")) if path.parent.is_dir() else []
    near = get_close_matches(path.stem, [Path(each).stem for each in files], n=1)  # the endings are alike anyway
    if near:
        return f" Did you mean '{near[0]}.py'?"
    if not files or len(files) > 5:
        return ""
    return f" In that folder there is {' and '.join(files)}." if len(files) < 3 else f" There are {', '.join(files)}."


# ---- what it holds


def _found(target: Target, module: ModuleType) -> Loaded:
    names = (target.attribute,) if target.attribute else NAMES
    for name in names:
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part, None)
        if value is not None:
            return Loaded(value, name, module)
    there = dict(_servable(module))
    missing = repr(target.attribute) if target.attribute else " and no ".join(f"`{name}`" for name in NAMES)
    message = f"{target.what} has no {missing}."
    if target.attribute:
        message += did_you_mean(target.attribute, there)
    if there:
        listed = ", ".join(f"{name} ({kind})" for name, kind in there.items())
        raise LoadError(f"{message} It has {listed}: write {target.what}:{next(iter(there))}")
    raise LoadError(
        f"{message} There is no other bot or app in it either. "
        'A bot is made with `bot = Bot("Name")` and a handler under `@bot.query`.'
    )


def _servable(module: ModuleType) -> Iterator[tuple[str, str]]:
    from ..server import Bot

    for name, value in vars(module).items():
        if isinstance(value, Bot):
            yield name, "a Bot"
        elif not name.startswith("_") and hasattr(value, "routes") and _is_asgi(value):
            yield name, f"a {type(value).__name__} app"


def _is_asgi(value: Any) -> bool:
    if not callable(value) or inspect.isclass(value):
        return False
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return True  # it does not tell
    return sum(each.default is each.empty for each in parameters) == 3


def _check_kind(target: Target, found: Loaded) -> None:
    from ..server import Bot

    if isinstance(found.value, Bot) or _is_asgi(found.value):
        return
    kind = "a class" if inspect.isclass(found.value) else f"{_article(type(found.value).__name__)}"
    hint = ""
    if callable(found.value) and not inspect.isclass(found.value):
        hint = " If it makes the app, keep what it returns: app = make_app()"
    raise LoadError(f"{target.what}:{found.name} is {kind}, neither a Bot nor an ASGI app.{hint}")


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"
