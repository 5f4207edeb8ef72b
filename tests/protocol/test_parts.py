"""Messages as content parts, and back."""

from __future__ import annotations

from typing import Any

import pytest

from poe_asgi import ConfigurationError, File, assistant, user
from poe_asgi.protocol import Attachment, Message, message_from_parts, parts_of

IMAGE = File(url="https://x.example/a.png", name="a.png", content_type="image/png")
PDF = File(url="https://x.example/a.pdf", name="a.pdf", content_type="application/pdf")
DATA = File(url="data:text/plain;base64,aGk=", name="a.txt", content_type="text/plain")


def test_text_is_a_part_and_an_image_goes_by_its_url() -> None:
    assert parts_of(user("Look.", IMAGE)) == [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": IMAGE.url}},
    ]


def test_a_file_goes_by_its_content() -> None:
    assert parts_of(user("Read.", PDF, DATA), {PDF.url: b"%PDF"})[1:] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": DATA.url}},
    ]


def test_an_image_can_go_by_its_content_too() -> None:
    assert parts_of(user("", IMAGE), {IMAGE.url: b"x"}) == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
    ]


def test_a_message_is_never_without_parts() -> None:
    assert parts_of(user("")) == [{"type": "text", "text": ""}]


def test_a_file_whose_content_is_missing_is_not_left_out_in_silence() -> None:
    with pytest.raises(ConfigurationError, match=r"'a\.pdf' goes by its content"):
        parts_of(user("Read.", PDF))


def test_a_message_comes_back_from_its_parts() -> None:
    message = user("Look.", IMAGE, DATA)
    back = message_from_parts("user", parts_of(message))
    assert back == message.replace(
        attachments=[Attachment(url=IMAGE.url, name="image", content_type="image/png"), *message.attachments[1:]]
    )


@pytest.mark.parametrize(
    ("role", "own"),
    [("user", "user"), ("assistant", "bot"), ("developer", "system"), ("system", "system"), ("tool", "tool")],
)
def test_roles_are_those_of_the_bot_protocol(role: str, own: str) -> None:
    assert message_from_parts(role, "x") == Message(own, "x")


def test_content_may_be_a_text_or_nothing() -> None:
    assert message_from_parts("assistant", "x") == assistant("x")
    assert message_from_parts("assistant", None) == assistant("")
    assert message_from_parts("assistant", []) == assistant("")


def test_texts_are_joined_with_a_blank_line() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": "https://x/i"},
        {"type": "text", "text": "b"},
    ]
    message = message_from_parts("user", parts)
    assert (message.content, [each.url for each in message.attachments]) == ("a\n\nb", ["https://x/i"])


@pytest.mark.parametrize(
    ("url", "content_type"),
    [
        ("https://x.example/a.JPG?b=c.png", "image/jpeg"),
        ("https://x.example/a", "image/*"),
        ("https://[bad", "image/*"),
        ("data:image/webp;base64,AAAA", "image/webp"),
        ("data:,x", "image/*"),
    ],
)
def test_an_image_has_the_type_that_its_url_tells(url: str, content_type: str) -> None:
    [image] = message_from_parts(
        "user", [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    ).attachments
    assert (image.url, image.content_type, image.is_image) == (url, content_type, True)


@pytest.mark.parametrize(
    ("file", "name", "content_type"),
    [
        ({"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}, "a.pdf", "application/pdf"),
        ({"file_data": "data:audio/mp3,AA"}, "file", "audio/mp3"),
        ({"filename": None, "file_data": "AA=="}, "file", "application/octet-stream"),
    ],
)
def test_a_file_has_the_type_that_its_data_tell(file: dict[str, Any], name: str, content_type: str) -> None:
    [found] = message_from_parts("user", [{"type": "file", "file": file}]).attachments
    assert (found.url, found.name, found.content_type) == (file["file_data"], name, content_type)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "text"},
        {"type": "text", "text": 5},
        {"type": "image_url", "image_url": {"url": None}},
        {"type": "image_url"},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "file", "file": "x"},
        {"type": ["text"]},
        {},
        None,
        "x",
    ],
)
def test_parts_of_other_kinds_are_left_out(part: Any) -> None:
    assert message_from_parts("user", [part, {"type": "text", "text": "x"}]) == user("x")
