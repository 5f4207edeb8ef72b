"""Finding the JSON in a model's answer: alone, in a fenced block or in prose, and maybe a little wrong.

The work grows with the length of the text, whatever is in it, and nesting costs no stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

MAX_CANDIDATES = 100  # of each kind
MAX_SEARCHED = 1_000_000  # characters; Poe's own limit of an answer is half of that
_BLANK = " \t\r\n\u00a0\u200b\ufeff"

# Reasoning that an answer begins with. Some models leave the opening tag out; the other one then begins or ends a line,
# as it never does in a string of JSON.
_THOUGHTS = re.compile(
    r"""(?:\s*<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z))+
    | .*?(?:\n[ \t]*+</think(?:ing)?> | </think(?:ing)?>[ \t]*+\n)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_INFO = re.compile(r"[ \t]*+(?:[\w+-]*+[ \t]*+\r?\n|json[5c]?\b)", re.IGNORECASE)

# A bracket opens JSON only where something follows that JSON can begin with; `[link](…)` and `{name}` are prose.
_START = re.compile(
    r"""\{(?=\s*+(?:["'}/#] | \Z))
    | \[(?=\s*+(?:["'{\[\]/#] | -?\d | (?:true|false|null|True|False|None|NaN|-?Infinity)\b | \Z))""",
    re.VERBOSE,
)
# Strings end with their line, so that a stray quote cannot hide more than that. Escapes stand here also outside of
# strings: no quote is looked at twice, and the search stays linear.
_MARK = re.compile(
    r"""[\[{\]}] | "[^"\\\n]*+(?:\\.[^"\\\n]*+)*+" | '[^'\\\n]*+(?:\\.[^'\\\n]*+)*+' | \\.""", re.VERBOSE
)

_STRING = r""""[^"\\]*+(?:\\.[^"\\]*+)*+" | '[^'\\]*+(?:\\.[^'\\]*+)*+'"""
_COMMENT = r"//[^\n]*+ | \#[^\n]*+ | /\*.*?(?:\*/|\Z)"
_ODD = re.compile(
    rf"(?P<string>{_STRING}) | (?P<comment>{_COMMENT}) | \b(?:True|False|None)\b | \\.",
    re.VERBOSE | re.DOTALL,
)
_COMMA = re.compile(rf"(?P<string>{_STRING}) | (?P<comma>,(?=\s*+[\]}}])) | \\.", re.VERBOSE | re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null"}

_IN_STRING = re.compile(
    r"""\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}   # two halves of a character
    | (?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})
    | \\u[0-9a-fA-F]{4} | \\["\\/bfnrt]
    | \\x(?P<hex>[0-9a-fA-F]{2}) | \\(?P<escaped>.) | (?P<quote>") | (?P<control>[\x00-\x1f])""",
    re.VERBOSE | re.DOTALL,
)


def json_texts(answer: str) -> Iterator[str]:
    """What may be the JSON that an answer holds, the likeliest first: all of it, fenced blocks, what stands in prose.

    Each comes as it is, then mended if there is something to mend: comments, commas before a closing bracket, single
    quotes, True, False and None, line breaks and wrong escapes in strings. No text comes twice. What comes need not be
    valid JSON. In reasoning before the answer, ``<think>…</think>``, nothing is looked for. An answer of more than
    `MAX_SEARCHED` characters comes only as it is.
    """
    seen: set[str] = set()
    for found in _found(answer):
        for text in (found, _mended(found) if len(answer) <= MAX_SEARCHED else found):
            if text not in seen:
                seen.add(text)
                yield text


def bare_texts(answer: str) -> Iterator[str]:
    """The answer without its reasoning, then what stands in its fenced blocks."""
    answer = _without_thoughts(answer)
    yield answer.strip(_BLANK)
    for block in answer.split("```", 2 * MAX_CANDIDATES)[1::2]:
        info = _INFO.match(block)
        yield block[info.end() if info else 0 :].strip(_BLANK)


def is_cut(answer: str) -> bool:
    """Whether the answer ends within JSON."""
    return len(answer) <= MAX_SEARCHED and any(end is None for _, end in _spans(_without_thoughts(answer)))


def _found(answer: str) -> Iterator[str]:
    yield answer.strip(_BLANK)
    if len(answer) > MAX_SEARCHED:
        return
    yield from bare_texts(answer)
    answer = _without_thoughts(answer)
    for start, end in islice(_spans(answer), MAX_CANDIDATES):
        if end is not None:
            yield answer[start:end]


def _without_thoughts(answer: str) -> str:
    thoughts = _THOUGHTS.match(answer)
    return answer[thoughts.end() :] if thoughts else answer


def _spans(text: str) -> Iterator[tuple[int, int | None]]:
    """Where outermost brackets open and close. An end of None is one that does not close; nothing follows it.

    What stands inside one that does not close is a part of an answer, never the answer.
    """
    end: int | None = 0
    while end is not None and (start := _START.search(text, end)):
        end = _closing(text, start.start())
        yield start.start(), end


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] in "[{":
            depth += 1
        elif mark[0] in "]}":
            depth -= 1
            if not depth:
                return mark.end()
    return None


def _mended(text: str) -> str:
    return _COMMA.sub(_without_comma, _ODD.sub(_as_json, text))


def _as_json(match: re.Match[str]) -> str:
    if token := match["string"]:
        return f'"{_IN_STRING.sub(_in_string, token[1:-1])}"'
    if match["comment"]:
        return " "
    return _WORDS.get(match[0], match[0])


def _without_comma(match: re.Match[str]) -> str:
    return "" if match["comma"] else match[0]


def _in_string(match: re.Match[str]) -> str:
    if match["half"]:
        return "\\ufffd"
    if match["hex"]:
        return f"\\u00{match['hex']}"
    if match["quote"]:
        return '\\"'
    if match["control"]:
        return f"\\u{ord(match[0]):04x}"
    match match["escaped"]:
        case None:
            return match[0]
        case "'":
            return "'"
        case "\n":  # a line goes on
            return ""
        case other:  # a backslash that is meant as one, as in `C:\Users` and `\(x\)`
            return "\\\\" + _IN_STRING.sub(_in_string, other)
