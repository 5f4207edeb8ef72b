"""Attachments as text for a model, and roles that alternate: images told by name or not, and fences that hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from poe_asgi.protocol._messages import Attachment, Message, assistant, system, user
from poe_asgi.protocol._prompt import alternate_roles, insert_attachments


def attached(
    content_type: str, parsed: str | None = "PARSED", name: str = "the name", url: str = "https://f.test/1"
) -> Attachment:
    return Attachment(url=url, name=name, content_type=content_type, parsed_content=parsed)


def inserted(*attachments: Attachment) -> list[str]:
    question = user("what is it?", *attachments)
    *extra, last = insert_attachments([question])
    assert last is question
    assert all(each == user(each.content) for each in extra)  # a user's, with nothing else set
    return [each.content for each in extra]


def fenced(prompt: str) -> str:
    """What a reader of Markdown takes for the fenced part; nothing may follow it."""
    lines = prompt.split("\n")
    opening = next(i for i, line in enumerate(lines) if line.startswith("```"))
    fence = re.match("`+", lines[opening])
    assert fence is not None
    closing = next(i for i in range(opening + 1, len(lines)) if lines[i].lstrip().startswith(fence[0]))
    assert closing == len(lines) - 1
    return "\n".join(lines[opening + 1 : closing])


@pytest.mark.parametrize("content_type", ["text/plain", "text/x-python; charset=utf-8", "application/pdf"])
def test_a_text_is_named_and_quoted(content_type: str) -> None:
    [prompt] = inserted(attached(content_type))
    assert '"the name"' in prompt
    assert fenced(prompt) == "PARSED"


def test_a_link_is_quoted_as_a_page_the_model_opened() -> None:
    [prompt] = inserted(attached("text/html"))
    assert '"https://f.test/1"' in prompt
    assert "opened the page" in prompt
    assert fenced(prompt) == "PARSED"


@pytest.mark.parametrize(
    ("parsed", "name", "analysis"),
    [
        ("cat.png***A cat.", "cat.png", "A cat."),
        ("cat.png***A ***very*** big cat.", "cat.png", "A ***very*** big cat."),
        ("A cat.", "the name", "A cat."),
        ("***", "", ""),
    ],
)
def test_an_image_is_told_with_the_name_before_the_stars_or_its_own(parsed: str, name: str, analysis: str) -> None:
    [prompt] = inserted(attached("image/png", parsed))
    assert f'the image "{name}"' in prompt
    assert "image_analysis" in prompt
    assert "language of the user's next message" in prompt
    assert fenced(prompt) == analysis


def test_texts_come_before_images_each_in_their_order_and_other_kinds_not_at_all() -> None:
    prompts = inserted(
        attached("image/png", "i1"),
        attached("text/plain", "t1"),
        attached("audio/mpeg", "a1"),
        attached("application/pdf", "t2"),
        attached("image/gif", "i2"),
        attached("text/html", "t3"),
        attached("application/zip", "z"),
    )
    assert [fenced(prompt) for prompt in prompts] == ["t1", "t2", "t3", "i1", "i2"]


@pytest.mark.parametrize("parsed", [None, ""])
def test_attachments_without_parsed_content_insert_nothing(parsed: str | None) -> None:
    assert inserted(attached("text/plain", parsed), attached("image/png", parsed)) == []


def test_only_the_newest_message_of_a_user_is_looked_at() -> None:
    old, question = user("old", attached("text/plain", "old")), user("new", attached("text/plain", "new"))
    answer, call = assistant("ok"), Message("tool", "42")
    result = insert_attachments((system("s"), old, answer, question, call))
    assert (*result[:3], *result[4:]) == (system("s"), old, answer, question, call)
    assert fenced(result[3].content) == "new"


def test_messages_without_a_user_stay_as_they_are() -> None:
    assert insert_attachments([]) == ()
    assert insert_attachments([system("s"), assistant("a")]) == (system("s"), assistant("a"))


@given(st.text(alphabet="`~ \n\rab", max_size=40))
def test_no_content_closes_its_fence(content: str) -> None:
    for kind in ("text/plain", "text/html"):
        for prompt in inserted(attached(kind, content)):
            assert fenced(prompt) == content
    for prompt in inserted(attached("image/png", f"x***{content}")):
        assert fenced(prompt) == content


@given(st.text(alphabet='"`* \n\r\u2028\x85ab', max_size=40))
def test_no_name_leaves_its_line_or_its_quotation_marks(name: str) -> None:
    for kind in ("text/plain", "text/html", "image/png"):
        [prompt] = inserted(attached(kind, name=name, url=name))
        first, _, rest = prompt.partition("\n")
        assert first.count('"') == 2
        assert len(first.splitlines()) == 1
        assert rest.startswith("\n```")


def test_neighbours_of_one_role_are_joined_with_a_blank_line() -> None:
    messages = [system("a"), user("b"), user("c"), user("d"), assistant("e"), assistant("f"), user("g")]
    assert alternate_roles(messages) == (system("a"), user("b\n\nc\n\nd"), assistant("e\n\nf"), user("g"))


def test_a_joined_message_keeps_the_other_fields_of_the_first() -> None:
    first = user("a").replace(message_id="m-1", timestamp=1, parameters={"x": 1}, metadata="d")
    second = user("b").replace(message_id="m-2", timestamp=2, parameters={"y": 1})
    assert alternate_roles([first, second]) == (first.replace(content="a\n\nb"),)


def test_attachments_of_the_newer_message_come_first_and_each_url_once() -> None:
    def file(url: str, name: str) -> Attachment:
        return attached("text/plain", name=name, url=url)

    [joined] = alternate_roles(
        [
            user("a", file("1", "old"), file("2", "old")),
            user("b", file("3", "mid")),
            user("c", file("4", "new"), file("1", "new")),
        ]
    )
    assert [(each.url, each.name) for each in joined.attachments] == [
        ("4", "new"),
        ("1", "new"),
        ("3", "mid"),
        ("2", "old"),
    ]


def test_an_empty_message_adds_no_blank_line() -> None:
    assert alternate_roles([user(""), user("a"), user(""), user("b")]) == (user("a\n\nb"),)


def test_what_alternates_already_is_the_same_and_nothing_given_is_changed() -> None:
    messages = [user("a"), assistant("b"), user("c")]
    kept = list(messages)
    assert all(new is old for new, old in zip(alternate_roles(messages), kept, strict=True))
    assert messages == kept
    assert alternate_roles([]) == ()
    doubled = [user("a"), user("b")]
    alternate_roles(iter(doubled))
    insert_attachments(doubled)
    assert doubled == [user("a"), user("b")]
