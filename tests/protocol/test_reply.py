"""`Reply`: how it reads, and what makes two of them equal."""

from __future__ import annotations

from dataclasses import replace

from poe_asgi.protocol import Done, ErrorEvent, File, Meta, Reply, ResponseReader, Text


def test_a_reply_reads_as_what_there_is() -> None:
    file = File(url="u", name="n", content_type="t")
    error = ErrorEvent(text="No.", allow_retry=False)
    assert repr(Reply(meta=Meta())) == "Reply(text='')"
    assert (
        repr(Reply(text="x", data="", suggested_replies=("a",))) == "Reply(text='x', suggested_replies=('a',), data='')"
    )
    assert repr(Reply(files=(file,), error=error)) == f"Reply(text='', files=({file!r},), error={error!r})"
    plain = Meta(content_type="text/plain")
    assert repr(Reply(text="x", meta=plain)) == f"Reply(text='x', meta={plain!r})"


def test_broken_rules_read_as_their_ids() -> None:
    reader = ResponseReader()
    reader.feed(b'event: text\ndata: {"text": "x"}\n\nevent: done\ndata: {}\n\n')
    reader.end()
    assert repr(Reply.of(reader, [])) == "Reply(text='x', violations=('meta-first',))"


def test_times_neither_show_nor_make_a_difference() -> None:
    reply = Reply(text="x", events=(Meta(), Text("x"), Done()), seconds=1.5, first_event_seconds=0.5)
    later = replace(reply, seconds=2.5, first_event_seconds=1.5)
    assert reply == later
    assert repr(reply) == repr(later) == "Reply(text='x')"
    assert reply != replace(reply, events=(Meta(), Text(""), Text("x"), Done()))
