from __future__ import annotations

import pytest

from poe_asgi.errors import SSEError
from poe_asgi.protocol import (
    RULES,
    SOURCES,
    STREAM_RULES,
    Data,
    Done,
    ErrorEvent,
    File,
    Json,
    Limits,
    Meta,
    ReplaceResponse,
    ResponseReader,
    SuggestedReply,
    Text,
    Unknown,
)

META = 'event: meta\ndata: {"content_type": "text/markdown"}\n\n'
TEXT = 'event: text\ndata: {"text": "hi"}\n\n'
DONE = "event: done\ndata: {}\n\n"
ERROR = 'event: error\ndata: {"text": "no"}\n\n'
REPLY = 'event: suggested_reply\ndata: {"text": "a"}\n\n'
FILE = 'event: file\ndata: {"url": "u", "name": "n", "content_type": "image/png", "inline_ref": "ref"}\n\n'
DATA = 'event: data\ndata: {"metadata": "x"}\n\n'
SHOWS = 'event: text\ndata: {"text": "see ![x][ref]"}\n\n'

SMALL = Limits(total_seconds=60, characters=10, events=8, files=1)


def read(stream: str | bytes, limits: Limits | None = None, first: float = 0.0, last: float = 0.0) -> ResponseReader:
    raw = stream.encode() if isinstance(stream, str) else stream
    reader = ResponseReader(limits)
    reader.feed(raw[:100], first)
    reader.feed(raw[100:], last)
    reader.end(last)
    return reader


def broken(reader: ResponseReader) -> set[str]:
    return {violation.rule.id for violation in reader.violations}


BREAKS: dict[str, ResponseReader] = {
    "meta-first": read(TEXT + DONE),
    "meta-once": read(META + META + TEXT + DONE),
    "error-ends": read(META + ERROR + TEXT + DONE),
    "done-last": read(META + TEXT + DONE + DONE),
    "done-missing": read(META + TEXT),
    "content-required": read(META + REPLY + DONE),
    "sse-framing": read(META + TEXT + DONE + "event: te"),
    "data-json": read(META + "event: text\ndata: [1]\n\n" + TEXT + DONE),
    "event-fields": read(META + 'event: text\ndata: {"text": 5}\n\n' + TEXT + DONE),
    "event-known": read(META + "event: dance\ndata: {}\n\n" + TEXT + DONE),
    "event-json": read(META + "event: json\ndata: {}\n\n" + TEXT + DONE),
    "meta-content-type": read('event: meta\ndata: {"content_type": "text/html"}\n\n' + TEXT + DONE),
    "time-to-first": read(META + TEXT + DONE, first=5.1, last=5.1),
    "time-limit": read(META + TEXT * 3 + DONE, SMALL, last=60.1),
    "text-limit": read(META + TEXT * 6 + DONE, Limits(characters=10)),
    "text-sum": read(
        META + TEXT * 5 + 'event: replace_response\ndata: {"text": "x"}\n\n' + DONE, Limits(characters=10)
    ),
    "event-limit": read(META + TEXT * 7 + DONE, Limits(events=8)),
    "file-limit": read(META + FILE * 2 + TEXT + DONE, Limits(files=1)),
    "inline-ref-order": read(META + SHOWS + FILE + DONE),
    "suggested-replies": read(META + TEXT + REPLY * 4 + DONE),
    "data-once": read(META + TEXT + DATA * 2 + DONE),
}


@pytest.mark.parametrize("rule", STREAM_RULES)
def test_every_rule_has_a_stream_that_breaks_it(rule: str) -> None:
    assert rule in broken(BREAKS[rule])
    others = broken(BREAKS[rule]) - {rule}
    assert others <= {"text-sum"}, "one fault, one rule; too much visible text is too much in sum as well"


def test_every_rule_is_in_the_one_list_with_all_it_needs() -> None:
    assert set(STREAM_RULES) < set(RULES)
    for rule in RULES.values():
        assert rule.source in SOURCES
        assert all(text and not text.endswith(" ") for text in (rule.sentence, rule.fix, rule.topic))
        assert rule.sentence.endswith(".")
        assert rule.fix.endswith(".")


@pytest.mark.parametrize("rule", STREAM_RULES)
def test_a_warning_leaves_an_answer_clean(rule: str) -> None:
    assert BREAKS[rule].clean == (RULES[rule].level == "warning")


@pytest.mark.parametrize(
    "stream",
    [
        META + TEXT + DONE,
        META + ERROR + DONE,
        META + FILE + SHOWS + REPLY * 3 + DATA + DONE,
        ": ping\n\n" + META + ": ping\n\nid: 5\nretry: 10\n" + TEXT + "event: ping\n\n" + DONE,
        "\ufeff" + META.replace("\n", "\r\n") + TEXT.replace("\n", "\r") + DONE,
    ],
)
def test_a_legal_stream_breaks_nothing(stream: str) -> None:
    reader = read(stream)
    assert reader.violations == []
    assert reader.clean


def test_nothing_at_all_is_a_missing_ending_and_a_missing_content() -> None:
    assert broken(read("", last=1.0)) == {"done-missing", "content-required"}
    assert broken(read("", last=6.0)) == {"done-missing", "content-required", "time-to-first"}


def test_it_tells_what_the_stream_said() -> None:
    reader = ResponseReader()
    stream = (
        META
        + TEXT
        + FILE
        + 'event: replace_response\ndata: {"text": "new"}\n\n'
        + TEXT
        + REPLY
        + DATA
        + 'event: json\ndata: {"a": 1}\n\n'
        + "event: dance\ndata: {}\n\n"
        + 'event: error\ndata: {"text": "no", "allow_retry": false, "error_type": "insufficient_fund"}\n\n'
        + DONE
    )
    file = File(url="u", name="n", content_type="image/png", inline_ref="ref")
    error = ErrorEvent(text="no", allow_retry=False, error_type="insufficient_fund")
    assert reader.feed(stream.encode()) == [
        Meta(),
        Text("hi"),
        file,
        ReplaceResponse("new"),
        Text("hi"),
        SuggestedReply("a"),
        Data("x"),
        Json({"a": 1}),
        Unknown("dance", {}),
        error,
        Done(),
    ]
    assert reader.text == "newhi"
    assert (reader.meta, reader.error, reader.data) == (Meta(), error, "x")
    assert (reader.files, reader.suggested_replies) == ([file], ["a"])


def test_an_error_without_fields_may_be_retried() -> None:
    reader = read(META + "event: error\ndata: {}\n\n" + DONE)
    assert reader.error == ErrorEvent(text="", allow_retry=True)
    assert reader.clean


def test_done_counts_even_with_data_that_is_no_json() -> None:
    reader = read(META + TEXT + "event: done\ndata: \n\n")
    assert broken(reader) == {"data-json"}


def test_a_boolean_is_no_text_and_a_number_no_boolean() -> None:
    for data in ('{"text": true}', "{}", '{"text": null}'):
        assert broken(read(META + f"event: text\ndata: {data}\n\n" + TEXT + DONE)) == {"event-fields"}
    assert "event-fields" in broken(read('event: meta\ndata: {"suggested_replies": 1}\n\n' + TEXT + DONE))


def test_bytes_that_are_no_utf8_break_the_framing() -> None:
    assert broken(read(META.encode() + b'event: text\ndata: {"text": "\xff"}\n\n' + DONE.encode())) == {"sse-framing"}


def test_a_line_without_end_is_noted_and_raised() -> None:
    reader = ResponseReader(max_line=50)
    with pytest.raises(SSEError):
        reader.feed(b"data: " + b"x" * 100)
    assert broken(reader) == {"sse-framing"}


def test_a_violation_tells_where_and_when() -> None:
    reader = ResponseReader(now=10.0)
    reader.feed((META + TEXT).encode(), 11.0)
    reader.feed(META.encode(), 12.5)
    (violation,) = reader.violations
    assert (violation.rule.id, violation.event, violation.seconds) == ("meta-once", 3, 2.5)


def test_deeply_nested_data_is_no_json_and_no_crash() -> None:
    assert broken(read(META + "event: text\ndata: " + "[" * 100_000 + "\n\n" + TEXT + DONE)) == {"data-json"}
