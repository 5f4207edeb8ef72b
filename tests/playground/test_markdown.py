"""Markdown becomes HTML that can do no harm, in blocks."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest

from poe_asgi import File
from poe_asgi.playground import _markdown
from poe_asgi.playground._markdown import Renderer


def html(text: str, *files: File, content_type: str = "text/markdown") -> str:
    return "".join(Renderer().blocks(text, content_type=content_type, files=files))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold** _it_ ~~no~~ `code`", "<p><strong>bold</strong> <em>it</em> <s>no</s> <code>code</code></p>\n"),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("```python\nx < 1\n```", '<pre><code class="language-python">x &lt; 1\n</code></pre>\n'),
        ("3. three", '<ol start="3">\n<li>three</li>\n</ol>\n'),
        ("H<sub>2</sub>O", "<p>H<sub>2</sub>O</p>\n"),
        ("2 < 3 & 4", "<p>2 &lt; 3 &amp; 4</p>\n"),
    ],
)
def test_it_is_rendered(text: str, expected: str) -> None:
    assert html(text) == expected


def test_tables_links_and_images_are_rendered() -> None:
    assert "<td>1</td>" in html("| a |\n| --- |\n| 1 |")
    link = html("[site](https://example.com)")
    assert 'href="https://example.com"' in link
    assert 'target="_blank"' in link
    assert 'rel="noopener noreferrer nofollow"' in link
    assert 'src="https://example.com/1.png"' in html("![one](https://example.com/1.png)")
    assert 'src="data:image/png;base64,AAAA"' in html("![one](data:image/png;base64,AAAA)")


def test_a_file_is_shown_by_its_reference() -> None:
    picture = File(url="https://example.com/1.png", name="1.png", content_type="image/png", inline_ref="Plot 1")
    sound = File(url="https://example.com/1.wav", name="1.wav", content_type="audio/wav", inline_ref="s")
    assert 'src="https://example.com/1.png"' in html("![a plot][plot 1]", picture)
    assert '<audio controls="" src="https://example.com/1.wav"></audio>' in html("![a sound][s]", sound)
    assert html("![a plot][plot 1]") == "<p>![a plot][plot 1]</p>\n"


def test_only_the_blocks_at_the_end_change_while_text_comes() -> None:
    renderer = Renderer()
    before = renderer.blocks("# One\n\ntwo\n\n- thr")
    after = renderer.blocks("# One\n\ntwo\n\n- three\n- four")
    assert len(before) == len(after) == 3
    assert before[:2] == after[:2]
    assert before[2] != after[2]


PIECES = (
    "# Title\n\n", "one line\r\n", "\r", "\n\n", "- item\n", "  more\n\n", "1. first\n\n   still\n", "```py\ncode\n\n", "```\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n", "> quote\nlazy\n", "---\n", "<div>\n\n", "    indented\n", "[x]: https://example.com\n\n", "[x]\n",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_of_a_long_text_only_the_end_is_parsed_again_and_it_reads_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    parse = _markdown._markdown

    def counting(text: str, env: dict[str, Any]) -> tuple[list[str], list[int]]:
        parsed.append(len(text))
        return parse(text, env)

    monkeypatch.setattr(_markdown, "_markdown", counting)
    monkeypatch.setattr(_markdown, "_LONG", 50)
    dice = Random(seed)
    growing, text = Renderer(), "[x]: https://example.com\n\n"
    for _ in range(90):
        text += dice.choice(PIECES)
        assert growing.blocks(text) == Renderer().blocks(text)
    assert sum(parsed[::2]) < 0.7 * sum(parsed[1::2])
    assert growing.blocks("new") == ["<p>new</p>\n"]


def test_a_definition_that_is_still_growing_is_read_to_its_end() -> None:
    growing = Renderer()
    for end in range(30, 41):
        growing.blocks("[x]\n\n[x]: https://example.com/a/b/c"[:end])
    assert 'href="https://example.com/a/b/c"' in growing.blocks("[x]\n\n[x]: https://example.com/a/b/c")[0]


def test_plain_text_is_shown_as_it_is() -> None:
    assert html("**no** <b>", content_type="text/plain") == "<pre>**no** &lt;b&gt;</pre>"
    assert html("a\n" * 100, content_type="text/plain").count("<pre>") == 3


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "[x](vbscript:alert)",
        "<a href='data:text/html;base64,AAAA'>x</a>",
        "<img src='data:image/svg+xml;base64,AAAA'>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<iframe src='javascript:alert(1)'></iframe>",
        "<p style='position:fixed'>x</p>",
        "<div id=send class=dialog>x</div>",
        "<form action=/x><button>x</button></form>",
        "<object data=x></object><embed src=x>",
        "<base href=//evil><meta http-equiv=refresh content=0><link rel=stylesheet href=//evil>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        '```x" onmouseover="alert(1)\nx\n```',
        "<audio src=javascript:alert(1) autoplay onplay=alert(1)>",
    ],
)
def test_nothing_harmful_is_left(attack: str) -> None:
    seen = Seen()
    seen.feed(html(attack))
    assert seen.tags <= {"a", "audio", "code", "div", "img", "p", "pre"}
    assert seen.attributes <= {"alt", "href", "referrerpolicy", "rel", "src", "target", "title"}
    assert [url for url in seen.urls if not url.startswith(("https:", "http:", "/", "x"))] == []


class Seen(HTMLParser):
    """The tags, attributes and URLs of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.urls += [value or "" for name, value in attrs if name in {"href", "src"}]


@pytest.mark.parametrize("piece", ["[", "![", "*a_", "`", "> ", "<b>", "- ", "\\", "&", "](", "|-", "~~", "<!--"])
def test_text_that_is_made_to_be_slow_is_not(piece: str) -> None:
    started = time.process_time()
    html(piece * 5_000)
    assert time.process_time() - started < 5  # of the processor, far above what it takes; what is quadratic takes more
