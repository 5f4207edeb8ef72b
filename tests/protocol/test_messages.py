"""Messages as bot authors build and change them, and as they are sent to other bots."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from poe_asgi.errors import ConfigurationError
from poe_asgi.protocol._events import File
from poe_asgi.protocol._messages import (
    Attachment,
    Attachments,
    Feedback,
    Message,
    Reaction,
    Sender,
    User,
    assistant,
    system,
    user,
)

PLOT = File(url="https://f.test/plot", name="plot.png", content_type="image/png", inline_ref="ref1")
FULL = Message(
    "bot",
    "hi",
    content_type="text/plain",
    timestamp=1_700_000_000_000_000,
    message_id="m-1",
    feedback=(Feedback(type="like", reason="nice"), Feedback(type="meh")),
    attachments=Attachments.of([PLOT]),
    metadata="{}",
    parameters={"size": None, "n": [1]},
    message_type="function_call",
    sender=Sender(id="u-1", name="Ann"),
    sender_id="u-1",
    referenced_message=Message("user", "before"),
    reactions=(Reaction(user_id="u-2", reaction="heart"),),
)


def file(content_type: str) -> Attachment:
    return Attachment(url=content_type, name="n", content_type=content_type)


def test_the_constructors_set_the_roles_of_the_wire() -> None:
    assert [(m.role, m.content) for m in (system("a"), user("b"), assistant("c"))] == [
        ("system", "a"),
        ("user", "b"),
        ("bot", "c"),
    ]


def test_a_message_needs_only_role_and_content() -> None:
    message = Message("user", "hi")
    assert message == Message(role="user", content="hi")
    assert message.to_wire() == {"role": "user", "content": "hi"}
    assert message.content_type == "text/markdown"
    assert (message.feedback, message.attachments, message.reactions, message.parameters) == ((), (), (), {})


def test_user_makes_attachments_of_plain_files_and_keeps_the_received_ones() -> None:
    received = Attachment(url="u", name="n", content_type="text/plain", parsed_content="text")
    attachments = user("look", PLOT, received).attachments
    assert list(attachments) == [
        Attachment(url=PLOT.url, name=PLOT.name, content_type=PLOT.content_type, inline_ref="ref1"),
        received,
    ]
    assert attachments.images == attachments[:1]


def test_a_received_attachment_is_a_file_that_can_be_yielded() -> None:
    attachment = Attachment(url="u", name="n", content_type="image/png", parsed_content="a cat")
    assert isinstance(attachment, File)
    assert attachment.kind == File.kind


def test_any_iterable_of_files_will_do_for_the_attachments_of_a_message() -> None:
    files: Any = [PLOT]
    assert Message("user", "hi", attachments=files).attachments == user("", PLOT).attachments
    assert isinstance(Message("user", "hi", attachments=files).attachments, Attachments)
    assert isinstance(user("").replace(attachments=iter(files)).attachments, Attachments)


@pytest.mark.parametrize("wrong", [PLOT.url, {"url": "u"}, None])
def test_what_is_no_file_is_no_attachment(wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a File"):
        user("hi", wrong)


def test_the_kinds_of_attachments_are_told_by_their_media_types() -> None:
    types = [
        "image/png",
        "IMAGE/JPEG",
        "text/plain; charset=utf-8",
        "text/html",
        "application/pdf",
        "Application/PDF ; x=1",
        "audio/mpeg",
        "video/mp4",
        "application/zip",
        "application/vnd.text/plain",
        "",
    ]
    attachments = Attachments(file(each) for each in types)
    assert [each.url for each in attachments.images] == types[:2]
    assert [each.url for each in attachments.texts] == types[2:6]
    assert [each.url for each in attachments.audio] == ["audio/mpeg"]
    assert [each.url for each in attachments.video] == ["video/mp4"]
    assert isinstance(attachments.images.texts, Attachments)
    assert [each.is_image for each in attachments] == [True] * 2 + [False] * 9


def test_replace_changes_the_fields_named_and_nothing_else() -> None:
    changed = FULL.replace(content="bye", attachments=[])
    assert changed == dataclasses.replace(FULL, content="bye", attachments=Attachments())
    assert (FULL.content, len(FULL.attachments)) == ("hi", 1)


def test_an_unknown_field_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigurationError, match=r"'contnt'.* Did you mean 'content'"):
        user("hi").replace(contnt="x")
    wrong: Any = {"rol": "user"}
    with pytest.raises(ConfigurationError, match="Did you mean 'role'"):
        Message(content="x", **wrong)


@pytest.mark.parametrize("wrong", [None, 5, b"bytes"])
def test_role_and_content_must_be_strings(wrong: Any) -> None:
    with pytest.raises(TypeError, match="content must be a str"):
        user(wrong)
    with pytest.raises(TypeError, match="role must be a str"):
        Message(wrong, "hi")
    with pytest.raises(TypeError, match="content must be a str"):
        user("hi").replace(content=wrong)


def test_the_fields_of_an_attachment_must_be_strings() -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="parsed_content must be a str"):
        Attachment(url="u", name="n", content_type="t", parsed_content=wrong)
    with pytest.raises(TypeError, match="url must be a str"):
        Attachment(url=wrong, name="n", content_type="t")


@pytest.mark.parametrize(
    "value", [FULL, PLOT, file("a/b"), Sender(), User(), Feedback(type="t"), Reaction(reaction="r")]
)
def test_values_are_frozen_and_slotted(value: Any) -> None:
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, "x")
    assert not hasattr(value, "__dict__")


def test_messages_can_be_put_into_sets() -> None:
    assert {user("a"), user("a"), FULL, FULL.replace()} == {user("a"), FULL}


def test_a_full_message_goes_out_under_the_names_of_the_wire() -> None:
    wire = FULL.to_wire()
    assert wire == {
        "role": "bot",
        "content": "hi",
        "content_type": "text/plain",
        "timestamp": 1_700_000_000_000_000,
        "message_id": "m-1",
        "feedback": [{"type": "like", "reason": "nice"}, {"type": "meh"}],
        "attachments": [
            {"url": "https://f.test/plot", "name": "plot.png", "content_type": "image/png", "inline_ref": "ref1"}
        ],
        "metadata": "{}",
        "parameters": {"size": None, "n": [1]},
        "message_type": "function_call",
        "sender": {"id": "u-1", "name": "Ann"},
        "sender_id": "u-1",
        "referenced_message": {"role": "user", "content": "before"},
        "reactions": [{"user_id": "u-2", "reaction": "heart"}],
    }
    assert json.loads(json.dumps(wire)) == wire


def test_an_empty_content_goes_out_because_it_is_required() -> None:
    assert assistant("").to_wire() == {"role": "bot", "content": ""}
