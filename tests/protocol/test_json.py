"""Reading a body: JSON that is bad, hostile or not an object is one clean refusal, never a crash of the server.

The official SDK parses without guards, so that each of these is a 500 there.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from poe_asgi.errors import RequestError
from poe_asgi.protocol._json import parse_json_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal(body: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        parse_json_object(body)
    assert caught.value.fields == ()
    assert caught.value.__context__ is None  # what it was caught from holds the body
    return str(caught.value)


def nested(depth: int, opening: str, leaf: str, closing: str) -> bytes:
    """An object that is ``depth`` containers deep, itself counted."""
    return ('{"a":' + opening * (depth - 1) + leaf + closing * (depth - 1) + "}").encode()


@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_an_object_is_read_as_json_reads_it(value: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    parsed = parse_json_object(body)
    assert parsed == value
    assert repr(parsed) == repr(json.loads(body))  # also 1, 1.0 and True apart


def test_an_empty_object_is_an_object() -> None:
    assert parse_json_object(b" {} \r\n\t") == {}


def test_of_two_equal_keys_the_later_counts() -> None:
    assert parse_json_object(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}
    assert parse_json_object(b'{"a":1,"b":"\\ud800","a":3}') == {"a": 3, "b": "\ufffd"}


@pytest.mark.parametrize("body", [b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b"\xff\xfe{\x00}\x00", b'{"\xc3":1}'])
def test_bytes_that_are_not_utf8_are_refused(body: bytes) -> None:
    assert refusal(body) == "The body is not UTF-8."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{]",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":1.}',
        b'{"a":tru}',
        b'{"a":"\x01"}',
        b'{"a":"\\x"}',
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"secret-word",
        b'{"a":%s}' % (b"1" * 5000),
        b'{"a":[-%s]}' % (b"1" * 5000),
    ],
)
def test_what_is_not_json_is_refused_without_being_quoted(body: bytes) -> None:
    assert refusal(body) == "The body is not valid JSON."


@pytest.mark.parametrize(
    "body", [b"[]", b"[{}]", b'"{}"', b"1", b"1.5", b"true", b"null", b'"\\ud800"', b"NaN", b"-Infinity"]
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(body) == "The body must be a JSON object."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 400 + ".0"])
@pytest.mark.parametrize("form", ['{"a":%s}', '{"a":[{"b":%s}]}', '{"a":%s,"b":"\\ud800"}'])
def test_numbers_that_json_cannot_express_are_refused(number: str, form: str) -> None:
    assert refusal((form % number).encode()) == "The body holds NaN, an infinity or a number beyond a float."


def test_large_numbers_that_json_can_express_are_kept() -> None:
    assert parse_json_object(b'{"a":1e308,"b":%s,"c":1e-999}' % (b"1" * 400)) == {
        "a": 1e308,
        "b": int("1" * 400),
        "c": 0.0,
    }


CHAINS = [
    ("[", "", "]"),
    ("[", "1", "]"),
    ("[", "1.5", "]"),
    ("[", '"\\ud800"', "]"),
    ('{"a":', "1.5", "}"),
    ('{"a":', '"\\ud800"', "}"),
    ("[0,", "2", "]"),
]


@pytest.mark.parametrize(("opening", "leaf", "closing"), CHAINS)
def test_64_levels_are_read_and_65_are_not(opening: str, leaf: str, closing: str) -> None:
    assert list(parse_json_object(nested(64, opening, leaf, closing))) == ["a"]
    assert refusal(nested(65, opening, leaf, closing)) == "The body nests objects and arrays more than 64 deep."


@pytest.mark.parametrize("depth", [150, 250, 5_000, 100_000])
def test_any_depth_beyond_is_refused_and_never_crashes(depth: int) -> None:
    assert refusal(nested(depth, "[", "", "]")) == "The body nests objects and arrays more than 64 deep."


def test_many_brackets_in_a_row_or_in_a_string_are_no_nesting() -> None:
    wide = {"a": [[], {}] * 1000, "b": "[{" * 1000}
    assert parse_json_object(json.dumps(wide).encode()) == wide


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        ("\\ud800", "\ufffd"),
        ("\\uDFFF", "\ufffd"),
        ("a\\udc00\\ud800b", "a\ufffd\ufffdb"),
        ("\\ud83d\\ude00", "\U0001f600"),
        ("\\ud83d\\ud83d\\ude00", "\ufffd\U0001f600"),
        ("\\\\ud800", "\\ud800"),
        ("\\ud7ff\\ue000", "\ud7ff\ue000"),
        ("\U0001f600\\ud800", "\U0001f600\ufffd"),
    ],
)
def test_a_surrogate_without_its_other_half_becomes_a_replacement_character(escaped: str, read: str) -> None:
    body = '{"@":["@",{"x":"@"},1,null]}'.replace("@", escaped)
    parsed = parse_json_object(body.encode())
    assert parsed == {read: [read, {"x": read}, 1, None]}
    json.dumps(parsed, ensure_ascii=False).encode()  # can be written again


@given(st.binary() | st.text(alphabet='{}[]",:\\ud8e1.-NaIf \n').map(str.encode))
@example(b'{"a":"\\ud8')
def test_whatever_the_bytes_they_are_read_as_json_reads_them_or_refused(body: bytes) -> None:
    try:
        parsed = parse_json_object(body)
    except RequestError:
        return
    assert b"\\ud" in body or repr(parsed) == repr(json.loads(body.decode()))
