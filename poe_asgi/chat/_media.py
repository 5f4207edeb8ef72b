"""Files in the text of an answer: models that paint, film or speak answer with a URL on a line of its own.

What counts is a line of nothing but Markdown images, or of one bare URL that leads to Poe's file hosts or ends like a
media file; an image and its bare URL often come both. Lines in code fences and links in prose are text.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from ..protocol import File

HELD_CHARACTERS = 4096
"""Of a line that may become files, at most; a longer one is text."""

_CHARACTER = r"[^\s<>\x00-\x1f\x7f]"
_URL = r"https?://(?:[^\s()<>\x00-\x1f\x7f]|\([^\s()<>\x00-\x1f\x7f]*\))+"
_IMAGE = re.compile(rf'!\[((?:(?!\]\().)*)\]\((<)?({_URL})(?(2)>)(?:[ \t]+"[^"]*")?[ \t]*\)[ \t\r]*', re.IGNORECASE)
_BARE = re.compile(rf"(<)?(https?://{_CHARACTER}*(?<![.,;:!?'\")\]]))(?(1)>)[ \t\r]*", re.IGNORECASE)

# The beginnings of the same: of a bare URL, and of what stands between the parentheses of an image.
_URL_BEGUN = rf"<?(?:h(?:t(?:t(?:ps?(?::(?:/(?:/{_CHARACTER}*)?)?)?)?)?)?)?>?"
_BARE_BEGUN = re.compile(rf"{_URL_BEGUN}[ \t\r]*", re.IGNORECASE)
_LINK_BEGUN = re.compile(rf'{_URL_BEGUN}(?:[ \t]+(?:"[^"]*"?[ \t]*)?)?', re.IGNORECASE)

_FENCE = re.compile(r"( {0,3}(?:(?:[-*+]|\d{1,9}[.)]) {1,4})?)(`{3,}(?=[^`]*$)|~{3,})", re.DOTALL)
_FENCE_END = re.compile(r"( *)(`{3,}|~{3,})[ \t\r]*")

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ON_POE = re.compile(r"(?:.+\.)?poecdn\.net")
_KIND = re.compile(r"/base/(image|video|audio)/")
_TYPES = {
    end: f"{kind}/{subtype}"
    for kind, subtypes in {
        "image": {"png": "png", "jpeg": "jpg jpeg", "gif": "gif", "webp": "webp", "avif": "avif", "svg+xml": "svg"},
        "video": {"mp4": "mp4 m4v", "webm": "webm", "quicktime": "mov"},
        "audio": {"mpeg": "mp3", "wav": "wav", "mp4": "m4a", "ogg": "ogg oga opus", "flac": "flac", "aac": "aac"},
    }.items()
    for subtype, ends in subtypes.items()
    for end in ends.split()
}


def files_in(text: str) -> tuple[File, ...]:
    """The files that the text shows, each URL once, in their order.

    The name is the text of a Markdown image, else the end of the URL's path. The type comes from the extension of
    either, else it is as rough as ``image/*``, from the kind that URLs on Poe's hosts tell.
    """
    lines = FileLines()
    return tuple(item for item in (*lines.feed(text), *lines.end()) if isinstance(item, File))


class FileLines:
    """Text that comes in pieces, with the files in it as `File` values in their places.

    Text goes through at once, but for the ends of lines, blank lines, and a line that may still become a file. A line
    of files takes the blank lines around it with it: one line break stays between the texts on both sides, or a blank
    line if there was one. However the text is cut, what comes out is the same.
    """

    def __init__(self) -> None:
        self._line = ""  # the current line, as far as it can matter
        self._released = False  # it is text, and is out
        self._gap = ""  # what stands between the last text and this line
        self._shown = False  # there was a file in that place
        self._said = False  # text is out
        self._fence = ""  # the code fence that is open
        self._fence_indent = 0
        self._seen: set[str] = set()

    def feed(self, text: str) -> list[str | File]:
        """What can go out after the next piece of text."""
        out: list[str | File] = []
        first, *others = text.split("\n")
        self._add(first, out)
        for line in others:
            self._end_line("\n", out)
            self._add(line, out)
        return out

    def end(self) -> list[str | File]:
        """What is left when the text has ended, or when something else comes before it goes on."""
        out: list[str | File] = []
        self._end_line("", out)
        if not self._shown:
            self._say(self._gap, out)
        self._gap, self._shown = "", False
        return out

    def _add(self, text: str, out: list[str | File]) -> None:
        if self._released:
            self._say(text, out)
            self._line = (self._line + text)[:HELD_CHARACTERS]
            return
        self._line += text
        if len(self._line) > HELD_CHARACTERS or not self._may_show():
            self._release(out)

    def _release(self, out: list[str | File]) -> None:
        self._say(self._gap + self._line, out)
        self._line = self._line[:HELD_CHARACTERS]
        self._released, self._gap, self._shown = True, "", False

    def _end_line(self, end: str, out: list[str | File]) -> None:
        files = [] if self._released else _files_of(self._line)
        if files:
            out += (each for each in files if each.url not in self._seen)
            self._seen.update(each.url for each in files)
            self._shown = True
            self._set_gap(self._gap)
        elif not self._released and _is_blank(self._line):
            self._set_gap(self._gap + self._line + end)
            if len(self._gap) > HELD_CHARACTERS:
                self._say(self._gap, out)
                self._gap = ""
        else:
            if not self._released:
                self._release(out)
            self._gap = end
            self._find_fence()
        self._line, self._released = "", False

    def _set_gap(self, gap: str) -> None:
        """In the place of a file there is only as much as keeps the texts apart."""
        self._gap = gap if not self._shown else "\n" * min(2, gap.count("\n")) if self._said else ""

    def _find_fence(self) -> None:
        if not self._fence:
            if opened := _FENCE.match(self._line):
                self._fence, self._fence_indent = opened[2], len(opened[1])
            return
        ended = _FENCE_END.fullmatch(self._line)
        # Inside a list the end may be indented as far as the beginning was, and by up to three spaces more.
        if ended and ended[2].startswith(self._fence) and len(ended[1]) <= self._fence_indent + 3:
            self._fence = ""

    def _may_show(self) -> bool:
        """Whether the line may still be blank, or one of files."""
        if _is_blank(self._line):
            return True
        line = self._line.lstrip(" ")
        if self._fence or len(self._line) - len(line) > 3:
            return False
        at = _after_images(line) if ")" in line else 0
        rest = line[at:]
        if "![".startswith(rest[:2]):
            _, closed, link = rest.partition("](")
            return not closed or _LINK_BEGUN.fullmatch(link) is not None
        return not at and _BARE_BEGUN.fullmatch(rest) is not None

    def _say(self, text: str, out: list[str | File]) -> None:
        if not text:
            return
        self._said = True
        if out and isinstance(out[-1], str):
            out[-1] += text
        else:
            out.append(text)


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r")


def _after_images(line: str) -> int:
    """Where the images end that the line begins with."""
    at = 0
    while image := _IMAGE.match(line, at):
        at = image.end()
    return at


def _files_of(line: str) -> list[File]:
    """The files of a line of nothing else; none of any other, one with a URL that is none among them."""
    text = line.lstrip(" ")
    if len(line) - len(text) > 3:
        return []  # a block of code, to Markdown
    if bare := _BARE.fullmatch(text):
        files = [_file(bare[2])]
    elif text and _after_images(text) == len(text):
        files = [_file(image[3], _ESCAPED.sub(r"\1", image[1])) for image in _IMAGE.finditer(text)]
    else:
        return []
    found = [each for each in files if each is not None]
    return found if len(found) == len(files) else []


def _file(url: str, title: str | None = None) -> File | None:
    """The file of an image with that title, or of a bare URL; None if that is an ordinary link."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if not host or "@" in parts.netloc:
        return None
    last = _name(unquote(parts.path.rpartition("/")[2]))
    named = _name(title or "")
    known = next((_TYPES[end] for each in (named, last) if (end := each.rpartition(".")[2].lower()) in _TYPES), None)
    on_poe = _ON_POE.fullmatch(host) is not None
    if title is None and not (on_poe or known):
        return None
    kind = _KIND.match(parts.path) if on_poe else None
    rough = f"{kind[1]}/*" if kind else "application/octet-stream" if title is None else "image/*"
    return File(url=url, name=named or last or "file", content_type=known or rough)


def _name(text: str) -> str:
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
