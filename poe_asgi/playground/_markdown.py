"""Markdown as HTML that may stand in the page: rendered by markdown-it, then cut down to harmless tags by nh3.

An answer is given as a list of blocks, one for each paragraph, list, table and so on. While it streams, only the last
blocks change, so the page replaces no more than these, and of a long text no more than its end is parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..protocol import File

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MISSING = "The playground needs markdown-it-py and nh3: pip install 'poe-asgi[dev]'."

_LONG = 10_000  # characters that are parsed again and again; of more, the beginning is kept as it is
_PLAIN_LINES = 40  # of plain text in one block
_LINE_END = re.compile(r"\r\n?")
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,40}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,")

# fmt: off
_TAGS = {
    "a", "abbr", "audio", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "u", "ul", "var", "video",
}
# fmt: on
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "audio": {"controls", "src"},
    "code": {"class"},
    "details": {"open"},
    "img": {"alt", "src", "title"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
    "video": {"controls", "src"},
}


def check_installed() -> None:
    """Raise ConfigurationError, with the line to type, when the extra is missing."""
    try:
        import markdown_it  # noqa: F401
        import nh3  # noqa: F401
    except ImportError:
        raise ConfigurationError(MISSING) from None


class Renderer:
    """Renders one growing text, and keeps what cannot change any more.

    Of a text of more than 10,000 characters: there a definition of a link does not reach back into what is kept.
    """

    def __init__(self) -> None:
        self._sanitised: dict[str, str] = {}
        self._forget(())

    def blocks(self, text: str, *, content_type: str = "text/markdown", files: Sequence[File] = ()) -> list[str]:
        """The blocks of HTML of this text. ``files`` are those that it may show by their ``inline_ref``."""
        text = _LONE_SURROGATE.sub("\ufffd", text)  # which no encoding has
        if content_type != "text/markdown":
            return self._clean(_plain(text))
        text = _LINE_END.sub("\n", text)
        if not text.startswith(self._kept_text) or tuple(files) != self._files:
            self._forget(files)
        rest = text[len(self._kept_text) :]
        env: dict[str, Any] = {"references": dict(self._references), "types": self._types}
        raw, starts = _markdown(rest, env)
        blocks = self._clean(raw)
        shown = [*self._kept, *blocks]
        if len(rest) > _LONG and len(blocks) > 1:  # the last one may go on
            self._kept += blocks[:-1]
            self._kept_text += "".join(f"{line}\n" for line in rest.split("\n")[: starts[-1]])
            defined = env["references"].items()
            self._references |= {name: each for name, each in defined if each.get("map", (0, 0))[1] <= starts[-1]}
        return shown

    def _forget(self, files: Sequence[File]) -> None:
        self._files = tuple(files)
        self._kept_text, self._kept = "", list[str]()
        self._references = _references(files)
        self._types = {file.url: file.content_type for file in files}

    def _clean(self, raw: Sequence[str]) -> list[str]:
        self._sanitised = {block: self._sanitised.get(block) or sanitise(block) for block in raw}
        return [self._sanitised[block] for block in raw]


def sanitise(html: str) -> str:
    """The HTML without anything that could run, fetch, submit or look like a part of the page."""
    import nh3

    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "svg", "math", "title", "textarea"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}, "img": {"referrerpolicy": "no-referrer"}},
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    if name in {"href", "src"} and value.lower().startswith("data:"):
        return value if tag == "img" and _PICTURE.match(value) else None
    return value


def _plain(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    chunks = ("".join(lines[start : start + _PLAIN_LINES]) for start in range(0, len(lines), _PLAIN_LINES))
    return [f"<pre>{escape(chunk)}</pre>" for chunk in chunks]


def _markdown(text: str, env: dict[str, Any]) -> tuple[list[str], list[int]]:
    """The blocks, and the line where each begins. ``env`` knows of references, and learns of new ones."""
    parser = _parser()
    blocks: list[str] = []
    starts: list[int] = []
    group: list[Any] = []
    for token in parser.parse(text, env):
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            blocks.append(parser.renderer.render(group, parser.options, env))
            starts.append(group[0].map[0])
            group = []
    return blocks, starts


def _references(files: Sequence[File]) -> dict[str, dict[str, Any]]:
    """What makes ``![title][inline_ref]`` show the file of that name."""
    from markdown_it.common.utils import normalizeReference

    return {normalizeReference(file.inline_ref): {"href": file.url, "title": ""} for file in files if file.inline_ref}


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    return parser


def _image(self: Any, tokens: Sequence[Any], index: int, options: Any, env: Mapping[str, Any]) -> str:
    """An image; or a player, where the reference is to an audio or a video."""
    source = str(tokens[index].attrs.get("src", ""))
    kind = env["types"].get(source, "").partition("/")[0]
    if kind in {"audio", "video"}:
        return f'<{kind} controls src="{escape(source)}"></{kind}>'
    rendered: str = self.image(tokens, index, options, env)
    return rendered
