"""Markdown as HTML that may stand in the page: rendered by markdown-it, then cut down to harmless tags by nh3.

An answer is given as a list of blocks, one for each paragraph, list, table and so on. While it streams, only the last
blocks change, so the page replaces no more than these.
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

_PLAIN_LINES = 40  # of plain text in one block
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
    """Renders one growing text, and keeps what it has sanitised."""

    def __init__(self) -> None:
        self._sanitised: dict[str, str] = {}

    def blocks(self, text: str, *, content_type: str = "text/markdown", files: Sequence[File] = ()) -> list[str]:
        """The blocks of HTML of this text. ``files`` are those that it may show by their ``inline_ref``."""
        text = _LONE_SURROGATE.sub("\ufffd", text)  # which no encoding has
        raw = _markdown(text, files) if content_type == "text/markdown" else _plain(text)
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


def _markdown(text: str, files: Sequence[File]) -> list[str]:
    parser = _parser()
    env: dict[str, Any] = {"references": _references(files), "types": {file.url: file.content_type for file in files}}
    blocks: list[str] = []
    group: list[Any] = []
    for token in parser.parse(text, env):
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            blocks.append(parser.renderer.render(group, parser.options, env))
            group = []
    return blocks


def _references(files: Sequence[File]) -> dict[str, dict[str, str]]:
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
