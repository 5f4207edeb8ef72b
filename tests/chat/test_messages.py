"""Messages as they are sent to the OpenAI-compatible API."""

from __future__ import annotations

import copy
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from poe_asgi import ConfigurationError, File, Message, assistant, system, user
from poe_asgi.chat._content import inline_file
from poe_asgi.chat._messages import Messages, wire_messages
from poe_asgi.client import MAX_FILE_BYTES, Connection
from poe_asgi.errors import ExpiredUrlError, FileTooLargeError, UnsafeUrlError
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import Attachment, ToolCall, ToolResult, ToolRound, insert_attachments
from tests.client.support import Answers

pytestmark = pytest.mark.asyncio

PNG = b"\x89PNG\r\n\x1a\nrest"
PDF = b"%PDF-1.7 rest"
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgpyZXN0"}}
ON_POE = "https://pfst.cf2.poecdn.net/base/application/a"

IMAGE_FILE = File(url="https://x.example/a.png", name="a.png", content_type="image/png")
PDF_FILE = File(url=ON_POE, name="a.pdf", content_type="application/pdf")

CALL = ToolCall(
    "get_weather", '{"city": "Oslo"}', id="c1", extra={"extra_content": {"google": {"thought_signature": "s"}}}
)
ROUND = ToolRound((CALL,), (CALL.answered("Rain"),))
ROUND_ON_THE_WIRE: list[dict[str, Any]] = [
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                "extra_content": {"google": {"thought_signature": "s"}},
            }
        ],
    },
    {"role": "tool", "name": "get_weather", "tool_call_id": "c1", "content": "Rain"},
]


async def wire(messages: Messages, app: Any = None) -> list[dict[str, Any]]:
    sent = await wire_messages(messages, Connection(own_transport=AsgiTransport(app or Answers())))
    json.dumps(sent)
    return sent


# ---- what messages are


async def test_a_text_is_one_message_of_the_user() -> None:
    assert await wire("Hi") == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("message", [user("Hi"), {"role": "user", "content": "Hi"}])
async def test_one_message_needs_no_list(message: Any) -> None:
    assert await wire(message) == [{"role": "user", "content": "Hi"}]


async def test_dictionaries_go_as_they_are_and_are_not_changed() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief.", "name": "me", "new": {"a": [1]}},
        {"role": "user", "content": [{"type": "new_kind", "x": 1}, {"type": "text", "text": "a"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "extra": 2}]},
        {"role": "assistant", "tool_calls": [{"id": "2"}]},
        {"role": "tool", "tool_call_id": "1", "content": "x"},
    ]
    before = copy.deepcopy(messages)
    assert await wire(messages) == messages == before


@pytest.mark.parametrize("role", ["bot", "agent", "assistant"])
async def test_the_answering_side_is_the_assistant(role: str) -> None:
    message = {"role": role, "content": ["x"]}
    assert await wire([message]) == [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]
    assert message == {"role": role, "content": ["x"]}
    assert await wire([Message(role, "x")]) == [{"role": "assistant", "content": "x"}]


async def test_messages_keep_their_parameters_and_metadata_to_themselves() -> None:
    message = user("Hi").replace(parameters={"a": 1}, metadata="secret", message_id="m-1")
    assert await wire((system("Be brief."), message, assistant("Hello"))) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
    ]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([], "There are no messages"),
        (None, "not NoneType"),
        (b"Hi", "not bytes"),
        (ROUND, "not ToolRound"),
        ([user("a"), "Hi"], r"messages\[1\] is no message but a value of type str: write user\("),
        ([IMAGE_FILE], r"messages\[0\] is no message but a value of type File"),
        ([user("a"), user("b"), {"content": "x"}], r"messages\[2\] has no role: give it one of system, "),
        ([{"role": "usr", "content": "x"}], r"messages\[0\] has the role 'usr'.*Did you mean 'user'\?"),
        ([Message("tol", "x")], r"messages\[0\] has the role 'tol'.*Did you mean 'tool'\?"),
        ([{"role": "user"}], r"messages\[0\] has no content"),
        ([{"role": "assistant", "text": "x"}], r"messages\[0\] has no content"),
        ([{"role": "user", "content": None, "tool_calls": [1]}], r"messages\[0\] has no content"),
        ([{"role": "user", "content": 3}], r"messages\[0\]\.content is a str or a list of parts, not int"),
        ([{"role": "user", "content": PNG}], r"messages\[0\]\.content is .* not bytes; a file stands in such a list"),
        ([{"role": "user", "content": {"type": "text"}}], r"messages\[0\]\.content is .* not dict"),
        ([{"role": "user", "content": ["a", 3]}], r"messages\[0\]\.content\[1\] is a part: .* not int"),
        ([{"role": "user", "content": [{"text": "a"}]}], r"messages\[0\]\.content\[0\] has no type"),
        ([{"role": "user", "content": [b"what?"]}], r"content\[0\]: .* write await inline_file\(data, name="),
    ],
)
async def test_what_is_no_message_is_refused_with_its_place_and_the_fix(messages: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        await wire(messages)


async def test_nothing_is_read_before_all_messages_are_known_to_be_sound(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no role"):
        await wire([{"role": "user", "content": [tmp_path / "not there"]}, {"content": "x"}])


# ---- files


async def test_a_list_of_content_takes_files_in_every_form(tmp_path: Path) -> None:
    picture, report = tmp_path / "a.png", tmp_path / "b.csv"
    picture.write_bytes(PNG)
    report.write_bytes(b"a,b")
    parts = [{"type": "text", "text": "own"}, "Compare.", IMAGE_FILE, picture, report, PNG, bytearray(PDF)]
    [message] = await wire([{"role": "user", "content": parts, "name": "me"}])
    assert message == {
        "role": "user",
        "name": "me",
        "content": [
            {"type": "text", "text": "own"},
            {"type": "text", "text": "Compare."},
            {"type": "image_url", "image_url": {"url": IMAGE_FILE.url}},
            PNG_PART,
            {"type": "file", "file": {"filename": "b.csv", "file_data": "data:text/csv;base64,YSxi"}},
            PNG_PART,
            {
                "type": "file",
                "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjcgcmVzdA=="},
            },
        ],
    }
    assert parts[2] is IMAGE_FILE


async def test_attachments_become_parts_and_each_file_is_fetched_once() -> None:
    app = Answers((200, {}, [PDF]))
    file = {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjcgcmVzdA=="},
    }
    assert await wire(
        [
            user("Read.", PDF_FILE, IMAGE_FILE),
            user("", PDF_FILE),
            {"role": "user", "content": [PDF_FILE]},
            user("What is this?", await inline_file(PNG)),
        ],
        app,
    ) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Read."},
                file,
                {"type": "image_url", "image_url": {"url": IMAGE_FILE.url}},
            ],
        },
        {"role": "user", "content": [file]},
        {"role": "user", "content": [file]},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PNG_PART]},
    ]
    assert len(app.requests) == 1


async def test_an_attachment_that_has_expired_is_an_error_of_its_own() -> None:
    with pytest.raises(ExpiredUrlError):
        await wire([user("Read.", PDF_FILE)], Answers((403, {}, [b""])))


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png"])
@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:/etc/passwd", "/etc/passwd", "ftp://x.example/a", ""])
async def test_a_url_that_is_not_of_the_web_is_neither_read_nor_sent(url: str, content_type: str) -> None:
    app = Answers((200, {}, [b"secret"]))
    hostile = File(url=url, name="a", content_type=content_type)
    for message in (user("x", hostile), {"role": "user", "content": [hostile]}):
        with pytest.raises(UnsafeUrlError):
            await wire([message], app)
    assert app.requests == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a", "http://localhost/", "http://[::1]/", "http://169.254.169.254/latest/meta-data"]
)
async def test_a_url_into_a_private_network_is_not_read(url: str) -> None:
    app = Answers((200, {}, [b"secret"]))
    with pytest.raises(UnsafeUrlError):
        await wire([user("x", File(url=url, name="a", content_type="text/plain"))], app)
    assert app.requests == []


async def test_a_path_is_a_file_even_if_it_looks_like_a_url(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await wire([{"role": "user", "content": [tmp_path / "missing.png"]}])


# ---- tools


async def test_a_round_of_tools_goes_as_calls_and_results_with_all_members() -> None:
    assert await wire([user("Weather?"), ROUND]) == [{"role": "user", "content": "Weather?"}, *ROUND_ON_THE_WIRE]


async def test_the_messages_of_a_round_are_the_same_as_the_round() -> None:
    assert await wire([user("Weather?"), *ROUND.messages()]) == await wire([user("Weather?"), ROUND])


async def test_each_result_is_a_message_of_its_own() -> None:
    second = ToolCall("other", id="c2")
    both = ToolRound((CALL, second), (CALL.answered("Rain"), second.answered("x")))
    sent = await wire([user("?"), *both.messages()])
    assert [each.get("tool_call_id") for each in sent] == [None, None, "c1", "c2"]
    assert [call["id"] for call in sent[1]["tool_calls"]] == ["c1", "c2"]


async def test_unknown_members_of_results_survive() -> None:
    calls, _ = ROUND.messages()
    result = {"role": "other", "tool_call_id": "c1", "content": "x", "extra": {"a": 1}}
    assert (await wire([calls, Message("tool", json.dumps([result]))]))[1] == {**result, "role": "tool"}


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[" * 100_000,
        "{}",
        "[]",
        "[1]",
        '[{"id": "c1"}]',
        '[{"id": "c1", "function": {"name": "f"}}]',
        '[{"function": {"name": "f", "arguments": "{}"}}]',
        '[{"id": "c1", "function": {"name": "f", "arguments": "{}"}}, {"id": "c2"}]',
    ],
)
async def test_calls_that_cannot_be_read_go_as_text_of_the_assistant(content: str) -> None:
    message = Message("bot", content, message_type="function_call")
    assert await wire([message]) == [{"role": "assistant", "content": content}]


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "{}",
        "[]",
        '[{"tool_call_id": "c1"}]',
        '[{"content": "x"}]',
        '[{"tool_call_id": "unknown", "content": "x"}]',
        '[{"tool_call_id": ["c1"], "content": "x"}]',
        '[{"tool_call_id": "c1", "content": "x"}, 2]',
    ],
)
async def test_results_that_fit_no_call_go_as_text_of_the_user(content: str) -> None:
    calls, _ = ROUND.messages()
    assert await wire([calls, Message("tool", content)]) == [
        ROUND_ON_THE_WIRE[0],
        {"role": "user", "content": content},
    ]


async def test_results_may_answer_the_calls_of_a_dictionary() -> None:
    result = Message("tool", json.dumps([ToolResult("Rain", name="get_weather", call_id="c1").to_wire()]))
    assert await wire([ROUND_ON_THE_WIRE[0], result]) == ROUND_ON_THE_WIRE


# ---- files that carry their content


def content_of(file: File) -> bytes:
    return b64decode(file.url.partition(",")[2])


async def some_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("data", "content_type", "name"),
    [
        (PNG, "image/png", "file.png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "file.jpg"),
        (b"GIF89a", "image/gif", "file.gif"),
        (b"RIFF\n123WEBPVP8 ", "image/webp", "file.webp"),
        (PDF, "application/pdf", "file.pdf"),
        (b"ID3\x04", "audio/mpeg", "file.mp3"),
        (b"\xff\xfb\x90", "audio/mpeg", "file.mp3"),
        (b"RIFF1234WAVEfmt ", "audio/wav", "file.wav"),
        (b"\0\0\0 ftypisom", "video/mp4", "file.mp4"),
        (b"\0\0\0\nftypmp42", "video/mp4", "file.mp4"),
    ],
)
async def test_bytes_tell_what_they_are(data: bytes, content_type: str, name: str) -> None:
    file = await inline_file(data)
    assert (file.content_type, file.name, content_of(file)) == (content_type, name, data)
    assert file.url.startswith(f"data:{content_type};base64,")


@pytest.mark.parametrize("data", [b"", b"hello", b"RIFF1234AVI LIST", b"\0\0\0 ftypcrx ", "cat.png"])
async def test_data_of_which_nothing_is_known_needs_a_name_or_a_type(data: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"a name= or a content_type=.*Path"):
        await inline_file(data)
    named = await inline_file(data, name="a.md")
    assert (named.name, named.content_type) == ("a.md", "text/markdown")
    typed = await inline_file(data, content_type="text/plain; charset=utf-8")
    assert (typed.name, typed.content_type) == ("file.txt", "text/plain; charset=utf-8")
    assert typed.url.startswith("data:text/plain;charset=utf-8;base64,")


async def test_a_file_on_disk_has_a_name_of_its_own_and_its_type_comes_from_that(tmp_path: Path) -> None:
    for name, content_type in (("a.jpg", "image/jpeg"), ("a", "image/png"), ("a.xyzzy", "image/png")):
        path = tmp_path / name
        path.write_bytes(PNG)
        file = await inline_file(path)
        assert (file.name, file.content_type, content_of(file)) == (name, content_type, PNG)
    with (tmp_path / "a").open("rb") as opened:
        file = await inline_file(opened, name="b.png")
    assert (file.name, content_of(file)) == ("b.png", PNG)


async def test_a_named_file_of_no_known_type_is_bytes(tmp_path: Path) -> None:
    assert (await inline_file(b"x", name="a.xyzzy")).content_type == "application/octet-stream"
    assert (await inline_file(b"x", name="a.tar.gz")).content_type == "application/octet-stream"


async def test_bytes_may_be_made_while_they_are_read() -> None:
    assert content_of(await inline_file(some_chunks(b"%PDF", b"-1"))) == b"%PDF-1"


async def test_a_file_that_is_too_large_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as opened:
        opened.truncate(MAX_FILE_BYTES + 1)
    for source in (path, some_chunks(*[b"x" * 2**20] * 51)):
        with pytest.raises(FileTooLargeError, match="52,428,800"):
            await inline_file(source, name="large.png")
    with pytest.raises(FileTooLargeError, match=r"large\.png"):
        await wire([{"role": "user", "content": [path]}])


@pytest.mark.parametrize("wrong", [{"name": "a\nb"}, {"name": ""}, {"name": "a", "content_type": "png,x"}])
async def test_a_name_or_type_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        await inline_file(PNG, **wrong)


async def test_the_result_of_a_call_is_a_message() -> None:
    call = ToolCall("look_up", "{}", id="call_1")
    sent = await wire_messages([user("Look it up."), call.answered("42")], Connection())
    assert sent[1] == {"role": "tool", "name": "look_up", "tool_call_id": "call_1", "content": "42"}


async def test_a_file_whose_text_the_prompt_tells_is_not_sent_once_more() -> None:
    told = Attachment(
        url="https://x.test/a.pdf", name="a.pdf", content_type="application/pdf", parsed_content="A tale."
    )
    image = Attachment(url="https://x.test/a.png", name="a.png", content_type="image/png", parsed_content="A cat.")
    sent = await wire_messages(insert_attachments([user("What is this?", told, image)]), Connection())
    assert [part["type"] for part in sent[-1]["content"]] == ["text", "image_url"]
    assert "A tale." in sent[0]["content"]
