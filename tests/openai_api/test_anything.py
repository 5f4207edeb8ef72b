"""Whatever a bot says and whatever a caller sends."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings, strategies as st

from poe_asgi import ReplaceResponse, create_app
from tests.support import KEY

from .support import USER, complete, deltas, message_of, post, saying, stepping

TEXT = st.text(max_size=5)
ITEMS = st.lists(st.one_of(TEXT, st.builds(ReplaceResponse, TEXT)), min_size=1, max_size=8)
FIELDS = (
    *("model", "messages", "role", "content", "type", "text", "tools", "function", "stop", "stream", "logit_bias"),
    *("image_url", "url", "file", "file_data", "tool_calls", "tool_call_id", "name", "stream_options", "user", "n"),
)
WORDS = ("Echo", "user", "assistant", "tool", "text", "image_url", "file", "data:text/plain;base64,?", "data:,x", "f")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(WORDS), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text()), inner, max_size=5)
    ),
    max_leaves=15,
)


def seen(items: list[str | ReplaceResponse]) -> str:
    text = ""
    for item in items:
        text = item.text if isinstance(item, ReplaceResponse) else text + item
    return text


@given(ITEMS)
@settings(deadline=None)
def test_a_whole_answer_is_what_a_user_would_see(items: list[str | ReplaceResponse]) -> None:
    for bot in (saying(*items), stepping(*items)):
        assert message_of(asyncio.run(complete(bot)))["content"] == seen(items)


@given(ITEMS)
@settings(deadline=None)
def test_a_stream_is_what_a_user_would_see_since_it_last_started(items: list[str | ReplaceResponse]) -> None:
    for bot in (saying(*items), stepping(*items)):
        text = ""
        for delta in deltas(asyncio.run(complete(bot, stream=True))):
            added = delta.get("content") or ""
            text = added.removeprefix("\n\n---\n\n") if delta.get("restart") else text + added
        assert text == seen(items)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6), st.lists(JSON, max_size=3))
@settings(deadline=None)
def test_any_body_is_answered_or_refused_in_the_words_of_the_api(body: dict[str, Any], messages: list[Any]) -> None:
    app = create_app(saying("ok"), openai=True, access_key=KEY)
    for sent in (body, {"model": "Echo", "messages": [*messages, *USER], **body}, {**body, "model": "Echo"}):
        exchange = asyncio.run(post(app, sent))
        assert exchange.status in {200, 400, 404}
        if exchange.status != 200:
            assert set(exchange.json["error"]) == {"message", "type", "param", "code"}


@given(JSON, JSON)
@settings(deadline=None)
def test_any_message_is_read_or_refused(content: Any, other: Any) -> None:
    app = create_app(saying("ok"), openai=True, access_key=KEY)
    for message in (
        {"role": "user", "content": content},
        {"role": "user", "content": [content, other]},
        {"role": "assistant", "content": content, "tool_calls": other},
        {"role": "assistant", "tool_calls": [other]},
        {"role": "user", "content": [{"type": "file", "file": content}, {"type": "image_url", "image_url": other}]},
        {"role": "user", "content": "x", "name": content},
    ):
        exchange = asyncio.run(post(app, {"model": "Echo", "messages": [message], "stream": False}))
        assert exchange.status in {200, 400}
