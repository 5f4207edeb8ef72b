"""Files in the text of an answer, whole and as it comes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from poe_asgi import File
from poe_asgi.chat._media import HELD_CHARACTERS, FileLines, files_in

RECORDINGS = Path(__file__).parents[2] / "../shared/fixtures/poe-api-recordings"
HASH = "https://pfst.cf2.poecdn.net/base/image/e1c9?w=1024&h=768"
IMAGE = File(url=HASH, name="a cat.png", content_type="image/png")
CAT = f"![a cat.png]({HASH})"


def streamed(*pieces: str) -> list[str | File]:
    """What comes out, with neighbouring texts joined."""
    lines = FileLines()
    out: list[str | File] = []
    for item in [item for piece in pieces for item in lines.feed(piece)] + lines.end():
        if isinstance(item, str) and out and isinstance(out[-1], str):
            out[-1] += item
        else:
            out.append(item)
    return out


def urls(text: str) -> list[str]:
    return [file.url for file in files_in(text)]


# ---- what is a file


def test_an_image_and_its_bare_url_are_one_file_with_the_name_of_the_image() -> None:
    assert files_in(f"{CAT}\n\n{HASH}") == (IMAGE,)


def test_the_recorded_answer_of_an_image_bot_is_one_file() -> None:
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not here")
    [path] = RECORDINGS.glob("v1-chat-completions-GPT-Image-*.json")
    [choice] = json.loads(path.read_text())["response"]["body"]["choices"]
    [file] = files_in(choice["message"]["content"])
    assert (file.name, file.content_type) == ("Say hello in exactly 3 words.png", "image/png")
    assert file.url.startswith("https://pfst.cf2.poecdn.net/base/image/")


@pytest.mark.parametrize(
    ("line", "name", "content_type"),
    [
        ("https://pfst.cf2.poecdn.net/base/video/a1b2", "a1b2", "video/*"),
        ("https://pfst.cf2.poecdn.net/base/audio/a1b2.mp3?x=1", "a1b2.mp3", "audio/mpeg"),
        ("https://poecdn.net/other/a1b2", "a1b2", "application/octet-stream"),
        ("https://x.example/clip%20one.MP4", "clip one.MP4", "video/mp4"),
        ("<https://x.example/a.webp>", "a.webp", "image/webp"),
        ("HTTPS://x.example/a.gif", "a.gif", "image/gif"),
        ("   https://x.example/a.jpg \t\r", "a.jpg", "image/jpeg"),
        ("![](https://x.example/a)", "a", "image/*"),
        ("![](https://x.example)", "file", "image/*"),
        ("![main.py](https://pfst.cf2.poecdn.net/base/image/a)", "main.py", "image/*"),
        ("![song](https://pfst.cf2.poecdn.net/base/audio/a)", "song", "audio/*"),
        ("![v2.0](https://x.example/a.webm)", "v2.0", "video/webm"),
        (r"![a \[b\]](https://x.example/a_(1).png)", "a [b]", "image/png"),
        ("![(x) [y] ](<https://x.example/a.png>)", "(x) [y]", "image/png"),
        ('![a](https://x.example/a.png "A title")', "a", "image/png"),
    ],
)
def test_a_line_of_its_own_that_shows_a_file_is_one(line: str, name: str, content_type: str) -> None:
    [file] = files_in(f"Here:\n{line}\nDone.")
    assert (file.name, file.content_type) == (name, content_type)


@pytest.mark.parametrize(
    "line",
    [
        "See https://x.example/a.png",
        "https://x.example/a.png is yours",
        "https://x.example/a.png.",
        "https://x.example/page",
        "https://x.example/main.py",
        "https://pfst.cf2.poecdn.net.evil.example/base/image/a",
        "https://notpoecdn.net/base/image/a",
        "https://poecdn.net@evil.example/a.png",
        "<https://x.example/a.png",
        "[a.png](https://x.example/a.png)",
        "[a](https://pfst.cf2.poecdn.net/base/image/a)",
        f"Look: {CAT}",
        f"{CAT} is a cat",
        f"- {CAT}",
        f"> {CAT}",
        f"    {CAT}",
        f"\t{CAT}",
        "![a](file:///etc/passwd)",
        "![a](data:image/png;base64,AA==)",
        "![a](javascript:alert(1))",
        "![a](https://)",
        "![a](https://[::1/a.png)",
        "![a](https://u:p@x.example/a.png)",
        "![a](ref)",
        "![a][ref]",
        "https://",
        f"![{'a' * HELD_CHARACTERS}]({HASH})",
    ],
)
def test_any_other_line_is_text(line: str) -> None:
    text = f"Here:\n\n{line}\n\nDone."
    assert streamed(text) == [text]


@pytest.mark.parametrize(
    ("begin", "end"),
    [("```", "```"), ("~~~ md", "~~~~  "), ("````", "````"), ("  ```python", "   ```"), ("1. ```", "      ```")],
)
def test_nothing_in_a_code_fence_is_a_file_and_what_follows_can_be(begin: str, end: str) -> None:
    text = f"{begin}\n{CAT}\n\n{HASH}\n{end}\n"
    assert urls(text) == []
    assert urls(text + CAT) == [HASH]


@pytest.mark.parametrize("inside", ["~~~", "``", "``` x", "    ```"])
def test_a_fence_is_ended_by_its_like_alone(inside: str) -> None:
    assert urls(f"```\n{inside}\n{CAT}\n```\n") == []


def test_code_in_a_line_opens_no_fence() -> None:
    assert urls(f"```x``` is code\n{CAT}") == [HASH]


def test_several_images_in_one_line_are_files() -> None:
    text = f"{CAT} ![b](https://x.example/b.png)![c](https://x.example/c.png)"
    assert urls(text) == [HASH, "https://x.example/b.png", "https://x.example/c.png"]
    assert urls(text + " and more") == []
    assert urls(text + " ![d](https://)") == []


# ---- the text around


@pytest.mark.parametrize(
    ("text", "out"),
    [
        (CAT, [IMAGE]),
        (f"\n\n{CAT}\n\n{HASH}\n\n", [IMAGE]),
        (f"A\n\n{CAT}\n\nB", ["A", IMAGE, "\n\nB"]),
        (f"A\n{CAT}\nB", ["A", IMAGE, "\nB"]),
        (f"A\n{CAT}\n\nB", ["A", IMAGE, "\n\nB"]),
        (f"A\n\n{CAT}\nB", ["A", IMAGE, "\n\nB"]),
        (f"A\n\n\n{CAT}\n \n\n\nB\n", ["A", IMAGE, "\n\nB\n"]),
        (f"A\r\n\r\n{CAT}\r\n\r\nB", ["A\r", IMAGE, "\n\nB"]),
        (f"A\n\n{CAT}\n\n{HASH}\n\nB\n{HASH}\n  C", ["A", IMAGE, "\n\nB\n  C"]),
        (f"{CAT}\n\nB", [IMAGE, "B"]),
        ("\n \nA \n\n\n B\n\n", ["\n \nA \n\n\n B\n\n"]),
        ("", []),
    ],
)
def test_a_file_takes_the_blank_lines_around_it_along(text: str, out: list[str | File]) -> None:
    assert streamed(text) == out


def test_text_goes_through_at_once_and_only_what_may_be_a_file_waits() -> None:
    lines = FileLines()
    fed = ["Hel", "lo\n", "\n", "h", "i\n", "!", "[a](ht", "m", "\n![a](https://x.example/a.png", ")", " it\n", "   `"]
    assert [lines.feed(each) for each in fed] == [
        *(["Hel"], ["lo"], [], [], ["\n\nhi"], [], [], ["\n![a](htm"], [], [], ["\n![a](https://x.example/a.png) it"]),
        ["\n   `"],
    ]
    assert lines.end() == []


@pytest.mark.parametrize("line", [f"![{'a' * 9000}", f"https://{'a' * 9000}", " " * 9000])
def test_no_more_of_a_line_waits_than_allowed(line: str) -> None:
    lines = FileLines()
    held = [character for character in line if not lines.feed(character)]
    assert len(held) == HELD_CHARACTERS
    assert streamed(line) == [line]


def test_no_more_blank_lines_wait_than_allowed() -> None:
    lines = FileLines()
    assert sum(len(str(each)) for _ in range(9000) for each in lines.feed("\n")) >= 9000 - HELD_CHARACTERS - 1
    assert streamed("\n" * 9000, "x") == ["\n" * 9000 + "x"]


def test_text_can_go_on_after_an_end_and_a_file_is_still_shown_once() -> None:
    lines = FileLines()
    assert [*lines.feed(f"A\n\n{CAT}\n"), *lines.end()] == ["A", IMAGE]
    assert [*lines.feed(f"B\n{CAT}\n\nC\n"), *lines.end(), *lines.end()] == ["B\n\nC", "\n"]
    assert [*lines.feed("```\n"), *lines.end(), *lines.feed(f"{HASH}2\n```\n"), *lines.end()] == [
        *("```", "\n", f"{HASH}2\n```", "\n")
    ]


LINES = st.sampled_from(
    [
        *(CAT, HASH, f"  {CAT} ", f"{CAT}{CAT}", f"{CAT}!", f"<{HASH}>", f"<{HASH}", f"![x]({HASH} ", f"see {HASH}"),
        *('![x](https://x.example/(a).png "b c" )', "![x](https://x.example/(a", "![a]b](c", "![", "!", "h", "http:/x"),
        *("", " ", "\t", "\r", "     ", "text", "```", "~~~", "  ```", "``` `", "- ~~~", "    ```", " " * 5000),
        f"https://x.example/{'a' * 4080}.png",
    ]
)
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\n", "\r\n", ""])), max_size=8).map(
    lambda lines: "".join(line + end for line, end in lines)
)


@given(TEXTS | st.text('![]()<>ahtps:/.`~\n \t\r"-1', max_size=60), st.data())
def test_however_the_text_is_cut_the_same_comes_out(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)))
    pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
    assert streamed(*pieces) == streamed(text)
    if len(text) < 500:
        assert streamed(*text) == streamed(text)
    assert tuple(item for item in streamed(*pieces) if isinstance(item, File)) == files_in(text)


@given(st.text("ab`~\n \t\r-!", max_size=80))
@example("\n\n```\n\n```\n")
def test_text_without_files_comes_out_as_it_is(text: str) -> None:
    assert "".join(str(each) for each in streamed(text)) == text
