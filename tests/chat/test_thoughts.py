"""Thoughts beside an answer, as both come."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from poe_asgi import ConfigurationError
from poe_asgi.chat._thoughts import Presentation, Thoughts

THOUGHT, TEXT = True, False
Pieces = list[tuple[bool, str]]


def shown(presentation: Presentation, pieces: Pieces) -> str:
    thoughts = Thoughts(presentation)
    return "".join(thoughts.thought(piece) if kind is THOUGHT else thoughts.text(piece) for kind, piece in pieces)


ONE: Pieces = [(THOUGHT, "First,\n\nthen"), (TEXT, "Yes.")]
TWICE: Pieces = [*ONE, (THOUGHT, "Hm"), (TEXT, "No.\n"), (THOUGHT, "Oh"), (TEXT, "Well.\n\n\n"), (THOUGHT, "End")]


def test_hidden_thoughts_leave_the_text_as_it_is() -> None:
    assert shown("hide", [(TEXT, "\n"), *TWICE, (TEXT, "\n x")]) == "\nYes.No.\nWell.\n\n\n\n x"


def test_shown_thoughts_are_paragraphs_of_their_own() -> None:
    assert shown("show", ONE) == "First,\n\nthen\n\nYes."
    assert shown("show", TWICE) == "First,\n\nthen\n\nYes.\n\nHm\n\nNo.\n\nOh\n\nWell.\n\n\nEnd"


def test_quoted_thoughts_have_the_mark_before_every_line() -> None:
    assert shown("quote", ONE) == "> First,\n> \n> then\n\nYes."
    assert shown("quote", TWICE) == "> First,\n> \n> then\n\nYes.\n\n> Hm\n\nNo.\n\n> Oh\n\nWell.\n\n\n> End"


def test_line_breaks_between_thoughts_and_text_are_one_blank_line() -> None:
    pieces: Pieces = [(THOUGHT, "\n\nA"), (THOUGHT, "\n"), (THOUGHT, "\n"), (TEXT, "\n"), (TEXT, "\r\nB")]
    assert shown("quote", pieces) == "> A\n\nB"
    assert shown("show", pieces) == "A\n\nB"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_kind_of_line_break_keeps_the_quote_whole(end: str) -> None:
    assert shown("quote", [(THOUGHT, f"a{end}b")]) == "> a\n> b"
    assert shown("quote", [(THOUGHT, character) for character in f"a{end}b"]) == "> a\n> b"


def test_thoughts_alone_and_text_alone_stay_so() -> None:
    assert shown("quote", [(THOUGHT, "a"), (TEXT, ""), (THOUGHT, "b"), (TEXT, "\n"), (THOUGHT, "c")]) == "> abc"
    assert shown("quote", [(TEXT, "\n\na"), (THOUGHT, ""), (THOUGHT, "\n"), (TEXT, "b\n")]) == "\n\nab\n"


def test_a_thought_goes_out_as_it_comes() -> None:
    thoughts = Thoughts("quote")
    assert [thoughts.thought(piece) for piece in ("a", " b\n", "c")] == ["> a", " b", "\n> c"]
    assert thoughts.text("d") == "\n\nd"


@pytest.mark.parametrize("wrong", ["quoted", "", None, True])
def test_another_presentation_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="hide, show, quote"):
        Thoughts(wrong)


PIECES = st.lists(st.tuples(st.booleans(), st.text("ab \n\r>", max_size=12)), max_size=6)


@given(st.sampled_from(["hide", "show", "quote"]), PIECES, st.data())
def test_however_the_deltas_are_cut_the_same_goes_out(
    presentation: Presentation, pieces: Pieces, data: st.DataObject
) -> None:
    joined = [
        (kind, "".join(piece for _, piece in group))
        for kind, group in groupby([each for each in pieces if each[1]], key=lambda each: each[0])
    ]
    cut: Pieces = []
    for kind, piece in joined:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(piece)))))
        cut += [(kind, piece[a:b]) for a, b in pairwise([0, *cuts, len(piece)])]
    assert shown(presentation, cut) == shown(presentation, joined)


@given(st.text("ab \n\r>", min_size=1))
def test_no_line_of_a_quote_is_without_its_mark(thought: str) -> None:
    assert all(
        line.startswith("> ") for line in shown("quote", [(THOUGHT, thought)]).split("\n") if thought.strip("\r\n")
    )
