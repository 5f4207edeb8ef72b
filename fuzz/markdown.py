"""What the playground makes of Markdown: `Renderer`.

Property: nothing raises; what comes out has no tag, attribute or address beside those that are allowed, and is the same
when it is cleaned once more; a text that grows ends up as one that came at once.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from poe_asgi.playground._markdown import Renderer, sanitise
from poe_asgi.protocol import File

from ._support import in_time, pieces_of_text, split, text

ALLOWED = {
    *("href", "title", "rel", "target", "controls", "src", "class", "open", "alt", "start", "align", "referrerpolicy"),
}
FILES = [
    File(url="https://e.com/a.png", name="a", content_type="image/png", inline_ref="r"),
    File(url="https://e.com/a.mp3\"'>", name="a", content_type="audio/mpeg", inline_ref="s\ud800"),
    File(url="javascript:alert(1)", name="a", content_type="video/x", inline_ref="t"),
]
SEEDS = [
    b'\0# Title\n\ntext **b** _i_ `c` [l](https://e.com "t") ![i][r] ![s][s] ![t][t]\n\n> q\n> > q\n\n1. a\n   - b\n',
    b"\1| a | b |\n|:-|-:|\n| 1 | ~~2~~ |\n\n```python\nx = 1\n```\n\n<details open><summary>s</summary>x</details>",
    b"\2<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)' style=x id=y>z</a>",
    b"\3<svg><style><!--</style><img src=x onerror=alert(1)>--></svg><math><mi><noscript><p title='</noscript>'>",
    b"\4[x](javascript:alert(1)) ![x](data:text/html;base64,AAAA) ![x](data:image/png;base64,AAAA) <https://e.com>",
    b"\5&#99999999; &amp; &colon; &#0; [a]: <b> 'c\n[a]",
    b"\6" + b"> " * 100 + b"x",
    b"\7" + b"[" * 200 + b"]" * 200,
    b"\0" + b"*_" * 200,
    b"\0" + b"`" * 199 + b" " + b"`" * 98,
    b"\0<!--" * 40 + b"<![CDATA[ <?x",
    b"\x08plain\n<text>\r\n\x00\xff",
]


# As browsers read an address: they skip some characters, and a scheme begins with a letter.
UNSEEN = re.compile(r"^[\x00-\x20]+|[\t\n\r]+")
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


class _Looks(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []  # attributes are in no order

    def handle_data(self, data: str) -> None:
        if data.strip():  # HTML drops the first line break of a `pre`
            self.seen.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, sorted(attrs, key=str)))
        assert tag not in {
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "svg",
            "math",
            "base",
            "link",
        }
        for name, value in attrs:
            assert name in ALLOWED, name
            if name in {"href", "src"}:
                address = UNSEEN.sub("", value or "").lower()
                scheme = SCHEME.match(address)
                assert scheme is None or scheme[1] in {"http", "https", "mailto", "data"}, address
                assert not address.startswith("data:") or (tag == "img" and address.startswith("data:image/"))


def check(data: bytes) -> None:
    choice, rest = split(data)
    said = text(rest)
    kind = "text/plain" if choice & 8 else "text/markdown"
    with in_time():
        blocks = Renderer().blocks(said, content_type=kind, files=FILES)
        whole = "".join(blocks)
        looks = _Looks()
        looks.feed(whole)
        looks.close()
        again = _Looks()
        again.feed("".join(map(sanitise, blocks)))
        again.close()
        assert again.seen == looks.seen
        if len(said) < 60:
            growing, so_far, shown = Renderer(), "", blocks
            for piece in pieces_of_text(said, choice):
                so_far += piece
                shown = growing.blocks(so_far, content_type=kind, files=FILES)
            assert shown == blocks
