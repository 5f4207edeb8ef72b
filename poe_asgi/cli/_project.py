"""Which files are the author's, and what an exception looks like from there."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])
_STANDARD = tuple({str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib")})
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@cache
def is_authors(filename: str) -> bool:
    """Whether a file belongs neither to Python, nor to an installed package, nor to this one."""
    if filename.startswith("<"):
        return False
    path = str(Path(filename).resolve())
    return not path.startswith((*_STANDARD, _PACKAGE)) and not any(part in path for part in _INSTALLED)


def loaded_files() -> Iterator[str]:
    """The author's files among the modules that are loaded."""
    for module in list(sys.modules.values()):
        filename = getattr(module, "__file__", None)
        if isinstance(filename, str) and is_authors(filename):
            yield str(Path(filename).resolve())


def shown(filename: str) -> str:
    """A path as it is best read: relative, where it is inside of the current folder."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


def place_of(exc: BaseException) -> tuple[str, int] | None:
    """The file and the line of the author's code where it was raised: the innermost of the author's frames."""
    if isinstance(exc, SyntaxError) and exc.filename and exc.lineno:
        return exc.filename, exc.lineno
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if is_authors(frame.filename)]
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else None


def authors_traceback(exc: BaseException) -> str:
    """The traceback without the steps that lead to the author's code, and without those of the import system."""
    whole = traceback.TracebackException.from_exception(exc)
    _trim(whole)
    return "".join(whole.format())


def _trim(each: traceback.TracebackException) -> None:
    frames = [frame for frame in each.stack if not frame.filename.startswith("<frozen ")]
    first = next((number for number, frame in enumerate(frames) if is_authors(frame.filename)), len(frames))
    each.stack = traceback.StackSummary.from_list(frames[first:])
    for related in (each.__cause__, each.__context__, *(each.exceptions or ())):
        if related is not None:
            _trim(related)
