"""Files in the text of an answer, and thoughts beside it: `FileLines`, `files_in`, `Thoughts`.

Property: nothing raises; however the text is cut, what comes out is the same; no text is lost but that of lines of
files; every file has a URL of HTTP, a name and a type; the time grows with the length.
"""

from __future__ import annotations

from poe_asgi.chat._media import FileLines, files_in
from poe_asgi.chat._thoughts import Presentation, Thoughts
from poe_asgi.protocol import File

from ._support import in_time, pieces_of_text, split, text

SEEDS = [
    b"\0A picture:\n\n![a cat](https://pfst.cf2.poecdn.net/base/image/abc?w=1&h=2)\n\nthat is it",
    b"\1https://example.com/a.mp3\nhttps://example.com/page\n<https://example.com/a.png>\n",
    b"\2```\n![x](https://example.com/a.png)\n```\n- ~~~x\n  ~~~\n",
    b'\3![a](https://e.com/a_(1).png "title") ![b](<https://e.com/b.webp>)\r\n![a](https://e.com/a_(1).png)\n\n\n\nend',
    b"\4![x](http://" + b"(" * 200,
    b"\5![x](http://a" + b" " * 200 + b")",
    b"\6http://[::1\nhttp://u@h/a.png\nhttps://\xff/a.png\n![](https://h/%zz.png)",
    b"\x0bfirst thought\n\nsecond\x00answer\n\x00\r\n\rmore\x00\n",
    b"\x13" + b"`" * 50 + b"\n" + b"~" * 50,
]


def _out(whole: str, choice: int, *, at_once: bool) -> list[str | File]:
    lines = FileLines()
    out: list[str | File] = []
    for piece in [whole] if at_once else pieces_of_text(whole, choice):
        for item in lines.feed(piece):
            _add(out, item)
    for item in lines.end():
        _add(out, item)
    return out


def _add(out: list[str | File], item: str | File) -> None:
    if isinstance(item, str) and out and isinstance(out[-1], str):
        out[-1] += item
    else:
        out.append(item)


def _presented(parts: list[str], choice: int, presentation: Presentation, *, at_once: bool) -> str:
    presented = Thoughts(presentation)
    out = ""
    for number, part in enumerate(parts):
        say = presented.text if number % 2 else presented.thought
        for piece in [part] if at_once else pieces_of_text(part, choice):
            out += say(piece)
    return out


def check(data: bytes) -> None:
    choice, rest = split(data)
    whole = text(rest)
    with in_time():
        out = _out(whole, choice, at_once=True)
        assert out == _out(whole, choice, at_once=False)
        files = [item for item in out if isinstance(item, File)]
        assert tuple(files) == files_in(whole)
        for file in files:
            assert file.url.lower().startswith(("http://", "https://"))
            assert file.name.isprintable()
            assert "/" in file.content_type
        if not files:
            assert "".join(item for item in out if isinstance(item, str)) == whole or "://" in whole
        presentation: Presentation = ("hide", "show", "quote")[choice // 8 % 3]
        parts = whole.split("\0")
        assert _presented(parts, choice, presentation, at_once=True) == _presented(
            parts, choice, presentation, at_once=False
        )
