"""Saved conversations that are opened again, and the tests that are written of them.

Property: RefusedError alone is raised; what was read can be sent to a bot and shown; a literal that is written into a
test is read by Python as the same value, and nothing else.
"""

from __future__ import annotations

import ast
import json
from base64 import b64encode

from poe_asgi.playground._conversation import Conversation
from poe_asgi.playground._refusal import RefusedError
from poe_asgi.playground._saving import turns_of
from poe_asgi.playground._source import literal

from ._support import dump, in_time

CONVERSATION = {
    "poe_asgi_conversation": 1,
    "title": "Ti\ntle",
    "turns": [
        {
            "text": "Hi \"'''\\\n\u2028" + "x" * 100,
            "parameters": {"a": [1, None, {"b": 0.5}]},
            "files": [{"name": "a.txt", "content_type": "text/plain", "content": b64encode(b"x").decode()}],
            "answer": {"text": "Hello", "status": "done"},
        },
        {"cleared": True},
        {"text": "again"},
    ],
}
JSON_AFTER = 0  # bytes
SEEDS = [
    dump(CONVERSATION),
    dump({"poe_asgi_conversation": 2}),
    dump({"poe_asgi_conversation": 1, "title": 1, "turns": [{"text": "\ud800", "parameters": [["a", 1]]}]}),
    b'{"poe_asgi_conversation": 1, "title": "", "turns": [{"text": "", "parameters": {"a": NaN, "b": 1e999}}]}',
    b'{"poe_asgi_conversation": 1, "title": "", "turns": [{"text": "", "parameters": {"a": ' + b"[" * 90,
    b"[1]",
    b'"x"',
]


def check(data: bytes) -> None:
    with in_time():
        try:
            title, turns = turns_of(data)
        except RefusedError:
            return
        conversation = Conversation("u", title)
        for turn in turns:
            if turn.cleared:
                conversation.clear()
                continue
            question = conversation.ask(turn.text, (), turn.parameters)
            json.dumps([question.to_page(), question.message.to_wire()], allow_nan=False).encode("ascii")
            for value in (turn.text, turn.parameters, tuple(name for name, _, _ in turn.files)):
                assert ast.literal_eval(literal(value)) == value
        json.dumps(conversation.head()).encode("ascii")
