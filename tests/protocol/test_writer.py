from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from poe_asgi.errors import ConfigurationError, LimitError, ResponseError
from poe_asgi.protocol import (
    Data,
    Done,
    ErrorEvent,
    Event,
    File,
    Limits,
    Meta,
    ReplaceResponse,
    ResponseReader,
    ResponseWriter,
    State,
    StreamEvent,
    SuggestedReply,
    Text,
)

FILE = File(url="https://x.test/a.png", name="a.png", content_type="image/png", inline_ref="a")


class Answer:
    """A writer, and a reader of all it lets go."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.writer = ResponseWriter(self.limits)
        self.reader = ResponseReader(self.limits)
        self.events: list[StreamEvent] = []
        self.raw = b""
        self.writer.open(Meta())

    def take(self, now: float = 0.0) -> list[StreamEvent]:
        raw = self.writer.take(now)
        self.raw += raw
        new = self.reader.feed(raw, now)
        self.events += new
        return new

    def finish(self, now: float = 0.0) -> list[StreamEvent]:
        self.writer.finish()
        self.take(now)
        self.reader.end(now)
        assert self.reader.clean, self.reader.violations
        return self.events[1:]


def test_the_golden_answer() -> None:
    answer = Answer()
    for event in (
        Text("a\u2028\ud800"),
        ReplaceResponse('"b"'),
        FILE,
        SuggestedReply("again"),
        Data('{"x":1}'),
        Text("data: {}\n\n"),
    ):
        answer.writer.send(event)
    answer.writer.fail(ErrorEvent(text="no", allow_retry=False, error_type="user_caused_error"))
    answer.writer.finish()
    answer.take()
    assert answer.raw == (
        b'event: meta\r\ndata: {"content_type": "text/markdown", "suggested_replies": false}\r\n\r\n'
        b'event: text\r\ndata: {"text": "a\\u2028\\ud800"}\r\n\r\n'
        b'event: replace_response\r\ndata: {"text": "\\"b\\""}\r\n\r\n'
        b'event: file\r\ndata: {"url": "https://x.test/a.png", "content_type": "image/png", "name": "a.png", '
        b'"inline_ref": "a"}\r\n\r\n'
        b'event: suggested_reply\r\ndata: {"text": "again"}\r\n\r\n'
        b'event: data\r\ndata: {"metadata": "{\\"x\\":1}"}\r\n\r\n'
        b'event: text\r\ndata: {"text": "data: {}\\n\\n"}\r\n\r\n'
        b'event: error\r\ndata: {"text": "no", "allow_retry": false, "error_type": "user_caused_error"}\r\n\r\n'
        b"event: done\r\ndata: {}\r\n\r\n"
    )


def test_meta_carries_deprecated_fields_only_when_they_are_set() -> None:
    writer = ResponseWriter(Limits())
    writer.open(Meta(content_type="text/plain", suggested_replies=True, linkify=False, refetch_settings=True))
    assert b'{"content_type": "text/plain", "suggested_replies": true, "linkify": false, "refetch_settings": true}' in (
        writer.take(0)
    )


def test_adjacent_text_that_is_ready_together_is_one_event() -> None:
    answer = Answer()
    for text in ("a", "", "b", "c"):
        answer.writer.text(text)
    assert answer.take()[1:] == [Text("abc")]
    answer.writer.text("d")
    assert answer.take() == [Text("d")]


def test_adjacent_replaces_collapse_to_the_last_and_order_is_kept() -> None:
    answer = Answer()
    for event in (Text("a"), ReplaceResponse("b"), ReplaceResponse("c"), Text("d"), SuggestedReply("e"), Text("f")):
        answer.writer.send(event)
    assert answer.finish() == [
        Text("a"),
        ReplaceResponse("c"),
        Text("d"),
        SuggestedReply("e"),
        Text("f"),
        Done(),
    ]


@pytest.mark.parametrize("state", [State.IDLE, State.FAILED, State.DONE])
@pytest.mark.parametrize("event", [Text("x"), ReplaceResponse("x"), SuggestedReply("x"), FILE, Data("x")])
def test_content_outside_an_open_answer_raises_and_changes_nothing(state: State, event: Event) -> None:
    writer = ResponseWriter(Limits())
    if state is not State.IDLE:
        writer.open(Meta())
        writer.fail(ErrorEvent(text="no"))
    if state is State.DONE:
        writer.finish()
    before = writer.take(0)
    with pytest.raises(ResponseError) as caught:
        writer.send(event)
    assert caught.value.rule == {State.IDLE: "meta-first", State.FAILED: "error-ends", State.DONE: "done-last"}[state]
    assert writer.state is state
    assert writer.take(0) == b""
    assert (before == b"") == (state is State.IDLE)


def test_a_second_meta_a_second_error_and_a_second_done_are_refused() -> None:
    writer = ResponseWriter(Limits())
    with pytest.raises(ResponseError, match="meta"):
        writer.fail(ErrorEvent(text="no"))
    with pytest.raises(ResponseError, match="meta"):
        writer.finish()
    writer.open(Meta())
    with pytest.raises(ResponseError, match="once"):
        writer.open(Meta())
    writer.fail(ErrorEvent(text="no"))
    with pytest.raises(ResponseError):
        writer.fail(ErrorEvent(text="no"))
    writer.finish()
    with pytest.raises(ResponseError):
        writer.finish()


def test_an_answer_without_any_event_cannot_be_finished() -> None:
    answer = Answer()
    with pytest.raises(ResponseError) as caught:
        answer.writer.finish()
    assert caught.value.rule == "content-required"
    assert answer.writer.state is State.OPEN


def test_an_empty_text_counts_as_an_event() -> None:
    answer = Answer()
    answer.writer.text("")
    assert answer.take() == [Meta()]
    assert answer.finish() == [Text(""), Done()]


@pytest.mark.parametrize("event", [ReplaceResponse("x"), SuggestedReply("x"), FILE, Data("x")])
def test_an_answer_without_text_gets_an_empty_one(event: Event) -> None:
    answer = Answer()
    answer.writer.send(event)
    assert answer.finish() == [event, Text(""), Done()]


def test_text_beyond_the_character_limit_changes_nothing_and_tells_what_fits() -> None:
    answer = Answer(Limits(characters=5))
    answer.writer.text("abc")
    with pytest.raises(LimitError) as caught:
        answer.writer.text("defg")
    assert (caught.value.rule, caught.value.fits) == ("text-limit", "de")
    assert answer.finish() == [Text("abc"), Done()]


def test_a_replace_starts_the_count_anew_and_one_that_does_not_fit_is_refused() -> None:
    answer = Answer(Limits(characters=5))
    answer.writer.text("abcde")
    answer.writer.replace("xyz")
    answer.writer.text("!!")
    with pytest.raises(LimitError):
        answer.writer.replace("123456")
    assert answer.writer.text_sum_exceeded
    assert answer.finish() == [Text("abcde"), ReplaceResponse("xyz"), Text("!!"), Done()]
    assert [violation.rule.id for violation in answer.reader.violations] == ["text-sum"]


def test_one_file_more_than_the_limit_is_refused() -> None:
    answer = Answer(Limits(files=2))
    answer.writer.send(FILE)
    answer.writer.send(FILE)
    with pytest.raises(LimitError) as caught:
        answer.writer.send(FILE)
    assert caught.value.rule == "file-limit"
    assert answer.finish() == [FILE, FILE, Text(""), Done()]


def test_events_that_cannot_merge_leave_room_for_the_ending() -> None:
    answer = Answer(Limits(events=10))
    for _ in range(6):
        answer.writer.send(SuggestedReply("x"))
    with pytest.raises(LimitError) as caught:
        answer.writer.send(SuggestedReply("x"))
    assert caught.value.rule == "event-limit"
    answer.writer.text("the last words")
    answer.writer.fail(ErrorEvent(text="no"))
    answer.finish()
    assert answer.reader.events == 10


def test_the_visible_text_can_be_read_back() -> None:
    answer = Answer()
    assert answer.writer.visible_text(0) == ""
    answer.writer.text("abc")
    assert answer.writer.visible_text(2) == "ab"
    answer.take()
    answer.writer.text("def")
    assert (answer.writer.visible, answer.writer.visible_text(6)) == (6, "abcdef")
    answer.writer.replace("xyz")
    assert answer.writer.visible_text(3) == "xyz"
    answer.take()
    answer.writer.text("!")
    assert answer.writer.visible_text(4) == "xyz!"


def test_text_beyond_what_is_kept_cannot_be_read_back() -> None:
    answer = Answer(Limits(characters=2_000_000))
    answer.writer.text("x" * 512_001)
    answer.take()
    with pytest.raises(LimitError):
        answer.writer.visible_text(1)
    answer.writer.replace("again")
    answer.take()
    answer.writer.text("!")
    assert answer.writer.visible_text(6) == "again!"


# ---- the event budget


def relay(count: int, interval: float, limits: Limits) -> tuple[Answer, float, float]:
    """A character every so often, with a driver that takes when something came and when a held run is due."""
    answer, now, longest, last = Answer(limits), 0.0, 0.0, 0.0
    for index in range(count):
        arrival = index * interval
        while (held := answer.writer.held_until) is not None and held <= arrival:
            now = held
            if answer.take(now):
                longest, last = max(longest, now - last), now
        now = arrival
        answer.writer.text("x")
        if answer.take(now):
            longest, last = max(longest, now - last), now
    answer.finish(now)
    return answer, longest, now


@pytest.mark.parametrize("interval", [0.0, 0.001, 0.01, 0.035])
def test_a_hundred_thousand_characters_one_by_one_stay_within_the_events(interval: float) -> None:
    answer, longest, _ = relay(100_000, interval, Limits())
    assert answer.reader.text == "x" * 100_000
    assert answer.reader.events <= 10_000
    assert longest <= 3600 / 5000 + interval  # half the events, spread over all the time


def test_until_half_the_events_are_used_text_goes_out_at_once() -> None:
    answer = Answer(Limits(events=100))
    for _ in range(49):
        answer.writer.text("x")
        assert answer.take(1.0)[-1] == Text("x")
    answer.writer.text("x")
    assert answer.take(1.0) == []
    assert answer.writer.held_until is not None


def test_a_held_run_leaves_when_its_share_of_the_time_has_passed() -> None:
    answer = Answer(Limits(events=100, total_seconds=101))
    for _ in range(50):
        answer.writer.text("x")
        answer.take(0.0)
    due = answer.writer.held_until
    assert due is not None
    assert due == pytest.approx(100 / 47)
    assert answer.take(due - 0.01) == []
    assert answer.take(due) == [Text("x")]


def test_a_held_run_leaves_when_it_has_its_share_of_the_characters() -> None:
    answer = Answer(Limits(events=100, characters=519))
    for _ in range(49):
        answer.writer.text("x")
        answer.take(0.0)
    for _ in range(9):
        answer.writer.text("x")
        assert answer.take(0.0) == []
    answer.writer.text("x")
    assert answer.take(0.0) == [Text("x" * 10)]  # 470 characters left, 47 events


def test_any_other_event_flushes_a_held_run_before_it() -> None:
    answer = Answer(Limits(events=100))
    for _ in range(50):
        answer.writer.text("x")
        answer.take(0.0)
    assert answer.writer.held_until is not None
    answer.writer.send(SuggestedReply("y"))
    assert answer.take(0.0) == [Text("x"), SuggestedReply("y")]


def test_when_no_event_is_left_text_and_replaces_merge_into_what_the_user_would_see() -> None:
    answer = Answer(Limits(events=6))
    events: list[Event] = [Text("a"), Text("b"), ReplaceResponse("c"), Text("d"), ReplaceResponse("e"), Text("f")]
    for now, event in enumerate(events):
        answer.writer.send(event)
        answer.take(float(now))
    answer.finish(6.0)
    assert answer.reader.text == "ef"
    assert answer.reader.events <= 6


CONTENT = st.one_of(
    st.builds(Text, st.text(max_size=8)),
    st.builds(ReplaceResponse, st.text(max_size=8)),
    st.builds(SuggestedReply, st.text(max_size=3)),
    st.builds(Data, st.text(max_size=3)),
    st.just(FILE),
)


def visible(events: list[Event]) -> str:
    text = ""
    for event in events:
        match event:
            case Text(new):
                text += new
            case ReplaceResponse(new):
                text = new
    return text


@settings(max_examples=300)
@given(
    st.lists(st.tuples(CONTENT, st.floats(0, 3), st.booleans())),
    st.builds(
        Limits,
        total_seconds=st.floats(0.5, 100),
        characters=st.integers(1, 60),
        events=st.integers(4, 40),
        files=st.integers(0, 3),
    ),
    st.booleans(),
)
def test_whatever_is_sent_the_reader_finds_it_clean(
    steps: list[tuple[Event, float, bool]], limits: Limits, fails: bool
) -> None:
    answer, now, accepted = Answer(limits), 0.0, list[Event]()
    answer.take()  # meta, at once
    for event, pause, takes in steps:
        now += pause
        if now >= answer.writer.deadline:
            break
        try:
            answer.writer.send(event)
        except LimitError as exc:
            answer.writer.text(exc.fits)
            accepted.append(Text(exc.fits))
            fails = True
            break
        accepted.append(event)
        if takes:
            answer.take(now)
    if fails or not accepted:
        answer.writer.fail(ErrorEvent(text="no"))
    now = min(now, answer.writer.deadline)
    answer.finish(now)
    assert answer.reader.text == visible(accepted)
    assert answer.reader.files == [event for event in accepted if isinstance(event, File)]
    assert answer.reader.suggested_replies == [event.text for event in accepted if isinstance(event, SuggestedReply)]


@pytest.mark.parametrize(
    ("name", "value"), [("events", 3), ("characters", 0), ("files", -1), ("total_seconds", 0), ("ping_seconds", "1")]
)
def test_limits_that_cannot_work_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_a_wrong_name_of_a_limit_is_refused_with_the_right_one() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'characters'"):
        Limits(character=5)  # type: ignore[call-arg]


# ---- a promised meta

ERROR = ErrorEvent(text="No.")


def promising(until: float = 4, **limits: Any) -> ResponseWriter:
    writer = ResponseWriter(Limits(**limits))
    writer.promise(Meta(), until)
    return writer


def test_a_promised_meta_leaves_when_it_is_due() -> None:
    writer = promising()
    assert (writer.take(3), writer.held_until) == (b"", 4)
    assert writer.take(4).startswith(b"event: meta")
    assert (writer.take(5), writer.held_until) == (b"", None)


@pytest.mark.parametrize(
    "say",
    [
        lambda writer: writer.text("x"),
        lambda writer: writer.replace("x"),
        lambda writer: writer.send(Data("x")),
        lambda writer: writer.fail(ERROR),
    ],
)
def test_a_promised_meta_leaves_before_whatever_comes_first(say: Callable[[ResponseWriter], None]) -> None:
    writer = promising()
    say(writer)
    assert re.findall(rb"event: (\w+)", writer.take(0))[0] == b"meta"


def test_another_meta_takes_the_place_of_a_promised_one_until_something_was_said() -> None:
    writer = promising()
    writer.open(Meta(content_type="text/plain"))
    assert b"text/plain" in writer.take(0)
    with pytest.raises(ResponseError, match="meta"):
        writer.open(Meta())
    said = promising()
    said.text("")
    with pytest.raises(ResponseError, match="meta"):
        said.open(Meta())


def test_a_promised_meta_counts_as_an_event() -> None:
    writer = promising(events=6)
    for _ in range(2):
        writer.send(Data("x"))
    with pytest.raises(LimitError):
        writer.send(Data("x"))
    writer.fail(ERROR)
    writer.finish()
    assert writer.take(0).count(b"event: ") == 5
