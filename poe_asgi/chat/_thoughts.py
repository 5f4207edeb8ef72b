"""How the thoughts of a model are shown beside its answer, both as they come."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from ..errors import ConfigurationError, did_you_mean

Presentation: TypeAlias = Literal["hide", "show", "quote"]


class Thoughts:
    """Makes one text of the thoughts and the text of an answer.

    ``hide`` leaves the thoughts out, ``show`` has them as paragraphs of their own, ``quote`` as block quotes of
    Markdown. A blank line stands between them and the text, before and after; so line breaks at the beginning of
    thoughts, at their end, and at the beginning of the text after them are left out. Line breaks in thoughts are LF.
    However the two are cut, what comes out is the same. Raises ConfigurationError for another presentation.
    """

    def __init__(self, presentation: Presentation = "hide") -> None:
        known = get_args(Presentation)
        if presentation not in known:
            raise ConfigurationError(
                f"Thoughts are shown in one of the ways {', '.join(known)}, not {presentation!r:.100}."
                + did_you_mean(str(presentation), known)
            )
        self._hidden = presentation == "hide"
        self._prefix = "> " if presentation == "quote" else ""
        self._thinking = False
        self._after_cr = False
        self._held = 0  # line breaks at the end of the thoughts: they go out if more thoughts follow
        self._said = False
        self._text_breaks = 0  # line breaks at the end of the text

    def thought(self, text: str) -> str:
        """What goes out for the next piece of thoughts."""
        if self._hidden or not text:
            return ""
        text = self._with_lf(text)
        if self._thinking:
            text = "\n" * self._held + text
            before = ""
        else:
            text = text.lstrip("\n")
            before = "\n" * max(0, 2 - self._text_breaks) * self._said + self._prefix
        shown = text.rstrip("\n")
        self._held = len(text) - len(shown)
        if not shown:
            return ""
        self._thinking = True
        return before + shown.replace("\n", f"\n{self._prefix}")

    def text(self, text: str) -> str:
        """What goes out for the next piece of the answer's text."""
        before = ""
        if self._thinking:
            text = text.lstrip("\r\n")
            before = "\n\n"
        if not text:
            return ""
        self._thinking, self._after_cr, self._held, self._said = False, False, 0, True
        ended = text.rstrip("\r\n")
        self._text_breaks = text.count("\n", len(ended)) + (0 if ended else self._text_breaks)
        return before + text

    def _with_lf(self, text: str) -> str:
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n")
