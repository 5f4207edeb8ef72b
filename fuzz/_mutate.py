"""Inputs that stay JSON: half of the time one value in an input is changed, and not its bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**31,
        2**63,
        10**400,
        1e308,
        "",
        "a",
        "\n",
        "\x1b[2J",
        "\ud800",
        "\u2028",
        "__x__",
    ),
    *("0", "null", "https://e.com/a.png", "data:image/png;base64,AA", "x" * 300, [], {}, [None], {"": None}, [[[[]]]]),
]

Mutator = Callable[[bytes, int, int], bytes]


def mutator(prefix: int) -> Mutator:
    """A custom mutator for inputs that are JSON after ``prefix`` bytes."""

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            try:
                value = json.loads(data[prefix:])
                changed = data[:prefix] + json.dumps(_changed(value, chance)).encode("ascii")
            except (ValueError, RecursionError):
                pass
            else:
                if len(changed) <= longest:
                    return changed
        return bytes_changed(data, chance)[:longest]

    return mutated


def bytes_changed(data: bytes, chance: random.Random) -> bytes:
    raw = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                raw[at:at] = chance.choice(
                    [b'"', b"\\", b"[", b"{", b"}", b",", b":", b"\n", b"\xff", b"1e999", b"NaN"]
                )
            case 2:
                del raw[at : at + chance.randrange(1, 9)]
            case _:
                other = chance.randrange(len(raw) + 1)
                raw[at:at] = raw[other : other + chance.randrange(1, 33)]
    return bytes(raw)


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with a change somewhere in it."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys: Any = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(keys)
        match chance.randrange(8):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[chance.choice(["", "new", "\n", f"{key}x"])] = value[key]
            case 1 | 2:
                other = value[chance.choice(keys)]
                if isinstance(value, dict):
                    value[key] = other
                else:
                    value.insert(key, json.loads(json.dumps(other)))
            case _:
                value[key] = _changed(value[key], chance)
        return value
    if isinstance(value, str) and value and chance.random() < 0.4:
        at = chance.randrange(len(value))
        return value[:at] + chance.choice(["", "\n", '"', "\\", "`", "\x85", "\ud83d", value]) + value[at + 1 :]
    return chance.choice(ODD)
